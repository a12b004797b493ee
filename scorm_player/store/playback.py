"""Reading and writing playback policies."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert

from core.db import Session, organization_of, uuid7
from scorm_player.tables import PackageVersion, PlaybackPolicy


def settings(session: Session, package_id: UUID | None) -> dict[str, Any]:
    """Return what is set for a package, or without one for the organization; empty when nothing is."""
    query = select(PlaybackPolicy.settings).where(
        PlaybackPolicy.package_id == package_id if package_id is not None else PlaybackPolicy.package_id.is_(None)
    )
    return dict(session.scalar(query) or {})


def of_version(session: Session, version_id: UUID) -> list[dict[str, Any]]:
    """Return what is set for the organization and, after it, for the package of a version, as far as anything is."""
    package = select(PackageVersion.package_id).where(PackageVersion.id == version_id).scalar_subquery()
    query = (
        select(PlaybackPolicy.settings)
        .where(or_(PlaybackPolicy.package_id.is_(None), PlaybackPolicy.package_id == package))
        .order_by(PlaybackPolicy.package_id.is_not(None))
    )
    return [dict(found) for found in session.scalars(query)]


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
