"""Identity providers of an organization, and the rules by which what they say becomes a person (`security.md`).

The identity is the provider's issuer and subject. An e-mail is only said: it leads to somebody of this organization
alone, and counts as theirs when an operator has vouched for its domain, when the person could lose nothing by it, or
after a letter to it has been answered from the browser that asked. A session that comes of it stays in this
organization.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from accounts.errors import ProofNeeded, StrangerRefused
from accounts.events import PersonChanged
from accounts.services import links, openid, people, sealing
from accounts.services.openid import Claims, Client, Configuration
from accounts.store import links as link_store
from accounts.store import members as member_store
from accounts.store import people as people_store
from accounts.store import providers as store
from accounts.store import sessions
from accounts.tables import IdentityProvider, MembershipStatus, ProviderIdentity, TokenPurpose
from core import audit
from core.db import Session
from core.errors import Conflict, Invalid, NotFound, Problem
from core.events import publish
from core.jobs import enqueue

LETTERS_PER_HOUR = 3
_WELCOME = (MembershipStatus.ACTIVE, MembershipStatus.ON_LEAVE)


@dataclass(frozen=True)
class Provider:
    """An identity provider as its page shows it: everything but the secret."""

    id: UUID
    name: str
    issuer: str
    client_id: str
    has_secret: bool
    auto_provision: bool
    is_active: bool
    tested_at: datetime | None
    known_people: int = 0


def place(session: Session, provider_id: UUID) -> UUID:
    """Return which organization a provider belongs to; the transaction needs no tenant. Raises NotFound."""
    found = store.place(session, provider_id)
    if found is None:
        raise NotFound("There is no such identity provider.")
    return found


def listed(session: Session) -> list[Provider]:
    """Return the organization's providers, by name."""
    known = store.count_known(session)
    return [_shown(row, known.get(row.id, 0)) for row in store.listed(session)]


def get(session: Session, provider_id: UUID) -> Provider:
    """Return one provider. Raises NotFound."""
    return _shown(_row(session, provider_id), store.count_known(session).get(provider_id, 0))


def client(session: Session, provider_id: UUID, redirect_uri: str, *, is_active: bool = True) -> Client:
    """Return how we speak to a provider. Raises NotFound, also for one that is switched off."""
    row = _row(session, provider_id)
    if is_active and not row.is_active:
        raise NotFound("There is no such identity provider.")
    secret = sealing.unseal(row.client_secret, row.id.bytes, row.key_id).decode() if row.client_secret else ""
    return Client(row.issuer, row.client_id, secret, redirect_uri)


def add(
    session: Session,
    *,
    name: str,
    issuer: str,
    client_id: str,
    client_secret: str,
    auto_provision: bool,
    now: datetime,
    by: UUID | None,
) -> UUID:
    """Note a provider, switched off. Raises Invalid with every field that is wrong."""
    _check(session, name, issuer, client_id, None)
    row = IdentityProvider(
        name=name, issuer=issuer, client_id=client_id, auto_provision=auto_provision, created_at=now, created_by=by
    )
    session.add(row)
    session.flush()
    _seal(row, client_secret)
    audit.record(session, "identity_provider.added", "identity_provider", row.id, new=_facts(row))
    return row.id


def change(
    session: Session,
    provider_id: UUID,
    *,
    name: str,
    issuer: str,
    client_id: str,
    client_secret: str,
    auto_provision: bool,
    now: datetime,
) -> None:
    """Change a provider; an empty secret keeps the one there is, unless it would go to another issuer.

    Another issuer or client has to be tested anew; whom the former issuer knew, the new one does not. Raises Invalid.
    """
    row = _row(session, provider_id, lock=True)
    _check(session, name, issuer, client_id, provider_id)
    old = _facts(row)
    if (row.issuer, row.client_id) != (issuer, client_id):
        if row.is_active:
            _switch_off(session, row, now)
        row.tested_at = row.client_secret = row.key_id = None
    row.name, row.issuer, row.client_id, row.auto_provision = name, issuer, client_id, auto_provision
    if client_secret:
        _seal(row, client_secret)
    audit.record(session, "identity_provider.changed", "identity_provider", row.id, old=old, new=_facts(row))


def note_test(session: Session, provider_id: UUID, issuer: str, now: datetime) -> None:
    """Note that a provider answered as one should, unless it has been changed meanwhile."""
    row = _row(session, provider_id, lock=True)
    if row.issuer == issuer:
        row.tested_at = now
        audit.record(session, "identity_provider.tested", "identity_provider", row.id)


def switch(session: Session, provider_id: UUID, now: datetime, *, is_active: bool) -> None:
    """Let people sign in with a provider, or not any more: then whoever came in by it is signed out.

    Raises Conflict when it has not passed its test.
    """
    row = _row(session, provider_id, lock=True)
    if row.is_active == is_active:
        return
    if is_active and row.tested_at is None:
        raise Conflict("Test this provider first: people would meet its errors at the sign-in.")
    if is_active:
        row.is_active = True
        audit.record(session, "identity_provider.enabled", "identity_provider", row.id)
    else:
        _switch_off(session, row, now)


