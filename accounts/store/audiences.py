"""Queries on audiences: what the words of a rule mean, and who is in which audience."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Numeric,
    Select,
    and_,
    cast,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    true,
    update,
)

from accounts.tables import (
    Audience,
    AudienceMember,
    Membership,
    OrgUnit,
    RoleAssignment,
    RoleCode,
    User,
    has_not_left,
)
from core.db import Session, organization_of

People = Select[UUID]
"""A query that answers the ids of people."""


def in_units(unit_ids: Sequence[UUID], *, with_below: bool) -> People:
    """Return who is in one of these units, or below them."""
    if not with_below:
        return select(Membership.user_id).where(Membership.org_unit_id.in_(unit_ids))
    top = select(OrgUnit.path).where(OrgUnit.id.in_(unit_ids)).subquery()
    below = select(OrgUnit.id).join(top, or_(OrgUnit.path == top.c.path, OrgUnit.path.like(top.c.path + "/%")))
    return select(Membership.user_id).where(Membership.org_unit_id.in_(below))


def in_positions(position_ids: Sequence[UUID]) -> People:
    """Return who holds one of these positions."""
    return select(Membership.user_id).where(Membership.position_id.in_(position_ids))


def reporting_to(manager_ids: Sequence[UUID], *, directly: bool) -> People:
    """Return who reports to one of these people, directly or down the whole line."""
    direct = select(Membership.user_id).where(Membership.manager_id.in_(manager_ids))
    if directly:
        return direct
    line = direct.cte("line", recursive=True)
    line = line.union(select(Membership.user_id).join(line, Membership.manager_id == line.c.user_id))
    return select(line.c.user_id)


def holding_roles(roles: Sequence[str], now: datetime) -> People:
    """Return who holds one of these roles now."""
    return select(RoleAssignment.user_id).where(
        RoleAssignment.role.in_([RoleCode(role) for role in roles]),
        or_(RoleAssignment.valid_from.is_(None), RoleAssignment.valid_from <= now),
        or_(RoleAssignment.valid_until.is_(None), RoleAssignment.valid_until > now),
    )


def these(user_ids: Sequence[UUID]) -> People:
    """Return these members."""
    return select(Membership.user_id).where(Membership.user_id.in_(user_ids))


def joined(day: date, *, before: bool) -> People:
    """Return who was hired (or, where that is not known, came here) before a day, or on or after it."""
    began = func.coalesce(Membership.hired_on, cast(Membership.created_at, Date))
    return select(Membership.user_id).where(began < day if before else began >= day)


def tagged(tags: Sequence[str]) -> People:
    """Return who carries one of these tags."""
    return select(Membership.user_id).where(or_(*(Membership.tags.contains([tag]) for tag in tags)))


def own_field(code: str, operator: str, values: Sequence[str]) -> People:
    """Return whose value of an own field is one of these, contains, is at least or at most, lies before or after."""
    value = Membership.custom_fields[code].astext
    first = values[0]
    conditions: dict[str, Any] = {
        "is": lambda: value.in_(values),
        "contains": lambda: value.icontains(first, autoescape=True),
        "at_least": lambda: cast(value, Numeric) >= literal(first).cast(Numeric),
        "at_most": lambda: cast(value, Numeric) <= literal(first).cast(Numeric),
        "before": lambda: value < first,
        "from": lambda: value >= first,
    }
    return select(Membership.user_id).where(value.is_not(None), conditions[operator]())


def member_in(people: People) -> ColumnElement[bool]:
    """Return the condition that a membership is one of these people's."""
    return Membership.user_id.in_(people)


def fitting(condition: ColumnElement[bool], only: Sequence[UUID] | None = None) -> People:
    """Return everybody who has not left and fits; of these people only, when some are named."""
    query = select(Membership.user_id).where(has_not_left(), condition)
    return query if only is None else query.where(Membership.user_id.in_(only))


def count(session: Session, people: People) -> int:
    """Return how many people these are."""
    return session.scalar(select(func.count()).select_from(people.subquery())) or 0


def sample(session: Session, people: People, limit: int) -> list[User]:
    """Return the first of these people by name."""
    query = select(User).where(User.id.in_(people)).order_by(User.last_name, User.first_name, User.id).limit(limit)
    return list(session.scalars(query))


