"""Transactions in few journeys to the database: prepared statements, sent together, answered together.

For what is written thousands of times in a second. It stands beside the driver's cursors, which look at every parameter
and wait for the server more often; here a statement is prepared once per connection, its parameters are in the
protocol's binary form already, and all that is sent before `exchange` makes one journey (libpq's pipeline mode).
"""

import re
import select
import struct
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import psycopg
from psycopg import errors
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGresult

UUID_TYPE, TEXT, BIGINT, INTEGER, MOMENT = 2950, 25, 20, 23, 1184

_LENGTH = struct.Struct(">i")
_BIGINT = struct.Struct(">q")
_ARRAY = struct.Struct(">iii")  # dimensions, whether there are nulls, the elements' type
_DIMENSION = struct.Struct(">ii")  # length, lower bound
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

NULL = _LENGTH.pack(-1)
"""The element of an array that is none."""

TRUE, FALSE = _LENGTH.pack(1) + b"\1", _LENGTH.pack(1) + b"\0"


def element(data: bytes) -> bytes:
    """One element of an array."""
    return _LENGTH.pack(len(data)) + data


def bigint(value: int) -> bytes:
    """An integer of 64 bits."""
    return _BIGINT.pack(value)


def integer(value: int) -> bytes:
    """An integer of 32 bits."""
    return _LENGTH.pack(value)


