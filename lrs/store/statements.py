# ruff: noqa: S608 - queries are put together from constants of this module; values are always parameters
"""Statements in the database: the ordered insert, what refers to what, look-ups and pages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any
from uuid import UUID

from core.db import Session, organization_of
from lrs.store import driver


class Kind(IntEnum):
    """Which filter a row of xapi_statement_keys answers."""

    AGENT = 1
    RELATED_AGENT = 2
    VERB = 3
    ACTIVITY = 4
    RELATED_ACTIVITY = 5
    REGISTRATION = 6


@dataclass(frozen=True, slots=True)
class Row:
    """One statement, ready to be written."""

    id: UUID
    stored: datetime
    timestamp: datetime
    actor: UUID | None
    verb: UUID
    activity: UUID | None
    registration: UUID | None
    authority: UUID
    target: UUID | None
    credential_id: UUID | None
    is_voiding: bool
    version: str
    payload: bytes
    keys: tuple[tuple[UUID, Kind], ...] = ()


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


_FOUND = "s.id, s.stored, s.payload, s.version, s.voided, s.is_voiding, s.authority, s.credential_id, s.registration"


def take_turn(session: Session) -> datetime:
    """Wait until no other transaction of this tenant is storing; answer the first moment that `stored` may be.

    The turn lasts until the transaction ends. Whoever has it stores in commit order, so a reader that follows `stored`
    never misses a statement. The database's clock is asked, after the waiting: all web nodes share it.
    """
    organization_id = organization_of(session)
    with driver.cursor(session) as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%b)", [_turn(organization_id)], prepare=True)
        cursor.execute(
            "SELECT greatest(clock_timestamp(), (SELECT max(stored) + interval '1 microsecond' "
            "FROM xapi_statements WHERE organization_id = %b))",
            [organization_id],
            prepare=True,
            binary=True,
        )
        row = cursor.fetchone()
    assert row is not None  # noqa: S101 - an aggregate always has one row
    moment: datetime = row[0]
    return moment


def consistent_through(session: Session) -> datetime:
    """The moment up to which everything that is or will be stored can be seen by the next query of this session.

    Now, while nobody is storing; else the last statement's moment: the one who is storing comes after it. The turn is
    only touched, not kept, so readers hold nobody up.
    """
    organization_id = organization_of(session)
    turn = _turn(organization_id)
    with driver.cursor(session) as cursor:
        cursor.execute(
            "SELECT CASE WHEN pg_try_advisory_lock_shared(%b) THEN clock_timestamp() END", [turn], binary=True
        )
        row = cursor.fetchone()
        if row is not None and row[0] is not None:
            cursor.execute("SELECT pg_advisory_unlock_shared(%b)", [turn])
            moment: datetime = row[0]
            return moment
        cursor.execute(
            "SELECT coalesce(max(stored), 'epoch') FROM xapi_statements WHERE organization_id = %b",
            [organization_id],
            binary=True,
        )
        row = cursor.fetchone()
    assert row is not None  # noqa: S101 - an aggregate always has one row
    last: datetime = row[0]
    return last


def _turn(organization_id: UUID) -> int:
    """The number of the tenant's advisory lock."""
    return int.from_bytes(organization_id.bytes[8:], "big", signed=True) ^ 0x58415049


_INSERT = """
    WITH fresh AS (
        INSERT INTO xapi_statements (organization_id, id, stored, timestamp, actor, verb, activity, registration,
            authority, target, credential_id, is_voiding, voided, version, payload)
        SELECT %b, n.id, n.stored, n.timestamp, n.actor, n.verb, n.activity, n.registration,
            n.authority, n.target, n.credential_id, n.is_voiding, false, n.version, convert_from(n.payload, 'UTF8')
        FROM unnest(%b::uuid[], %b::timestamptz[], %b::timestamptz[], %b::uuid[], %b::uuid[], %b::uuid[], %b::uuid[],
            %b::uuid[], %b::uuid[], %b::uuid[], %b::bool[], %b::text[], %b::bytea[])
            AS n(id, stored, timestamp, actor, verb, activity, registration,
                authority, target, credential_id, is_voiding, version, payload)
        ON CONFLICT (organization_id, id) DO NOTHING
        RETURNING id, stored
    ), fresh_keys AS (
        INSERT INTO xapi_statement_keys (organization_id, id, kind, stored)
        SELECT %b, k.id, k.kind, k.stored
        FROM unnest(%b::uuid[], %b::int2[], %b::timestamptz[]) AS k(id, kind, stored)
        JOIN fresh ON fresh.stored = k.stored
        ON CONFLICT DO NOTHING
    )
    SELECT id FROM fresh
"""


