"""What rests on statements, for whoever is about to delete them or to change their actors.

What a live completion rests on is kept as long as it (rules.md, retention); everything else may go, and then what it
led to goes with it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from core.db import Session
from lrs.services.erasing import Standing
from training.services import progress, reconsidering
from training.services.sources import Sources
from training.store import certificates as certificate_store
from training.store import completions as completion_store
from training.store import enrollments as enrollment_store
from training.store import progress as store
from training.tables import EnrollmentStatus


def standing(session: Session, statement_ids: Sequence[UUID]) -> Mapping[UUID, Standing]:
    """Return what rests on those of the statements that count."""
    facts = store.facts_of(session, statement_ids)
    ids = {fact.course_enrollment_id for fact in facts.values()}
    cited = completion_store.citing(session, list(ids))
    given = certificate_store.by_completion(session, [row.id for row in cited.values()])
    statuses = enrollment_store.statuses(session, ids)
    found = {}
    for statement_id, fact in facts.items():
        completion = cited.get(statement_id)
        is_open = statuses[fact.course_enrollment_id] is not EnrollmentStatus.COMPLETED
        why = "it counts for a course in progress" if is_open else "it counts for a completed course"
        if completion is not None:
            why = f"completion {completion.id} rests on it"
            if (certificate := given.get(completion.id)) is not None:
                why += f", certificate {certificate.certificate_number}"
        found[statement_id] = Standing(completion is not None, is_open, fact.registration_id is not None, why)
    return found


def forget(session: Session, statement_ids: Sequence[UUID], now: datetime) -> None:
    """Take back what statements have led to that are about to be deleted; progress is what remains comes to."""
    touched = store.enrollments_of(session, statement_ids)
    locked = enrollment_store.lock(session, sorted(touched))
    store.forget(session, statement_ids)
    session.expire_all()
    sources = Sources(session)
    for enrollment in locked:
        progress.update(session, enrollment, sources, now)


def reconsider(session: Session, statement_ids: Sequence[UUID], now: datetime) -> None:
    """Look again at statements that have another actor now."""
    reconsidering.of_statements(session, statement_ids, now)
