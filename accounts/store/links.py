"""Queries on one-time tokens."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text, update

from accounts.tables import OneTimeToken, TokenPurpose
from core.db import Session


def organization_of(session: Session, token_hash: str) -> UUID | None:
    """Return which organization a token belongs to, whatever the tenant of the transaction."""
    return session.execute(text("SELECT organization_by_link(:hash)"), {"hash": token_hash}).scalar()


def find_open(session: Session, token_hash: str, purpose: TokenPurpose, now: datetime) -> OneTimeToken | None:
    """Return the token if it still works for this purpose."""
    query = select(OneTimeToken).where(
        OneTimeToken.token_hash == token_hash,
        OneTimeToken.purpose == purpose,
        OneTimeToken.used_at.is_(None),
        OneTimeToken.expires_at > now,
    )
    return session.scalar(query)


def find_open_locked(session: Session, token_hash: str, purpose: TokenPurpose, now: datetime) -> OneTimeToken | None:
    """Return the token like `find_open`, locked: of two requests at once, only one gets it unused."""
    query = select(OneTimeToken).where(OneTimeToken.token_hash == token_hash).with_for_update()
    row = session.scalar(query)
    usable = row is not None and row.purpose is purpose and row.used_at is None and row.expires_at > now
    return row if usable else None


def retire(session: Session, user_id: UUID, now: datetime, purpose: TokenPurpose | None = None) -> None:
    """Make a person's open tokens useless: those of one purpose, or all."""
    query = update(OneTimeToken).where(OneTimeToken.user_id == user_id, OneTimeToken.used_at.is_(None))
    if purpose is not None:
        query = query.where(OneTimeToken.purpose == purpose)
    session.execute(query.values(used_at=now))


def made_since(session: Session, user_id: UUID, purpose: TokenPurpose, since: datetime) -> int:
    """Return how many tokens of this purpose a person was sent since then."""
    query = select(func.count()).where(
        OneTimeToken.user_id == user_id, OneTimeToken.purpose == purpose, OneTimeToken.created_at > since
    )
    return session.scalar(query) or 0
