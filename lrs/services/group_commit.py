"""Group commit: requests that wait at the same moment are stored in one transaction, each answered after its commit.

A commit is what storing costs most: the disk must confirm it, and the tenant's turn is held until it has. One thread
per process and database drains what waits; a transaction holds one tenant's requests only. When a transaction fails,
its requests are tried one by one, so that a bad one does not fail its neighbors.
"""

import asyncio
import threading
import weakref
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime
from itertools import islice
from uuid import UUID

import psycopg

from core.db import Database, PerDatabase
from core.errors import Unavailable
from core.wire import Wire
from lrs.errors import StatementConflict
from lrs.services import statements
from lrs.services.statements import Known, Receipt, Request

TOGETHER = 500
"""The most statements of one transaction; a larger request still goes whole."""

WAITING = 10_000
"""The most statements that wait. Beyond it requests are refused at once: better than to promise what takes long."""

KNOWN = 5000
"""The most activities of a tenant whose definitions are remembered."""

_IDLE = 1.0  # seconds after which the thread ends; the next request starts another
_PAUSE = 0.05  # seconds for which the thread keeps its connection without work


Waiting = tuple[Request, "Future[Receipt] | asyncio.Future[Receipt]"]
Answer = Receipt | Exception


class Overloaded(Unavailable):
    """More is coming in than can be stored."""

    title = "Too much is waiting to be stored"
    retry_after = 2


