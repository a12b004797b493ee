"""Queries on saved views of the list of people."""

from uuid import UUID

from sqlalchemy import func, or_, select

from accounts.tables import PeopleView, User
from core.db import Session


def seen_by(session: Session, user_id: UUID) -> list[tuple[PeopleView, str]]:
    """Return a person's own views and the shared ones, by name, with the owner's name."""
    query = (
        select(PeopleView, User.display_name)
        .join(User, User.id == PeopleView.owner_id)
        .where(or_(PeopleView.owner_id == user_id, PeopleView.is_shared))
        .order_by(func.lower(PeopleView.name), PeopleView.id)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def find(session: Session, view_id: UUID) -> PeopleView | None:
    """Return one view, whoever owns it."""
    return session.scalar(select(PeopleView).where(PeopleView.id == view_id))


def find_named(session: Session, user_id: UUID, name: str) -> PeopleView | None:
    """Return a person's own view of this name."""
    return session.scalar(select(PeopleView).where(PeopleView.owner_id == user_id, PeopleView.name == name))


def count_owned(session: Session, user_id: UUID) -> int:
    """Return how many views a person owns."""
    return session.scalar(select(func.count()).where(PeopleView.owner_id == user_id)) or 0
