"""What a learner has to do and has done: Home's content, My learning, and what can be done with a course."""

from uuid import UUID

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from catalog.services.courses import Course
from core import clock
from core.http import current_tenant, current_user, database, requires, visitor
from training.routes.blueprint import bp
from training.services import enrollments
from training.services import home as service
from training.services.sources import Sources


def home() -> str:
    """Return the Home page of whoever is signed in; the application's home view answers it."""
    person = current_user()
    with database().read(person.organization_id) as session:
        page = service.page(session, person.user_id, clock.now(), with_overview=person.may("progress.totals"))
    return render_template("training/home.html", page=page)


@bp.get("/learning")
@requires("learn")
def my_learning() -> ResponseReturnValue:
    """Show everything one has to learn, has begun and has completed."""
    person = current_user()
    with database().read(person.organization_id) as session:
        page = service.page(session, person.user_id, clock.now())
    return render_template("training/learning.html", page=page)


@bp.post("/learn/start/<uuid:course_id>")
@requires("learn")
def start(course_id: UUID) -> ResponseReturnValue:
    """Open an enrollment in a course, or go on with the one there is."""
    with database().write(current_tenant()) as session:
        enrollment = enrollments.start(session, course_id, current_user().user_id, clock.now())
    return redirect(url_for("training.go_on", enrollment_id=enrollment.id))


def course_actions(course: Course) -> Markup:
    """Return what whoever looks at a course of the catalog can do with it, for the catalog's course page."""
    person = visitor()
    if person is None or not person.may("learn"):
        return Markup()
    with database().read(person.organization_id) as session:
        enrollment = service.latest(session, person.user_id, course.id)
        to_do = service.to_do(session, person.user_id, clock.now(), Sources(session))
    assigned = next((one for one in to_do if one.course.id == course.id), None)
    page = render_template("training/course_actions.html", course=course, enrollment=enrollment, to_do=assigned)
    return Markup(page)  # noqa: S704 - the template has escaped it


def course_note(course: Course) -> Markup:
    """Return what whoever looks at a course is to know first: that it has to be taken again, and what they hold."""
    person = visitor()
    if person is None or not person.may("learn"):
        return Markup()
    with database().read(person.organization_id) as session:
        earlier = service.earlier_version(session, person.user_id, course)
        if earlier is None:
            return Markup()
        done = service.done(session, person.user_id, clock.now(), Sources(session))
    proof = next((one.certificate for one in done if one.course.id == course.id), None)
    page = render_template("training/course_note.html", earlier_version=earlier, certificate=proof)
    return Markup(page)  # noqa: S704 - the template has escaped it
