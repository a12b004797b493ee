"""Publishing a draft: what is missing, and what the new version means for people of earlier ones."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.permissions import Kind
from accounts.services import people
from catalog.errors import CannotPublish
from catalog.routes import reading
from catalog.routes.blueprint import bp
from catalog.rules import ForPeople
from catalog.services import courses, publishing
from core import clock
from core.errors import Forbidden, Invalid, NotFound, Problem
from core.http import current_tenant, current_user, database, requires


@bp.get("/courses/<uuid:course_id>/publish")
@requires("course.publish")
def prepare_publishing(course_id: UUID) -> ResponseReturnValue:
    """Show whom it concerns, and ask what is to become of them."""
    return _page(course_id, {"for_people": ForPeople.LEAVE.value})


@bp.post("/courses/<uuid:course_id>/publish")
@requires("course.publish")
def publish_course(course_id: UUID) -> ResponseReturnValue:
    """Give the draft to learners, and have done with people of earlier versions what was chosen."""
    values = reading.fields(("change_note", "for_people", "due_on"))
    chosen = values["for_people"] or ForPeople.LEAVE
    require_assigning(course_id, chosen)
    # The form always has the day; it means something for a retake only.
    due_on = values["due_on"] if chosen == ForPeople.RETAKE else None
    try:
        with database().write(current_tenant()) as session:
            version = publishing.publish(
                session, course_id, by=current_user().user_id, now=clock.now(),
                change_note=values["change_note"], for_people=chosen, due_on=due_on,
            )  # fmt: skip
    except CannotPublish:
        return _page(course_id, values), 422
    except Invalid as error:
        return _page(course_id, values, error.problems), 422
    flash(_("Version %(number)s is in the catalog.", number=version.version_number), "ok")
    return redirect(url_for("catalog.show_course", course_id=course_id))


def require_assigning(course_id: UUID, for_people: str | None) -> None:
    """Let only those make people take a course again who may assign it to everybody. Raises Forbidden."""
    if for_people == ForPeople.RETAKE and not _may_assign(course_id):
        raise Forbidden("A retake assigns the course to people: that takes the permission assignment.create.")


def _may_assign(course_id: UUID) -> bool:
    places = current_user().where("assignment.create")
    return places is None or (Kind.COURSE.value, course_id) in places


def _page(course_id: UUID, values: Mapping[str, Any], problems: Sequence[Problem] = ()) -> str:
    now = clock.now()
    with database().read(current_tenant()) as session:
        course = courses.get(session, course_id)
        if course.draft_version_id is None:
            raise NotFound("There is no draft to publish.")
        missing = publishing.problems(session, course.draft_version_id)
        today = clock.day_in(people.tenant(session).timezone, now)
    return render_template(
        "catalog/publish.html", course=course, values=values, problems=problems, missing=missing, today=today,
        may_assign=_may_assign(course_id),
    )  # fmt: skip
