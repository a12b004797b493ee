"""Queries on the ledger."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import Select, func, or_, select

from core.db import Session
from core.reach import Reach
from training.tables import TrainingCompletion


def find(session: Session, completion_id: UUID) -> TrainingCompletion | None:
    """Return the tenant's completion."""
    return session.scalar(select(TrainingCompletion).where(TrainingCompletion.id == completion_id))


def find_live(session: Session, enrollment_id: UUID) -> TrainingCompletion | None:
    """Return the completion of an enrollment that has not been voided."""
    return session.scalar(
        select(TrainingCompletion).where(
            TrainingCompletion.course_enrollment_id == enrollment_id,
            TrainingCompletion.is_passed,
            TrainingCompletion.voided_at.is_(None),
        )
    )


def citing(session: Session, enrollment_ids: Sequence[UUID]) -> dict[UUID, TrainingCompletion]:
    """Return, by statement, the live completion of these enrollments that rests on it."""
    query = select(TrainingCompletion).where(
        TrainingCompletion.course_enrollment_id.in_(enrollment_ids), TrainingCompletion.voided_at.is_(None)
    )
    return {UUID(cited): row for row in session.scalars(query) for cited in row.evidence["statements"]}


def of_enrollment(session: Session, enrollment_id: UUID) -> list[TrainingCompletion]:
    """Return an enrollment's completions, also voided ones, oldest first."""
    query = select(TrainingCompletion).where(TrainingCompletion.course_enrollment_id == enrollment_id)
    return list(session.scalars(query.order_by(TrainingCompletion.recorded_at, TrainingCompletion.id)))


def holders(
    session: Session, user_ids: Sequence[UUID], course_id: UUID, today: date, outdated: Collection[UUID] = ()
) -> set[UUID]:
    """Return those of these people who hold a completion valid today, of a version that is not `outdated`."""
    query = select(TrainingCompletion.user_id).where(
        TrainingCompletion.user_id.in_(user_ids),
        TrainingCompletion.course_id == course_id,
        TrainingCompletion.course_version_id.not_in(outdated),
        TrainingCompletion.is_passed,
        TrainingCompletion.voided_at.is_(None),
        or_(TrainingCompletion.valid_until.is_(None), TrainingCompletion.valid_until >= today),
    )
    return set(session.scalars(query))


def holders_of_any(course_ids: Sequence[UUID], today: date | None) -> Select[UUID]:
    """Return the query for who has completed one of these courses; with a day, whose completion is valid on it."""
    query = select(TrainingCompletion.user_id).where(
        TrainingCompletion.course_id.in_(course_ids),
        TrainingCompletion.is_passed,
        TrainingCompletion.voided_at.is_(None),
    )
    if today is None:
        return query
    return query.where(or_(TrainingCompletion.valid_until.is_(None), TrainingCompletion.valid_until >= today))


def courses_of(session: Session, user_id: UUID) -> list[UUID]:
    """Return the courses a person has completed."""
    query = (
        select(TrainingCompletion.course_id)
        .distinct()
        .where(
            TrainingCompletion.user_id == user_id, TrainingCompletion.is_passed, TrainingCompletion.voided_at.is_(None)
        )
    )
    return list(session.scalars(query.order_by(TrainingCompletion.course_id)))


def latest_version(session: Session, user_id: UUID, course_id: UUID) -> UUID | None:
    """Return the course version of a person's newest completion of a course that has not been voided."""
    query = select(TrainingCompletion.course_version_id).where(
        TrainingCompletion.user_id == user_id,
        TrainingCompletion.course_id == course_id,
        TrainingCompletion.is_passed,
        TrainingCompletion.voided_at.is_(None),
    )
    newest_first = (TrainingCompletion.completed_at.desc(), TrainingCompletion.id.desc())
    return session.scalar(query.order_by(*newest_first).limit(1))


def of_person(session: Session, user_id: UUID) -> list[TrainingCompletion]:
    """Return a person's completions, newest first."""
    query = select(TrainingCompletion).where(TrainingCompletion.user_id == user_id)
    return list(session.scalars(query.order_by(TrainingCompletion.completed_at.desc(), TrainingCompletion.id)))


def page(session: Session, offset: int, limit: int, within: Reach | None) -> tuple[list[TrainingCompletion], int]:
    """Return the newest completions and how many there are in all."""
    query = select(TrainingCompletion).order_by(TrainingCompletion.completed_at.desc(), TrainingCompletion.id)
    if within is not None:
        query = query.where(within.covers(TrainingCompletion.user_id, TrainingCompletion.course_id))
    total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    return list(session.scalars(query.offset(offset).limit(limit))), total


def everything(session: Session) -> Iterator[TrainingCompletion]:
    """Return every completion of the tenant."""
    yield from session.scalars(select(TrainingCompletion).order_by(TrainingCompletion.id))
