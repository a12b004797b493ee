"""A limit on how often one address may ask, kept in this process: enough to make guessing pointless."""

import threading
import time
from collections import OrderedDict, deque

from core.errors import TooMany


class Rate:
    """At most `limit` calls per `seconds` and key; the oldest keys are forgotten when there are too many."""

    def __init__(self, limit: int, seconds: float, most_keys: int = 10_000) -> None:
        self.limit = limit
        self.seconds = seconds
        self.most_keys = most_keys
        self._calls: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> None:
        """Count a call. Raises TooMany over the limit."""
        now = time.monotonic()
        with self._lock:
            calls = self._calls.setdefault(key, deque())
            self._calls.move_to_end(key)
            while len(self._calls) > self.most_keys:
                self._calls.popitem(last=False)
            while calls and calls[0] <= now - self.seconds:
                calls.popleft()
            if len(calls) >= self.limit:
                raise TooMany("Too many checks from your address. Wait a minute and try again.")
            calls.append(now)

    def forget(self) -> None:
        """Start anew."""
        with self._lock:
            self._calls.clear()
