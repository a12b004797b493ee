"""Queries on participation: enrollments, and the registrations that serve their modules."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.dialects.postgresql import insert

from core.db import Session, organization_of, uuid7
from core.reach import Reach
from training.tables import (
    AssignmentStatus,
    CourseEnrollment,
    EnrollmentStatus,
    ModuleRegistration,
    TrainingAssignment,
)

OPEN = (EnrollmentStatus.ENROLLED, EnrollmentStatus.IN_PROGRESS)


def find(session: Session, enrollment_id: UUID) -> CourseEnrollment | None:
    """Return the tenant's enrollment."""
    return session.scalar(select(CourseEnrollment).where(CourseEnrollment.id == enrollment_id))


def lock(session: Session, enrollment_ids: Sequence[UUID]) -> list[CourseEnrollment]:
    """Lock enrollments, always in the same order, and return them as they are now."""
    query = (
        select(CourseEnrollment)
        .where(CourseEnrollment.id.in_(enrollment_ids))
        .order_by(CourseEnrollment.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(query))


def statuses(session: Session, enrollment_ids: Iterable[UUID]) -> dict[UUID, EnrollmentStatus]:
    """Return where these enrollments stand."""
    query = select(CourseEnrollment.id, CourseEnrollment.status).where(CourseEnrollment.id.in_(list(enrollment_ids)))
    return dict(session.execute(query).all())


def find_latest(session: Session, user_id: UUID, course_id: UUID) -> CourseEnrollment | None:
    """Return a person's newest enrollment in a course."""
    query = (
        select(CourseEnrollment)
        .where(CourseEnrollment.user_id == user_id, CourseEnrollment.course_id == course_id)
        .order_by(CourseEnrollment.cycle_number.desc())
        .limit(1)
    )
    return session.scalar(query.execution_options(populate_existing=True))


def of_person(session: Session, user_id: UUID, *, until: datetime | None = None) -> list[CourseEnrollment]:
    """Return a person's enrollments, newest first; only those that existed at `until`, when given."""
    query = select(CourseEnrollment).where(CourseEnrollment.user_id == user_id)
    if until is not None:
        query = query.where(CourseEnrollment.enrolled_at <= until)
    return list(session.scalars(query.order_by(CourseEnrollment.enrolled_at.desc(), CourseEnrollment.id.desc())))


def open_unasked(session: Session, user_ids: Sequence[UUID], course_id: UUID) -> dict[UUID, CourseEnrollment]:
    """Return, by person, the open enrollments in a course that nobody assigned, or whose assignment was canceled."""
    query = select(CourseEnrollment).where(
        CourseEnrollment.user_id.in_(user_ids),
        CourseEnrollment.course_id == course_id,
        CourseEnrollment.status.in_(OPEN),
        or_(CourseEnrollment.assignment_id.is_(None), was_taken_back()),
    )
    return {row.user_id: row for row in session.scalars(query)}


def was_taken_back() -> ColumnElement[bool]:
    """Return the condition that an enrollment's assignment was canceled: nobody asks for it any more."""
    return (
        select(TrainingAssignment.id)
        .where(
            TrainingAssignment.id == CourseEnrollment.assignment_id,
            TrainingAssignment.status == AssignmentStatus.CANCELLED,
        )
        .exists()
    )


def add(session: Session, values: dict[str, Any]) -> UUID | None:
    """Insert an enrollment and answer its id; None when the person has that cycle, or an open one, already."""
    query = insert(CourseEnrollment).values(organization_id=organization_of(session), id=uuid7(), **values)
    made: UUID | None = session.execute(
        query.on_conflict_do_nothing().returning(CourseEnrollment.id)
    ).scalar_one_or_none()
    return made


def everything(session: Session) -> Iterator[CourseEnrollment]:
    """Return every enrollment of the tenant."""
    yield from session.scalars(select(CourseEnrollment).order_by(CourseEnrollment.id))


def find_registration(session: Session, enrollment_id: UUID, module_id: UUID) -> UUID | None:
    """Return the registration that serves a module of an enrollment."""
    query = select(ModuleRegistration.registration_id).where(
        ModuleRegistration.course_enrollment_id == enrollment_id, ModuleRegistration.module_id == module_id
    )
    return session.scalar(query)


def registrations(session: Session, enrollment_id: UUID) -> dict[UUID, UUID]:
    """Return, by registration, the module of an enrollment that it serves."""
    query = select(ModuleRegistration.registration_id, ModuleRegistration.module_id).where(
        ModuleRegistration.course_enrollment_id == enrollment_id
    )
    return dict(session.execute(query.order_by(ModuleRegistration.registration_id)).all())


def find_by_registration(session: Session, registration_id: UUID) -> tuple[CourseEnrollment, UUID] | None:
    """Return the enrollment and the module that a registration serves."""
    query = (
        select(CourseEnrollment, ModuleRegistration.module_id)
        .join(ModuleRegistration, ModuleRegistration.course_enrollment_id == CourseEnrollment.id)
        .where(ModuleRegistration.registration_id == registration_id)
    )
    row = session.execute(query).one_or_none()
    return None if row is None else (row[0], row[1])


def registrations_of_module(
    session: Session, module_id: UUID, within: Reach | None
) -> list[tuple[UUID, CourseEnrollment]]:
    """Return every registration within reach that serves a module, with the enrollment it belongs to."""
    query = (
        select(ModuleRegistration.registration_id, CourseEnrollment)
        .join(CourseEnrollment, CourseEnrollment.id == ModuleRegistration.course_enrollment_id)
        .where(ModuleRegistration.module_id == module_id)
        .order_by(ModuleRegistration.created_at, ModuleRegistration.id)
    )
    if within is not None:
        query = query.where(within.covers(CourseEnrollment.user_id, CourseEnrollment.course_id))
    return [(registration_id, enrollment) for registration_id, enrollment in session.execute(query)]
