"""Queries on what a version holds: sections, modules, and whom a module trusts."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, or_, select

from catalog.tables import CourseVersion, Module, Section, TrustedSource, VersionState
from core.db import Session

Placed = tuple[Module, CourseVersion]
"""A module with the version it stands in."""


def find_section(session: Session, section_id: UUID) -> Section | None:
    """Return a section."""
    return session.scalar(select(Section).where(Section.id == section_id).execution_options(populate_existing=True))


def find_module(session: Session, module_id: UUID) -> Placed | None:
    """Return a module with its version."""
    query = _placed().where(Module.id == module_id).execution_options(populate_existing=True)
    row = session.execute(query).one_or_none()
    return None if row is None else (row[0], row[1])


def sections(session: Session, version_id: UUID) -> list[Section]:
    """Return a version's sections in order."""
    query = select(Section).where(Section.course_version_id == version_id).order_by(Section.sort_order)
    return list(session.scalars(query))


def modules(session: Session, version_id: UUID) -> list[Placed]:
    """Return a version's modules in the order learners meet them."""
    query = (
        _placed()
        .join(Section, Section.id == Module.section_id)
        .where(Module.course_version_id == version_id)
        .order_by(Section.sort_order, Module.sort_order)
    )
    return [(module, version) for module, version in session.execute(query)]


def modules_about(session: Session, iri: str) -> list[Placed]:
    """Return the modules, of every version that was ever published, whose statements name this activity."""
    query = _published().where(func.md5(Module.activity_iri) == func.md5(iri), Module.activity_iri == iri)
    return [(module, version) for module, version in session.execute(query)]


def modules_of_package(session: Session, package_version_id: UUID) -> list[Placed]:
    """Return the modules, of every version that was ever published, that play this package version."""
    query = _published().where(Module.package_version_id == package_version_id)
    return [(module, version) for module, version in session.execute(query)]


def twin(session: Session, module: Module, course_id: UUID, state: VersionState) -> Module | None:
    """Return the same module in the course's version of this state."""
    query = _placed().where(
        CourseVersion.course_id == course_id, CourseVersion.state == state, Module.stable_key == module.stable_key
    )
    row = session.execute(query).one_or_none()
    return None if row is None else row[0]


def trust(session: Session, module_ids: Sequence[UUID], at: datetime | None = None) -> list[TrustedSource]:
    """Return whom these modules trust: now, or at a moment of the past."""
    query = select(TrustedSource).where(TrustedSource.module_id.in_(module_ids)).order_by(TrustedSource.id)
    if at is None:
        return list(session.scalars(query.where(TrustedSource.trusted_until.is_(None))))
    ended_later = or_(TrustedSource.trusted_until.is_(None), TrustedSource.trusted_until > at)
    return list(session.scalars(query.where(TrustedSource.trusted_from <= at, ended_later)))


def lock_trust(session: Session, module_id: UUID, credential_id: UUID) -> TrustedSource | None:
    """Return the live trust of a module in a credential; who asks at the same time waits for the module."""
    session.execute(select(Module.id).where(Module.id == module_id).with_for_update(key_share=True))
    query = select(TrustedSource).where(
        TrustedSource.module_id == module_id,
        TrustedSource.credential_id == credential_id,
        TrustedSource.trusted_until.is_(None),
    )
    return session.scalar(query)


def _placed() -> Select[Module, CourseVersion]:
    return select(Module, CourseVersion).join(CourseVersion, CourseVersion.id == Module.course_version_id)


def _published() -> Select[Module, CourseVersion]:
    return _placed().where(CourseVersion.state != VersionState.DRAFT).order_by(Module.id)
