"""Storing statements without Flask: the common request, answered on the event loop; all others go the long way.

Only what succeeds is answered here. A request that is anything but plain, or that must be refused, gets its answer from
the resource itself, so that there is one place that explains refusals.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import orjson

from core import clock
from core.db import uuid7
from core.errors import StoaError
from core.http import Parts
from lrs.routes.blueprint import MOUNTS
from lrs.routes.edge import CONSISTENT_THROUGH, EXPOSED, basic
from lrs.services import credentials, statements
from lrs.services.credentials import Scope
from lrs.services.group_commit import committer
from lrs.xapi import attachments, values, versions

PATHS = frozenset(f"{base}/statements".encode() for base in MOUNTS)
LARGEST = 256 * 1024
"""A body beyond this would keep the loop from its other requests for too long."""

_MOST = 50
_JSON = frozenset({b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"})

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
    except (StoaError, orjson.JSONDecodeError):
        return None
    return 200, _headers(version.value, receipt.consistent_through, headers.get(b"origin")), _ids(receipt.ids)


def _ids(ids: list[UUID]) -> bytes:
    return orjson.dumps(ids)


def _headers(version: str, moment: datetime, origin: bytes | None) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", b"application/json"),
        (b"x-experience-api-version", version.encode()),
        (CONSISTENT_THROUGH.lower().encode(), values.format_timestamp(moment).encode()),
        (b"access-control-allow-origin", origin or b"*"),
        (b"access-control-expose-headers", EXPOSED.encode()),
        (b"vary", b"Origin"),
        (b"cache-control", b"private, no-cache"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-request-id", str(uuid7()).encode()),
    ]
