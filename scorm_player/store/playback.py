"""Reading and writing playback policies."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ScalarSelect, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert

from core.db import Session, organization_of, uuid7
from core.errors import NotFound
from scorm_player.tables import PackageVersion, PlaybackPolicy, ScormItemState


def settings(session: Session, package_id: UUID | None) -> dict[str, Any]:
    """Return what is set for a package, or without one for the organization; empty when nothing is."""
    query = select(PlaybackPolicy.settings).where(
        PlaybackPolicy.package_id == package_id if package_id is not None else PlaybackPolicy.package_id.is_(None)
    )
    return dict(session.scalar(query) or {})


@dataclass(frozen=True)
class Opening:
    """What every launch and every step asks of a version: the layers of its policy, the word its files lie under."""

    layers: list[dict[str, Any]]  # the organization's and, after it, the package's, as far as anything is set
    capability: str
    capability_since: datetime


def opening(
    session: Session, version_id: UUID, registration_id: UUID, item_id: UUID
) -> tuple[Opening, ScormItemState | None]:
    """Return how a version is played, and the newest attempt on an item, in one question. Raises NotFound."""
    asked = {"version_id": version_id, "registration_id": registration_id, "item_id": item_id}
    found = session.execute(_OPENING, asked).one_or_none()
    if found is None:
        raise NotFound("There is no such package version.")
    return Opening(found[0] or [], found[1], found[2]), found[3]


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
_OPENING = (  # made once: it is asked with every step
    select(_layers(), PackageVersion.capability, PackageVersion.capability_since, ScormItemState)
    .outerjoin(
        ScormItemState,
        (ScormItemState.registration_id == bindparam("registration_id"))
        & (ScormItemState.package_item_id == bindparam("item_id")),
    )
    .where(PackageVersion.id == bindparam("version_id"))
    .order_by(ScormItemState.attempt_number.desc())
    .limit(1)
)


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
