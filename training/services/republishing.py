"""What a new version of a course does with people of earlier ones: whom it concerns, done in slices, what came of it.

Each slice has a transaction of its own and notes how far it came, so that a crash between two repeats nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from accounts.services import people
from catalog.rules import ForPeople
from catalog.services import courses
from catalog.services.modules import Module
from core import audit, clock, jobs
from core.db import Session
from core.tables import JobState
from scorm_player.services import registrations
from training.rules.assignments import AssignmentType, due_on
from training.services import cancelling, retakes
from training.services.sources import Sources
from training.store import enrollments as enrollment_store
from training.store import republishing as store
from training.tables import (
    CourseEnrollment,
    EnrollmentSwitch,
    ModuleRegistration,
    Republishing,
    RepublishingStep,
)

SLICE = 200
"""Enrollments, or people, that are looked at in one transaction."""


@dataclass(frozen=True)
class Concerned:
    """People of the versions before one: not started yet, in progress, with a valid completion and nothing open.

    `usual_due_on`: until when a retake would be due without a chosen day.
    """

    not_started: int
    in_progress: int
    completed: int
    usual_due_on: date


@dataclass(frozen=True)
class Outcome:
    """How far it is (percent 0–100), and how many were switched, assigned, or stay in progress where they are.

    Since a retake was taken back: why, and how many assignments ended with it.
    """

    state: Literal["working", "done", "failed"] = "working"
    percent: int = 0
    switched: int = 0
    assigned: int = 0
    staying: int = 0
    taken_back: str | None = None
    cancelled: int = 0


def concerned(session: Session, version_id: UUID, now: datetime) -> Concerned:
    """Return how many people of earlier versions there are, for whoever is to choose. Raises NotFound."""
    version, earlier = courses.version(session, version_id), courses.before(session, version_id)
    waiting = store.untouched(session, version.course_id, earlier)
    not_started = len(waiting) - len(_begun(session, store.links(session, waiting), version_id, Sources(session)))
    today = clock.day_in(people.tenant(session).timezone, now)
    return Concerned(
        not_started=not_started,
        in_progress=store.open_on(session, version.course_id, earlier) - not_started,
        completed=store.count(
            session, retakes.owing(session, version.course_id, earlier, now, since=version.published_at)
        ),
        usual_due_on=due_on(today, AssignmentType.RENEWAL),
    )


def outcome(session: Session, version_id: UUID) -> Outcome | None:
    """Return what came of a version's choice; None where nothing was to be done. Raises NotFound."""
    if courses.version(session, version_id).for_people == ForPeople.LEAVE:
        return None
    row = store.find(session, version_id)
    if row is None:
        return Outcome()
    job = jobs.find(session, row.job_id)
    return _outcome(row, has_failed=job is not None and job.state is JobState.FAILED)


def begin(session: Session, version_id: UUID, job_id: UUID, now: datetime) -> bool:
    """Begin with a version's people, once; answer whether there is anything to do. Raises NotFound."""
    version = courses.version(session, version_id)
    if version.for_people == ForPeople.LEAVE:
        return False
    found = concerned(session, version_id, now)
    expected = found.not_started + (found.completed if version.for_people == ForPeople.RETAKE else 0)
    store.add(
        session, course_id=version.course_id, version_id=version_id, expected=expected, staying=found.in_progress,
        job_id=job_id, now=now,
    )  # fmt: skip
    return True


def go_on(session: Session, version_id: UUID, now: datetime) -> Outcome:
    """Do the next slice; what is done already is done. Answer how far that came."""
    row = store.find(session, version_id, lock=True)
    if row is None or row.step is RepublishingStep.DONE:
        return outcome(session, version_id) or Outcome("done", 100)
    if SLICES[row.step](session, row, now):
        row.after_id = None
        row.step = _following(session, row)
    if row.step is RepublishingStep.DONE:
        row.finished_at = now
        if row.taken_back_at is None:
            _tell(session, row)
    session.flush()
    return _outcome(row)


def _following(session: Session, row: Republishing) -> RepublishingStep:
    asks_again = courses.version(session, row.course_version_id).for_people == ForPeople.RETAKE
    is_switching = row.step is RepublishingStep.SWITCHING
    return RepublishingStep.ASSIGNING if is_switching and asks_again else RepublishingStep.DONE


def _switch_slice(session: Session, row: Republishing, now: datetime) -> bool:
    """Let who has not started have the new version; answer whether nobody is left."""
    earlier = courses.before(session, row.course_version_id)

    def waiting() -> list[UUID]:
        return store.untouched(session, row.course_id, earlier, row.after_id, SLICE)

    ids = waiting()
    if not ids:
        return True
    locked = enrollment_store.lock(session, ids)
    still, links = set(waiting()), store.links(session, ids)  # what happened while we waited for the locks
    sources = Sources(session)
    begun = _begun(session, links, row.course_version_id, sources, lock=True)
    for enrollment in locked:
        if enrollment.id in still and enrollment.id not in begun:
            own = [link for link in links if link.course_enrollment_id == enrollment.id]
            _switch(session, enrollment, own, row.course_version_id, sources, now)
            row.switched += 1
    row.handled, row.after_id = row.handled + len(ids), ids[-1]
    return len(ids) < SLICE


