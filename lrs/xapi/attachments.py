"""Attachments: their metadata in a Statement (Data 2.4.11), and the multipart/mixed that carries them.

The exchange is Communication 1.5.2, the format RFC 2046.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Protocol

from lrs.xapi import values
from lrs.xapi.problems import Path, Problem, Report, excerpt, kind
from lrs.xapi.properties import Table, formatted, iri, language_map, obeys, wrong_type

_SECTION = "Data 2.4.11"
_EXCHANGE = "Communication 1.5.2"
_CHUNK = 65536
_MAX_HEADERS = 16384
IN_MEMORY = 1 << 20  # larger parts are spooled to a temporary file


def _length(report: Report, at: Path, value: Any) -> None:
    if type(value) is not int or value < 0:
        report.add(at, f"must be a whole number of octets, but is {kind(value)}: {excerpt(value)}", _SECTION)


_ATTACHMENT: Table = {
    "usageType": iri(_SECTION),
    "display": language_map(_SECTION),
    "description": language_map(_SECTION),
    "contentType": formatted(values.is_media_type, "an Internet media type", _SECTION),
    "length": _length,
    "sha2": formatted(values.is_sha2, "a SHA-2 in hexadecimal digits", _SECTION),
    "fileUrl": iri(_SECTION),
}
_REQUIRED = ("usageType", "display", "contentType", "length", "sha2")


def attachments(report: Report, at: Path, value: Any) -> None:
    """The `attachments` property: an array of Attachment objects."""
    if type(value) is not list:
        wrong_type(report, at, value, "an array of Attachment objects", _SECTION)
        return
    for number, item in enumerate(value):
        obeys(report, (at, number), item, _ATTACHMENT, _REQUIRED, _SECTION)


class MultipartError(ValueError):
    """The body is not the multipart/mixed that its Content-Type announces."""

    def __init__(self, message: str, path: str = "body") -> None:
        super().__init__(message)
        self.problem = Problem(path, message, _EXCHANGE)


class Reader(Protocol):
    """Anything that gives bytes in pieces: a request's stream, a file."""

    def read(self, size: int, /) -> bytes: ...


# RFC 2046 5.1.1: 1 to 70 of these, the last no space.
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")


def media_type(content_type: str) -> tuple[str, dict[str, str]]:
    """The type in lower case and its parameters. An empty type when the header makes no sense."""
    message = Message()
    try:
        message["Content-Type"] = content_type.replace("\r", " ").replace("\n", " ")
        parameters = dict(message.get_params(failobj=[]) or [])
    except (ValueError, TypeError, LookupError, IndexError):
        return "", {}
    essence = content_type.partition(";")[0].strip().lower()
    return essence, {name.lower(): value for name, value in parameters.items() if isinstance(value, str)}


def boundary_of(content_type: str) -> str:
    """The boundary of a multipart/mixed Content-Type. Raises MultipartError."""
    boundary = media_type(content_type)[1].get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise MultipartError("multipart/mixed needs a boundary of 1 to 70 allowed characters", "header.Content-Type")
    return boundary


class Part:
    """One part: its headers (names in lower case) and its content, read in pieces and only once."""

    def __init__(self, headers: dict[str, str], source: "_Source") -> None:
        self.headers = headers
        self._source = source

    def chunks(self) -> Iterator[bytes]:
        """The content in pieces, up to the next boundary."""
        while chunk := self._source.read_until_delimiter():
            yield chunk

    def read(self, limit: int) -> bytes:
        """The whole content. Raises MultipartError when it is longer than `limit` octets."""
        content = bytearray()
        for chunk in self.chunks():
            content += chunk
            if len(content) > limit:
                raise MultipartError(f"the part is larger than the {limit} octets allowed")
        return bytes(content)


