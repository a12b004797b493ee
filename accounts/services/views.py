"""Saved views: a name for filters, order and columns of the list of people; one's own, or shared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.store import views as store
from accounts.tables import PeopleView
from core import audit
from core.db import Session
from core.errors import Invalid, NotFound, Problem
from core.words import said

NAMES = ("q", "status", "unit", "position", "role", "manager", "audience", "sort", "column")
"""What of the list's address belongs to a view; the page one is on does not."""
MOST = 50


@dataclass(frozen=True)
class View:
    """A saved view as somebody sees it."""

    id: UUID
    name: str
    query: dict[str, list[str]]
    is_shared: bool
    is_own: bool
    owner: str


def listed(session: Session, user_id: UUID) -> list[View]:
    """Return a person's own views and those shared with them, by name."""
    return [
        View(row.id, row.name, kept(row.query), row.is_shared, row.owner_id == user_id, owner)
        for row, owner in store.seen_by(session, user_id)
    ]


def kept(query: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return what of an address belongs to a view."""
    found = {name: [value[:100] for value in query.get(name, ()) if value][:20] for name in NAMES}
    return {name: values for name, values in found.items() if values}


def save(
    session: Session, user_id: UUID, name: str, query: Mapping[str, Sequence[str]], now: datetime, *, shared: bool
) -> UUID:
    """Keep a view under a name; the owner's view of the same name becomes this one. Raises Invalid."""
    if not name or not name.isprintable() or len(name) > 60:
        raise Invalid(problems=[Problem("name", "A name takes 1 to 60 characters, in one line.")])
    row = store.find_named(session, user_id, name)
    if row is None:
        if store.count_owned(session, user_id) >= MOST:
            raise Invalid(problems=[Problem("name", said("You have %(most)s views. Remove one first.", most=MOST))])
        row = PeopleView(owner_id=user_id, name=name, created_at=now)
        session.add(row)
    row.query, row.is_shared = dict(kept(query)), shared
    session.flush()
    audit.record(session, "people_view.saved", "people_view", row.id, new={"name": name, "is_shared": shared})
    return row.id


def remove(session: Session, view_id: UUID, user_id: UUID, *, may_remove_shared: bool) -> None:
    """Let a view go: one's own, or a shared one by whoever may. Raises NotFound for every other."""
    row = store.find(session, view_id)
    if row is None or (row.owner_id != user_id and not (row.is_shared and may_remove_shared)):
        raise NotFound("There is no such view.")
    session.delete(row)
    audit.record(session, "people_view.removed", "people_view", view_id, old={"name": row.name})
