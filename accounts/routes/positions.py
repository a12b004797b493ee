"""The list of positions, with the form of each."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.routes.blueprint import bp
from accounts.services import positions
from core import clock
from core.errors import Invalid, Problem
from core.http import current_tenant, current_user, database, form, requires

FIELDS = {"name": 150, "code": 50, "description": 2000}


@bp.get("/people/positions")
@requires("people.read")
def list_positions() -> ResponseReturnValue:
    """Show the positions."""
    with_archived = request.args.get("archived") == "1"
    with database().read(current_tenant()) as session:
        found = positions.listed(session, with_archived=with_archived)
    return render_template("accounts/positions.html", positions=found, with_archived=with_archived)


@bp.get("/people/positions/new")
@requires("people.write")
def new_position() -> ResponseReturnValue:
    """Show the form for a new position."""
    return _form(None, {})


@bp.post("/people/positions")
@requires("people.write")
def add_position() -> ResponseReturnValue:
    """Add a position."""
    values = form(FIELDS)
    try:
        with database().write(current_tenant()) as session:
            positions.add(session, clock.now(), **values)
    except Invalid as error:
        return _form(None, values, error.problems), 422
    flash(_("%(name)s was added.", name=values["name"]), "ok")
    return redirect(url_for("accounts.list_positions"))


@bp.get("/people/positions/<uuid:position_id>")
@requires("people.write")
def edit_position(position_id: UUID) -> ResponseReturnValue:
    """Show the form of a position."""
    return _form(position_id)


@bp.post("/people/positions/<uuid:position_id>")
@requires("people.write")
def save_position(position_id: UUID) -> ResponseReturnValue:
    """Change a position."""
    values = form(FIELDS)
    try:
        with database().write(current_tenant()) as session:
            positions.change(session, position_id, **values)
    except Invalid as error:
        return _form(position_id, values, error.problems), 422
    flash(_("Saved."), "ok")
    return redirect(url_for("accounts.list_positions"))


@bp.post("/people/positions/<uuid:position_id>/archive")
@requires("people.write")
def archive_position(position_id: UUID) -> ResponseReturnValue:
    """Take a position out of use."""
    with database().write(current_tenant()) as session:
        positions.archive(session, position_id, clock.now(), current_user().user_id)
    flash(_("The position is archived."), "ok")
    return redirect(url_for("accounts.list_positions"))


@bp.post("/people/positions/<uuid:position_id>/restore")
@requires("people.write")
def restore_position(position_id: UUID) -> ResponseReturnValue:
    """Take an archived position back into use."""
    with database().write(current_tenant()) as session:
        positions.restore(session, position_id)
    flash(_("The position is in use again."), "ok")
    return redirect(url_for("accounts.list_positions"))


def _form(position_id: UUID | None, values: dict[str, str] | None = None, problems: tuple[Problem, ...] = ()) -> str:
    position = None
    if position_id is not None:
        with database().read(current_tenant()) as session:
            position = positions.get(session, position_id)
        values = values or {
            "name": position.name,
            "code": position.code,
            "description": position.description or "",
        }
    return render_template("accounts/position_edit.html", position=position, values=values or {}, problems=problems)
