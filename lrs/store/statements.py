# ruff: noqa: S608 - queries are put together from constants of this module; values are always parameters
"""Statements in the database: the ordered insert, what refers to what, look-ups and pages."""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import IntEnum
from functools import partial
from itertools import product
from typing import Any
from uuid import UUID

from psycopg.pq.abc import PGresult

from core.db import Session, organization_of
from core.wire import (
    BIGINT,
    FALSE,
    MOMENT,
    NULL,
    TEXT,
    TRUE,
    UUID_TYPE,
    Flags,
    Integers,
    Moments,
    Packed,
    Prepared,
    Smallints,
    Texts,
    Uuids,
    Wire,
    bigint,
    element,
    moment,
    read_bigint,
    read_moment,
)
from lrs.store import driver

CHANNEL = "stoa_statements"
"""Who listens here hears, at each commit, which organization has new statements."""


class Kind(IntEnum):
    """Which filter a row of xapi_statement_keys answers."""

    AGENT = 1
    RELATED_AGENT = 2
    VERB = 3
    ACTIVITY = 4
    RELATED_ACTIVITY = 5
    REGISTRATION = 6


@dataclass(slots=True)  # not frozen: to make one would take twice as long
class Row:
    """One statement, ready to be written but for the moment at which it is stored.

    Fields are elements of array parameters, so that writing many is joining them. `text` is the statement up to where
    the moment belongs, with an open quotation mark.
    """

    id: UUID
    timestamp: bytes  # null: when it is stored
    actor: bytes
    verb: bytes
    activity: bytes
    registration: bytes
    authority: bytes
    target: bytes
    credential_id: bytes
    is_voiding: bool
    version: bytes
    text: bytes
    key_ids: bytes
    key_kinds: bytes
    key_count: int

    @staticmethod
    def uuid(value: UUID | None) -> bytes:
        """An identifier as a field."""
        return NULL if value is None else _UUID_LENGTH + value.bytes

    @staticmethod
    def moment(value: datetime | None) -> bytes:
        """A moment as a field."""
        return NULL if value is None else element(moment(value))

    @staticmethod
    def kind(value: Kind) -> bytes:
        """The kind of a key as a field."""
        return _KINDS[value]


_UUID_LENGTH = struct.pack(">i", 16)
_INTEGER = struct.Struct(">ii")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_KINDS = {kind: struct.pack(">ih", 2, kind) for kind in Kind}


@dataclass(frozen=True, slots=True)
class Found:
    """One statement as it lies in the store; `payload` is its final JSON text."""

    id: UUID
    stored: datetime
    payload: bytes
    version: str
    voided: bool
    is_voiding: bool
    authority: UUID
    credential_id: UUID | None
    registration: UUID | None


FOUND = "s.id, s.stored, s.payload, s.version, s.voided, s.is_voiding, s.authority, s.credential_id, s.registration"


def take_turn(session: Session) -> datetime:
    """Wait until no other transaction of this tenant is storing; answer the first moment that `stored` may be.

    The turn lasts until the transaction ends. Whoever has it stores in commit order, so a reader that follows `stored`
    never misses a statement. The database's clock is asked, after the waiting: all web nodes share it.
    """
    organization_id = organization_of(session)
    with driver.cursor(session) as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%b)", [_turn(organization_id)], prepare=True)
        cursor.execute("SELECT pg_advisory_xact_lock(%b)", [_ending(organization_id)], prepare=True)
        cursor.execute(
            "SELECT greatest(clock_timestamp(), (SELECT max(stored) + interval '1 microsecond' "
            f"FROM xapi_statements WHERE organization_id = %b)), pg_notify('{CHANNEL}', %b)",
            [organization_id, str(organization_id)],
            prepare=True,
            binary=True,
        )
        row = cursor.fetchone()
    assert row is not None  # noqa: S101 - an aggregate always has one row
    moment: datetime = row[0]
    return moment


