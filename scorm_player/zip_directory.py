"""The directory of a zip file, read as APPNOTE 6.3 describes it: what each entry claims, and where its bytes lie.

Written out rather than left to `zipfile`, because a checker needs what that module hides: names cut at NUL,
header pairs that contradict each other, entries that overlap.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from scorm_player.findings import Refused

END = struct.Struct("<4s4H2LH")
END_SIGNATURE = b"PK\x05\x06"
LONGEST_COMMENT = 0xFFFF
END64_LOCATOR = struct.Struct("<4sLQL")
END64_LOCATOR_SIGNATURE = b"PK\x06\x07"
END64 = struct.Struct("<4sQ2H2L4Q")
END64_SIGNATURE = b"PK\x06\x06"
CENTRAL = struct.Struct("<4s6H3L5H2L")
CENTRAL_SIGNATURE = b"PK\x01\x02"
LOCAL = struct.Struct("<4s5H3L2H")
LOCAL_SIGNATURE = b"PK\x03\x04"

NO_FILE_IS_LONGER = 1 << 42  # places beyond what a file system can reach are answered with an error of its own

LATER_16 = 0xFFFF
LATER_32 = 0xFFFFFFFF  # "see the zip64 field"
ZIP64_FIELD = 0x0001
UNICODE_PATH_FIELD = 0x7075

ENCRYPTED = 0x0001 | 0x0040 | 0x2000
SIZES_FOLLOW = 0x0008
NAME_IS_UTF8 = 0x0800
AES = 99


@dataclass(frozen=True)
class Entry:
    """One central directory header. `header_offset` counts from the start of the file."""

    raw_name: bytes
    unicode_name: bytes | None
    flags: int
    method: int
    crc: int
    compressed_size: int
    size: int
    header_offset: int
    made_on: int
    attributes: int

    @property
    def unix_mode(self) -> int:
        """The file mode, when a Unix-like system wrote the entry, else 0."""
        return self.attributes >> 16 if self.made_on in (3, 19) else 0

    @property
    def is_encrypted(self) -> bool:
        """Whether a password is needed."""
        return bool(self.flags & ENCRYPTED) or self.method == AES


@dataclass(frozen=True)
class Directory:
    """Where the central directory lies, and how many entries it claims to hold."""

    offset: int
    size: int
    count: int
    shift: int  # bytes in front of the zip, to be added to every offset in it
    trailing: int  # bytes behind it


def size_of(file: BinaryIO) -> int:
    """Return the file's length in bytes."""
    return file.seek(0, os.SEEK_END)


def read_at(file: BinaryIO, offset: int, length: int) -> bytes:
    """Read exactly `length` bytes, or refuse the file as cut off."""
    file.seek(min(offset, NO_FILE_IS_LONGER))
    data = file.read(length)
    if len(data) != length:
        raise damaged("The file ends in the middle of its contents.")
    return data


def damaged(message: str, name: str = "") -> Refused:
    """The refusal of a zip that contradicts itself or is cut off."""
    return Refused(
        "zip.damaged",
        message,
        "Export the package again and upload the new file; the transfer may have failed.",
        file=name,
    )


def locate(file: BinaryIO) -> Directory:
    """Find the end record, and its zip64 companion where there is one."""
    length = size_of(file)
    tail_length = min(length, END.size + LONGEST_COMMENT)
    file.seek(length - tail_length)
    tail = file.read(tail_length)
    found = find_end(tail)
    if found is None and length >= LOCAL.size and read_at(file, 0, 4) == LOCAL_SIGNATURE:
        raise damaged("The file begins like a zip, but its end is missing.")
    if found is None:
        raise Refused(
            "zip.not_a_zip",
            "This is not a zip file.",
            "Upload the course as the .zip file that the authoring tool publishes.",
        )
    end = length - tail_length + found
    _, disk, start_disk, here, count, size, offset, comment = END.unpack_from(tail, found)
    trailing = max(0, length - end - END.size - comment)
    close = end
    zip64 = find_zip64(file, end)
    if zip64 is not None:
        close, disk, start_disk, here, count, size, offset = zip64
    if disk != start_disk or here != count or disk not in (0, LATER_16):
        raise Refused(
            "zip.split", "The zip is split over several files.", "Publish the package as one single zip file."
        )
    shift = close - size - offset
    if shift < 0:
        raise damaged("The zip's directory does not lie where its end record says.")
    return Directory(offset + shift, size, count, shift, trailing)


def find_end(tail: bytes) -> int | None:
    """Return where the end record starts: the last one whose comment closes the file, else simply the last one."""
    last = position = tail.rfind(END_SIGNATURE, 0, max(0, len(tail) - END.size + 4))
    while position >= 0:
        comment = END.unpack_from(tail, position)[-1]
        if position + END.size + comment == len(tail):
            return position
        position = tail.rfind(END_SIGNATURE, 0, position)
    return last if last >= 0 else None