def require(session: Session, now: datetime, *, is_required: bool) -> int:
    """Say whether everybody but administrators must use a provider; answer how many browsers that signs out.

    Raises Conflict without a provider that is on.
    """
    member_store.lock_organization(session)
    organization = people_store.organization(session)
    if is_required and not store.active(session):
        raise Conflict("Switch an identity provider on first.")
    if organization.requires_provider == is_required:
        return 0
    organization.requires_provider = is_required
    action = "sign_in.provider_required" if is_required else "sign_in.password_allowed"
    audit.record(session, action, "organization", organization.id)
    return sessions.end_without_provider(session, member_store.administrators(session, now), now) if is_required else 0


def is_required(session: Session) -> bool:
    """Tell whether everybody but administrators must use a provider."""
    return people_store.organization(session).requires_provider


def person_of(session: Session, provider_id: UUID, claims: Claims, now: datetime) -> UUID:
    """Return whom the provider vouches for: by issuer and subject, else by the rules for one who is new.

    Raises StrangerRefused for somebody who is nobody here, or not welcome; ProofNeeded with whose account it would be.
    """
    row = _row(session, provider_id)
    known = store.identity(session, provider_id, claims.issuer, claims.subject)
    if known is not None:
        if not _is_welcome(session, known.user_id):
            raise StrangerRefused
        known.last_used_at = now
        return known.user_id
    if not people.is_email(claims.email):
        raise StrangerRefused("The provider says no e-mail by which the organization could know you.")
    user_id = people_store.user_id_by_email(session, claims.email)
    membership = people_store.find_membership(session, user_id) if user_id is not None else None
    if user_id is None:
        if not (row.auto_provision and claims.is_email_verified):
            raise StrangerRefused
        user_id = _newcomer(session, claims, now)
    elif membership is None or membership.status not in (*_WELCOME, MembershipStatus.INVITED):
        raise StrangerRefused  # known to somebody else, or gone: this provider has no word there
    elif not _counts_as_theirs(session, user_id, claims):
        raise ProofNeeded(user_id)
    link(session, provider_id, claims.issuer, claims.subject, user_id, now)
    return user_id


def link(session: Session, provider_id: UUID, issuer: str, subject: str, user_id: UUID, now: datetime) -> None:
    """Know a person by this subject from now on. Raises Conflict when it is somebody else's already."""
    member_store.lock_organization(session)
    known = store.identity(session, provider_id, issuer, subject)
    if known is not None and known.user_id != user_id:
        raise Conflict("The provider's account belongs to somebody else here.")
    if known is None:
        row = ProviderIdentity(
            provider_id=provider_id, issuer=issuer, subject=subject, user_id=user_id, created_at=now, last_used_at=now
        )
        session.add(row)
        session.flush()
        new = {"provider_id": str(provider_id), "issuer": issuer}
        audit.record(session, "identity.linked", "person", user_id, subject_user_id=user_id, new=new)
    membership = people_store.find_membership(session, user_id)
    if membership is not None and membership.status is MembershipStatus.INVITED:
        membership.status = MembershipStatus.ACTIVE
        link_store.retire(session, user_id, now, TokenPurpose.INVITATION)
        audit.record(session, "invitation.accepted", "person", user_id, subject_user_id=user_id)
        publish(session, PersonChanged(user_id, ["status"]), subject=user_id)


def ask_for_proof(session: Session, provider_id: UUID, claims: Claims, user_id: UUID, browser: str) -> None:
    """Have the letter written whose link connects the subject to the person, from this browser only."""
    payload = {
        "user_id": str(user_id),
        "provider_id": str(provider_id),
        "issuer": claims.issuer,
        "subject": claims.subject,
        "browser": mark(browser),
    }
    enqueue(session, "accounts.send_provider_link", payload)
    audit.record(session, "identity.proof_asked", "person", user_id, subject_user_id=user_id)


def proof_token(session: Session, user_id: UUID, now: datetime, payload: dict[str, str]) -> str | None:
    """Return the token of that letter, or nothing after three within the hour."""
    recent = link_store.made_since(session, user_id, TokenPurpose.PROVIDER_LINK, now - timedelta(hours=1))
    return (
        None
        if recent >= LETTERS_PER_HOUR
        else links.issue(session, user_id, TokenPurpose.PROVIDER_LINK, now, **payload)
    )


def mark(browser: str) -> str:
    """Return what is kept of the secret that a browser holds while it waits for the letter."""
    return hashlib.sha256(browser.encode()).hexdigest()


def end(session: Session, provider_id: UUID, over: openid.Ended, now: datetime) -> int:
    """End the sessions that the provider says are over; answer how many there were."""
    row = _row(session, provider_id)
    user_id = None
    if over.subject:
        known = store.identity(session, provider_id, row.issuer, over.subject)
        if known is None:
            return 0
        user_id = known.user_id
    count = sessions.end_of_provider(session, provider_id, now, user_id=user_id, provider_session=over.session or None)
    if count:
        audit.record(
            session, "sign_out.by_provider", "identity_provider", provider_id, subject_user_id=user_id,
            details={"sessions": count},
        )  # fmt: skip
    return count