def take_short_turn(wire: Wire, organization_id: UUID) -> None:
    """Begin a transaction and wait for the tenant's turn, which `end_turn` passes on before the disk has confirmed it.

    Whatever fails before that must be followed by `Wire.abandon`: the turn belongs to the connection.
    """
    wire.begin(organization_id)
    wire.send(TAKE_TURN, turn=bigint(_turn(organization_id)))
    wire.exchange()


TAKE_TURN = Prepared("SELECT pg_advisory_lock(%(turn)b)", turn=BIGINT)


def end_turn(
    wire: Wire, organization_id: UUID, rows: Sequence[Row], definitions: Sequence[tuple[UUID, datetime | None]]
) -> None:
    """Let these go with the next journey: wait until those before have ended, make sure that nothing they did matters
    here, let the next one begin. Two statements.

    The next one writes its rows while the disk confirms these, and ends after them: `stored` rises in commit order all
    the same. What those before wrote is seen only now. It does not matter when these rows are the last of all, none is
    pointed to, and what is known of activities still has the given date (none: nothing is known). Else the transaction
    fails, with a division by zero.
    """
    wire.send(AWAIT_ENDING, ending=bigint(_ending(organization_id)))
    wire.send(
        END_TURN,
        org=organization_id.bytes,
        first=rows[0].id.bytes,
        count=bigint(len(rows)),
        ids=_ids(rows).data,
        activities=Uuids.of([found for found, _ in definitions]).data,
        dates=Moments(b"".join([Row.moment(date) for _, date in definitions]), len(definitions)).data,
        turn=bigint(_turn(organization_id)),
        channel=str(organization_id).encode(),
    )


AWAIT_ENDING = Prepared("SELECT pg_advisory_xact_lock(%(ending)b)", ending=BIGINT)
END_TURN = Prepared(
    f"""
    SELECT 1 / CASE WHEN %(count)b::bigint = (
        SELECT count(*) FROM xapi_statements s WHERE s.organization_id = %(org)b AND s.stored >= (
            SELECT stored FROM xapi_statements f WHERE f.organization_id = %(org)b AND f.id = %(first)b
        )
    ) AND NOT EXISTS (
        SELECT FROM xapi_statements s WHERE s.organization_id = %(org)b AND s.target = ANY (%(ids)b)
    ) AND NOT EXISTS (
        SELECT FROM unnest(%(activities)b, %(dates)b) e(id, updated_at)
        WHERE e.updated_at IS DISTINCT FROM (
            SELECT a.updated_at FROM xapi_activities a WHERE a.organization_id = %(org)b AND a.id = e.id
        )
    ) THEN 1 ELSE 0 END, pg_advisory_unlock(%(turn)b), pg_notify('{CHANNEL}', %(channel)b)
    """,
    org=UUID_TYPE, first=UUID_TYPE, count=BIGINT, ids=Uuids.oid, activities=Uuids.oid, dates=Moments.oid, turn=BIGINT,
    channel=TEXT,
)  # fmt: skip


def consistent_through(session: Session) -> datetime:
    """The moment up to which everything that is or will be stored can be seen by the next query of this session.

    Now, while nobody is storing; else the last statement's moment: the one who is storing comes after it. The locks
    are only touched, not kept, so readers hold nobody up.
    """
    organization_id = organization_of(session)
    values = {"org": organization_id, "turn": _turn(organization_id), "ending": _ending(organization_id)}
    with driver.cursor(session) as cursor:
        cursor.execute(_CONSISTENT_THROUGH, values, prepare=True, binary=True)
        row = cursor.fetchone()
    assert row is not None  # noqa: S101 - one row, always
    moment: datetime = row[0]
    return moment


