"""Storing and reading statements without Flask: the common request, answered at the front; all others the long way.

A request that is anything but plain, of somebody not known at the moment, or in conflict with what is stored, gets its
answer from the resource itself.
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import lru_cache, partial
from urllib.parse import parse_qsl

import orjson
from flask import Request

from core import clock
from core.db import uuid7
from core.errors import StoaError, Unavailable
from core.http import Parts
from core.logs import logger
from lrs.errors import InvalidStatements
from lrs.routes import statements as resource
from lrs.routes.blueprint import MOUNTS
from lrs.routes.call import Call
from lrs.routes.edge import CONSISTENT_THROUGH, EXPOSED, PROBLEM, basic, problem
from lrs.services import credentials, queries, rates, refusals, statements
from lrs.services.credentials import Caller, Scope
from lrs.services.group_commit import committer
from lrs.services.readers import readers
from lrs.xapi import attachments, values, versions
from lrs.xapi.versions import Version

PATHS = frozenset(f"{base}/statements".encode() for base in MOUNTS)
LARGEST = 256 * 1024
"""A body beyond this would keep the loop from its other requests for too long."""

_MOST = 50
_JSON = frozenset({b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"})

log = logger("lrs")
Headers = Mapping[bytes, bytes]
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


def is_plain(headers: Headers) -> bool:
    """Whether a POST without query looks like one for here, before its body is read."""
    length = headers.get(b"content-length", b"")
    return (
        headers.get(b"content-type", b"").lower() in _JSON
        and b"x-experience-api-version" in headers
        and length.isdigit()
        and int(length) <= LARGEST
    )


_MORE = tuple(f"{path.decode()}/more/" for path in PATHS)
_NO_REQUEST = Request({"REQUEST_METHOD": "GET", "wsgi.url_scheme": "http", "SERVER_NAME": "", "SERVER_PORT": ""})
_READERS = ThreadPoolExecutor(4, thread_name_prefix="statements")


def is_read(raw_path: bytes) -> bool:
    """Whether a GET or HEAD of this path may be for here."""
    return raw_path in PATHS or raw_path.decode("latin-1").startswith(_MORE)


async def read(parts: Parts, method: str, raw_path: bytes, query: bytes, headers: Headers) -> Answer | None:
    """GET statements (Communication 2.1.3): the answer, or None when the resource shall give it."""
    version = versions.of_header(headers.get(b"x-experience-api-version", b"").decode("latin-1").strip())
    call = _call(method, raw_path, query, headers, version) if version is not None else None
    if call is None:
        return None
    try:
        key, secret = basic(headers.get(b"authorization", b"").decode("latin-1"))
        call.known_caller = await _caller(parts, key, secret)
        if call.known_caller.origins and b"origin" in headers:
            return None
        rates.take(call.known_caller)
    except rates.TooFast as error:
        return _too_fast(error, call.version.value, headers)
    except StoaError:
        return None
    try:
        answer = await _read(parts, call)
    except StoaError:
        rates.give_back(call.known_caller)
        return None
    if answer.attached is not None:
        rates.give_back(call.known_caller)
        return None
    found = [(name.lower().encode(), text.encode()) for name, text in answer.headers.items()]
    common = _headers(b"application/json", call.version.value, None, headers)
    return 200, common + found, answer.body


async def _read(parts: Parts, call: Call) -> resource.Answer:
    """A page of texts in few journeys; all else as Flask does it. Raises what that raises."""
    position = resource.position_of(call)
    if position is not None and queries.is_plain(position):
        work = partial(queries.plain_page, position=position, caller=call.caller, version=call.version)
        if (found := await readers(parts.database).read(work)) is not None:
            return resource.answer_of(call, *found)
    return await asyncio.get_running_loop().run_in_executor(_READERS, resource.read, call, parts.database)


def _call(method: str, raw_path: bytes, query: bytes, headers: Headers, version: Version) -> Call | None:
    """The request as the resource reads it; None when there is anything unusual about it."""
    path = raw_path.decode("latin-1")
    mount, _, token = path.partition("/statements")
    token = token.removeprefix("/more/")
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=30)
    except (ValueError, UnicodeError):
        return None
    parameters = dict(pairs)
    is_odd = len(parameters) < len(pairs) or any("\0" in text for text in parameters.values()) or "%" in path
    if is_odd or parameters.get("attachments", "false") != "false" or "method" in parameters:
        return None
    names = {name.decode("latin-1"): text.decode("latin-1") for name, text in headers.items()}
    return Call(method, mount, version, parameters, names, {"token": token} if token else {}, _NO_REQUEST)


async def store(parts: Parts, headers: Headers, body: bytes) -> Answer | None:
    """POST statements (Communication 2.1.2): the answer, or None when the resource shall give it."""
    version = versions.of_header(headers[b"x-experience-api-version"].decode("latin-1").strip())
    if version is None:
        return None
    try:
        key, secret = basic(headers.get(b"authorization", b"").decode("latin-1"))
        caller = await _caller(parts, key, secret)
        if not caller.may(Scope.STATEMENTS_WRITE) or (caller.origins and b"origin" in headers):
            return None
        request = statements.prepared(orjson.loads(body), caller, version)
        if request is None or len(request.statements) > _MOST or attachments.unmatched(request.batch, ()):
            return None
        rates.take(caller)
        try:
            receipt = await committer(parts.database).submit_from_loop(request)
        except StoaError:
            rates.give_back(caller)
            raise
    except rates.TooFast as error:
        return _too_fast(error, version.value, headers)
    except InvalidStatements as error:
        return await _refusal(parts, caller, error, version.value, headers, body)
    except (StoaError, orjson.JSONDecodeError):
        return None
    except Exception:
        # Not the long way: nobody knows whether it was stored, and without an id a second try could store it twice.
        log.exception("a statement could not be stored")
        return 503, [(b"content-type", PROBLEM.encode()), (b"retry-after", b"5")], problem(Unavailable())
    found = _headers(b"application/json", version.value, receipt.consistent_through, headers)
    return 200, found, orjson.dumps(receipt.ids)


_asked: dict[tuple[str, str, str], asyncio.Task[Caller]] = {}


async def _caller(parts: Parts, key: str, secret: str) -> Caller:
    """Who is asking. What is not remembered is looked up in a thread, once for all who wait. Raises Unauthorized."""
    hash_key = parts.config.key("lrs")
    known = credentials.remembered(parts.database, key, secret, hash_key=hash_key, now=clock.now())
    if known is not None:
        return known
    name = (parts.database.url, key, secret)
    task = _asked.get(name)
    if task is None:
        look_up = asyncio.to_thread(
            credentials.caller_of, parts.database, key, secret, hash_key=hash_key, now=clock.now()
        )
        task = _asked[name] = asyncio.ensure_future(look_up)
        task.add_done_callback(lambda _: _asked.pop(name, None))
    return await asyncio.shield(task)


async def _refusal(
    parts: Parts, caller: Caller, error: InvalidStatements, version: str, headers: Headers, body: bytes
) -> Answer | None:
    """What is not valid xAPI is refused here, too: programs that send it send much of it."""
    if b"text/plain" in headers.get(b"accept", b""):
        return None
    moment = committer(parts.database).consistent_through(caller.organization_id)
    if moment is None:
        return None
    try:
        rates.take(caller)
    except rates.TooFast as too_fast:
        return _too_fast(too_fast, version, headers)
    if refusals.is_worth_noting(parts.database, caller):
        request = refusals.Request("POST", "/xapi/statements", body[: refusals.EXCERPT])
        await asyncio.to_thread(refusals.keep, parts.database, caller, request, error, clock.now())
    return 400, _headers(PROBLEM.encode(), version, moment, headers), problem(error)


def _too_fast(error: rates.TooFast, version: str, headers: Headers) -> Answer:
    """429 with the time to wait, before anything costs anything."""
    found = [*_headers(PROBLEM.encode(), version, clock.now(), headers)]
    return error.status, [*found, (b"retry-after", str(error.retry_after).encode())], problem(error)


def _headers(kind: bytes, version: str, moment: datetime | None, asked: Headers) -> list[tuple[bytes, bytes]]:
    consistent = [(_CONSISTENT_THROUGH, _written(moment))] if moment else []
    return [
        (b"content-type", kind),
        (b"x-experience-api-version", version.encode()),
        *consistent,
        (b"access-control-allow-origin", asked.get(b"origin") or b"*"),
        *_COMMON,
        (b"x-request-id", str(uuid7()).encode()),
    ]


_CONSISTENT_THROUGH = CONSISTENT_THROUGH.lower().encode()
_COMMON = (
    (b"access-control-expose-headers", EXPOSED.encode()),
    (b"vary", b"Origin"),
    (b"cache-control", b"private, no-cache"),
    (b"x-content-type-options", b"nosniff"),
)


@lru_cache(maxsize=64)
def _written(moment: datetime) -> bytes:
    """A moment as a header has it: that of a group is the same for all of its requests."""
    return values.format_timestamp(moment).encode()
