"""Queries on memberships: standing, reporting line, roles held."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select, text, update

from accounts.tables import Membership, MembershipStatus, Organization, RoleAssignment, RoleCode, User, has_not_left
from core.db import Session, organization_of
from core.reach import Reach


def find_locked(session: Session, user_id: UUID) -> Membership | None:
    """Return a person's membership in this organization, locked."""
    return session.scalar(select(Membership).where(Membership.user_id == user_id).with_for_update())


def lock_organization(session: Session) -> None:
    """Let changes that look at several people of the organization happen one after the other."""
    session.execute(select(Organization.id).where(Organization.id == organization_of(session)).with_for_update())


def belongs_elsewhere(session: Session, user_id: UUID) -> bool:
    """Tell whether a person is known to another organization too."""
    answer = session.execute(
        text("SELECT belongs_elsewhere(:person, :here)"), {"person": user_id, "here": organization_of(session)}
    )
    return bool(answer.scalar())


def by_user(session: Session, user_ids: Sequence[UUID]) -> dict[UUID, Membership]:
    """Return these people's memberships, by person."""
    query = select(Membership).where(Membership.user_id.in_(user_ids))
    return {row.user_id: row for row in session.scalars(query)}


def count_by_status(session: Session, within: Reach | None) -> dict[MembershipStatus, int]:
    """Return how many people stand where."""
    query = select(Membership.status, func.count()).group_by(Membership.status)
    if within is not None:
        query = query.where(within.covers(Membership.user_id))
    return {row[0]: row[1] for row in session.execute(query)}


def reports(session: Session, manager_id: UUID) -> list[User]:
    """Return who reports directly to somebody, by name; those who left do not."""
    query = (
        select(User)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.manager_id == manager_id, has_not_left())
        .order_by(User.last_name, User.first_name, User.id)
    )
    return list(session.scalars(query))


def hand_reports_over(session: Session, manager_id: UUID, to: UUID | None) -> list[UUID]:
    """Give somebody's reports another manager and answer who they are."""
    query = (
        update(Membership)
        .where(Membership.manager_id == manager_id)
        .values(manager_id=to)
        .returning(Membership.user_id)
    )
    return sorted(session.scalars(query))


def line_above(session: Session, user_id: UUID) -> list[UUID]:
    """Return a person's manager, the manager's manager and so on; stops where it would begin again."""
    rows = session.execute(
        text("""
            WITH RECURSIVE line AS (
                SELECT user_id, manager_id, 0 AS height FROM memberships WHERE user_id = :person
                UNION ALL
                SELECT m.user_id, m.manager_id, line.height + 1 FROM memberships m
                JOIN line ON m.user_id = line.manager_id
            ) CYCLE user_id SET is_loop USING way
            SELECT user_id FROM line WHERE height > 0 AND NOT is_loop ORDER BY height
        """),
        {"person": user_id},
    )
    return list(rows.scalars())


def line_below(session: Session, user_id: UUID) -> list[UUID]:
    """Return everybody who reports to a person, directly or through others."""
    rows = session.execute(
        text("""
            WITH RECURSIVE line AS (
                SELECT user_id FROM memberships WHERE manager_id = :person
                UNION SELECT m.user_id FROM memberships m JOIN line ON m.manager_id = line.user_id
            )
            SELECT user_id FROM line
        """),
        {"person": user_id},
    )
    return list(rows.scalars())


def user_id_by_email(session: Session, email: str) -> UUID | None:
    """Return which member of this organization has this e-mail; those who left have none."""
    query = (
        select(User.id)
        .join(Membership, Membership.user_id == User.id)
        .where(User.email == email.lower(), has_not_left())
    )
    return session.scalar(query)


def employee_id_is_taken(session: Session, employee_id: str, user_id: UUID) -> bool:
    """Tell whether somebody else has this employee id."""
    query = select(Membership.id).where(Membership.employee_id == employee_id, Membership.user_id != user_id)
    return session.scalar(query) is not None


def held_roles(session: Session, user_id: UUID) -> list[RoleAssignment]:
    """Return the roles given to a person, whether or not they hold now."""
    query = (
        select(RoleAssignment).where(RoleAssignment.user_id == user_id).order_by(RoleAssignment.role, RoleAssignment.id)
    )
    return list(session.scalars(query))


def administrators(session: Session, now: datetime) -> set[UUID]:
    """Return who can administer the organization now, and will not stop by a date set already."""
    query = (
        select(RoleAssignment.user_id)
        .join(Membership, Membership.user_id == RoleAssignment.user_id)
        .where(
            RoleAssignment.role == RoleCode.ORG_ADMIN,
            RoleAssignment.org_unit_id.is_(None),
            RoleAssignment.course_id.is_(None),
            RoleAssignment.valid_until.is_(None),
            or_(RoleAssignment.valid_from.is_(None), RoleAssignment.valid_from <= now),
            Membership.status.in_([MembershipStatus.ACTIVE, MembershipStatus.ON_LEAVE]),
        )
    )
    return set(session.scalars(query))
