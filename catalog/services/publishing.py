"""Publishing: from a draft to what learners get, and from there to the next draft."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.services import people
from catalog import rules, tables
from catalog.errors import CannotPublish, VersionIsFinal
from catalog.events import CoursePublished
from catalog.rules import ForPeople
from catalog.services.courses import CourseVersion, as_version, open_course
from catalog.services.facts import tidy
from catalog.store import content as store
from catalog.store import courses as course_store
from catalog.tables import CourseStatus, ModuleType, VersionState
from core import audit, clock
from core.db import Session, uuid7
from core.errors import Conflict, Invalid, NotFound, Problem
from core.events import publish as announce
from scorm_player.services import packages

FARTHEST = timedelta(days=366 * 20)
"""So far ahead a day may lie until which a course is to be taken again."""


def problems(session: Session, version_id: UUID) -> list[Problem]:
    """Return what keeps a draft from being published; `where` names a section or module by its title."""
    return list(_problems(session, version_id))


def publish(
    session: Session,
    course_id: UUID,
    *,
    by: UUID | None,
    now: datetime,
    change_note: str | None = None,
    for_people: str = ForPeople.LEAVE,
    due_on: str | None = None,
) -> CourseVersion:
    """Give a course's draft to learners: it becomes final, the version before it is retired.

    `for_people` says what that means for people of earlier versions (R-VER), `due_on` (an ISO 8601 day) until when a
    retake is due. Announces CoursePublished; what follows for people is done by whoever listens. Raises CannotPublish
    with everything that is missing, Invalid, VersionIsFinal when there is no draft, CourseIsArchived, NotFound.
    """
    course = open_course(session, course_id)
    draft = course_store.version_in_state(session, course_id, VersionState.DRAFT)
    if draft is None:
        raise VersionIsFinal("There is no draft to publish.")
    facts = tidy({"change_note": change_note, "for_people": for_people, "due_on": due_on})
    if wrong := [*rules.check(rules.PUBLISHING, facts)] or _undecidable(session, draft, facts, now):
        raise Invalid(problems=wrong)
    if missing := problems(session, draft.id):
        raise CannotPublish(problems=missing)
    content_hash = rules.content_hash(_structure(session, draft.id))
    _retire_current(session, course_id)
    draft.state, draft.published_at, draft.published_by = VersionState.PUBLISHED, now, by
    draft.change_note, draft.content_hash = facts["change_note"], content_hash
    draft.switches_not_started = facts["for_people"] != ForPeople.LEAVE
    draft.requires_retake = facts["for_people"] == ForPeople.RETAKE
    draft.retake_due_on = date.fromisoformat(facts["due_on"]) if facts["due_on"] else None
    course.status = CourseStatus.PUBLISHED
    session.flush()
    new = {"version": str(draft.sequence), "content_hash": draft.content_hash, "for_people": facts["for_people"]}
    if draft.requires_retake:
        new["due_on"] = facts["due_on"]
    audit.record(session, "course.published", "course", course_id, new=new)
    announce(session, CoursePublished(course_id, draft.id), subject=course_id)
    return as_version(draft)


def new_draft(session: Session, course_id: UUID, *, now: datetime) -> CourseVersion:
    """Open the next draft as a copy of what is published, keys and trust kept; an open one is answered as it is."""
    open_course(session, course_id)
    if (draft := course_store.version_in_state(session, course_id, VersionState.DRAFT)) is not None:
        return as_version(draft)
    current = course_store.version_in_state(session, course_id, VersionState.PUBLISHED)
    if current is None:
        raise NotFound("There is no published version to start from.")
    newest = course_store.versions(session, course_id)[0]
    draft = tables.CourseVersion(course_id=course_id, sequence=newest.sequence + 1, created_at=now)
    session.add(draft)
    session.flush()
    _copy_content(session, current.id, draft.id, now)
    audit.record(session, "course.draft_opened", "course", course_id, new={"version": str(draft.sequence)})
    return as_version(draft)


def discard_draft(session: Session, course_id: UUID) -> None:
    """Throw the draft of a published course away. Raises Conflict for the first draft, which is all there is."""
    open_course(session, course_id)
    draft = course_store.version_in_state(session, course_id, VersionState.DRAFT)
    if draft is None:
        raise NotFound("There is no draft.")
    if course_store.version_in_state(session, course_id, VersionState.PUBLISHED) is None:
        raise Conflict("This is the course's only version. Archive the course instead.")
    session.delete(draft)
    audit.record(session, "course.draft_discarded", "course", course_id, old={"version": str(draft.sequence)})
    session.flush()


def _undecidable(session: Session, draft: tables.CourseVersion, facts: dict[str, Any], now: datetime) -> list[Problem]:
    """Return what is wrong with the choice for people, beside its form."""
    found = []
    if facts["for_people"] != ForPeople.LEAVE and draft.sequence == 1:
        found.append(Problem("for_people", "Nobody has an earlier version of this course.", "Choose leave."))
    if facts["due_on"] and facts["for_people"] != ForPeople.RETAKE:
        found.append(Problem("due_on", "A day is for a retake only.", "Choose retake, or leave the day out."))
    elif facts["due_on"]:
        today, day = clock.day_in(people.tenant(session).timezone, now), date.fromisoformat(facts["due_on"])
        if day < today:
            found.append(Problem("due_on", "This day has passed.", "Choose today or a later day."))
        elif day - today > FARTHEST:
            found.append(Problem("due_on", "This day is too far away.", "Choose one within twenty years."))
    return found


def _problems(session: Session, version_id: UUID) -> Iterator[Problem]:
    modules = [module for module, _version in store.modules(session, version_id)]
    trusted = {row.module_id for row in store.trust(session, [module.id for module in modules])}
    if not modules:
        yield Problem("", "The course is empty.", "Add a section and at least one module.")
        return
    for section in store.sections(session, version_id):
        if not any(module.section_id == section.id for module in modules):
            yield Problem(section.title, "This section is empty.", "Add a module to it, or remove it.")
    for module in modules:
        if module.module_type is ModuleType.EXTERNAL_LINK and module.id not in trusted:
            yield Problem(module.title, "Nobody's statements could complete it.", "Add a trusted source.")


def _retire_current(session: Session, course_id: UUID) -> None:
    current = course_store.version_in_state(session, course_id, VersionState.PUBLISHED)
    if current is not None:
        current.state = VersionState.RETIRED
        session.flush()  # before the next one takes its place: a course has one published version


def _structure(session: Session, version_id: UUID) -> list[dict[str, object]]:
    """Return everything that makes the content what it is, and nothing that a copy of it would not share."""
    modules = [module for module, _version in store.modules(session, version_id)]
    return [
        {
            "key": str(section.stable_key),
            "title": section.title,
            "modules": [_described(session, module) for module in modules if module.section_id == section.id],
        }
        for section in store.sections(session, version_id)
    ]


def _described(session: Session, module: tables.Module) -> dict[str, object]:
    package_id = module.package_version_id
    return {
        "key": str(module.stable_key),
        "title": module.title,
        "type": module.module_type.value,
        "is_required": module.is_required,
        "weight": f"{module.weight:.2f}",
        "passing_score": None if module.passing_score is None else f"{module.passing_score:.2f}",
        "completion_criteria": module.completion_criteria,
        "activity_iri": module.activity_iri,
        "external_url": module.external_url,
        "package_sha256": None if package_id is None else packages.version(session, package_id).sha256,
    }


def _copy_content(session: Session, source_id: UUID, draft_id: UUID, now: datetime) -> None:
    homes = {}
    for section in store.sections(session, source_id):
        homes[section.id] = uuid7()
        session.add(
            tables.Section(
                id=homes[section.id],
                course_version_id=draft_id,
                stable_key=section.stable_key,
                title=section.title,
                sort_order=section.sort_order,
            )
        )
    session.flush()
    copies = {}
    for module, _version in store.modules(session, source_id):
        copies[module.id] = uuid7()
        session.add(
            tables.Module(
                id=copies[module.id],
                section_id=homes[module.section_id],
                course_version_id=draft_id,
                **{name: getattr(module, name) for name in _COPIED},
            )
        )
    session.flush()
    for row in store.trust(session, list(copies)):
        session.add(
            tables.TrustedSource(module_id=copies[row.module_id], credential_id=row.credential_id, trusted_from=now)
        )
    session.flush()


_COPIED = (
    "stable_key", "title", "module_type", "sort_order", "is_required", "weight", "passing_score",
    "completion_criteria", "package_version_id", "external_url", "activity_iri",
)  # fmt: skip
