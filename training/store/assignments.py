"""Queries on obligations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select, union_all, update
from sqlalchemy.dialects.postgresql import insert

from core.db import Session, organization_of, uuid7
from core.reach import Reach
from training.rules.assignments import SOON, Standing
from training.tables import AssignmentStatus, CourseEnrollment, TrainingAssignment

OPEN = (AssignmentStatus.ASSIGNED, AssignmentStatus.IN_PROGRESS)
Row = tuple[TrainingAssignment, CourseEnrollment | None]
Rows = Select[TrainingAssignment, CourseEnrollment]


@dataclass(frozen=True)
class Filter:
    """Which assignments a list wants."""

    standing: Standing | None = None
    course_id: UUID | None = None
    user_ids: Sequence[UUID] | None = None
    within: Reach | None = None


def find(session: Session, assignment_id: UUID) -> TrainingAssignment | None:
    """Return the tenant's assignment."""
    return session.scalar(select(TrainingAssignment).where(TrainingAssignment.id == assignment_id))


def find_open(session: Session, user_id: UUID, course_id: UUID) -> TrainingAssignment | None:
    """Return the open assignment of a course to a person; there is at most one."""
    return session.scalar(
        select(TrainingAssignment).where(
            TrainingAssignment.user_id == user_id,
            TrainingAssignment.course_id == course_id,
            TrainingAssignment.status.in_(OPEN),
        )
    )


def open_ones(session: Session, user_ids: Sequence[UUID], course_id: UUID) -> dict[UUID, UUID]:
    """Return, by person, the id of the open assignment of a course."""
    query = select(TrainingAssignment.user_id, TrainingAssignment.id).where(
        TrainingAssignment.user_id.in_(user_ids),
        TrainingAssignment.course_id == course_id,
        TrainingAssignment.status.in_(OPEN),
    )
    return dict(session.execute(query).all())


def add(session: Session, rows: Sequence[dict[str, Any]]) -> list[tuple[UUID, UUID]]:
    """Insert assignments and answer (id, person) of those that are new: an open one stays the only one."""
    if not rows:
        return []
    organization_id = organization_of(session)
    values = [{"organization_id": organization_id, "id": uuid7(), **row} for row in rows]
    query = insert(TrainingAssignment).on_conflict_do_nothing()
    made = session.execute(query.returning(TrainingAssignment.id, TrainingAssignment.user_id), values)
    return [(assignment_id, user_id) for assignment_id, user_id in made]


def last_cycles(session: Session, user_ids: Sequence[UUID], course_id: UUID) -> dict[UUID, int]:
    """Return, by person, the highest cycle in which the course was assigned or taken; what was canceled is none."""
    assigned = select(TrainingAssignment.user_id, TrainingAssignment.cycle_number).where(
        TrainingAssignment.user_id.in_(user_ids),
        TrainingAssignment.course_id == course_id,
        TrainingAssignment.status != AssignmentStatus.CANCELLED,
    )
    taken = select(CourseEnrollment.user_id, CourseEnrollment.cycle_number).where(
        CourseEnrollment.user_id.in_(user_ids), CourseEnrollment.course_id == course_id
    )
    cycles = union_all(assigned, taken).subquery()
    query = select(cycles.c.user_id, func.max(cycles.c.cycle_number)).group_by(cycles.c.user_id)
    return dict(session.execute(query).all())


def page(session: Session, wanted: Filter, now: datetime, offset: int, limit: int) -> tuple[list[Row], int]:
    """Return assignments with their enrollments, those due first at the top, and how many there are in all."""
    query = _narrow(_with_enrollment(), wanted, now)
    total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    ordered = query.order_by(TrainingAssignment.due_at, TrainingAssignment.id).offset(offset).limit(limit)
    return [(assignment, enrollment) for assignment, enrollment in session.execute(ordered)], total


def counts(session: Session, now: datetime, within: Reach | None) -> dict[Standing, int]:
    """Return how many assignments stand how."""
    total = func.count()
    columns = [total.filter(_stands(standing, now)).label(standing.value) for standing in Standing]
    query = select(*columns).select_from(TrainingAssignment)
    if within is not None:
        query = query.where(within.covers(TrainingAssignment.user_id, TrainingAssignment.course_id))
    row = session.execute(query).one()
    return {standing: getattr(row, standing.value) for standing in Standing}


def counts_by_person(session: Session, now: datetime, within: Reach) -> dict[UUID, dict[Standing, int]]:
    """Return how many assignments of each of these people stand how; who has none is left out."""
    total = func.count()
    columns = [total.filter(_stands(standing, now)).label(standing.value) for standing in Standing]
    query = select(TrainingAssignment.user_id, *columns).where(within.covers(TrainingAssignment.user_id))
    rows = session.execute(query.group_by(TrainingAssignment.user_id))
    return {row.user_id: {standing: getattr(row, standing.value) for standing in Standing} for row in rows}


def open_of_person(session: Session, user_id: UUID) -> list[TrainingAssignment]:
    """Return a person's open assignments, locked."""
    query = select(TrainingAssignment).where(TrainingAssignment.user_id == user_id, TrainingAssignment.status.in_(OPEN))
    return list(session.scalars(query.order_by(TrainingAssignment.id).with_for_update()))


