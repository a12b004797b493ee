"""Many statements in little time: rows made by the store's own code, then the same ones once more under other ids.

What comes after the first hundred thousand repeats them with other ids and earlier moments, so every key is as frequent
among the old as among the new, and each text says what its row says. Indexes for look-ups are built at the end.
"""

from datetime import datetime, timedelta

import psycopg
from psycopg import sql

from bench.statements import Maker
from core.db import Database
from lrs.services import statements
from lrs.services.credentials import Caller
from lrs.store import statements as store
from lrs.xapi.versions import Version

MADE = 100_000
"""So many are made one by one; more are copies of these."""

_STEP = timedelta(milliseconds=1)
_TOGETHER = 500
_REST = "timestamp, actor, verb, activity, registration, authority, target, credential_id, is_voiding, voided, version"


def fill(database: Database, url: str, caller: Caller, count: int, until: datetime) -> None:
    """Put so many statements into the store, on average a millisecond apart, the last ones stored before `until`."""
    made = min(count, MADE)
    with psycopg.connect(url, autocommit=True) as connection:
        indexes = _without_indexes(connection)
        _make(database, caller, made, until)
        connection.execute("SET ROLE stoa_app")
        connection.execute("SELECT set_config('app.organization_id', %s, false)", [str(caller.organization_id)])
        for turn in range(1, -(-count // made)):
            _repeat(connection, made * turn * _STEP, min(made, count - made * turn), until)
        connection.execute("RESET ROLE")
        for index in indexes:
            connection.execute(index)
        connection.execute("VACUUM ANALYZE xapi_statements")
        connection.execute("VACUUM ANALYZE xapi_statement_keys")


def _without_indexes(connection: psycopg.Connection) -> list[sql.SQL]:
    """Drop the indexes that serve look-ups only; answer how to make them again."""
    found = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('xapi_statements', 'xapi_statement_keys') "
        "AND indexname LIKE 'ix_%' AND indexname <> 'ix_xapi_statements_stored'"
    ).fetchall()
    for name, _ in found:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    return [sql.SQL(definition) for _, definition in found]


def _make(database: Database, caller: Caller, count: int, until: datetime) -> None:
    maker = Maker(3)
    for number in range(count, 0, -_TOGETHER):
        request = statements.prepared(
            [maker.statement() for _ in range(min(_TOGETHER, number))], caller, Version.V1_0_3
        )
        if request is not None:
            with database.write(caller.organization_id) as session:
                store.insert(session, statements.rows_of(request), until - number * _STEP)


def _repeat(connection: psycopg.Connection, back: timedelta, count: int, until: datetime) -> None:
    """The made ones once more, as if stored earlier."""
    values = {"back": back, "first": until - count * _STEP, "until": until}
    connection.execute(
        f"""
        INSERT INTO xapi_statements (organization_id, id, stored, {_REST}, payload)
        SELECT organization_id, n.id, stored - %(back)s, {_REST},
            replace(replace(payload, s.id::text, n.id::text), {_written("stored")}, {_written("stored - %(back)s")})
        FROM xapi_statements s CROSS JOIN LATERAL (SELECT gen_random_uuid() AS id WHERE s.id IS NOT NULL) n
        WHERE stored >= %(first)s AND stored < %(until)s
        """,  # noqa: S608 - our own values, for a database that lives for minutes
        values,
    )
    connection.execute(
        "INSERT INTO xapi_statement_keys (organization_id, id, kind, stored) "
        "SELECT organization_id, id, kind, stored - %(back)s FROM xapi_statement_keys "
        "WHERE stored >= %(first)s AND stored < %(until)s ORDER BY id",
        values,
    )


def _written(moment: str) -> str:
    """A moment as statements have it."""
    return f"""to_char({moment}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
