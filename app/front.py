"""The front: an ASGI application that holds open streams and answers hot routes, with Flask inside for all else.

A stream costs a few kilobytes and no thread. A hot route answers only what is plain and succeeds, on the event loop;
everything else reaches Flask as it came, in one of its threads. What is more than the threads can do soon is refused
at once with 503 and Retry-After, so that memory stays bounded and everybody else is answered.
"""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.cookies import CookieError, SimpleCookie
from io import BufferedReader, BytesIO, RawIOBase
from types import FrameType
from typing import Any, BinaryIO
from urllib.parse import parse_qs, unquote_to_bytes
from uuid import UUID

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError
from uvicorn_worker import UvicornWorker

from accounts.services.presence import signed_in
from app import metrics, wiring
from app.protocol import WHOLE, Protocol
from app.server import application
from core import clock, http
from core.db import Database
from core.http import Parts, Visitor
from core.logs import logger

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Mapping[bytes, bytes]

BUFFERED = 1 << 20
"""Bodies up to here are read before a thread is taken; larger ones are streamed to it."""

BLOCK = 256 * 1024
WAITING_PER_THREAD = 32
"""Requests that may wait for each thread; one more is refused."""

MOST_READING = 200
"""Pages of statements that may be read at the same time; one more takes the way through Flask, and its bounds."""

MOST_STREAMS = 2000
STREAM_SECONDS = 300
"""How long a stream lives: then the browser opens it again, and who may look is asked anew."""

HEARTBEAT_SECONDS = 20
GUARD_SECONDS = 2
"""How often it is asked whether those who hold streams are still signed in."""

log = logger("app")


class Worker(UvicornWorker):  # type: ignore[misc]  # it brings no types
    """gunicorn's worker process around the front."""

    CONFIG_KWARGS = {
        "loop": "auto",
        "http": Protocol,
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": 18,
        "h11_max_incomplete_event_size": 64 * 1024,
    }


