"""What the catalog answers over REST."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from core import rest


class CoursesWanted(rest.Paging):
    """Which courses are asked for."""

    q: str = Field("", max_length=100, description="In code or title.")
    status: Literal["", "draft", "published", "archived"] = ""


class CourseAnswer(rest.Answer):
    """A course: the current version is what learners get, the draft what is being written."""

    id: UUID
    code: str
    title: str
    description: str | None
    status: str
    language: str
    estimated_minutes: int | None
    is_certified: bool
    validity_months: int | None
    passing_score: float | None
    current_version_id: UUID | None
    current_version_number: str | None
    draft_version_id: UUID | None
    draft_version_number: str | None
    published_at: datetime | None
    archived_at: datetime | None
    row_version: int


class VersionAnswer(rest.Answer):
    """One version of a course; `content_hash` (SHA-256) is set once it is published.

    `for_people` says what publishing it meant for people of earlier versions, `due_on` until when a retake is due,
    where a day was chosen.
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
    for_people: Literal["leave", "switch", "retake"]
    due_on: date | None


class ModuleAnswer(rest.Answer):
    """A module: what a learner opens."""

    id: UUID
    stable_key: UUID
    course_id: UUID
    course_version_id: UUID
    section_id: UUID
    title: str
    module_type: str
    is_required: bool
    weight: float
    passing_score: float | None
    completion_criteria: dict[str, Any]
    package_version_id: UUID | None
    activity_iri: str
    external_url: str | None


class TrustingModule(ModuleAnswer):
    """A module and the LRS credentials whose statements count for it."""

    trusted_sources: list[UUID]


class SectionAnswer(rest.Answer):
    """A part of a version, with its modules in order."""

    id: UUID
    stable_key: UUID
    title: str
    modules: list[ModuleAnswer]


class Lacking(rest.Answer):
    """What keeps a draft from being published."""

    where: str
    what: str
    remedy: str


class WholeVersion(VersionAnswer):
    """A version with its content, and what keeps it from being published."""

    sections: list[SectionAnswer]
    problems: list[Lacking]


class Versions(rest.Answer):
    """The versions of a course, newest first."""

    items: list[VersionAnswer]


class Sections(rest.Answer):
    """The sections of a version in order."""

    items: list[SectionAnswer]
