"""Deputies: who stands in for whom, from one day to another in the organization's time zone."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from accounts.services import people
from accounts.services.people import Person
from accounts.store import details as store
from accounts.store import members as member_store
from accounts.store import people as people_store
from accounts.tables import Deputy
from core import audit, clock
from core.db import Session
from core.errors import Invalid, NotFound, Problem


@dataclass(frozen=True)
class StandIn:
    """Somebody who stands in for another; both days are inclusive."""

    id: UUID
    person: Person
    from_on: date
    until_on: date | None
    is_now: bool


def of_person(session: Session, user_id: UUID, now: datetime) -> list[StandIn]:
    """Return who stands in for a person, stood or will stand, the latest first."""
    today = clock.day_in(people.tenant(session).timezone, now)
    rows = store.deputies(session, user_id)
    known = people.named(session, [row.deputy_id for row in rows])
    return [
        StandIn(
            row.id,
            known[row.deputy_id],
            row.from_on,
            row.until_on,
            row.from_on <= today and (row.until_on is None or row.until_on >= today),
        )
        for row in rows
    ]


def represented_by(session: Session, user_id: UUID, now: datetime) -> list[UUID]:
    """Return for whom a person stands in today."""
    return store.represented_by(session, user_id, clock.day_in(people.tenant(session).timezone, now))


def add(
    session: Session, user_id: UUID, *, email: str, from_on: str, until_on: str, now: datetime, by: UUID | None
) -> None:
    """Say who stands in for a person and when. Raises NotFound, Invalid with every field that is wrong."""
    if people_store.find_membership(session, user_id) is None:
        raise NotFound("There is no such person.")
    problems: list[Problem] = []
    first, last = _day(from_on, "deputy_from", problems), _day(until_on, "deputy_until", problems)
    first = first or clock.day_in(people.tenant(session).timezone, now)
    if last and last < first:
        problems.append(Problem("deputy_until", "The last day lies before the first."))
    deputy_id = member_store.user_id_by_email(session, email)
    if deputy_id is None:
        problems.append(Problem("deputy_email", "Nobody here has this e-mail."))
    elif deputy_id == user_id:
        problems.append(Problem("deputy_email", "Nobody stands in for themselves."))
    elif any(_overlap(row, deputy_id, first, last) for row in store.deputies(session, user_id)):
        problems.append(Problem("deputy_email", "They stand in during these days already."))
    if problems or deputy_id is None:
        raise Invalid(problems=problems)
    session.add(
        Deputy(user_id=user_id, deputy_id=deputy_id, from_on=first, until_on=last, created_at=now, created_by=by)
    )
    session.flush()
    new = {"deputy_id": str(deputy_id), "from_on": str(first), "until_on": None if last is None else str(last)}
    audit.record(session, "deputy.added", "person", user_id, subject_user_id=user_id, new=new)


def remove(session: Session, user_id: UUID, row_id: UUID) -> None:
    """Take a stand-in away. Raises NotFound."""
    row = next((row for row in store.deputies(session, user_id) if row.id == row_id), None)
    if row is None:
        raise NotFound("There is no such deputy.")
    session.delete(row)
    old = {"deputy_id": str(row.deputy_id), "from_on": str(row.from_on)}
    audit.record(session, "deputy.removed", "person", user_id, subject_user_id=user_id, old=old)


def _overlap(row: Deputy, deputy_id: UUID, first: date, last: date | None) -> bool:
    ends_before = row.until_on is not None and row.until_on < first
    begins_after = last is not None and row.from_on > last
    return row.deputy_id == deputy_id and not ends_before and not begins_after


def _day(text: str, where: str, problems: list[Problem]) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        problems.append(Problem(where, "This is not a day.", "Write it like 2026-03-31."))
        return None
