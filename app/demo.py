"""Demo data: an organization with people and a course to take, and a second one that must see nothing of it."""

from datetime import timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from accounts.services import organizations, people
from catalog.services import courses, drafts, publishing
from core import clock
from core.config import Config
from core.db import Database
from core.files import Files
from core.jobs import Worker
from scorm_player.services import packages
from scorm_player.services.packages import PackageSource
from tools.pack import pack
from training.services import assignments

PASSWORD = "stoa-demo-2026"  # noqa: S105 - printed for everybody at start, for a database on this machine only
FOLDER = Path(__file__).resolve().parent.parent / "packages"
ORGANIZATIONS = (
    ("Northwind Care", "northwind", "NWC", "Europe/Berlin"),
    ("Acme Training", "acme", "ACME", "America/New_York"),
)
PEOPLE = {
    "northwind": (
        ("cem@northwind.example", "Cem", "Aydin", ["org_admin"]),
        ("ben@northwind.example", "Ben", "Okoro", ["training_admin"]),
        ("ana@northwind.example", "Ana", "Novak", ["learner"]),
        ("dee@northwind.example", "Dee", "Park", ["learner"]),
        ("uma@northwind.example", "Uma", "Haddad", ["auditor"]),
    ),
    "acme": (
        ("zoe@acme.example", "Zoe", "Lindqvist", ["org_admin"]),
        ("yan@acme.example", "Yan", "Petrov", ["learner"]),
    ),
}
COURSES = {
    "northwind": (("FIRE-1", "fire-safety", 12, True), ("PRIV-1", "privacy", 15, True)),
    "acme": (("HELLO-1", "hello-scorm12", 1, False),),
}
"""Code, sample package, minutes, and whether it ends in a certificate, by organization."""


def load(database: Database, settings: Config, worker: Worker) -> None:
    """Load the demo data once; a second call changes nothing, one that was interrupted is taken up."""
    for name, slug, code, zone in ORGANIZATIONS:
        with database.read(None) as session:
            organization_id = organizations.find_by_slug(session, slug)
        if organization_id is None:
            organization_id = _people(database, name, slug, code, zone)
        for course in COURSES[slug]:
            _course(database, settings, worker, organization_id, PEOPLE[slug], *course)


def sign_ins() -> str:
    """Return the demo people and their password, for the terminal."""
    rows = [
        f"  {email:<24} {roles[0].replace('_', ' '):<16} {name}"
        for name, slug, _code, _zone in ORGANIZATIONS
        for email, _first, _last, roles in PEOPLE[slug]
    ]
    return f"Demo sign-ins, password for all: {PASSWORD}\n" + "\n".join(rows) + "\n"


def _people(database: Database, name: str, slug: str, code: str, zone: str) -> UUID:
    organization_id = organizations.new_id()
    now = clock.now()
    with database.write(organization_id) as session:
        organizations.create(session, name=name, slug=slug, code=code, timezone=zone, now=now)
        for email, first, last, roles in PEOPLE[slug]:
            people.add(
                session, email=email, first_name=first, last_name=last, roles=roles, password=PASSWORD,
                is_verified=True, now=now,
            )  # fmt: skip
    return organization_id


def _course(
    database: Database,
    settings: Config,
    worker: Worker,
    organization_id: UUID,
    members: tuple[tuple[str, str, str, list[str]], ...],
    code: str,
    sample: str,
    minutes: int,
    is_certified: bool,
) -> None:
    """Import a sample package, put it into a course, publish it, assign it to every learner."""
    now = clock.now()
    with database.read(organization_id) as session:
        if code in {course.code for course in courses.published(session)}:
            return
    import_id = import_zip(database, worker.files, settings, organization_id, f"{sample}.zip", pack(FOLDER / sample))
    worker.run_until_idle()
    with database.write(organization_id) as session:
        version_id = packages.import_of(session, import_id).package_version_id
        if version_id is None:
            raise RuntimeError(f"the sample course {sample} was refused")
        version = packages.version(session, version_id)
        facts = {
            "code": code, "title": version.title, "description": version.description, "is_certified": is_certified,
            "estimated_minutes": minutes, "validity_months": 12 if is_certified else None,
        }  # fmt: skip
        course = courses.create(session, facts, now=now)
        draft = next(iter(courses.versions(session, course.id)))
        section = drafts.add_section(session, draft.id, "Course")
        drafts.add_module(session, section.id, {"module_type": "package", "package_version_id": str(version.id)})
        publishing.publish(session, course.id, by=None, now=now)
        found, _total = people.page(session)
        emails = {email for email, _first, _last, roles in members if "learner" in roles}
        learners = [person.user_id for person in found if person.email in emails]
        due = clock.day_in(people.tenant(session).timezone, now) + timedelta(days=5)
        assignments.assign(session, course_id=course.id, user_ids=learners, due=due, now=now)
    worker.run_until_idle()


def import_zip(
    database: Database, files: Files, settings: Config, organization_id: UUID, name: str, data: BinaryIO | bytes
) -> UUID:
    """Hand a zip to the importer and answer the import's id; a worker does the rest."""
    stored = files.put(data, limit=settings.max_upload)
    with database.write(organization_id) as session:
        upload = packages.receive(
            session, stored, file_name=name, source=PackageSource.UPLOAD, home=settings.app_origin,
            created_by=None, now=clock.now(),
        )  # fmt: skip
        return upload.id
