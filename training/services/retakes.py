"""Retakes: a new version of a course asks whoever had completed an earlier one to take it again (R-VER, R-ASG-3).

Their completions and certificates stay. Who owes a retake follows from the ledger and the versions alone, so that
every way here (publishing, a completion of an earlier version, coming back) does the same, and nothing the second time.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select

from accounts.services import people
from catalog.services import courses
from catalog.services.courses import Retake
from core import clock
from core.db import Session
from training.rules.assignments import AssignmentType
from training.services import assignments, required
from training.store import completions as completion_store
from training.store import republishing as store


def asked(session: Session, course_id: UUID) -> Retake | None:
    """Return the retake that a course asks for; an archived course asks nothing of anybody."""
    if courses.get(session, course_id).status != "published":
        return None
    return required.retake(session, course_id)


def owing(
    session: Session,
    course_id: UUID,
    outdated: Collection[UUID],
    now: datetime,
    *,
    user_id: UUID | None = None,
    since: datetime | None = None,
) -> Select[UUID]:
    """Return the query for who would have to take a course again, these versions being outdated; or for one person.

    Whoever has left is not asked; nor is who has the course open: they get there by finishing it; nor is from whom
    somebody took it back `since` the version was published.
    """
    today = clock.day_in(people.tenant(session).timezone, now)
    return store.owing(course_id, outdated, today, people.present(), user_id=user_id, since=since)


def of_course(
    session: Session, course_id: UUID, retake: Retake, now: datetime, user_id: UUID | None = None
) -> Select[UUID]:
    """Return the query for who has to take a course again because of this retake; or for one person."""
    since = retake.version.published_at
    return owing(session, course_id, retake.outdated, now, user_id=user_id, since=since)


def assign(session: Session, course_id: UUID, user_ids: Sequence[UUID], retake: Retake, now: datetime) -> int:
    """Give these people the course again, in the name of whoever published the version; answer how many got it.

    Due on the day that was chosen while that lies ahead, else by the days that are usual (R-DUE-1).
    """
    if not user_ids:
        return 0
    today = clock.day_in(people.tenant(session).timezone, now)
    chosen = retake.version.due_on
    done = assignments.assign(
        session,
        course_id=course_id,
        user_ids=user_ids,
        now=now,
        due=chosen if chosen is not None and chosen >= today else None,
        kind=AssignmentType.RENEWAL,
        assigned_by=retake.version.published_by,
    )
    return len(done.created)


def after_completion(session: Session, completion_id: UUID, now: datetime) -> None:
    """Open the next cycle for somebody who has finished a version that is not enough any more."""
    completion = completion_store.find(session, completion_id)
    if completion is not None:
        _catch_up(session, completion.user_id, completion.course_id, now)


def after_restoring(
    session: Session, course_id: UUID, after: UUID | None, limit: int, now: datetime
) -> tuple[UUID | None, int]:
    """Give a course that is out of the archive to a slice of those who owe it, behind the person `after`.

    Answer who came last, None when nobody is left, and how many got it.
    """
    retake = asked(session, course_id)
    if retake is None:
        return None, 0
    found = store.next_people(session, of_course(session, course_id, retake, now), after, limit)
    return found[-1] if len(found) == limit else None, assign(session, course_id, found, retake, now)


def after_return(session: Session, user_id: UUID, now: datetime) -> None:
    """Open the cycles of somebody who is back, of courses that asked for a retake while they were away."""
    for course_id in completion_store.courses_of(session, user_id):
        _catch_up(session, user_id, course_id, now)


def completed_before(session: Session, user_id: UUID, course_id: UUID, version_id: UUID | None) -> str | None:
    """Return the number of the version that somebody completed before the retake that this version is.

    None where they have not completed one, or take an earlier version still.
    """
    retake = required.retake(session, course_id)
    if retake is None or version_id in retake.outdated:
        return None
    done = completion_store.latest_version(session, user_id, course_id)
    return courses.version(session, done).version_number if done in retake.outdated else None


def _catch_up(session: Session, user_id: UUID, course_id: UUID, now: datetime) -> None:
    retake = asked(session, course_id)
    if retake is not None:
        found = store.next_people(session, of_course(session, course_id, retake, now, user_id), None, 1)
        assign(session, course_id, found, retake, now)
