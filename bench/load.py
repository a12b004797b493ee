"""A bounded load generator: so many connections on loopback, each sending its next request once it has an answer."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import uvloop


@dataclass
class Result:
    """What came back: answers by status, latencies of the good ones in seconds, bytes of their bodies."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    octets: int = 0

    @property
    def rate(self) -> float:
        """Good answers per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """A latency in milliseconds."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], result: Result, ends_at: float, done: Callable[[], None]) -> None:
        self._requests, self._result, self._ends_at, self._done = requests, result, ends_at, done
        self._buffer = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        request = next(self._requests, None)
        self._sent = time.perf_counter()
        if request is None or self._sent >= self._ends_at:
            self._transport.close()
        else:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _content_length(self._buffer[:head].lower())
        if len(self._buffer) < head + 4 + length:
            return
        status = int(self._buffer[9:12])
        self._result.statuses[status] += 1
        if status < 300:
            self._result.latencies.append(time.perf_counter() - self._sent)
            self._result.octets += length
        self._buffer = b""
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None or self._buffer:
            self._result.statuses[0] += 1
        self._done()


def _content_length(head: bytes) -> int:
    at = head.find(b"content-length:")
    return 0 if at < 0 else int(head[at + 15 :].split(b"\r\n", 1)[0])


def run(port: int, requests: Iterator[bytes], *, clients: int, seconds: float) -> Result:
    """Send requests for so many seconds, or until there are no more."""
    return run_each(port, [requests] * clients, seconds=seconds)


def run_each(port: int, clients: Sequence[Iterator[bytes]], *, seconds: float) -> Result:
    """Send each client's own requests in their order, for so many seconds or until it has no more."""
    result = Result()

    async def all_clients() -> None:
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        left = len(clients)
        finished = loop.create_future()

        def done() -> None:
            nonlocal left
            left -= 1
            if not left and not finished.done():
                finished.set_result(None)

        for requests in clients:
            connection = partial(_Connection, requests, result, started + seconds, done)
            await loop.create_connection(connection, "127.0.0.1", port)
        await asyncio.wait_for(finished, seconds + 60)
        result.seconds = time.perf_counter() - started

    uvloop.run(all_clients())
    return result


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """One request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
