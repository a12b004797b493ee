"""The stored zip: what is refused and how, what is indexed, what comes out again."""

import gzip
import hashlib
import io
import stat
import struct
import tracemalloc
import zipfile
import zlib
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorm_player import archive
from scorm_player.archive import Index, Limits
from scorm_player.findings import Refused
from tests.scorm_player import zips

CENTRAL = b"PK\x01\x02"
LOCAL = b"PK\x03\x04"
DEFAULTS = Limits()


def refusal(file, limits=DEFAULTS):
    with pytest.raises(Refused) as refused:
        archive.check(file, limits)
    finding = refused.value.finding
    assert finding.message
    assert finding.remedy
    return finding


def noise(length):
    return hashlib.shake_128(b"film").digest(length)


def content_of(file, name):
    member = archive.check(file).index.find(name)
    assert member is not None
    return b"".join(archive.content(file, member))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        pytest.param("../evil.html", "leads out", id="parent folder"),
        pytest.param("a/../../evil.html", "leads out", id="parent folder inside"),
        pytest.param("..\\evil.html", "leads out", id="parent folder by back-slash"),
        pytest.param("/etc/passwd", "root", id="absolute"),
        pytest.param("\\windows\\x", "root", id="absolute by back-slash"),
        pytest.param("C:/x.html", "drive", id="drive letter"),
        pytest.param("c:x.html", "drive", id="drive letter, relative"),
        pytest.param("a\0.html", "NUL", id="NUL"),
        pytest.param("n" * 1001, "PACKAGE_MAX_NAME_LENGTH", id="too long"),
    ],
)
def test_a_name_that_leaves_the_package_is_refused(name, says):
    finding = refusal(zips.named(name.encode()))

    assert finding.rule == "zip.unsafe_name"
    assert says in finding.message


@pytest.mark.parametrize(
    ("mode", "says"),
    [(stat.S_IFLNK | 0o777, "symbolic link"), (stat.S_IFCHR | 0o600, "special file"), (stat.S_IFIFO, "special file")],
)
def test_links_and_devices_are_refused(mode, says):
    finding = refusal(zips.with_mode("link", b"/etc/passwd", mode))

    assert (finding.rule, finding.file) == ("zip.not_a_file", "link")
    assert says in finding.message


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("a/b.html", "a//b.html", id="empty folder name"),
        pytest.param("a/b.html", "a\\b.html", id="back-slash"),
        pytest.param("a/b.html", "./a/b.html", id="dot"),
        pytest.param("caf\u00e9.html", "cafe\u0301.html", id="Unicode form"),
    ],
)
def test_two_files_of_one_name_are_refused(first, second):
    assert refusal(zips.zipped({first: "1", second: "2"})).rule == "zip.duplicate"


def test_names_that_differ_in_capitals_only_are_served_apart_and_reported():
    file = zips.zipped({"Page.html": "big", "page.html": "small"})

    checked = archive.check(file)

    assert [f.rule for f in checked.findings] == ["zip.capitals"]
    assert content_of(file, "Page.html") == b"big"
    assert content_of(file, "page.html") == b"small"


def test_something_else_is_not_a_zip():
    for data in (b"", b"PK", b"<html>no</html>", b"PK\x05\x06", bytes(100)):
        assert refusal(io.BytesIO(data)).rule == "zip.not_a_zip"


def test_a_cut_off_upload_is_named_as_such():
    data = zips.zipped({"a.html": noise(3000)}).getvalue()

    assert refusal(io.BytesIO(data[200:])).rule == "zip.damaged"
    assert refusal(io.BytesIO(data[:-30])).rule == "zip.damaged"


