"""Queries on how an organization looks."""

from sqlalchemy import select

from accounts.tables import OrganizationTheme
from core.db import Session


def find(session: Session, *, lock: bool = False) -> OrganizationTheme | None:
    """Return the organization's colors and logo, if it has any of its own."""
    query = select(OrganizationTheme)
    return session.scalar(query.with_for_update() if lock else query)
