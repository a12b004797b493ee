"""The live tail: new statements of an organization as server-sent events, for as many pages as look.

One thread per process listens to the database; one look-up serves all pages of an organization. A page that was away
names the last event it saw and gets what came since. A page that cannot keep up is cut off; it comes back by itself.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import orjson
import psycopg

from core.db import Database
from core.logs import logger
from lrs.services import browsing
from lrs.services.browsing import Shown
from lrs.services.statements import CHANNEL

PAGE = 100
"""The most statements of one event run; when more come at once, the page is told that there is a gap."""

_PAUSE = 0.2  # seconds between two look-ups of an organization
_WAITING = 64  # events that may wait for a slow page
log = logger("lrs")


@dataclass(eq=False)
class Listener:
    """One open page."""

    events: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(_WAITING))


class Tail:
    """All open pages of this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pages: dict[UUID, set[Listener]] = {}
        self._positions: dict[UUID, datetime] = {}
        self._busy: set[UUID] = set()
        self._again: set[UUID] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    async def events(self, organization_id: UUID, last_event_id: str) -> AsyncIterator[bytes]:
        """Events for one page, from behind the last one it saw; ends when the server stops or the page is too slow."""
        self._loop = asyncio.get_running_loop()
        listener = Listener()
        seen = _moment(last_event_id)
        pages = self._pages.setdefault(organization_id, set())
        pages.add(listener)
        try:
            await self._start(organization_id)
            if seen is not None:
                for event in await asyncio.to_thread(self._newer, organization_id, seen):
                    seen = _moment(_id_of(event)) or seen
                    yield event
            while (event_or_end := await listener.events.get()) is not None:
                at = _moment(_id_of(event_or_end))
                if seen is None or at is None or at > seen:
                    yield event_or_end
        finally:
            pages.discard(listener)
            if not pages:
                self._pages.pop(organization_id, None)
                self._positions.pop(organization_id, None)

    def close(self) -> None:
        """End every stream and the listening."""
        self._stop.set()
        for pages in self._pages.values():
            for listener in pages:
                _end(listener)

    async def _start(self, organization_id: UUID) -> None:
        """Listen from now on: what is stored after this is heard."""
        if self._thread is None:
            is_listening = threading.Event()
            self._thread = threading.Thread(target=self._listen, args=[is_listening], name="tail", daemon=True)
            self._thread.start()
            await asyncio.to_thread(is_listening.wait, 5)
        if organization_id not in self._positions:
            self._positions[organization_id] = await asyncio.to_thread(self._latest, organization_id)

    def _listen(self, is_listening: threading.Event) -> None:
        url = self._database.url.replace("postgresql+psycopg://", "postgresql://", 1)
        while not self._stop.is_set():
            with contextlib.suppress(psycopg.Error), psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"LISTEN {CHANNEL}")
                is_listening.set()
                self._wake_all()
                while not self._stop.is_set():
                    for notice in connection.notifies(timeout=2, stop_after=1):
                        self._call(self._wake, UUID(notice.payload))
            self._stop.wait(1)

    def _wake_all(self) -> None:
        """After a lost connection nobody knows what was missed."""
        for organization_id in list(self._pages):
            self._call(self._wake, organization_id)

    def _call(self, function: object, *arguments: object) -> None:
        if self._loop is not None and callable(function):
            with contextlib.suppress(RuntimeError):  # the loop is closed: the server is stopping
                self._loop.call_soon_threadsafe(function, *arguments)

    def _wake(self, organization_id: UUID) -> None:
        if organization_id not in self._pages:
            return
        if organization_id in self._busy:
            self._again.add(organization_id)
            return
        self._busy.add(organization_id)
        task = asyncio.ensure_future(self._spread(organization_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _spread(self, organization_id: UUID) -> None:
        """Look up what is new, once for all pages of the organization."""
        try:
            while True:
                self._again.discard(organization_id)
                position = self._positions.get(organization_id)
                if position is not None:
                    events = await asyncio.to_thread(self._newer, organization_id, position)
                    for event in events:
                        self._positions[organization_id] = _moment(_id_of(event)) or position
                        for listener in self._pages.get(organization_id, ()):
                            _offer(listener, event)
                await asyncio.sleep(_PAUSE)
                if organization_id not in self._again:
                    return
        except Exception:
            log.exception("live tail: the look-up failed; the next statement tries again")
        finally:
            self._busy.discard(organization_id)

    def _newer(self, organization_id: UUID, after: datetime) -> list[bytes]:
        with self._database.read(organization_id) as session:
            shown, has_gap = browsing.newest(session, after, PAGE)
        events = [_event(item) for item in shown]
        if has_gap and events:
            events.insert(0, f"event: gap\nid: {after.isoformat()}\ndata: {{}}\n\n".encode())
        return events

    def _latest(self, organization_id: UUID) -> datetime:
        with self._database.read(organization_id) as session:
            return browsing.latest(session)


def _event(item: Shown) -> bytes:
    words = item.sentence
    data = {
        "id": item.id,
        "stored": item.stored,
        "actor": {"text": words.actor.text, "key": words.actor.key},
        "verb": {"text": words.verb.text, "key": words.verb.key},
        "object": {"text": words.object.text, "key": words.object.key},
        "kind": words.kind,
        "registration": item.registration,
    }
    return b"id: " + item.stored.isoformat().encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


def _id_of(event: bytes) -> str:
    return event.partition(b"id: ")[2].partition(b"\n")[0].decode()


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _offer(listener: Listener, event: bytes) -> None:
    try:
        listener.events.put_nowait(event)
    except asyncio.QueueFull:
        _end(listener)


def _end(listener: Listener) -> None:
    """Drop what waits: the page comes back and asks for it."""
    while not listener.events.empty():
        listener.events.get_nowait()
    listener.events.put_nowait(None)
