"""The stored zip of a package: checked whole, indexed, its members served without unpacking.

A package is somebody else's file. `check` reads every byte of it once and refuses what could harm: entries that leave
the folder, two descriptions of one file, overlapping entries, bombs. What it lets through is an `Index`; with that and
the stored zip any member is served: deflated ones as gzip with nothing but a header and a trailer added, stored ones
as they lie, ranges of either.
"""

from __future__ import annotations

import itertools
import re
import stat
import struct
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import BinaryIO
from urllib.parse import unquote

from scorm_player import zip_directory
from scorm_player.content_types import content_type
from scorm_player.findings import Finding, Findings, Refused
from scorm_player.zip_directory import Entry, damaged

STORED = 0
DEFLATED = 8
CHUNK = 256 * 1024

GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
GZIP_EXTRA_BYTES = 18  # header and trailer

INDEX_FORMAT = b"STX1"
INDEX_ROW = struct.Struct("<QQQLBL")

# Older programs write names in the code page of their system and do not say which.
OLD_CODE_PAGES = ("cp1252", "cp850", "shift_jis", "gb18030")

Progress = Callable[[int, int], None]
"""Told (files checked, files in all) as the check goes on."""


@dataclass(frozen=True)
class Limits:
    """How large a package may be. Each is a setting, `PACKAGE_` and the field's name in capitals."""

    max_archive_bytes: int = 4 << 30
    max_files: int = 30_000
    max_file_bytes: int = 4 << 30
    max_total_bytes: int = 8 << 30
    max_ratio: int = 100  # unpacked to packed, of the whole package
    max_ratio_from_bytes: int = 128 << 20  # below this much content no ratio is called a bomb
    max_directory_bytes: int = 16 << 20
    max_name_length: int = 1000
    max_xml_bytes: int = 16 << 20  # a manifest or metadata file


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the package. `offset` is where its bytes begin in the zip, `crc` the CRC-32 of its content."""

    name: str
    offset: int
    compressed_size: int
    size: int
    method: int
    crc: int

    @property
    def is_deflated(self) -> bool:
        """Whether the bytes in the zip are a deflate stream, not the content itself."""
        return self.method == DEFLATED

    @property
    def content_type(self) -> str:
        """By the name's extension, from a table of ours."""
        return content_type(self.name)

    @property
    def etag(self) -> str:
        """A strong entity tag of the content, without quotes."""
        return f"{self.crc:08x}-{self.size:x}"

    @property
    def gzip_size(self) -> int:
        """How long `gzip_stream` is."""
        return self.compressed_size + GZIP_EXTRA_BYTES


@dataclass(frozen=True)
class Resolution:
    """A member found under a path that is not exactly its name, and why it is meant (a word for the report)."""

    member: Member
    difference: str = ""


class Index:
    """Which files the package holds, in the zip's order, and where their bytes lie."""

    def __init__(self, members: tuple[Member, ...]) -> None:
        self.members = members

    def __len__(self) -> int:
        return len(self.members)

    @property
    def total_bytes(self) -> int:
        """The size of all content, unpacked."""
        return sum(member.size for member in self.members)

    def find(self, path: str) -> Member | None:
        """Return the file meant by `path` (already percent-decoded once, as a web server gets it), or None."""
        resolution = self.resolve(path)
        return resolution.member if resolution else None

    def resolve(self, path: str) -> Resolution | None:
        """Return the file meant by `path`, and how the path differs from the file's name, most exact match first."""
        clean = unicodedata.normalize(
            "NFC", "/".join(s for s in path.replace("\\", "/").split("/") if s not in ("", "."))
        )
        if member := self._by_name.get(clean):
            return Resolution(member, "" if clean == path else "separators or Unicode form")
        folded = fold(clean)
        if member := self._by_fold.get(clean.casefold()) or self._by_fold.get(folded):
            same_letters = member.name.casefold() == clean.casefold()
            return Resolution(member, "capitals" if same_letters else "percent-encoding")
        if member := self._by_old_name.get(folded):
            return Resolution(member, "character encoding")
        return None

    def to_bytes(self) -> bytes:
        """Serialize: a format word, then compressed rows and names."""
        rows = [
            INDEX_ROW.pack(m.offset, m.compressed_size, m.size, m.crc, m.method, len(m.name.encode()))
            for m in self.members
        ]
        names = [m.name.encode() for m in self.members]
        return INDEX_FORMAT + zlib.compress(struct.pack("<L", len(rows)) + b"".join(rows) + b"".join(names))

    @classmethod
    def from_bytes(cls, blob: bytes) -> Index:
        """Read back what `to_bytes` wrote."""
        if not blob.startswith(INDEX_FORMAT):
            raise ValueError("not a package index of this version")
        data = zlib.decompress(blob[len(INDEX_FORMAT) :])
        (count,) = struct.unpack_from("<L", data)
        position = 4 + count * INDEX_ROW.size
        members = []
        for row in INDEX_ROW.iter_unpack(data[4:position]):
            offset, compressed_size, size, crc, method, length = row
            name = data[position : position + length].decode()
            position += length
            members.append(Member(name, offset, compressed_size, size, method, crc))
        return cls(tuple(members))

    @cached_property
    def _by_name(self) -> dict[str, Member]:
        return {member.name: member for member in self.members}

    @cached_property
    def _by_fold(self) -> dict[str, Member]:
        folded: dict[str, Member] = {}
        for member in self.members:
            folded.setdefault(member.name.casefold(), member)
        for member in self.members:
            folded.setdefault(fold(member.name), member)
        return folded

    @cached_property
    def _by_old_name(self) -> dict[str, Member]:
        """Names that were read as the zip format's own code page, read as the other likely ones."""
        names: dict[str, Member] = {}
        for member in self.members:
            if member.name.isascii():
                continue
            for code_page in OLD_CODE_PAGES:
                try:
                    other = member.name.encode("cp437").decode(code_page)
                except UnicodeError:
                    continue
                names.setdefault(fold(other), member)
        return names


