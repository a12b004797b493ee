"""Obligations: giving people something to learn, and the lists of who has what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from accounts.services import people, reach
from accounts.services.people import Person
from catalog.services import courses
from catalog.services.courses import Course
from core import audit, clock
from core.db import Session
from core.errors import Invalid, NotFound, Problem
from core.events import publish
from core.reach import Reach
from core.words import said
from training.errors import NotPublished
from training.events import AssignmentCreated
from training.rules.assignments import AssignmentType, Obligation, Standing, due_on, end_of_day
from training.services import required
from training.services.enrollments import begin
from training.services.sources import Sources
from training.store import assignments as store
from training.store import completions as completion_store
from training.store import enrollments as enrollment_store
from training.store.assignments import Filter, Row
from training.tables import AssignmentStatus, TrainingAssignment

MOST_PEOPLE = 10_000


@dataclass(frozen=True)
class Assigned:
    """What came of assigning: ids by person. `already` had it open before, `valid` hold a valid completion."""

    created: dict[UUID, UUID]
    already: dict[UUID, UUID]
    valid: frozenset[UUID]


@dataclass(frozen=True)
class TakenBack:
    """Why, when and by whom an assignment was canceled; by nobody where it ended because the person left."""

    at: datetime
    by: Person | None
    reason: str


@dataclass(frozen=True)
class AssignmentLine:
    """One assignment as lists show it."""

    id: UUID
    person: Person
    course: Course
    standing: Standing
    due_at: datetime
    assigned_at: datetime
    completed_at: datetime | None
    percent: Decimal
    enrollment_id: UUID | None
    taken_back: TakenBack | None

    @property
    def is_open(self) -> bool:
        """Whether it waits to be completed."""
        return self.standing not in (Standing.COMPLETED, Standing.CANCELLED)


def assign(
    session: Session,
    *,
    course_id: UUID,
    user_ids: Sequence[UUID],
    now: datetime,
    due: date | None = None,
    kind: AssignmentType = AssignmentType.INDIVIDUAL,
    assigned_by: UUID | None = None,
    within: Reach | None = None,
) -> Assigned:
    """R-ASG-1: give a course to people, due at the end of a day of the organization's zone (R-DUE-1).

    `within` says whom, or which courses, whoever assigns may assign. Whoever has it open keeps that assignment; whoever
    holds a valid completion is left alone (R-ASG-3), unless a later version asks for a retake. Raises Invalid naming
    what is wrong, NotFound for a course or a person of somebody else or out of reach, NotPublished.
    """
    tenant = people.tenant(session)
    today = clock.day_in(tenant.timezone, now)
    wanted = list(dict.fromkeys(user_ids))
    _check(wanted, due, today)
    course = courses.get(session, course_id)
    if course.current_version_id is None:
        raise NotPublished
    if len(people.named(session, wanted)) != len(wanted):
        raise NotFound("There is no such person.")
    if not reach.covers_all(session, within, wanted, course_id):
        raise NotFound("There is no such person.")
    retake = required.retake(session, course_id)
    outdated = retake.outdated if retake is not None else ()
    valid = completion_store.holders(session, wanted, course_id, today, outdated)
    already = store.open_ones(session, wanted, course_id)
    new = [user_id for user_id in wanted if user_id not in valid and user_id not in already]
    cycles = store.last_cycles(session, new, course_id)
    taking = enrollment_store.open_unasked(session, new, course_id)  # on their own, or since it was taken back
    due_at = end_of_day(due_on(today, kind, due), tenant.timezone)
    rows = [
        {
            "user_id": user_id,
            "course_id": course_id,
            "cycle_number": taking[user_id].cycle_number if user_id in taking else cycles.get(user_id, 0) + 1,
            "assignment_type": kind,
            "status": AssignmentStatus.ASSIGNED,
            "due_at": due_at,
            "assigned_at": now,
            "assigned_by": assigned_by,
        }
        for user_id in new
    ]
    created = {user_id: assignment_id for assignment_id, user_id in store.add(session, rows)}
    for user_id, assignment_id in created.items():
        _announce(session, assignment_id, user_id, course_id, due_at, assigned_by)
        if user_id in taking:
            taking[user_id].assignment_id = assignment_id
            begin(session, get(session, assignment_id), now)
    late = store.open_ones(session, [user_id for user_id in new if user_id not in created], course_id)
    return Assigned(created, already | late, frozenset(valid))


def _check(user_ids: Sequence[UUID], due: date | None, today: date) -> None:
    problems = []
    if not user_ids:
        problems.append(Problem("user_ids", "Nobody is chosen.", "Choose at least one person."))
    if len(user_ids) > MOST_PEOPLE:
        problems.append(Problem("user_ids", said("At most %(most)s people at a time.", most=f"{MOST_PEOPLE:,}")))
    if due is not None and due < today:
        problems.append(Problem("due_on", "This day has passed.", "Choose today or a later day."))
    if due is not None and due.year > today.year + 20:
        problems.append(Problem("due_on", "This day is too far away.", "Choose one within twenty years."))
    if problems:
        raise Invalid(problems=problems)


def _announce(
    session: Session, assignment_id: UUID, user_id: UUID, course_id: UUID, due_at: datetime, by: UUID | None
) -> None:
    audit.record(
        session,
        "assignment.created",
        "assignment",
        assignment_id,
        by=by,
        subject_user_id=user_id,
        new={"course_id": str(course_id), "due_at": due_at.isoformat()},
    )
    publish(session, AssignmentCreated(assignment_id, user_id), subject=user_id)


def get(session: Session, assignment_id: UUID) -> TrainingAssignment:
    """Return the tenant's assignment. Raises NotFound."""
    found = store.find(session, assignment_id)
    if found is None:
        raise NotFound("There is no such assignment.")
    return found


