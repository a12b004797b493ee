"""Refused requests in the database."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, text

from core.db import Session, organization_of
from lrs.tables import Refusal


def add(session: Session, values: Mapping[str, Any], *, keep: int) -> None:
    """Write one, and let the oldest beyond `keep` go."""
    session.add(Refusal(**values))
    session.flush()
    here = Refusal.organization_id == organization_of(session)
    oldest = select(Refusal.at).where(here).order_by(Refusal.at.desc()).offset(keep).limit(1).scalar_subquery()
    session.execute(delete(Refusal).where(here, Refusal.at <= oldest))


def page(
    session: Session, credential_id: UUID | None, since: datetime, before: datetime | None, limit: int
) -> list[Refusal]:
    """The newest, of one credential where one is named, from before a moment on."""
    query = select(Refusal).where(Refusal.at >= since).order_by(Refusal.at.desc(), Refusal.id.desc()).limit(limit)
    if credential_id is not None:
        query = query.where(Refusal.credential_id == credential_id)
    if before is not None:
        query = query.where(Refusal.at < before)
    return list(session.scalars(query))


def forget(session: Session, older_than: datetime) -> int:
    """Delete the old ones of every organization; answer how many."""
    found = session.execute(text("SELECT forget_lrs_refusals(:older_than)"), {"older_than": older_than}).scalar()
    return int(found or 0)
