"""From stored statements to progress: the only way in. Each statement is judged once and leaves a fact or a reason."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any
from uuid import UUID

from core.db import Session
from core.events import publish
from lrs.services import personas
from training.events import ModuleProgressed
from training.rules.counting import Claim, Participation, Reason, Verdict, identity, judge
from training.rules.progress import CourseState, Fact, ModuleState, Part, course_state, fact_of, module_state
from training.services import completions, enrollments
from training.services.sources import Sources, claims
from training.store import assignments as assignment_store
from training.store import completions as completion_store
from training.store import enrollments as enrollment_store
from training.store import progress as store
from training.tables import CourseEnrollment, EnrollmentStatus, ModuleProgress, TrainingActivity


def groups(session: Session, statement_ids: Sequence[UUID]) -> list[list[UUID]]:
    """Divide statements by registration, else by actor: each group is counted in a transaction of its own."""
    found: dict[object, list[UUID]] = defaultdict(list)
    for claim in claims(session, statement_ids):
        found[claim.registration or identity(claim.actor)].append(claim.statement_id)
    return list(found.values())


def record(session: Session, statement_ids: Sequence[UUID], now: datetime, *, is_repeat: bool = False) -> None:
    """Judge statements that were stored together, and bring progress, ledger and certificates up to date.

    Statements judged before are left alone, so that a second delivery changes nothing. What was judged while its
    enrollment was switched to another version is judged again.
    """
    said = claims(session, statement_ids)
    if any(claim.credential_id is not None for claim in said):
        personas.hold(session)  # a merge of persons waits for the verdict, and has it reconsidered
    settled = store.settled(session, statement_ids)
    fresh = [claim for claim in said if claim.statement_id not in settled]
    sources = Sources(session)
    verdicts = [(claim, verdict_on(claim, sources, enroll=True)) for claim in fresh]
    counted = [(claim, verdict.counts_for) for claim, verdict in verdicts if verdict.counts_for is not None]
    touched = {participation.enrollment_id for _, participation in counted} | _undone(session, fresh)
    locked = enrollment_store.lock(session, sorted(touched))
    if not is_repeat and has_been_switched(locked, [where for _, where in counted], sources):
        record(session, statement_ids, now, is_repeat=True)
        return
    store.add_uncounted(session, [refused(c, v, sources) for c, v in verdicts if v.counts_for is None])
    store.add_activities(session, [activity(claim, where, statement_ids[0]) for claim, where in counted])
    for enrollment in locked:
        update(session, enrollment, sources, now)


def has_been_switched(locked: Iterable[CourseEnrollment], counted: Sequence[Participation], sources: Sources) -> bool:
    """Tell whether something counts for a module that is not of the version its enrollment, locked, is on now."""
    held = {row.id: {module.id for module in sources.modules(row.course_version_id)} for row in locked}
    return any(where.module_id not in held[where.enrollment_id] for where in counted)


def verdict_on(claim: Claim, sources: Sources, *, enroll: bool = False, late: bool = False) -> Verdict:
    """Decide whether a statement counts.

    With `enroll`, somebody who was assigned the course and starts it elsewhere, at a trusted source, is enrolled by it;
    when the statement is looked at `late`, only by what was assigned before it came.
    """
    around = sources.around(claim)
    verdict = judge(claim, around)
    if enroll and verdict.reason is Reason.NOT_ENROLLED and around.person is not None and claim.activity is not None:
        for module in sources.about(claim.activity):
            assigned = assignment_store.find_open(sources.session, around.person, module.course_id)
            if assigned is not None and not (late and assigned.assigned_at > claim.stored):
                enrollments.start(sources.session, module.course_id, around.person, claim.stored)
        return judge(claim, sources.around(claim))
    return verdict


def _undone(session: Session, fresh: Iterable[Claim]) -> set[UUID]:
    """The enrollments in which a statement counted that has been voided now; it is listed beside the voiding one."""
    targets = [claim.target for claim in fresh if claim.target is not None]
    voided = [claim for claim in claims(session, targets) if claim.is_voided] if targets else []
    ids = [claim.statement_id for claim in voided]
    if not ids:
        return set()
    store.add_uncounted(session, [_row(claim, Reason.VOIDED, None, None) for claim in voided])
    return store.enrollments_of(session, ids)


def refused(claim: Claim, verdict: Verdict, sources: Sources) -> dict[str, Any]:
    """Return the note that a statement does not count, as the columns of uncounted_statements."""
    launched = sources.launched(claim.registration) if claim.registration is not None else None
    registration_id = launched.registration_id if launched is not None else None
    return _row(claim, verdict.reason or Reason.SAYS_NOTHING, verdict.module_id, registration_id)


def _row(claim: Claim, reason: Reason, module_id: UUID | None, registration_id: UUID | None) -> dict[str, Any]:
    return {
        "statement_id": claim.statement_id,
        "stored_at": claim.stored,
        "reason": reason,
        "module_id": module_id,
        "registration_id": registration_id,
    }


def activity(claim: Claim, where: Participation, batch_id: UUID) -> dict[str, Any]:
    """Return the fact that a counted statement leaves, as the columns of training_activities."""
    fact = fact_of(claim)
    assert fact is not None  # noqa: S101 - a statement that says nothing does not count
    return {
        "statement_id": claim.statement_id,
        "batch_id": batch_id,
        "stored_at": claim.stored,
        "activity_timestamp": fact.at,
        "user_id": where.user_id,
        "course_enrollment_id": where.enrollment_id,
        "module_id": where.module_id,
        "registration_id": where.registration_id,
        "activity_type": fact.kind,
        "activity_iri": fact.iri,
        "progress_percent": fact.progress,
        "score_percent": fact.score,
        "is_passed": fact.is_passed,
        "time_spent_seconds": fact.seconds,
    }


def update(session: Session, enrollment: CourseEnrollment, sources: Sources, now: datetime) -> None:
    """Project an enrollment's facts anew, and complete it when its modules are (R-PCT, R-CMP-2). It is locked."""
    states = states_of(store.activities(session, enrollment.id), enrollment, sources)
    _project(session, enrollment, states)
    course = standing(states, enrollment, sources)
    if completion_store.find_live(session, enrollment.id) is None:
        _advance(session, enrollment, course, now)
        if course.is_complete:
            completions.record(session, enrollment, course, sources, now)
    session.flush()