@pytest.mark.parametrize("offset", [1 << 40, 1 << 62, (1 << 64) - 1])
def test_an_entry_beyond_all_files_is_damage_and_no_error_of_the_disk(offset, tmp_path):
    place = struct.pack("<2HQ", 1, 8, offset)  # the zip64 field
    zip64 = bytearray(zips.zipped({"a.html": "x"}).getvalue())
    central, end = zip64.index(CENTRAL), zip64.index(b"PK\x05\x06")
    struct.pack_into("<H", zip64, central + 30, len(place))
    struct.pack_into("<L", zip64, central + 42, 0xFFFFFFFF)
    struct.pack_into("<L", zip64, end + 12, end - central + len(place))
    (tmp_path / "a.zip").write_bytes(zip64[:end] + place + zip64[end:])

    with (tmp_path / "a.zip").open("rb") as file:
        assert refusal(file).rule == "zip.damaged"


def test_an_encrypted_file_is_refused():
    file = zips.zipped({"a.html": "secret"})
    for signature, at in ((CENTRAL, 8), (LOCAL, 6)):
        file = zips.patched(file, signature, at, "<H", 1)

    assert refusal(file).rule == "zip.encrypted"


def test_an_unsupported_method_is_refused_with_the_one_to_choose():
    finding = refusal(zips.zipped({"a.html": "x" * 99}, method=zipfile.ZIP_BZIP2))

    assert finding.rule == "zip.method"
    assert "Deflate" in finding.remedy


@pytest.mark.parametrize(
    ("at", "form", "value"),
    [
        pytest.param(30, "<B", ord("z"), id="name"),
        pytest.param(8, "<H", 0, id="method"),
        pytest.param(14, "<L", 1, id="checksum"),
        pytest.param(18, "<L", 3, id="packed size"),
        pytest.param(22, "<L", 3, id="size"),
    ],
)
def test_a_local_header_that_tells_another_story_is_refused(at, form, value):
    file = zips.patched(zips.zipped({"a.html": "x" * 99}), LOCAL, at, form, value)

    assert refusal(file).rule == "zip.headers_differ"


class Pipe(io.RawIOBase):
    """Something written to once, as a program that streams its zip does."""

    def __init__(self):
        self.written = io.BytesIO()

    def writable(self):
        return True

    def write(self, data):
        return self.written.write(data)


def test_sizes_that_follow_the_data_are_no_contradiction():
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as streamed:
        streamed.writestr("a.html", "x" * 99)

    assert pipe.written.getvalue()[14:26] == bytes(12)
    assert content_of(pipe.written, "a.html") == b"x" * 99


def test_files_that_share_bytes_are_refused():
    # The first file claims to be stored and to reach over the second one, header and all.
    data = bytearray(zips.zipped({"a.html": "x" * 99, "b.html": "x" * 99}).getvalue())
    for header, method in ((data.index(LOCAL), 8), (data.index(CENTRAL), 10)):
        struct.pack_into("<H", data, header + method, zipfile.ZIP_STORED)
        struct.pack_into("<LL", data, header + method + 10, 40, 40)

    assert refusal(io.BytesIO(bytes(data))).rule == "zip.overlap"


@pytest.mark.parametrize(
    ("limits", "setting"),
    [
        (Limits(max_archive_bytes=100), "PACKAGE_MAX_ARCHIVE_BYTES"),
        (Limits(max_files=2), "PACKAGE_MAX_FILES"),
        (Limits(max_file_bytes=500), "PACKAGE_MAX_FILE_BYTES"),
        (Limits(max_total_bytes=2000), "PACKAGE_MAX_TOTAL_BYTES"),
        (Limits(max_ratio=2, max_ratio_from_bytes=1000), "PACKAGE_MAX_RATIO"),
        (Limits(max_directory_bytes=50), "PACKAGE_MAX_DIRECTORY_BYTES"),
    ],
)
def test_every_limit_refuses_under_the_name_of_its_setting(limits, setting):
    file = zips.zipped({f"{n}.html": "x" * 999 for n in range(3)})
    archive.check(file)

    assert setting in refusal(file, limits).message


