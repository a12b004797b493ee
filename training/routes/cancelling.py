"""Taking assignments back: one or those chosen in a list, with the reason, on a page that says what happens."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from core import clock
from core.errors import Invalid, Problem
from core.http import current_tenant, current_user, database, form, requires
from training.errors import OwnAssignment
from training.routes import reading
from training.routes.blueprint import bp
from training.services import assignments, cancelling
from training.services.cancelling import Cancelled


@bp.get("/assignments/cancel")
@requires("assignment.create", limited=True)
def confirm_cancelling() -> ResponseReturnValue:
    """Show what canceling the chosen assignments does, and ask why."""
    ids = reading.ids(request.args.getlist("assignment")[: reading.PAGE], "assignment")
    if not ids:
        flash(_("Choose at least one assignment."), "warn")
        return redirect(url_for("training.list_assignments"))
    return _form(ids, "", ())


@bp.post("/assignments/cancel")
@requires("assignment.create", limited=True)
def cancel_assignments() -> ResponseReturnValue:
    """Cancel the chosen assignments."""
    ids = reading.ids(request.form.getlist("assignment")[: reading.PAGE], "assignment")
    reason, within = form({"reason": 2000})["reason"], reading.within("assignment.create")
    try:
        with database().write(current_tenant()) as session:
            by, now = current_user().user_id, clock.now()
            done = cancelling.cancel(session, ids, reason, now, by=by, within=within)
            shown = assignments.chosen(session, ids, now, within)
    except Invalid as error:
        return _form(ids, reason, error.problems), 422
    flash(_told(done), "ok" if done.cancelled else "warn")
    if request.form.get("back") == "person" and len(shown) == 1:
        return redirect(url_for("accounts.show_person", user_id=shown[0].person.user_id, _anchor="assignments"))
    courses = {one.course.id for one in shown}
    return redirect(url_for("training.list_assignments", course=courses.pop() if len(courses) == 1 else None))


def _form(ids: list[UUID], reason: str, problems: tuple[Problem, ...]) -> str:
    person, now = current_user(), clock.now()
    with database().read(current_tenant()) as session:
        shown = assignments.chosen(session, ids, now, reading.within("assignment.create"))
    if any(one.person.user_id == person.user_id for one in shown):
        raise OwnAssignment
    return render_template(
        "training/cancel_assignments.html",
        lines=[one for one in shown if one.is_open],
        ended=[one for one in shown if not one.is_open],
        reason=reason,
        problems=problems,
        longest=cancelling.LONGEST_REASON,
        back=request.values.get("back", ""),
    )


def _told(done: Cancelled) -> str:
    parts = [ngettext("%(num)s assignment canceled.", "%(num)s assignments canceled.", len(done.cancelled))]
    if done.already:
        parts.append(ngettext("%(num)s was canceled before.", "%(num)s were canceled before.", len(done.already)))
    if done.completed:
        parts.append(ngettext("%(num)s is completed.", "%(num)s are completed.", len(done.completed)))
    return " ".join(parts)