_CONSISTENT_THROUGH = """
    WITH turn AS MATERIALIZED (SELECT pg_try_advisory_lock_shared(%(turn)b) AS free),
    ending AS MATERIALIZED (
        SELECT CASE WHEN free THEN pg_try_advisory_lock_shared(%(ending)b) ELSE false END AS free FROM turn
    ), now AS MATERIALIZED (
        SELECT CASE WHEN free THEN clock_timestamp() ELSE coalesce(
            (SELECT max(stored) FROM xapi_statements WHERE organization_id = %(org)b), 'epoch'
        ) END AS moment FROM ending
    )
    SELECT moment, CASE WHEN ending.free AND moment IS NOT NULL THEN pg_advisory_unlock_shared(%(ending)b) END,
        CASE WHEN turn.free AND moment IS NOT NULL THEN pg_advisory_unlock_shared(%(turn)b) END
    FROM now, ending, turn
"""


CONSISTENT_THROUGH = Prepared(_CONSISTENT_THROUGH, org=UUID_TYPE, turn=BIGINT, ending=BIGINT)


def _turn(organization_id: UUID) -> int:
    """The number of the tenant's advisory lock: who has it writes statements."""
    return int.from_bytes(organization_id.bytes[8:], "big", signed=True) ^ 0x58415049


def _ending(organization_id: UUID) -> int:
    """The number of the advisory lock that is held from the last row to the confirmed commit."""
    return _turn(organization_id) ^ 0x454E4400000000


_FIELDS = "timestamp, actor, verb, activity, registration, authority, target, credential_id, is_voiding, version, text"
_INSERT = f"""
    WITH turn AS MATERIALIZED (
        SELECT coalesce(%(first)b::timestamptz, greatest(clock_timestamp(), (
            SELECT max(stored) + interval '1 microsecond' FROM xapi_statements WHERE organization_id = %(org)b
        ))) AS first
    ), incoming AS (
        SELECT n.*, m.stored, to_char(m.stored AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS written
        FROM turn CROSS JOIN unnest(%(id)b, %(timestamp)b, %(actor)b, %(verb)b, %(activity)b, %(registration)b,
            %(authority)b, %(target)b, %(credential_id)b, %(is_voiding)b, %(version)b, %(text)b)
            WITH ORDINALITY AS n(id, {_FIELDS}, number)
        CROSS JOIN LATERAL (SELECT turn.first + (n.number - 1) * interval '1 microsecond' AS stored) m
    ), fresh AS (
        INSERT INTO xapi_statements (organization_id, id, stored, timestamp, actor, verb, activity, registration,
            authority, target, credential_id, is_voiding, voided, version, payload)
        SELECT %(org)b, id, stored, coalesce(timestamp, stored), actor, verb, activity, registration, authority, target,
            credential_id, is_voiding, false, version, text || written
                || CASE WHEN timestamp IS NULL THEN '","timestamp":"' || written ELSE '' END || '"}}'
        FROM incoming
        ON CONFLICT (organization_id, id) DO NOTHING
        RETURNING id, stored
    ), fresh_keys AS (
        INSERT INTO xapi_statement_keys (organization_id, id, kind, stored)
        SELECT %(org)b, k.id, k.kind, fresh.stored
        FROM unnest(%(key_ids)b, %(key_kinds)b, %(key_numbers)b) AS k(id, kind, number)
        CROSS JOIN turn JOIN fresh ON fresh.stored = turn.first + k.number * interval '1 microsecond'
        ON CONFLICT DO NOTHING
    )
    SELECT first, ARRAY(SELECT id FROM fresh), EXISTS (
        SELECT FROM xapi_statements s WHERE s.organization_id = %(org)b AND s.target = ANY (%(id)b)
    ) FROM turn
"""


def insert(session: Session, rows: Sequence[Row], first: datetime) -> tuple[set[UUID], bool]:
    """Write the statements whose ids are not there yet, with their keys; answer which ones those were.

    They are stored from `first` on, a microsecond apart. Answered is also whether any statement that was there before
    points to one of them.
    """
    with driver.cursor(session) as cursor:
        cursor.execute(_INSERT, _parameters(session, rows, first), prepare=True, binary=True)
        found = cursor.fetchone()
    assert found is not None  # noqa: S101 - the turn is always there
    return set(found[1]), found[2]


