"""Queries on browser sessions and on sign-in, which precede the tenant."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import literal, select, text, update

from accounts.tables import AuthSession, Membership, Organization, OrganizationTheme, User
from core.db import Session


def sign_in_candidates(session: Session, email: str) -> list[tuple[UUID, UUID]]:
    """Return (user id, organization id) of every active membership behind an e-mail."""
    rows = session.execute(text("SELECT user_id, organization_id FROM sign_in_candidates(:email)"), {"email": email})
    return [(row.user_id, row.organization_id) for row in rows]


def places_of(session: Session, user_id: UUID) -> list[UUID]:
    """Return the organizations a person may enter, whatever the tenant of the transaction."""
    return list(session.execute(text("SELECT places_of_person(:person)"), {"person": user_id}).scalars())


def place_by_slug(session: Session, slug: str) -> UUID | None:
    """Return the organization with this short name, whatever the tenant of the transaction."""
    return session.execute(text("SELECT organization_by_slug(:slug)"), {"slug": slug}).scalar()


def organization_by_token(session: Session, token_hash: str) -> tuple[UUID, UUID, bool] | None:
    """Return (session id, organization id, whether the person may enter others too) of a browser session."""
    row = session.execute(
        text("SELECT session_id, organization_id, is_elsewhere FROM browser_session(:hash)"), {"hash": token_hash}
    ).one_or_none()
    return None if row is None else (row.session_id, row.organization_id, row.is_elsewhere)


Behind = tuple[AuthSession, User, Membership, Organization, OrganizationTheme | None]


def behind(session: Session, session_id: UUID, now: datetime, *, seen_as: UUID | None = None) -> Behind | None:
    """Return all that recognizing a browser needs, in one question, unless its session has expired or been revoked.

    With `seen_as` it is that person of the organization in place of the session's own.
    """
    who = AuthSession.user_id if seen_as is None else literal(seen_as, AuthSession.user_id.type)
    here = Membership.organization_id == AuthSession.organization_id
    query = (
        select(AuthSession, User, Membership, Organization, OrganizationTheme)
        .join(Membership, here & (Membership.user_id == who))
        .join(User, User.id == Membership.user_id)
        .join(Organization, Organization.id == AuthSession.organization_id)
        .outerjoin(OrganizationTheme, OrganizationTheme.organization_id == AuthSession.organization_id)
        .where(AuthSession.id == session_id, AuthSession.revoked_at.is_(None), AuthSession.expires_at > now)
    )
    row = session.execute(query).one_or_none()
    return None if row is None else (row[0], row[1], row[2], row[3], row[4])


def touch(session: Session, session_id: UUID, now: datetime) -> None:
    """Note that the browser was here."""
    session.execute(update(AuthSession).where(AuthSession.id == session_id).values(last_activity_at=now))


def view_as(session: Session, session_id: UUID, user_id: UUID | None, until: datetime | None) -> None:
    """Note as whom a browser looks at the application, and until when."""
    session.execute(
        update(AuthSession).where(AuthSession.id == session_id).values(viewed_as=user_id, viewed_until=until)
    )


def proven(session: Session, session_id: UUID, now: datetime) -> None:
    """Note that whoever is at the browser has given a password or code."""
    session.execute(update(AuthSession).where(AuthSession.id == session_id).values(proven_at=now))


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


def end_of_provider(
    session: Session,
    provider_id: UUID,
    now: datetime,
    *,
    user_id: UUID | None = None,
    provider_session: str | None = None,
) -> int:
    """End the sessions a provider vouched for: one person's, one of its own sessions, or all; answer how many."""
    query = update(AuthSession).where(AuthSession.provider_id == provider_id, AuthSession.revoked_at.is_(None))
    if user_id is not None:
        query = query.where(AuthSession.user_id == user_id)
    if provider_session is not None:
        query = query.where(AuthSession.provider_session == provider_session)
    return len(session.execute(query.values(revoked_at=now).returning(AuthSession.id)).all())


def end_without_provider(session: Session, spared: Collection[UUID], now: datetime) -> int:
    """End the sessions opened by password, but for those of some people; answer how many."""
    query = update(AuthSession).where(
        AuthSession.provider_id.is_(None), AuthSession.revoked_at.is_(None), AuthSession.user_id.not_in(spared)
    )
    return len(session.execute(query.values(revoked_at=now).returning(AuthSession.id)).all())


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