def verify_domain(session: Session, domain: str) -> None:
    """Note an operator's word that an e-mail domain is this organization's own."""
    domain = domain.strip().lower()
    if not people.is_email(f"somebody@{domain}"):
        raise Invalid(problems=[Problem("domain", "This is no domain.", "Write it like example.org.")])
    organization = people_store.organization(session)
    if domain not in organization.verified_domains:
        organization.verified_domains = sorted([*organization.verified_domains, domain])
        audit.record(session, "organization.domain_verified", "organization", organization.id, new={"domain": domain})


def verified_domains(session: Session) -> list[str]:
    """Return the e-mail domains an operator has vouched for."""
    return list(people_store.organization(session).verified_domains)


def seal_anew(session: Session) -> int:
    """Seal the secrets of this organization's providers with the present key; answer how many it was."""
    rows = [row for row in store.listed(session) if row.client_secret is not None and row.key_id != sealing.key_id()]
    for row in rows:
        _seal(row, sealing.unseal(row.client_secret or b"", row.id.bytes, row.key_id).decode())
    return len(rows)


def checked(issuer: str) -> Configuration:
    """Ask a provider what it is; needs no transaction. Raises ProviderFault."""
    return openid.check(issuer)


def _counts_as_theirs(session: Session, user_id: UUID, claims: Claims) -> bool:
    """Whether the provider's word is enough: the domain is the tenant's own, or there is nothing to be taken over.

    Nothing can be taken over from somebody whom no other organization knows, and who has never had a way to sign in.
    """
    if not claims.is_email_verified:
        return False
    if claims.email.rpartition("@")[2] in people_store.organization(session).verified_domains:
        return True
    user = people_store.find_user(session, user_id)
    return (
        user is not None
        and user.password_hash is None
        and user.email_verified_at is None
        and not store.of_person(session, user_id)
        and not member_store.belongs_elsewhere(session, user_id)
    )


def _newcomer(session: Session, claims: Claims, now: datetime) -> UUID:
    """Add somebody nobody knew, as the provider describes them; their e-mail is not proven by that."""
    name = claims.email.partition("@")[0][:99]
    return people.add(
        session,
        email=claims.email,
        first_name=claims.first_name or name,
        last_name=claims.last_name or claims.first_name or name,
        roles=["learner"],
        now=now,
    )


def _is_welcome(session: Session, user_id: UUID) -> bool:
    user, membership = people_store.find_user(session, user_id), people_store.find_membership(session, user_id)
    return user is not None and user.is_active and membership is not None and membership.status in _WELCOME


def _switch_off(session: Session, row: IdentityProvider, now: datetime) -> None:
    row.is_active = False
    count = sessions.end_of_provider(session, row.id, now)
    audit.record(session, "identity_provider.disabled", "identity_provider", row.id, details={"sessions_ended": count})


def _check(session: Session, name: str, issuer: str, client_id: str, but: UUID | None) -> None:
    problems = []
    if not name or not name.isprintable() or len(name) > 100:
        problems.append(Problem("name", "A name has 1 to 100 characters, in one line."))
    is_address = issuer.startswith(("https://", "http://")) and len(issuer) <= 500 and issuer.isprintable()
    if not is_address or "?" in issuer or "#" in issuer or any(c.isspace() for c in issuer):
        problems.append(Problem("issuer", "This is no issuer.", "It looks like https://id.example.org/realms/acme"))
    if not client_id or not client_id.isprintable() or len(client_id) > 300:
        problems.append(
            Problem("client_id", "The client id is missing.", "The provider gives it for this application.")
        )
    elif store.is_known(session, issuer, client_id, but):
        problems.append(Problem("client_id", "This issuer with this client id is in the list already."))
    if problems:
        raise Invalid(problems=problems)


def _seal(row: IdentityProvider, client_secret: str) -> None:
    if client_secret:
        row.client_secret = sealing.seal(client_secret.encode(), row.id.bytes)
        row.key_id = sealing.key_id()


def _facts(row: IdentityProvider) -> dict[str, object]:
    return {
        "name": row.name,
        "issuer": row.issuer,
        "client_id": row.client_id,
        "auto_provision": row.auto_provision,
        "has_secret": row.client_secret is not None,
    }


def _shown(row: IdentityProvider, known: int) -> Provider:
    return Provider(
        row.id, row.name, row.issuer, row.client_id, row.client_secret is not None, row.auto_provision, row.is_active,
        row.tested_at, known,
    )  # fmt: skip


def _row(session: Session, provider_id: UUID, *, lock: bool = False) -> IdentityProvider:
    row = store.find(session, provider_id, lock=lock)
    if row is None:
        raise NotFound("There is no such identity provider.")
    return row
