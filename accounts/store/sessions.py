"""Queries on browser sessions and on sign-in, which precede the tenant."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text, update

from accounts.tables import AuthSession
from core.db import Session


def sign_in_candidates(session: Session, email: str) -> list[tuple[UUID, UUID]]:
    """Return (user id, organization id) of every active membership behind an e-mail."""
    rows = session.execute(text("SELECT user_id, organization_id FROM sign_in_candidates(:email)"), {"email": email})
    return [(row.user_id, row.organization_id) for row in rows]


def organization_by_token(session: Session, token_hash: str) -> tuple[UUID, UUID] | None:
    """Return (session id, organization id) of a live browser session."""
    row = session.execute(
        text("SELECT session_id, organization_id FROM session_by_token(:hash)"), {"hash": token_hash}
    ).one_or_none()
    return None if row is None else (row.session_id, row.organization_id)


def live(session: Session, session_id: UUID, now: datetime) -> AuthSession | None:
    """Return the browser session if it has neither expired nor been revoked."""
    query = select(AuthSession).where(
        AuthSession.id == session_id, AuthSession.revoked_at.is_(None), AuthSession.expires_at > now
    )
    return session.scalar(query)


def touch(session: Session, session_id: UUID, now: datetime) -> None:
    """Note that the browser was here."""
    session.execute(update(AuthSession).where(AuthSession.id == session_id).values(last_activity_at=now))


def revoke(session: Session, session_id: UUID, now: datetime) -> None:
    """End a browser session."""
    session.execute(
        update(AuthSession).where(AuthSession.id == session_id, AuthSession.revoked_at.is_(None)).values(revoked_at=now)
    )


def end_everywhere(session: Session, user_id: UUID, now: datetime, keep: UUID | None = None) -> None:
    """End a person's sessions in every organization, but for one."""
    session.execute(
        text("SELECT end_sessions(:person, :kept, :moment)"), {"person": user_id, "kept": keep, "moment": now}
    )


def end_here(session: Session, user_id: UUID, now: datetime) -> None:
    """End a person's sessions in this organization."""
    session.execute(
        update(AuthSession)
        .where(AuthSession.user_id == user_id, AuthSession.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def of_person(session: Session, user_id: UUID, now: datetime, idle_since: datetime) -> list[AuthSession]:
    """Return a person's live sessions in this organization, the latest used first."""
    query = (
        select(AuthSession)
        .where(
            AuthSession.user_id == user_id,
            AuthSession.revoked_at.is_(None),
            AuthSession.expires_at > now,
            AuthSession.last_activity_at > idle_since,
        )
        .order_by(AuthSession.last_activity_at.desc(), AuthSession.id)
    )
    return list(session.scalars(query))


def live_ones(session: Session, session_ids: Sequence[UUID], now: datetime) -> set[UUID]:
    """Return those of these browser sessions that have neither expired nor been revoked."""
    query = select(AuthSession.id).where(
        AuthSession.id.in_(session_ids), AuthSession.revoked_at.is_(None), AuthSession.expires_at > now
    )
    return set(session.scalars(query))
