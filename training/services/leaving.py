"""What becomes of obligations when somebody leaves the organization, and when they come back (R-ASG-4, R-ASG-7)."""

from datetime import datetime
from uuid import UUID

from accounts.services import people
from core import audit
from core.db import Session
from training.services import cancelling
from training.store import assignments as store
from training.tables import AssignmentStatus

REASON = "left the organization"


def end_open_assignments(session: Session, user_id: UUID, now: datetime) -> None:
    """Cancel what somebody who has left was still to do; what they did stays. Nothing if they are back already."""
    if people.status(session, user_id) != "left":
        return
    for row in store.open_of_person(session, user_id):
        cancelling.end(session, row, REASON, now)


def take_up_again(session: Session, user_id: UUID) -> None:
    """Open again what ended because somebody left: the cycle they were in, with the day it was due.

    A course that was assigned anew meanwhile keeps that assignment only; what was completed meanwhile is met.
    """
    if people.status(session, user_id) == "left":
        return
    for row in store.ended_by_leaving(session, user_id, REASON):
        if store.is_assigned_since(session, row):
            continue
        taken = store.enrollment_of(session, row.id)
        row.status = AssignmentStatus.IN_PROGRESS if row.started_at else AssignmentStatus.ASSIGNED
        if taken is not None and taken.completed_at is not None:
            row.status, row.completed_at = AssignmentStatus.COMPLETED, taken.completed_at
        row.cancelled_at = row.cancel_reason = None
        session.flush()
        audit.record(session, "assignment.restored", "assignment", row.id, subject_user_id=user_id)