class _Source:
    """The stream with a window on it that is always long enough to see a delimiter."""

    def __init__(self, stream: Reader, boundary: str) -> None:
        self._stream = stream
        self._delimiter = b"\r\n--" + boundary.encode()
        self._window = b"\r\n"  # a boundary at the very start has its line break in front, too
        self._is_at_end = False
        self._is_at_delimiter = False

    def _fill(self) -> bool:
        chunk = b"" if self._is_at_end else self._stream.read(_CHUNK)
        self._is_at_end = not chunk
        self._window += chunk
        return bool(chunk)

    def read_until_delimiter(self) -> bytes:
        """Some content, or nothing once the delimiter has been reached. Raises MultipartError where it never comes."""
        if self._is_at_delimiter:
            return b""
        while True:
            found = self._window.find(self._delimiter)
            safe = found if found >= 0 else len(self._window) - len(self._delimiter) + 1
            if safe > 0:
                chunk, self._window = self._window[:safe], self._window[safe:]
                self._is_at_delimiter = found >= 0
                return chunk
            if found == 0:
                self._is_at_delimiter = True
                return b""
            if not self._fill():
                raise MultipartError("the closing boundary is missing")

    def next_headers(self) -> dict[str, str] | None:
        """Step over the delimiter; the headers of the part behind it, or None behind the closing one."""
        self._is_at_delimiter = False
        self._window = self._window[len(self._delimiter) :]
        while len(self._window) < 2 and self._fill():
            pass
        if self._window.startswith(b"--"):
            return None
        block = self._line_block()
        headers: dict[str, str] = {}
        for line in block.split(b"\r\n"):
            name, colon, text = line.partition(b":")
            if line and (not colon or name != name.strip() or not name):
                raise MultipartError(f"is not a header line: {excerpt(line.decode('latin-1'))}")
            if line:
                headers[name.decode("latin-1").lower()] = text.strip().decode("latin-1")
        return headers

    def _line_block(self) -> bytes:
        """The rest of the boundary's line, which may hold only blanks, and the header lines up to the empty one."""
        while True:
            line_end = self._window.find(b"\r\n")
            if line_end >= 0 and self._window[:line_end].strip(b" \t"):
                raise MultipartError("there is text behind a boundary on its line")
            end = self._window.find(b"\r\n\r\n", max(line_end, 0)) if line_end >= 0 else -1
            if end >= 0:
                block = self._window[line_end + 2 : end] if end > line_end else b""
                self._window = self._window[end + 4 :] if end > line_end else self._window[line_end + 4 :]
                # An empty part: its delimiter's line break is the one that ended the headers.
                if self._window.startswith(self._delimiter[2:]):
                    self._window = b"\r\n" + self._window
                return block
            if len(self._window) > _MAX_HEADERS or not self._fill():
                raise MultipartError("the headers of a part do not end")


def parts(stream: Reader, boundary: str) -> Iterator[Part]:
    """The parts of a multipart body, one after the other; what is left unread of one is skipped.

    Raises MultipartError.
    """
    source = _Source(stream, boundary)
    while source.read_until_delimiter():
        pass  # the preamble, to be ignored
    while (headers := source.next_headers()) is not None:
        part = Part(headers, source)
        yield part
        for _ in part.chunks():
            pass


@dataclass(frozen=True)
class Received:
    """An attachment's data as it came: its hash verified, its content at the start, closed by whoever stores it."""

    sha2: str
    content_type: str | None
    length: int
    content: IO[bytes]
    declared_length: str | None = None  # of the part's own Content-Length, which must be that of the Statement


_HASHES = {56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}


def receive(part: Part, number: int, limit: int) -> Received:
    """Read one attachment part: binary, with its hash, and the hash right. Raises MultipartError."""
    at = f"parts[{number}]"
    declared = part.headers.get("x-experience-api-hash")
    if declared is None:
        raise MultipartError("the part has no X-Experience-API-Hash header", at)
    if not values.is_sha2(declared):
        raise MultipartError(f"X-Experience-API-Hash is no SHA-2: {excerpt(declared)}", at)
    encoding = part.headers.get("content-transfer-encoding")
    if encoding is None or encoding.lower() != "binary":
        raise MultipartError("the part needs Content-Transfer-Encoding: binary", at)
    content = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - handed on to the store, which closes it
    try:
        length = _copy(part, content, declared.lower(), at, limit)
    except BaseException:
        content.close()
        raise
    headers = part.headers
    return Received(declared.lower(), headers.get("content-type"), length, content, headers.get("content-length"))


