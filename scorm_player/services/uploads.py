"""Packages that come in pieces: begun, gone on with where they stopped, put together. The offsets are tus 1.0's.

Pieces are files like any others, so a bucket keeps them as a folder does. What a piece was no longer needed for goes
with the sweep of files, a day later: the same bytes may be coming in for somebody else just now.
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO, cast
from uuid import UUID

from core import audit, files
from core.db import Session, uuid7
from core.errors import Gone, Invalid, Problem, TooLarge
from core.files import Files, StoredFile
from scorm_player.errors import NotAPackage, TooManyUploads, WrongOffset
from scorm_player.findings import Refused
from scorm_player.services import packages
from scorm_player.store import packages as package_store
from scorm_player.store import uploads as store
from scorm_player.tables import PackageSource, PackageUpload, PackageUploadPiece

__all__ = ["PackageUpload"]

LIFETIME = timedelta(days=3)
"""How long an upload waits for its next piece, and how long a finished one can be asked what became of it."""

MOST_UNFINISHED = 5
MOST_PIECES = 20_000
LONGEST_METADATA = 2000
MEDIA_TYPE = "application/octet-stream"
_HASH = re.compile(r"[0-9a-f]{64}")
_UNKEEPABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class Told:
    """What whoever uploads says of the file: its name, its SHA-256 in hex or nothing, the page's mark of it."""

    header: str
    file_name: str = "package.zip"
    sha256: str = ""
    fingerprint: str = ""


def told_by(header: str) -> Told:
    """Read tus's Upload-Metadata: pairs of a key and a value in base64. Others than ours are kept as they are.

    Raises Invalid.
    """
    if len(header) > LONGEST_METADATA:
        raise _wrong(f"This is longer than {LONGEST_METADATA} characters.")
    given: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in header.split(","))):
        key, _, value = pair.partition(" ")
        try:
            given[key] = b64decode(value.encode("ascii"), validate=True).decode()
        except (NotBase64, UnicodeError):
            raise _wrong(f"The value of “{key[:40]}” is not UTF-8 in base64.") from None
    name = _UNKEEPABLE.sub("", given.get("filename", "")).strip()[-255:] or "package.zip"
    sha256, fingerprint = given.get("sha256", "").lower(), given.get("fingerprint", "")
    if sha256 and not _HASH.fullmatch(sha256):
        raise _wrong("“sha256” is 64 hexadecimal digits.")
    if len(fingerprint) > 64 or _UNKEEPABLE.search(fingerprint):
        raise _wrong("“fingerprint” has at most 64 characters.")
    return Told(header.strip(), name, sha256, fingerprint)


def begin(
    session: Session, size: int, told: Told, *, source: PackageSource, by: UUID, limit: int, now: datetime
) -> PackageUpload:
    """Begin an upload of `size` bytes, at most `limit`. Raises NotAPackage, TooLarge, TooManyUploads."""
    if size == 0:
        raise NotAPackage("The file is empty.")
    if size > limit:
        raise TooLarge(f"The file is larger than {limit:,} bytes.")
    store.lock_person(session, by)
    if len(store.unfinished(session, by, now)) >= MOST_UNFINISHED:
        raise TooManyUploads(f"{MOST_UNFINISHED} uploads of yours are unfinished. Go on with one of them or remove it.")
    upload = PackageUpload(
        id=uuid7(), file_name=told.file_name, size_bytes=size, offset_bytes=0, sha256=told.sha256,
        fingerprint=told.fingerprint, told=told.header, source=source, created_at=now, created_by=by,
        expires_at=now + LIFETIME,
    )  # fmt: skip
    session.add(upload)
    session.flush()
    details = {"file_name": upload.file_name, "size_bytes": size}
    audit.record(session, "package_upload.started", "package_upload", upload.id, details=details)
    return upload


def get(session: Session, upload_id: UUID, by: UUID, now: datetime) -> PackageUpload:
    """Return an upload that this person began. Raises NotFound, and Gone when its time is over."""
    return _living(store.get(session, upload_id, by), now)


def unfinished(session: Session, by: UUID, now: datetime) -> list[PackageUpload]:
    """Return what this person may go on with, newest first."""
    return store.unfinished(session, by, now)


def require_next(upload: PackageUpload, offset: int, length: int | None) -> None:
    """Check that a piece begins where the upload ends, and ends with it at the latest. Raises WrongOffset, TooLarge."""
    if offset != upload.offset_bytes:
        raise WrongOffset(upload.offset_bytes)
    if length is not None and offset + length > upload.size_bytes:
        raise TooLarge(f"The upload is {upload.size_bytes} bytes long; this goes beyond.")


