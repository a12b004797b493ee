"""The driver's own cursor, under the session's transaction: binary parameters and texts as bytes, for the hot path."""

from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.pq import Format
from psycopg.rows import TupleRow

from core.db import Session
from core.wire import Flags, Integers, Moments, Packed, Smallints, Texts, Uuids


class _TextAsBytes(Loader):
    """Statement texts are joined into answers as they are; decoding them would be work for nothing."""

    format = Format.BINARY

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


class _PackedDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Packed) -> bytes:
        return obj.data


for _class in (Uuids, Moments, Integers, Smallints, Texts, Flags):
    psycopg.adapters.register_dumper(_class, type(f"_{_class.__name__}Dumper", (_PackedDumper,), {"oid": _class.oid}))


def cursor(session: Session) -> psycopg.Cursor[TupleRow]:
    """A cursor of this transaction that sends and receives binary."""
    connection: psycopg.Connection[TupleRow] | Any = session.connection().connection.driver_connection
    session.flush()
    return psycopg.Cursor(connection)


def payload_cursor(session: Session) -> psycopg.Cursor[TupleRow]:
    """A cursor whose text columns arrive as bytes."""
    opened = cursor(session)
    opened.adapters.register_loader("text", _TextAsBytes)
    return opened
