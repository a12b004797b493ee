"""The tree of units, and the page of each with its people."""

from datetime import date
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.routes.blueprint import bp
from accounts.services import units
from core import clock
from core.errors import Invalid, Problem
from core.http import current_tenant, current_user, database, form, page_number, requires

PAGE = 50
FIELDS = {"name": 255, "code": 50, "unit_type": 40, "description": 2000, "parent_id": 36, "manager_email": 254}


@bp.get("/people/units")
@requires("people.read")
def list_units() -> ResponseReturnValue:
    """Show the tree of units."""
    with_archived = request.args.get("archived") == "1"
    with database().read(current_tenant()) as session:
        found = units.tree(session, with_archived=with_archived)
    return render_template("accounts/units.html", units=found, with_archived=with_archived)


@bp.get("/people/units/new")
@requires("people.write")
def new_unit() -> ResponseReturnValue:
    """Show the form for a new unit."""
    return _form(None, {"parent_id": request.args.get("parent", ""), "unit_type": "department"})


@bp.post("/people/units")
@requires("people.write")
def add_unit() -> ResponseReturnValue:
    """Add a unit."""
    values = form(FIELDS)
    try:
        with database().write(current_tenant()) as session:
            unit_id = units.add(session, clock.now(), **values)
    except Invalid as error:
        return _form(None, values, error.problems), 422
    flash(_("%(name)s was added.", name=values["name"]), "ok")
    return redirect(url_for("accounts.show_unit", unit_id=unit_id))


@bp.get("/people/units/<uuid:unit_id>")
@requires("people.read")
def show_unit(unit_id: UUID) -> ResponseReturnValue:
    """Show a unit and its people, those of the units below too, today or at the end of an earlier day."""
    number, with_below, on = page_number(), request.args.get("direct") != "1", _day(request.args.get("on", ""))
    with database().read(current_tenant()) as session:
        page = units.get(session, unit_id)
        people, total = units.people_of(
            session, unit_id, with_below=with_below, on=on, offset=(number - 1) * PAGE, limit=PAGE
        )
    return render_template(
        "accounts/unit.html",
        page=page,
        unit=page.unit,
        people=people,
        total=total,
        with_below=with_below,
        on=on,
        number=number,
        pages=-(-total // PAGE),
    )


@bp.get("/people/units/<uuid:unit_id>/edit")
@requires("people.write")
def edit_unit(unit_id: UUID) -> ResponseReturnValue:
    """Show the form of a unit."""
    return _form(unit_id)


@bp.post("/people/units/<uuid:unit_id>/edit")
@requires("people.write")
def save_unit(unit_id: UUID) -> ResponseReturnValue:
    """Change a unit, or move it with all below it."""
    values = form(FIELDS)
    try:
        with database().write(current_tenant()) as session:
            units.change(session, unit_id, **values)
    except Invalid as error:
        return _form(unit_id, values, error.problems), 422
    flash(_("Saved."), "ok")
    return redirect(url_for("accounts.show_unit", unit_id=unit_id))


@bp.post("/people/units/<uuid:unit_id>/archive")
@requires("people.write")
def archive_unit(unit_id: UUID) -> ResponseReturnValue:
    """Take a unit out of use."""
    with database().write(current_tenant()) as session:
        units.archive(session, unit_id, clock.now(), current_user().user_id)
    flash(_("The unit is archived."), "ok")
    return redirect(url_for("accounts.show_unit", unit_id=unit_id))


@bp.post("/people/units/<uuid:unit_id>/restore")
@requires("people.write")
def restore_unit(unit_id: UUID) -> ResponseReturnValue:
    """Take an archived unit back into use."""
    with database().write(current_tenant()) as session:
        units.restore(session, unit_id)
    flash(_("The unit is in use again."), "ok")
    return redirect(url_for("accounts.show_unit", unit_id=unit_id))


def _form(unit_id: UUID | None, values: dict[str, str] | None = None, problems: tuple[Problem, ...] = ()) -> str:
    with database().read(current_tenant()) as session:
        page = units.get(session, unit_id) if unit_id else None
        known = units.tree(session, is_counted=False)
    if page is not None:
        below = f"{page.unit.path}/"
        known = [unit for unit in known if not f"{unit.path}/".startswith(below)]
        values = values or {
            "name": page.unit.name,
            "code": page.unit.code,
            "unit_type": page.unit.unit_type,
            "description": page.unit.description or "",
            "parent_id": str(page.unit.parent_id or ""),
            "manager_email": page.manager.email if page.manager else "",
        }
    return render_template(
        "accounts/unit_edit.html",
        unit=page.unit if page else None,
        values=values or {},
        problems=problems,
        units=known,
        types=units.TYPES,
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