def moment(value: datetime) -> bytes:
    """A moment: microseconds since 2000, 64 bits."""
    since = value - _EPOCH
    return _BIGINT.pack((since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds)


def read_moment(data: bytes) -> datetime:
    """A moment that the database answered."""
    return _EPOCH + timedelta(microseconds=_BIGINT.unpack(data)[0])


def read_integer(data: bytes) -> int:
    """An integer of 32 bits that the database answered."""
    found: int = _LENGTH.unpack(data)[0]
    return found


def read_bigint(data: bytes) -> int:
    """An integer of 64 bits that the database answered."""
    found: int = _BIGINT.unpack(data)[0]
    return found


Value = UUID | int | datetime | Sequence[UUID]
"""What a question that is planned for its values may ask with."""


class Packed:
    """An array parameter whose elements are in the protocol's form already, each with its length before it.

    Joining them costs a tenth of what the driver needs to look at every element.
    """

    __slots__ = ("data",)
    element: ClassVar[int]
    oid: ClassVar[int]

    def __init__(self, elements: bytes, count: int) -> None:
        dimension = _DIMENSION.pack(count, 1) if count else b""  # an array without elements has none
        self.data = _ARRAY.pack(1 if count else 0, 1, self.element) + dimension + elements


class Uuids(Packed):
    """UUIDs."""

    element, oid = 2950, 2951

    @classmethod
    def of(cls, values: Sequence[UUID]) -> "Uuids":
        """An array of these."""
        return cls(b"".join([element(value.bytes) for value in values]), len(values))


class Moments(Packed):
    """Moments: microseconds since 2000, 64 bits."""

    element, oid = 1184, 1185


class Integers(Packed):
    """Integers of 32 bits."""

    element, oid = 23, 1007


class Smallints(Packed):
    """Integers of 16 bits."""

    element, oid = 21, 1005


class Flags(Packed):
    """Booleans."""

    element, oid = 16, 1000


class Texts(Packed):
    """Texts in UTF-8."""

    element, oid = 25, 1009

    @classmethod
    def of(cls, values: Sequence[str]) -> "Texts":
        """An array of these."""
        return cls(b"".join([element(value.encode()) for value in values]), len(values))


class Prepared:
    """A statement that a connection prepares once; `%(name)b` in its text are parameters, each with its type's OID."""

    def __init__(self, text: str, /, **types: int) -> None:
        self.names = tuple(types)
        self.types = tuple(types.values())
        self.formats = (1,) * len(types)
        places = {name: f"${number}" for number, name in enumerate(types, 1)}
        self.text = re.sub(r"%\((\w+)\)[bs]", lambda found: places[found[1]], text).encode()


_BEGIN, _COMMIT, _ROLLBACK = Prepared("BEGIN"), Prepared("COMMIT"), Prepared("ROLLBACK")
_BEGIN_READING = Prepared("BEGIN READ ONLY")
_UNLOCK = Prepared("SELECT pg_advisory_unlock_all()")
_STATE_TENANT = Prepared("SELECT set_config('app.organization_id', %(organization_id)b, true)", organization_id=TEXT)
_OWN = (_BEGIN, _BEGIN_READING, _COMMIT, _ROLLBACK, _UNLOCK, _STATE_TENANT)


_KEPT = 50
"""The most questions that a connection keeps."""

# Not all that the connection has: the driver counts on its own.
_DEALLOCATE = rb"""
DO $$ DECLARE prepared text; BEGIN
    FOR prepared IN SELECT name FROM pg_prepared_statements WHERE name LIKE 'wire\_%' LOOP
        EXECUTE 'DEALLOCATE ' || prepared;
    END LOOP;
END $$
"""


class Wire:
    """A connection on which nothing is sent but a few prepared statements. Made by `Database.wire`."""

    def __init__(self, connection: psycopg.Connection[Any], statements: Iterable[Prepared]) -> None:
        self._pg = connection.pgconn
        self._sent: list[bool] = []  # whether the result of what was sent since the last journey is asked for
        self._kept: dict[str, Prepared] = {}
        self._readable, self._writable = select.poll(), select.poll()
        self._readable.register(self._pg.socket, select.POLLIN)
        self._writable.register(self._pg.socket, select.POLLIN | select.POLLOUT)
        self._names: dict[Prepared, bytes] = {}
        self._pg.enter_pipeline_mode()
        for item in (*_OWN, *statements):
            self._prepare(item)
        self.exchange()

    def _prepare(self, statement: Prepared) -> None:
        name = self._names[statement] = b"wire_%d" % len(self._names)
        self._pg.send_prepare(name, statement.text, statement.types)
        self._sent.append(False)

    def begin(self, organization_id: UUID, *, is_reading: bool = False) -> None:
        """Let the beginning of a transaction for one tenant go with the next journey: two statements."""
        self.send(_BEGIN_READING if is_reading else _BEGIN)
        self.send(_STATE_TENANT, organization_id=str(organization_id).encode())

    def commit(self) -> None:
        """Let the end of the transaction go with the next journey: one statement."""
        self.send(_COMMIT)

    def send(self, statement: Prepared, /, **values: bytes | None) -> None:
        """Let a statement go with the next journey, with its parameters in the protocol's binary form."""
        parameters = [values[name] for name in statement.names] if values else None
        self._pg.send_query_prepared(self._names[statement], parameters, statement.formats, 1)
        self._sent.append(True)

    def ask(self, text: str, values: Mapping[str, Value], *, is_kept: bool = False) -> None:
        """Let a question go with the next journey. It is planned for these values, unless it is one to be kept."""
        encoded = {name: _encoded(value) for name, value in values.items()}
        parameters = {name: data for name, (_, data) in encoded.items()}
        question = self._kept.get(text)
        if question is None:
            question = Prepared(text, **{name: oid for name, (oid, _) in encoded.items()})
            if is_kept and len(self._kept) < _KEPT:
                self._prepare(question)
                self._kept[text] = question
        if question in self._names:
            self.send(question, **parameters)
        else:
            self._pg.send_query_params(question.text, list(parameters.values()), question.types, question.formats, 1)
            self._sent.append(True)

    def exchange(self) -> list[PGresult]:
        """Make the journey; answer one result for each statement that was sent, in order.

        Raises the driver's error of the first that failed. What was sent behind it has not been done then, and of a
        transaction only the end is left: `abandon`.
        """
        sent, self._sent = self._sent, []
        self._pg.pipeline_sync()
        results = []
        for _ in sent:
            results.append(self._result())
            self._result()  # nothing more of this statement
        self._result()  # the end of the journey
        for result in results:
            if result is None or result.status == ExecStatus.FATAL_ERROR:
                self._kept.clear()  # whether one that was on its way has come to be is not known
                raise _error(result)
        return [result for result, is_asked_for in zip(results, sent, strict=True) if is_asked_for and result]

    def abandon(self) -> None:
        """End a transaction that failed, and leave no lock that belongs to the connection."""
        self.send(_ROLLBACK)
        self.send(_UNLOCK)
        self.exchange()

    def close(self) -> None:
        """Leave the connection as it was."""
        self._pg.exit_pipeline_mode()
        self._pg.exec_(_DEALLOCATE)

    def _result(self) -> PGresult | None:
        """The next thing the server says; while it is silent, other threads of this process run."""
        while self._pg.flush():
            self._writable.poll()
            self._pg.consume_input()
        while self._pg.is_busy():
            self._readable.poll()
            self._pg.consume_input()
        return self._pg.get_result()


def _encoded(value: Value) -> tuple[int, bytes]:
    """A value's type and its binary form."""
    if isinstance(value, UUID):
        return UUID_TYPE, value.bytes
    if isinstance(value, int):
        return BIGINT, bigint(value)
    if isinstance(value, datetime):
        return MOMENT, moment(value)
    return Uuids.oid, Uuids.of(value).data


def _error(result: PGresult | None) -> psycopg.Error:
    if result is None:
        return psycopg.OperationalError("the connection to the database is lost")
    state = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
    message = result.error_message.decode("utf-8", "replace")
    try:
        return errors.lookup(state)(message)
    except KeyError:
        return psycopg.OperationalError(message)
