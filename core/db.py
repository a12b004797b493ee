"""The database: one metadata for all rooms, read and write transactions per tenant, row-level security.

Every pooled connection acts as `stoa_app`, a role that owns nothing and bypasses nothing. A transaction
states its tenant in `app.organization_id`; policies compare it, so that a row of another tenant does not
exist for it, and without a tenant no tenant row exists at all (`architecture.md` 6).
"""

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

import psycopg
from sqlalchemy import (
    CheckConstraint,
    Connection,
    DateTime,
    Engine,
    ForeignKeyConstraint,
    MetaData,
    String,
    TypeDecorator,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from core.errors import Forbidden
from core.wire import Prepared, Wire

__all__ = ["Base", "Database", "Session", "TenantTable", "uuid7"]

T = TypeVar("T")

CURRENT_ORGANIZATION = "nullif(current_setting('app.organization_id', true), '')::uuid"


def uuid7() -> UUID:
    """Return a new UUID of version 7 (RFC 9562): 48 bits of Unix milliseconds, then random bits; sorts by age."""
    stamp = time.time_ns() // 1_000_000
    value = (stamp << 80) | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | (0x7 << 76)
    return UUID(int=value & ~(0x3 << 62) | (0x2 << 62))


class Base(DeclarativeBase):
    """Root of every table."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        list[str]: JSONB,
    }


class TenantTable(Base):
    """A table whose rows belong to one organization. Keyed by (organization_id, id), so that references can't cross."""

    __abstract__ = True

    organization_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-2)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7, sort_order=-1)


class EnumText(TypeDecorator[StrEnum]):
    """A StrEnum stored as its value in a VARCHAR(40); the CHECK comes from `one_of`."""

    impl = String(40)
    cache_ok = True

    def __init__(self, enum: type[StrEnum]) -> None:
        super().__init__()
        self.enum = enum

    def process_bind_param(self, value: StrEnum | str | None, dialect: Dialect) -> str | None:
        """Send the value; refuse a word the enum does not know before the database does."""
        return None if value is None else self.enum(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        """Return the enum's member."""
        return None if value is None else self.enum(value)


def enum_column(enum: type[StrEnum], **options: Any) -> Mapped[Any]:
    """Return a column that holds a member of `enum`."""
    return mapped_column(EnumText(enum), **options)


def one_of(column: str, enum: type[StrEnum]) -> CheckConstraint:
    """Return the CHECK that keeps `column` to the values of `enum`."""
    values = ", ".join(f"'{member.value}'" for member in enum)
    return CheckConstraint(f"{column} IN ({values})", name=column)


def tenant_key(column: str, table: str, **options: Any) -> ForeignKeyConstraint:
    """Reference a row of the same tenant: (organization_id, column) → table(organization_id, id)."""
    return ForeignKeyConstraint(["organization_id", column], [f"{table}.organization_id", f"{table}.id"], **options)


def member_key(column: str) -> ForeignKeyConstraint:
    """Reference a person as member of the same tenant: no cross-tenant row can exist."""
    return ForeignKeyConstraint(["organization_id", column], ["memberships.organization_id", "memberships.user_id"])


def file_key(column: str) -> ForeignKeyConstraint:
    """Reference a stored file of the same tenant."""
    return tenant_key(column, "files")


def organization_of(session: Session) -> UUID:
    """Return the tenant this transaction works for."""
    organization_id = session.info.get("organization_id")
    if organization_id is None:
        raise RuntimeError("this transaction has no tenant; open it with write(organization_id)")
    return UUID(str(organization_id))


def _close_late(connection: DBAPIConnection | None, _record: ConnectionPoolEntry) -> None:
    if connection is not None:
        connection.close()


class Database:
    """A pool of connections to one PostgreSQL database, and the two ways to use it."""

    def __init__(self, url: str, *, pool_size: int = 5, application_name: str = "stoa") -> None:
        self.url = url
        self.engine: Engine = create_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=10,
            pool_pre_ping=True,
            connect_args={"application_name": application_name, "options": "-c timezone=UTC"},
        )
        event.listen(self.engine, "connect", _act_as_application)

    @contextmanager
    def write(self, organization_id: UUID | None) -> Iterator[Session]:
        """Open one transaction for one tenant (None: for none): commit at the end, roll back on any error."""
        session = TenantSession(self.engine, expire_on_commit=False, info={"organization_id": organization_id})
        with session, session.begin():
            _state_tenant(session, organization_id)
            yield session

    @contextmanager
    def read(self, organization_id: UUID | None) -> Iterator[Session]:
        """Open one read-only transaction for one tenant: what it sees is one moment."""
        session = TenantSession(self.engine, expire_on_commit=False, info={"organization_id": organization_id})
        with session, session.begin():
            session.connection(execution_options={"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"})
            _state_tenant(session, organization_id)
            yield session

    @contextmanager
    def writer(self) -> Iterator["Writer"]:
        """Keep one connection for many write transactions in a row: what has much to write asks the pool only once."""
        with self.engine.connect() as connection:
            yield Writer(connection)

    @contextmanager
    def wire(self, statements: Iterable[Prepared]) -> Iterator[Wire]:
        """Keep one connection for many transactions of these prepared statements; see `core/wire.py`."""
        with self.engine.connect() as connection:
            driver: psycopg.Connection[Any] | Any = connection.connection.driver_connection
            try:
                wire = Wire(driver, statements)
                yield wire
            except BaseException:
                connection.invalidate()
                raise
            try:
                wire.close()
            except psycopg.Error:  # it broke, and whoever used it knows
                connection.invalidate()

    def close(self) -> None:
        """Close every pooled connection, once those in use have been given back, or after two seconds.

        One that is given back later than that is closed then.
        """
        for _ in range(200):
            if not cast("QueuePool", self.engine.pool).checkedout():
                break
            time.sleep(0.01)
        event.listen(self.engine.pool, "checkin", _close_late)
        self.engine.dispose()


