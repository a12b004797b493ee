"""What becomes of obligations when somebody leaves the organization, and when they come back (R-ASG-4, R-ASG-7)."""

from datetime import datetime
from uuid import UUID

from accounts.services import people
from core import audit
from core.db import Session
from core.events import publish
from training.events import AssignmentCancelled
from training.store import assignments as store
from training.tables import AssignmentStatus

REASON = "left the organization"


def end_open_assignments(session: Session, user_id: UUID, now: datetime) -> None:
    """Cancel what somebody who has left was still to do; what they did stays. Nothing if they are back already."""
    if people.status(session, user_id) != "left":
        return
    for row in store.open_of_person(session, user_id):
        row.status, row.cancelled_at, row.cancel_reason = AssignmentStatus.CANCELLED, now, REASON
        audit.record(
            session, "assignment.cancelled", "assignment", row.id, subject_user_id=user_id, new={"reason": REASON}
        )
        publish(session, AssignmentCancelled(row.id, user_id), subject=user_id)


def take_up_again(session: Session, user_id: UUID) -> None:
    """Open again what ended because somebody left: the cycle they were in, with the day it was due.

    A course that was assigned anew meanwhile keeps that assignment only.
    """
    if people.status(session, user_id) == "left":
        return
    for row in store.cancelled_of_person(session, user_id, REASON):
        if store.find_open(session, user_id, row.course_id) is not None:
            continue
        row.status = AssignmentStatus.IN_PROGRESS if row.started_at else AssignmentStatus.ASSIGNED
        row.cancelled_at = row.cancel_reason = None
        session.flush()
        audit.record(session, "assignment.restored", "assignment", row.id, subject_user_id=user_id)
