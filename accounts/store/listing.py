"""Queries of the list of people: filtered, sorted, a page at a time or all of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import aliased

from accounts.store import audiences, units
from accounts.tables import Membership, MembershipStatus, OrgUnit, Position, User, has_not_left
from core.db import Session
from core.reach import Reach

Manager = aliased(User)
Line = tuple[Membership, User, OrgUnit | None, Position | None, User | None]
"""A member with account, unit, position and manager."""


@dataclass(frozen=True)
class Wanted:
    """Which people a list shows. Without a status everybody who has not left; a unit includes those below it."""

    search: str = ""
    status: MembershipStatus | None = None
    unit_id: UUID | None = None
    position_id: UUID | None = None
    role: str | None = None
    manager_id: UUID | None = None
    audience_id: UUID | None = None
    within: Reach | None = None


ORDERS: dict[str, tuple[Any, ...]] = {
    "name": (Membership.name_key,),
    "email": (User.email,),
    "unit": (OrgUnit.name, Membership.name_key),
    "position": (Position.name, Membership.name_key),
    "employee_id": (Membership.employee_id,),
    "hired": (Membership.hired_on, Membership.name_key),
    "standing": (Membership.status, Membership.name_key),
}
"""What a list can be sorted by; the id comes last, so that pages never overlap."""


def page(
    session: Session, wanted: Wanted, now: datetime, *, order: str, descending: bool, offset: int, limit: int
) -> Sequence[Line]:
    """Return one page of people: membership, user, unit, position, manager."""
    ids = _ordered(_narrowed(session, wanted, now, order), order, descending).offset(offset).limit(limit)
    found = session.scalars(ids).all()
    rows = {row[0].user_id: row for row in session.execute(_full().where(Membership.user_id.in_(found)))}
    return [rows[user_id] for user_id in found]


def count(session: Session, wanted: Wanted, now: datetime) -> int:
    """Return how many people these are."""
    if (people := _only(wanted, now)) is not None:
        # Those who left are few: taking them out is quicker than joining everybody with everybody who is meant.
        who = people.selected_columns.user_id
        gone = select(Membership.user_id).where(Membership.status == MembershipStatus.LEFT)
        return session.scalar(people.with_only_columns(func.count(who.distinct())).where(who.not_in(gone))) or 0
    return session.scalar(select(func.count()).select_from(_narrowed(session, wanted, now, "").subquery())) or 0


def ids(session: Session, wanted: Wanted, now: datetime) -> list[UUID]:
    """Return the ids of all these people."""
    return list(session.scalars(_narrowed(session, wanted, now, "")))


def everybody(session: Session, wanted: Wanted, now: datetime, *, order: str, descending: bool) -> Iterator[Line]:
    """Return all these people, read piece by piece."""
    query = _ordered(_full().where(*_conditions(session, wanted, now)), order, descending)
    yield from session.execute(query.execution_options(yield_per=1000))


def _only(wanted: Wanted, now: datetime) -> audiences.People | None:
    """Return who is meant where nothing but one role or one audience is asked for."""
    if wanted.role and wanted == Wanted(role=wanted.role):
        return audiences.holding_roles([wanted.role], now)
    if wanted.audience_id and wanted == Wanted(audience_id=wanted.audience_id):
        return audiences.member_ids(wanted.audience_id)
    return None


def _full() -> Any:
    return (
        select(Membership, User, OrgUnit, Position, Manager)
        .join(User, User.id == Membership.user_id)
        .outerjoin(OrgUnit, OrgUnit.id == Membership.org_unit_id)
        .outerjoin(Position, Position.id == Membership.position_id)
        .outerjoin(Manager, Manager.id == Membership.manager_id)
    )


def _narrowed(session: Session, wanted: Wanted, now: datetime, order: str) -> Select[Any]:
    """Return the query for the ids of these people, joining only what filter and order need."""
    query: Select[Any] = select(Membership.user_id)
    if order == "email":  # asking each person's row whether it may be seen is what takes time
        query = query.join(User, User.id == Membership.user_id)
    if order == "unit":
        query = query.outerjoin(OrgUnit, OrgUnit.id == Membership.org_unit_id)
    if order == "position":
        query = query.outerjoin(Position, Position.id == Membership.position_id)
    return query.where(*_conditions(session, wanted, now))


def _ordered(query: Select[Any], order: str, descending: bool) -> Select[Any]:
    columns = [*ORDERS[order], Membership.user_id]
    return query.order_by(*(column.desc().nulls_last() if descending else column for column in columns))


def _conditions(session: Session, wanted: Wanted, now: datetime) -> list[ColumnElement[bool]]:
    status = Membership.status
    found: list[ColumnElement[bool]] = [status == wanted.status if wanted.status else has_not_left()]
    if wanted.within is not None:
        found.append(wanted.within.covers(Membership.user_id))
    if wanted.search:
        found.append(Membership.search_key.contains(wanted.search.lower(), autoescape=True))
    if wanted.unit_id:
        # The ids are asked for first: inside the query they mislead the planner about how many people these are.
        found.append(Membership.org_unit_id.in_(units.ids_below(session, wanted.unit_id)))
    if wanted.position_id:
        found.append(Membership.position_id == wanted.position_id)
    if wanted.role:
        found.append(audiences.member_in(audiences.holding_roles([wanted.role], now)))
    if wanted.manager_id:
        found.append(Membership.manager_id == wanted.manager_id)
    if wanted.audience_id:
        found.append(audiences.member_in(audiences.member_ids(wanted.audience_id)))
    return found