_ARRAYS = {
    "id": Uuids, "timestamp": Moments, "actor": Uuids, "verb": Uuids, "activity": Uuids, "registration": Uuids,
    "authority": Uuids, "target": Uuids, "credential_id": Uuids, "is_voiding": Flags, "version": Texts, "text": Texts,
    "key_ids": Uuids, "key_kinds": Smallints, "key_numbers": Integers,
}  # fmt: skip
INSERT_ALL = Prepared(
    f"""
    {_INSERT.partition("SELECT first, ARRAY")[0]}
    SELECT first, 1 / CASE WHEN (SELECT count(*) FROM fresh) = %(count)b::bigint THEN 1 ELSE 0 END FROM turn
    """,
    org=UUID_TYPE, first=MOMENT, count=BIGINT, **{name: kind.oid for name, kind in _ARRAYS.items()},
)  # fmt: skip


def insert_all(wire: Wire, organization_id: UUID, rows: Sequence[Row], first: datetime | None = None) -> None:
    """Let the statements go with the next journey, in a short turn, stored from then (or `first`) on: one statement.

    The transaction fails, with a division by zero, when one of them is there already; else `first_of` reads the answer.
    """
    arrays = {name: array.data for name, array in _arrays(rows).items()}
    wire.send(
        INSERT_ALL, org=organization_id.bytes, first=moment(first) if first else None, count=bigint(len(rows)), **arrays
    )


def first_of(result: PGresult) -> datetime:
    """The moment of the first of the rows that `insert_all` wrote."""
    return read_moment(result.get_value(0, 0) or b"")


def _ids(rows: Sequence[Row]) -> Uuids:
    return Uuids.of([row.id for row in rows])


def _parameters(session: Session, rows: Sequence[Row], first: datetime | None) -> dict[str, Any]:
    return {"org": organization_of(session), "first": first, **_arrays(rows)}


def _arrays(rows: Sequence[Row]) -> dict[str, Packed]:
    count, join = len(rows), b"".join
    keys = sum([row.key_count for row in rows])
    numbers = join([_INTEGER.pack(4, number) * row.key_count for number, row in enumerate(rows)])
    return {
        "id": _ids(rows),
        "timestamp": Moments(join([row.timestamp for row in rows]), count),
        "actor": Uuids(join([row.actor for row in rows]), count),
        "verb": Uuids(join([row.verb for row in rows]), count),
        "activity": Uuids(join([row.activity for row in rows]), count),
        "registration": Uuids(join([row.registration for row in rows]), count),
        "authority": Uuids(join([row.authority for row in rows]), count),
        "target": Uuids(join([row.target for row in rows]), count),
        "credential_id": Uuids(join([row.credential_id for row in rows]), count),
        "is_voiding": Flags(join([TRUE if row.is_voiding else FALSE for row in rows]), count),
        "version": Texts(join([row.version for row in rows]), count),
        "text": Texts(join([row.text for row in rows]), count),
        "key_ids": Uuids(join([row.key_ids for row in rows]), keys),
        "key_kinds": Smallints(join([row.key_kinds for row in rows]), keys),
        "key_numbers": Integers(numbers, keys),
    }


