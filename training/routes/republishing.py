"""What a new version of a course means for people: for the catalog's pages, and over REST."""

from uuid import UUID

from flask import jsonify, render_template
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from catalog.rules import ForPeople
from catalog.services import courses
from catalog.services.courses import Course, CourseVersion
from core import clock, rest
from core.db import Session
from core.errors import NotFound
from core.http import current_tenant, database, requires
from training.routes.answers import PeopleOfVersion
from training.routes.blueprint import bp
from training.services import republishing
from training.services.republishing import Concerned


def people_concerned(course: Course) -> Concerned | None:
    """Return how many people a course's draft concerns, for the catalog's page that publishes it."""
    if course.draft_version_id is None:
        return None
    with database().read(current_tenant()) as session:
        return republishing.concerned(session, course.draft_version_id, clock.now())


def people_outcome(version: CourseVersion) -> Markup:
    """Return what publishing a version did with people of earlier ones, for the catalog's list of versions."""
    if version.for_people == ForPeople.LEAVE:
        return Markup()
    with database().read(current_tenant()) as session:
        return Markup(_outcome(session, version.id))  # noqa: S704 - the template has escaped it


@bp.get("/courses/versions/<uuid:version_id>/people")
@requires("course.write")
def people_of_version(version_id: UUID) -> ResponseReturnValue:
    """Answer the part of a course's page that asks again until the job is done."""
    with database().read(current_tenant()) as session:
        return _outcome(session, version_id)


@bp.get("/api/v1/versions/<uuid:version_id>/people")
@requires("course.write")
@rest.operation(answer=PeopleOfVersion, tag="courses")
def api_people_of_version(version_id: UUID) -> ResponseReturnValue:
    """Answer how many people of earlier versions there are now, and what was done with them.

    Of a draft it tells whom each choice would concern.
    """
    now = clock.now()
    with database().read(current_tenant()) as session:
        version = courses.version(session, version_id)
        found = republishing.concerned(session, version_id, now)
        done = republishing.outcome(session, version_id)
    return jsonify(
        for_people=version.for_people,
        due_on=version.due_on.isoformat() if version.due_on else None,
        not_started=found.not_started,
        in_progress=found.in_progress,
        completed=found.completed,
        state=done.state if done else "nothing",
        progress_percent=done.percent if done else 0,
        switched=done.switched if done else 0,
        assigned=done.assigned if done else 0,
    )


def _outcome(session: Session, version_id: UUID) -> str:
    version, found = courses.version(session, version_id), republishing.outcome(session, version_id)
    if found is None:
        raise NotFound
    asks_again = version.for_people == ForPeople.RETAKE
    return render_template("training/people_outcome.html", version_id=version_id, outcome=found, asks_again=asks_again)
