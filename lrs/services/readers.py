"""Threads that read pages for an event loop, each on a connection of its own as long as page follows page."""

import asyncio
import threading
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from core.db import Database, PerDatabase
from core.logs import logger
from core.wire import Wire
from lrs.services import queries

THREADS = 4
"""The most per process and database. More would wait for the same processors."""

_IDLE = 1.0  # seconds after which a thread ends
_PAUSE = 0.05  # seconds for which it keeps its connection without work


T = TypeVar("T")
_Waiting = tuple[Callable[[Wire], Any], "asyncio.Future[Any]"]
log = logger("lrs")


class Readers:
    """Reads what loops ask for, in the order they ask."""

    def __init__(self, database: Database) -> None:
        self._database = weakref.ref(database)
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition(threading.Lock())
        self._threads = self._idle = 0

    def read(self, work: Callable[[Wire], T | None]) -> "asyncio.Future[T | None]":
        """Queue what is to be read, from a loop. The future ends with what it answers; None when it failed."""
        future: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
        with self._changed:
            self._waiting.append((work, future))
            if self._idle:
                self._changed.notify()
            elif self._threads < THREADS:
                self._threads += 1
                threading.Thread(target=self._run, name="statements", daemon=True).start()
        return future

    def _run(self) -> None:
        while self._is_wanted():
            database = self._database()
            if database is None:
                return
            try:
                with database.wire(queries.WIRE) as wire:
                    while self._comes(_PAUSE):
                        self._answer_next(wire)
            except Exception as error:  # the pool has no connection to give, or the one it gave is broken
                log.warning("no connection to read by; the next one goes another way", error=repr(error))
                if (next_one := self._next()) is not None:
                    _tell(next_one[1], None)
            del database

    def _is_wanted(self) -> bool:
        """Wait for work; False after some idle time: then this thread has ended."""
        with self._changed:
            is_wanted = self._wait(_IDLE)
            if not is_wanted:
                self._threads -= 1
            return is_wanted

    def _comes(self, seconds: float) -> bool:
        with self._changed:
            return self._wait(seconds)

    def _wait(self, seconds: float) -> bool:
        self._idle += 1
        comes: bool = self._changed.wait_for(lambda: bool(self._waiting), seconds)
        self._idle -= 1
        return comes

    def _next(self) -> _Waiting | None:
        with self._changed:
            return self._waiting.popleft() if self._waiting else None  # else another thread was quicker

    def _answer_next(self, wire: Wire) -> None:
        """Read; after a failure leave the connection fit for the next one, or raise."""
        waiting = self._next()
        if waiting is None:
            return
        work, future = waiting
        try:
            found = work(wire)
        except Exception as error:
            log.warning("a page could not be read; it goes another way", error=repr(error))
            _tell(future, None)
            wire.abandon()
        else:
            _tell(future, found)


def _tell(future: "asyncio.Future[Any]", found: Any) -> None:
    def end() -> None:
        if not future.done():
            future.set_result(found)

    with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
        future.get_loop().call_soon_threadsafe(end)


readers = PerDatabase(Readers)
"""The readers of this process for a database."""
