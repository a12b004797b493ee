"""People of an organization: who they are, adding them, and what they are called towards the outside."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from argon2 import PasswordHasher
from sqlalchemy import Select

from accounts.errors import AlreadyMember
from accounts.events import PersonJoined
from accounts.store import people as store
from accounts.store import sessions
from accounts.tables import Membership, MembershipStatus, Organization, RoleAssignment, RoleCode, User
from core import audit
from core.db import Session, uuid7
from core.errors import Invalid, NotFound, Problem
from core.events import publish
from core.jobs import enqueue
from core.reach import Reach
from core.words import said

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]+|[^@\s]{1,64}@localhost")
SHORTEST_PASSWORD = 12
SHORTEST_BY_OPERATOR = 8
"""Whoever runs the installation may set a shorter one for a beginning."""

hasher = PasswordHasher()


@dataclass(frozen=True)
class Person:
    """What other rooms may know of somebody."""

    user_id: UUID
    name: str
    email: str
    first_name: str
    last_name: str
    locale: str
    timezone: str


@dataclass(frozen=True)
class Tenant:
    """What other rooms may know of the organization."""

    id: UUID
    name: str
    slug: str
    code: str
    locale: str
    timezone: str
    passing_score: float
    certificate_number_pattern: str


def tenant(session: Session) -> Tenant:
    """Return the organization this transaction works for."""
    row = store.organization(session)
    return Tenant(
        row.id,
        row.name,
        row.slug,
        row.code,
        row.default_locale,
        row.default_timezone,
        float(row.default_passing_score),
        row.certificate_number_pattern,
    )


def get(session: Session, user_id: UUID) -> Person:
    """Return a person of this organization. Raises NotFound for anybody else."""
    user = store.find_user(session, user_id)
    if user is None:
        raise NotFound("There is no such person.")
    return described(user, store.organization(session))


def page(
    session: Session, search: str = "", offset: int = 0, limit: int = 50, within: Reach | None = None
) -> tuple[list[Person], int]:
    """Return people by name as far as `within` reaches, and how many; `search` looks into names and e-mails."""
    organization = store.organization(session)
    users, total = store.page(session, search, offset, limit, within=within)
    return [described(user, organization) for user in users], total


def named(session: Session, user_ids: Sequence[UUID]) -> dict[UUID, Person]:
    """Return those of these people who belong to this organization, by id."""
    organization = store.organization(session)
    return {user.id: described(user, organization) for user in store.by_ids(session, user_ids)}


def present() -> Select[UUID]:
    """Return the query for the ids of those who belong to this organization and have not left it."""
    return store.present()


def ids_by_email(session: Session, emails: Sequence[str]) -> dict[str, UUID]:
    """Return those members of this organization who have these e-mails, by e-mail in small letters."""
    return store.ids_by_email(session, [email.lower() for email in emails])


def find_by_verified_email(session: Session, email: str) -> UUID | None:
    """Return the id of the person of this organization who has proven to own this e-mail."""
    return store.user_id_by_verified_email(session, email)


def add(
    session: Session,
    *,
    email: str,
    first_name: str,
    last_name: str,
    roles: Sequence[str],
    now: datetime,
    password: str | None = None,
    shortest_password: int = SHORTEST_PASSWORD,
    is_verified: bool = False,
    invite: bool = False,
) -> UUID:
    """Add a person to this organization with these roles and answer the person's id.

    With `invite` they get a letter and come in by its link. Somebody known elsewhere keeps name and password, and is
    always asked by letter, unless `is_verified` says that the caller knows them. Raises Invalid with every field that
    is wrong, AlreadyMember.
    """
    email = email.strip().lower()
    _check(email, first_name, last_name, roles, password, shortest_password)
    user_id = store.user_id_by_email(session, email)
    if user_id is None:
        user_id = uuid7()
        session.add(
            User(
                id=user_id,
                email=email,
                first_name=first_name,
                last_name=last_name,
                display_name=f"{first_name} {last_name}",
                password_hash=None if password is None else hasher.hash(password),
                email_verified_at=now if is_verified else None,
                created_at=now,
            )
        )
        session.flush()
    elif store.find_membership(session, user_id) is not None:
        raise AlreadyMember
    else:
        invite = invite or not is_verified
    status = MembershipStatus.INVITED if invite else MembershipStatus.ACTIVE
    session.add(Membership(user_id=user_id, status=status, created_at=now))
    session.flush()
    for role in roles:
        session.add(RoleAssignment(user_id=user_id, role=RoleCode(role), created_at=now))
    audit.record(session, "person.joined", "person", user_id, subject_user_id=user_id, new={"roles": list(roles)})
    publish(session, PersonJoined(user_id), subject=user_id)
    if invite:
        enqueue(session, "accounts.send_invitation", {"user_id": str(user_id)})
    return user_id


def status(session: Session, user_id: UUID) -> str:
    """Return where a person stands in this organization. Raises NotFound."""
    membership = store.find_membership(session, user_id)
    if membership is None:
        raise NotFound("There is no such person.")
    return str(membership.status.value)


def sign_in_candidates(session: Session, email: str) -> list[tuple[UUID, UUID]]:
    """Return (user id, organization id) of the memberships one may sign in with; the transaction needs no tenant."""
    return sessions.sign_in_candidates(session, email.strip().lower())


def places_of(session: Session, user_id: UUID) -> list[UUID]:
    """Return the organizations a person may enter, the first joined first; the transaction needs no tenant."""
    return sessions.places_of(session, user_id)


def place_by_slug(session: Session, slug: str) -> UUID | None:
    """Return the organization with this short name; the transaction needs no tenant."""
    return sessions.place_by_slug(session, slug)


def name_problems(first_name: str, last_name: str) -> list[Problem]:
    """Return what is wrong with a person's name."""
    problems = []
    for where, name, missing in (
        ("first_name", first_name, "The first name is missing."),
        ("last_name", last_name, "The last name is missing."),
    ):
        if not name.strip():
            problems.append(Problem(where, missing))
        elif not name.isprintable() or len(name) > 99:
            problems.append(Problem(where, "A name takes up to 99 letters, in one line."))
    return problems


def is_email(text: str) -> bool:
    """Tell whether a text has the form of an e-mail address."""
    return bool(_EMAIL.fullmatch(text)) and len(text) <= 254


def _check(
    email: str, first_name: str, last_name: str, roles: Sequence[str], password: str | None, shortest_password: int
) -> None:
    problems = []
    if not is_email(email):
        problems.append(Problem("email", "This is not an e-mail address.", "Write it like name@example.org."))
    problems += name_problems(first_name, last_name)
    if unknown := [role for role in roles if role not in set(RoleCode)]:
        problems.append(
            Problem(
                "roles",
                said("There is no role %(unknown)s.", unknown=unknown[0]),
                said("Use %(known)s.", known=", ".join(RoleCode)),
            )
        )
    if password is not None and len(password) < shortest_password:
        problems.append(
            Problem("password", said("A password needs at least %(count)s characters.", count=shortest_password))
        )
    if problems:
        raise Invalid(problems=problems)


def described(user: User, organization: Organization) -> Person:
    """Return what other rooms may know of a person."""
    return Person(
        user.id,
        user.display_name,
        user.email,
        user.first_name,
        user.last_name,
        user.locale or organization.default_locale,
        user.timezone or organization.default_timezone,
    )
