"""Queries on whom a limited role reaches, and on who holds which role where."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import aliased

from accounts.tables import (
    Deputy,
    Membership,
    OrgUnit,
    Role,
    RoleAssignment,
    RoleCode,
    User,
    has_not_left,
)
from core.db import Session


def people_in(managers: Collection[UUID], units: Collection[UUID]) -> Select[UUID]:
    """Return the query for who reports to one of these, directly or through others, or stands in one of these units."""
    line = select(Membership.user_id).where(Membership.manager_id.in_(managers)).cte("line", recursive=True)
    line = line.union(select(Membership.user_id).join(line, Membership.manager_id == line.c.user_id))
    top = select(OrgUnit.path).where(OrgUnit.id.in_(units)).subquery()
    below = select(OrgUnit.id).join(top, or_(OrgUnit.path == top.c.path, OrgUnit.path.like(top.c.path + "/%")))
    return select(Membership.user_id).where(
        or_(Membership.user_id.in_(select(line.c.user_id)), Membership.org_unit_id.in_(below)),
        has_not_left(),
    )


def includes(session: Session, people: Select[UUID], user_id: UUID) -> bool:
    """Tell whether somebody is among these people."""
    return session.scalar(people.where(Membership.user_id == user_id)) is not None


def count_among(session: Session, people: Select[UUID], user_ids: Sequence[UUID]) -> int:
    """Return how many of `user_ids` are among these people."""
    wanted = people.where(Membership.user_id.in_(user_ids)).subquery()
    return session.scalar(select(func.count()).select_from(wanted)) or 0


def managers_among(session: Session, user_id: UUID, today: date) -> list[UUID]:
    """Return the person, and those for whom they stand in today, as far as anybody reports to them."""
    stands_in_for = select(Deputy.user_id).where(
        Deputy.deputy_id == user_id,
        Deputy.from_on <= today,
        or_(Deputy.until_on.is_(None), Deputy.until_on >= today),
    )
    # The ids are asked for first, and each by itself: this is asked with every page, of an index of many reports.
    leaders = {user_id, *session.scalars(stands_in_for)}
    reports = aliased(Membership)
    has_reports = exists().where(reports.manager_id == Membership.user_id, has_not_left(reports))
    query = select(Membership.user_id).where(Membership.user_id.in_(leaders), has_reports)
    return sorted(session.scalars(query))


def in_force(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a role is held now."""
    return or_(RoleAssignment.valid_from.is_(None), RoleAssignment.valid_from <= now) & or_(
        RoleAssignment.valid_until.is_(None), RoleAssignment.valid_until > now
    )


def held(session: Session, user_id: UUID, now: datetime) -> list[tuple[RoleAssignment, Role | None]]:
    """Return the roles a person holds now; with each one of the organization's own what it allows."""
    query = (
        select(RoleAssignment, Role)
        .outerjoin(Role, Role.id == RoleAssignment.role_id)
        .where(RoleAssignment.user_id == user_id, in_force(now))
        .order_by(RoleAssignment.id)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def own_roles(session: Session) -> list[Role]:
    """Return the organization's own roles, by name."""
    return list(session.scalars(select(Role).order_by(Role.name)))


def find_role(session: Session, role_id: UUID, *, lock: bool = False) -> Role | None:
    """Return one of the organization's own roles."""
    query = select(Role).where(Role.id == role_id)
    return session.scalar(query.with_for_update() if lock else query)


def name_is_taken(session: Session, name: str, but: UUID | None) -> bool:
    """Tell whether another role of the organization has this name; capitals make no difference."""
    query = select(Role.id).where(func.lower(Role.name) == name.lower())
    return any(found != but for found in session.scalars(query))


def holders(session: Session) -> list[tuple[RoleAssignment, User]]:
    """Return every role given to somebody who has not left, those of learners aside, with whoever holds it, by name."""
    query = (
        select(RoleAssignment, User)
        .join(User, User.id == RoleAssignment.user_id)
        .join(Membership, Membership.user_id == RoleAssignment.user_id)
        .where(
            has_not_left(),
            or_(RoleAssignment.role.is_(None), RoleAssignment.role != "learner"),
        )
        .order_by(User.last_name, User.first_name, User.id, RoleAssignment.id)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def count_holders(session: Session) -> dict[str, int]:
    """Return how many people have been given each role, by its code or id."""
    query = (
        select(RoleAssignment.role, RoleAssignment.role_id, func.count(RoleAssignment.user_id.distinct()))
        .join(Membership, Membership.user_id == RoleAssignment.user_id)
        .where(has_not_left())
        .group_by(RoleAssignment.role, RoleAssignment.role_id)
    )
    return {str(role.value if role else role_id): number for role, role_id, number in session.execute(query)}


def unit_names(session: Session, unit_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return the names of units, by id."""
    query = select(OrgUnit.id, OrgUnit.name).where(OrgUnit.id.in_(unit_ids))
    return {row[0]: row[1] for row in session.execute(query)}


def is_given(session: Session, role_id: UUID) -> bool:
    """Tell whether anybody has been given one of the organization's own roles, now or for other days."""
    return session.scalar(select(RoleAssignment.id).where(RoleAssignment.role_id == role_id).limit(1)) is not None


def find_given(
    session: Session,
    user_id: UUID,
    role: RoleCode | None,
    role_id: UUID | None,
    unit_id: UUID | None,
    course_id: UUID | None,
) -> RoleAssignment | None:
    """Return the assignment of this role to this person for this place."""
    query = select(RoleAssignment).where(
        RoleAssignment.user_id == user_id,
        RoleAssignment.role.is_not_distinct_from(role),
        RoleAssignment.role_id.is_not_distinct_from(role_id),
        RoleAssignment.org_unit_id.is_not_distinct_from(unit_id),
        RoleAssignment.course_id.is_not_distinct_from(course_id),
    )
    return session.scalar(query)
