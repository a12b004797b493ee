"""Commits of many learners that wait at the same moment, in one transaction; each is answered after it.

A commit to the disk and the journeys to the database are what one costs most. One thread per process and database
drains what waits; a transaction holds one tenant's sessions only. A group that brings only places (suspend data,
bookmarks), as most do, goes over a wire in two journeys. What is out of the ordinary is not done here: an end
of a session, a change of status or score, a session that somebody else is changing, whatever goes wrong. For that the
answer is None, nothing of it is written, and `runtime.commit` does it in a transaction of its own. Batches are
numbered, so that nothing is applied twice whatever happened to the group.
"""

import asyncio
import threading
import weakref
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from time import monotonic
from uuid import UUID

import psycopg

from accounts.services import presence
from core import clock
from core.db import Database, Session, Writer
from core.errors import Unavailable
from core.logs import logger
from core.wire import Wire
from lrs.services import hooks
from lrs.services import statements as lrs
from scorm_player.scorm import cmi
from scorm_player.services import documents
from scorm_player.services.playing import Sitting, authority, item_of, promoted
from scorm_player.services.projection import project
from scorm_player.services.runtime import Committed
from scorm_player.services.taking import Batch, take
from scorm_player.store import registrations as registration_store
from scorm_player.store import runtime as runtime_store
from scorm_player.store import sittings as store

TOGETHER = 100
"""The most requests of one transaction."""

WAITING = 2000
"""The most requests that wait; what comes beyond takes the way through Flask, and its bounds."""

SECONDS_SIGNED_IN = 2.0
"""For so long a browser that was signed in is believed to be; asked for all of a group at once."""

_IDLE = 1.0  # seconds after which the thread ends; the next request starts another
_PAUSE = 0.05  # seconds for which the thread keeps its connections without work

log = logger("scorm_player")


@dataclass(frozen=True, slots=True)
class Request:
    """One commit of one window. `browser_session_id`: the sign-in it came with."""

    organization_id: UUID
    browser_session_id: UUID
    user_id: UUID
    session_id: UUID
    batches: Sequence[Batch]
    announced: int


Waiting = tuple[Request, "asyncio.Future[Committed | None]"]


@dataclass(slots=True)
class _Taking:
    """What becomes of one session in a group: its rows, and an answer for each request, as long as all goes well."""

    rows: store.Rows
    sitting: Sitting
    before: tuple[str, Decimal, bool]  # run-time data, seconds, whether it had begun
    elements: set[str] = field(default_factory=set)
    answers: list[tuple[Request, Committed]] = field(default_factory=list)


class Overloaded(Unavailable):
    """More commits are coming in than can be kept."""


class _Lines:
    """The thread's connections, each borrowed when it is first needed."""

    def __init__(self, database: Database, stack: ExitStack) -> None:
        self._database, self._stack = database, stack
        self._wire: Wire | None = None
        self._writer: Writer | None = None

    def wire(self) -> Wire:
        """For places."""
        if self._wire is None:
            self._wire = self._stack.enter_context(self._database.wire(store.WIRE))
        return self._wire

    def writer(self) -> Writer:
        """For all else."""
        if self._writer is None:
            self._writer = self._stack.enter_context(self._database.writer())
        return self._writer


