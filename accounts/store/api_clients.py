"""Queries on API clients."""

from uuid import UUID

from sqlalchemy import select, text

from accounts.tables import ApiClient
from core.db import Session


def find_by_prefix(session: Session, prefix: str) -> tuple[UUID, UUID] | None:
    """Return (client id, organization id) of whoever has this prefix, in whatever organization."""
    row = session.execute(
        text("SELECT client_id, organization_id FROM api_client_by_prefix(:prefix)"), {"prefix": prefix}
    ).one_or_none()
    return None if row is None else (row.client_id, row.organization_id)


def find(session: Session, client_id: UUID, *, lock: bool = False) -> ApiClient | None:
    """Return the organization's client."""
    query = select(ApiClient).where(ApiClient.id == client_id)
    return session.scalar(query.with_for_update() if lock else query)


def listed(session: Session) -> list[ApiClient]:
    """Return all clients, newest first."""
    return list(session.scalars(select(ApiClient).order_by(ApiClient.created_at.desc(), ApiClient.id)))


def labels(session: Session) -> dict[UUID, str]:
    """Return what the organization's clients are called."""
    return {row[0]: row[1] for row in session.execute(select(ApiClient.id, ApiClient.label))}
