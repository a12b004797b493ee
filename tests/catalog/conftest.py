"""Courses to tell stories with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import pytest

from catalog.services import courses, drafts, publishing
from core.db import Database, Session, uuid7
from lrs.services import credentials
from scorm_player.tables import PackageVersion
from tests.conftest import Cast


def ready_package(session: Session, title: str = "Fire safety", sha256: str = "a" * 64) -> UUID:
    id = uuid7()
    session.add(
        PackageVersion(
            id=id, title=title, sequence=1, sha256=sha256, state="ready", activity_iri=f"https://packages.example/{id}"
        )
    )
    session.flush()
    return id


def credential(session: Session, now: datetime, label: str = "Simulator") -> UUID:
    authority = {"objectType": "Agent", "account": {"homePage": "https://simulator.example", "name": label}}
    return credentials.create(
        session, label=label, scopes=["statements/write"], authority=authority, hash_key=b"key", now=now
    ).id


def course(session: Session, now: datetime, **facts: object) -> courses.Course:
    return courses.create(session, {"code": "FIRE-1", "title": "Fire safety", **facts}, now=now)


@dataclass(frozen=True)
class Built:
    """A course with one section holding one package."""

    course_id: UUID
    version_id: UUID
    section_id: UUID
    module_id: UUID
    package_version_id: UUID


def built(session: Session, now: datetime, **facts: object) -> Built:
    made = course(session, now, **facts)
    assert made.draft_version_id is not None
    section = drafts.add_section(session, made.draft_version_id, "Start here")
    package = ready_package(session)
    module = drafts.add_module(session, section.id, {"module_type": "package", "package_version_id": package})
    return Built(made.id, made.draft_version_id, section.id, module.id, package)


def published(session: Session, now: datetime, **facts: object) -> Built:
    made = built(session, now, **facts)
    publishing.publish(session, made.course_id, by=None, now=now)
    return made


@pytest.fixture
def northwind(database: Database, cast: Cast, now: datetime) -> Callable[..., Built]:
    """Build a course in Northwind that stays: `northwind()` a draft, `northwind(published)` one in the catalog."""

    def make(how: Callable[..., Built] = built, **facts: object) -> Built:
        with database.write(cast.northwind) as session:
            return how(session, now, **facts)

    return make
