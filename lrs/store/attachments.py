"""Attachment data in the database: which file holds the bytes of a hash."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from core.db import Session, organization_of
from core.tables import File
from lrs.store.keys import joined_key, key
from lrs.tables import Attachment


def attachments_number(session: Session) -> int:
    """The advisory lock that whoever stores attachment data shares, and whoever deletes some has alone."""
    return int.from_bytes(joined_key("attachments", organization_of(session)).bytes[:8], "big", signed=True)


def known(session: Session, hashes: Iterable[str]) -> dict[str, tuple[str, int]]:
    """The stored SHA-256 and length per hash, as far as the data is here."""
    ids = [key(sha2) for sha2 in hashes]
    if not ids:
        return {}
    query = (
        select(Attachment.sha2, File.sha256, Attachment.length)
        .join(File, (File.organization_id == Attachment.organization_id) & (File.id == Attachment.file_id))
        .where(Attachment.organization_id == organization_of(session), Attachment.id.in_(ids))
    )
    return {row[0]: (row[1], row[2]) for row in session.execute(query)}


def add(session: Session, sha2: str, length: int, file_id: UUID) -> None:
    """Remember which file holds the bytes; the same bytes once. Whoever lets go of data waits, and for whom we wait."""
    session.execute(select(func.pg_advisory_xact_lock_shared(attachments_number(session))))
    row = {
        "organization_id": organization_of(session),
        "id": key(sha2),
        "sha2": sha2,
        "length": length,
        "file_id": file_id,
    }
    session.execute(insert(Attachment).values(row).on_conflict_do_nothing())
