"""Reading and writing playback policies."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow
from sqlalchemy import ScalarSelect, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert

from core.db import Session, organization_of, uuid7
from core.errors import NotFound
from scorm_player.tables import PackageVersion, PlaybackPolicy


def settings(session: Session, package_id: UUID | None) -> dict[str, Any]:
    """Return what is set for a package, or without one for the organization; empty when nothing is."""
    query = select(PlaybackPolicy.settings).where(
        PlaybackPolicy.package_id == package_id if package_id is not None else PlaybackPolicy.package_id.is_(None)
    )
    return dict(session.scalar(query) or {})


@dataclass(frozen=True)
class Opening:
    """What every launch and every step asks of a version: the layers of its policy, the word its files lie under.

    And of an item how many attempts there were, and whether the newest is not set aside and may go on.
    """

    layers: list[dict[str, Any]]  # the organization's and, after it, the package's, as far as anything is set
    capability: str
    capability_since: datetime
    attempts: int
    may_go_on: bool


def opening(session: Session, version_id: UUID, registration_id: UUID, item_id: UUID) -> Opening:
    """Return how an item of a version is played, in one question on the driver's own cursor. Raises NotFound."""
    asked = {"version": version_id, "registration": registration_id, "item": item_id}
    connection: psycopg.Connection[TupleRow] | Any = session.connection().connection.driver_connection
    found = psycopg.Cursor(connection).execute(_OPENING, asked, prepare=True).fetchone()
    if found is None:
        raise NotFound("There is no such package version.")
    return Opening(found[0] or [], *found[1:])


def layers(session: Session, version_id: UUID) -> list[dict[str, Any]]:
    """Return the layers of a version's policy alone. Raises NotFound."""
    found = session.execute(_LAYERS, {"version_id": version_id}).one_or_none()
    if found is None:
        raise NotFound("There is no such package version.")
    return found[0] or []


def _layers() -> ScalarSelect[Any]:
    """What the organization and, after it, the package of a version says."""
    applies = or_(PlaybackPolicy.package_id.is_(None), PlaybackPolicy.package_id == PackageVersion.package_id)
    in_order = aggregate_order_by(PlaybackPolicy.settings, PlaybackPolicy.package_id.is_not(None))
    return select(func.jsonb_agg(in_order)).where(applies).correlate(PackageVersion).scalar_subquery()


_LAYERS = select(_layers()).where(PackageVersion.id == bindparam("version_id"))  # asked with every outline
_OPENING = """
    SELECT (
            SELECT jsonb_agg(p.settings ORDER BY p.package_id IS NOT NULL) FROM playback_policies p
            WHERE p.package_id IS NULL OR p.package_id = v.package_id
        ), v.capability, v.capability_since, coalesce(s.attempt_number, 0),
        s.attempt_number IS NOT NULL AND s.set_aside_at IS NULL
    FROM package_versions v
    LEFT JOIN scorm_item_states s ON s.registration_id = %(registration)b AND s.package_item_id = %(item)b
    WHERE v.id = %(version)b
    ORDER BY s.attempt_number DESC
    LIMIT 1
"""


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
