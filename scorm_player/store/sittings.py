"""Open sessions of many learners at once: read and locked in one question, written back in one answer.

For the group commit, on the driver's own cursor: it runs in the pipeline, where SQLAlchemy cannot read.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from core.db import Session, organization_of
from scorm_player.tables import Completion, LaunchMode, SessionState, Success


@dataclass(slots=True)
class Opened:
    """A launch session that is open and counts."""

    id: UUID
    package_item_id: UUID
    attempt_number: int
    state: SessionState
    launched_at: datetime
    initialized_at: datetime | None
    last_sequence: int
    announced_sequence: int
    seconds: Decimal
    mode: LaunchMode = LaunchMode.NORMAL


@dataclass(slots=True)
class Enrolled:
    """The registration it belongs to."""

    id: UUID
    user_id: UUID | None
    package_version_id: UUID
    actor: dict[str, Any]
    total_seconds: Decimal
    last_activity_at: datetime | None


@dataclass(slots=True)
class Kept:
    """The run-time data it changes."""

    id: UUID
    registration_id: UUID
    package_item_id: UUID
    attempt_number: int
    cmi: str
    completion: Completion
    success: Success
    progress_measure: Decimal | None
    score_scaled: Decimal | None
    score_raw: Decimal | None
    score_min: Decimal | None
    score_max: Decimal | None
    updated_at: datetime


Rows = tuple[Opened, Enrolled, Kept]

# Skipped is who somebody else is working on: who locks the registration has the say, and nobody here waits for it.
_LOCKED = """
    SELECT l.id, r.id, r.user_id, r.package_version_id, r.actor, r.total_seconds, r.last_activity_at
    FROM launch_sessions l JOIN registrations r ON r.organization_id = l.organization_id AND r.id = l.registration_id
    WHERE l.organization_id = %b AND l.id = ANY (%b)
    FOR NO KEY UPDATE OF r SKIP LOCKED
"""
# Asked after it, so that everything is seen as who had the lock before has left it.
_READ = """
    SELECT l.id, l.package_item_id, l.attempt_number, l.state, l.launched_at, l.initialized_at, l.last_sequence,
        l.announced_sequence, l.seconds,
        s.id, s.cmi, s.completion, s.success, s.progress_measure, s.score_scaled, s.score_raw, s.score_min, s.score_max,
        s.updated_at
    FROM launch_sessions l
    JOIN scorm_item_states s ON s.organization_id = l.organization_id AND s.registration_id = l.registration_id
        AND s.package_item_id = l.package_item_id AND s.attempt_number = l.attempt_number
    WHERE l.organization_id = %b AND l.id = ANY (%b) AND l.mode = 'normal' AND l.state IN ('launched', 'initialized')
"""
_KEEP = """
    WITH given AS MATERIALIZED (
        SELECT * FROM unnest(%(opened)b::uuid[], %(enrolled)b::uuid[], %(kept)b::uuid[], %(last_sequence)b::int[],
            %(announced_sequence)b::int[], %(seconds)b::numeric[], %(cmi)b::text[])
        AS t(opened, enrolled, kept, last_sequence, announced_sequence, seconds, cmi)
    ), opened AS (
        UPDATE launch_sessions l SET last_sequence = g.last_sequence, announced_sequence = g.announced_sequence,
            seconds = l.seconds + g.seconds
        FROM given g WHERE l.organization_id = %(org)b AND l.id = g.opened AND l.id = ANY (%(opened)b)
    ), enrolled AS (
        UPDATE registrations r SET total_seconds = r.total_seconds + g.seconds, last_activity_at = %(now)b
        FROM given g WHERE r.organization_id = %(org)b AND r.id = g.enrolled AND r.id = ANY (%(enrolled)b)
    )
    UPDATE scorm_item_states s SET cmi = g.cmi, updated_at = %(now)b
    FROM given g WHERE s.organization_id = %(org)b AND s.id = g.kept AND s.id = ANY (%(kept)b) AND g.cmi IS NOT NULL
"""
_BEGIN = """
    UPDATE launch_sessions SET state = 'initialized', initialized_at = %b WHERE organization_id = %b AND id = ANY (%b)
"""


def lock(session: Session, session_ids: Collection[UUID]) -> list[Rows]:
    """Return those of these sessions that are open, count, and are not being changed by anybody; now locked."""
    asked = [organization_of(session), list(session_ids)]
    with _cursor(session) as locked, _cursor(session) as read:
        locked.execute(_LOCKED, asked, prepare=True, binary=True)
        read.execute(_READ, asked, prepare=True, binary=True)
        enrolled = {row[0]: Enrolled(*row[1:]) for row in locked}
        return [_rows(row, enrolled[row[0]]) for row in read if row[0] in enrolled]


def _rows(row: TupleRow, enrolled: Enrolled) -> Rows:
    opened = Opened(row[0], row[1], row[2], SessionState(row[3]), *row[4:9])
    kept = Kept(
        row[9], enrolled.id, opened.package_item_id, opened.attempt_number, row[10], Completion(row[11]),
        Success(row[12]), *row[13:19],
    )  # fmt: skip
    return opened, enrolled, kept


@dataclass(frozen=True, slots=True)
class Change:
    """What has become of one of them: the seconds that were added; whether its data and its being begun are news."""

    rows: Rows
    seconds: Decimal
    is_other: bool
    has_begun: bool


def keep(session: Session, changes: Sequence[Change], now: datetime) -> None:
    """Write sessions back."""
    organization_id = organization_of(session)
    with _cursor(session) as cursor:
        cursor.execute(
            _KEEP,
            {
                "org": organization_id,
                "now": now,
                "opened": [change.rows[0].id for change in changes],
                "enrolled": [change.rows[1].id for change in changes],
                "kept": [change.rows[2].id for change in changes],
                "last_sequence": [change.rows[0].last_sequence for change in changes],
                "announced_sequence": [change.rows[0].announced_sequence for change in changes],
                "seconds": [change.seconds for change in changes],
                "cmi": [change.rows[2].cmi if change.is_other else None for change in changes],
            },
            prepare=True,
        )
        if begun := [change.rows[0].id for change in changes if change.has_begun]:
            cursor.execute(_BEGIN, [now, organization_id, begun])


def _cursor(session: Session) -> psycopg.Cursor[TupleRow]:
    connection: psycopg.Connection[TupleRow] | Any = session.connection().connection.driver_connection
    return psycopg.Cursor(connection)
