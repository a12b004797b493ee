"""Files of packages without Flask: what is small and asked for plainly leaves from the loop as it lies in the zip.

Ranges, films, large files, unknown paths, storage in a bucket, and the first question in a while about whose path it
is go the long way; both ways use the same service, the same index and the same headers (`routes/content.py`).
"""

import os
import struct
from collections.abc import Mapping
from urllib.parse import unquote

from core.db import uuid7
from core.errors import StoaError
from core.http import Parts
from scorm_player.archive import GZIP_HEADER, Member
from scorm_player.content_types import is_media
from scorm_player.services.content import Content, remembered
from scorm_player.services.shelf import OpenFile, Shelf

PREFIX = b"/p/"
LARGEST = 256 * 1024
"""More than this would keep the loop from its other requests for too long."""

CACHING = "private, max-age=2592000, immutable"  # a month: then the path itself changes

_LONG_WAY = frozenset({b"range", b"if-range", b"service-worker"})
_zips: Shelf[OpenFile] = Shelf(64)

Headers = Mapping[bytes, bytes]
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


def answer(parts: Parts, path: bytes, headers: Headers) -> Answer | None:
    """GET of a file of a package: the answer, or None when the view shall give it."""
    settings = parts.config
    if headers.get(b"host") != settings.content_host.encode() or not _LONG_WAY.isdisjoint(headers):
        return None
    capability, _, name = unquote(path[len(PREFIX) :].decode("latin-1")).partition("/")
    found = remembered(capability)
    member = found.index.find(name) if found else None
    if found is None or member is None or member.compressed_size > LARGEST or is_media(member.name):
        return None
    if member.is_deflated and not _takes_gzip(headers):
        return None
    etag = f'"{member.etag}-gzip"' if member.is_deflated else f'"{member.etag}"'
    about = _headers(member, etag, settings.app_origin)
    if known := headers.get(b"if-none-match"):
        if known != etag.encode():
            return None
        return 304, about, b""
    try:
        body = _body(parts, found, member)
    except (StoaError, OSError, TypeError):
        return None
    about.append((b"content-type", member.content_type.encode()))
    if member.is_deflated:
        about.append((b"content-encoding", b"gzip"))
    else:
        about.append((b"accept-ranges", b"bytes"))
    return 200, about, body


def _takes_gzip(headers: Headers) -> bool:
    """Whether gzip is among what is accepted without a word about how much: browsers ask like this."""
    accepted = headers.get(b"accept-encoding", b"")
    return b";" not in accepted and b"gzip" in (one.strip() for one in accepted.split(b","))


def _body(parts: Parts, found: Content, member: Member) -> bytes:
    """The bytes as they lie, as a gzip file where they are deflated (RFC 1952). Raises TypeError for a bucket."""
    if not parts.files.folder:
        raise TypeError
    kept = _zips.get(found.sha256, lambda: OpenFile(parts.files.open(found.sha256)))
    raw = os.pread(kept.file.fileno(), member.compressed_size, member.offset)
    if len(raw) != member.compressed_size:
        raise OSError("the file ends in the middle of its contents")
    if not member.is_deflated:
        return raw
    return b"".join((GZIP_HEADER, raw, struct.pack("<LL", member.crc, member.size & 0xFFFFFFFF)))


def _headers(member: Member, etag: str, app_origin: str) -> list[tuple[bytes, bytes]]:
    found = [
        (b"cache-control", CACHING.encode()),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"content-security-policy", f"frame-ancestors 'self' {app_origin}".encode()),
        (b"origin-agent-cluster", b"?1"),
        (b"etag", etag.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"x-request-id", str(uuid7()).encode()),
    ]
    if member.is_deflated:
        found.append((b"vary", b"Accept-Encoding"))
    return found
