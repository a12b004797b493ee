"""Attempts: one person's, for themselves and whoever may see progress; everybody's in a module, as page and file."""

from uuid import UUID

from flask import Response, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from accounts.services import people
from catalog.services.courses import Course
from core import clock
from core.http import current_tenant, current_user, database, form, page_number, requires, visitor
from core.sheets import as_csv
from scorm_player.services import preview
from scorm_player.services.reports import ANSWER_COLUMNS, answer_rows
from training.routes import reading
from training.routes.blueprint import bp
from training.services import assignments, attempts

LINES = (
    "name", "email", "completion", "success", "score_percent", "attempts", "seconds", "started_at", "completed_at",
)  # fmt: skip

PAGE = 50


@bp.get("/enrollments/<uuid:enrollment_id>/attempts")
@requires("signed_in")
def show_attempts(enrollment_id: UUID) -> ResponseReturnValue:
    """Show every attempt of an enrollment to its learner, and to whoever may see everybody's progress."""
    person = current_user()
    with database().read(person.organization_id) as session:
        found = attempts.of_enrollment(session, enrollment_id, person.user_id, within=reading.within("progress.read"))
    return render_template("training/attempts.html", found=found, is_own=found.person.user_id == person.user_id)


@bp.get("/enrollments/<uuid:enrollment_id>/calls/<uuid:registration_id>")
@requires("lrs.admin")
def show_calls(enrollment_id: UUID, registration_id: UUID) -> ResponseReturnValue:
    """Show the API calls that were kept of somebody's sessions."""
    with database().read(current_tenant()) as session:
        found = attempts.with_registration(session, enrollment_id, registration_id)
        log = preview.log(session, registration_id)
    return render_template("training/calls.html", found=found, log=log, as_text=preview.as_text)


@bp.post("/enrollments/<uuid:enrollment_id>/calls/<uuid:registration_id>")
@requires("lrs.admin")
def log_calls(enrollment_id: UUID, registration_id: UUID) -> ResponseReturnValue:
    """Switch the log of API calls on or off for somebody's sessions in a module, from the next launch."""
    on = form({"on": 5})["on"] == "1"
    with database().write(current_tenant()) as session:
        attempts.with_registration(session, enrollment_id, registration_id)
        preview.log_calls(session, registration_id, on)
    flash(_("API calls are kept from the next time they open it.") if on else _("API calls are kept no more."), "ok")
    return redirect(url_for("training.show_calls", enrollment_id=enrollment_id, registration_id=registration_id))


@bp.get("/courses/<uuid:course_id>/attempts")
@requires("progress.read", limited=True)
def report_attempts(course_id: UUID) -> ResponseReturnValue:
    """Show how everybody fared in a module of a course, and how its questions were answered."""
    with database().read(current_tenant()) as session:
        report = attempts.of_module(session, course_id, reading.identifier("module"), reading.within("progress.read"))
    pages = max(1, -(-len(report.lines) // PAGE))
    number = min(page_number(), pages)
    shown = report.lines[(number - 1) * PAGE : number * PAGE]
    return render_template("training/attempts_report.html", report=report, lines=shown, page=number, pages=pages)


@bp.get("/courses/<uuid:course_id>/attempts.csv")
@requires("progress.read", limited=True, critical=True)
def download_attempts(course_id: UUID) -> ResponseReturnValue:
    """Answer the people of the report as a file, all of them."""
    module_id, within = reading.identifier("module"), reading.within("progress.read")
    with database().write(current_tenant()) as session:
        report = attempts.exported(session, "attempts", course_id, module_id, within)
    rows = [
        {
            "name": line.person.name if line.person else "",
            "email": line.person.email if line.person else "",
            "completion": line.completion,
            "success": line.success,
            "score_percent": "" if line.percent is None else round(line.percent, 2),
            "attempts": line.attempts,
            "seconds": line.seconds,
            "started_at": line.started_at.isoformat() if line.started_at else "",
            "completed_at": line.completed_at.isoformat() if line.completed_at else "",
        }
        for line in report.lines
    ]
    return _file(as_csv(LINES, rows), f"{report.course.code}-attempts.csv")


@bp.get("/courses/<uuid:course_id>/answers.csv")
@requires("progress.read", limited=True, critical=True)
def download_answers(course_id: UUID) -> ResponseReturnValue:
    """Answer the answers of the report as a file, all of them."""
    module_id, within = reading.identifier("module"), reading.within("progress.read")
    with database().write(current_tenant()) as session:
        report = attempts.exported(session, "answers", course_id, module_id, within)
    return _file(as_csv(ANSWER_COLUMNS, answer_rows(report.questions)), f"{report.course.code}-answers.csv")


def course_reports(course: Course) -> Markup:
    """Return what whoever manages a course can read about those who take it, for the catalog's editor."""
    person = visitor()
    if person is None or not person.may_somewhere("progress.read"):
        return Markup()
    page = render_template("training/course_reports.html", course=course)
    return Markup(page)  # noqa: S704 - the template has escaped it


def person_learning(user_id: UUID) -> Markup:
    """Return what somebody was assigned, learns and has learned, for the person's page."""
    person, now = visitor(), clock.now()
    if person is None or not person.may_somewhere("progress.read"):
        return Markup()
    with database().read(person.organization_id) as session:
        taken = attempts.of_person(session, user_id, reading.within("progress.read"))
        assigned = assignments.of_person(session, user_id, now, reading.within("progress.read"))
        zone = people.tenant(session).timezone
        cancellable = reading.cancellable(session, assigned)
    page = render_template(
        "training/person_learning.html",
        taken=taken,
        assigned=assigned,
        cancellable=cancellable,
        today=clock.day_in(zone, now),
        due_days={one.id: clock.day_in(zone, one.due_at) for one in assigned},
    )
    return Markup(page)  # noqa: S704 - the template has escaped it


def _file(content: bytes, name: str) -> Response:
    response = Response(content, content_type="text/csv; charset=utf-8")
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response
