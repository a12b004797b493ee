"""Organizations: making a tenant, and listing tenants for the installation's own duties."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from accounts.tables import Organization
from core.db import Session, uuid7


def create(session: Session, *, name: str, slug: str, code: str, now: datetime, timezone: str = "UTC") -> UUID:
    """Make an organization; the transaction must have been opened for `new_id()`'s answer given as tenant.

    `code` (2–12 capital letters and digits) opens its certificate numbers.
    """
    organization_id: UUID = session.info["organization_id"]
    session.add(
        Organization(id=organization_id, name=name, slug=slug, code=code, default_timezone=timezone, created_at=now)
    )
    session.flush()
    return organization_id


def new_id() -> UUID:
    """Return an id for an organization about to be made."""
    return uuid7()


def all_ids(session: Session) -> list[UUID]:
    """Return the ids of all active organizations."""
    return list(session.execute(text("SELECT organization_ids()")).scalars())


def find_by_slug(session: Session, slug: str) -> UUID | None:
    """Return an organization's id by its slug, whatever the tenant of the transaction."""
    return session.execute(text("SELECT organization_by_slug(:slug)"), {"slug": slug}).scalar()
