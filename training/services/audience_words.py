"""What rules of audiences may ask about training."""

from uuid import UUID

from accounts.services.predicates import Predicate
from catalog.services import courses
from core.db import Session
from training.store import completions as store


def _courses(session: Session) -> list[tuple[str, str]]:
    return [(str(course.id), f"{course.title} ({course.code})") for course in courses.published(session)]


WORDS = (
    Predicate(
        "completed_course",
        "Completed course",
        ("ever", "valid_now"),
        "choices",
        lambda operator, values, now: store.holders_of_any(
            [UUID(value) for value in values], now.date() if operator == "valid_now" else None
        ),
        _courses,
    ),
)
"""`app/wiring.py` hands these to `accounts.services.predicates`."""