@dataclass(frozen=True)
class Checked:
    """A zip that may be stored: its index, and what is odd about it but harmless."""

    index: Index
    findings: tuple[Finding, ...]


def fold(name: str) -> str:
    """The form in which names are compared when they do not match exactly."""
    return unicodedata.normalize("NFC", unquote(name)).casefold()


def check(file: BinaryIO, limits: Limits = Limits(), progress: Progress | None = None) -> Checked:
    """Read the whole zip once; return its index, or raise Refused with what is wrong and the remedy."""
    findings = Findings()
    require_size(zip_directory.size_of(file), limits)
    directory = zip_directory.locate(file)
    if directory.size > limits.max_directory_bytes:
        raise too_large("The zip's directory", directory.size, "max_directory_bytes", limits.max_directory_bytes)
    if directory.shift or directory.trailing:
        findings.note(
            "zip.foreign_bytes",
            "There are bytes before or behind the zip in this file; they are ignored.",
            "Create the zip again with an ordinary zip program.",
        )
    named = named_entries(file, directory, limits, findings)
    require_no_bomb(named, limits)
    members = [located(file, name, entry) for name, entry in named]
    require_apart(members, named, directory.offset)
    for done, member in enumerate(sorted(members, key=lambda m: m.offset)):
        verify(file, member)
        if progress is not None:
            progress(done + 1, len(members))
    return Checked(Index(tuple(members)), findings.all())


def require_size(size: int, limits: Limits) -> None:
    """Refuse a file that is larger than allowed before looking into it."""
    if size > limits.max_archive_bytes:
        raise too_large("The file", size, "max_archive_bytes", limits.max_archive_bytes)


def named_entries(
    file: BinaryIO, directory: zip_directory.Directory, limits: Limits, findings: Findings
) -> list[tuple[str, Entry]]:
    """Return the files with the names they will be served under; folders are left out."""
    named: dict[str, Entry] = {}
    in_capitals: dict[str, str] = {}
    for entry in zip_directory.entries(file, directory):
        raw = decoded_name(entry, findings)
        require_plain_file(entry, raw)
        name = safe_name(raw, limits)
        if not name or raw.endswith(("/", "\\")):
            continue
        if "\\" in raw:
            findings.note(
                "zip.back_slashes",
                "The zip separates folders by back-slashes; they are read as slashes.",
                "Create the zip with a program that follows the zip format.",
                file=name,
            )
        if name in named:
            raise Refused(
                "zip.duplicate",
                "The zip holds two files of this name.",
                "Remove one of the two, or create the zip again from the folder of the course.",
                file=name,
            )
        if (twin := in_capitals.setdefault(name.casefold(), name)) != name:
            findings.warn(
                "zip.capitals",
                f"“{twin}” has the same name but for capital letters.",
                "Give the two files different names: on many systems they are one.",
                file=name,
            )
        named[name] = entry
        if len(named) > limits.max_files:
            raise Refused(
                "zip.too_many_files",
                f"The package has more than {limits.max_files} files (limit {setting('max_files')}).",
                "Remove what the course does not need, split it, or ask the operator to raise the limit.",
            )
    return list(named.items())


