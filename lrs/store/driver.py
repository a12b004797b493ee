"""The driver's own cursor, under the session's transaction: binary parameters and texts as bytes, for the hot path."""

import struct
from typing import Any, ClassVar

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.pq import Format
from psycopg.rows import TupleRow

from core.db import Session


class _TextAsBytes(Loader):
    """Statement texts are joined into answers as they are; decoding them would be work for nothing."""

    format = Format.BINARY

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


class Packed:
    """An array parameter whose elements are in the protocol's form already, each with its length before it.

    Joining them costs a tenth of what the driver needs to look at every element.
    """

    __slots__ = ("data",)
    element: ClassVar[int]

    def __init__(self, elements: bytes, count: int) -> None:
        dimension = _DIMENSION.pack(count, 1) if count else b""  # an array without elements has none
        self.data = _ARRAY.pack(1 if count else 0, 1, self.element) + dimension + elements


_ARRAY = struct.Struct(">iii")  # dimensions, whether there are nulls, the elements' type
_DIMENSION = struct.Struct(">ii")  # length, lower bound
_LENGTH = struct.Struct(">i")

NULL = _LENGTH.pack(-1)
"""The element that is none."""


TRUE, FALSE = _LENGTH.pack(1) + b"\1", _LENGTH.pack(1) + b"\0"


def element(data: bytes) -> bytes:
    """One element of an array."""
    return _LENGTH.pack(len(data)) + data


class Uuids(Packed):
    """UUIDs."""

    element = 2950


class Moments(Packed):
    """Moments: microseconds since 2000, 64 bits."""

    element = 1184


class Integers(Packed):
    """Integers of 32 bits."""

    element = 23


class Smallints(Packed):
    """Integers of 16 bits."""

    element = 21


class Flags(Packed):
    """Booleans."""

    element = 16


class Texts(Packed):
    """Texts in UTF-8."""

    element = 25


class _PackedDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Packed) -> bytes:
        return obj.data


for _class, _oid in ((Uuids, 2951), (Moments, 1185), (Integers, 1007), (Smallints, 1005), (Texts, 1009), (Flags, 1000)):
    psycopg.adapters.register_dumper(_class, type(f"_{_class.__name__}Dumper", (_PackedDumper,), {"oid": _oid}))


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
