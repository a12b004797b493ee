"""Who is in progress on which version, and moving them with everything that hangs on an item."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.orm import aliased

from core.db import Session
from scorm_player.tables import (
    Completion,
    LaunchSession,
    MoveKind,
    PackageItem,
    PackageVersion,
    Registration,
    RegistrationMove,
    ScormInteraction,
    ScormItemState,
    ScormObjective,
    ScormSnapshot,
    Success,
)

ON_ITEMS = (ScormItemState, ScormInteraction, ScormObjective, ScormSnapshot, LaunchSession)
"""All rows of a registration that point to an item of its version."""


def in_progress(session: Session, package_id: UUID) -> dict[UUID, int]:
    """Return, by version, how many learners of a package are in progress."""
    query = (
        select(Registration.package_version_id, func.count())
        .join(PackageVersion, PackageVersion.id == Registration.package_version_id)
        .where(PackageVersion.package_id == package_id, _is_in_progress())
        .group_by(Registration.package_version_id)
    )
    return dict(session.execute(query).all())


def lock_in_progress(session: Session, version_id: UUID, limit: int) -> list[UUID]:
    """Lock the registrations in progress on a version, so that launches and commits wait, and return their ids."""
    query = (
        select(Registration.id)
        .where(Registration.package_version_id == version_id, _is_in_progress())
        .order_by(Registration.id)
        .limit(limit)
        .with_for_update()
    )
    return list(session.scalars(query))


def _is_in_progress() -> ColumnElement[bool]:
    return and_(
        Registration.completion != Completion.COMPLETED,
        Registration.success != Success.PASSED,
        Registration.is_preview.is_(False),
    )


def move(session: Session, registration_ids: Sequence[UUID], from_version: UUID, to_version: UUID) -> None:
    """Point registrations to another version, and their rows to its items of the same identifiers."""
    old, new = aliased(PackageItem), aliased(PackageItem)
    for table in ON_ITEMS:
        session.execute(
            update(table)
            .where(
                table.registration_id.in_(registration_ids),
                table.package_item_id == old.id,
                old.package_version_id == from_version,
                new.package_version_id == to_version,
                new.identifier == old.identifier,
            )
            .values(package_item_id=new.id)
            .execution_options(synchronize_session=False)
        )
    session.execute(
        update(Registration)
        .where(Registration.id.in_(registration_ids))
        .values(package_version_id=to_version)
        .execution_options(synchronize_session=False)
    )


def switched(session: Session, registration_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Return the present version of those of these registrations that were ever switched."""
    query = (
        select(Registration.id, Registration.package_version_id)
        .join(RegistrationMove, RegistrationMove.registration_id == Registration.id)
        .where(Registration.id.in_(registration_ids), RegistrationMove.kind == MoveKind.SWITCH)
    )
    return dict(session.execute(query).all())


def moves(
    session: Session, registration_ids: Sequence[UUID], until: datetime
) -> list[tuple[RegistrationMove, str, str]]:
    """Return changes of version up to a moment with both hashes, in their order."""
    old, new = aliased(PackageVersion), aliased(PackageVersion)
    query = (
        select(RegistrationMove, old.sha256, new.sha256)
        .join(old, old.id == RegistrationMove.from_version_id)
        .join(new, new.id == RegistrationMove.to_version_id)
        .where(RegistrationMove.registration_id.in_(registration_ids), RegistrationMove.moved_at <= until)
        .order_by(RegistrationMove.moved_at, RegistrationMove.id)
    )
    return [(row, before, after) for row, before, after in session.execute(query)]
