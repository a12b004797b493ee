"""Doing one thing to many people of the list: choose, look, apply, undo; each step on the action's own page."""

from dataclasses import replace
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.routes.blueprint import bp
from accounts.routes.people import asked, within
from accounts.services import listing, people_actions, roles, units
from core import clock, jobs
from core.errors import BadRequest, Invalid, Problem
from core.http import current_tenant, current_user, database, form, requires


@bp.post("/people/actions")
@requires("people.write")
def begin_people_action() -> ResponseReturnValue:
    """Take the people who were chosen on the list, or all of the list as its address says."""
    values, person, now = form({"act": 20, "all": 1}), current_user(), clock.now()
    try:
        chosen = [UUID(one) for one in dict.fromkeys(request.form.getlist("user")[:500])]
    except ValueError:
        raise BadRequest(_("This is no person.")) from None
    with database().write(current_tenant()) as session:
        if values["all"] == "1":
            given, _order, _descending = asked()
            chosen = listing.ids(session, replace(listing.wanted(**given), within=within()), now)
        action_id = people_actions.begin(session, values["act"], chosen, now, by=person.user_id, may=person.permissions)
    return redirect(url_for("accounts.show_people_action", action_id=action_id))


@bp.get("/people/actions")
@requires("people.write")
def list_people_actions() -> ResponseReturnValue:
    """Show what was done to many people lately."""
    with database().read(current_tenant()) as session:
        found = [(row, people_actions.target_name(session, row)) for row in people_actions.recent(session)]
        by = people_actions.named(session, [row.created_by for row, _target in found])
    return render_template("accounts/people_actions.html", actions=found, by=by)


@bp.get("/people/actions/<uuid:action_id>")
@requires("people.write")
def show_people_action(action_id: UUID) -> ResponseReturnValue:
    """Show whom it changes and whom not, how far it is, what it did."""
    return _page(action_id)


@bp.get("/people/actions/<uuid:action_id>/progress")
@requires("people.write")
def people_action_progress(action_id: UUID) -> ResponseReturnValue:
    """Answer the part of the page that asks again until the job is done."""
    return _page(action_id, template="accounts/people_action_step.html")


@bp.post("/people/actions/<uuid:action_id>/target")
@requires("people.write")
def aim_people_action(action_id: UUID) -> ResponseReturnValue:
    """Say which unit, tag or role is meant."""
    target = form({"target": 100})["target"]
    try:
        with database().write(current_tenant()) as session:
            people_actions.aim(session, action_id, target, may=current_user().permissions)
    except Invalid as error:
        return _page(action_id, error.problems), 422
    return redirect(url_for("accounts.show_people_action", action_id=action_id))


@bp.post("/people/actions/<uuid:action_id>/apply")
@requires("people.write", critical=True)
def apply_people_action(action_id: UUID) -> ResponseReturnValue:
    """Do it."""
    with database().write(current_tenant()) as session:
        people_actions.ask_to_apply(session, action_id, clock.now(), may=current_user().permissions)
    return redirect(url_for("accounts.show_people_action", action_id=action_id))


@bp.post("/people/actions/<uuid:action_id>/undo")
@requires("people.write", critical=True)
def undo_people_action(action_id: UUID) -> ResponseReturnValue:
    """Put back what was."""
    person = current_user()
    with database().write(current_tenant()) as session:
        people_actions.ask_to_undo(session, action_id, clock.now(), by=person.user_id, may=person.permissions)
    return redirect(url_for("accounts.show_people_action", action_id=action_id))


def _page(action_id: UUID, problems: tuple[Problem, ...] = (), template: str = "accounts/people_action.html") -> str:
    person = current_user()
    with database().read(current_tenant()) as session:
        row = people_actions.get(session, action_id)
        job = jobs.find(session, row.job_id) if row.job_id else None
        plan, known = None, {}
        if row.step.value == "chosen" and people_actions.is_aimed(row):
            plan = people_actions.plan(session, row, clock.now(), may=person.permissions)
            shown = plan.changing[: people_actions.SHOWN] + [one for one, _why in plan.left_out[: people_actions.SHOWN]]
            known = people_actions.named(session, shown)
        target = people_actions.target_name(session, row)
        left_alone = people_actions.kept(session, action_id) if row.undone_at else []
        offered_units = units.tree(session, is_counted=False) if row.kind.value == "unit" else []
        offered_roles = roles.listed(session) if row.kind.value == "role" else []
    return render_template(
        template,
        action=row,
        job=job,
        plan=plan,
        known=known,
        target=target,
        left_alone=left_alone,
        units=offered_units,
        roles=offered_roles,
        problems=problems,
        most=people_actions.SHOWN,
    )
