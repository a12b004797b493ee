"""Who is in progress on which version, and moving them with everything that hangs on an item."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from core.db import Session, organization_of, uuid7
from scorm_player.tables import (
    Completion,
    LaunchSession,
    MoveKind,
    PackageItem,
    PackageMove,
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


def count_in_progress(session: Session, version_id: UUID, until: datetime, but: UUID | None) -> int:
    """Return how many registrations on a version, begun up to a moment, are in progress; `but` somebody's own."""
    query = select(func.count()).select_from(Registration).where(*_begun_on(version_id, until, but))
    return session.scalar(query) or 0


def lock_in_progress(
    session: Session, version_id: UUID, limit: int, *, after: UUID | None, until: datetime, but: UUID | None
) -> list[UUID]:
    """Lock a slice of the registrations in progress on a version, so that launches and commits wait; answer their ids.

    Only those behind `after` that began up to `until`, `but` somebody's own.
    """
    query = select(Registration.id).where(*_begun_on(version_id, until, but))
    if after is not None:
        query = query.where(Registration.id > after)
    return list(session.scalars(query.order_by(Registration.id).limit(limit).with_for_update()))


def _begun_on(version_id: UUID, until: datetime, but: UUID | None) -> list[ColumnElement[bool]]:
    begun = [Registration.package_version_id == version_id, _is_in_progress(), Registration.created_at <= until]
    return begun if but is None else [*begun, Registration.user_id.is_distinct_from(but)]


def _is_in_progress() -> ColumnElement[bool]:
    return and_(
        Registration.completion != Completion.COMPLETED,
        Registration.success != Success.PASSED,
        Registration.is_preview.is_(False),
    )


def add_move(session: Session, **values: Any) -> UUID | None:
    """Insert a move and answer its id; None where the same one is open already."""
    query = insert(PackageMove).values(organization_id=organization_of(session), id=uuid7(), moved=0, **values)
    made: UUID | None = session.execute(query.on_conflict_do_nothing().returning(PackageMove.id)).scalar_one_or_none()
    return made


def open_move(session: Session, from_version: UUID, to_version: UUID, kind: MoveKind) -> PackageMove:
    """Return the move of this kind between two versions that is open; there is at most one."""
    query = select(PackageMove).where(
        PackageMove.from_version_id == from_version,
        PackageMove.to_version_id == to_version,
        PackageMove.kind == kind,
        PackageMove.finished_at.is_(None),
    )
    return session.scalars(query).one()


def find_move(session: Session, move_id: UUID, *, lock: bool = False) -> PackageMove | None:
    """Return a move; locked, nobody else goes on with it until the transaction ends."""
    query = select(PackageMove).where(PackageMove.id == move_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalar(query)


def recent_moves(session: Session, to_version: UUID, limit: int) -> list[tuple[PackageMove, int]]:
    """Return the latest moves to a version, with the sequence of the version they came from."""
    query = (
        select(PackageMove, PackageVersion.sequence)
        .join(PackageVersion, PackageVersion.id == PackageMove.from_version_id)
        .where(PackageMove.to_version_id == to_version)
        .order_by(PackageMove.asked_at.desc(), PackageMove.id)
        .limit(limit)
    )
    return [(row, sequence) for row, sequence in session.execute(query)]


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
