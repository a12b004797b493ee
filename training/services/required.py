"""Which version of a course has to be taken by whoever had completed it before (R-VER)."""

from uuid import UUID

from catalog.services import courses
from catalog.services.courses import Retake
from core.db import Session
from training.store import republishing as store


def retake(session: Session, course_id: UUID) -> Retake | None:
    """Return the newest version that asks for a retake which nobody has taken back, if one does."""
    return courses.retake(session, course_id, without=store.taken_back(session, course_id))