def test_a_bomb_that_lies_about_its_size_is_stopped_while_it_unpacks():
    compressor = zlib.compressobj(9, wbits=-15)
    stream = compressor.compress(bytes(64 << 20)) + compressor.flush()
    file = zips.zipped({"bomb.bin": stream}, method=zipfile.ZIP_STORED)
    for signature, method in ((LOCAL, 8), (CENTRAL, 10)):
        file = zips.patched(file, signature, method, "<H", zipfile.ZIP_DEFLATED)
        file = zips.patched(file, signature, method + 14, "<L", 1000)
    tracemalloc.start()
    try:
        finding = refusal(file)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert finding.rule == "zip.bomb"
    assert peak < 4 << 20


def test_a_flipped_bit_in_any_file_is_found():
    file = zips.zipped({"a.txt": "hello", "video.mp4": "film" * 500}, method=zipfile.ZIP_STORED)
    data = bytearray(file.getvalue())
    data[data.index(b"film") + 1000] ^= 1

    finding = refusal(io.BytesIO(bytes(data)))

    assert (finding.rule, finding.file) == ("zip.damaged", "video.mp4")


def test_a_zip_in_zip64_form_is_read():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as big, big.open("a.html", "w", force_zip64=True) as member:
        member.write(b"big thoughts")
    assert content_of(target, "a.html") == b"big thoughts"

    with patch.object(zipfile, "ZIP64_LIMIT", 10), patch.object(zipfile, "ZIP_FILECOUNT_LIMIT", 1):
        file = zips.zipped({"a.html": "x" * 99, "b.html": "y" * 99})
    assert b"PK\x06\x06" in file.getvalue()
    assert content_of(file, "b.html") == b"y" * 99


def test_bytes_around_the_zip_are_ignored_and_reported():
    file = zips.zipped({"a.html": "inside"})
    wrapped = io.BytesIO(b"#!/bin/sh\n" + file.getvalue() + b"signature")

    checked = archive.check(wrapped)

    assert [f.rule for f in checked.findings] == ["zip.foreign_bytes"]
    assert content_of(wrapped, "a.html") == b"inside"


def test_back_slashes_are_read_as_folders_and_the_report_stays_short():
    file = zips.zipped({f"a\\{n}.html": "x" for n in range(40)})

    checked = archive.check(file)

    assert checked.index.find("a/39.html")
    assert len(checked.findings) == 25
    assert "15 more" in checked.findings[-1].message


def test_folders_and_dots_are_no_files():
    checked = archive.check(zips.zipped({"a/": "", "./a/b.html": "x"}))

    assert [m.name for m in checked.index.members] == ["a/b.html"]


@pytest.mark.parametrize(
    ("stored", "asked", "difference"),
    [
        pytest.param("a/b.html", "a/b.html", "", id="exact"),
        pytest.param("a/b.html", "./a//b.html", "separators or Unicode form", id="dots"),
        pytest.param("a/b.html", "a\\b.html", "separators or Unicode form", id="back-slash"),
        pytest.param("Images/Logo.PNG", "images/logo.png", "capitals", id="capitals"),
        pytest.param("\u00fcber.html", "u\u0308ber.html", "separators or Unicode form", id="Unicode form"),
        pytest.param("a b.html", "a%20b.html", "percent-encoding", id="percent in the manifest"),
        pytest.param("a%20b.html", "a b.html", "percent-encoding", id="percent in the zip"),
        pytest.param("100%.html", "100%.html", "", id="a real percent sign"),
    ],
)
def test_a_file_is_found_under_the_ways_in_which_it_is_asked_for(stored, asked, difference):
    index = archive.check(zips.zipped({stored: "x"})).index

    resolution = index.resolve(asked)

    assert resolution is not None
    assert (resolution.member.name, resolution.difference) == (stored, difference)
    assert index.find("other.html") is None