def listed(session: Session, *, with_archived: bool) -> list[Audience]:
    """Return the audiences by name."""
    query = select(Audience).order_by(Audience.name, Audience.id)
    return list(session.scalars(query if with_archived else query.where(Audience.archived_at.is_(None))))


def find(session: Session, audience_id: UUID, *, lock: bool = False) -> Audience | None:
    """Return the organization's audience."""
    query = select(Audience).where(Audience.id == audience_id)
    return session.scalar(query.with_for_update() if lock else query)


def enter(session: Session, audience_id: UUID, people: People, now: datetime) -> int:
    """Let those of these people enter an audience who are not in it, and answer how many did."""
    present = exists().where(
        AudienceMember.audience_id == audience_id,
        AudienceMember.user_id == Membership.user_id,
        AudienceMember.until.is_(None),
    )
    new = select(
        literal(organization_of(session)),
        func.gen_random_uuid(),
        literal(audience_id),
        Membership.user_id,
        literal(now),
    ).where(Membership.user_id.in_(people), ~present)
    columns = ["organization_id", "id", "audience_id", "user_id", "since"]
    made = session.execute(insert(AudienceMember).from_select(columns, new).returning(AudienceMember.user_id))
    return len(made.all())


def leave(session: Session, audience_id: UUID, people: People, now: datetime, only: Sequence[UUID] | None) -> int:
    """Let those leave an audience who are not among `people`, of `only` these when given; answer how many did."""
    query = (
        update(AudienceMember)
        .where(
            AudienceMember.audience_id == audience_id,
            AudienceMember.until.is_(None),
            AudienceMember.user_id.not_in(people),
            true() if only is None else AudienceMember.user_id.in_(only),
        )
        .values(until=now)
        .returning(AudienceMember.user_id)
        .execution_options(synchronize_session=False)
    )
    return len(session.execute(query).all())


def count_members(session: Session, audience_id: UUID) -> int:
    """Return how many people are in an audience now."""
    query = select(func.count()).where(AudienceMember.audience_id == audience_id, AudienceMember.until.is_(None))
    return session.scalar(query) or 0


def members(
    session: Session, audience_id: UUID, at: datetime | None, offset: int, limit: int
) -> tuple[list[tuple[User, datetime]], int]:
    """Return who is in an audience, or was at a moment, with since when, by name; and how many there are."""
    query = select(AudienceMember.user_id, AudienceMember.since).where(AudienceMember.audience_id == audience_id)
    if at is None:
        query = query.where(AudienceMember.until.is_(None))
    else:
        query = query.where(AudienceMember.since <= at, or_(AudienceMember.until.is_(None), AudienceMember.until > at))
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    named = query.join(Membership, Membership.user_id == AudienceMember.user_id)
    ordered = named.order_by(Membership.name_key, Membership.user_id).offset(offset).limit(limit)
    found = [(row[0], row[1]) for row in session.execute(ordered)]
    rows = {row.id: row for row in session.scalars(select(User).where(User.id.in_([who for who, _since in found])))}
    return [(rows[who], since) for who, since in found], total


def of_person(session: Session, user_id: UUID) -> list[Audience]:
    """Return the audiences a person is in now, by name."""
    query = (
        select(Audience)
        .join(AudienceMember, AudienceMember.audience_id == Audience.id)
        .where(AudienceMember.user_id == user_id, AudienceMember.until.is_(None), Audience.archived_at.is_(None))
    )
    return list(session.scalars(query.order_by(Audience.name, Audience.id)))


def member_ids(audience_id: UUID) -> People:
    """Return who is in an audience now."""
    return select(AudienceMember.user_id).where(
        AudienceMember.audience_id == audience_id, AudienceMember.until.is_(None)
    )


def tags_in_use(session: Session) -> list[str]:
    """Return every tag somebody carries."""
    rows = session.execute(text("SELECT DISTINCT jsonb_array_elements_text(tags) AS tag FROM memberships ORDER BY tag"))
    return list(rows.scalars())


def differs(session: Session, audience_id: UUID, condition: ColumnElement[bool], user_ids: Sequence[UUID]) -> bool:
    """Tell whether one of these people is in an audience without fitting, or fits without being in it."""
    present = exists().where(
        AudienceMember.audience_id == audience_id,
        AudienceMember.user_id == Membership.user_id,
        AudienceMember.until.is_(None),
    )
    fits = and_(has_not_left(), condition)
    return bool(session.scalar(select(exists().where(Membership.user_id.in_(user_ids), fits != present))))