def insert(session: Session, rows: Sequence[Row]) -> set[UUID]:
    """Write the statements whose ids are not there yet, with their keys; answer which ones those were."""
    organization_id = organization_of(session)
    keys = [(found, kind, row.stored) for row in rows for found, kind in row.keys]
    with driver.cursor(session) as cursor:
        cursor.execute(
            _INSERT,
            [
                organization_id,
                [row.id for row in rows],
                [row.stored for row in rows],
                [row.timestamp for row in rows],
                [row.actor for row in rows],
                [row.verb for row in rows],
                [row.activity for row in rows],
                [row.registration for row in rows],
                [row.authority for row in rows],
                [row.target for row in rows],
                [row.credential_id for row in rows],
                [row.is_voiding for row in rows],
                [row.version for row in rows],
                [row.payload for row in rows],
                organization_id,
                [found for found, _, _ in keys],
                [int(kind) for _, kind, _ in keys],
                [stored for _, _, stored in keys],
            ],
            prepare=True,
            binary=True,
        )
        return {row[0] for row in cursor}


_TARGETED = """
    SELECT EXISTS (SELECT FROM xapi_statements WHERE organization_id = %b AND target = ANY (%b))
"""
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


def connect_references(session: Session, fresh: Sequence[UUID], *, has_targets: bool) -> None:
    """Void what is to be voided, and let statements answer the filters of those they point to, over any distance.

    Either side may have come first (Data 2.3.2; Communication 2.1.3, Filter Conditions for StatementRefs).
    """
    organization_id = organization_of(session)
    ids = list(fresh)
    with driver.cursor(session) as cursor:
        if not has_targets:
            cursor.execute(_TARGETED, [organization_id, ids], prepare=True)
            row = cursor.fetchone()
            if row is None or not row[0]:
                return
        cursor.execute(_VOID, [organization_id, ids, ids])
        cursor.execute(_REFER, {"org": organization_id, "fresh": ids})


def find(session: Session, statement_id: UUID) -> Found | None:
    """The statement with this id, voided or not."""
    return next(iter(find_many(session, [statement_id]).values()), None)


def find_many(session: Session, ids: Sequence[UUID]) -> dict[UUID, Found]:
    """The statements with these ids, as far as there are any."""
    with driver.payload_cursor(session) as cursor:
        cursor.execute(
            f"SELECT {_FOUND} FROM xapi_statements s WHERE s.organization_id = %b AND s.id = ANY (%b)",
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
            f"SELECT {_FOUND} FROM xapi_statements s WHERE s.organization_id = %b AND s.stored > %b "
            "ORDER BY s.stored LIMIT %b",
            [organization_of(session), after or datetime.fromisoformat("0001-01-01T00:00:00+00:00"), limit],
            binary=True,
        )
        return [_found(row) for row in cursor]


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition of a query: a key, the columns that may hold it, the kinds of key row that may."""

    key: UUID
    columns: tuple[str, ...]
    kinds: tuple[Kind, ...]


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

    The most selective filter leads through its indexes, each read in order and no further than the page reaches; the
    other filters are looked at row by row.
    """
    filters = list(selection.filters)
    if len(filters) > 1:
        filters.sort(key=_counter(session, filters))
    values: dict[str, Any] = {"org": organization_of(session), "limit": limit}
    conditions = ["s.organization_id = %(org)b", "NOT s.voided", *_bounds(selection, values)]
    if selection.authority is not None:
        values["authority"] = selection.authority
        conditions.append("s.authority = %(authority)b")
    if selection.credential_id is not None:
        values["credential"] = selection.credential_id
        conditions.append("s.credential_id = %(credential)b")
    for number, item in enumerate(filters[1:], start=1):
        conditions.append(_condition(item, number, values))
    order = "ASC" if selection.ascending else "DESC"
    ways = [
        f"(SELECT s.stored FROM {source} WHERE {' AND '.join([*conditions, found])} ORDER BY {position} {order} "
        "LIMIT %(limit)b)"
        for source, found, position in _ways(filters[:1], values)
    ]
    positions = f"SELECT stored FROM ({' UNION '.join(ways)}) w ORDER BY stored {order} LIMIT %(limit)b"
    query = (
        f"SELECT {_FOUND} FROM ({positions}) p "
        f"JOIN xapi_statements s ON s.organization_id = %(org)b AND s.stored = p.stored ORDER BY p.stored {order}"
    )
    with driver.payload_cursor(session) as cursor:
        # Planned anew each time: a plan for the average key is wrong for the busiest and for the rarest.
        cursor.execute(query, values, binary=True, prepare=False)
        return [_found(row) for row in cursor]