def states_of(
    activities: Iterable[TrainingActivity], enrollment: CourseEnrollment, sources: Sources
) -> dict[UUID, ModuleState]:
    """Return where an enrollment stands in each module of its version, given its facts in stored order."""
    by_module: dict[UUID, list[TrainingActivity]] = defaultdict(list)
    for activity in activities:
        by_module[activity.module_id].append(activity)
    switched = sources.switched(enrollment.id)
    return {
        module.id: module_state(
            _batches(by_module[module.id]),
            sources.criteria(module, enrollment.course_id, switched.get(module.id)),
        )
        for module in sources.modules(enrollment.course_version_id)
    }


def _batches(activities: Iterable[TrainingActivity]) -> Iterator[list[Fact]]:
    for _, together in groupby(activities, key=lambda activity: activity.batch_id):
        yield [
            Fact(
                statement_id=row.statement_id,
                at=row.activity_timestamp,
                kind=row.activity_type,
                iri=row.activity_iri,
                progress=row.progress_percent,
                score=row.score_percent,
                is_passed=row.is_passed,
                seconds=row.time_spent_seconds,
            )
            for row in together
        ]


def standing(states: dict[UUID, ModuleState], enrollment: CourseEnrollment, sources: Sources) -> CourseState:
    """Return where an enrollment stands in its course version."""
    return course_state(
        [
            Part(states[module.id], module.is_required, Decimal(str(module.weight)))
            for module in sources.modules(enrollment.course_version_id)
        ]
    )


def _project(session: Session, enrollment: CourseEnrollment, states: dict[UUID, ModuleState]) -> None:
    rows = store.module_rows(session, enrollment.id)
    for module_id, state in states.items():
        row = rows.get(module_id)
        if row is None and state.last_at is None:
            continue
        columns = projected(state)
        if row is None:
            session.add(ModuleProgress(course_enrollment_id=enrollment.id, module_id=module_id, **columns))
        elif all(getattr(row, name) == value for name, value in columns.items()):
            continue
        else:
            for name, value in columns.items():
                setattr(row, name, value)
        publish(session, ModuleProgressed(enrollment.id, module_id, enrollment.user_id), subject=enrollment.user_id)


def projected(state: ModuleState) -> dict[str, Any]:
    """Return a module's state as the columns of its projection."""
    return {
        "status": state.status,
        "progress_percent": state.percent,
        "score_percent": state.score,
        "is_passed": state.is_passed,
        "time_spent_seconds": state.seconds,
        "started_at": state.started_at,
        "last_accessed_at": state.last_at,
        "completed_at": state.completed_at,
    }


def _advance(session: Session, enrollment: CourseEnrollment, course: CourseState, now: datetime) -> None:
    enrollment.progress_percent = course.percent
    enrollment.started_at = course.started_at
    if course.started_at is None:
        enrollment.status = EnrollmentStatus.ENROLLED
        return
    enrollment.status = EnrollmentStatus.IN_PROGRESS
    if enrollment.assignment_id is not None:
        assignment = assignment_store.find(session, enrollment.assignment_id)
        if assignment is not None:
            enrollments.begin(session, assignment, now)
