"""Attempts: what one person did in each module of an enrollment, and how everybody fared in a module of a course."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from accounts.services import people, reach
from accounts.services.people import Person
from catalog.services import courses
from catalog.services.courses import Course, CourseVersion
from catalog.services.modules import Module
from core import audit
from core.db import Session
from core.errors import NotFound
from core.reach import Reach
from scorm_player.services import reports
from scorm_player.services.reports import Analyzed, History
from training.services.sources import Sources
from training.store import enrollments as store
from training.tables import CourseEnrollment


@dataclass(frozen=True)
class Played:
    """A module with everything done in it; no history before it was opened, or where it is played elsewhere."""

    module: Module
    registration_id: UUID | None
    history: History | None


@dataclass(frozen=True)
class PersonsAttempts:
    """One enrollment, module by module."""

    enrollment: CourseEnrollment
    course: Course
    person: Person
    played: Sequence[Played]


@dataclass(frozen=True)
class Reportable:
    """A module of some version of the course that plays a package."""

    module: Module
    version: CourseVersion


@dataclass(frozen=True)
class Line:
    """One person in a module: statuses, score in percent, seconds, and how many attempts on its items there were."""

    enrollment_id: UUID
    person: Person | None
    completion: str
    success: str
    percent: float | None
    attempts: int
    seconds: Decimal
    started_at: datetime | None
    completed_at: datetime | None


@dataclass(frozen=True)
class ModuleReport:
    """How everybody fared in one module. Means are over those who have a score, or any time, at all."""

    course: Course
    chosen: Reportable | None
    choices: Sequence[Reportable]
    lines: Sequence[Line]
    questions: Sequence[Analyzed]

    @property
    def completed(self) -> int:
        """How many have completed the module."""
        return sum(line.completion == "completed" for line in self.lines)

    @property
    def mean_percent(self) -> float | None:
        """The mean score, 0–100."""
        scores = [line.percent for line in self.lines if line.percent is not None]
        return sum(scores) / len(scores) if scores else None

    @property
    def mean_seconds(self) -> int:
        """The mean time of those who have begun."""
        spent = [line.seconds for line in self.lines if line.started_at is not None]
        return round(sum(spent) / len(spent)) if spent else 0


def of_enrollment(session: Session, enrollment_id: UUID, user_id: UUID, *, within: Reach | None) -> PersonsAttempts:
    """Return what was done under an enrollment: to the person whose it is, and to whoever sees so far.

    Raises NotFound for everybody else.
    """
    enrollment = store.find(session, enrollment_id)
    if enrollment is None or (
        enrollment.user_id != user_id and not reach.covers(session, within, enrollment.user_id, enrollment.course_id)
    ):
        raise NotFound("There is no such course of yours.")
    sources = Sources(session)
    return PersonsAttempts(
        enrollment=enrollment,
        course=sources.course(enrollment.course_id),
        person=people.get(session, enrollment.user_id),
        played=[_played(session, enrollment.id, module) for module in sources.modules(enrollment.course_version_id)],
    )


@dataclass(frozen=True)
class Taken:
    """An enrollment of somebody, with its course."""

    enrollment: CourseEnrollment
    course: Course


def with_registration(session: Session, enrollment_id: UUID, registration_id: UUID) -> PersonsAttempts:
    """Return an enrollment that this registration serves. Raises NotFound where it does not."""
    served = store.find_by_registration(session, registration_id)
    if served is None or served[0].id != enrollment_id:
        raise NotFound("There is no such registration in this enrollment.")
    return of_enrollment(session, enrollment_id, served[0].user_id, within=None)


def of_person(session: Session, user_id: UUID, within: Reach | None = None) -> list[Taken]:
    """Return what somebody has enrolled in, newest first, as far as `within` reaches."""
    sources = Sources(session)
    taken = store.of_person(session, user_id)
    if not reach.covers(session, within, user_id):
        taken = [one for one in taken if within is not None and one.course_id in within.things]
    return [Taken(one, sources.course(one.course_id)) for one in taken]


def _played(session: Session, enrollment_id: UUID, module: Module) -> Played:
    registration_id = store.find_registration(session, enrollment_id, module.id)
    history = reports.history(session, registration_id) if registration_id is not None else None
    return Played(module, registration_id, history)


def of_module(session: Session, course_id: UUID, module_id: UUID | None, within: Reach | None = None) -> ModuleReport:
    """Return how people within reach fared in a module of a course; without a module in the newest version's first.

    Raises NotFound when the course or the module in it is not this tenant's.
    """
    course, sources = courses.get(session, course_id), Sources(session)
    choices = [
        Reportable(module, version)
        for version in sorted(
            courses.versions(session, course_id), key=lambda one: one.version_number or 0, reverse=True
        )
        if version.published_at is not None
        for module in sources.modules(version.id)
        if module.package_version_id is not None
    ]
    chosen = next((one for one in choices if module_id in (None, one.module.id)), None)
    if chosen is None or chosen.module.package_version_id is None:
        if module_id is not None:
            raise NotFound("This course has no such module.")
        return ModuleReport(course, None, choices, (), ())
    served = store.registrations_of_module(session, chosen.module.id, within)
    names = people.named(session, [enrollment.user_id for _, enrollment in served])
    by_registration = dict(served)
    lines = [
        Line(
            enrollment_id=by_registration[standing.registration.id].id,
            person=names.get(by_registration[standing.registration.id].user_id),
            completion=standing.registration.completion,
            success=standing.registration.success,
            percent=None if standing.registration.score_scaled is None else standing.registration.score_scaled * 100,
            attempts=standing.attempts,
            seconds=standing.registration.total_seconds,
            started_at=standing.started_at,
            completed_at=standing.completed_at,
        )
        for standing in reports.standings(session, list(by_registration))
    ]
    questions = reports.analysis(session, chosen.module.package_version_id, list(by_registration))
    return ModuleReport(course, chosen, choices, lines, questions)


def exported(
    session: Session,
    what: Literal["attempts", "answers"],
    course_id: UUID,
    module_id: UUID | None,
    within: Reach | None,
) -> ModuleReport:
    """Return the report for a file with its attempts or its answers, and note that they were taken out."""
    report = of_module(session, course_id, module_id, within)
    rows = report.lines if what == "attempts" else report.questions
    module = str(report.chosen.module.id) if report.chosen else ""
    details = {"title": report.course.title, "module_id": module, "rows": len(rows)}
    audit.record(session, f"course.{what}_exported", "course", course_id, details=details)
    return report