def decoded_name(entry: Entry, findings: Findings) -> str:
    """Return the entry's name: UTF-8 where it is that, whether or not the zip says so, else the format's code page."""
    for raw in (entry.unicode_name, entry.raw_name):
        if raw is None:
            continue
        try:
            return raw.decode()
        except UnicodeDecodeError:
            continue
    name = entry.raw_name.decode("cp437")
    findings.note(
        "zip.name_encoding",
        "The name is not in UTF-8; pages that ask for it are matched by trying older encodings.",
        "Create the zip with a program that writes UTF-8 names.",
        file=name,
    )
    return name


def require_plain_file(entry: Entry, name: str) -> None:
    """Refuse links, devices, encrypted entries and methods that browsers cannot be served with."""
    mode = stat.S_IFMT(entry.unix_mode)
    if mode not in (0, stat.S_IFREG, stat.S_IFDIR):
        kind = "symbolic link" if mode == stat.S_IFLNK else "special file"
        raise Refused(
            "zip.not_a_file",
            f"The zip holds a {kind}, which could lead out of the package.",
            "Replace it by the file it means and create the zip again.",
            file=name,
        )
    if entry.is_encrypted:
        raise Refused("zip.encrypted", "The file is encrypted.", "Create the zip again without a password.", file=name)
    if entry.method not in (STORED, DEFLATED):
        raise Refused(
            "zip.method",
            f"The file is compressed by a method (number {entry.method}) that browsers do not understand.",
            'Create the zip again with the compression "Deflate".',
            file=name,
        )
    if entry.method == STORED and entry.compressed_size != entry.size:
        raise damaged("A file that is not compressed has two different sizes.", name)


def safe_name(raw: str, limits: Limits) -> str:
    """Return the path inside the package in its one normal form, or refuse one that leads out of it."""
    reason = ""
    path = raw.replace("\\", "/")
    if "\0" in raw:
        reason = "holds a NUL character"
    elif path.startswith("/"):
        reason = "starts at the root of a file system"
    elif re.match(r"[A-Za-z]:", path):
        reason = "names a drive"
    elif ".." in path.split("/"):
        reason = 'leads out of the package with ".."'
    elif len(path) > limits.max_name_length:
        reason = f"is longer than {limits.max_name_length} characters (limit {setting('max_name_length')})"
    if reason:
        raise Refused(
            "zip.unsafe_name",
            f"The name of a file in the zip {reason}.",
            "Create the zip again from inside the folder of the course, with an ordinary zip program.",
            file=raw[:200].replace("\0", "\\0"),
        )
    return unicodedata.normalize("NFC", "/".join(part for part in path.split("/") if part not in ("", ".")))


def require_no_bomb(named: list[tuple[str, Entry]], limits: Limits) -> None:
    """Refuse by the sizes the directory claims; `verify` later holds the content to those claims."""
    total = packed = 0
    for name, entry in named:
        if entry.size > limits.max_file_bytes:
            raise too_large("The file, unpacked,", entry.size, "max_file_bytes", limits.max_file_bytes, name)
        total += entry.size
        packed += entry.compressed_size
    if total > limits.max_total_bytes:
        raise too_large("The package, unpacked,", total, "max_total_bytes", limits.max_total_bytes)
    if total > limits.max_ratio_from_bytes and total > limits.max_ratio * packed:
        raise Refused(
            "zip.bomb",
            f"The content is more than {limits.max_ratio} times as large as the zip (limit {setting('max_ratio')}); "
            "that is what a file made to fill up servers looks like.",
            "Store film, sound and images uncompressed in the zip, or ask the operator to raise the limit.",
        )


def located(file: BinaryIO, name: str, entry: Entry) -> Member:
    """Return the member with the place of its bytes."""
    offset = zip_directory.data_offset(file, entry, name)
    return Member(name, offset, entry.compressed_size, entry.size, entry.method, entry.crc)


def require_apart(members: list[Member], named: list[tuple[str, Entry]], directory_offset: int) -> None:
    """Refuse entries that share bytes with each other or with the directory: one way to build a bomb."""
    spans = sorted((entry.header_offset, member.offset + member.compressed_size, member.name)
                   for member, (_, entry) in zip(members, named, strict=True))  # fmt: skip
    spans.append((directory_offset, directory_offset, ""))
    for (_, end, name), (following, _, _) in itertools.pairwise(spans):
        if end > following:
            raise Refused(
                "zip.overlap",
                "Two files share the same bytes of the zip.",
                "Create the zip again with an ordinary zip program.",
                file=name,
            )


def verify(file: BinaryIO, member: Member) -> None:
    """Read the member's content to its end and hold it against the size and the CRC the zip claims."""
    crc = 0
    for chunk in content(file, member):
        crc = zlib.crc32(chunk, crc)
    if crc != member.crc:
        raise damaged("The file's content does not match its checksum.", member.name)