def add_piece(
    session: Session, upload_id: UUID, offset: int, piece: StoredFile, *, by: UUID, home: str, now: datetime
) -> PackageUpload:
    """Note a piece whose bytes are in storage; with the last one the import begins.

    Of two writers at once the second finds that the upload has gone on. Raises WrongOffset, NotFound, Gone, Invalid.
    """
    upload = _living(store.get(session, upload_id, by, lock=True), now)
    require_next(upload, offset, piece.size)
    if store.count_pieces(session, upload_id) >= MOST_PIECES:
        raise Invalid(f"The upload came in {MOST_PIECES:,} pieces and is not complete. Begin again with larger ones.")
    held = files.keep(session, piece, media_type=MEDIA_TYPE, name=upload.file_name)
    session.add(PackageUploadPiece(upload_id=upload_id, starts_at=offset, file_id=held.id))
    upload.offset_bytes += piece.size
    upload.expires_at = now + LIFETIME
    if upload.offset_bytes == upload.size_bytes:
        _finish(session, upload, home, now)
    return upload


def _finish(session: Session, upload: PackageUpload, home: str, now: datetime) -> None:
    """Let the import begin; its job puts the pieces together first."""
    whole = StoredFile(upload.sha256, upload.size_bytes)
    begun = packages.receive(
        session, whole, file_name=upload.file_name, source=upload.source, home=home, created_by=upload.created_by,
        now=now,
    )  # fmt: skip
    upload.import_id = begun.id
    details = {"file_name": upload.file_name, "import_id": str(begun.id)}
    audit.record(session, "package_upload.finished", "package_upload", upload.id, details=details)


def remove(session: Session, upload_id: UUID, by: UUID) -> None:
    """Give an upload up; an import that has begun goes on. Raises NotFound."""
    upload = store.get(session, upload_id, by, lock=True)
    if upload.import_id is None:
        _forget(session, upload, "package_upload.removed")


def forget_expired(session: Session, now: datetime) -> int:
    """Forget the tenant's uploads whose time is over, and answer how many."""
    over = [upload for upload in store.expired(session, now) if not _is_waited_for(session, upload)]
    for upload in over:
        _forget(session, upload, "package_upload.expired")
    return len(over)


def _is_waited_for(session: Session, upload: PackageUpload) -> bool:
    """Whether an import has yet to put the pieces together."""
    return upload.import_id is not None and store.count_pieces(session, upload.id) > 0


def _forget(session: Session, upload: PackageUpload, action: str) -> None:
    if upload.import_id is None:
        details = {"file_name": upload.file_name, "offset_bytes": upload.offset_bytes, "size_bytes": upload.size_bytes}
        audit.record(session, action, "package_upload", upload.id, details=details)
    store.let_go(session, upload.id)
    session.delete(upload)


# --- putting together ---


def waiting_pieces(session: Session, import_id: UUID) -> list[str]:
    """Return where the pieces of an import are in storage, in order; none when there is nothing to put together."""
    upload = store.of_import(session, import_id)
    return store.hashes(session, upload.id) if upload is not None else []


def join(kept: Files, hashes: Sequence[str]) -> StoredFile:
    """Put pieces together in storage. Raises NotFound, Unavailable."""
    whole = _Joined(kept, hashes)
    try:
        return kept.put(cast("BinaryIO", whole))
    finally:
        whole.close()


def joined(session: Session, import_id: UUID, whole: StoredFile) -> None:
    """Note that the pieces of an import are one file now; they are let go."""
    package_store.get_import(session, import_id, lock=True).sha256 = whole.sha256
    if (upload := store.of_import(session, import_id)) is not None:
        store.let_go(session, upload.id)


def difference(session: Session, import_id: UUID) -> Refused | None:
    """Answer why an import's file is not to be kept when it is not the one that was announced."""
    upload = store.of_import(session, import_id)
    arrived = package_store.get_import(session, import_id).sha256
    if upload is None or upload.sha256 in ("", arrived):
        return None
    return Refused(
        "upload.changed",
        f"What arrived is not what was announced: its SHA-256 is {arrived}, not {upload.sha256}.",
        "Upload the file again; it was changed on the way, or while it was sent.",
    )


class _Joined:
    """Several stored files, read as one."""

    def __init__(self, kept: Files, hashes: Sequence[str]) -> None:
        self._kept, self._left = kept, list(hashes)
        self._open: BinaryIO | None = None

    def read(self, size: int) -> bytes:
        """Read at most so many bytes; none at the end of the last."""
        while self._open is not None or self._left:
            if self._open is None:
                self._open = self._kept.open(self._left.pop(0))
            if piece := self._open.read(size):
                return piece
            self.close()
        return b""

    def close(self) -> None:
        """Close what is open."""
        if self._open is not None:
            self._open.close()
            self._open = None


def _living(upload: PackageUpload, now: datetime) -> PackageUpload:
    if upload.expires_at <= now:
        raise Gone("The upload waited too long for its next piece. Begin it again.")
    return upload


def _wrong(what: str) -> Invalid:
    remedy = "Send keys with values in base64: filename d29ybGQuemlw,sha256 …"
    return Invalid(problems=[Problem("Upload-Metadata", what, remedy)])
