import hashlib
import io
from collections.abc import Iterable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrs.xapi import attachments
from lrs.xapi.attachments import MultipartError, Outgoing, boundary_of, media_type, multipart, parts, receive
from tests.lrs.factories import statement, sub_statement


class Drip:
    """A stream that gives as little at a time as it likes."""

    def __init__(self, content: bytes, size: int) -> None:
        self._file, self._size = io.BytesIO(content), size

    def read(self, size: int, /) -> bytes:
        return self._file.read(min(size, self._size))


def read(content: bytes, boundary: str = "b", size: int = 65536) -> list[tuple[dict[str, str], bytes]]:
    return [(part.headers, part.read(1 << 20)) for part in parts(Drip(content, size), boundary)]


BODY = (
    b"preamble\r\n--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b  \r\nX: y\r\n\r\n\r\n--c\r\n-\r\n--b--\r\nend"
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 65536])
def test_parts_are_found_however_the_bytes_arrive(size):
    assert read(BODY, size=size) == [({"content-type": "application/json"}, b"{}"), ({"x": "y"}, b"\r\n--c\r\n-")]


def test_an_empty_part_and_a_part_without_headers_are_parts():
    assert read(b"--b\r\nX: y\r\n\r\n\r\n--b\r\n\r\nz\r\n--b--") == [({"x": "y"}, b""), ({}, b"z")]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"--b\r\n", id="cut"),
        pytest.param(b"--b\r\nX: y\r\n\r\nno end", id="no closing boundary"),
        pytest.param(b"--b\r\nno colon\r\n\r\n\r\n--b--", id="no header"),
        pytest.param(b"--b text\r\n\r\n\r\n--b--", id="text behind the boundary"),
        pytest.param(b"--b\nX: y\n\nz\n--b--", id="bare line feeds"),
    ],
)
def test_what_is_no_multipart_is_refused(content):
    with pytest.raises(MultipartError):
        read(content)


@pytest.mark.parametrize(
    ("header", "boundary"),
    [
        ("multipart/mixed; boundary=abc", "abc"),
        ('multipart/mixed; boundary="abcABC0123\'()+_,-./:=?"', "abcABC0123'()+_,-./:=?"),
        ("multipart/mixed", None),
        ("multipart/mixed; boundary=", None),
        ('multipart/mixed; boundary="ends with space "', None),
        (f"multipart/mixed; boundary={'x' * 71}", None),
        ('multipart/mixed; boundary="<>"', None),
    ],
)
def test_boundaries_are_those_of_rfc_2046(header, boundary):
    if boundary is not None:
        assert boundary_of(header) == boundary
    else:
        with pytest.raises(MultipartError):
            boundary_of(header)


CHUNKS = st.lists(st.binary(max_size=300) | st.sampled_from([b"\r\n--b", b"\r\n--", b"\r", b"--b--"]), max_size=6)


@given(CHUNKS, st.integers(1, 50))
def test_what_is_written_is_read_again(chunks, size):
    content = b"".join(chunks).replace(b"\r\n--boundary-not-in-it", b"")
    sha2 = hashlib.sha256(content).hexdigest()
    body = b"".join(multipart([b'{"statements":[]}'], [Outgoing(sha2, "text/plain", chunks)], "boundary-not-in-it"))

    first, second = read(body, "boundary-not-in-it", size)

    assert first == ({"content-type": "application/json"}, b'{"statements":[]}')
    assert second[1] == b"".join(chunks)
    assert second[0]["x-experience-api-hash"] == sha2


@given(st.binary(max_size=500), st.integers(1, 100))
def test_no_bytes_make_the_parser_do_anything_but_refuse(content, size):
    with suppress(MultipartError):
        read(b"--b" + content, size=size)


@given(st.text(max_size=100))
def test_no_content_type_makes_the_parser_raise(text):
    media_type(text)


def received(content: bytes = b"abc", headers: dict[str, str] | None = None, limit: int = 100) -> attachments.Received:
    given = {
        "Content-Type": "text/plain",
        "Content-Transfer-Encoding": "binary",
        "X-Experience-API-Hash": hashlib.sha256(content).hexdigest(),
    } | (headers or {})
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value)
    body = b"--b\r\n" + lines.encode() + b"\r\n" + content + b"\r\n--b--"
    return next(receive(part, 1, limit) for part in parts(io.BytesIO(body), "b"))


def test_an_attachment_is_read_with_its_hash_checked():
    part = received(b"here is a simple attachment")

    assert (part.length, part.content.read()) == (27, b"here is a simple attachment")
    part.content.close()


@pytest.mark.parametrize("algorithm", ["sha224", "sha256", "sha384", "sha512"])
def test_every_sha2_will_do(algorithm):
    digest = hashlib.new(algorithm, b"abc").hexdigest()

    part = received(headers={"X-Experience-API-Hash": digest.upper()})

    assert part.sha2 == digest
    part.content.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Experience-API-Hash": ""},
        {"X-Experience-API-Hash": "abc"},
        {"X-Experience-API-Hash": "0" * 64},
        {"Content-Transfer-Encoding": ""},
        {"Content-Transfer-Encoding": "base64"},
    ],
    ids=["no hash", "no SHA-2", "another hash", "no encoding", "another encoding"],
)
def test_an_attachment_part_must_say_what_it_is(headers):
    with pytest.raises(MultipartError):
        received(headers=headers)


def test_an_attachment_over_the_limit_is_refused():
    with pytest.raises(MultipartError, match="larger"):
        received(b"x" * 101)


def with_attachments(*items: dict[str, object]) -> dict[str, object]:
    return statement(attachments=list(items))


def declared(content: bytes = b"abc", **more: object) -> dict[str, object]:
    return {
        "usageType": "http://example.com/usage",
        "display": {},
        "contentType": "text/plain; charset=utf-8",
        "length": len(content),
        "sha2": hashlib.sha256(content).hexdigest(),
    } | more


def places(statements: list[dict[str, object]], received_parts: Iterable[attachments.Received]) -> list[str]:
    kept = list(received_parts)
    for part in kept:
        part.content.close()
    return [problem.path for problem in attachments.unmatched(statements, kept)]


def test_attachments_and_parts_find_each_other_by_hash():
    assert places([with_attachments(declared()), with_attachments(declared())], [received()]) == []
    assert places([statement(object=sub_statement(attachments=[declared()]))], [received()]) == []
    assert places([with_attachments(declared(fileUrl="http://example.com/x"))], []) == []


def test_missing_excess_and_other_parts_are_named():
    assert places([statement(), with_attachments(declared())], []) == ["statements[1].attachments[0]"]
    assert places([statement()], [received()]) == ["parts[1]"]
    other_type = [received(headers={"Content-Type": "image/png"})]
    assert places([with_attachments(declared())], other_type) == ["statements[0].attachments[0].contentType"]
    other_length = [received(headers={"Content-Length": "4"})]
    assert places([with_attachments(declared())], other_length) == ["statements[0].attachments[0].length"]
