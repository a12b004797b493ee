"""What a new version of a course means for people: for the catalog's pages, and over REST."""

from uuid import UUID

from flask import Response, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from accounts.permissions import Kind
from catalog.rules import ForPeople
from catalog.services import courses
from catalog.services.courses import Course, CourseVersion
from core import clock, rest
from core.db import Session
from core.errors import Forbidden, Invalid, NotFound, Problem
from core.http import current_tenant, current_user, database, form, requires
from training.routes.answers import Cancellation, PeopleOfVersion
from training.routes.blueprint import bp
from training.services import cancelling, republishing, required, taking_back
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


@bp.route("/courses/versions/<uuid:version_id>/take-back", methods=["GET", "POST"])
@requires("course.publish")
def take_retake_back(version_id: UUID) -> ResponseReturnValue:
    """Ask why nobody has to take a course again after all, telling what happens; then have it done."""
    problems: tuple[Problem, ...] = ()
    reason = form({"reason": 2000})["reason"] if request.method == "POST" else ""
    if request.method == "POST":
        try:
            course_id = _take_back(version_id, reason)
        except Invalid as error:
            problems = error.problems
        else:
            flash(_("Nobody has to take it again. What is still open is being canceled."), "ok")
            return redirect(url_for("catalog.show_course", course_id=course_id, _anchor="versions"))
    with database().read(current_tenant()) as session:
        version = courses.version(session, version_id)
        page = render_template(
            "training/take_back.html", version=version, course=courses.get(session, version.course_id), reason=reason,
            asked=taking_back.asked(session, version_id), problems=problems, longest=cancelling.LONGEST_REASON,
        )  # fmt: skip
    return page, 422 if problems else 200


@bp.post("/api/v1/versions/<uuid:version_id>/take-back")
@requires("course.publish")
@rest.operation(
    body=Cancellation,
    answer=PeopleOfVersion,
    status=202,
    errors=(409,),
    tag="courses",
    example={"reason": "A typo only"},
)
def api_take_retake_back(version_id: UUID, body: Cancellation) -> ResponseReturnValue:
    """Let nobody have to take a course again because of this version; asks for `assignment.create`, too.

    Open assignments of the retake are canceled by a job; completions of earlier versions are enough again.
    """
    _take_back(version_id, body.reason)
    return _people(version_id), 202


def _take_back(version_id: UUID, reason: str) -> UUID:
    with database().write(current_tenant()) as session:
        course_id = courses.version(session, version_id).course_id
        places = current_user().where("assignment.create")
        if places is not None and (Kind.COURSE.value, course_id) not in places:
            raise Forbidden("This takes the permission assignment.create for everybody who takes the course.")
        taking_back.take_back(session, version_id, reason, clock.now(), by=current_user().user_id)
    return course_id


@bp.get("/api/v1/versions/<uuid:version_id>/people")
@requires("course.write")
@rest.operation(answer=PeopleOfVersion, tag="courses")
def api_people_of_version(version_id: UUID) -> ResponseReturnValue:
    """Answer how many people of earlier versions there are now, and what was done with them.

    Of a draft it tells whom each choice would concern.
    """
    return _people(version_id)


def _people(version_id: UUID) -> Response:
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
        taken_back=done.taken_back if done else None,
        cancelled=done.cancelled if done else 0,
    )


def _outcome(session: Session, version_id: UUID) -> str:
    version, found = courses.version(session, version_id), republishing.outcome(session, version_id)
    if found is None:
        raise NotFound
    retake = required.retake(session, version.course_id)
    return render_template(
        "training/people_outcome.html",
        version_id=version_id,
        outcome=found,
        asks_again=version.for_people == ForPeople.RETAKE,
        is_asking=retake is not None and retake.version.id == version_id,
    )