def _switch(
    session: Session,
    enrollment: CourseEnrollment,
    links: Sequence[ModuleRegistration],
    version_id: UUID,
    sources: Sources,
    now: datetime,
) -> None:
    """Let an enrollment have another version. A window that waits at the outline goes on in what it holds now."""
    for link in links:
        twin = _twin(link, version_id, sources)
        if twin is not None and twin.package_version_id is not None:
            registrations.play_instead(session, link.registration_id, twin.package_version_id)
            link.module_id = twin.id
    session.add(
        EnrollmentSwitch(
            course_enrollment_id=enrollment.id,
            from_version_id=enrollment.course_version_id,
            to_version_id=version_id,
            switched_at=now,
        )
    )
    old, new = sources.version(enrollment.course_version_id), sources.version(version_id)
    audit.record(
        session, "enrollment.switched", "enrollment", enrollment.id,
        by=new.published_by, subject_user_id=enrollment.user_id,
        old={"version": old.version_number},
        new={"version": new.version_number, "title": sources.course(enrollment.course_id).title},
    )  # fmt: skip
    enrollment.course_version_id = version_id


def _begun(
    session: Session, links: Sequence[ModuleRegistration], version_id: UUID, sources: Sources, *, lock: bool = False
) -> set[UUID]:
    """Return the enrollments in which something was opened in the player: a visit, though it says nothing yet.

    So counts a page that waits for a choice in a module that the version does not hold: it could not go along.
    """
    empty = registrations.untouched(session, [link.registration_id for link in links], lock=lock)
    return {
        link.course_enrollment_id
        for link in links
        if link.registration_id not in empty or _twin(link, version_id, sources) is None
    }


def _twin(link: ModuleRegistration, version_id: UUID, sources: Sources) -> Module | None:
    """Return the same module of another version, if that plays a package, too."""
    key = sources.module(link.module_id).stable_key
    same = (one for one in sources.modules(version_id) if one.stable_key == key and one.package_version_id is not None)
    return next(same, None)


def _assign_slice(session: Session, row: Republishing, now: datetime) -> bool:
    """Give the course again to who had completed it; answer whether nobody is left."""
    retake = retakes.asked(session, row.course_id)
    if retake is None:
        return True
    owing = retakes.of_course(session, row.course_id, retake, now)
    ids = store.next_people(session, owing, row.after_id, SLICE)
    row.assigned += retakes.assign(session, row.course_id, ids, retake, now)
    row.handled, row.after_id = row.handled + len(ids), ids[-1] if ids else row.after_id
    return len(ids) < SLICE


def _take_back_slice(session: Session, row: Republishing, now: datetime) -> bool:
    """End what a retake that was a mistake still asks of people; answer whether nobody is left."""
    since = courses.version(session, row.course_version_id).published_at
    if since is None or row.taken_back_reason is None:
        raise AssertionError("only what was published is taken back, with a reason")
    asked = store.asked_again(session, row.course_id, since, SLICE)
    for assignment in asked:
        cancelling.end(session, assignment, row.taken_back_reason, now, by=row.taken_back_by)
    row.handled, row.cancelled = row.handled + len(asked), row.cancelled + len(asked)
    return len(asked) < SLICE


SLICES = {
    RepublishingStep.SWITCHING: _switch_slice,
    RepublishingStep.ASSIGNING: _assign_slice,
    RepublishingStep.TAKING_BACK: _take_back_slice,
}
"""What does the next slice of each step, and answers whether that was the last."""


def _tell(session: Session, row: Republishing) -> None:
    version = courses.version(session, row.course_version_id)
    audit.record(
        session, "course.people_moved_on", "course", row.course_id, by=version.published_by,
        new={"version": version.version_number, "for_people": version.for_people},
        details={"switched": row.switched, "assigned": row.assigned, "in_progress": row.staying},
    )  # fmt: skip


def _outcome(row: Republishing, *, has_failed: bool = False) -> Outcome:
    state: Literal["working", "done", "failed"] = "failed" if has_failed else "working"
    percent = min(99, 100 * row.handled // row.expected) if row.expected else 0
    if row.step is RepublishingStep.DONE:
        state, percent = "done", 100
    return Outcome(
        state,
        percent,
        row.switched,
        row.assigned,
        row.staying,
        taken_back=row.taken_back_reason,
        cancelled=row.cancelled,
    )
