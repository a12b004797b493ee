"""Registrations: a person's participation in a package, what stands in it, and what may be opened next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal
from uuid import UUID

from core.db import Session
from scorm_player.scorm.sequencing.validity import Entry, Outlook, look_ahead
from scorm_player.services import limits, play, playback, reasons
from scorm_player.services.playing import item_of
from scorm_player.store import registrations as store
from scorm_player.store import runtime as runtime_store
from scorm_player.tables import Completion, Registration, Success

Status = Literal["not_started", "in_progress", "completed", "passed", "failed"]


@dataclass(frozen=True)
class RegistrationSummary:
    """How far a person has come in a package. `score_scaled` is −1 … 1, `progress_percent` 0 … 100."""

    id: UUID
    user_id: UUID | None
    package_version_id: UUID
    actor: dict[str, Any]
    completion: str
    success: str
    score_scaled: float | None
    score_raw: float | None
    progress_percent: int
    total_seconds: Decimal
    attempt_number: int
    last_activity_at: datetime | None


@dataclass(frozen=True)
class OutlineItem:
    """One line of the outline. `reason` says why it cannot be opened now, where that is so."""

    item_id: UUID
    title: str
    depth: int
    is_launchable: bool
    status: Status
    is_current: bool
    is_enabled: bool
    reason: str | None


def register(
    session: Session, *, user_id: UUID | None, package_version_id: UUID, actor: Mapping[str, Any], now: datetime
) -> UUID:
    """Begin a person's participation in a package version; its id is the registration of all its statements.

    Raises NotFound when the version is not this tenant's.
    """
    store.course(session, package_version_id)
    registration = Registration(
        user_id=user_id, package_version_id=package_version_id, actor=dict(actor), created_at=now
    )
    session.add(registration)
    session.flush()
    return registration.id


def untouched(session: Session, registration_ids: Sequence[UUID], *, lock: bool = False) -> set[UUID]:
    """Return those of these registrations in which nothing has ever been opened; locked, a launch waits."""
    return store.untouched(session, registration_ids, lock=lock) if registration_ids else set()


def play_instead(session: Session, registration_id: UUID, package_version_id: UUID) -> None:
    """Let a registration in which nothing has been opened yet play another package version. Raises NotFound."""
    store.course(session, package_version_id)
    store.get(session, registration_id).package_version_id = package_version_id
    session.flush()


def summary(session: Session, registration_id: UUID) -> RegistrationSummary:
    """Return how far a registration has come. Raises NotFound."""
    return summary_of(store.get(session, registration_id))


def summary_of(found: Registration) -> RegistrationSummary:
    """Return how far a registration that was read already has come."""
    return RegistrationSummary(
        id=found.id,
        user_id=found.user_id,
        package_version_id=found.package_version_id,
        actor=found.actor,
        completion=found.completion.value,
        success=found.success.value,
        score_scaled=None if found.score_scaled is None else float(found.score_scaled),
        score_raw=None if found.score_raw is None else float(found.score_raw),
        progress_percent=round((found.progress_measure or 0) * 100),
        total_seconds=found.total_seconds,
        attempt_number=found.attempt_number,
        last_activity_at=found.last_activity_at,
    )


@dataclass(frozen=True)
class Contents:
    """What the course holds, in its order. `whole` is what to choose the course itself by, where that may be."""

    items: list[OutlineItem]
    whole: str | None


def outline(session: Session, registration_id: UUID) -> list[OutlineItem]:
    """Return what the course holds, in its order, with each item's status and whether it may be opened now."""
    return contents(session, registration_id).items


def contents(session: Session, registration_id: UUID) -> Contents:
    """Return the outline, and whether the course itself may be chosen: that leads to where its sequencing begins."""
    registration = store.get(session, registration_id)
    course = store.course(session, registration.package_version_id)
    outlook = _outlook(session, registration, course)
    most = playback.of_version(session, course.version_id).attempts
    used_up = limits.used_up(session, registration_id, course, outlook, most)
    newest = runtime_store.newest_told(session, registration_id)
    told = {item_id: (one.completion, one.success) for item_id, one in newest.items()}
    return contents_of(course, outlook, told, used_up)


def contents_of(
    course: store.Course,
    outlook: Outlook,
    told: Mapping[UUID, tuple[Completion, Success]],
    refused: Mapping[str, str] = MappingProxyType({}),
) -> Contents:
    """Return an outline; its arguments are those of `items_of`."""
    whole = next((entry.identifier for entry in outlook.contents if entry.depth == 0 and entry.is_selectable), None)
    return Contents(items_of(course, outlook, told, refused), whole)


def _outlook(session: Session, registration: Registration, course: store.Course) -> Outlook:
    tree = play.tree_of(session, registration, course)
    found = runtime_store.open_data(session, registration.id)
    if found is None or not course.holds(found[0]):
        return look_ahead(tree)
    data = runtime_store.data_in(found[1])
    return play.outlook(tree, item_of(course, course.identifier(found[0]), data), data)


def items_of(
    course: store.Course,
    outlook: Outlook,
    told: Mapping[UUID, tuple[Completion, Success]],
    refused: Mapping[str, str] = MappingProxyType({}),
) -> list[OutlineItem]:
    """Return the lines of an outline.

    `told`: what newest run-time data say of items. `refused` says by identifier what cannot be opened although
    sequencing allows it, and why.
    """
    titles = {entry.identifier: entry.title for entry in outlook.contents}
    return [
        OutlineItem(
            item_id=course.item_ids[entry.identifier],
            title=entry.title,
            depth=entry.depth - 1,
            is_launchable=entry.is_leaf,
            status=_status(entry, told.get(course.item_ids[entry.identifier])),
            is_current=entry.is_current,
            is_enabled=entry.is_selectable and entry.identifier not in refused,
            reason=reasons.of_entry(entry, titles) or refused.get(entry.identifier),
        )
        for entry in outlook.contents
        if entry.is_visible and entry.depth > 0 and entry.identifier in course.item_ids
    ]


def _status(entry: Entry, told: tuple[Completion, Success] | None) -> Status:
    """What stands for an item: the run-time data of a SCO, what sequencing knows of the rest."""
    completion, success = told or (Completion.UNKNOWN, Success.UNKNOWN)
    if success is not Success.UNKNOWN:
        return "passed" if success is Success.PASSED else "failed"
    if completion is Completion.COMPLETED or entry.completed:
        return "completed"
    return "in_progress" if told or entry.is_attempted else "not_started"
