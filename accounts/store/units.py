"""Queries on organizational units, positions, and where people stood."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, text, update
from sqlalchemy.orm import aliased

from accounts.tables import Membership, MembershipStatus, OrgUnit, Placement, Position, User, has_not_left
from core.db import Session


def find(session: Session, unit_id: UUID) -> OrgUnit | None:
    """Return the organization's unit."""
    return session.scalar(select(OrgUnit).where(OrgUnit.id == unit_id))


def all_units(session: Session) -> list[OrgUnit]:
    """Return every unit, archived ones too, by name."""
    return list(session.scalars(select(OrgUnit).order_by(OrgUnit.name, OrgUnit.code)))


def code_is_taken(session: Session, table: type[OrgUnit] | type[Position], code: str, but: UUID | None) -> bool:
    """Tell whether another unit (or position), archived or not, has this code; capitals make no difference."""
    query = select(table.id).where(func.lower(table.code) == code.lower())
    return session.scalar(query if but is None else query.where(table.id != but)) is not None


def below(path: str) -> ColumnElement[bool]:
    """Return the condition that a unit is the one with this path, or lies below it."""
    return or_(OrgUnit.path == path, OrgUnit.path.like(f"{path}/%"))


def ids_below(session: Session, unit_id: UUID) -> list[UUID]:
    """Return the ids of a unit and of all below it; none when it is not the organization's."""
    row = find(session, unit_id)
    return [] if row is None else list(session.scalars(select(OrgUnit.id).where(below(row.path))))


def move_subtree(session: Session, old: str, new: str) -> None:
    """Give a unit and all below it the paths that begin with `new` instead of `old`."""
    session.flush()
    session.execute(
        update(OrgUnit)
        .where(below(old))
        .values(path=func.concat(new, func.substr(OrgUnit.path, len(old) + 1)))
        .execution_options(synchronize_session=False)
    )
    session.expire_all()


def deepest_below(session: Session, path: str) -> int:
    """Return how long the longest path in this subtree is."""
    return session.scalar(select(func.max(func.length(OrgUnit.path))).where(below(path))) or 0


def has_open_children(session: Session, unit_id: UUID) -> bool:
    """Tell whether a unit holds units that are not archived."""
    query = select(exists().where(OrgUnit.parent_id == unit_id, OrgUnit.archived_at.is_(None)))
    return bool(session.scalar(query))


def people_count(session: Session, column: str) -> dict[UUID, int]:
    """Return how many people, who have not left, stand in each unit ("org_unit_id") or position ("position_id")."""
    key = getattr(Membership, column)
    query = select(key, func.count()).where(key.is_not(None), has_not_left()).group_by(key)
    return {row[0]: row[1] for row in session.execute(query)}


@dataclass(frozen=True)
class Stood:
    """A person in a unit, now or on an earlier day."""

    user: User
    status: MembershipStatus
    unit: OrgUnit
    position: Position | None


def people_of(
    session: Session, path: str, *, with_below: bool, at: datetime | None, offset: int, limit: int
) -> tuple[list[Stood], int]:
    """Return who stands in a unit, or in it and all below it; at an earlier moment when one is given. By name."""
    place: type[Membership | Placement] = Membership if at is None else Placement
    units = session.scalars(select(OrgUnit.id).where(below(path) if with_below else OrgUnit.path == path)).all()
    which: list[ColumnElement[bool]] = [place.org_unit_id.in_(units)]
    which.append(has_not_left() if at is None else _covers(at))
    ids = select(place.id, Membership.name_key, Membership.user_id).select_from(Membership).where(*which)
    if at is not None:
        ids = ids.join(Placement, Placement.user_id == Membership.user_id)
    total = session.scalar(select(func.count()).select_from(ids.subquery())) or 0
    ordered = ids.order_by(Membership.name_key, Membership.user_id).offset(offset).limit(limit)
    found = session.scalars(ordered).all()
    query = (
        select(place.id, User, Membership.status, OrgUnit, Position)
        .select_from(place)
        .join(User, User.id == place.user_id)
        .join(OrgUnit, OrgUnit.id == place.org_unit_id)
        .outerjoin(Position, Position.id == place.position_id)
        .where(place.id.in_(found))
    )
    if at is not None:
        query = query.join(Membership, Membership.user_id == Placement.user_id)
    rows = {row[0]: Stood(*row[1:]) for row in session.execute(query)}
    return [rows[row_id] for row_id in found], total


def _covers(at: datetime) -> ColumnElement[bool]:
    return and_(Placement.since <= at, or_(Placement.until.is_(None), Placement.until > at))


def positions(session: Session) -> list[Position]:
    """Return every position, archived ones too, by name."""
    return list(session.scalars(select(Position).order_by(Position.name, Position.code)))


def find_position(session: Session, position_id: UUID) -> Position | None:
    """Return the organization's position."""
    return session.scalar(select(Position).where(Position.id == position_id))


def note_placements(session: Session, user_ids: Sequence[UUID], now: datetime) -> None:
    """Write down where these people stand now, wherever that differs from what was written last."""
    session.flush()
    values = {"people": list(user_ids), "now": now}
    session.execute(_CLOSE, values)
    session.execute(_OPEN, values)


_CLOSE = text("""
    UPDATE placements p SET until = :now FROM memberships m
    WHERE m.organization_id = p.organization_id AND m.user_id = p.user_id AND p.user_id = ANY(:people)
        AND p.until IS NULL
        AND (m.status = 'left' OR (p.org_unit_id, p.position_id, p.manager_id)
            IS DISTINCT FROM (m.org_unit_id, m.position_id, m.manager_id))
""")
_OPEN = text("""
    INSERT INTO placements (organization_id, id, user_id, org_unit_id, position_id, manager_id, since)
    SELECT m.organization_id, gen_random_uuid(), m.user_id, m.org_unit_id, m.position_id, m.manager_id, :now
    FROM memberships m
    WHERE m.user_id = ANY(:people) AND m.status <> 'left'
        AND (m.org_unit_id IS NOT NULL OR m.position_id IS NOT NULL OR m.manager_id IS NOT NULL)
        AND NOT EXISTS (
            SELECT FROM placements p
            WHERE p.organization_id = m.organization_id AND p.user_id = m.user_id AND p.until IS NULL
        )
""")


@dataclass(frozen=True)
class Past:
    """One stretch of somebody's way through the organization."""

    placement: Placement
    unit: OrgUnit | None
    position: Position | None
    manager: User | None


def history(session: Session, user_id: UUID) -> list[Past]:
    """Return where a person stood, the present first."""
    manager = aliased(User)
    query = (
        select(Placement, OrgUnit, Position, manager)
        .outerjoin(OrgUnit, OrgUnit.id == Placement.org_unit_id)
        .outerjoin(Position, Position.id == Placement.position_id)
        .outerjoin(manager, manager.id == Placement.manager_id)
        .where(Placement.user_id == user_id)
        .order_by(Placement.since.desc(), Placement.id)
    )
    return [Past(*row) for row in session.execute(query)]
