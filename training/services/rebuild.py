"""Replaying every statement into empty projections and comparing: the training records follow from the statements.

Nothing is written. The ledger is compared, never rewritten, and each completion must follow from what it cites.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from core.db import Session
from training.rules.counting import Claim, Participation, Verdict
from training.rules.progress import HUNDRED, ModuleState
from training.services import completions, progress
from training.services.sources import Sources, claims_in_order
from training.store import completions as completion_store
from training.store import enrollments as enrollment_store
from training.store import progress as store
from training.tables import CourseEnrollment, EnrollmentStatus, ModuleProgress, TrainingActivity, TrainingCompletion


@dataclass(frozen=True)
class Difference:
    """Something that is not as the replay says: the thing, what was expected, what is there."""

    where: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True)
class Report:
    """What was replayed, and every difference."""

    statements: int
    counted: int
    enrollments: int
    completions: int
    differences: tuple[Difference, ...]


def rebuild(session: Session) -> Report:
    """Replay the tenant's statements, catalog and enrollments; compare facts, progress and ledger with the outcome."""
    sources, differences = Sources(session), list[Difference]()
    stored = {row.statement_id: row for row in store.every_activity(session)}
    replayed: dict[UUID, list[TrainingActivity]] = defaultdict(list)
    reasons = store.every_uncounted(session)
    statements = counted = 0
    ledger = list(completion_store.everything(session))
    cited = {UUID(name) for row in ledger if row.voided_at is None for name in row.evidence["statements"]}
    for claim in claims_in_order(session):
        statements += 1
        verdict = progress.verdict_on(claim, sources)
        if (held := stored.get(claim.statement_id)) is not None and held.held_at is not None:
            verdict = _held(held, verdict, is_cited=claim.statement_id in cited)
        differences += _unlike(claim, verdict, stored.get(claim.statement_id), reasons.get(claim.statement_id))
        if verdict.counts_for is not None:
            counted += 1
            known = stored.get(claim.statement_id)
            batch_id = known.batch_id if known is not None else claim.statement_id
            fact = TrainingActivity(**progress.activity(claim, verdict.counts_for, batch_id))
            replayed[fact.course_enrollment_id].append(fact)
    enrollments = list(enrollment_store.everything(session))
    live = {row.course_enrollment_id for row in ledger if row.is_passed and row.voided_at is None}
    for enrollment in enrollments:
        facts = replayed[enrollment.id]
        differences += _progress(session, enrollment, facts, sources, is_completed=enrollment.id in live)
    by_id = {enrollment.id: enrollment for enrollment in enrollments}
    for completion in ledger:
        if completion.voided_at is not None:
            continue  # nothing is kept for its sake
        enrollment = by_id[completion.course_enrollment_id]
        differences += _evidence(session, completion, enrollment, replayed[enrollment.id], sources)
    return Report(statements, counted, len(enrollments), len(ledger), tuple(differences))


def _held(fact: TrainingActivity, verdict: Verdict, *, is_cited: bool) -> Verdict:
    """What is held counts where it did, as long as a live completion rests on it."""
    if not is_cited:
        return verdict
    return Verdict(
        Participation(
            enrollment_id=fact.course_enrollment_id,
            module_id=fact.module_id,
            user_id=fact.user_id,
            root=fact.activity_iri,
            registration_id=fact.registration_id,
        )
    )


def _unlike(
    claim: Claim, verdict: Verdict, known: TrainingActivity | None, reason: object | None
) -> Iterator[Difference]:
    """Compare what a statement left behind with what it would leave now."""
    where = f"statement {claim.statement_id}"
    if known is None and reason is None:
        yield Difference(where, "a verdict", "none yet")
    elif verdict.counts_for is None:
        if reason is None:
            yield Difference(where, f"not to count ({verdict.reason})", "counted")
        elif reason != verdict.reason and not claim.is_voided:
            yield Difference(where, f"{verdict.reason}", f"{reason}")
    elif known is None:
        yield Difference(where, "to count", f"not counted ({reason})")
    else:
        expected = progress.activity(claim, verdict.counts_for, known.batch_id)
        for name, value in expected.items():
            if getattr(known, name) != value:
                yield Difference(f"{where} {name}", f"{value}", f"{getattr(known, name)}")


def _progress(
    session: Session,
    enrollment: CourseEnrollment,
    facts: list[TrainingActivity],
    sources: Sources,
    *,
    is_completed: bool,
) -> Iterator[Difference]:
    """Compare an enrollment's projection with what its facts come to."""
    states = progress.states_of(facts, enrollment, sources)
    rows = store.module_rows(session, enrollment.id)
    for module_id, state in states.items():
        yield from _module(f"enrollment {enrollment.id} module {module_id}", state, rows.get(module_id))
    course = progress.standing(states, enrollment, sources)
    status = EnrollmentStatus.ENROLLED if course.started_at is None else EnrollmentStatus.IN_PROGRESS
    percent = course.percent
    if is_completed:
        status, percent = EnrollmentStatus.COMPLETED, HUNDRED
    elif course.is_complete:
        yield Difference(f"enrollment {enrollment.id}", "a completion in the ledger", "none")
    if enrollment.status is not status:
        yield Difference(f"enrollment {enrollment.id} status", status.value, enrollment.status.value)
    if enrollment.progress_percent != percent:
        yield Difference(f"enrollment {enrollment.id} percent", f"{percent}", f"{enrollment.progress_percent}")


def _module(where: str, state: ModuleState, row: ModuleProgress | None) -> Iterator[Difference]:
    if row is None:
        if state.last_at is not None:
            yield Difference(where, f"{state.status} {state.percent} %", "nothing")
        return
    for name, value in progress.projected(state).items():
        if getattr(row, name) != value:
            yield Difference(f"{where} {name}", f"{value}", f"{getattr(row, name)}")


def _evidence(
    session: Session,
    completion: TrainingCompletion,
    enrollment: CourseEnrollment,
    facts: list[TrainingActivity],
    sources: Sources,
) -> Iterator[Difference]:
    """Check that a completion follows from the statements it cites, and that its hashes are what was played."""
    where = f"completion {completion.id}"
    cited = {UUID(name) for name in completion.evidence["statements"]}
    resting = [fact for fact in facts if fact.statement_id in cited]
    for missing in sorted(cited - {fact.statement_id for fact in resting}):
        yield Difference(where, f"statement {missing} to count", "it does not")
    course = progress.standing(progress.states_of(resting, enrollment, sources), enrollment, sources)
    if not course.is_complete:
        yield Difference(where, "to follow from the statements it cites", f"they come to {course.percent} %")
    elif (course.score, course.completed_at) != (completion.final_score, completion.completed_at):
        yield Difference(
            where, f"{course.score} at {course.completed_at}", f"{completion.final_score} at {completion.completed_at}"
        )
    now = completions.evidence(session, enrollment, (), sources, completion.recorded_at)
    for name in ("packages", "content_hash", "hot_fixes"):
        if now.get(name) != completion.evidence.get(name):
            yield Difference(f"{where} {name}", f"{now.get(name)}", f"{completion.evidence.get(name)}")
