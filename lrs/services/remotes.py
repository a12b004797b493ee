"""Another LRS: its address and secret as a form gives them, a line to it, and how long to wait when it fails."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

import orjson

from core import outgoing, sealing
from core.db import Session
from core.errors import Invalid, Problem, StoaError
from core.outgoing import Answer, Line
from lrs.store import remotes as store
from lrs.tables import ExchangeState, Forwarder, Puller, Remote
from lrs.xapi import versions

LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True)
class Address:
    """What a form says about another LRS. An empty secret keeps the one that is there."""

    name: str
    endpoint: str
    version: str
    username: str
    secret: str


class TryLater(Exception):
    """The other side cannot take or give anything now: why, and how long it asks to be left alone."""

    def __init__(self, message: str, wait: timedelta | None = None) -> None:
        super().__init__(message)
        self.wait = wait


def problems_of(address: Address, *, is_new: bool) -> list[Problem]:
    """Everything that is wrong with what a form says; whether the address may be called is among it."""
    problems = []
    if not 0 < len(address.name.strip()) <= 150:
        problems.append(Problem("name", "Give it a name of at most 150 characters."))
    if address.version not in ("1.0.3", "2.0.0"):
        problems.append(Problem("version", "Choose 1.0.3 or 2.0.0."))
    if not address.username or ":" in address.username:
        problems.append(Problem("username", "The key that the other LRS gave you; it has no colon."))
    if is_new and not address.secret:
        problems.append(Problem("secret", "The secret that the other LRS gave you."))
    try:
        outgoing.check(address.endpoint)
    except StoaError as error:
        problems.append(Problem("endpoint", error.message))
    return problems


def fill(row: Remote, address: Address) -> None:
    """Write what a form says into a row; the secret encrypted, bound to the row."""
    row.name = address.name.strip()
    row.endpoint = address.endpoint.rstrip("/") + "/"
    row.version, row.username = address.version, address.username
    if address.secret:
        _seal(row, address.secret)


def _seal(row: Remote, secret: str) -> None:
    row.sealed_secret, row.secret_key_id = sealing.seal(secret.encode(), _place(row)), sealing.key_id()


def _place(row: Remote) -> bytes:
    return f"{row.__tablename__}:{row.id}".encode()


def seal_anew(session: Session) -> int:
    """Seal every secret of the tenant with the key that seals now; answer how many."""
    rows: list[Remote] = [*store.page(session, Forwarder), *store.page(session, Puller)]
    for row in rows:
        _seal(row, secret_of(row))
    return len(rows)


@dataclass
class Client:
    """Speaks xAPI to another LRS."""

    line: Line
    endpoint: str
    headers: Mapping[str, str]

    def get(self, url: str, **options: Any) -> Answer:
        """GET a resource of the endpoint, or an address on its origin."""
        whole = url if url.startswith(("/", "http://", "https://")) else self.endpoint + url
        return self.line.request("GET", whole, headers=self.headers, **options)

    def post(self, resource: str, content: bytes | Iterable[bytes], headers: Mapping[str, str]) -> Answer:
        """POST to a resource of the endpoint."""
        return self.line.request(
            "POST", self.endpoint + resource, headers={**self.headers, **headers}, content=content, limit=8 << 20
        )


@contextmanager
def client(endpoint: str, version: str, username: str, secret: str) -> Iterator[Client]:
    """A client of an LRS. Raises TryLater when it cannot be reached or may not be called."""
    token = base64.b64encode(f"{username}:{secret}".encode()).decode()
    headers = {"Authorization": f"Basic {token}", "X-Experience-API-Version": version, "Accept": "*/*"}
    try:
        with outgoing.line(endpoint) as line:
            yield Client(line, endpoint, headers)
    except (outgoing.AddressRefused, outgoing.Unreachable) as error:
        raise TryLater(error.message) from error


def secret_of(row: Remote) -> str:
    """The secret in clear. Raises Unavailable when the installation's key has changed."""
    return sealing.unseal(row.sealed_secret, _place(row), row.secret_key_id).decode()


def try_out(address: Address, secret: str) -> str:
    """Ask the other LRS what it is; answer what it said in words. Raises Invalid saying what did not work."""
    endpoint = address.endpoint.rstrip("/") + "/"
    try:
        with client(endpoint, address.version, address.username, secret) as remote:
            about = remote.get("about", limit=1 << 20, seconds=20)
            known = _versions_in(about)
            if address.version not in known:
                raise _no(f"It speaks {', '.join(known)}, not {address.version}.")
            statements = remote.get("statements?limit=1", limit=64 << 20, seconds=20)
    except TryLater as error:
        raise _no(str(error)) from error
    if statements.status in (401, 403):
        raise _no(f"It answers about, but key and secret may not read statements: {statements.status}.")
    if not statements.is_success:
        raise _no(f"It answers about, but statements with {statements.status}: {statements.excerpt(200)}")
    return f"It answers, speaks {', '.join(known)}, and lets this key in."


def _versions_in(about: Answer) -> list[str]:
    try:
        found = orjson.loads(about.content)["version"]
        if about.is_success and isinstance(found, list):
            return [str(item)[:20] for item in found if versions.of_header(str(item))]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        pass
    raise _no(f"There is no LRS at this address: about answered {about.status}.")


def _no(message: str) -> Invalid:
    return Invalid("This did not work.", problems=[Problem("endpoint", message)])


def require_understood(answer: Answer, origin: str) -> None:
    """Raises TryLater for what is no answer to the request itself: away, busy, not let in, not an LRS."""
    status = answer.status
    if status in (408, 425, 429) or status >= 500:
        raise TryLater(f"{origin} answered {status}: {answer.excerpt(200)}", wait_asked(answer))
    if status in (401, 403):
        raise TryLater(f"{origin} does not let this key in: {status} {answer.excerpt(200)}")
    if status in (404, 405) or 300 <= status < 400:
        raise TryLater(f"{origin} has no statements resource there: {status}.")


def wait_asked(answer: Answer, now: datetime | None = None) -> timedelta | None:
    """The pause that Retry-After asks for (RFC 9110, 10.2.3), at most an hour."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return min(timedelta(seconds=int(text[:6])), LONGEST_PAUSE)
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    sent = answer.headers.get("Date")
    start = now or (parsedate_to_datetime(sent) if sent else None)
    if start is None:
        return None
    pause = at.astimezone(UTC) - start.astimezone(UTC)
    return max(timedelta(), min(pause, LONGEST_PAUSE))


def failed(row: Remote, error: TryLater, now: datetime) -> datetime:
    """Note a failure in the row; answer when to try again: later each time, or when the other side said."""
    row.failures += 1
    pause = min(timedelta(seconds=5 * 2 ** min(row.failures - 1, 12)), LONGEST_PAUSE)
    row.next_try_at = now + max(pause, error.wait or timedelta())
    row.last_error = str(error)[:2000]
    if row.state is not ExchangeState.PAUSED:
        row.state = ExchangeState.FAILING
    return row.next_try_at


def worked(row: Remote, now: datetime) -> None:
    """Note a success in the row."""
    row.failures, row.next_try_at, row.last_error, row.last_success_at = 0, None, None, now
    if row.state is not ExchangeState.PAUSED:
        row.state = ExchangeState.ACTIVE


def tenants(session: Session) -> list[UUID]:
    """The organizations that have a forwarder or a puller at work; asked without a tenant."""
    return store.tenants(session)


def named(row: Remote) -> tuple[str, UUID, dict[str, str]]:
    """What an audit entry says of it: type, id, details without the secret."""
    return row.__tablename__, row.id, {"name": row.name, "endpoint": row.endpoint}
