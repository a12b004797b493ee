"""Queries on packages, their versions, items and imports."""

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import distinct_on

from core.db import Session, organization_of
from core.errors import NotFound
from scorm_player.tables import (
    ContentPackage,
    ImportState,
    PackageImport,
    PackageItem,
    PackageItemKind,
    PackageStandard,
    PackageVersion,
)

Row = TypeVar("Row")

LARGEST_NUMBER = (1 << 31) - 1  # of an integer column
READY = (ImportState.READY, ImportState.READY_WITH_WARNINGS)


def get_package(session: Session, package_id: UUID) -> ContentPackage:
    """Return a package of this tenant. Raises NotFound."""
    return _existing(session.get(ContentPackage, (organization_of(session), package_id)))


def get_version(session: Session, version_id: UUID) -> PackageVersion:
    """Return a version of this tenant. Raises NotFound."""
    return _existing(session.get(PackageVersion, (organization_of(session), version_id)))


def get_version_number(session: Session, package_id: UUID, sequence: int) -> PackageVersion:
    """Return version `sequence` of a package. Raises NotFound."""
    if sequence > LARGEST_NUMBER:
        raise NotFound("There is no such package.")
    query = select(PackageVersion).where(PackageVersion.package_id == package_id, PackageVersion.sequence == sequence)
    return _existing(session.scalar(query))


def get_import(session: Session, import_id: UUID, *, lock: bool = False) -> PackageImport:
    """Return an import of this tenant. Raises NotFound."""
    query = select(PackageImport).where(PackageImport.id == import_id)
    return _existing(session.scalar(query.with_for_update() if lock else query))


def find_package(session: Session, standard: PackageStandard, identifier: str) -> ContentPackage | None:
    """Return the package that its author calls so, locked, so that its next version gets the next number."""
    query = select(ContentPackage).where(ContentPackage.standard == standard, ContentPackage.identifier == identifier)
    return session.scalar(query.with_for_update())


def claim_identifier(session: Session, standard: PackageStandard, identifier: str) -> None:
    """Let two first uploads of one package wait for each other, until the end of the transaction."""
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"package {organization_of(session)} {standard} {identifier}"},
    )


def find_version(session: Session, package_id: UUID, sha256: str) -> PackageVersion | None:
    """Return the version of exactly these bytes."""
    query = select(PackageVersion).where(PackageVersion.package_id == package_id, PackageVersion.sha256 == sha256)
    return session.scalar(query)


def find_same_bytes(session: Session, sha256: str) -> PackageVersion | None:
    """Return a version of exactly these bytes, of whatever package of this tenant."""
    return session.scalar(select(PackageVersion).where(PackageVersion.sha256 == sha256).limit(1))


def last_sequence(session: Session, package_id: UUID) -> int:
    """Return the number of the newest version, 0 when there is none."""
    query = select(func.max(PackageVersion.sequence)).where(PackageVersion.package_id == package_id)
    return session.scalar(query) or 0


def page(session: Session, search: str, offset: int, limit: int) -> tuple[list[ContentPackage], int]:
    """Return packages by title, those matching `search`, and how many there are in all."""
    query = select(ContentPackage).where(ContentPackage.archived_at.is_(None))
    if search:
        query = query.where(ContentPackage.title.icontains(search, autoescape=True))
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    query = query.order_by(func.lower(ContentPackage.title), ContentPackage.id).offset(offset).limit(limit)
    return list(session.scalars(query)), total


def newest_versions(session: Session, package_ids: Sequence[UUID]) -> dict[UUID, PackageVersion]:
    """Return each package's newest version."""
    query = (
        select(PackageVersion)
        .where(PackageVersion.package_id.in_(package_ids))
        .ext(distinct_on(PackageVersion.package_id))
        .order_by(PackageVersion.package_id, PackageVersion.sequence.desc())
    )
    return {version.package_id: version for version in session.scalars(query)}


def versions(session: Session, package_id: UUID) -> list[PackageVersion]:
    """Return a package's versions, newest first."""
    query = select(PackageVersion).where(PackageVersion.package_id == package_id)
    return list(session.scalars(query.order_by(PackageVersion.sequence.desc())))


def ready_versions(session: Session) -> list[tuple[PackageVersion, ContentPackage]]:
    """Return the newest playable version of every package that is not archived, by title."""
    newest = (
        select(PackageVersion.id)
        .where(PackageVersion.state.in_(READY))
        .ext(distinct_on(PackageVersion.package_id))
        .order_by(PackageVersion.package_id, PackageVersion.sequence.desc())
    )
    query = (
        select(PackageVersion, ContentPackage)
        .join(ContentPackage, ContentPackage.id == PackageVersion.package_id)
        .where(PackageVersion.id.in_(newest), ContentPackage.archived_at.is_(None))
        .order_by(func.lower(PackageVersion.title), PackageVersion.id)
    )
    return [(version, package) for version, package in session.execute(query)]


def items(session: Session, version_id: UUID) -> list[PackageItem]:
    """Return a version's tree in document order."""
    query = select(PackageItem).where(PackageItem.package_version_id == version_id)
    return list(session.scalars(query.order_by(PackageItem.position)))


def activity_iris(
    session: Session, version_id: UUID, kinds: Sequence[PackageItemKind] = tuple(PackageItemKind)
) -> frozenset[str]:
    """Return the activity IRIs of a version's items of these kinds."""
    query = select(PackageItem.activity_iri).where(
        PackageItem.package_version_id == version_id, PackageItem.kind.in_(kinds)
    )
    return frozenset(session.scalars(query))


def recent_imports(session: Session, limit: int) -> list[PackageImport]:
    """Return the newest imports first."""
    query = select(PackageImport).order_by(PackageImport.created_at.desc(), PackageImport.id.desc()).limit(limit)
    return list(session.scalars(query))


def imports_of(session: Session, version_id: UUID) -> list[PackageImport]:
    """Return the uploads that led to a version."""
    query = select(PackageImport).where(PackageImport.package_version_id == version_id).order_by(PackageImport.id)
    return list(session.scalars(query))


def version_by_capability(session: Session, capability: str) -> tuple[UUID, UUID] | None:
    """Return (organization, version) that a reading path belongs to; the tenant is not known yet."""
    row = session.execute(
        text("SELECT organization_id, package_version_id FROM package_version_by_capability(:given)"),
        {"given": capability},
    ).one_or_none()
    return (row.organization_id, row.package_version_id) if row else None


def is_file_known(session: Session, sha256: str) -> bool:
    """Tell whether any tenant holds on to these bytes."""
    return bool(session.scalar(text("SELECT file_is_known(:sha256)"), {"sha256": sha256}))


def _existing(row: Row | None) -> Row:
    if row is None:
        raise NotFound("There is no such package.")
    return row
