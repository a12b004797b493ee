"""Queries on people, memberships and roles."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, func, select, text
from sqlalchemy.exc import IntegrityError

from accounts.tables import Membership, MembershipStatus, Organization, User, has_not_left
from core.db import Session, organization_of
from core.reach import Reach


def organization(session: Session, *, lock: bool = False) -> Organization:
    """Return the organization this transaction works for."""
    query = select(Organization).where(Organization.id == organization_of(session))
    return session.scalars(query.with_for_update() if lock else query).one()


def rename_organization(session: Session, row: Organization, name: str) -> bool:
    """Give the organization another name, unless another one has it, which this transaction cannot see."""
    try:
        with session.begin_nested():
            row.name = name
    except IntegrityError:
        return False
    return True


def find_organization(session: Session) -> Organization | None:
    """Return the organization this transaction works for, if there is one."""
    return session.scalar(select(Organization).where(Organization.id == organization_of(session)))


def find_user(session: Session, user_id: UUID, *, lock: bool = False) -> User | None:
    """Return a person of this organization."""
    query = select(User).join(Membership, Membership.user_id == User.id).where(User.id == user_id)
    return session.scalar(query.with_for_update(of=User) if lock else query)


def user_id_by_email(session: Session, email: str) -> UUID | None:
    """Return whose e-mail this is, in whatever organization (an id, nothing else)."""
    return session.execute(text("SELECT user_by_email(:email)"), {"email": email}).scalar()


def find_membership(session: Session, user_id: UUID) -> Membership | None:
    """Return a person's membership in this organization."""
    return session.scalar(
        select(Membership).where(Membership.organization_id == organization_of(session), Membership.user_id == user_id)
    )


def page(
    session: Session,
    search: str,
    offset: int,
    limit: int,
    status: MembershipStatus | None = None,
    within: Reach | None = None,
) -> tuple[Sequence[User], int]:
    """Return people of this organization by name, those matching `search`, and how many there are in all.

    Without a `status`, everybody who has not left.
    """
    which = [Membership.status == status if status else has_not_left()]
    if within is not None:
        which.append(within.covers(Membership.user_id))
    if search:
        which.append(Membership.search_key.contains(search.lower(), autoescape=True))
    total = session.scalar(select(func.count()).select_from(Membership).where(*which)) or 0
    ordered = select(Membership.user_id).where(*which).order_by(Membership.name_key, Membership.user_id)
    ids = session.scalars(ordered.offset(offset).limit(limit)).all()
    rows = {row.id: row for row in session.scalars(select(User).where(User.id.in_(ids)))}
    return [rows[user_id] for user_id in ids], total


def present() -> Select[UUID]:
    """Return the query for who belongs to this organization and has not left."""
    return select(Membership.user_id).where(has_not_left())


def by_ids(session: Session, user_ids: Sequence[UUID]) -> list[User]:
    """Return those of these people who belong to this organization."""
    query = select(User).join(Membership, Membership.user_id == User.id).where(User.id.in_(user_ids))
    return list(session.scalars(query.order_by(User.last_name, User.first_name, User.id)))


def ids_by_email(session: Session, emails: Sequence[str]) -> dict[str, UUID]:
    """Return the members of this organization who have these e-mails, by e-mail."""
    query = select(User.email, User.id).join(Membership, Membership.user_id == User.id).where(User.email.in_(emails))
    return {row[0]: row[1] for row in session.execute(query)}


def user_id_by_verified_email(session: Session, email: str) -> UUID | None:
    """Return the person of this organization who has proven to own this e-mail."""
    query = (
        select(User.id)
        .join(Membership, Membership.user_id == User.id)
        .where(User.email == email.lower(), User.email_verified_at.is_not(None))
    )
    return session.scalar(query)
