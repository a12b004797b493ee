"""A small memory for things that never change once made: a version's manifest, the index of its zip, the open zip."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import BinaryIO, Generic, TypeVar
from weakref import finalize

Thing = TypeVar("Thing")


class Shelf(Generic[Thing]):
    """Keeps the `room` most recently used things of this process."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._things: OrderedDict[Hashable, Thing] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Thing]) -> Thing:
        """Return the thing of this key; made now, outside of the lock, when it is not here."""
        with self._lock:
            if key in self._things:
                self._things.move_to_end(key)
                return self._things[key]
        thing = make()
        with self._lock:
            self._things[key] = thing
            while len(self._things) > self._room:
                self._things.popitem(last=False)
        return thing

    def find(self, key: Hashable) -> Thing | None:
        """Return the thing of this key if it is here."""
        with self._lock:
            return self._things.get(key)

    def forget(self, key: Hashable) -> None:
        """Let go of the thing of this key."""
        with self._lock:
            self._things.pop(key, None)


class OpenFile:
    """A file that stays open for as long as somebody holds this, and at the longest until the process ends.

    What has left a shelf may still be read from by another thread: so nobody closes it, the last to let go does.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        finalize(self, file.close)