_VOID = """
    UPDATE xapi_statements s SET voided = true
    FROM xapi_statements v
    WHERE s.organization_id = %b AND v.organization_id = s.organization_id
        AND v.is_voiding AND v.target = s.id AND NOT s.is_voiding AND NOT s.voided
        AND (v.id = ANY (%b) OR s.id = ANY (%b))
"""
_REFER = f"""
    WITH RECURSIVE referring (id, stored, target) AS (
        SELECT id, stored, target FROM xapi_statements WHERE organization_id = %(org)s AND id = ANY (%(fresh)s)
        UNION
        SELECT s.id, s.stored, s.target FROM xapi_statements s
        JOIN referring r ON s.organization_id = %(org)s AND s.target = r.id
    ), reached (stored, target) AS (
        SELECT stored, target FROM referring WHERE target IS NOT NULL
        UNION
        SELECT r.stored, t.target FROM reached r
        JOIN xapi_statements t ON t.organization_id = %(org)s AND t.id = r.target AND t.target IS NOT NULL
    ), inherited (id, kind, stored) AS (
        SELECT own.id, own.kind, r.stored FROM reached r
        JOIN xapi_statements t ON t.organization_id = %(org)s AND t.id = r.target
        CROSS JOIN LATERAL (
            VALUES (t.actor, {Kind.AGENT}), (t.authority, {Kind.RELATED_AGENT}), (t.verb, {Kind.VERB}),
                (t.activity, {Kind.ACTIVITY}), (t.registration, {Kind.REGISTRATION})
        ) AS own(id, kind)
        WHERE own.id IS NOT NULL
        UNION
        SELECT k.id, k.kind, r.stored FROM reached r
        JOIN xapi_statements t ON t.organization_id = %(org)s AND t.id = r.target
        JOIN xapi_statement_keys k ON k.organization_id = %(org)s AND k.stored = t.stored
    )
    INSERT INTO xapi_statement_keys (organization_id, id, kind, stored)
    SELECT %(org)s, id, kind, stored FROM inherited
    ON CONFLICT DO NOTHING
"""


def connect_references(session: Session, fresh: Sequence[UUID]) -> None:
    """Void what is to be voided, and let statements answer the filters of those they point to, over any distance.

    Either side may have come first (Data 2.3.2; Communication 2.1.3, Filter Conditions for StatementRefs).
    """
    organization_id = organization_of(session)
    ids = list(fresh)
    with driver.cursor(session) as cursor:
        cursor.execute(_VOID, [organization_id, ids, ids])
        cursor.execute(_REFER, {"org": organization_id, "fresh": ids})


def find(session: Session, statement_id: UUID) -> Found | None:
    """The statement with this id, voided or not."""
    return next(iter(find_many(session, [statement_id]).values()), None)


def find_many(session: Session, ids: Sequence[UUID]) -> dict[UUID, Found]:
    """The statements with these ids, as far as there are any."""
    with driver.payload_cursor(session) as cursor:
        cursor.execute(
            f"SELECT {FOUND} FROM xapi_statements s WHERE s.organization_id = %b AND s.id = ANY (%b)",
            [organization_of(session), list(ids)],
            prepare=True,
            binary=True,
        )
        return {row[0]: _found(row) for row in cursor}


def _found(row: Sequence[Any]) -> Found:
    return Found(*row)


def follow(session: Session, after: datetime | None, limit: int) -> list[Found]:
    """Statements in the order they were stored, from behind `after` on; voided ones, too."""
    with driver.payload_cursor(session) as cursor:
        cursor.execute(
            f"SELECT {FOUND} FROM xapi_statements s WHERE s.organization_id = %b AND s.stored > %b "
            "ORDER BY s.stored LIMIT %b",
            [organization_of(session), after or datetime.fromisoformat("0001-01-01T00:00:00+00:00"), limit],
            binary=True,
        )
        return [_found(row) for row in cursor]


def of_actors(session: Session, actors: Sequence[UUID], after: datetime | None, limit: int) -> list[Found]:
    """What came by credentials from these actors, in the order it was stored, from behind `after` on."""
    with driver.payload_cursor(session) as cursor:
        cursor.execute(
            f"SELECT {FOUND} FROM xapi_statements s WHERE s.organization_id = %b AND s.actor = ANY (%b) "
            "AND s.credential_id IS NOT NULL AND s.stored > %b ORDER BY s.stored LIMIT %b",
            [organization_of(session), list(actors), after or _EPOCH, limit],
            binary=True,
        )
        return [_found(row) for row in cursor]


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition of a query: a key, the columns that may hold it, the kinds of key row that may."""

    key: UUID
    columns: tuple[str, ...]
    kinds: tuple[Kind, ...]
    others: tuple[UUID, ...] = ()  # further keys that will do as well: other identifiers of the same person

    @property
    def keys(self) -> tuple[UUID, ...]:
        """All keys that will do."""
        return (self.key, *self.others)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which statements a query wants, in which order, from where on."""

    filters: tuple[Filter, ...] = ()
    authority: UUID | None = None  # only those this authority vouches for
    credential_id: UUID | None = None  # only those that came by this credential
    since: datetime | None = None
    until: datetime | None = None
    after: datetime | None = None  # where the last page ended
    ascending: bool = False


