"""Queries on what is done to many people at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, any_, cast, delete, insert, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from accounts.tables import ActionStep, Membership, PeopleAction, PeopleActionChange, RoleAssignment, RoleCode
from core.db import Session, organization_of, uuid7


def _among(column: Any, user_ids: Sequence[UUID]) -> Any:
    """Return the condition that a column is one of these, however many they are."""
    return column == any_(cast(literal(list(user_ids), ARRAY(Uuid)), ARRAY(Uuid)))


def find(session: Session, action_id: UUID, *, lock: bool = False) -> PeopleAction | None:
    """Return the organization's action."""
    query = select(PeopleAction).where(PeopleAction.id == action_id)
    return session.scalar(query.with_for_update() if lock else query)


def recent(session: Session, limit: int = 50) -> list[PeopleAction]:
    """Return the latest actions that were applied."""
    query = select(PeopleAction).where(PeopleAction.step != ActionStep.CHOSEN)
    return list(session.scalars(query.order_by(PeopleAction.id.desc()).limit(limit)))


def forget_unused(session: Session, before: datetime) -> None:
    """Delete what was looked at and never applied."""
    session.execute(
        delete(PeopleAction).where(PeopleAction.step == ActionStep.CHOSEN, PeopleAction.created_at < before)
    )


def members(session: Session, user_ids: Sequence[UUID]) -> list[Membership]:
    """Return the memberships of these people, in the order of their names."""
    query = select(Membership).where(_among(Membership.user_id, user_ids))
    return list(session.scalars(query.order_by(Membership.name_key, Membership.user_id)))


def holding(
    session: Session, user_ids: Sequence[UUID], codes: Sequence[RoleCode], role_id: UUID | None = None
) -> set[UUID]:
    """Return who of these people was given one of these roles, or this one of the organization's own."""
    is_it = RoleAssignment.role_id == role_id if role_id else RoleAssignment.role.in_(codes)
    return set(session.scalars(select(RoleAssignment.user_id).where(_among(RoleAssignment.user_id, user_ids), is_it)))


def holding_everywhere(
    session: Session, user_ids: Sequence[UUID], code: RoleCode | None, role_id: UUID | None
) -> set[UUID]:
    """Return who of these people was given this role for the whole organization."""
    query = select(RoleAssignment.user_id).where(
        _among(RoleAssignment.user_id, user_ids),
        RoleAssignment.role.is_not_distinct_from(code),
        RoleAssignment.role_id.is_not_distinct_from(role_id),
        RoleAssignment.org_unit_id.is_(None),
        RoleAssignment.course_id.is_(None),
    )
    return set(session.scalars(query))


def find_assignment(session: Session, row_id: UUID) -> RoleAssignment | None:
    """Return a role that was given, if it still is."""
    return session.scalar(select(RoleAssignment).where(RoleAssignment.id == row_id))


def note_changes(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write down what an action made of people."""
    if rows:
        here = organization_of(session)
        session.execute(insert(PeopleActionChange), [{"organization_id": here, "id": uuid7(), **row} for row in rows])


def changes(session: Session, action_id: UUID) -> list[PeopleActionChange]:
    """Return what an action made of people, in its order."""
    query = select(PeopleActionChange).where(PeopleActionChange.action_id == action_id)
    return list(session.scalars(query.order_by(PeopleActionChange.id)))
