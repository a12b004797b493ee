"""Storing statements without Flask: the common request, answered on the event loop; all others go the long way.

A request that is anything but plain, of somebody not known at the moment, or in conflict with what is stored, gets its
answer from the resource itself.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import cast

import orjson

from core import clock
from core.db import uuid7
from core.errors import StoaError, Unavailable
from core.http import Parts
from core.logs import logger
from lrs.errors import InvalidStatements
from lrs.routes.blueprint import MOUNTS
from lrs.routes.edge import CONSISTENT_THROUGH, EXPOSED, PROBLEM, basic, problem
from lrs.services import credentials, refusals, statements
from lrs.services.credentials import Caller, Scope
from lrs.services.group_commit import committer
from lrs.xapi import attachments, values, versions

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


async def store(parts: Parts, headers: Headers, body: bytes) -> Answer | None:
    """POST statements (Communication 2.1.2): the answer, or None when the resource shall give it."""
    version = versions.of_header(headers[b"x-experience-api-version"].decode("latin-1").strip())
    if version is None:
        return None
    try:
        key, secret = basic(headers.get(b"authorization", b"").decode("latin-1"))
        caller = credentials.remembered(parts.database, key, secret, hash_key=parts.config.key("lrs"), now=clock.now())
        if caller is None or not caller.may(Scope.STATEMENTS_WRITE) or (caller.origins and b"origin" in headers):
            return None
        request = statements.prepared(orjson.loads(body), caller, version)
        if request is None or len(request.statements) > _MOST or attachments.unmatched(request.batch, ()):
            return None
        receipt = await asyncio.wrap_future(committer(parts.database).submit(request))
    except InvalidStatements as error:
        return await _refusal(parts, cast("Caller", caller), error, version.value, headers, body)
    except (StoaError, orjson.JSONDecodeError):
        return None
    except Exception:
        # Not the long way: nobody knows whether it was stored, and without an id a second try could store it twice.
        log.exception("a statement could not be stored")
        return 503, [(b"content-type", PROBLEM.encode()), (b"retry-after", b"5")], problem(Unavailable())
    found = _headers(b"application/json", version.value, receipt.consistent_through, headers)
    return 200, found, orjson.dumps(receipt.ids)


async def _refusal(
    parts: Parts, caller: Caller, error: InvalidStatements, version: str, headers: Headers, body: bytes
) -> Answer | None:
    """What is not valid xAPI is refused here, too: programs that send it send much of it."""
    if b"text/plain" in headers.get(b"accept", b""):
        return None
    if refusals.is_worth_noting(parts.database, caller):
        request = refusals.Request("POST", "/xapi/statements", body[: refusals.EXCERPT])
        await asyncio.to_thread(refusals.keep, parts.database, caller, request, error, clock.now())
    moment = committer(parts.database).consistent_through(caller.organization_id)
    if moment is None:
        return None
    return 400, _headers(PROBLEM.encode(), version, moment, headers), problem(error)


def _headers(kind: bytes, version: str, moment: datetime, asked: Headers) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", kind),
        (b"x-experience-api-version", version.encode()),
        (CONSISTENT_THROUGH.lower().encode(), values.format_timestamp(moment).encode()),
        (b"access-control-allow-origin", asked.get(b"origin") or b"*"),
        (b"access-control-expose-headers", EXPOSED.encode()),
        (b"vary", b"Origin"),
        (b"cache-control", b"private, no-cache"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-request-id", str(uuid7()).encode()),
    ]
