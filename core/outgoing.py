"""The one door by which Stoa calls others over HTTP: forwarders, webhooks, identity providers, imports by address.

Whoever may type an address could make Stoa call its own neighbors. So the name is resolved once, every address it
has must be a public one or lie in a network that the operator allowed (OUTGOING_ALLOW), and the connection goes to
exactly that address. No proxy, no redirect, a time limit for the whole answer, and a limit for its size.
"""

import io
import ipaddress
import socket
import ssl
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import IO, Self, cast
from urllib.parse import SplitResult, urljoin, urlsplit

import httpx

from core.errors import Invalid, Problem, StoaError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 30.0  # the longest pause within an answer
ANSWER_SECONDS = 120.0
LARGEST_ANSWER = 64 << 20
_IN_MEMORY = 1 << 20
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

_allowed: tuple[Network, ...] = ()


def allow(networks: Iterable[str]) -> None:
    """Say which networks may be called beyond the public ones; the wiring does, from OUTGOING_ALLOW."""
    global _allowed
    _allowed = tuple(ipaddress.ip_network(text) for text in networks)


class AddressRefused(Invalid):
    """The address may not be called from here, or is none."""

    title = "This address cannot be called"


class Unreachable(StoaError):
    """Nobody answers there, or not as HTTP, or not in time."""

    status = 502
    title = "The other side does not answer"


@dataclass
class Answer:
    """What came back. `body` is a file at its start, at most as long as was allowed."""

    status: int
    headers: Mapping[str, str]
    body: IO[bytes]

    @property
    def content(self) -> bytes:
        """The whole body."""
        self.body.seek(0)
        return self.body.read()

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def excerpt(self, length: int = 500) -> str:
        """The start of the body as text, for a message to a person."""
        self.body.seek(0)
        return self.body.read(length).decode("utf-8", "replace").replace("\0", "\ufffd").strip()

    def close(self) -> None:
        """Let go of the body."""
        self.body.close()


class Line:
    """A connection to one origin, at the address it had when the line was opened."""

    def __init__(self, url: str, *, is_own: bool = False) -> None:
        """Resolve and judge the origin of `url`. Raises AddressRefused, Unreachable.

        `is_own` says that the address is the operator's own setting and not what somebody typed: it may be any.
        """
        parts = _split(url)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self._host = parts.hostname or ""
        self._netloc = parts.netloc
        port = parts.port or (443 if parts.scheme == "https" else 80)
        address = _resolved(self._host, port, is_own=is_own)
        if not is_own and parts.scheme == "http" and not _is_allowed(address):
            raise _refused(f"{self.origin} would send secrets in clear. Use https://.")
        pinned = f"[{address}]" if address.version == 6 else str(address)
        self._base = f"{parts.scheme}://{pinned}:{port}"
        timeout = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
        self._client = httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False, verify=_trusted())

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | Iterable[bytes] | None = None,
        limit: int = LARGEST_ANSWER,
        seconds: float = ANSWER_SECONDS,
    ) -> Answer:
        """Ask, and take the whole answer in. `url` is absolute, of this line's origin, or a path on it.

        Raises AddressRefused for another origin, Unreachable when no answer comes, in time and within `limit` bytes.
        """
        path = self._path(url)
        sent = {"Host": self._netloc, "Accept-Encoding": "identity", "User-Agent": "Stoa", **(headers or {})}
        deadline = time.monotonic() + seconds
        try:
            with self._client.stream(
                method, self._base + path, headers=sent, content=content, extensions={"sni_hostname": self._host}
            ) as response:
                if response.headers.get("Content-Encoding", "identity").lower() not in ("identity", ""):
                    raise Unreachable(f"{self.origin} packs its answer though it was asked not to.")
                body = _taken(response.iter_raw(), limit, deadline, self.origin)
                return Answer(response.status_code, response.headers, body)
        except httpx.TimeoutException:
            raise Unreachable(f"{self.origin} did not answer in time.") from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError) as error:
            raise Unreachable(f"{self.origin} cannot be reached: {error}") from None

    def _path(self, url: str) -> str:
        whole = urlsplit(urljoin(self.origin + "/", url))
        if f"{whole.scheme}://{whole.netloc}" != self.origin:
            raise _refused(f"{url[:200]} leads away from {self.origin}.")
        return (whole.path or "/") + (f"?{whole.query}" if whole.query else "")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()


def check(url: str) -> None:
    """Raises AddressRefused when `url` may not be called from here, Unreachable when its name is unknown."""
    with line(url):
        pass


@contextmanager
def line(url: str, *, is_own: bool = False) -> Iterator[Line]:
    """Open a line to the origin of `url` for as long as it is needed. Raises as `Line`."""
    with Line(url, is_own=is_own) as opened:
        yield opened


@cache
def _trusted() -> ssl.SSLContext:
    """Whom to believe that they are who they say; reading the list of authorities takes 20 ms, so it is read once."""
    return httpx.create_ssl_context(trust_env=False)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_good = False
    if not is_good:
        raise _refused(f"{url[:200]!r} is no address like https://lrs.example.org/xapi/")
    if parts.username is not None or parts.password is not None:
        raise _refused("Leave user and password out of the address; they have fields of their own.")
    if any(sign in url for sign in "\r\n\t \\"):
        raise _refused("An address has no blanks.")
    return parts


def _resolved(host: str, port: int, *, is_own: bool = False) -> Address:
    """The address to call. All that the name has must be acceptable: which one is used must not matter."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unreachable(f"There is no host {host}.") from None
    addresses = [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]
    if not addresses:
        raise Unreachable(f"There is no host {host}.")
    for address in [] if is_own else addresses:
        if not (_is_public(address) or _is_allowed(address)):
            raise _refused(
                f"{host} is {address}, which is not a public address. An operator can allow its network with "
                "OUTGOING_ALLOW."
            )
    return addresses[0]


def _is_public(address: Address) -> bool:
    return all(item.is_global and not item.is_multicast for item in (address, *_inside(address)))


def _inside(address: Address) -> list[Address]:
    """IPv4 addresses that an IPv6 address stands for."""
    if not isinstance(address, ipaddress.IPv6Address):
        return []
    found: list[Address | None] = [address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if address.ipv4_mapped is not None:
        found.append(address.ipv4_mapped)
    return [item for item in found if item is not None]


def _is_allowed(address: Address) -> bool:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return any(item in network for network in _allowed for item in (address, mapped) if item is not None)


def _taken(pieces: Iterator[bytes], limit: int, deadline: float, origin: str) -> IO[bytes]:
    """The body: in memory while it is small, else in a temporary file that goes when it is closed."""
    body: IO[bytes] = io.BytesIO()
    try:
        for piece in pieces:
            if body.tell() + len(piece) > _IN_MEMORY and isinstance(body, io.BytesIO):
                small, body = body, cast("IO[bytes]", tempfile.TemporaryFile())  # noqa: SIM115 - the answer's
                body.write(small.getbuffer())
            body.write(piece)
            if body.tell() > limit:
                raise Unreachable(f"The answer of {origin} is larger than {limit:,} bytes.")
            if time.monotonic() > deadline:
                raise Unreachable(f"{origin} did not finish its answer in time.")
    except BaseException:
        body.close()
        raise
    body.seek(0)
    return body


def _refused(message: str) -> AddressRefused:
    return AddressRefused(message, problems=[Problem("endpoint", message)])