@pytest.mark.parametrize(
    ("raw", "asked"),
    [
        pytest.param("übung.html".encode("cp437"), "übung.html", id="the format's own code page"),
        pytest.param("übung.html".encode("cp1252"), "übung.html", id="Windows"),
        pytest.param("übung.html".encode(), "übung.html", id="UTF-8 that is not declared"),
        pytest.param("練習.html".encode("shift_jis"), "練習.html", id="Japanese Windows"),
        pytest.param("练习.html".encode("gb18030"), "练习.html", id="Chinese Windows"),
    ],
)
def test_names_in_old_encodings_are_found(raw, asked):
    assert archive.check(zips.named(raw)).index.find(asked)


def test_an_index_is_small_and_comes_back_the_same():
    file = zips.zipped({f"scormcontent/lib/lesson{n}/résumé_{n}.js": f"content {n}" * n for n in range(500)})
    index = archive.check(file).index

    blob = index.to_bytes()

    assert Index.from_bytes(blob).members == index.members
    assert len(blob) < 40 * len(index)
    with pytest.raises(ValueError, match="version"):
        Index.from_bytes(b"else" + blob)


def test_a_deflated_file_passes_through_as_gzip():
    text = b"<html>" + b"learning " * 5000
    file = zips.zipped({"index.html": text})
    member = archive.check(file).index.members[0]

    sent = b"".join(archive.gzip_stream(file, member))

    assert gzip.decompress(sent) == text
    assert len(sent) == member.gzip_size


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize(
    ("start", "stop"), [(0, None), (0, 1), (499_990, 500_010), (999_999, None), (5, 5), (0, 10**9)]
)
def test_any_range_of_any_file_can_be_served(method, start, stop):
    film = noise(1_000_000)
    file = zips.zipped({"film.mp4": film}, method=method)
    member = archive.check(file).index.members[0]

    sent = b"".join(archive.content(file, member, start, stop))

    assert sent == film[start:stop]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_empty_file_and_one_of_a_chunk_come_out_whole(method):
    files = {"empty.js": b"", "chunk.bin": bytes(archive.CHUNK), "more.bin": b"ab" * archive.CHUNK}
    file = zips.zipped(files, method=method)

    assert {name: content_of(file, name) for name in files} == files


def test_progress_counts_files():
    told = []

    archive.check(zips.zipped({"a": "1", "b": "2", "c": "3"}), progress=lambda done, of: told.append((done, of)))

    assert told == [(1, 3), (2, 3), (3, 3)]


def test_types_come_from_the_table_and_pages_carry_no_charset():
    names = ["a.HTML", "b.js", "c.mp4", "d.wasm", "e.unknown", "noext"]
    index = archive.check(zips.zipped(dict.fromkeys(names, "x"))).index

    types = [member.content_type for member in index.members]

    assert types == ["text/html", "text/javascript", "video/mp4", "application/wasm"] + ["application/octet-stream"] * 2


SAMPLE = zips.zipped({"imsmanifest.xml": "<manifest/>", "a/b.html": "x" * 500, "c.bin": bytes(range(256))}).getvalue()


@given(st.binary(max_size=400))
def test_no_bytes_make_the_check_stumble(data):
    for candidate in (data, b"PK\x03\x04" + data, data + SAMPLE[-22:], SAMPLE[:-60] + data + SAMPLE[-60:]):
        checked_or_refused(candidate)


@given(st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), min_size=1, max_size=12))
def test_no_change_to_a_zip_makes_the_check_stumble(changes):
    data = bytearray(SAMPLE)
    for position, value in changes:
        data[position] = value
    checked_or_refused(bytes(data))


@given(st.integers(0, len(SAMPLE)), st.integers(0, len(SAMPLE)), st.binary(max_size=30))
def test_no_splice_of_a_zip_makes_the_check_stumble(start, stop, between):
    checked_or_refused(SAMPLE[:start] + between + SAMPLE[stop:])


def checked_or_refused(data):
    file = io.BytesIO(data)
    try:
        index = archive.check(file).index
    except Refused:
        return
    for member in index.members:
        assert ".." not in member.name.split("/")
        assert zlib.crc32(b"".join(archive.content(file, member))) == member.crc
    assert Index.from_bytes(index.to_bytes()).members == index.members
