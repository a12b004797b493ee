"""Zip files for tests: ordinary ones, and the ways in which they go wrong."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping

Contents = Mapping[str, bytes | str]


def zipped(files: Contents, *, method: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    """An ordinary zip of these files."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, archive.compression)
    target.seek(0)
    return target


def named(raw: bytes, content: bytes = b"x") -> io.BytesIO:
    """A zip of one file whose name is exactly these bytes in both headers, encoding unsaid."""
    placeholder = b"n" * len(raw)
    return io.BytesIO(zipped({placeholder.decode(): content}).getvalue().replace(placeholder, raw))


def patched(file: io.BytesIO, signature: bytes, at: int, form: str, value: int) -> io.BytesIO:
    """The same zip with one field of the first header of this kind overwritten."""
    data = bytearray(file.getvalue())
    struct.pack_into(form, data, data.index(signature) + at, value)
    return io.BytesIO(bytes(data))


def with_mode(name: str, content: bytes, mode: int) -> io.BytesIO:
    """A zip of one entry with a Unix file mode."""
    target = io.BytesIO()
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(info, content)
    return target
