"""Queries on recovery codes."""

from uuid import UUID

from sqlalchemy import delete, func, select

from accounts.tables import RecoveryCode
from core.db import Session


def find_unused(session: Session, user_id: UUID, code_hash: str) -> RecoveryCode | None:
    """Return a person's unused code, locked: of two requests at once, one gets it."""
    query = (
        select(RecoveryCode)
        .where(RecoveryCode.user_id == user_id, RecoveryCode.code_hash == code_hash, RecoveryCode.used_at.is_(None))
        .with_for_update()
    )
    return session.scalar(query)


def count_unused(session: Session, user_id: UUID) -> int:
    """Return how many codes a person has left."""
    query = select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return session.scalar(query) or 0


def forget(session: Session, user_id: UUID) -> None:
    """Delete a person's codes, used and unused."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
