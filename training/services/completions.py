"""The ledger: what was completed, when, and from which statements it follows."""

from datetime import datetime
from uuid import UUID

from core import audit, clock
from core.db import Session
from core.errors import NotFound
from core.events import publish
from core.reach import Reach
from scorm_player.services import hot_fix, packages
from training.events import CompletionRecorded
from training.rules.certificates import last_valid_day
from training.rules.progress import HUNDRED, CourseState
from training.services import certificates
from training.services.sources import Sources
from training.store import assignments as assignment_store
from training.store import completions as store
from training.store import enrollments as enrollment_store
from training.tables import (
    AssignmentStatus,
    CompletionMethod,
    CourseEnrollment,
    EnrollmentStatus,
    TrainingCompletion,
)


def record(
    session: Session, enrollment: CourseEnrollment, course: CourseState, sources: Sources, now: datetime
) -> TrainingCompletion:
    """R-CMP-2: write the completion into the ledger once; a second call returns the first. The enrollment is locked.

    It names the statements it follows from, the package versions played and the course version, each with its hash.
    """
    if (found := store.find_live(session, enrollment.id)) is not None:
        return found
    facts = sources.course(enrollment.course_id)
    completed_at = course.completed_at or now
    day = clock.day_in(sources.tenant.timezone, completed_at)
    completion = TrainingCompletion(
        user_id=enrollment.user_id,
        course_id=enrollment.course_id,
        course_version_id=enrollment.course_version_id,
        course_enrollment_id=enrollment.id,
        cycle_number=enrollment.cycle_number,
        started_at=course.started_at,
        completed_at=completed_at,
        final_score=course.score,
        is_passed=True,
        time_spent_seconds=course.seconds,
        completion_method=CompletionMethod.ONLINE,
        evidence=evidence(session, enrollment, course.deciding, sources, now),
        valid_until=last_valid_day(day, facts.validity_months) if facts.validity_months else None,
        recorded_at=now,
    )
    session.add(completion)
    _close(session, enrollment, completed_at)
    session.flush()
    audit.record(
        session,
        "completion.recorded",
        "completion",
        completion.id,
        subject_user_id=enrollment.user_id,
        new={"course_id": str(enrollment.course_id), "completed_at": completed_at.isoformat()},
    )
    publish(session, CompletionRecorded(completion.id, enrollment.user_id), subject=enrollment.user_id)
    if facts.is_certified:
        certificates.issue(session, completion, sources, now)
    return completion


def evidence(
    session: Session, enrollment: CourseEnrollment, deciding: tuple[UUID, ...], sources: Sources, until: datetime
) -> dict[str, object]:
    """Return what a completion rests on, as the ledger keeps it; `until` which moment hot-fixes are told."""
    played = [m for m in sources.modules(enrollment.course_version_id) if m.package_version_id is not None]
    return {
        "statements": [str(statement_id) for statement_id in deciding],
        "packages": [
            {
                "module_id": str(module.id),
                "package_version_id": str(module.package_version_id),
                "sha256": packages.version(session, module.package_version_id).sha256,
            }
            for module in played
            if module.package_version_id is not None
        ],
        "content_hash": sources.version(enrollment.course_version_id).content_hash,
        **_hot_fixes(session, enrollment, until),
    }


def _hot_fixes(session: Session, enrollment: CourseEnrollment, until: datetime) -> dict[str, object]:
    """Tell which modules went on in another package version than they began in; nothing where none did."""
    served = enrollment_store.registrations(session, enrollment.id)
    moved = hot_fix.moves(session, list(served), until)
    told = [
        {
            "module_id": str(served[registration_id]),
            "from_sha256": one.from_sha256,
            "to_sha256": one.to_sha256,
            "moved_at": one.moved_at.isoformat(),
            "reason": one.reason,
            **({"kind": "switch"} if one.begins_anew else {}),
        }
        for registration_id, in_order in moved.items()
        for one in in_order
    ]
    return {"hot_fixes": told} if told else {}


def _close(session: Session, enrollment: CourseEnrollment, completed_at: datetime) -> None:
    enrollment.status = EnrollmentStatus.COMPLETED
    enrollment.progress_percent = HUNDRED
    enrollment.completed_at = completed_at
    for assignment in assignment_store.lock(session, [enrollment.assignment_id] if enrollment.assignment_id else []):
        if assignment.status is not AssignmentStatus.CANCELLED:  # what was canceled is not met by a later completion
            assignment.status, assignment.completed_at = AssignmentStatus.COMPLETED, completed_at


def get(session: Session, completion_id: UUID) -> TrainingCompletion:
    """Return the tenant's completion. Raises NotFound."""
    found = store.find(session, completion_id)
    if found is None:
        raise NotFound("There is no such completion.")
    return found


def page(
    session: Session, offset: int = 0, limit: int = 50, within: Reach | None = None
) -> tuple[list[TrainingCompletion], int]:
    """Return the newest completions as far as `within` reaches, and how many there are in all."""
    return store.page(session, offset, limit, within)
