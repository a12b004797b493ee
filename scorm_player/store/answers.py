"""Interactions and objectives of attempts, as reports read them, and the attempts themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Protocol
from uuid import UUID

import orjson
import psycopg
from psycopg.rows import TupleRow
from sqlalchemy import ColumnElement, Numeric, case, delete, func, select
from sqlalchemy.dialects import postgresql

from core.db import Session, organization_of, uuid7
from scorm_player.tables import (
    LaunchSession,
    PackageItem,
    Registration,
    ScormInteraction,
    ScormItemState,
    ScormObjective,
)

Row = dict[str, Any]
Record = type[ScormInteraction] | type[ScormObjective]

CORRECT = ScormInteraction.result == "correct"
JUDGED = ScormInteraction.result.in_(("correct", "incorrect", "wrong"))


@dataclass(frozen=True)
class Question:
    """How all answers to one interaction went. `judged` of them were right or wrong; `seconds`: mean latency."""

    item_id: UUID
    item_title: str
    identifier: str
    kind: str | None
    description: str | None
    answers: int
    judged: int
    correct: int
    seconds: Decimal | None


@dataclass(frozen=True)
class Answer:
    """One response that was given to an interaction, and how often."""

    item_id: UUID
    identifier: str
    response: str | None
    result: str | None
    count: int


class Attempt(Protocol):
    """Whose records they are: an attempt on an item."""

    registration_id: UUID
    package_item_id: UUID
    attempt_number: int


def upsert(session: Session, table: Record, state: Attempt, rows: Sequence[Row]) -> None:
    """Write records of an attempt, each in place of what stood under its number.

    On the driver's own cursor, with the rows as one JSON text: a statement that were made anew for each number of rows
    would cost more than writing them.
    """
    if not rows:
        return
    given = orjson.dumps([row | {"id": uuid7()} for row in rows], default=str).decode()  # decimals as they are written
    connection: psycopg.Connection[TupleRow] | Any = session.connection().connection.driver_connection
    psycopg.Cursor(connection).execute(
        _upsert(table),
        {
            "organization_id": organization_of(session),
            "registration_id": state.registration_id,
            "package_item_id": state.package_item_id,
            "attempt_number": state.attempt_number,
            "given": given,
        },
        prepare=True,
    )


_ATTEMPT = ("organization_id", "registration_id", "package_item_id", "attempt_number")


@cache
def _upsert(table: Record) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # it brings no types
    types = {
        column.name: column.type.compile(dialect=dialect)
        for column in table.__table__.columns
        if column.name not in _ATTEMPT
    }
    columns, attempt = ", ".join(types), ", ".join(_ATTEMPT)
    return f"""
        INSERT INTO {table.__tablename__} ({attempt}, {columns})
        SELECT {", ".join(f"%({name})b" for name in _ATTEMPT)}, {columns}
        FROM jsonb_to_recordset(%(given)b::jsonb) AS given ({", ".join(f"{name} {of}" for name, of in types.items())})
        ON CONFLICT ({attempt}, n) DO UPDATE
        SET {", ".join(f"{name} = excluded.{name}" for name in types if name not in ("id", "n"))}
    """  # noqa: S608 - names of our own tables


def forget(session: Session, table: Record, state: ScormItemState) -> None:
    """Delete the records of an attempt."""
    session.execute(delete(table).where(*_same_attempt(table, state)))


def _same_attempt(table: Record, state: ScormItemState) -> tuple[ColumnElement[bool], ...]:
    return (
        table.registration_id == state.registration_id,
        table.package_item_id == state.package_item_id,
        table.attempt_number == state.attempt_number,
    )


def every_state(session: Session) -> list[tuple[ScormItemState, UUID]]:
    """Return the run-time data of every attempt of the tenant, with the package version it belongs to."""
    query = (
        select(ScormItemState, Registration.package_version_id)
        .join(Registration, Registration.id == ScormItemState.registration_id)
        .order_by(ScormItemState.registration_id, ScormItemState.id)
    )
    return [(state, version_id) for state, version_id in session.execute(query)]


def states(session: Session, registration_id: UUID) -> list[ScormItemState]:
    """Return the run-time data of all attempts of a registration, oldest first."""
    query = (
        select(ScormItemState)
        .where(ScormItemState.registration_id == registration_id)
        .order_by(ScormItemState.started_at, ScormItemState.attempt_number, ScormItemState.id)
    )
    return list(session.scalars(query))


def sessions(session: Session, registration_id: UUID) -> list[LaunchSession]:
    """Return every opening of a registration, oldest first."""
    query = (
        select(LaunchSession)
        .where(LaunchSession.registration_id == registration_id)
        .order_by(LaunchSession.launched_at, LaunchSession.id)
    )
    return list(session.scalars(query))


def interactions(session: Session, registration_id: UUID) -> list[ScormInteraction]:
    """Return what was answered under a registration, in its order."""
    query = (
        select(ScormInteraction)
        .where(ScormInteraction.registration_id == registration_id)
        .order_by(ScormInteraction.package_item_id, ScormInteraction.attempt_number, ScormInteraction.n)
    )
    return list(session.scalars(query))


def objectives(session: Session, registration_id: UUID) -> list[ScormObjective]:
    """Return the objectives of a registration's attempts, in their order."""
    query = (
        select(ScormObjective)
        .where(ScormObjective.registration_id == registration_id)
        .order_by(ScormObjective.package_item_id, ScormObjective.attempt_number, ScormObjective.n)
    )
    return list(session.scalars(query))


