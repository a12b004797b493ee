"""Open sessions of many learners at once: read and locked in one question, written back in one answer.

For the group commit: on the driver's own cursor, since it runs in the pipeline, where SQLAlchemy cannot read; or over a
wire, where nothing else is written with them.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import psycopg
from psycopg.pq.abc import PGresult
from psycopg.rows import TupleRow
from psycopg.types.numeric import NumericBinaryLoader

from core.db import Session, organization_of
from core.wire import (
    MOMENT,
    NULL,
    UUID_TYPE,
    Integers,
    Prepared,
    Texts,
    Uuids,
    Wire,
    element,
    integer,
    moment,
    read_integer,
    read_moment,
)
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
    WHERE l.organization_id = %(org)b AND l.id = ANY (%(opened)b)
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
    WHERE l.organization_id = %(org)b AND l.id = ANY (%(opened)b) AND l.mode = 'normal'
        AND l.state IN ('launched', 'initialized')
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
    asked = {"org": organization_of(session), "opened": list(session_ids)}
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


_LOCKED_AT_ONCE = Prepared(_LOCKED, org=UUID_TYPE, opened=Uuids.oid)
_READ_AT_ONCE = Prepared(_READ, org=UUID_TYPE, opened=Uuids.oid)
_KEEP_AT_ONCE = Prepared(
    _KEEP, org=UUID_TYPE, now=MOMENT, opened=Uuids.oid, enrolled=Uuids.oid, kept=Uuids.oid,
    last_sequence=Integers.oid, announced_sequence=Integers.oid, seconds=Texts.oid, cmi=Texts.oid,
)  # fmt: skip
WIRE: tuple[Prepared, ...] = (_LOCKED_AT_ONCE, _READ_AT_ONCE, _KEEP_AT_ONCE)
"""What a wire must have prepared for `lock_at_once` and `keep_at_once`."""


def lock_at_once(wire: Wire, organization_id: UUID, session_ids: Collection[UUID]) -> list[Rows]:
    """Begin a transaction and do what `lock` does, in one journey."""
    org, opened = organization_id.bytes, Uuids.of(list(session_ids)).data
    wire.begin(organization_id)
    wire.send(_LOCKED_AT_ONCE, org=org, opened=opened)
    wire.send(_READ_AT_ONCE, org=org, opened=opened)
    locked, read = wire.exchange()[-2:]
    enrolled = {found[0]: Enrolled(*found[1:]) for found in _decoded(locked, _ENROLLED)}
    return [_rows(found, enrolled[found[0]]) for found in _decoded(read, _OPENED) if found[0] in enrolled]


def keep_at_once(wire: Wire, organization_id: UUID, changes: Sequence[Change], now: datetime) -> None:
    """Do what `keep` does for sessions of which none has just begun, and end the transaction, in one journey."""
    if changes:
        texts = [element(one.rows[2].cmi.encode()) if one.is_other else NULL for one in changes]
        wire.send(
            _KEEP_AT_ONCE,
            org=organization_id.bytes,
            now=moment(now),
            opened=Uuids.of([one.rows[0].id for one in changes]).data,
            enrolled=Uuids.of([one.rows[1].id for one in changes]).data,
            kept=Uuids.of([one.rows[2].id for one in changes]).data,
            last_sequence=_integers([one.rows[0].last_sequence for one in changes]),
            announced_sequence=_integers([one.rows[0].announced_sequence for one in changes]),
            seconds=Texts.of([str(one.seconds) for one in changes]).data,
            cmi=Texts(b"".join(texts), len(texts)).data,
        )
    wire.commit()
    wire.exchange()


def _integers(values: Sequence[int]) -> bytes:
    return Integers(b"".join([element(integer(value)) for value in values]), len(values)).data


def _decoded(result: PGresult, readers: Sequence[Callable[[bytes], Any]]) -> list[tuple[Any, ...]]:
    """The rows of an answer in the protocol's binary form."""
    places = list(enumerate(readers))
    return [
        tuple([None if (data := result.get_value(number, place)) is None else reader(data) for place, reader in places])
        for number in range(result.ntuples)
    ]


def _uuid(data: bytes) -> UUID:
    return UUID(bytes=data)


def _text(data: bytes) -> str:
    return data.decode()


def _json(data: bytes) -> Any:
    return orjson.loads(data[1:])  # jsonb says its version first


_number = NumericBinaryLoader(1700).load
_ENROLLED = (_uuid, _uuid, _uuid, _uuid, _json, _number, read_moment)
_OPENED = (
    _uuid, _uuid, read_integer, _text, read_moment, read_moment, read_integer, read_integer, _number,
    _uuid, _text, _text, _text, _number, _number, _number, _number, _number, read_moment,
)  # fmt: skip
