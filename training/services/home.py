"""What Home and My learning show: what to do next, what is done and proven, and for administrators how things stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from accounts.services import people
from catalog.services.courses import Course
from core import clock
from core.db import Session
from training.rules.assignments import Standing
from training.services import assignments, certificates, retakes
from training.services.certificates import Shown
from training.services.sources import Sources
from training.store import assignments as assignment_store
from training.store import completions as completion_store
from training.store import enrollments as store
from training.store import progress as progress_store
from training.tables import CourseEnrollment, TrainingAssignment


@dataclass(frozen=True)
class ToDo:
    """Something to learn: assigned, or begun of one's own accord. Without a `module_id` it has not been begun.

    `earlier_version`: the number of the version completed before, where a later one asks for a retake.
    """

    course: Course
    percent: Decimal
    standing: Standing
    due_on: date | None
    enrollment_id: UUID | None
    module_id: UUID | None
    module_title: str | None
    module_count: int
    is_begun: bool
    earlier_version: str | None


@dataclass(frozen=True)
class Done:
    """Something completed, with what proves it."""

    course: Course
    completion_id: UUID
    enrollment_id: UUID
    completed_on: date
    score: Decimal | None
    certificate: Shown | None
    statement_count: int
    version_number: str


@dataclass(frozen=True)
class Overview:
    """How the organization's assignments stand, for those who administer them."""

    open: int
    overdue: int
    due_soon: int
    completed: int
    uncounted: int


@dataclass(frozen=True)
class HomePage:
    """What Home shows: the next thing first."""

    today: date
    greeting: str
    to_do: Sequence[ToDo]
    done: Sequence[Done]
    overview: Overview | None

    @property
    def next(self) -> ToDo | None:
        """The one thing to do next."""
        return self.to_do[0] if self.to_do else None


def page(session: Session, user_id: UUID, now: datetime, *, with_overview: bool = False) -> HomePage:
    """Return what a person's Home shows now; `with_overview` for who may read everybody's progress."""
    person = people.get(session, user_id)
    local = clock.day_in(person.timezone, now)
    sources = Sources(session)
    return HomePage(
        today=local,
        greeting=_part_of_day(now, person.timezone),
        to_do=to_do(session, user_id, now, sources),
        done=done(session, user_id, now, sources),
        overview=overview(session, now) if with_overview else None,
    )


def to_do(session: Session, user_id: UUID, now: datetime, sources: Sources) -> list[ToDo]:
    """Return what a person has to do or has begun: due first, then what was begun last.

    What was taken back from them is not listed, unless they have gone on with it since, of their own accord.
    """
    rows = assignment_store.of_person(session, user_id)
    listed = [
        _to_do(session, user_id, assignment.course_id, assignment, taken, now, sources) for assignment, taken in rows
    ]
    assigned = {assignment.id for assignment, _ in rows}
    others = [
        taken
        for taken in store.of_person(session, user_id)
        if taken.status in store.OPEN and taken.assignment_id not in assigned
    ]
    ended = assignment_store.ended_at(session, [taken.assignment_id for taken in others if taken.assignment_id])
    for taken in others:
        taken_back_at = ended.get(taken.assignment_id) if taken.assignment_id else None
        if taken_back_at is None or (taken.last_accessed_at is not None and taken.last_accessed_at > taken_back_at):
            listed.append(_to_do(session, user_id, taken.course_id, None, taken, now, sources))
    return listed


def _to_do(
    session: Session,
    user_id: UUID,
    course_id: UUID,
    assignment: TrainingAssignment | None,
    taken: CourseEnrollment | None,
    now: datetime,
    sources: Sources,
) -> ToDo:
    course = sources.course(course_id)
    version_id = taken.course_version_id if taken is not None else course.current_version_id
    modules = sources.modules(version_id) if version_id is not None else []
    following = next_module(session, taken, sources) if taken is not None else None
    is_again = assignment is not None and (
        assignment.cycle_number > 1 or (taken is not None and taken.cycle_number > 1)
    )
    standing = Standing.IN_PROGRESS if taken is not None and taken.started_at is not None else Standing.NOT_STARTED
    if assignment is not None:
        standing = assignments.obligation(assignment).standing(now)
    return ToDo(
        course=course,
        percent=taken.progress_percent if taken is not None else Decimal(0),
        standing=standing,
        due_on=clock.day_in(sources.tenant.timezone, assignment.due_at) if assignment is not None else None,
        enrollment_id=taken.id if taken is not None else None,
        module_id=following,
        module_title=next((module.title for module in modules if module.id == following), None),
        module_count=len(modules),
        is_begun=taken is not None and taken.started_at is not None,
        earlier_version=retakes.completed_before(session, user_id, course_id, version_id) if is_again else None,
    )


def earlier_version(session: Session, user_id: UUID, course: Course) -> str | None:
    """Return the version of a course that somebody completed before, where they are to take it again now."""
    if assignment_store.find_open(session, user_id, course.id) is None:
        return None
    taken = store.find_latest(session, user_id, course.id)
    is_taking = taken is not None and taken.status in store.OPEN
    version_id = taken.course_version_id if taken is not None and is_taking else course.current_version_id
    return retakes.completed_before(session, user_id, course.id, version_id)


def latest(session: Session, user_id: UUID, course_id: UUID) -> CourseEnrollment | None:
    """Return a person's newest enrollment in a course."""
    return store.find_latest(session, user_id, course_id)


def next_module(session: Session, enrollment: CourseEnrollment, sources: Sources) -> UUID | None:
    """Return the module to go on with: the first one not complete, else the first."""
    rows = progress_store.module_rows(session, enrollment.id)
    modules = sources.modules(enrollment.course_version_id)
    for module in modules:
        row = rows.get(module.id)
        if row is None or row.completed_at is None:
            return module.id
    return modules[0].id if modules else None


def done(session: Session, user_id: UUID, now: datetime, sources: Sources) -> list[Done]:
    """Return what a person has completed, newest first, with the certificates."""
    rows = [row for row in completion_store.of_person(session, user_id) if row.voided_at is None]
    proofs = certificates.of_completions(session, [row.id for row in rows], now)
    counts = progress_store.activity_counts(session, [row.course_enrollment_id for row in rows])
    return [
        Done(
            course=sources.course(row.course_id),
            completion_id=row.id,
            enrollment_id=row.course_enrollment_id,
            completed_on=clock.day_in(sources.tenant.timezone, row.completed_at),
            score=row.final_score,
            certificate=proofs.get(row.id),
            statement_count=counts.get(row.course_enrollment_id, 0),
            version_number=sources.version(row.course_version_id).version_number,
        )
        for row in rows
    ]


def overview(session: Session, now: datetime) -> Overview:
    """Return how the organization's assignments stand."""
    counts = assignments.counts(session, now)
    standing_open = (Standing.NOT_STARTED, Standing.IN_PROGRESS, Standing.DUE_SOON, Standing.OVERDUE)
    return Overview(
        open=sum(counts[standing] for standing in standing_open),
        overdue=counts[Standing.OVERDUE],
        due_soon=counts[Standing.DUE_SOON],
        completed=counts[Standing.COMPLETED],
        uncounted=sum(progress_store.uncounted_reasons(session).values()),
    )


def _part_of_day(now: datetime, zone: str) -> str:
    hour = now.astimezone(ZoneInfo(zone)).hour
    return "morning" if 4 <= hour < 12 else "afternoon" if 12 <= hour < 18 else "evening"