def content(file: BinaryIO, member: Member, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
    """Yield the content's bytes from `start` to before `stop`; never more than the size that was checked."""
    stop = member.size if stop is None else min(stop, member.size)
    if not member.is_deflated:
        yield from raw_bytes(file, member, start, stop)
        return
    position = 0
    for chunk in inflated(file, member):
        first, last = max(start - position, 0), stop - position
        position += len(chunk)
        if first < len(chunk) and last > first:
            yield chunk[first:last]
        if position >= stop < member.size:
            return


def inflated(file: BinaryIO, member: Member) -> Iterator[bytes]:
    """Yield the whole content of a deflated member, refusing it as soon as it is larger than it claims."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    produced = 0
    for packed in raw_bytes(file, member, 0, member.compressed_size):
        waiting = packed
        while waiting and not inflater.eof:
            try:
                chunk = inflater.decompress(waiting, CHUNK)
            except zlib.error:
                raise damaged("The file's compressed content is broken.", member.name) from None
            waiting = inflater.unconsumed_tail
            produced += len(chunk)
            if produced > member.size:
                raise Refused(
                    "zip.bomb",
                    "The file unpacks to more than the size it claims.",
                    "Create the zip again with an ordinary zip program.",
                    file=member.name,
                )
            if chunk:
                yield chunk
        if inflater.unused_data:
            break
    while not inflater.eof:
        chunk = inflater.decompress(b"", CHUNK)
        if not chunk:
            break
        produced += len(chunk)
        yield chunk
    if produced != member.size or not inflater.eof or inflater.unused_data:
        raise damaged("The file's compressed content does not have the size the zip claims.", member.name)


def raw_bytes(file: BinaryIO, member: Member, start: int, stop: int) -> Iterator[bytes]:
    """Yield the bytes as they lie in the zip, from `start` to before `stop`, counted from the member's first."""
    file.seek(member.offset + start)
    missing = stop - start
    while missing > 0:
        chunk = file.read(min(CHUNK, missing))
        if not chunk:
            raise damaged("The file ends in the middle of its contents.", member.name)
        missing -= len(chunk)
        yield chunk


def gzip_stream(file: BinaryIO, member: Member) -> Iterator[bytes]:
    """Yield a deflated member as a gzip file: the bytes as they lie, between a header and a trailer (RFC 1952)."""
    yield GZIP_HEADER
    yield from raw_bytes(file, member, 0, member.compressed_size)
    yield struct.pack("<LL", member.crc, member.size & 0xFFFFFFFF)


def read(file: BinaryIO, member: Member, limit: int) -> bytes:
    """Return the whole content of a small file, refusing one above `limit` bytes."""
    if member.size > limit:
        raise too_large("The file", member.size, "max_xml_bytes", limit, member.name)
    return b"".join(content(file, member))


def below(index: Index, root: str) -> Index:
    """Return the index of the folder `root` ("" or with a slash at its end), names counted from there.

    What differs from it in capitals alone is the same folder, as it is where most packages are made; of two files that
    are one then, that of the folder in its own letters counts.
    """
    if not root:
        return index
    depth = root.count("/")
    inside = [member for member in index.members if member.name.casefold().startswith(root.casefold())]
    first: dict[str, Member] = {}
    for member in sorted(inside, key=lambda one: not one.name.startswith(root)):
        first.setdefault("/".join(member.name.split("/")[depth:]), member)
    kept = {member.name: name for name, member in first.items()}
    return Index(tuple(replace(member, name=kept[member.name]) for member in inside if member.name in kept))


def setting(field: str) -> str:
    """The name under which an operator finds a limit."""
    return f"PACKAGE_{field.upper()}"


def too_large(what: str, size: int, field: str, limit: int, name: str = "") -> Refused:
    """The refusal that names the limit which was passed."""
    return Refused(
        "zip.too_large",
        f"{what} has {megabytes(size)}; the limit is {megabytes(limit)} ({setting(field)}).",
        "Compress film and images, split the course, or ask the operator to raise the limit.",
        file=name,
    )


def megabytes(size: int) -> str:
    """A size for people."""
    return f"{size / (1 << 20):,.1f} MB"


@dataclass(frozen=True)
class Folder:
    """The files of a package as the readers of manifests see them: found by path, read when small."""

    file: BinaryIO
    index: Index

    def resolve(self, path: str) -> Resolution | None:
        """Return the file meant by `path`."""
        return self.index.resolve(path)

    def read(self, name: str, limit: int) -> bytes | None:
        """Return the content of the file of exactly this name, None when there is none or it is above `limit` bytes."""
        member = self.index.find(name)
        if member is None or member.size > limit:
            return None
        return read(self.file, member, limit)
