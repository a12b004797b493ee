"""Courses: their facts, their versions, what a version holds, and the catalog's listing."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from catalog import rules, tables
from catalog.errors import CodeTaken, CourseIsArchived
from catalog.events import CourseArchived, CourseRestored
from catalog.rules import ForPeople
from catalog.services.facts import changed, plain, tidy
from catalog.services.modules import Module, as_module
from catalog.store import content as content_store
from catalog.store import courses as store
from catalog.tables import CourseStatus, VersionState
from core import audit
from core.db import Session
from core.errors import Invalid, NotFound, PreconditionFailed, Problem
from core.events import publish as announce

FACTS = tuple(rules.COURSE["properties"])
OFFERED = (CourseStatus.DRAFT, CourseStatus.PUBLISHED)


@dataclass(frozen=True)
class Course:
    """A course as others see it: the current version is what learners get, the draft what is being written."""

    id: UUID
    code: str
    title: str
    description: str | None
    status: str
    language: str
    estimated_minutes: int | None
    is_certified: bool
    validity_months: int | None
    passing_score: Decimal | None
    current_version_id: UUID | None
    current_version_number: str | None
    draft_version_id: UUID | None
    draft_version_number: str | None
    published_at: datetime | None
    archived_at: datetime | None
    row_version: int


@dataclass(frozen=True)
class CourseVersion:
    """One version of a course. `content_hash` (SHA-256, hex) is set once it is published.

    `for_people` is what its publishing means for people of earlier versions, `due_on` the day that was chosen for a
    retake; None: by the days that are usual.
    """

    id: UUID
    course_id: UUID
    version_number: str
    state: str
    change_note: str | None
    created_at: datetime
    published_at: datetime | None
    published_by: UUID | None
    content_hash: str | None
    for_people: str
    due_on: date | None


@dataclass(frozen=True)
class Retake:
    """A version that has to be taken by whoever had completed the course before it.

    `outdated` are the versions before it: their completions stay, but are not enough any more.
    """

    version: CourseVersion
    outdated: frozenset[UUID]


@dataclass(frozen=True)
class Section:
    """A part of a version, with its modules in order."""

    id: UUID
    stable_key: UUID
    title: str
    modules: tuple[Module, ...]


def get(session: Session, course_id: UUID) -> Course:
    """Return a course. Raises NotFound."""
    row = store.find_row(session, course_id)
    if row is None:
        raise NotFound("There is no such course.")
    return _course(*row)


def in_catalog(session: Session, course_id: UUID) -> Course:
    """Return a course that learners may see. Raises NotFound for drafts and archived ones too."""
    course = get(session, course_id)
    if course.status != CourseStatus.PUBLISHED:
        raise NotFound("There is no such course.")
    return course


def published(session: Session, search: str = "") -> list[Course]:
    """Return the courses of the catalog by title; `search` looks into titles, codes and descriptions."""
    rows, _total = store.page(session, [CourseStatus.PUBLISHED], search, 0, None)
    return [_course(*row) for row in rows]


def titles(session: Session) -> dict[UUID, str]:
    """Return the titles of all courses, archived ones too, by id."""
    rows, _total = store.page(session, list(CourseStatus), "", 0, None)
    return {course.id: course.title for course in (_course(*row) for row in rows)}


def page(
    session: Session, statuses: Sequence[CourseStatus] = OFFERED, search: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[Course], int]:
    """Return courses by title, those with one of the statuses, and how many there are in all."""
    rows, total = store.page(session, statuses, search, offset, limit)
    return [_course(*row) for row in rows], total


def counts(session: Session, search: str = "") -> dict[str, int]:
    """Return how many courses matching `search` have which status."""
    found = store.counts(session, search)
    return {status.value: found.get(status, 0) for status in CourseStatus}


def module_counts(session: Session, version_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return how many modules each of these versions has; those without any are absent."""
    return store.module_counts(session, version_ids)


def version(session: Session, version_id: UUID) -> CourseVersion:
    """Return a version. Raises NotFound."""
    found = store.find_version(session, version_id)
    if found is None:
        raise NotFound("There is no such version.")
    return as_version(found)


def versions(session: Session, course_id: UUID) -> list[CourseVersion]:
    """Return all versions of a course, newest first."""
    return [as_version(found) for found in store.versions(session, course_id)]


def before(session: Session, version_id: UUID) -> list[UUID]:
    """Return the versions of the same course that were published before this one, or this draft. Raises NotFound."""
    found = version(session, version_id)
    rows = store.versions(session, found.course_id)
    return [row.id for row in rows if row.sequence < int(found.version_number)]


def retake(session: Session, course_id: UUID, without: Collection[UUID] = ()) -> Retake | None:
    """Return the newest version that asks for a retake, if one does; leaving out the versions `without`."""
    rows = store.versions(session, course_id)
    for row in rows:
        if row.requires_retake and row.id not in without:
            return Retake(as_version(row), frozenset(one.id for one in rows if one.sequence < row.sequence))
    return None


def outline(session: Session, course_version_id: UUID) -> list[Section]:
    """Return what a version holds, in order; empty sections too."""
    modules = [as_module(*placed) for placed in content_store.modules(session, course_version_id)]
    return [
        Section(
            section.id,
            section.stable_key,
            section.title,
            tuple(module for module in modules if module.section_id == section.id),
        )
        for section in content_store.sections(session, course_version_id)
    ]