def page(session: Session, selection: Selection, limit: int) -> list[Found]:
    """At most `limit` statements that are not voided, by `stored`.

    A filter may be answered in several ways: by a column, by keys of a kind. Ways that lead nowhere are left out; each
    combination of the others is one index range, read in order and no further than the page reaches. The rarest way of
    it leads; other columns are part of the same index, keys are looked up one by one.
    """
    return [_found(row) for row in _rows(session, selection, limit, FOUND)]


def _rows(session: Session, selection: Selection, limit: int, columns: str) -> Sequence[Sequence[Any]]:
    question = _question(organization_of(session), partial(_counted, session), selection, limit, columns)
    if question is None:
        return []
    with driver.payload_cursor(session) as cursor:
        # Planned anew each time: a plan for the average key is wrong for the busiest and for the rarest.
        cursor.execute(*question, binary=True, prepare=False)
        return cursor.fetchall()


@dataclass(frozen=True, slots=True)
class PageTexts:
    """A page as the texts of its statements."""

    payloads: list[bytes]
    last: datetime | None  # where the page ends, if there is more behind it
    versions: str  # the last of the versions it has


_NOTHING = PageTexts([], None, "")


def page_of_texts(session: Session, selection: Selection, limit: int) -> PageTexts:
    """The same statements as `page`, and nothing but their texts."""
    rows = _rows(session, selection, limit + 1, _TEXTS)
    last = rows[limit - 1][0] if len(rows) > limit else None
    versions = max([version for _, version, _ in rows[:limit]], default="")
    return PageTexts([payload for _, _, payload in rows[:limit]], last, versions)


_TEXTS = "s.stored, s.version, s.payload"


def read_page(wire: Wire, organization_id: UUID, selection: Selection, limit: int) -> tuple[datetime, PageTexts]:
    """The same in a transaction of its own, in one journey, or two for what has filters.

    Answered is first the moment up to which everything stored could be seen (`consistent_through`) before it.
    """
    wire.begin(organization_id, is_reading=True)
    locks = {"turn": bigint(_turn(organization_id)), "ending": bigint(_ending(organization_id))}
    wire.send(CONSISTENT_THROUGH, org=organization_id.bytes, **locks)
    results: list[PGresult] = []

    def count(text: str, values: Mapping[str, Any]) -> Sequence[int]:
        wire.ask(text, values)
        results.extend(wire.exchange())
        return [read_bigint(results[-1].get_value(0, column) or b"") for column in range(results[-1].nfields)]

    question = _question(organization_id, count, selection, limit + 1, _TEXTS)
    if question is not None:
        wire.ask(*question, is_kept=not selection.filters)
    wire.commit()
    results += wire.exchange()
    through = read_moment(results[2].get_value(0, 0) or b"")
    return through, _NOTHING if question is None else _read_texts(results[-2], limit)


def _read_texts(result: PGresult, limit: int) -> PageTexts:
    value, count = result.get_value, min(result.ntuples, limit)
    last = read_moment(value(limit - 1, 0) or b"") if result.ntuples > limit else None
    versions = max([value(row, 1) or b"" for row in range(count)], default=b"")
    return PageTexts([value(row, 2) or b"" for row in range(count)], last, versions.decode())


def _order(selection: Selection) -> str:
    return "ASC" if selection.ascending else "DESC"


_Count = Callable[[str, dict[str, Any]], Sequence[int]]
"""How what a query counts is asked for."""


