"""What the catalog announces."""

from dataclasses import dataclass
from uuid import UUID

from core.events import Event


@dataclass(frozen=True)
class CoursePublished(Event):
    """A version of a course is what learners get from now on; the one before is retired."""

    course_id: UUID
    course_version_id: UUID


@dataclass(frozen=True)
class CourseArchived(Event):
    """A course is no longer offered. Who is taking it may finish."""

    course_id: UUID


@dataclass(frozen=True)
class CourseRestored(Event):
    """An archived course is back where it was."""

    course_id: UUID