class Front:
    """One process's application."""

    def __init__(self, flask: Flask) -> None:
        self.parts: Parts = flask.extensions["stoa"]
        self._bridge = Bridge(flask, self.parts.config.threads)
        self._streams = {path: (who, make(self.parts.database)) for path, (who, make) in wiring.STREAMS.items()}
        self._open = self._reading = 0
        self._guard = Guard(self.parts.database)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live through one process's life."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        elif (hot := wiring.HOT.get(scope["raw_path"])) and scope["method"] == "POST" and not scope["query_string"]:
            await self._answer_hot(hot, scope, receive, send)
        elif scope["method"] == "POST" and wiring.HOT_COMMITS[0](scope["raw_path"]) and not scope["query_string"]:
            await self._answer_commit(scope, receive, send)
        elif scope["method"] in ("GET", "HEAD") and wiring.HOT_READS[0](scope["raw_path"]):
            await self._answer_hot_read(wiring.HOT_READS[1], scope, receive, send)
        elif scope["raw_path"].startswith(wiring.CONTENT_PREFIX) and scope["method"] == "GET":
            await self._answer_content(scope, receive, send)
        elif scope["raw_path"] in self._streams and scope["method"] == "GET":
            await self._stream(scope, receive, send)
        else:
            await self._bridge(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        loop = asyncio.get_running_loop()
        before = signal.getsignal(signal.SIGTERM)

        def stop(number: int, frame: FrameType | None) -> None:
            """Streams never end by themselves: without this, a restart would wait for every open page."""
            loop.call_soon_threadsafe(self._close_streams)
            if callable(before):
                before(number, frame)

        try:
            signal.signal(signal.SIGTERM, stop)
        except ValueError:
            log.warning("not in the main thread: open streams end with the grace period only")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._close_streams()
        await asyncio.to_thread(self._bridge.close)
        await send({"type": "lifespan.shutdown.complete"})

    def _close_streams(self) -> None:
        for _, stream in self._streams.values():
            stream.close()

    async def _answer_hot(self, hot: Any, scope: Scope, receive: Receive, send: Send) -> None:
        is_plain, store = hot
        headers = dict(scope["headers"])
        if len(headers) != len(scope["headers"]) or not is_plain(headers):
            await self._bridge(scope, receive, send)
            return
        body = await _body(receive)
        answer = await store(self.parts, headers, body)
        if answer is None:
            await self._bridge(scope, _replay(body), send)
            return
        status, found, content = answer
        metrics.count("lrs.hot", "POST", status)
        await _respond(scope, send, status, found, content)

    async def _answer_commit(self, scope: Scope, receive: Receive, send: Send) -> None:
        _, is_plain, keep = wiring.HOT_COMMITS
        headers = dict(scope["headers"])
        if len(headers) != len(scope["headers"]) or not is_plain(headers):
            await self._bridge(scope, receive, send)
            return
        body = await _body(receive)
        answer = await keep(self.parts, scope["raw_path"], headers, body)
        if answer is None:
            await self._bridge(scope, _replay(body), send)
            return
        status, found, content = answer
        metrics.count("scorm_player.commit", "POST", status)
        await _respond(scope, send, status, found, content)

    async def _answer_hot_read(self, read: Any, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        is_plain = len(headers) == len(scope["headers"]) and b"content-length" not in headers
        is_plain = is_plain and b"transfer-encoding" not in headers and self._reading < MOST_READING
        answer = None
        if is_plain:
            self._reading += 1
            try:
                answer = await read(self.parts, scope["method"], scope["raw_path"], scope["query_string"], headers)
            finally:
                self._reading -= 1
        if answer is None:
            await self._bridge(scope, receive, send)
            return
        status, found, content = answer
        metrics.count("lrs.hot", scope["method"], status)
        await _respond(scope, send, status, found, content)

    async def _answer_content(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        is_plain = len(headers) == len(scope["headers"]) and b"content-length" not in headers
        is_plain = is_plain and b"transfer-encoding" not in headers
        answer = wiring.CONTENT(self.parts, scope["raw_path"], headers) if is_plain else None
        if answer is None:
            await self._bridge(scope, receive, send)
            return
        status, found, content = answer
        metrics.count("scorm_player.hot", "GET", status)
        await _respond(scope, send, status, found, content)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Server-sent events for a signed-in person who may look (HTML standard, 9.2)."""
        permission, stream = self._streams[scope["raw_path"]]
        headers = dict(scope["headers"])
        person = await self._person(headers)
        if person is None or person.lacks_second_factor or not person.may(permission):
            await _respond(scope, send, 403 if person else 401, [(b"content-type", b"text/plain")], b"Sign in first.\n")
            return
        if self._open >= MOST_STREAMS:
            await _refuse(scope, send)
            return
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("after", [""])[0]
        last = headers.get(b"last-event-id", b"").decode("latin-1") or asked
        self._open += 1
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _STREAM_HEADERS})
            with self._guard.watch(person) as ended:
                await _send_events(stream.events(person.organization_id, last), receive, send, ended)
        finally:
            self._open -= 1

    async def _person(self, headers: Headers) -> Visitor | None:
        """Who is looking, by the session's cookie, on the application's host only."""
        settings = self.parts.config
        if headers.get(b"host", b"").decode("latin-1") != settings.app_host:
            return None
        try:
            cookies = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
        except CookieError:
            return None
        token = cookies.get(http.session_cookie(settings))
        if token is None:
            return None
        return await asyncio.to_thread(self.parts.visitor_of, self.parts.database, token.value)


_STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


class Guard:
    """Ends the streams of those who have been signed out: one query per organization every few seconds, for all."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watched: dict[asyncio.Event, Visitor] = {}
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def watch(self, person: Visitor) -> Iterator[asyncio.Event]:
        """Answer what is set once this person's session has ended."""
        ended = asyncio.Event()
        self._watched[ended] = person
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._look())
        try:
            yield ended
        finally:
            self._watched.pop(ended, None)

    async def _look(self) -> None:
        while self._watched:
            await asyncio.sleep(GUARD_SECONDS)
            people = list(self._watched.values())
            try:
                live = await asyncio.to_thread(self._live, people)
            except SQLAlchemyError:
                log.exception("cannot tell who is signed in; looking again")
                continue
            for ended, person in list(self._watched.items()):
                if person in people and person.session_id not in live:
                    ended.set()

    def _live(self, people: list[Visitor]) -> set[UUID]:
        sessions: dict[UUID, list[UUID]] = {}
        for person in people:
            sessions.setdefault(person.organization_id, []).append(person.session_id)
        live: set[UUID] = set()
        for organization_id, session_ids in sessions.items():
            with self._database.read(organization_id) as session:
                live |= signed_in(session, session_ids, clock.now())
        return live


async def _send_events(events: Any, receive: Receive, send: Send, ended: asyncio.Event) -> None:
    """Send events until they end, the reader has gone or is signed out, or the stream is old enough.

    A comment now and then tells proxies that somebody is there.
    """
    reading = asyncio.ensure_future(_gone(receive))
    out = asyncio.ensure_future(ended.wait())
    ends_at = asyncio.get_running_loop().time() + STREAM_SECONDS
    source = aiter(events)
    coming: asyncio.Future[bytes] | None = None
    try:
        await send({"type": "http.response.body", "body": b"retry: 2000\n\n", "more_body": True})
        while not reading.done() and not out.done() and asyncio.get_running_loop().time() < ends_at:
            coming = coming or asyncio.ensure_future(anext(source))
            await asyncio.wait({coming, reading, out}, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if out.done():
                break
            if coming.done():
                event, coming = coming.result(), None
                await send({"type": "http.response.body", "body": event, "more_body": True})
            elif not reading.done():
                await send({"type": "http.response.body", "body": b":\n\n", "more_body": True})
    except (StopAsyncIteration, OSError):
        pass
    finally:
        reading.cancel()
        out.cancel()
        if coming is not None:
            coming.cancel()
            await asyncio.wait({coming})
        await events.aclose()
    await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(receive: Receive) -> bytes:
    """The whole body of a request whose Content-Length is small: the server lets no more of it through."""
    message = await receive()
    if not message.get("more_body", False):
        return bytes(message.get("body", b""))
    parts = [message.get("body", b"")]
    while message.get("more_body", False):
        message = await receive()
        parts.append(message.get("body", b""))
    return b"".join(parts)


def _replay(body: bytes) -> Receive:
    """The body once more, for who has not seen it."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


async def _respond(scope: Scope, send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Answer whole, in one write where the server can."""
    if status != 304:
        headers = [*headers, (b"content-length", b"%d" % len(body))]
    if scope["method"] == "HEAD":
        body = b""
    whole = scope.get("extensions", {}).get(WHOLE)
    if whole is None or not whole["answer"](status, headers, body):
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _refuse(scope: Scope, send: Send) -> None:
    body = b'{"title":"Stoa is busy","status":503,"detail":"More requests are waiting than can be answered soon."}'
    await _respond(scope, send, 503, [(b"content-type", b"application/problem+json"), (b"retry-after", b"2")], body)


class Bridge:
    """Flask under ASGI: one hop to a thread and one back for a request of ordinary size."""

    def __init__(self, flask: Flask, threads: int) -> None:
        self._flask = flask
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="flask")
        self._most = threads * (1 + WAITING_PER_THREAD)
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._waiting >= self._most:
            await _refuse(scope, send)
            return
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            length = next((value for name, value in scope["headers"] if name == b"content-length"), None)
            is_chunked = any(name == b"transfer-encoding" for name, _ in scope["headers"])
            is_short = length is not None and length.isdigit() and int(length) <= BUFFERED
            if not is_chunked and (length is None or is_short):
                body: BinaryIO = BytesIO(await _body(receive) if length else b"")
            else:
                body = BufferedReader(_Streamed(receive, loop), BLOCK)
            call = _Call(self._flask, environ_of(scope, body), send, loop)
            messages = await loop.run_in_executor(self._executor, call.run)
            for message in messages:
                await send(message)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Let what is running end."""
        self._executor.shutdown(wait=True)


def environ_of(scope: Scope, body: BinaryIO) -> dict[str, Any]:
    """The request as WSGI wants it (PEP 3333)."""
    server, client = scope.get("server") or ("localhost", 80), scope.get("client") or ("", 0)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "RAW_URI": scope["raw_path"].decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1] or 0),
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "wsgi.errors": _Errors(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": _Blocks,
    }
    for raw_name, raw_value in scope["headers"]:
        if b"_" in raw_name:  # it would pass for the name with a hyphen
            continue
        name, value = raw_name.decode("latin-1").upper().replace("-", "_"), raw_value.decode("latin-1")
        name = name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"
        joint = "; " if name == "HTTP_COOKIE" else ","
        environ[name] = f"{environ[name]}{joint}{value}" if name in environ else value
    return environ


class _Call:
    """One run of Flask in a thread. A short answer comes back whole; a long one is sent piece by piece."""

    def __init__(self, flask: Flask, environ: dict[str, Any], send: Send, loop: asyncio.AbstractEventLoop) -> None:
        self._flask, self._environ, self._send, self._loop = flask, environ, send, loop
        self._start: Message = {}

    def run(self) -> list[Message]:
        """Answer the messages that are still to be sent."""
        pieces: Iterable[bytes] = self._flask(self._environ, self._started)
        try:
            ready = [self._start]
            size = 0
            for piece in pieces:
                if piece:
                    ready.append({"type": "http.response.body", "body": piece, "more_body": True})
                    size += len(piece)
                if size >= BLOCK:
                    self._pass_on(ready)
                    ready, size = [], 0
            if len(ready) == 1 and ready[0]["type"] == "http.response.start":
                return [*ready, {"type": "http.response.body", "body": b""}]
            if len(ready) == 2 and ready[0]["type"] == "http.response.start":
                ready[1]["more_body"] = False
                return ready
            return [*ready, {"type": "http.response.body", "body": b""}]
        finally:
            if close := getattr(pieces, "close", None):
                close()

    def _pass_on(self, messages: list[Message]) -> None:
        """Send from the thread and wait until the reader has taken it: memory stays bounded."""

        async def send_all() -> None:
            for message in messages:
                await self._send(message)

        asyncio.run_coroutine_threadsafe(send_all(), self._loop).result()

    def _started(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        self._start = {
            "type": "http.response.start",
            "status": int(status[:3]),
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        }
        return lambda _piece: None


class _Blocks:
    """A file in large blocks."""

    def __init__(self, file: BinaryIO, size: int = BLOCK) -> None:
        self._file = file

    def __iter__(self) -> "_Blocks":
        return self

    def __next__(self) -> bytes:
        if block := self._file.read(BLOCK):
            return block
        raise StopIteration

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _Streamed(RawIOBase):
    """A large body, read from the loop as the thread asks for it."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._receive, self._loop = receive, loop
        self._left = b""
        self._has_more = True

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Read what there is, at least one byte unless it has ended."""
        while not self._left and self._has_more:
            message = asyncio.run_coroutine_threadsafe(_receive(self._receive), self._loop).result()
            if message["type"] == "http.disconnect":
                raise OSError("the client has gone")
            self._left = message.get("body", b"")
            self._has_more = message.get("more_body", False)
        piece, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)


async def _receive(receive: Receive) -> Message:
    return await receive()


class _Errors:
    """What Flask writes of its own goes to the log."""

    def write(self, text: str) -> None:
        """Log a line."""
        log.warning(text.rstrip())

    def flush(self) -> None:
        """Nothing waits here."""


def front() -> Front:
    """Return this process's application, over the configured database."""
    made = Front(application())
    # What has been made so far stays: looking for garbage in it, as often as by default, takes a tenth of the time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    return made
