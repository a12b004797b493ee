"""Participation: opening an enrollment, and the one door through which a learner reaches it."""

from datetime import datetime
from uuid import UUID

from accounts.services import people
from catalog.services import courses
from catalog.services.modules import Module
from core import audit
from core.db import Session
from core.errors import NotFound
from scorm_player.services import registrations
from training.errors import NotPublished
from training.rules.counting import actor_of
from training.services import addresses
from training.services.sources import Sources
from training.store import assignments as assignment_store
from training.store import enrollments as store
from training.tables import (
    AssignmentStatus,
    CourseEnrollment,
    EnrollmentStatus,
    EnrollmentType,
    ModuleRegistration,
    TrainingAssignment,
)


def accessible(session: Session, enrollment_id: UUID, user_id: UUID) -> CourseEnrollment:
    """Return an enrollment to the person whose it is. Raises NotFound for everybody else."""
    enrollment = store.find(session, enrollment_id)
    if enrollment is None or enrollment.user_id != user_id:
        raise NotFound("There is no such course of yours.")
    return enrollment


def start(session: Session, course_id: UUID, user_id: UUID, now: datetime) -> CourseEnrollment:
    """Open a person's enrollment in a course at its published version, or return the one there is.

    An open assignment becomes an enrollment of its cycle; somebody who is done comes back to the enrollment that was
    completed; anybody else enrolls in a course of the catalog. Raises NotFound, NotPublished.
    """
    latest = store.find_latest(session, user_id, course_id)
    if latest is not None and latest.status in store.OPEN:
        return latest
    assignment = assignment_store.find_open(session, user_id, course_id)
    if latest is not None and assignment is None:
        return latest
    return _open(session, course_id, user_id, assignment, now)


def _open(
    session: Session, course_id: UUID, user_id: UUID, assignment: TrainingAssignment | None, now: datetime
) -> CourseEnrollment:
    course = courses.get(session, course_id)
    if course.current_version_id is None or (assignment is None and course.status != "published"):
        raise NotPublished
    cycle = assignment_store.last_cycles(session, [user_id], course_id).get(user_id, 0)
    made = store.add(
        session,
        {
            "user_id": user_id,
            "course_id": course_id,
            "course_version_id": course.current_version_id,
            "assignment_id": assignment.id if assignment else None,
            "cycle_number": assignment.cycle_number if assignment else cycle + 1,
            "enrollment_type": EnrollmentType.ASSIGNED if assignment else EnrollmentType.SELF,
            "status": EnrollmentStatus.ENROLLED,
            "enrolled_at": now,
            "progress_percent": 0,
        },
    )
    enrollment = store.find_latest(session, user_id, course_id)
    if enrollment is None:
        raise NotFound("There is no such course.")
    if made is not None:
        if assignment is not None:
            begin(session, assignment, now)
        audit.record(session, "enrollment.created", "enrollment", made, subject_user_id=user_id)
    return enrollment


def begin(session: Session, assignment: TrainingAssignment, now: datetime) -> None:
    """Note that the person has begun what they were assigned; what was canceled meanwhile stays so."""
    if assignment.status is AssignmentStatus.ASSIGNED:
        assignment_store.begin(session, assignment.id, now)


def module_of(session: Session, enrollment: CourseEnrollment, module_id: UUID) -> Module:
    """Return a module of the version an enrollment is pinned to. Raises NotFound for any other."""
    for module in Sources(session).modules(enrollment.course_version_id):
        if module.id == module_id:
            return module
    raise NotFound("This course has no such module.")


def registration(session: Session, enrollment: CourseEnrollment, module: Module, now: datetime) -> UUID:
    """Return the registration that serves a package module of an enrollment, registering it the first time."""
    store.lock(session, [enrollment.id])
    if module.course_version_id != enrollment.course_version_id:
        raise NotFound("The course has a new version now. Open it again.")  # it was switched at this moment
    found = store.find_registration(session, enrollment.id, module.id)
    if found is not None:
        return found
    if module.package_version_id is None:
        raise NotFound("This module is not played here.")
    person, tenant = people.get(session, enrollment.user_id), people.tenant(session)
    made = registrations.register(
        session,
        user_id=person.user_id,
        package_version_id=module.package_version_id,
        actor=actor_of(person.user_id, person.name, addresses.home_page(tenant.slug)),
        now=now,
    )
    session.add(
        ModuleRegistration(
            course_enrollment_id=enrollment.id, module_id=module.id, registration_id=made, created_at=now
        )
    )
    session.flush()
    return made


def touch(session: Session, enrollment: CourseEnrollment, now: datetime) -> None:
    """Note that the learner is here."""
    enrollment.last_accessed_at = now
    session.flush()