def _bounds(selection: Selection, values: dict[str, Any]) -> list[str]:
    """Conditions on `stored`."""
    found = []
    for name, moment, sign in (
        ("since", selection.since, ">"),
        ("until", selection.until, "<="),
        ("after", selection.after, ">" if selection.ascending else "<"),
    ):
        if moment is not None:
            values[name] = moment
            found.append(f"s.stored {sign} %({name})b")
    return found


def _ways(leading: list[Filter], values: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The indexes that lead to a filter's statements: tables, condition, and by what they are in order."""
    if not leading:
        return [("xapi_statements s", "true", "s.stored")]
    (item,) = leading
    values["lead"] = item.key
    by_key = (
        "xapi_statement_keys k JOIN xapi_statements s ON s.organization_id = k.organization_id AND s.stored = k.stored"
    )
    return [("xapi_statements s", f"s.{column} = %(lead)b", "s.stored") for column in item.columns] + [
        (by_key, f"k.organization_id = %(org)b AND k.id = %(lead)b AND k.kind = {int(kind)}", "k.stored")
        for kind in item.kinds
    ]


def _condition(item: Filter, number: int, values: dict[str, Any]) -> str:
    values[f"key{number}"] = item.key
    own = [f"s.{column} = %(key{number})b" for column in item.columns]
    if not item.kinds:
        return f"({' OR '.join(own)})"
    kinds = ", ".join(str(int(kind)) for kind in item.kinds)
    # A scalar, not EXISTS: that would be answered by reading all statements of the key, though few are asked about.
    by_key = (
        f"(SELECT true FROM xapi_statement_keys k WHERE k.organization_id = %(org)b AND k.id = %(key{number})b "
        f"AND k.kind IN ({kinds}) AND k.stored = s.stored LIMIT 1)"
    )
    return f"({' OR '.join([*own, by_key])})"


def _counter(session: Session, filters: Sequence[Filter]) -> Callable[[Filter], int]:
    """How many statements each filter leads to, counted only as far as it takes to tell them apart."""
    for enough in (500, 20_000):
        counts = {item: _count(session, item, enough) for item in filters}
        if min(counts.values()) < enough:
            break
    return counts.__getitem__


def _count(session: Session, item: Filter, enough: int) -> int:
    values: dict[str, Any] = {"org": organization_of(session), "key": item.key, "enough": enough}
    ways = [
        f"SELECT FROM xapi_statements WHERE organization_id = %(org)b AND {column} = %(key)b" for column in item.columns
    ]
    ways += [
        f"SELECT FROM xapi_statement_keys WHERE organization_id = %(org)b AND id = %(key)b AND kind = {int(kind)}"
        for kind in item.kinds
    ]
    with driver.cursor(session) as cursor:
        query = f"SELECT count(*) FROM ({' UNION ALL '.join(ways)} LIMIT %(enough)b) a"
        cursor.execute(query, values, binary=True, prepare=False)
        row = cursor.fetchone()
    return int(row[0]) if row else 0
