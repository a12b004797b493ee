"""The stage of the training stories: a course with its package, people who take it, and what is stored about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from catalog.services import courses, drafts, modules, publishing
from catalog.services.modules import Module
from core.db import Session
from core.tables import File
from lrs.services import credentials, statements
from lrs.services.credentials import Caller, Scope
from lrs.xapi.versions import Version
from scorm_player.scorm.manifest.model import Manifest, Organization, Resource
from scorm_player.scorm.sequencing.definition import Activity, ControlModes, CourseStructure, Edition
from scorm_player.services import packages
from scorm_player.tables import (
    ContentPackage,
    ImportState,
    PackageItem,
    PackageItemKind,
    PackageStandard,
    PackageVersion,
)
from training.rules.counting import actor_of
from training.services import enrollments, progress
from training.tables import CourseEnrollment

__all__ = ["courses", "drafts", "enrollments", "packages", "progress", "publishing"]

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ADL = "http://adlnet.gov/expapi/verbs/"
HOME = "http://localhost/o/northwind"
TASK = "http://app.example/practical-task"
STOA = {"objectType": "Agent", "name": "Stoa", "account": {"homePage": "http://localhost", "name": "stoa"}}


def package(session: Session, name: str = "fire", items: Sequence[str] = ("one",)) -> UUID:
    """Store a SCORM 1.2 package of these items as if it had been imported; answer the version's id."""
    control = ControlModes(choice=True, flow=True)
    leaves = tuple(Activity(item, title=item.title(), resource=f"r-{item}") for item in items)
    structure = CourseStructure(Activity("course", title=name, children=leaves, control=control), Edition.SCORM_1_2)
    manifest = Manifest(
        identifier=name,
        edition=Edition.SCORM_1_2,
        organizations=(Organization(structure),),
        resources={f"r-{item}": Resource(f"r-{item}", True, f"{item}.html") for item in items},
    )
    sha256 = uuid4().hex + uuid4().hex
    file = File(sha256=sha256, size_bytes=1, media_type="application/zip", original_name="a.zip", created_at=NOW)
    iri = f"http://localhost/packages/{name}"
    kept = ContentPackage(
        title=name, standard=PackageStandard.SCORM_12, identifier=name, activity_iri=iri, created_at=NOW
    )
    session.add_all([file, kept])
    session.flush()
    version = PackageVersion(
        package_id=kept.id,
        sequence=1,
        file_id=file.id,
        sha256=sha256,
        uncompressed_bytes=1,
        file_count=1,
        member_index=b"",
        manifest=manifest.to_json(),
        state=ImportState.READY,
        import_report=[],
        title=name,
        capability=f"capability-{kept.id.hex}",
        capability_since=NOW,
        ready_at=NOW,
    )
    session.add(version)
    session.flush()
    for position, activity in enumerate(structure.root.walk()):
        is_root = activity is structure.root
        session.add(
            PackageItem(
                package_version_id=version.id,
                position=position,
                identifier=activity.identifier,
                kind=PackageItemKind.ORGANIZATION if is_root else PackageItemKind.SCO,
                title=activity.title,
                activity_iri=iri if is_root else f"{iri}/{activity.identifier}",
            )
        )
    session.flush()
    return version.id


@dataclass(frozen=True)
class Course:
    """A published course and its modules in order; `app` is the credential that its external modules trust."""

    id: UUID
    version_id: UUID
    modules: list[Module]
    app: UUID


def course(session: Session, *facts: dict[str, Any], code: str = "FIRE", **more: Any) -> Course:
    """Publish a course of these modules; without any, of one package of one item."""
    made = courses.create(
        session,
        {"code": code, "title": "Fire safety at work", "is_certified": True, "validity_months": 12, **more},
        now=NOW,
    )
    assert made.draft_version_id is not None
    section = drafts.add_section(session, made.draft_version_id, "All of it")
    app = credential(session)
    for fact in facts or (package_module(session, code.lower()),):
        module = drafts.add_module(session, section.id, fact)
        if module.external_url is not None:
            modules.trust(session, module.id, app, now=NOW)
    publishing.publish(session, made.id, by=None, now=NOW)
    version_id = courses.get(session, made.id).current_version_id
    assert version_id is not None
    sections = courses.outline(session, version_id)
    return Course(made.id, version_id, [module for part in sections for module in part.modules], app)


def package_module(
    session: Session, name: str = "fire", items: Sequence[str] = ("one",), **more: Any
) -> dict[str, Any]:
    return {"module_type": "package", "package_version_id": str(package(session, name, items)), **more}


def external_module(iri: str = TASK, **more: Any) -> dict[str, Any]:
    link = {"title": "Practical task", "external_url": "https://app.example/task", "activity_iri": iri}
    return {"module_type": "external_link", **link, **more}


def playing(session: Session, made: Course, user_id: UUID, now: datetime = NOW) -> tuple[CourseEnrollment, UUID]:
    """Start a course and its first module; answer the enrollment and the registration."""
    enrollment = enrollments.start(session, made.id, user_id, now)
    return enrollment, enrollments.registration(session, enrollment, made.modules[0], now)


def said(verb: str, activity: str, *, actor: dict[str, Any], registration: UUID | None = None, **result: Any) -> dict:
    """One statement."""
    statement: dict[str, Any] = {
        "id": str(uuid4()),
        "actor": actor,
        "verb": {"id": ADL + verb},
        "object": {"id": activity},
    }
    if registration is not None:
        statement["context"] = {"registration": str(registration)}
    return statement | ({"result": result} if result else {})


def about(user_id: UUID, name: str = "Ana Tester", home: str = HOME) -> dict[str, Any]:
    return actor_of(user_id, name, home)


def store_own(session: Session, *batch: dict[str, Any]) -> list[UUID]:
    """Store statements as Stoa's own run-time does."""
    return statements.store(session, list(batch), authority=STOA)


def store_as(session: Session, credential_id: UUID, *batch: dict[str, Any]) -> list[UUID]:
    """Store statements as the LRS does for a client's credential."""
    authority = {"objectType": "Agent", "account": {"homePage": "http://app.example", "name": "app"}}
    caller = Caller(session.info["organization_id"], authority, frozenset({Scope.ALL}), credential_id)
    checked = statements.check(session, list(batch), caller, Version.V1_0_3)
    return statements.store_checked(session, checked, caller).ids


def credential(session: Session, label: str = "The app") -> UUID:
    return credentials.create(
        session,
        label=label,
        scopes=[Scope.ALL],
        authority={"objectType": "Agent", "account": {"homePage": "http://app.example", "name": label}},
        hash_key=b"key",
        now=NOW,
    ).id
