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

from core.db import Database
from core.errors import StoaError, Unavailable
from lrs.services import statements
from lrs.services.statements import Receipt, Request

TOGETHER = 500
"""The most statements of one transaction; a larger request still goes whole."""

WAITING = 5000
"""The most statements that wait. Beyond it requests are refused at once: better than to promise what takes long."""

_IDLE = 10.0  # seconds after which the thread ends; the next request starts another


class Overloaded(Unavailable):
    """More is coming in than can be stored."""

    title = "Too much is waiting to be stored"
    retry_after = 2


class Committer:
    """Stores requests of all tenants of one database, in the order they came."""

    def __init__(self, database: Database) -> None:
        self._database = weakref.ref(database)
        self._waiting: deque[tuple[Request, Future[Receipt]]] = deque()
        self._count = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

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
        while group := self._next():
            database = self._database()
            if database is None:
                for _, future in group:
                    future.set_exception(Unavailable("The server is stopping."))
                return
            _store(database, group)
            del database

    def _next(self) -> list[tuple[Request, Future[Receipt]]]:
        """What waits for one tenant, as much as goes together; empty after some idle seconds: the thread ends."""
        with self._changed:
            if not self._waiting and not self._changed.wait_for(lambda: self._waiting, _IDLE):
                self._thread = None
                return []
            group: list[tuple[Request, Future[Receipt]]] = []
            others: list[tuple[Request, Future[Receipt]]] = []
            tenant = self._waiting[0][0].caller.organization_id
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


def _store(database: Database, group: Sequence[tuple[Request, Future[Receipt]]]) -> None:
    """Store a group in one transaction; where that fails, every request in its own."""
    organization_id = group[0][0].caller.organization_id
    answers: Sequence[Receipt | StoaError | None] = [None] * len(group)
    if len(group) > 1:
        try:
            with database.write(organization_id) as session:
                answers = statements.store_together(session, [request for request, _ in group])
        except Exception:  # whatever it is, the one whose fault it is will meet it again, alone
            answers = [None] * len(group)
    for (request, future), answer in zip(group, answers, strict=True):
        if isinstance(answer, Receipt):
            future.set_result(answer)
        elif isinstance(answer, StoaError):
            future.set_exception(answer)
        else:
            _store_alone(database, request, future)


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