def page(
    session: Session, wanted: Filter, now: datetime, offset: int = 0, limit: int = 50
) -> tuple[list[AssignmentLine], int]:
    """Return assignments, those due first at the top, and how many match in all."""
    rows, total = store.page(session, wanted, now, offset, limit)
    return lines(session, rows, now), total


def accessible(session: Session, assignment_id: UUID, within: Reach | None) -> TrainingAssignment:
    """Return an assignment to somebody who sees so far. Raises NotFound."""
    found = get(session, assignment_id)
    if not reach.covers(session, within, found.user_id, found.course_id):
        raise NotFound("There is no such assignment.")
    return found


def line(session: Session, assignment_id: UUID, now: datetime, within: Reach | None = None) -> AssignmentLine:
    """Return one assignment as lists show it, to somebody who sees so far. Raises NotFound."""
    found = accessible(session, assignment_id, within)
    return lines(session, [(found, store.enrollment_of(session, assignment_id))], now)[0]


def counts(session: Session, now: datetime, within: Reach | None = None) -> dict[Standing, int]:
    """Return how many assignments stand how, as far as `within` reaches."""
    return store.counts(session, now, within)


def lines(session: Session, rows: Sequence[Row], now: datetime) -> list[AssignmentLine]:
    """Return assignments with the names that people know."""
    sources = Sources(session)
    canceling = [assignment.cancelled_by for assignment, _ in rows if assignment.cancelled_by is not None]
    known = people.named(session, [*(assignment.user_id for assignment, _ in rows), *canceling])
    return [
        AssignmentLine(
            id=assignment.id,
            person=known[assignment.user_id],
            course=sources.course(assignment.course_id),
            standing=obligation(assignment).standing(now),
            due_at=assignment.due_at,
            assigned_at=assignment.assigned_at,
            completed_at=assignment.completed_at,
            percent=enrollment.progress_percent if enrollment else Decimal(0),
            enrollment_id=enrollment.id if enrollment else None,
            taken_back=_taken_back(assignment, known),
        )
        for assignment, enrollment in rows
    ]


def _taken_back(assignment: TrainingAssignment, known: Mapping[UUID, Person]) -> TakenBack | None:
    is_cancelled = assignment.status is AssignmentStatus.CANCELLED
    if not is_cancelled or assignment.cancelled_at is None or assignment.cancel_reason is None:
        return None
    by = known.get(assignment.cancelled_by) if assignment.cancelled_by is not None else None
    return TakenBack(assignment.cancelled_at, by, assignment.cancel_reason)


def of_person(session: Session, user_id: UUID, now: datetime, within: Reach | None = None) -> list[AssignmentLine]:
    """Return what somebody was assigned, as far as `within` reaches: what is open first, then the latest."""
    rows, _total = store.page(session, Filter(user_ids=[user_id], within=within), now, 0, MOST_PEOPLE)
    found = lines(session, rows, now)
    ended = sorted((one for one in found if not one.is_open), key=lambda one: one.assigned_at, reverse=True)
    return [one for one in found if one.is_open] + ended


def chosen(
    session: Session, assignment_ids: Sequence[UUID], now: datetime, within: Reach | None = None
) -> list[AssignmentLine]:
    """Return these assignments as lists show them. Raises NotFound when one is not there, or out of reach."""
    rows = store.find_many(session, assignment_ids)
    reached = store.among(session, assignment_ids, within) if within is not None else set(assignment_ids)
    if len(rows) != len(set(assignment_ids)) or len(rows) != len(reached):
        raise NotFound("There is no such assignment.")
    return lines(session, rows, now)


def cancellable(
    session: Session, shown: Sequence[AssignmentLine], user_id: UUID, within: Reach | None = None
) -> set[UUID]:
    """Return those of the assignments shown that somebody who assigns so far may cancel: open, and not their own."""
    ids = {one.id for one in shown if one.is_open and one.person.user_id != user_id}
    return ids if within is None or not ids else ids & store.among(session, list(ids), within)


def obligation(assignment: TrainingAssignment) -> Obligation:
    """Return what an assignment asks, to be judged at a moment."""
    return Obligation(
        due_at=assignment.due_at,
        is_started=assignment.started_at is not None,
        is_completed=assignment.status in (AssignmentStatus.COMPLETED, AssignmentStatus.EXEMPTED),
        is_cancelled=assignment.status is AssignmentStatus.CANCELLED,
    )
