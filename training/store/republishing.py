"""Queries on people of earlier versions of a course, and on what a new one did with them."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Select, false, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from core.db import Session, organization_of, uuid7
from training.rules.assignments import AssignmentType
from training.store.assignments import OPEN as OPEN_ASSIGNMENTS
from training.store.enrollments import OPEN as OPEN_ENROLLMENTS
from training.store.enrollments import was_taken_back
from training.tables import (
    CourseEnrollment,
    EnrollmentStatus,
    EnrollmentSwitch,
    ModuleRegistration,
    Republishing,
    TrainingActivity,
    TrainingAssignment,
    TrainingCompletion,
)


def find(session: Session, version_id: UUID, *, lock: bool = False) -> Republishing | None:
    """Return what a version did with people; locked, nobody else goes on with it until the transaction ends."""
    query = select(Republishing).where(Republishing.course_version_id == version_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalar(query)


def add(
    session: Session,
    *,
    course_id: UUID,
    version_id: UUID,
    expected: int,
    staying: int,
    job_id: UUID,
    now: datetime,
) -> None:
    """Begin with a version, unless that has been done."""
    values = {
        "organization_id": organization_of(session), "id": uuid7(), "course_id": course_id,
        "course_version_id": version_id, "step": "switching", "expected": expected, "handled": 0, "switched": 0,
        "assigned": 0, "cancelled": 0, "staying": staying, "job_id": job_id, "started_at": now,
    }  # fmt: skip
    session.execute(insert(Republishing).values(**values).on_conflict_do_nothing())


def taken_back(session: Session, course_id: UUID) -> set[UUID]:
    """Return the versions of a course whose retake was taken back."""
    query = select(Republishing.course_version_id).where(
        Republishing.course_id == course_id, Republishing.taken_back_at.is_not(None)
    )
    return set(session.scalars(query))


def asked_again(
    session: Session, course_id: UUID, since: datetime, limit: int | None = None
) -> list[TrainingAssignment]:
    """Return open assignments of a course's retakes since a moment, locked, in the order of their ids."""
    query = _asked_again(course_id, since).order_by(TrainingAssignment.id).limit(limit)
    return list(session.scalars(query.with_for_update().execution_options(populate_existing=True)))


def count_asked_again(session: Session, course_id: UUID, since: datetime) -> int:
    """Return how many assignments of a course's retakes since a moment are open."""
    return session.scalar(select(func.count()).select_from(_asked_again(course_id, since).subquery())) or 0


def _asked_again(course_id: UUID, since: datetime) -> Select[TrainingAssignment]:
    return select(TrainingAssignment).where(
        TrainingAssignment.course_id == course_id,
        TrainingAssignment.assignment_type == AssignmentType.RENEWAL,
        TrainingAssignment.status.in_(OPEN_ASSIGNMENTS),
        TrainingAssignment.assigned_at >= since,
    )


def untouched(
    session: Session,
    course_id: UUID,
    version_ids: Collection[UUID],
    after: UUID | None = None,
    limit: int | None = None,
) -> list[UUID]:
    """Return the enrollments on these versions that have never had a fact, in the order of their ids."""
    fact = select(TrainingActivity.id).where(TrainingActivity.course_enrollment_id == CourseEnrollment.id)
    query = select(CourseEnrollment.id).where(
        CourseEnrollment.course_id == course_id,
        CourseEnrollment.course_version_id.in_(version_ids),
        CourseEnrollment.status == EnrollmentStatus.ENROLLED,
        ~fact.exists(),
    )
    if after is not None:
        query = query.where(CourseEnrollment.id > after)
    return list(session.scalars(query.order_by(CourseEnrollment.id).limit(limit)))


def open_on(session: Session, course_id: UUID, version_ids: Collection[UUID]) -> int:
    """Return how many enrollments on these versions are open."""
    query = select(func.count()).where(
        CourseEnrollment.course_id == course_id,
        CourseEnrollment.course_version_id.in_(version_ids),
        CourseEnrollment.status.in_(OPEN_ENROLLMENTS),
    )
    return session.scalar(query) or 0


def links(session: Session, enrollment_ids: Sequence[UUID]) -> list[ModuleRegistration]:
    """Return what ties registrations to these enrollments."""
    query = select(ModuleRegistration).where(ModuleRegistration.course_enrollment_id.in_(enrollment_ids))
    return list(session.scalars(query.order_by(ModuleRegistration.registration_id)))


def owing(
    course_id: UUID,
    outdated: Collection[UUID],
    today: date,
    among: Select[UUID],
    *,
    user_id: UUID | None = None,
    since: datetime | None = None,
) -> Select[UUID]:
    """Return the query for those `among` people who hold a valid completion of `outdated` versions and of no later one.

    Whoever has the course open already is not among them, unless it was taken back from them; nor is from whom
    somebody took it back `since` that moment. With `user_id` it looks at this person alone.
    """
    done = TrainingCompletion
    counts = (done.course_id == course_id, done.is_passed, done.voided_at.is_(None))
    holding = select(done.user_id).where(
        *counts,
        done.course_version_id.in_(outdated),
        or_(done.valid_until.is_(None), done.valid_until >= today),
        done.user_id.in_(among),
    )
    # Sets, not joins: where the planner expects nobody, joins would compare everybody with everybody.
    others = (
        select(done.user_id).where(*counts, done.course_version_id.not_in(outdated)),
        select(TrainingAssignment.user_id).where(
            TrainingAssignment.course_id == course_id, TrainingAssignment.status.in_(OPEN_ASSIGNMENTS)
        ),
        select(CourseEnrollment.user_id).where(
            CourseEnrollment.course_id == course_id,
            CourseEnrollment.status.in_(OPEN_ENROLLMENTS),
            ~was_taken_back(),
        ),
        select(TrainingAssignment.user_id).where(
            TrainingAssignment.course_id == course_id,
            TrainingAssignment.cancelled_by.is_not(None),
            TrainingAssignment.cancelled_at >= since if since is not None else false(),
        ),
    )
    for one in others:
        theirs = one if user_id is None else one.where(one.selected_columns[0] == user_id)
        holding = holding.where(done.user_id.not_in(theirs))
    return (holding if user_id is None else holding.where(done.user_id == user_id)).distinct()


def count(session: Session, people: Select[UUID]) -> int:
    """Return how many people a query finds."""
    return session.scalar(select(func.count()).select_from(people.subquery())) or 0


def next_people(session: Session, people: Select[UUID], after: UUID | None, limit: int) -> list[UUID]:
    """Return a slice of the people a query finds, in the order of their ids."""
    if after is not None:
        people = people.where(TrainingCompletion.user_id > after)
    return list(session.scalars(people.order_by(TrainingCompletion.user_id).limit(limit)))


def version_at(session: Session, enrollment_id: UUID, moment: datetime) -> UUID | None:
    """Return the version an enrollment was on at a moment, if it was switched to another one later."""
    query = (
        select(EnrollmentSwitch.from_version_id)
        .where(EnrollmentSwitch.course_enrollment_id == enrollment_id, EnrollmentSwitch.switched_at >= moment)
        .order_by(EnrollmentSwitch.switched_at, EnrollmentSwitch.id)
        .limit(1)
    )
    return session.scalar(query)