def attempt_counts(session: Session, registration_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return, by registration, how often an item of it was begun anew."""
    query = (
        select(ScormItemState.registration_id, func.count())
        .where(ScormItemState.registration_id.in_(registration_ids))
        .group_by(ScormItemState.registration_id)
    )
    return dict(session.execute(query).all())


def registrations(session: Session, registration_ids: Sequence[UUID]) -> list[Registration]:
    """Return these registrations, the one begun last first."""
    query = (
        select(Registration)
        .where(Registration.id.in_(registration_ids))
        .order_by(Registration.started_at.desc().nulls_last(), Registration.id)
    )
    return list(session.scalars(query))


def questions(session: Session, version_id: UUID, registration_ids: Sequence[UUID] | None = None) -> list[Question]:
    """Return how the answers to each interaction of a version went, in the order of its items and questions.

    Only those of `registration_ids`, where they are given. An interaction answered again in the same attempt is as many
    answers as it has records.
    """
    rate = case((JUDGED, case((CORRECT, 1), else_=0)))
    query = (
        select(
            ScormInteraction.package_item_id,
            PackageItem.title,
            ScormInteraction.identifier,
            func.max(ScormInteraction.interaction_type),
            func.max(ScormInteraction.description),
            func.count(),
            func.count(rate),
            func.coalesce(func.sum(rate), 0),
            func.round(func.avg(ScormInteraction.latency_seconds).cast(Numeric), 1),
        )
        .join(PackageItem, PackageItem.id == ScormInteraction.package_item_id)
        .where(_of(version_id, registration_ids))
        .group_by(
            ScormInteraction.package_item_id, PackageItem.title, PackageItem.position, ScormInteraction.identifier
        )
        .order_by(PackageItem.position, func.min(ScormInteraction.n), ScormInteraction.identifier)
    )
    return [Question(*row) for row in session.execute(query)]


def answers(session: Session, version_id: UUID, registration_ids: Sequence[UUID] | None = None) -> list[Answer]:
    """Return which responses were given to each interaction of a version, the most frequent first."""
    query = (
        select(
            ScormInteraction.package_item_id,
            ScormInteraction.identifier,
            ScormInteraction.learner_response,
            ScormInteraction.result,
            func.count(),
        )
        .join(PackageItem, PackageItem.id == ScormInteraction.package_item_id)
        .where(_of(version_id, registration_ids))
        .group_by(
            ScormInteraction.package_item_id,
            ScormInteraction.identifier,
            ScormInteraction.learner_response,
            ScormInteraction.result,
        )
        .order_by(func.count().desc(), ScormInteraction.learner_response)
    )
    return [Answer(*row) for row in session.execute(query)]


def _of(version_id: UUID, registration_ids: Sequence[UUID] | None) -> ColumnElement[bool]:
    """Registrations that are named count in whatever version they are by now: a hot-fix may have moved them."""
    if registration_ids is None:
        return PackageItem.package_version_id == version_id
    return ScormInteraction.registration_id.in_(registration_ids)