def _question(
    organization_id: UUID, count: _Count, selection: Selection, limit: int, columns: str
) -> tuple[str, dict[str, Any]] | None:
    """A query for these columns of the statements that are wanted, and its values; None when there can be none."""
    ways = _ways(organization_id, count, selection.filters)
    if not all(ways):
        return None
    values: dict[str, Any] = {"org": organization_id, "limit": limit}
    values |= _keys(selection.filters)
    combinations = list(product(*ways))
    if len(combinations) > _MOST_RANGES:
        combinations = [tuple(_merged(ways))]
    order = _order(selection)
    if len(combinations) == 1:
        return _range(combinations[0], selection, values, order, columns), values
    ranges = [f"({_range(combination, selection, values, order, 's.stored')})" for combination in combinations]
    return (
        f"SELECT {columns} FROM ("
        f"SELECT stored FROM ({' UNION '.join(ranges)}) w ORDER BY stored {order} LIMIT %(limit)b) p "
        f"JOIN xapi_statements s ON s.organization_id = %(org)b AND s.stored = p.stored ORDER BY p.stored {order}",
        values,
    )


_MOST_RANGES = 12  # beyond it, the ways of each filter are looked at together, row by row
_FEW, _MANY = 100, 5000


@dataclass(frozen=True, slots=True)
class _Way:
    """How statements are found by one filter: by a column, or by keys of a kind, or by any of several such."""

    number: int  # which filter it answers
    columns: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    count: int = 0  # of statements it leads to, counted as far as it took to compare
    place: int | None = 0  # which of the filter's keys; None: any of them

    @property
    def is_one_range(self) -> bool:
        """Whether key rows of this way lie one behind the other, in order, each statement once."""
        return len(self.kinds) == 1 and self.place is not None


def _keys(filters: Sequence[Filter]) -> dict[str, Any]:
    """The keys of all filters, each by its place, and those of one filter together."""
    values: dict[str, Any] = {}
    for number, item in enumerate(filters):
        values[f"keys{number}"] = list(item.keys)
        values |= {f"key{number}_{place}": found for place, found in enumerate(item.keys)}
    return values


def _one_of(way: _Way) -> str:
    """What the key of a column or a key row must be."""
    return f"= ANY(%(keys{way.number})b)" if way.place is None else f"= %(key{way.number}_{way.place})b"


def _how_many(way: _Way) -> int:
    return way.count


def _merged(ways: Sequence[Sequence[_Way]]) -> list[_Way]:
    """One way for each filter that is all of its ways together."""
    return [
        _Way(
            found[0].number,
            tuple(dict.fromkeys(column for way in found for column in way.columns)),
            tuple(dict.fromkeys(kind for way in found for kind in way.kinds)),
            sum(map(_how_many, found)),
            found[0].place if len({way.place for way in found}) == 1 else None,
        )
        for found in ways
    ]


def _range(combination: Sequence[_Way], selection: Selection, values: dict[str, Any], order: str, columns: str) -> str:
    """A query for these columns of the statements that a combination of ways leads to."""
    own = ["s.organization_id = %(org)b", "NOT s.voided"]
    if selection.authority is not None:
        values["authority"] = selection.authority
        own.append("s.authority = %(authority)b")
    if selection.credential_id is not None:
        values["credential"] = selection.credential_id
        own.append("s.credential_id = %(credential)b")
    by_column = [way for way in combination if way.columns]
    by_key = sorted((way for way in combination if not way.columns), key=_how_many)
    own += [_condition(way, "s.stored") for way in by_column]
    rarest = min((way.count for way in by_column), default=_MANY + 1)
    if not by_key or by_key[0].count >= rarest or not by_key[0].is_one_range:
        conditions = [*own, *_bounds(selection, values, "s.stored"), *(_condition(way, "s.stored") for way in by_key)]
        source, position = "xapi_statements s", "s.stored"
    else:
        lead, *others = by_key
        # Row by row, and no other way: the range is read in order and mostly not to its end.
        source = (
            f"xapi_statement_keys k CROSS JOIN LATERAL (SELECT {columns} FROM xapi_statements s "
            f"WHERE s.stored = k.stored AND {' AND '.join(own)} LIMIT 1) s"
        )
        position = "k.stored"
        conditions = [
            "k.organization_id = %(org)b",
            f"k.id {_one_of(lead)}",
            f"k.kind = {int(lead.kinds[0])}",
            *_bounds(selection, values, position),
            *(_condition(way, position) for way in others),
        ]
    return (
        f"SELECT {columns} FROM {source} WHERE {' AND '.join(conditions)} ORDER BY {position} {order} LIMIT %(limit)b"
    )


