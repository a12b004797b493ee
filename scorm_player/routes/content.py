"""The files of packages, on the content origin: somebody else's pages, which learn nothing and reach nothing here.

Whoever knows a version's unguessable path may read it; no cookie is looked at. Deflated files leave as gzip without
being unpacked; ranges of sound and film are answered.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import BinaryIO

from flask import Response, request
from flask.typing import ResponseReturnValue

from core.errors import Forbidden, NotFound
from core.http import config, content, database, files
from scorm_player import archive
from scorm_player.archive import Member
from scorm_player.content_types import is_media
from scorm_player.routes.blueprint import bp
from scorm_player.routes.hot import CACHING
from scorm_player.services.content import content_of

Reader = Callable[[BinaryIO], Iterator[bytes]]


@bp.get("/p/<capability>/<path:path>")
@content()
def content_file(capability: str, path: str) -> ResponseReturnValue:
    """Answer one file of a package version, whole, as gzip, or a range of it."""
    if request.headers.get("Service-Worker"):
        raise Forbidden("Packages may not register service workers: they would outlive the course.")
    found = content_of(database(), capability)
    member = found.index.find(path)
    if member is None:
        raise NotFound("The package has no such file.")
    response = answer(member, found.sha256)
    response.headers["Cache-Control"] = CACHING
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Content-Security-Policy"] = f"frame-ancestors 'self' {config().app_origin}"
    response.headers["Origin-Agent-Cluster"] = "?1"
    if member.is_deflated:
        response.headers["Vary"] = "Accept-Encoding"
    return response


def answer(member: Member, sha256: str) -> Response:
    """Return 200, 206, 304 or 416 for a file, as the request's headers ask."""
    as_gzip = leaves_as_gzip(member)
    etag = f"{member.etag}-gzip" if as_gzip else member.etag
    if request.if_none_match.contains_weak(member.etag) or request.if_none_match.contains_weak(f"{member.etag}-gzip"):
        response = Response(status=304)
        response.set_etag(etag)
        return response
    if as_gzip:
        response = streamed(member, sha256, lambda file: archive.gzip_stream(file, member), member.gzip_size)
        response.headers["Content-Encoding"] = "gzip"
        response.set_etag(etag)
        return response
    span = asked_range(member)
    if span is not None and span[0] >= span[1]:
        response = Response(status=416)
        response.headers["Content-Range"] = f"bytes */{member.size}"
        return response
    start, stop = span or (0, member.size)
    response = streamed(member, sha256, lambda file: archive.content(file, member, start, stop), stop - start)
    if span is not None:
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{member.size}"
    response.headers["Accept-Ranges"] = "bytes"
    response.set_etag(etag)
    return response


def leaves_as_gzip(member: Member) -> bool:
    """Whether the bytes go out as they lie: deflated, gzip accepted, no range asked for, nothing to seek in."""
    accepts = request.accept_encodings.quality("gzip") > 0 and bool(request.accept_encodings)
    return member.is_deflated and accepts and "Range" not in request.headers and not is_media(member.name)


def asked_range(member: Member) -> tuple[int, int] | None:
    """Return (start, stop) of the one range asked for; start not below stop when it cannot be satisfied.

    Several ranges, other units and a stale If-Range are answered with the whole file (RFC 9110, 14.2).
    """
    wanted = request.range
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1:
        return None
    if (condition := request.if_range) and condition.etag is not None and condition.etag != member.etag:
        return None
    if condition and condition.date is not None:
        return None
    start, stop = wanted.ranges[0]
    if start < 0:
        return max(member.size + start, 0), member.size
    return start, min(stop if stop is not None else member.size, member.size)


def streamed(member: Member, sha256: str, read: Reader, length: int) -> Response:
    """Return a response that reads from the zip while it is sent."""
    body: Iterator[bytes] = iter(()) if request.method == "HEAD" else chunks(files().open(sha256), read)
    response = Response(body, mimetype=member.content_type, direct_passthrough=True)
    response.headers["Content-Type"] = member.content_type
    response.content_length = length
    return response


def chunks(file: BinaryIO, read: Reader) -> Iterator[bytes]:
    """Yield what `read` makes of the zip, closing it at the end, whoever leaves first."""
    with closing(file):
        yield from read(file)
