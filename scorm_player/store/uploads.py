"""Queries on uploads that come in pieces."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select

from core.db import Session, organization_of
from core.errors import NotFound
from core.tables import File
from scorm_player.tables import PackageUpload, PackageUploadPiece


def get(session: Session, upload_id: UUID, created_by: UUID, *, lock: bool = False) -> PackageUpload:
    """Return an upload that this person began. Raises NotFound."""
    query = select(PackageUpload).where(PackageUpload.id == upload_id, PackageUpload.created_by == created_by)
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound("There is no such upload.")
    return row


def of_import(session: Session, import_id: UUID) -> PackageUpload | None:
    """Return the upload that an import came from, while it is kept."""
    return session.scalar(select(PackageUpload).where(PackageUpload.import_id == import_id))


def unfinished(session: Session, created_by: UUID, now: datetime) -> list[PackageUpload]:
    """Return what a person may go on with, newest first."""
    query = select(PackageUpload).where(
        PackageUpload.created_by == created_by, PackageUpload.import_id.is_(None), PackageUpload.expires_at > now
    )
    return list(session.scalars(query.order_by(PackageUpload.created_at.desc(), PackageUpload.id)))


def expired(session: Session, now: datetime) -> list[PackageUpload]:
    """Return the tenant's uploads whose time is over, locked; those that get a piece just now are passed over."""
    query = select(PackageUpload).where(PackageUpload.expires_at <= now).with_for_update(skip_locked=True)
    return list(session.scalars(query))


def lock_person(session: Session, created_by: UUID) -> None:
    """Let two uploads that one person begins at once wait for each other, until the end of the transaction."""
    key = func.hashtextextended(f"uploads {organization_of(session)} {created_by}", 0)
    session.execute(select(func.pg_advisory_xact_lock(key)))


def count_pieces(session: Session, upload_id: UUID) -> int:
    """Return in how many pieces an upload has come so far."""
    query = select(func.count()).where(PackageUploadPiece.upload_id == upload_id)
    return session.scalar(query) or 0


def hashes(session: Session, upload_id: UUID) -> list[str]:
    """Return where an upload's pieces are in storage (their SHA-256), in order."""
    query = (
        select(File.sha256)
        .join(PackageUploadPiece, PackageUploadPiece.file_id == File.id)
        .where(PackageUploadPiece.upload_id == upload_id)
        .order_by(PackageUploadPiece.starts_at)
    )
    return list(session.scalars(query))


def let_go(session: Session, upload_id: UUID) -> None:
    """Forget an upload's pieces, and hold on to their bytes no longer."""
    query = delete(PackageUploadPiece).where(PackageUploadPiece.upload_id == upload_id)
    held = list(session.scalars(query.returning(PackageUploadPiece.file_id)))
    session.execute(delete(File).where(File.id.in_(held)))