def _copy(part: Part, content: IO[bytes], declared: str, at: str, limit: int) -> int:
    digest = hashlib.new(_HASHES[len(declared)])
    length = 0
    for chunk in part.chunks():
        length += len(chunk)
        if length > limit:
            raise MultipartError(f"the attachment is larger than the {limit} octets allowed", at)
        digest.update(chunk)
        content.write(chunk)
    if digest.hexdigest() != declared:
        raise MultipartError("the content does not have the hash of its X-Experience-API-Hash header", at)
    content.seek(0)
    return length


def declared_in(statement: Any, at: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every Attachment object of a valid Statement and of its SubStatement, with its path."""
    for number, item in enumerate(statement.get("attachments", ())):
        yield f"{at}.attachments[{number}]", item
    target = statement["object"]
    if target.get("objectType") == "SubStatement":
        yield from declared_in(target, f"{at}.object")


def receive_all(following: Iterable[Part], limit: int) -> list[Received]:
    """Read the parts behind the first. Raises MultipartError, keeping none."""
    received: list[Received] = []
    try:
        for number, part in enumerate(following, start=1):
            received.append(receive(part, number, limit))
    except BaseException:
        for item in received:
            item.content.close()
        raise
    return received


def unmatched(statements: Sequence[dict[str, Any]], received: Iterable[Received]) -> list[Problem]:
    """Where Attachment objects and parts do not belong together: missing, in excess, of other type or length."""
    parts_by_hash = {part.sha2: part for part in received}
    report, wanted = Report(), set[str]()
    for number, statement in enumerate(statements):
        if "attachments" not in statement and statement["object"].get("objectType") != "SubStatement":
            continue
        for at, item in declared_in(statement, f"statements[{number}]"):
            sha2 = item["sha2"].lower()
            wanted.add(sha2)
            part = parts_by_hash.get(sha2)
            if part is not None:
                _compare(report, at, item, part)
            elif "fileUrl" not in item:
                report.add(at, f"has no fileUrl, and no part with the hash {sha2} came with it", _EXCHANGE)
    for number, sha2 in enumerate(parts_by_hash):
        if sha2 not in wanted:
            report.add(f"parts[{number + 1}]", f"no statement has an attachment with the hash {sha2}", _EXCHANGE)
    return report.problems


def _compare(report: Report, at: str, item: dict[str, Any], part: Received) -> None:
    if part.declared_length is not None and part.declared_length != str(item["length"]):
        report.add(f"{at}.length", f"is {item['length']}, but the part says {part.declared_length}", _EXCHANGE)
    if part.content_type is not None and media_type(part.content_type)[0] != media_type(item["contentType"])[0]:
        found = excerpt(part.content_type)
        report.add(f"{at}.contentType", f"is {excerpt(item['contentType'])}, but the part says {found}", _EXCHANGE)


@dataclass(frozen=True)
class Outgoing:
    """An attachment to send: its content in pieces."""

    sha2: str
    content_type: str
    content: Iterable[bytes]


def multipart(result: Iterable[bytes], attached: Iterable[Outgoing], boundary: str) -> Iterator[bytes]:
    """A multipart/mixed body: the Statements as application/json, then the attachments, each once."""
    yield f"--{boundary}\r\nContent-Type: application/json\r\n\r\n".encode()
    yield from result
    for item in attached:
        yield (
            f"\r\n--{boundary}\r\nContent-Type: {item.content_type}\r\nContent-Transfer-Encoding: binary\r\n"
            f"X-Experience-API-Hash: {item.sha2}\r\n\r\n"
        ).encode()
        yield from item.content
    yield f"\r\n--{boundary}--\r\n".encode()