class ReadOnly(Database):
    """The same database, for somebody who may look only: opening a transaction that writes raises Forbidden."""

    def __init__(self, database: Database, why: str) -> None:
        self.url, self.engine, self._why = database.url, database.engine, why

    @contextmanager
    def write(self, organization_id: UUID | None) -> Iterator[Session]:
        """Refuse. Raises Forbidden."""
        raise Forbidden(self._why)
        yield

    @contextmanager
    def writer(self) -> Iterator["Writer"]:
        """Refuse. Raises Forbidden."""
        raise Forbidden(self._why)
        yield

    @contextmanager
    def wire(self, statements: Iterable[Prepared]) -> Iterator[Wire]:
        """Refuse. Raises Forbidden."""
        raise Forbidden(self._why)
        yield


class PerDatabase(Generic[T]):
    """One thing for each database of this process, made when it is first asked for, gone when the database is."""

    def __init__(self, make: Callable[[Database], T]) -> None:
        self._make = make
        self._made: weakref.WeakKeyDictionary[Database, T] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def __call__(self, database: Database) -> T:
        """The thing of a database."""
        with self._lock:
            found = self._made.get(database)
            if found is None:
                found = self._made[database] = self._make(database)
            return found


class Writer:
    """One connection, one transaction after the other."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def write(self, organization_id: UUID) -> Iterator[Session]:
        """Open one transaction for one tenant, as `Database.write` does, in the pipeline mode of the driver.

        What is sent first, and each `flush` of the pipeline after it, costs one journey to the server together.
        """
        driver: psycopg.Connection[Any] | Any = self._connection.connection.driver_connection
        session = TenantSession(self._connection, expire_on_commit=False, info={"organization_id": organization_id})
        try:
            with driver.pipeline(), session, session.begin():
                session.connection()
                driver.execute(_STATE_TENANT, [str(organization_id)], prepare=True)
                yield session
        except BaseException:
            with suppress(psycopg.Error):  # a COMMIT that the pipeline did not reach leaves the transaction open
                driver.rollback()
            raise


class TenantSession(Session):
    """A session that writes its tenant into every new row."""


@event.listens_for(TenantSession, "before_flush")
def _fill_in_tenant(session: Session, _context: object, _instances: object) -> None:
    for row in session.new:
        if isinstance(row, TenantTable) and row.organization_id is None:
            row.organization_id = organization_of(session)


def _act_as_application(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("SET ROLE stoa_app")
    cursor.close()
    connection.commit()


_STATE_TENANT = "SELECT set_config('app.organization_id', %s, true)"


def _state_tenant(session: Session, organization_id: UUID | None) -> None:
    """Say it as short as can be: it is the first question of every transaction."""
    session.connection().exec_driver_sql(_STATE_TENANT, ("" if organization_id is None else str(organization_id),))
