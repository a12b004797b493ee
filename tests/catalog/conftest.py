"""Courses to tell stories with."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import pytest

from catalog.services import courses, drafts, publishing
from core.db import Database, Session
from core.files import StoredFile
from lrs.services import credentials
from scorm_player.archive import Limits
from scorm_player.services import packages
from scorm_player.tables import PackageSource
from tests.conftest import Cast
from tests.scorm_player import manifests, zips


def ready_package(session: Session, now: datetime, title: str = "Fire safety", edition: str = "first") -> UUID:
    """A package that can be played; the same title in another edition is its next version."""
    manifest = manifests.scorm_12(
        identifier=f'identifier="{title}"',
        organizations='<organizations default="O1"><organization identifier="O1">'
        f"<title>{title}</title>{manifests.ITEM}</organization></organizations>",
    )
    file = zips.zipped({"imsmanifest.xml": manifest, "index.html": f"<!doctype html><title>{edition}</title>"})
    stored = StoredFile(hashlib.sha256(file.getvalue()).hexdigest(), len(file.getvalue()))
    upload = packages.receive(
        session, stored, file_name="course.zip", source=PackageSource.UPLOAD, home="https://app.example",
        created_by=None, now=now,
    )  # fmt: skip
    examined = packages.examine(file, Limits())
    return packages.accept(session, upload.id, examined, home="https://app.example", now=now).id


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
    package = ready_package(session, now)
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
