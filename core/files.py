"""Files: bytes kept once under their SHA-256, written and synced before any row points to them.

A local folder by default, or an S3 bucket. What no row points to is swept after a day.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import exists, select

from core import clock
from core.buckets import Bucket
from core.db import Base, Session, organization_of
from core.errors import NotFound, TooLarge
from core.tables import File

CHUNK = 1 << 20


@dataclass(frozen=True)
class StoredFile:
    """Bytes in storage: SHA-256 in hex, and their number."""

    sha256: str
    size: int


class Files:
    """Content-addressed files: of a folder (file:/path) or of a bucket (s3://bucket/prefix, see core/buckets.py)."""

    def __init__(self, storage_url: str) -> None:
        scheme, _, path = storage_url.partition(":")
        if scheme == "s3":
            self._kept: Folder | Bucket = Bucket(storage_url)
        elif scheme == "file":
            self._kept = Folder(Path(path))
        else:
            raise ValueError(f"STORAGE_URL {storage_url!r}: use file:/path or s3://bucket/prefix")

    @property
    def folder(self) -> Path:
        """Where a folder's files lie."""
        if not isinstance(self._kept, Folder):
            raise TypeError("these files are in a bucket")
        return self._kept.folder

    def put(self, source: BinaryIO | bytes, *, limit: int | None = None) -> StoredFile:
        """Keep the bytes; the same bytes are kept once. Raises TooLarge over `limit`, leaving nothing behind.

        Raises Unavailable when a bucket does not answer.
        """
        return StoredFile(*self._kept.put(_chunks(source), limit))

    def open(self, sha256: str) -> BinaryIO:
        """Open the bytes for reading (seekable). Raises NotFound, Unavailable."""
        return self._kept.open(sha256)

    def delete(self, sha256: str) -> None:
        """Remove the bytes, if they are there."""
        self._kept.delete(sha256)

    def is_ready(self) -> bool:
        """Tell whether storage answers and can be written to."""
        return self._kept.is_ready()

    def older_than(self, seconds: float) -> Iterator[str]:
        """Return the hashes of files that have lain in storage longer than `seconds`."""
        return self._kept.older_than(seconds)


class Folder:
    """A folder of content-addressed files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, source: Iterator[bytes], limit: int | None) -> tuple[str, int]:
        """Write and sync the bytes, then give them their name."""
        digest, size = hashlib.sha256(), 0
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix="incoming-", delete=False) as file:
            try:
                for chunk in source:
                    size += len(chunk)
                    if limit is not None and size > limit:
                        raise TooLarge(f"The file is larger than {limit:,} bytes.")
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
                final = self._place(digest.hexdigest())
                final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                Path(file.name).replace(final)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
        _sync_folder(final.parent)
        return digest.hexdigest(), size

    def open(self, sha256: str) -> BinaryIO:
        """Open the bytes. Raises NotFound."""
        try:
            return self._place(sha256).open("rb")
        except FileNotFoundError:
            raise NotFound(f"File {sha256[:12]}… is not in storage.") from None

    def delete(self, sha256: str) -> None:
        """Remove the bytes, if they are there."""
        self._place(sha256).unlink(missing_ok=True)

    def is_ready(self) -> bool:
        """Tell whether the folder can be written to."""
        return os.access(self.folder, os.W_OK)

    def older_than(self, seconds: float) -> Iterator[str]:
        """Return the hashes of files that have lain here longer than `seconds`."""
        limit = clock.now().timestamp() - seconds
        for place in self.folder.glob("??/*"):
            if place.stat().st_mtime < limit:
                yield place.name

    def _place(self, sha256: str) -> Path:
        if len(sha256) != 64 or not all(c in "0123456789abcdef" for c in sha256):
            raise NotFound("Not a file's hash.")
        return self.folder / sha256[:2] / sha256


def keep(session: Session, stored: StoredFile, *, media_type: str, name: str) -> File:
    """Write the row by which this tenant holds on to stored bytes."""
    row = File(
        sha256=stored.sha256,
        size_bytes=stored.size,
        media_type=media_type,
        original_name=name[:255],
        created_at=clock.now(),
    )
    session.add(row)
    session.flush()
    return row


def get(session: Session, file_id: UUID) -> File:
    """Return the tenant's file row. Raises NotFound."""
    row = session.get(File, (organization_of(session), file_id))
    if row is None:
        raise NotFound("There is no such file.")
    return row


def unreferenced(session: Session) -> list[File]:
    """Return the tenant's file rows that no row of any room points to."""
    query = select(File)
    for table in Base.metadata.sorted_tables:
        for key in table.foreign_key_constraints:
            if key.referred_table is File.__table__:
                column = next(c for c in key.columns if c.name != "organization_id")
                query = query.where(~exists().where(column == File.id).correlate(File))
    return list(session.scalars(query))


def _chunks(source: BinaryIO | bytes) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    while chunk := source.read(CHUNK):
        yield chunk


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