def find_zip64(file: BinaryIO, end: int) -> tuple[int, int, int, int, int, int, int] | None:
    """Return (position, disk, start disk, entries here, entries, size, offset) of the zip64 end record."""
    at = end - END64_LOCATOR.size
    if at < 0:
        return None
    signature, _, offset, disks = END64_LOCATOR.unpack(read_at(file, at, END64_LOCATOR.size))
    if signature != END64_LOCATOR_SIGNATURE:
        return None
    if disks > 1:
        raise Refused(
            "zip.split", "The zip is split over several files.", "Publish the package as one single zip file."
        )
    # With bytes in front of the zip the noted offset is too small; the record then lies right before its locator.
    for position in (offset, at - END64.size):
        if 0 <= position <= at - END64.size:
            record = END64.unpack(read_at(file, position, END64.size))
            if record[0] == END64_SIGNATURE:
                _, _, _, _, disk, start_disk, here, count, size, directory = record
                return position, disk, start_disk, here, count, size, directory
    raise damaged("The zip64 end record is missing.")


def entries(file: BinaryIO, directory: Directory) -> Iterator[Entry]:
    """Yield the central directory's entries in their order."""
    data = read_at(file, directory.offset, directory.size)
    position = found = 0
    while data[position : position + 4] == CENTRAL_SIGNATURE:
        if position + CENTRAL.size > len(data):
            raise damaged("The zip's directory is cut off.")
        fields = CENTRAL.unpack_from(data, position)
        made_by, flags, method = fields[1], fields[3], fields[4]
        crc, compressed, size, name_length, extra_length, comment_length = fields[7:13]
        attributes, offset = fields[15], fields[16]
        position += CENTRAL.size
        name = data[position : position + name_length]
        extra = data[position + name_length : position + name_length + extra_length]
        position += name_length + extra_length + comment_length
        if position > len(data):
            raise damaged("The zip's directory is cut off.")
        size, compressed, offset = zip64_values(extra, size, compressed, offset)
        yield Entry(
            raw_name=name,
            unicode_name=unicode_path(extra, name),
            flags=flags,
            method=method,
            crc=crc,
            compressed_size=compressed,
            size=size,
            header_offset=offset + directory.shift,
            made_on=made_by >> 8,
            attributes=attributes,
        )
        found += 1
    # Programs without zip64 let the count run over at 65 536.
    if found & LATER_16 != directory.count & LATER_16:
        raise damaged("The zip's directory holds another number of files than its end record says.")


def data_offset(file: BinaryIO, entry: Entry, name: str) -> int:
    """Return where the entry's bytes begin, after holding its local header against the central one.

    Two headers that disagree show one reader a different package than another, which is how checks are evaded.
    """
    signature, _, flags, method, _, _, crc, compressed, size, name_length, extra_length = LOCAL.unpack(
        read_at(file, entry.header_offset, LOCAL.size)
    )
    if signature != LOCAL_SIGNATURE:
        raise damaged("The zip's directory points to a place where no file begins.", name)
    variable = read_at(file, entry.header_offset + LOCAL.size, name_length + extra_length)
    extra = variable[name_length:]
    size, compressed, _ = zip64_values(extra, size, compressed, 0)
    later = bool(flags & SIZES_FOLLOW)
    facts = [
        (variable[:name_length], entry.raw_name, False),
        (method, entry.method, False),
        (flags & ENCRYPTED, entry.flags & ENCRYPTED, False),
        (crc, entry.crc, later),
        (compressed, entry.compressed_size, later),
        (size, entry.size, later),
    ]
    if any(local != central and not (may_be_zero and local == 0) for local, central, may_be_zero in facts):
        raise Refused(
            "zip.headers_differ",
            "The zip describes this file twice, and the two descriptions differ.",
            "Create the zip again with an ordinary zip program.",
            file=name,
        )
    return entry.header_offset + LOCAL.size + int(name_length) + int(extra_length)


def zip64_values(extra: bytes, size: int, compressed: int, offset: int) -> tuple[int, int, int]:
    """Replace the values that say "see the zip64 field" by those of the field."""
    if LATER_32 not in (size, compressed, offset):
        return size, compressed, offset
    field = next((body for kind, body in extra_fields(extra) if kind == ZIP64_FIELD), b"")
    values = iter(struct.unpack_from(f"<{len(field) // 8}Q", field))
    try:
        size = next(values) if size == LATER_32 else size
        compressed = next(values) if compressed == LATER_32 else compressed
        offset = next(values) if offset == LATER_32 else offset
    except StopIteration:
        raise damaged("The zip64 field of an entry is missing.") from None
    return size, compressed, offset


def unicode_path(extra: bytes, raw_name: bytes) -> bytes | None:
    """Return the Info-ZIP Unicode path, if there is one and it belongs to this very name."""
    for kind, body in extra_fields(extra):
        if kind == UNICODE_PATH_FIELD and len(body) > 5 and body[0] == 1:
            (crc,) = struct.unpack_from("<L", body, 1)
            if crc == zlib.crc32(raw_name):
                return body[5:]
    return None


def extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (kind, body) of an extra block; a broken rest is left out."""
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        yield kind, extra[position + 4 : position + 4 + length]
        position += 4 + length
