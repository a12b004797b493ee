"""The organization's positions: what people do. Archived, never deleted."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.services.units import code_problems
from accounts.store import members as member_store
from accounts.store import units as store
from accounts.tables import Position
from core import audit
from core.db import Session, uuid7
from core.errors import Conflict, Invalid, NotFound, Problem


@dataclass(frozen=True)
class Job:
    """A position and how many people, who have not left, hold it."""

    id: UUID
    name: str
    code: str
    description: str | None
    people: int
    is_archived: bool


def listed(session: Session, *, with_archived: bool = False) -> list[Job]:
    """Return the positions by name."""
    counts = store.people_count(session, "position_id")
    return [
        _described(row, counts.get(row.id, 0))
        for row in store.positions(session)
        if with_archived or row.archived_at is None
    ]


def get(session: Session, position_id: UUID) -> Job:
    """Return a position. Raises NotFound."""
    return _described(_row(session, position_id), store.people_count(session, "position_id").get(position_id, 0))


def add(session: Session, now: datetime, **facts: str) -> UUID:
    """Add a position with name, code and description; answer its id. Raises Invalid with every field that is wrong."""
    _check(session, facts, None)
    position_id = uuid7()
    session.add(
        Position(
            id=position_id,
            name=facts["name"],
            code=facts["code"],
            description=facts["description"] or None,
            created_at=now,
        )
    )
    session.flush()
    audit.record(session, "position.added", "position", position_id, new=facts)
    return position_id


def change(session: Session, position_id: UUID, **facts: str) -> None:
    """Change a position. Raises NotFound, Invalid."""
    row = _row(session, position_id)
    _check(session, facts, position_id)
    old = {"name": row.name, "code": row.code, "description": row.description or ""}
    row.name, row.code, row.description = facts["name"], facts["code"], facts["description"] or None
    session.flush()
    audit.record(session, "position.changed", "position", position_id, old=old, new=facts)


def archive(session: Session, position_id: UUID, now: datetime, by: UUID) -> None:
    """Take a position out of use. Raises NotFound, Conflict while somebody holds it."""
    row = _row(session, position_id)
    if store.people_count(session, "position_id").get(position_id):
        raise Conflict("Somebody holds this position. Give them another one first.")
    row.archived_at, row.archived_by = now, by
    audit.record(session, "position.archived", "position", position_id)


def restore(session: Session, position_id: UUID) -> None:
    """Take an archived position back into use. Raises NotFound."""
    row = _row(session, position_id)
    row.archived_at = row.archived_by = None
    audit.record(session, "position.restored", "position", position_id)


def _check(session: Session, facts: dict[str, str], but: UUID | None) -> None:
    member_store.lock_organization(session)
    problems = code_problems(facts["name"], facts["code"], 150)
    if facts["code"] and store.code_is_taken(session, Position, facts["code"], but):
        problems.append(Problem("code", "Another position has this code, perhaps an archived one."))
    if problems:
        raise Invalid(problems=problems)


def _described(row: Position, count: int) -> Job:
    return Job(row.id, row.name, row.code, row.description, count, row.archived_at is not None)


def _row(session: Session, position_id: UUID) -> Position:
    row = store.find_position(session, position_id)
    if row is None:
        raise NotFound("There is no such position.")
    return row