class Committer:
    """Keeps commits of all tenants of one database, in the order they came."""

    def __init__(self, database: Database) -> None:
        self._database = weakref.ref(database)
        self._waiting: deque[Waiting] = deque()
        self._changed = threading.Condition(threading.Lock())
        self._is_idle = False  # to wake the thread while it works would cost time and bring nothing
        self._thread: threading.Thread | None = None
        self._signed_in: dict[UUID, float] = {}

    def submit(self, request: Request) -> "asyncio.Future[Committed | None]":
        """Queue a commit, from a loop. Its future ends when it is on the disk; with None when it must go the long way.

        Raises Overloaded when too much waits already.
        """
        future: asyncio.Future[Committed | None] = asyncio.get_running_loop().create_future()
        with self._changed:
            if len(self._waiting) >= WAITING:
                raise Overloaded
            self._waiting.append((request, future))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="runtime-commit", daemon=True)
                self._thread.start()
            elif self._is_idle:
                self._changed.notify()
        return future

    def _run(self) -> None:
        """Commit until nothing comes for a while, on the same connections as long as work follows work."""
        while self._is_wanted():
            database = self._database()
            if database is None:
                return
            try:
                with ExitStack() as stack:
                    lines = _Lines(database, stack)
                    while self._comes_soon() and self._commit(database, lines):
                        pass
            except Exception as error:
                log.warning("a connection for commits broke", error=repr(error))
            del database

    def _is_wanted(self) -> bool:
        """Wait for work; False after some idle time: then the thread has ended and the next request starts another."""
        with self._changed:
            is_wanted = self._waits_for_work(_IDLE)
            if not is_wanted:
                self._thread = None
            return is_wanted

    def _comes_soon(self) -> bool:
        """Wait for work a moment, with the connections in hand."""
        with self._changed:
            return self._waits_for_work(_PAUSE)

    def _waits_for_work(self, seconds: float) -> bool:
        self._is_idle = True
        is_there: bool = self._changed.wait_for(lambda: bool(self._waiting), seconds)
        self._is_idle = False
        return is_there

    def _group(self) -> list[Waiting]:
        """What waits for the tenant whose turn it is, as much as goes together, in the order it came."""
        with self._changed:
            group: list[Waiting] = []
            others: list[Waiting] = []
            while self._waiting and len(group) < TOGETHER:
                item = self._waiting.popleft()
                is_same = not group or item[0].organization_id == group[0][0].organization_id
                (group if is_same else others).append(item)
            self._waiting.extendleft(reversed(others))
            return group

    def _commit(self, database: Database, lines: _Lines) -> bool:
        """Commit a group; answer whether the connections are still good."""
        group = self._group()
        if not group:
            return True
        tenant = group[0][0].organization_id
        taken: list[_Taking] = []
        is_well = True
        try:
            requests = self._of_signed_in(database, tenant, [request for request, _ in group])
            done = _keep_places(lines.wire(), tenant, requests) if all(map(_brings_places, requests)) else None
            if done is None:
                with lines.writer().write(tenant) as session:
                    done = _commit_together(session, tenant, requests)
            taken = done
        except Exception as error:  # whose fault it is will meet it again, alone
            log.warning("a group of commits failed; each goes its own way", error=repr(error))
            is_well, taken = False, []
        _answer(group, taken)
        return is_well

    def _of_signed_in(self, database: Database, tenant: UUID, requests: list[Request]) -> list[Request]:
        """The requests of browsers that are signed in, which is asked anew for those not asked about in a while."""
        now = monotonic()
        unsure = {
            request.browser_session_id
            for request in requests
            if now - self._signed_in.get(request.browser_session_id, -SECONDS_SIGNED_IN) >= SECONDS_SIGNED_IN
        }
        if unsure:
            with database.read(tenant) as session:
                sure = presence.signed_in(session, list(unsure), clock.now())
            self._signed_in = {known: at for known, at in self._signed_in.items() if now - at < SECONDS_SIGNED_IN}
            self._signed_in |= dict.fromkeys(sure, now)
        return [request for request in requests if request.browser_session_id in self._signed_in]


def _answer(group: Sequence[Waiting], taken: Sequence[_Taking]) -> None:
    """Answer a whole group, with one word to its loop."""
    told = {id(request): answer for one in taken for request, answer in one.answers}
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Committed | None], Committed | None]]] = {}
    for request, future in group:
        by_loop.setdefault(future.get_loop(), []).append((future, told.get(id(request))))
    for loop, answers in by_loop.items():
        with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
            loop.call_soon_threadsafe(_end, answers)


def _end(answers: Sequence[tuple["asyncio.Future[Committed | None]", Committed | None]]) -> None:
    for future, answer in answers:
        if not future.done():
            future.set_result(answer)


def _commit_together(session: Session, tenant: UUID, requests: Sequence[Request]) -> list[_Taking]:
    """Keep what is ordinary of these commits; answer it with what to tell each of them once it is on the disk."""
    now = clock.now()
    rows = store.lock(session, {request.session_id for request in requests})
    taken = _taken(tenant, requests, rows, now)
    if taken:
        _keep(session, taken, now)
    return taken


