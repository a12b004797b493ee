"""Queries on facts and their projection."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from core.db import Session, organization_of, uuid7
from training.rules.counting import Reason
from training.tables import ModuleProgress, TrainingActivity, UncountedStatement


def settled(session: Session, statement_ids: Sequence[UUID]) -> set[UUID]:
    """Return those of these statements that have been judged already."""
    found: set[UUID] = set()
    for table in (TrainingActivity, UncountedStatement):
        found.update(session.scalars(select(table.statement_id).where(table.statement_id.in_(statement_ids))))
    return found


def add_activities(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Append facts; one per statement, whoever else writes the same."""
    _append(session, TrainingActivity, rows)


def add_uncounted(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Append statements that do not count."""
    _append(session, UncountedStatement, rows)


def _append(
    session: Session, table: type[TrainingActivity | UncountedStatement], rows: Sequence[dict[str, Any]]
) -> None:
    if rows:
        organization_id = organization_of(session)
        values = [{"organization_id": organization_id, "id": uuid7(), **row} for row in rows]
        session.execute(insert(table).on_conflict_do_nothing(), values)


def activities(session: Session, enrollment_id: UUID, *, with_voided: bool = False) -> list[TrainingActivity]:
    """Return an enrollment's facts in the order their statements were stored; what was voided since is left out."""
    query = select(TrainingActivity).where(TrainingActivity.course_enrollment_id == enrollment_id)
    if not with_voided:
        voided = select(UncountedStatement.id).where(UncountedStatement.statement_id == TrainingActivity.statement_id)
        query = query.where(~voided.exists())
    return list(session.scalars(query.order_by(TrainingActivity.stored_at, TrainingActivity.id)))


def find_activity(session: Session, statement_id: UUID) -> TrainingActivity | None:
    """Return the fact that a statement left, if it counts."""
    return session.scalar(select(TrainingActivity).where(TrainingActivity.statement_id == statement_id))


def find_uncounted(session: Session, statement_id: UUID) -> UncountedStatement | None:
    """Return the note that a statement does not count, or no longer."""
    return session.scalar(select(UncountedStatement).where(UncountedStatement.statement_id == statement_id))


def activity_counts(session: Session, enrollment_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return, by enrollment, how many facts it has."""
    query = (
        select(TrainingActivity.course_enrollment_id, func.count())
        .where(TrainingActivity.course_enrollment_id.in_(enrollment_ids))
        .group_by(TrainingActivity.course_enrollment_id)
    )
    return dict(session.execute(query).all())


def every_activity(session: Session) -> Iterator[TrainingActivity]:
    """Return every fact of the tenant."""
    query = select(TrainingActivity).order_by(TrainingActivity.stored_at, TrainingActivity.id)
    yield from session.scalars(query.execution_options(yield_per=1000))


def enrollments_of(session: Session, statement_ids: Sequence[UUID]) -> set[UUID]:
    """Return the enrollments in which these statements count."""
    query = select(TrainingActivity.course_enrollment_id).where(TrainingActivity.statement_id.in_(statement_ids))
    return set(session.scalars(query))


def module_rows(session: Session, enrollment_id: UUID) -> dict[UUID, ModuleProgress]:
    """Return the projection of an enrollment by module."""
    query = select(ModuleProgress).where(ModuleProgress.course_enrollment_id == enrollment_id)
    return {row.module_id: row for row in session.scalars(query)}


def every_uncounted(session: Session) -> dict[UUID, Reason]:
    """Return, by statement, why it does not count, for every one of the tenant."""
    query = select(UncountedStatement.statement_id, UncountedStatement.reason)
    return dict(session.execute(query).all())


def uncounted_page(
    session: Session, reason: Reason | None, before: tuple[datetime, UUID] | None, limit: int
) -> list[UncountedStatement]:
    """Return statements that do not count, newest first."""
    query = select(UncountedStatement).order_by(UncountedStatement.stored_at.desc(), UncountedStatement.id.desc())
    if reason is not None:
        query = query.where(UncountedStatement.reason == reason)
    if before is not None:
        moment, row_id = before
        query = query.where(
            (UncountedStatement.stored_at < moment)
            | ((UncountedStatement.stored_at == moment) & (UncountedStatement.id < row_id))
        )
    return list(session.scalars(query.limit(limit)))


def uncounted_reasons(session: Session) -> dict[Reason, int]:
    """Return how many statements do not count, by reason."""
    query = select(UncountedStatement.reason, func.count()).group_by(UncountedStatement.reason)
    return dict(session.execute(query).all())
