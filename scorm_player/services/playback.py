"""The playback policy of the organization and of single packages, looked up when something is opened."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core import audit
from core.db import Session
from scorm_player import policy
from scorm_player.policy import Policy, Settings
from scorm_player.services import packages
from scorm_player.store import playback as store


def own_settings(session: Session, package_id: UUID | None) -> Settings:
    """Return what is set for a package, or without one for the organization. Raises NotFound."""
    if package_id is not None:
        packages.get(session, package_id)
    return store.settings(session, package_id)


def of_package(session: Session, package_id: UUID | None) -> Policy:
    """Return what holds for a package, or without one where a package says nothing."""
    layers = [store.settings(session, None)]
    if package_id is not None:
        layers.append(store.settings(session, package_id))
    return policy.merged(*layers)


def of_version(session: Session, version_id: UUID) -> Policy:
    """Return what holds for a package version. Raises NotFound."""
    return policy.merged(*store.layers(session, version_id))


@dataclass(frozen=True)
class Opening:
    """How an item of a version is opened: what holds where the books leave a choice, and the path of the files.

    `attempts`: how many there were on the item, `may_go_on`: whether the newest is there and not set aside.
    """

    policy: Policy
    path: str
    attempts: int
    may_go_on: bool


def opening(session: Session, version_id: UUID, registration_id: UUID, item_id: UUID, now: datetime) -> Opening:
    """Return how an item is opened, asked in one question: it is part of every launch and every step."""
    found = store.opening(session, version_id, registration_id, item_id)
    return Opening(
        policy.merged(*found.layers),
        packages.path_of(session, version_id, found.capability, found.capability_since, now),
        found.attempts,
        found.may_go_on,
    )


def change(session: Session, package_id: UUID | None, settings: Mapping[str, Any], *, now: datetime) -> None:
    """Set what a package, or without one the organization, says; it holds from the next launch.

    Raises NotFound, and Invalid naming what is wrong.
    """
    policy.check(settings)
    old = own_settings(session, package_id)
    if old == settings:
        return
    store.save(session, package_id, dict(settings), now)
    audit.record(session, "playback.changed", "content_package", package_id, old=old, new=settings)
