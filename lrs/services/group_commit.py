"""Group commit: requests that wait at the same moment are stored in one transaction, each answered after its commit.

A commit is what storing costs most: the disk must confirm it, and the tenant's turn is held until it has. One thread
per process and database drains what waits; a transaction holds one tenant's requests only. When a transaction fails,
its requests are tried one by one, so that a bad one does not fail its neighbors.
"""

import threading
import weakref
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import datetime
from uuid import UUID

from core.db import Database, Writer
from core.errors import Unavailable
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


Waiting = tuple[Request, Future[Receipt]]


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
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._consistent: dict[UUID, datetime] = {}
        self._known: dict[UUID, dict[str, Known]] = {}

    def consistent_through(self, organization_id: UUID) -> datetime | None:
        """A moment up to which everything stored can be seen: that of the last group of a tenant, if there was one."""
        return self._consistent.get(organization_id)

    def submit(self, request: Request) -> Future[Receipt]:
        """Queue a request; its future ends with the commit. Raises Overloaded when too much waits already."""
        future: Future[Receipt] = Future()
        with self._changed:
            if self._count + len(request.statements) > WAITING and self._count:
                raise Overloaded("More statements are waiting than can be stored soon. Send this again in a moment.")
            self._count += len(request.statements)
            self._waiting.append((request, future))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
                self._thread.start()
            else:
                self._changed.notify()
        return future

    def _run(self) -> None:
        """Store until nothing comes for a while, on one connection as long as there is work and it holds."""
        while self._is_wanted():
            database = self._database()
            if database is None:
                return
            try:
                with database.writer() as writer:
                    while self._has_work() and self._store(database, writer):
                        pass
            except Exception as error:  # the pool has no connection to give
                for _, future in self._group(self._tenant()):
                    future.set_exception(error)
            del database

    def _is_wanted(self) -> bool:
        """Wait for work; False after some idle time: then the thread has ended and the next request starts another."""
        with self._changed:
            is_wanted: bool = self._changed.wait_for(self._has_work, _IDLE)
            if not is_wanted:
                self._thread = None
            return is_wanted

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

    def _store(self, database: Database, writer: Writer) -> bool:
        """Store a group; answer whether the connection is still good."""
        tenant = self._tenant()
        group: list[Waiting] = []

        def drawn() -> list[Request]:
            """Only now: what came while others had their turn goes along."""
            group[:] = self._group(tenant)
            return [request for request, _ in group]

        is_well = True
        answers: Sequence[Receipt | StatementConflict | None] = ()
        try:
            answers = statements.store_at_once(writer, tenant, drawn, self._known_of(tenant))
        except Exception:  # something is out of the ordinary: look closer
            self._known.pop(tenant, None)
            is_well, answers = self._store_carefully(writer, tenant, group)
        self._answer(tenant, group, answers)
        for request, future in group:
            if not future.done():
                _store_alone(database, request, future)
        return is_well

    def _store_carefully(
        self, writer: Writer, tenant: UUID, group: list[Waiting]
    ) -> tuple[bool, Sequence[Receipt | StatementConflict | None]]:
        """Store a group in one transaction, looking at every answer; say first whether the connection is good."""
        try:
            statements.give_back_turn(writer, tenant)
            with writer.write(tenant) as session:
                first = statements.take_turn(session)
                group[:] = group or self._group(tenant)
                return True, statements.store_together(session, first, [request for request, _ in group])
        except Exception:  # whatever it is, the one whose fault it is will meet it again, alone
            group[:] = group or self._group(tenant)
            return False, ()

    def _answer(
        self, tenant: UUID, group: Sequence[Waiting], answers: Sequence[Receipt | StatementConflict | None]
    ) -> None:
        for (_, future), answer in zip(group, answers, strict=False):
            if isinstance(answer, Receipt):
                self._consistent[tenant] = answer.consistent_through
                future.set_result(answer)
            elif answer is not None:
                future.set_exception(answer)

    def _known_of(self, tenant: UUID) -> dict[str, Known]:
        """What was last seen of a tenant's activities. The database says whether it is still so, each time."""
        known = self._known.setdefault(tenant, {})
        if len(known) > KNOWN:
            known.clear()
        return known


def _store_alone(database: Database, request: Request, future: Future[Receipt]) -> None:
    try:
        with database.write(request.caller.organization_id) as session:
            receipt = statements.store_prepared(session, request)
    except BaseException as error:  # it belongs to the one who waits
        future.set_exception(error)
    else:
        future.set_result(receipt)


_committers: weakref.WeakKeyDictionary[Database, Committer] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def committer(database: Database) -> Committer:
    """The committer of this process for a database."""
    with _lock:
        found = _committers.get(database)
        if found is None:
            found = _committers[database] = Committer(database)
        return found
