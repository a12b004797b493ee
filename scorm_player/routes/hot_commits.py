"""Commits without Flask: what the player sends all the time, of somebody known at the moment, kept in a group.

Who may is asked as the view asks it (`core/http.py`): the cookie's session, the permission, the token against forgery.
Whatever is unusual, refused or goes wrong gets its answer from the view (`routes/runtime.py`): batches are numbered, so
a second try does nothing twice.
"""

import asyncio
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from random import getrandbits
from time import monotonic
from uuid import UUID

import orjson

from core.config import Config
from core.errors import StoaError
from core.http import Parts, Visitor, csrf_for, session_cookie
from scorm_player.routes import runtime as view
from scorm_player.services.group_commit import Request, committer
from scorm_player.services.shelf import Shelf

LARGEST = 256 * 1024
"""A body beyond this would keep the loop from its other requests for too long."""

MOST_BATCHES = 50
SECONDS_KNOWN = 30.0
"""For so long a person's permissions are remembered; whether they are still signed in is asked every two seconds."""

_PREFIX, _SUFFIX = b"/runtime/", b"/commit"
_LENGTH = len(_PREFIX) + 36 + len(_SUFFIX)

Headers = Mapping[bytes, bytes]
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


@dataclass(frozen=True, slots=True)
class _Browser:
    """Somebody known: who it is, the token against forgery its requests carry, and when that was asked."""

    person: Visitor
    csrf: bytes
    asked_at: float


_known: Shelf[_Browser] = Shelf(20_000)
_asked: dict[tuple[str, str], "asyncio.Task[Visitor | None]"] = {}


def is_commit(raw_path: bytes) -> bool:
    """Whether a POST to this path may be for here."""
    return len(raw_path) == _LENGTH and raw_path.startswith(_PREFIX) and raw_path.endswith(_SUFFIX)


def is_plain(headers: Headers) -> bool:
    """Whether a commit looks like one for here, before its body is read."""
    length = headers.get(b"content-length", b"")
    return length.isdigit() and int(length) <= LARGEST and b"authorization" not in headers


async def answer(parts: Parts, raw_path: bytes, headers: Headers, body: bytes) -> Answer | None:
    """POST of a commit: the answer, or None when the view shall give it."""
    site = _site_of(parts.config)
    token = _token(site, headers)
    if token is None or headers.get(b"host") != site.host or headers.get(b"origin", site.origin) != site.origin:
        return None
    if headers.get(b"sec-fetch-site", b"same-origin") != b"same-origin":
        return None
    try:
        session_id = UUID(raw_path[len(_PREFIX) : -len(_SUFFIX)].decode("latin-1"))
        given = orjson.loads(body)
        if not isinstance(given, dict) or given.get("replay") is True:
            return None
        batches = view.batches_in(given)
        browser = await _browser(parts, token)
        if browser is None or len(batches) > MOST_BATCHES or not _may_learn(browser.person):
            return None
        if not hmac.compare_digest(headers.get(b"x-csrf-token", b""), browser.csrf):
            return None
        request = Request(
            organization_id=browser.person.organization_id,
            browser_session_id=browser.person.session_id,
            user_id=browser.person.user_id,
            session_id=session_id,
            batches=batches,
            announced=view.number(given.get("last")),
        )
        done = await committer(parts.database).submit(request)
    except (ValueError, StoaError):
        return None
    if done is None:
        return None
    # Not of the system's chance, which lets go of the interpreter: another thread has it for milliseconds then.
    request_id = str(UUID(int=getrandbits(128), version=4)).encode()
    return 200, [*site.headers, (b"x-request-id", request_id)], orjson.dumps(view.told(done))


@dataclass(frozen=True, slots=True)
class _Site:
    """What the configuration says, as requests say it."""

    host: bytes
    origin: bytes
    cookie: bytes
    headers: tuple[tuple[bytes, bytes], ...]


@lru_cache(maxsize=8)
def _site_of(settings: Config) -> _Site:
    cookie = f"{session_cookie(settings)}=".encode()
    return _Site(settings.app_host.encode(), settings.app_origin.encode(), cookie, tuple(_headers(settings)))


def _token(site: _Site, headers: Headers) -> str | None:
    """The token of the browser's session, where it is there once and in plain letters."""
    found = [part for part in headers.get(b"cookie", b"").split(b"; ") if part.startswith(site.cookie)]
    if len(found) != 1:
        return None
    token = found[0][len(site.cookie) :]
    return token.decode() if token and _PLAIN.issuperset(token) else None


_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


async def _browser(parts: Parts, token: str) -> _Browser | None:
    """Who is asking. What is not remembered is looked up in a thread, once for all who wait."""
    name = (parts.database.url, token)
    known = _known.find(name)
    if known is not None and monotonic() - known.asked_at < SECONDS_KNOWN:
        return known
    task = _asked.get(name)
    if task is None:
        task = _asked[name] = asyncio.ensure_future(asyncio.to_thread(parts.visitor_of, parts.database, token))
        task.add_done_callback(lambda _: _asked.pop(name, None))
    person = await asyncio.shield(task)
    _known.forget(name)
    if person is None:
        return None
    csrf = csrf_for(parts.config, token).encode()
    return _known.get(name, lambda: _Browser(person, csrf, monotonic()))


def _headers(settings: Config) -> list[tuple[bytes, bytes]]:
    found = [
        (b"content-type", b"application/json"),
        (b"cache-control", b"private, no-store"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"same-origin"),
    ]
    if settings.is_https:
        found.append((b"strict-transport-security", b"max-age=31536000"))
    return found


def _may_learn(person: Visitor) -> bool:
    """Whether commits are theirs to send; whoever looks as somebody else is refused by the view."""
    return person.viewer_id is None and person.may("learn")