def _condition(way: _Way, position: str) -> str:
    own = [f"s.{column} {_one_of(way)}" for column in way.columns]
    if way.kinds:
        kinds = ", ".join(str(int(kind)) for kind in way.kinds)
        # A scalar, not EXISTS: that would be answered by reading all statements of the key, though few are asked about.
        own.append(
            f"(SELECT true FROM xapi_statement_keys o WHERE o.organization_id = %(org)b AND o.id {_one_of(way)} "
            f"AND o.kind IN ({kinds}) AND o.stored = {position} LIMIT 1)"
        )
    return own[0] if len(own) == 1 else f"({' OR '.join(own)})"


def _bounds(selection: Selection, values: dict[str, Any], position: str) -> list[str]:
    """Conditions on `stored`."""
    found = []
    for name, limit, sign in (
        ("since", selection.since, ">"),
        ("until", selection.until, "<="),
        ("after", selection.after, ">" if selection.ascending else "<"),
    ):
        if limit is not None:
            values[name] = limit
            found.append(f"{position} {sign} %({name})b")
    return found


def _ways(organization_id: UUID, count: _Count, filters: Sequence[Filter]) -> list[list[_Way]]:
    """The ways of each filter that lead anywhere, with how many statements they lead to.

    Counted is only as far as it takes: which column leads is left to the database, it has all in one index; so what
    matters is whether keys or columns are rarer.
    """
    possible = [
        _Way(number, (column,) if column else (), (kind,) if kind else (), place=place)
        for number, item in enumerate(filters)
        for place in range(len(item.keys))
        for column, kind in [*((column, None) for column in item.columns), *((None, kind) for kind in item.kinds)]
    ]
    if not possible:
        return []
    counts = count(*_counts(organization_id, filters, possible, _FEW))
    busy = {way.number for way, many in zip(possible, counts, strict=True) if many == _FEW}
    if len(busy) == len(filters) > 1 and any(
        way.kinds and many == _FEW for way, many in zip(possible, counts, strict=True)
    ):
        counts = count(*_counts(organization_id, filters, possible, _MANY))
    found: list[list[_Way]] = [[] for _ in filters]
    for way, many in zip(possible, counts, strict=True):
        if many:
            found[way.number].append(replace(way, count=many))
    return found


def _counts(
    organization_id: UUID, filters: Sequence[Filter], ways: Sequence[_Way], enough: int
) -> tuple[str, dict[str, Any]]:
    """The question how many statements each way leads to, counted no further than to `enough`, and its values."""
    counted = [f"(SELECT count(*) FROM (SELECT FROM {_where(way)} LIMIT {int(enough)}) n)" for way in ways]
    return f"SELECT {', '.join(counted)}", _keys(filters) | {"org": organization_id}


def _counted(session: Session, question: str, values: dict[str, Any]) -> Sequence[int]:
    with driver.cursor(session) as cursor:
        cursor.execute(question, values, binary=True, prepare=False)
        row = cursor.fetchone()
    assert row is not None  # noqa: S101 - one row, always
    return row


def _where(way: _Way) -> str:
    if way.columns:
        return f"xapi_statements WHERE organization_id = %(org)b AND {way.columns[0]} {_one_of(way)}"
    kind = int(way.kinds[0])
    return f"xapi_statement_keys WHERE organization_id = %(org)b AND id {_one_of(way)} AND kind = {kind}"
