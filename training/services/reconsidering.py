"""Verdicts on statements that stand already, looked at again: it has turned out who somebody is, or is not.

What a live completion rests on is held: it goes on counting where it counted, and says so (R-CMP-3, R-CERT-5: a
certificate is revoked by a person, with a reason, never by the way).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from core import audit
from core.db import Session
from lrs.services import personas
from training.rules.counting import Claim, Reason, Verdict
from training.services import progress
from training.services.sources import Sources, claims, claims_of_actors
from training.store import completions as completion_store
from training.store import enrollments as enrollment_store
from training.store import progress as store
from training.tables import CourseEnrollment, TrainingActivity

SLICE = 200
"""Statements that are looked at in one transaction."""


@dataclass
class Outcome:
    """How many statements count now, count no longer or for another, are held for a completion."""

    counted: int = 0
    withdrawn: int = 0
    held: int = 0

    def add(self, other: "Outcome") -> None:
        """Take another slice in."""
        self.counted += other.counted
        self.withdrawn += other.withdrawn
        self.held += other.held


@dataclass
class _Changes:
    """What is to be written: verdicts that are past, new ones, facts that are held or stand by themselves again."""

    past: list[UUID] = field(default_factory=list)
    uncounted: list[tuple[Claim, Verdict]] = field(default_factory=list)
    counted: list[tuple[Claim, Verdict]] = field(default_factory=list)
    held: list[TrainingActivity] = field(default_factory=list)
    released: list[TrainingActivity] = field(default_factory=list)
    enrollments: set[UUID] = field(default_factory=set)


def of_actors(
    session: Session, identifiers: Sequence[str], after: datetime | None, now: datetime
) -> tuple[datetime | None, Outcome]:
    """Look again at a slice of what clients said about these actors, from behind `after` on.

    Answered is where the slice ends (None: there is no more behind it) and what came of it. The second time nothing
    changes.
    """
    personas.hold(session)
    found = claims_of_actors(session, identifiers, after, SLICE)
    outcome = _reconsider(session, found, now)
    return (found[-1].stored if len(found) == SLICE else None), outcome


def of_statements(session: Session, statement_ids: Sequence[UUID], now: datetime) -> Outcome:
    """Look again at these statements, which say something else about who it was than before."""
    personas.hold(session)
    return _reconsider(session, claims(session, statement_ids), now)


def _reconsider(session: Session, found: Sequence[Claim], now: datetime, *, is_repeat: bool = False) -> Outcome:
    ids = [claim.statement_id for claim in found]
    facts, reasons = store.facts_of(session, ids), store.reasons_of(session, ids)
    cited = completion_store.citing(session, [row.course_enrollment_id for row in facts.values()])
    sources, changes = Sources(session), _Changes()
    for claim in found:
        fact, reason = facts.get(claim.statement_id), reasons.get(claim.statement_id)
        if claim.is_voided or (fact is None and reason is None):
            continue  # one is void whoever said it, the other has not been judged and will be
        verdict = progress.verdict_on(claim, sources, enroll=True, late=True)
        _compare(claim, verdict, fact, reason, changes, is_cited=claim.statement_id in cited)
    locked = enrollment_store.lock(session, sorted(changes.enrollments))
    counted = [verdict.counts_for for _claim, verdict in changes.counted if verdict.counts_for is not None]
    if not is_repeat and progress.has_been_switched(locked, counted, sources):
        return _reconsider(session, found, now, is_repeat=True)
    return _write(session, changes, locked, sources, now)


def _compare(
    claim: Claim,
    verdict: Verdict,
    fact: TrainingActivity | None,
    reason: Reason | None,
    to: _Changes,
    *,
    is_cited: bool,
) -> None:
    where = verdict.counts_for
    if fact is None:
        if where is None and verdict.reason is reason:
            return
    elif where is not None and (where.enrollment_id, where.module_id) == (fact.course_enrollment_id, fact.module_id):
        if fact.held_at is not None:
            to.released.append(fact)
        return
    elif is_cited:
        if fact.held_at is None:
            to.held.append(fact)
        return
    else:
        to.enrollments.add(fact.course_enrollment_id)
    to.past.append(claim.statement_id)
    if where is None:
        to.uncounted.append((claim, verdict))
    else:
        to.counted.append((claim, verdict))
        to.enrollments.add(where.enrollment_id)


def _write(
    session: Session, changes: _Changes, locked: Sequence[CourseEnrollment], sources: Sources, now: datetime
) -> Outcome:
    if changes.past:
        store.supersede(session, changes.past, now)
    store.add_uncounted(session, [progress.refused(claim, verdict, sources) for claim, verdict in changes.uncounted])
    store.add_activities(
        session,
        [
            progress.activity(claim, verdict.counts_for, claim.statement_id)
            for claim, verdict in changes.counted
            if verdict.counts_for is not None
        ],
    )
    if changes.held:
        store.hold(session, _statements(changes.held), now)
        _tell(session, "completion.evidence_held", changes.held)
    if changes.released:
        store.hold(session, _statements(changes.released), None)
        _tell(session, "completion.evidence_released", changes.released)
    for enrollment in locked:
        progress.update(session, enrollment, sources, now)
    return Outcome(len(changes.counted), len(changes.uncounted), len(changes.held))


def _statements(facts: Iterable[TrainingActivity]) -> list[UUID]:
    return [fact.statement_id for fact in facts]


def _tell(session: Session, action: str, facts: Sequence[TrainingActivity]) -> None:
    """Note for each completion that statements it rests on are no longer known as its person's, or are again."""
    by_enrollment: dict[UUID, list[TrainingActivity]] = {}
    for fact in facts:
        by_enrollment.setdefault(fact.course_enrollment_id, []).append(fact)
    for enrollment_id, together in by_enrollment.items():
        live = completion_store.find_live(session, enrollment_id)
        audit.record(
            session, action, "completion", live.id if live is not None else None,
            subject_user_id=together[0].user_id, details={"statements": [str(one) for one in _statements(together)]},
        )  # fmt: skip