def create(session: Session, facts: Mapping[str, Any], *, now: datetime) -> Course:
    """Make a course with an empty first draft. `facts` are the fields of `catalog.rules.COURSE`.

    Raises Invalid with every field that is wrong, CodeTaken.
    """
    values = _checked(facts)
    row = tables.Course(**values, created_at=now)
    with _taking_a_code(session):
        session.add(row)
    session.add(tables.CourseVersion(course_id=row.id, sequence=1, created_at=now))
    audit.record(session, "course.created", "course", row.id, new=plain(values))
    session.flush()
    return get(session, row.id)


def edit(session: Session, course_id: UUID, changes: Mapping[str, Any], *, expected: int | None = None) -> Course:
    """Change some facts of a course; they hold for all its versions.

    `expected` is the `row_version` the change was made for: PreconditionFailed when it is no longer that.
    Raises Invalid with every field that is wrong, CodeTaken, CourseIsArchived, NotFound.
    """
    row = open_course(session, course_id)
    if expected is not None and row.row_version != expected:
        raise PreconditionFailed("Somebody else has changed this course meanwhile. Look at it again first.")
    before = {name: getattr(row, name) for name in FACTS}
    values = _checked({**before, **changes})
    old, new = changed(before, values)
    if new:
        with _taking_a_code(session):
            for name in new:
                setattr(row, name, values[name])
            row.row_version += 1
        audit.record(session, "course.changed", "course", course_id, old=old, new=new)
    return get(session, course_id)


def archive(session: Session, course_id: UUID, *, now: datetime) -> Course:
    """Take a course out of the catalog; who is taking it may finish. A second call changes nothing."""
    row = _locked(session, course_id)
    if row.status is not CourseStatus.ARCHIVED:
        old = {"status": row.status.value}
        row.status, row.archived_at = CourseStatus.ARCHIVED, now
        audit.record(session, "course.archived", "course", course_id, old=old, new={"status": row.status.value})
        announce(session, CourseArchived(course_id), subject=course_id)
        session.flush()
    return get(session, course_id)


def restore(session: Session, course_id: UUID) -> Course:
    """Bring an archived course back: into the catalog when it was published before."""
    row = _locked(session, course_id)
    if row.status is CourseStatus.ARCHIVED:
        current = store.version_in_state(session, course_id, VersionState.PUBLISHED)
        row.status, row.archived_at = CourseStatus.DRAFT if current is None else CourseStatus.PUBLISHED, None
        audit.record(session, "course.restored", "course", course_id, new={"status": row.status.value})
        announce(session, CourseRestored(course_id), subject=course_id)
        session.flush()
    return get(session, course_id)


def open_course(session: Session, course_id: UUID) -> tables.Course:
    """Return a course to change it or its draft, locked. Raises NotFound, CourseIsArchived."""
    row = _locked(session, course_id)
    if row.status is CourseStatus.ARCHIVED:
        raise CourseIsArchived
    return row


def as_version(row: tables.CourseVersion) -> CourseVersion:
    """Return the version as others see it."""
    return CourseVersion(
        row.id,
        row.course_id,
        str(row.sequence),
        row.state.value,
        row.change_note,
        row.created_at,
        row.published_at,
        row.published_by,
        row.content_hash,
        _for_people(row).value,
        row.retake_due_on,
    )


def _for_people(row: tables.CourseVersion) -> ForPeople:
    if row.requires_retake:
        return ForPeople.RETAKE
    return ForPeople.SWITCH if row.switches_not_started else ForPeople.LEAVE


def _locked(session: Session, course_id: UUID) -> tables.Course:
    row = store.find(session, course_id, lock=True)
    if row is None:
        raise NotFound("There is no such course.")
    return row


def _checked(facts: Mapping[str, Any]) -> dict[str, Any]:
    values = tidy(facts)
    if isinstance(values.get("code"), str):
        values["code"] = values["code"].upper()
    if values.get("language", "") is None:
        del values["language"]
    if problems := rules.check(rules.COURSE, values):
        raise Invalid(problems=problems)
    return values


@contextmanager
def _taking_a_code(session: Session) -> Iterator[None]:
    """Write a course inside; its code is the one thing that can collide, even with one written at this moment."""
    try:
        with session.begin_nested():
            yield
            session.flush()
    except IntegrityError as error:
        if "uq_courses" not in str(error.orig):
            raise
        problem = Problem("code", "Another course has this code.", "Choose a different one.")
        raise CodeTaken(problems=[problem]) from error


def _course(row: tables.Course, current: tables.CourseVersion | None, draft: tables.CourseVersion | None) -> Course:
    return Course(
        id=row.id,
        code=row.code,
        title=row.title,
        description=row.description,
        status=row.status.value,
        language=row.language,
        estimated_minutes=row.estimated_minutes,
        is_certified=row.is_certified,
        validity_months=row.validity_months,
        passing_score=row.passing_score,
        current_version_id=None if current is None else current.id,
        current_version_number=None if current is None else str(current.sequence),
        draft_version_id=None if draft is None else draft.id,
        draft_version_number=None if draft is None else str(draft.sequence),
        published_at=None if current is None else current.published_at,
        archived_at=row.archived_at,
        row_version=row.row_version,
    )
