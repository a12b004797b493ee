"""Taking obligations back: an assignment is canceled with a reason, and stays on record (R-ASG-7).

What the person has done stays, and goes on if they wish; only nobody asks for it any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core import audit
from core.db import Session
from core.errors import Invalid, NotFound, Problem
from core.events import publish
from core.reach import Reach
from core.words import said
from training.errors import NotOpen, OwnAssignment
from training.events import AssignmentCancelled
from training.store import assignments as store
from training.tables import AssignmentStatus, TrainingAssignment

LONGEST_REASON = 500


@dataclass(frozen=True)
class Cancelled:
    """What came of canceling: ids of what ended now, of what was canceled before, and of what is completed."""

    cancelled: tuple[UUID, ...]
    already: tuple[UUID, ...]
    completed: tuple[UUID, ...]


def cancel(
    session: Session,
    assignment_ids: Sequence[UUID],
    reason: str,
    now: datetime,
    *,
    by: UUID,
    within: Reach | None = None,
) -> Cancelled:
    """R-ASG-7: cancel assignments that are open, all or none; what has ended stays as it is.

    Raises Invalid without a reason, NotFound for one of somebody else or out of reach, OwnAssignment for one's own.
    """
    reason = checked(reason)
    wanted = list(dict.fromkeys(assignment_ids))
    rows = store.lock(session, wanted, within)
    if len(rows) != len(wanted):
        raise NotFound("There is no such assignment.")
    if any(row.user_id == by for row in rows):
        raise OwnAssignment
    ending = [row for row in rows if row.status in store.OPEN]
    for row in ending:
        end(session, row, reason, now, by=by)
    session.flush()
    ended = [row for row in rows if row not in ending]
    return Cancelled(
        cancelled=tuple(row.id for row in ending),
        already=tuple(row.id for row in ended if row.status is AssignmentStatus.CANCELLED),
        completed=tuple(row.id for row in ended if row.status is not AssignmentStatus.CANCELLED),
    )


def cancel_one(
    session: Session, assignment_id: UUID, reason: str, now: datetime, *, by: UUID, within: Reach | None = None
) -> None:
    """Cancel one assignment, once. Raises what `cancel` raises, and NotOpen when it is completed."""
    if cancel(session, [assignment_id], reason, now, by=by, within=within).completed:
        raise NotOpen


def checked(reason: str) -> str:
    """Return a reason as it is kept. Raises Invalid."""
    text = reason.strip()
    if not text:
        raise Invalid(problems=[Problem("reason", "There is no reason.", "Say why: it stays with the records.")])
    if len(text) > LONGEST_REASON:
        raise Invalid(problems=[Problem("reason", said("At most %(most)s characters.", most=LONGEST_REASON))])
    return text


def end(session: Session, row: TrainingAssignment, reason: str, now: datetime, *, by: UUID | None = None) -> None:
    """End an open assignment, which is locked, without its being met; `by` nobody when it ends by itself."""
    old = {"status": row.status.value}
    row.status, row.cancelled_at, row.cancelled_by, row.cancel_reason = AssignmentStatus.CANCELLED, now, by, reason
    audit.record(
        session,
        "assignment.cancelled",
        "assignment",
        row.id,
        by=by,
        subject_user_id=row.user_id,
        old=old,
        new={"status": row.status.value, "reason": reason, "course_id": str(row.course_id)},
    )
    publish(session, AssignmentCancelled(row.id, row.user_id), subject=row.user_id)
