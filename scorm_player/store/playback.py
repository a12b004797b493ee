"""Reading and writing playback policies."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from core.db import Session, organization_of, uuid7
from scorm_player.tables import PlaybackPolicy


def settings(session: Session, package_id: UUID | None) -> dict[str, Any]:
    """Return what is set for a package, or without one for the organization; empty when nothing is."""
    query = select(PlaybackPolicy.settings).where(
        PlaybackPolicy.package_id == package_id if package_id is not None else PlaybackPolicy.package_id.is_(None)
    )
    return dict(session.scalar(query) or {})


def save(session: Session, package_id: UUID | None, given: dict[str, Any], now: datetime) -> None:
    """Write what is set in place of what was."""
    query = insert(PlaybackPolicy).values(
        organization_id=organization_of(session), id=uuid7(), package_id=package_id, settings=given, updated_at=now
    )
    session.execute(
        query.on_conflict_do_update(
            index_elements=["organization_id", "package_id"], set_={"settings": given, "updated_at": now}
        )
    )