def _brings_places(request: Request) -> bool:
    """Whether a commit only says where the learner is, so that nothing follows from it but what it says."""
    return all(
        not (batch.initialized or batch.terminated or any(cmi.is_told(element) for element, _ in batch.changes))
        for batch in request.batches
    )


def _keep_places(wire: Wire, tenant: UUID, requests: Sequence[Request]) -> list[_Taking] | None:
    """Do the same over the wire for commits that only bring places; None when something else follows from one.

    That is so with the first of a session, which tells what it was opened with. Then nothing of all is written.
    """
    now = clock.now()
    try:
        rows = store.lock_at_once(wire, tenant, {request.session_id for request in requests})
        taken = _taken(tenant, requests, rows, now)
        if any(one.sitting.made for one in taken):
            wire.abandon()
            return None
        store.keep_at_once(wire, tenant, [_change(one) for one in taken], now)
    except psycopg.Error as error:
        log.warning("a group of places failed; it goes the way of all others", error=repr(error))
        wire.abandon()
        return None
    return taken


def _taken(tenant: UUID, requests: Sequence[Request], rows: Sequence[store.Rows], now: datetime) -> list[_Taking]:
    """Apply what is ordinary of these commits to the rows that were locked for them."""
    found = {one[0].id: one for one in rows}
    taking: dict[UUID, _Taking | None] = {}
    for request in requests:
        if request.session_id not in taking:
            own = found.get(request.session_id)
            taking[request.session_id] = _taking_of(tenant, own, now) if own else None
        one = taking[request.session_id]
        if one is not None and not _take(one, request):
            taking[request.session_id] = None
    return [one for one in taking.values() if one is not None]


def _taking_of(tenant: UUID, rows: store.Rows, now: datetime) -> _Taking | None:
    """A session to be worked on. None when it takes more questions: what its course says is not known here yet."""
    opened, enrolled, kept = rows
    course = registration_store.known_course(tenant, enrolled.package_version_id)
    if course is None or not course.holds(opened.package_item_id):
        return None
    data = runtime_store.data_in(kept.cmi)
    identifier = course.identifier(opened.package_item_id)
    item = item_of(course, identifier, data)
    before = (kept.cmi, opened.seconds, opened.initialized_at is not None)
    return _Taking(rows, Sitting(enrolled, course, opened, identifier, item, kept, data, now, []), before)


def _take(one: _Taking, request: Request) -> bool:
    """Apply one request; False when its session is better looked after alone."""
    _, enrolled, kept = one.rows
    if enrolled.user_id != request.user_id or any(batch.terminated for batch in request.batches):
        return False
    before, first = promoted(kept), one.sitting.launched.last_sequence
    try:
        taken = take(one.sitting, request.batches, request.announced)
    except Exception as error:  # whatever it is, it comes again where only one learner is concerned
        log.warning("a commit goes its own way", error=repr(error))
        return False
    if promoted(kept) != before or (one.sitting.made and hooks.are_plugged_in()):
        return False
    one.elements |= taken.elements
    saved = one.sitting.launched.last_sequence
    one.answers.append((request, Committed(saved, saved - first, None, has_ended=False)))
    return True


def _keep(session: Session, taken: Sequence[_Taking], now: datetime) -> None:
    changes = [_change(one) for one in taken]
    store.keep(session, changes, now)
    for one in taken:
        project(session, one.rows[2], one.sitting.item.standard, one.sitting.data.values, one.elements)
    documents.begun(session, [one.sitting for one, change in zip(taken, changes, strict=True) if change.has_begun], now)
    if made := [statement for one in taken for statement in one.sitting.made]:
        lrs.store(session, made, authority=authority())  # last: from here on all who store wait for this transaction


def _change(one: _Taking) -> store.Change:
    opened, _, kept = one.rows
    cmi, seconds, had_begun = one.before
    has_begun = opened.initialized_at is not None and not had_begun
    return store.Change(one.rows, opened.seconds - seconds, kept.cmi != cmi, has_begun)


_committers: weakref.WeakKeyDictionary[Database, Committer] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def committer(database: Database) -> Committer:
    """The committer of this process for a database."""
    with _lock:
        found = _committers.get(database)
        if found is None:
            found = _committers[database] = Committer(database)
        return found
