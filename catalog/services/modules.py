"""Modules: what a learner opens, which statements are about one, and whose statements count for it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from catalog import tables
from catalog.store import content as store
from catalog.tables import VersionState
from core import audit
from core.db import Session
from core.errors import Invalid, NotFound, Problem
from lrs.services import credentials


@dataclass(frozen=True)
class Module:
    """A module as others see it. `passing_score` is in percent; None means the course's.

    `completion_criteria` follows `catalog.rules.COMPLETION`.
    """

    id: UUID
    stable_key: UUID
    course_id: UUID
    course_version_id: UUID
    section_id: UUID
    title: str
    module_type: str
    is_required: bool
    weight: Decimal
    passing_score: Decimal | None
    completion_criteria: dict[str, Any]
    package_version_id: UUID | None
    activity_iri: str
    external_url: str | None


@dataclass(frozen=True)
class Source:
    """An LRS credential that a module may trust, unless it has been revoked."""

    id: UUID
    label: str
    key: str
    may_be_trusted: bool


def get(session: Session, module_id: UUID) -> Module:
    """Return a module of whatever version. Raises NotFound."""
    return as_module(*_placed(session, module_id))


def by_activity(session: Session, iri: str) -> list[Module]:
    """Return the modules whose activity this is, of every version that was ever published: enrollments pin to one."""
    return [as_module(*placed) for placed in store.modules_about(session, iri)]


def by_package_version(session: Session, package_version_id: UUID) -> list[Module]:
    """Return the modules that play this package version, of every version that was ever published."""
    return [as_module(*placed) for placed in store.modules_of_package(session, package_version_id)]


def trusted_sources(session: Session, module_id: UUID, at: datetime | None = None) -> frozenset[UUID]:
    """Return the LRS credentials whose statements count for a module: now, or for a statement stored `at` a moment."""
    return frozenset(row.credential_id for row in store.trust(session, [module_id], at))


def trust_of(session: Session, modules: list[Module]) -> dict[UUID, frozenset[UUID]]:
    """Return whom each of these modules trusts now."""
    rows = store.trust(session, [module.id for module in modules])
    return {module.id: frozenset(row.credential_id for row in rows if row.module_id == module.id) for module in modules}


def sources(session: Session, now: datetime) -> list[Source]:
    """Return the organization's LRS credentials by label; what was made for one launch only is not among them."""
    return sorted(
        (
            Source(found.id, found.label, found.key, found.state is credentials.State.ACTIVE)
            for found in credentials.page(session, now)
            if not found.is_limited
        ),
        key=lambda source: (source.label.lower(), source.id),
    )


def trust(session: Session, module_id: UUID, credential_id: UUID, *, now: datetime) -> Module:
    """Let the statements of an LRS credential count for a module from now on; a second call changes nothing.

    What a published module trusts, its twin in the course's open draft trusts too. Raises NotFound, Invalid.
    """
    module, version = _placed(session, module_id)
    if not any(source.id == credential_id and source.may_be_trusted for source in sources(session, now)):
        problem = Problem("credential_id", "There is no such LRS credential in use.", "Choose another.")
        raise Invalid(problems=[problem])
    for target in _with_twin(session, module, version):
        if store.lock_trust(session, target.id, credential_id) is None:
            session.add(tables.TrustedSource(module_id=target.id, credential_id=credential_id, trusted_from=now))
            audit.record(session, "module.source_trusted", "module", target.id, new={"credential": str(credential_id)})
    session.flush()
    return as_module(module, version)


def distrust(session: Session, module_id: UUID, credential_id: UUID, *, now: datetime) -> Module:
    """Let the statements of an LRS credential no longer count for a module; those stored before keep counting."""
    module, version = _placed(session, module_id)
    for target in _with_twin(session, module, version):
        if (row := store.lock_trust(session, target.id, credential_id)) is not None:
            row.trusted_until = max(now, row.trusted_from)
            audit.record(session, "module.source_removed", "module", target.id, old={"credential": str(credential_id)})
    session.flush()
    return as_module(module, version)


def as_module(row: tables.Module, version: tables.CourseVersion) -> Module:
    """Return the module as others see it."""
    return Module(
        id=row.id,
        stable_key=row.stable_key,
        course_id=version.course_id,
        course_version_id=version.id,
        section_id=row.section_id,
        title=row.title,
        module_type=row.module_type.value,
        is_required=row.is_required,
        weight=row.weight,
        passing_score=row.passing_score,
        completion_criteria=row.completion_criteria,
        package_version_id=row.package_version_id,
        activity_iri=row.activity_iri,
        external_url=row.external_url,
    )


def _placed(session: Session, module_id: UUID) -> store.Placed:
    placed = store.find_module(session, module_id)
    if placed is None:
        raise NotFound("There is no such module.")
    return placed


def _with_twin(session: Session, module: tables.Module, version: tables.CourseVersion) -> list[tables.Module]:
    if version.state is not VersionState.PUBLISHED:
        return [module]
    twin = store.twin(session, module, version.course_id, VersionState.DRAFT)
    return [module] if twin is None else [module, twin]
