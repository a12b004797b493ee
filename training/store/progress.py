"""Queries on facts and their projection."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from core.db import Session, organization_of, uuid7
from training.rules.counting import Reason
from training.tables import ModuleProgress, TrainingActivity, UncountedStatement

_STANDS = TrainingActivity.superseded_at.is_(None)
_HOLDS = UncountedStatement.superseded_at.is_(None)


def settled(session: Session, statement_ids: Sequence[UUID]) -> set[UUID]:
    """Return those of these statements that have been judged already."""
    found: set[UUID] = set()
    for table in (TrainingActivity, UncountedStatement):
        query = select(table.statement_id).where(table.statement_id.in_(statement_ids), table.superseded_at.is_(None))
        found.update(session.scalars(query))
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
    query = select(TrainingActivity).where(TrainingActivity.course_enrollment_id == enrollment_id, _STANDS)
    if not with_voided:
        voided = select(UncountedStatement.id).where(
            UncountedStatement.statement_id == TrainingActivity.statement_id, _HOLDS
        )
        query = query.where(~voided.exists())
    return list(session.scalars(query.order_by(TrainingActivity.stored_at, TrainingActivity.id)))


def find_activity(session: Session, statement_id: UUID) -> TrainingActivity | None:
    """Return the fact that a statement left, if it counts."""
    return session.scalar(select(TrainingActivity).where(TrainingActivity.statement_id == statement_id, _STANDS))


def find_uncounted(session: Session, statement_id: UUID) -> UncountedStatement | None:
    """Return the note that a statement does not count, or no longer."""
    return session.scalar(select(UncountedStatement).where(UncountedStatement.statement_id == statement_id, _HOLDS))


def facts_of(session: Session, statement_ids: Sequence[UUID]) -> dict[UUID, TrainingActivity]:
    """Return, by statement, the facts that these statements left."""
    query = select(TrainingActivity).where(TrainingActivity.statement_id.in_(statement_ids), _STANDS)
    return {row.statement_id: row for row in session.scalars(query)}


def reasons_of(session: Session, statement_ids: Sequence[UUID]) -> dict[UUID, Reason]:
    """Return, by statement, why these do not count, or no longer."""
    query = select(UncountedStatement.statement_id, UncountedStatement.reason).where(
        UncountedStatement.statement_id.in_(statement_ids), _HOLDS
    )
    return dict(session.execute(query).all())


def supersede(session: Session, statement_ids: Sequence[UUID], now: datetime) -> None:
    """Let the verdicts on these statements be past; a new one may take their place."""
    for table in (TrainingActivity, UncountedStatement):
        query = update(table).where(table.statement_id.in_(statement_ids), table.superseded_at.is_(None))
        session.execute(query.values(superseded_at=now))


def forget(session: Session, statement_ids: Sequence[UUID]) -> None:
    """Delete every verdict on these statements, past ones too; only while a run of privacy is under way."""
    for table in (TrainingActivity, UncountedStatement):
        session.execute(delete(table).where(table.statement_id.in_(statement_ids)))


def hold(session: Session, statement_ids: Sequence[UUID], since: datetime | None) -> None:
    """Note that facts stay for what rests on them; with None, that they stay by themselves again."""
    query = update(TrainingActivity).where(TrainingActivity.statement_id.in_(statement_ids), _STANDS)
    session.execute(query.values(held_at=since))


def activity_counts(session: Session, enrollment_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return, by enrollment, how many facts it has."""
    query = (
        select(TrainingActivity.course_enrollment_id, func.count())
        .where(TrainingActivity.course_enrollment_id.in_(enrollment_ids), _STANDS)
        .group_by(TrainingActivity.course_enrollment_id)
    )
    return dict(session.execute(query).all())


def every_activity(session: Session) -> Iterator[TrainingActivity]:
    """Return every fact of the tenant."""
    query = select(TrainingActivity).where(_STANDS).order_by(TrainingActivity.stored_at, TrainingActivity.id)
    yield from session.scalars(query.execution_options(yield_per=1000))


def enrollments_of(session: Session, statement_ids: Sequence[UUID]) -> set[UUID]:
    """Return the enrollments in which these statements count."""
    query = select(TrainingActivity.course_enrollment_id).where(
        TrainingActivity.statement_id.in_(statement_ids), _STANDS
    )
    return set(session.scalars(query))


def module_rows(session: Session, enrollment_id: UUID) -> dict[UUID, ModuleProgress]:
    """Return the projection of an enrollment by module."""
    query = select(ModuleProgress).where(ModuleProgress.course_enrollment_id == enrollment_id)
    return {row.module_id: row for row in session.scalars(query)}


def every_uncounted(session: Session) -> dict[UUID, Reason]:
    """Return, by statement, why it does not count, for every one of the tenant."""
    query = select(UncountedStatement.statement_id, UncountedStatement.reason).where(_HOLDS)
    return dict(session.execute(query).all())


def uncounted_page(
    session: Session, reason: Reason | None, before: tuple[datetime, UUID] | None, limit: int
) -> list[UncountedStatement]:
    """Return statements that do not count, newest first."""
    newest = (UncountedStatement.stored_at.desc(), UncountedStatement.id.desc())
    query = select(UncountedStatement).where(_HOLDS).order_by(*newest)
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
    query = select(UncountedStatement.reason, func.count()).where(_HOLDS).group_by(UncountedStatement.reason)
    return dict(session.execute(query).all())
