"""What accounts does behind the pages: writing letters, applying the rules of audiences.

A letter's token is made here, so that no job row ever holds it.
"""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from accounts.services import (
    addresses,
    audiences,
    letters,
    links,
    members,
    organizations,
    people,
    people_actions,
    people_import,
    providers,
)
from accounts.services.letters import Letter
from accounts.services.people import Person, Tenant
from accounts.tables import TokenPurpose
from core import clock, files
from core.db import Session
from core.jobs import Work


def send_invitation(work: Work, user_id: str) -> None:
    """Write to somebody who has been invited, unless they have accepted meanwhile."""

    def write(session: Session, person: Person, tenant: Tenant) -> Letter | None:
        if people.status(session, person.user_id) != "invited":
            return None
        token = links.issue(session, person.user_id, TokenPurpose.INVITATION, clock.now())
        return letters.invitation(person, tenant, addresses.link("/invitation", token))

    _send(work, work.organization_id, UUID(user_id), write)


def send_verification(work: Work, user_id: str) -> None:
    """Write to somebody whose e-mail is to be proven."""

    def write(session: Session, person: Person, tenant: Tenant) -> Letter:
        token = links.issue(session, person.user_id, TokenPurpose.EMAIL_VERIFICATION, clock.now(), email=person.email)
        return letters.verification(person, tenant, addresses.link("/confirm-email", token))

    _send(work, work.organization_id, UUID(user_id), write)


def send_provider_link(work: Work, user_id: str, provider_id: str, issuer: str, subject: str, browser: str) -> None:
    """Write to somebody whom an identity provider claims to be, so that they confirm it."""

    def write(session: Session, person: Person, tenant: Tenant) -> Letter | None:
        said = {"provider_id": provider_id, "issuer": issuer, "subject": subject, "browser": browser}
        token = providers.proof_token(session, person.user_id, clock.now(), said)
        name = providers.get(session, UUID(provider_id)).name
        return None if token is None else letters.connect(person, tenant, name, addresses.link("/connect", token))

    _send(work, work.organization_id, UUID(user_id), write)


def answer_reset_request(work: Work, email: str) -> None:
    """Write to whoever has this e-mail, if anybody has."""
    with work.database.read(None) as session:
        candidates = people.sign_in_candidates(session, email)
    if not candidates:
        return
    user_id, organization_id = candidates[0]

    def write(session: Session, person: Person, tenant: Tenant) -> Letter | None:
        token = links.reset_for(session, person.user_id, clock.now())
        return None if token is None else letters.reset(person, tenant, addresses.link("/new-password", token))

    _send(work, organization_id, user_id, write)


def tell_password_changed(work: Work, user_id: str) -> None:
    """Tell somebody that their password was changed."""
    _send(
        work,
        work.organization_id,
        UUID(user_id),
        lambda _session, person, tenant: letters.password_changed(person, tenant),
    )


def tell_second_factor_reset(work: Work, user_id: str) -> None:
    """Tell somebody that their second factor was switched off."""
    _send(
        work,
        work.organization_id,
        UUID(user_id),
        lambda _session, person, tenant: letters.second_factor_reset(person, tenant),
    )


def warn_of_audit_log(work: Work, user_id: str) -> None:
    """Tell an administrator that the chain of the audit log does not hold."""
    _send(
        work,
        work.organization_id,
        UUID(user_id),
        lambda _session, person, tenant: letters.audit_log_broken(person, tenant, addresses.page("/audit/chain")),
    )


def refresh_audiences_of(work: Work, user_id: str, fields: Sequence[str] = (), **_fact: Any) -> None:
    """Apply the rules of audiences to somebody of whom something has become known.

    With another manager, also to everybody below them in the line.
    """
    person = UUID(user_id)
    with work.write() as session:
        below = members.line_below(session, person) if "manager_id" in fields else []
        audiences.refresh_people(session, [person, *below], clock.now())


def refresh_audiences(work: Work) -> None:
    """Apply the rule of every audience again: of the job's organization, or as a duty of all of them."""
    if work.organization_id is None:
        with work.read() as session:
            ids = organizations.all_ids(session)
    else:
        ids = [work.organization_id]
    for organization_id in ids:
        with work.database.write(organization_id) as session:
            audiences.refresh_all(session, clock.now())


def _send(
    work: Work,
    organization_id: UUID | None,
    user_id: UUID,
    write: Callable[[Session, Person, Tenant], Letter | None],
) -> None:
    """Commit the token's hash, then send: a letter that fails is written anew, with another token."""
    with work.database.write(organization_id) as session:
        person = people.get(session, user_id)
        letter = write(session, person, people.tenant(session))
    if letter is not None:
        work.mailer.send(person.email, *letter)


def check_import(work: Work, import_id: str) -> None:
    """Find out what a file of people would do."""
    data = _file_of(work, import_id)
    with work.write() as session:
        people_import.check(session, UUID(import_id), data)


def apply_import(work: Work, import_id: str) -> None:
    """Make people what a file says, in one transaction."""
    data = _file_of(work, import_id)
    with work.write() as session:
        people_import.apply(session, UUID(import_id), data, clock.now(), work.progress)


def undo_import(work: Work, import_id: str) -> None:
    """Put back what an import changed, in one transaction."""
    with work.write() as session:
        people_import.undo(session, UUID(import_id), clock.now())


def apply_people_action(work: Work, action_id: str) -> None:
    """Do to many people what was asked, in one transaction."""
    with work.write() as session:
        people_actions.apply(session, UUID(action_id), clock.now())


def undo_people_action(work: Work, action_id: str, by: str) -> None:
    """Put back what an action made of many people, in one transaction."""
    with work.write() as session:
        people_actions.undo(session, UUID(action_id), clock.now(), by=UUID(by))


def _file_of(work: Work, import_id: str) -> bytes:
    with work.read() as session:
        stored = files.get(session, people_import.get(session, UUID(import_id)).file_id)
    with work.files.open(stored.sha256) as file:
        return file.read()