def ended_by_leaving(session: Session, user_id: UUID, reason: str) -> list[TrainingAssignment]:
    """Return a person's assignments that ended by themselves for a reason, locked, those of the latest cycle first."""
    query = select(TrainingAssignment).where(
        TrainingAssignment.user_id == user_id,
        TrainingAssignment.status == AssignmentStatus.CANCELLED,
        TrainingAssignment.cancelled_by.is_(None),
        TrainingAssignment.cancel_reason == reason,
    )
    ordered = query.order_by(TrainingAssignment.cycle_number.desc(), TrainingAssignment.id)
    return list(session.scalars(ordered.with_for_update()))


def ended_at(session: Session, assignment_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """Return since when those of these assignments are canceled that are."""
    query = select(TrainingAssignment.id, TrainingAssignment.cancelled_at).where(
        TrainingAssignment.id.in_(assignment_ids), TrainingAssignment.status == AssignmentStatus.CANCELLED
    )
    return {row.id: row.cancelled_at for row in session.execute(query) if row.cancelled_at} if assignment_ids else {}


def among(session: Session, assignment_ids: Sequence[UUID], within: Reach) -> set[UUID]:
    """Return those of these assignments that lie within reach."""
    query = select(TrainingAssignment.id).where(
        TrainingAssignment.id.in_(assignment_ids),
        within.covers(TrainingAssignment.user_id, TrainingAssignment.course_id),
    )
    return set(session.scalars(query))


def find_many(session: Session, assignment_ids: Sequence[UUID]) -> list[Row]:
    """Return assignments with their enrollments, those due first at the top."""
    query = _with_enrollment().where(TrainingAssignment.id.in_(assignment_ids))
    ordered = query.order_by(TrainingAssignment.due_at, TrainingAssignment.id)
    return [(assignment, enrollment) for assignment, enrollment in session.execute(ordered)]


def is_assigned_since(session: Session, cancelled: TrainingAssignment) -> bool:
    """Tell whether the course of a canceled assignment was given to the person again: open now, or done since."""
    query = select(TrainingAssignment.id).where(
        TrainingAssignment.user_id == cancelled.user_id,
        TrainingAssignment.course_id == cancelled.course_id,
        TrainingAssignment.cycle_number >= cancelled.cycle_number,
        TrainingAssignment.status != AssignmentStatus.CANCELLED,
    )
    return session.scalar(query.limit(1)) is not None


def lock(session: Session, assignment_ids: Sequence[UUID], within: Reach | None = None) -> list[TrainingAssignment]:
    """Lock those of these assignments that lie within reach, always in the same order, and return them as they are."""
    query = select(TrainingAssignment).where(TrainingAssignment.id.in_(assignment_ids))
    if within is not None:
        query = query.where(within.covers(TrainingAssignment.user_id, TrainingAssignment.course_id))
    ordered = query.order_by(TrainingAssignment.id).with_for_update().execution_options(populate_existing=True)
    return list(session.scalars(ordered))


def begin(session: Session, assignment_id: UUID, now: datetime) -> None:
    """Note that what was assigned has been begun, unless it has ended meanwhile."""
    query = update(TrainingAssignment).where(
        TrainingAssignment.id == assignment_id, TrainingAssignment.status == AssignmentStatus.ASSIGNED
    )
    values = {"status": AssignmentStatus.IN_PROGRESS, "started_at": now}
    session.execute(query.values(values).execution_options(synchronize_session="fetch"))


def of_person(session: Session, user_id: UUID) -> list[Row]:
    """Return a person's open assignments, the next due one first."""
    query = _with_enrollment().where(TrainingAssignment.user_id == user_id, TrainingAssignment.status.in_(OPEN))
    ordered = query.order_by(TrainingAssignment.due_at, TrainingAssignment.id)
    return [(assignment, enrollment) for assignment, enrollment in session.execute(ordered)]


def enrollment_of(session: Session, assignment_id: UUID) -> CourseEnrollment | None:
    """Return the enrollment that serves an assignment, once there is one."""
    return session.scalar(select(CourseEnrollment).where(CourseEnrollment.assignment_id == assignment_id))


def _with_enrollment() -> Rows:
    return select(TrainingAssignment, CourseEnrollment).outerjoin(
        CourseEnrollment, CourseEnrollment.assignment_id == TrainingAssignment.id
    )


def _narrow(query: Rows, wanted: Filter, now: datetime) -> Rows:
    if wanted.standing is not None:
        query = query.where(_stands(wanted.standing, now))
    if wanted.course_id is not None:
        query = query.where(TrainingAssignment.course_id == wanted.course_id)
    if wanted.user_ids is not None:
        query = query.where(TrainingAssignment.user_id.in_(wanted.user_ids))
    if wanted.within is not None:
        query = query.where(wanted.within.covers(TrainingAssignment.user_id, TrainingAssignment.course_id))
    return query


def _stands(standing: Standing, now: datetime) -> Any:
    """The same words as `Obligation.standing`, for the database."""
    status, due_at = TrainingAssignment.status, TrainingAssignment.due_at
    is_open = status.in_(OPEN)
    later = and_(is_open, due_at > now + SOON)
    return {
        Standing.CANCELLED: status == AssignmentStatus.CANCELLED,
        Standing.COMPLETED: or_(status == AssignmentStatus.COMPLETED, status == AssignmentStatus.EXEMPTED),
        Standing.OVERDUE: and_(is_open, due_at < now),
        Standing.DUE_SOON: and_(is_open, due_at >= now, due_at <= now + SOON),
        Standing.IN_PROGRESS: and_(later, TrainingAssignment.started_at.is_not(None)),
        Standing.NOT_STARTED: and_(later, TrainingAssignment.started_at.is_(None)),
    }[standing]
