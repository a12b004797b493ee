"""A database of this test process's own that is put back to where it began, many times faster than a new copy."""

from dataclasses import dataclass, field

import psycopg
from psycopg import sql

_LARGE = 1_000_000
"""Bytes from which a table is truncated rather than deleted from: the next test shall not wade through dead rows."""


@dataclass
class FreshDatabase:
    """A database and the rows it began with.

    `superuser_url` leads to the same database as `url`: triggers and row security rest while rows are put back.
    """

    url: str
    superuser_url: str
    _first_rows: dict[tuple[str, str], bytes] = field(default_factory=dict)
    _is_used: bool = False

    def remember(self) -> None:
        """Keep what the tables hold now as what they begin with."""
        with psycopg.connect(self.superuser_url) as connection:
            for table in _tables(connection):
                copy = sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(sql.Identifier(*table))
                with connection.cursor() as cursor, cursor.copy(copy) as rows:
                    first = b"".join(bytes(block) for block in rows)
                if _holds_rows(first):
                    self._first_rows[table] = first

    def begin(self) -> str:
        """Answer the address of the database as it was at first: nobody connected, only its first rows."""
        if self._is_used:
            self._restore()
        self._is_used = True
        return self.url

    def _restore(self) -> None:
        with psycopg.connect(self.superuser_url) as connection:
            _end_others(connection)
            connection.execute("SET session_replication_role = replica")
            small, large = [], []
            for table, size in _tables(connection).items():
                if size > _LARGE:
                    large.append(sql.Identifier(*table))
                elif size:
                    small.append(sql.SQL("DELETE FROM {}").format(sql.Identifier(*table)))
            if large:
                connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(sql.SQL(", ").join(large)))
            if small:
                connection.execute(sql.SQL("; ").join(small))
            for table, first in self._first_rows.items():
                copy = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(sql.Identifier(*table))
                with connection.cursor() as cursor, cursor.copy(copy) as rows:
                    rows.write(first)
            connection.execute(
                "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) "
                "FROM pg_sequences WHERE last_value IS NOT NULL"
            )


def _tables(connection: psycopg.Connection) -> dict[tuple[str, str], int]:
    found = connection.execute(
        "SELECT n.nspname, c.relname, pg_relation_size(c.oid) "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
    )
    return {(schema, name): size for schema, name, size in found}


def _holds_rows(binary: bytes) -> bool:
    return len(binary) > len(b"PGCOPY\n\xff\r\n\0") + 4 + 4 + 2  # signature, flags, extension length, trailer


def _end_others(connection: psycopg.Connection) -> None:
    """End whatever an earlier test left connected, and wait until it is gone."""
    connection.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    connection.commit()
