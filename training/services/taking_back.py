"""Taking a retake back that was a mistake: from everybody whom a version asked, in slices like the asking (R-VER)."""

from datetime import datetime
from uuid import UUID

from catalog.services import courses
from core import audit, jobs
from core.db import Session
from core.errors import NotFound
from training.errors import StillWorking
from training.services import cancelling, required
from training.store import republishing as store
from training.tables import RepublishingStep

JOB = "training.take_retake_back"


def asked(session: Session, version_id: UUID) -> int:
    """Return how many people still have to take a course again because of a version.

    Raises NotFound for a version that is not the one that asks now: it never did, or no more, or a later one does.
    """
    version = courses.version(session, version_id)
    retake = required.retake(session, version.course_id)
    if retake is None or retake.version.id != version_id or version.published_at is None:
        raise NotFound("This version asks nobody to take the course again.")
    return store.count_asked_again(session, version.course_id, version.published_at)


def take_back(session: Session, version_id: UUID, reason: str, now: datetime, *, by: UUID) -> None:
    """Let nobody have to take a course again because of a version; a job ends what is open. A second time is nothing.

    Completions of earlier versions are enough again. Raises Invalid without a reason, NotFound, StillWorking.
    """
    reason = cancelling.checked(reason)
    row = store.find(session, version_id, lock=True)
    if row is not None and row.taken_back_at is not None:
        return
    expected = asked(session, version_id)
    if row is None or row.step is not RepublishingStep.DONE:
        raise StillWorking
    row.taken_back_at, row.taken_back_by, row.taken_back_reason = now, by, reason
    row.step, row.finished_at, row.handled, row.expected = RepublishingStep.TAKING_BACK, None, 0, expected
    row.job_id = jobs.enqueue(
        session, JOB, {"course_version_id": str(version_id)}, subject=row.course_id, created_by=by
    )
    audit.record(
        session, "course.retake_taken_back", "course", row.course_id, by=by,
        new={"version": courses.version(session, version_id).version_number, "reason": reason},
    )  # fmt: skip
    session.flush()