class Committer:
    """Stores requests of all tenants of one database, in the order they came."""

    def __init__(self, database: Database) -> None:
        self._database = weakref.ref(database)
        self._waiting: deque[Waiting] = deque()
        self._count = 0
        self._changed = threading.Condition(threading.Lock())
        self._is_idle = False  # to wake the thread while it works would cost time and bring nothing
        self._thread: threading.Thread | None = None
        self._consistent: dict[UUID, datetime] = {}
        self._known: dict[UUID, dict[str, Known]] = {}

    def consistent_through(self, organization_id: UUID) -> datetime | None:
        """A moment up to which everything stored can be seen: that of the last group of a tenant, if there was one."""
        return self._consistent.get(organization_id)

    def submit(self, request: Request) -> Future[Receipt]:
        """Queue a request from a thread; its future ends with the commit. Raises Overloaded when too much waits."""
        future: Future[Receipt] = Future()
        self._queue(request, future)
        return future

    def submit_from_loop(self, request: Request) -> "asyncio.Future[Receipt]":
        """Queue a request from an event loop, which hears of a whole group at once. Raises Overloaded."""
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._queue(request, future)
        return future

    def _queue(self, request: Request, future: "Future[Receipt] | asyncio.Future[Receipt]") -> None:
        with self._changed:
            if self._count + len(request.statements) > WAITING and self._count:
                raise Overloaded("More statements are waiting than can be stored soon. Send this again in a moment.")
            self._count += len(request.statements)
            self._waiting.append((request, future))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
                self._thread.start()
            elif self._is_idle:
                self._changed.notify()

    def _run(self) -> None:
        """Store until nothing comes for a while, on one connection as long as work follows work and it holds."""
        while self._is_wanted():
            database = self._database()
            if database is None:
                return
            try:
                with database.wire(statements.WIRE) as wire:
                    while self._comes_soon() and self._store(database, wire):
                        pass
            except Exception as error:  # the pool has no connection to give, or the one it gave is broken
                if self._has_work():
                    _hand_over([(future, error) for _, future in self._group(self._tenant())])
            del database

    def _is_wanted(self) -> bool:
        """Wait for work; False after some idle time: then the thread has ended and the next request starts another."""
        with self._changed:
            is_wanted = self._waits_for_work(_IDLE)
            if not is_wanted:
                self._thread = None
            return is_wanted

    def _comes_soon(self) -> bool:
        """Wait for work a moment, with the connection in hand."""
        with self._changed:
            return self._waits_for_work(_PAUSE)

    def _waits_for_work(self, seconds: float) -> bool:
        self._is_idle = True
        is_there: bool = self._changed.wait_for(self._has_work, seconds)
        self._is_idle = False
        return is_there

    def _has_work(self) -> bool:
        return bool(self._waiting)

    def _tenant(self) -> UUID:
        with self._changed:
            return self._waiting[0][0].caller.organization_id

    def _group(self, tenant: UUID) -> list[Waiting]:
        """What waits for one tenant, as much as goes together, in the order it came."""
        with self._changed:
            group: list[Waiting] = []
            others: list[Waiting] = []
            size = 0
            while self._waiting:
                item = self._waiting.popleft()
                length = len(item[0].statements)
                if item[0].caller.organization_id != tenant:
                    others.append(item)
                elif group and size + length > TOGETHER:
                    others.append(item)
                    break
                else:
                    group.append(item)
                    size += length
            self._waiting.extendleft(reversed(others))
            self._count -= size
            return group

    def _store(self, database: Database, wire: Wire) -> bool:
        """Store a group; answer whether the connection is still good."""
        tenant = self._tenant()
        group: list[Waiting] = []

        def drawn() -> list[Request]:
            """Only now: what came while others had their turn goes along."""
            group[:] = self._group(tenant)
            return [request for request, _ in group]

        is_well = True
        answers: Sequence[Answer | None]
        try:
            answers = statements.store_at_once(wire, tenant, drawn, self._known_of(tenant))
        except Exception:  # something is out of the ordinary: look closer
            self._known.pop(tenant, None)
            is_well = _abandon(wire)
            answers = self._store_carefully(database, tenant, group)
        answered = dict(zip((future for _, future in group), answers, strict=False))
        for answer in answered.values():
            if isinstance(answer, Receipt):
                self._consistent[tenant] = answer.consistent_through
        _hand_over([(future, answer) for future, answer in answered.items() if answer is not None])
        for request, future in group:
            if answered.get(future) is None:
                _hand_over([(future, _stored_alone(database, request))])
        return is_well

    def _store_carefully(
        self, database: Database, tenant: UUID, group: list[Waiting]
    ) -> Sequence[Receipt | StatementConflict | None]:
        """Store a group in one transaction, looking at every answer; without answers, none of it has been stored."""
        try:
            with database.write(tenant) as session:
                first = statements.take_turn(session)
                group[:] = group or self._group(tenant)
                return statements.store_together(session, first, [request for request, _ in group])
        except Exception:  # whatever it is, the one whose fault it is will meet it again, alone
            group[:] = group or self._group(tenant)
            return ()

    def _known_of(self, tenant: UUID) -> dict[str, Known]:
        """What was last seen of a tenant's activities. The database says whether it is still so, each time."""
        known = self._known.setdefault(tenant, {})
        for iri in list(islice(known, max(0, len(known) - KNOWN))):
            del known[iri]
        return known


def _abandon(wire: Wire) -> bool:
    """Undo what a group that failed may have left behind; answer whether the connection is still good."""
    try:
        wire.abandon()
    except psycopg.Error:
        return False
    return True


def _stored_alone(database: Database, request: Request) -> Answer:
    try:
        with database.write(request.caller.organization_id) as session:
            return statements.store_prepared(session, request)
    except Exception as error:  # it belongs to the one who waits
        return error


def _hand_over(answers: Iterable[tuple["Future[Receipt] | asyncio.Future[Receipt]", Answer]]) -> None:
    """Tell everybody who waits; a loop is woken once for all of its own."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Receipt], Answer]]] = {}
    for future, answer in answers:
        if isinstance(future, Future):
            _end(future, answer)
        else:
            by_loop.setdefault(future.get_loop(), []).append((future, answer))
    for loop, found in by_loop.items():
        with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
            loop.call_soon_threadsafe(_end_all, found)


def _end_all(answers: Sequence[tuple["asyncio.Future[Receipt]", Answer]]) -> None:
    for future, answer in answers:
        if not future.done():
            _end(future, answer)


def _end(future: "Future[Receipt] | asyncio.Future[Receipt]", answer: Answer) -> None:
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)


committer = PerDatabase(Committer)
"""The committer of this process for a database."""
