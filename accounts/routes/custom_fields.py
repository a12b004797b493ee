"""The organization's own fields about people."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.routes.blueprint import bp
from accounts.services import custom_fields
from core import clock
from core.errors import Invalid, Problem
from core.http import current_tenant, database, form, requires

FIELDS = {
    "code": 40,
    "label": 100,
    "field_type": 40,
    "choices": 21_000,
    "is_required": 1,
    "visibility": 40,
    "sort_order": 4,
}


@bp.get("/people/fields")
@requires("people.write")
def list_fields() -> ResponseReturnValue:
    """Show the organization's own fields."""
    with_archived = request.args.get("archived") == "1"
    with database().read(current_tenant()) as session:
        found = custom_fields.listed(session, with_archived=with_archived)
    return render_template("accounts/custom_fields.html", fields=found, with_archived=with_archived)


@bp.get("/people/fields/new")
@requires("organization.manage")
def new_field() -> ResponseReturnValue:
    """Show the form for a new field."""
    return _form(None, {"field_type": "text", "visibility": "readers", "sort_order": "0"})


@bp.post("/people/fields")
@requires("organization.manage")
def add_field() -> ResponseReturnValue:
    """Add a field."""
    values = form(FIELDS)
    try:
        with database().write(current_tenant()) as session:
            custom_fields.add(session, clock.now(), **values)
    except Invalid as error:
        return _form(None, values, error.problems), 422
    flash(_("%(name)s was added.", name=values["label"]), "ok")
    return redirect(url_for("accounts.list_fields"))


@bp.get("/people/fields/<uuid:field_id>")
@requires("organization.manage")
def edit_field(field_id: UUID) -> ResponseReturnValue:
    """Show the form of a field."""
    return _form(field_id)


@bp.post("/people/fields/<uuid:field_id>")
@requires("organization.manage")
def save_field(field_id: UUID) -> ResponseReturnValue:
    """Change a field."""
    values = form(FIELDS)
    try:
        with database().write(current_tenant()) as session:
            custom_fields.change(session, field_id, **values)
    except Invalid as error:
        return _form(field_id, values, error.problems), 422
    flash(_("Saved."), "ok")
    return redirect(url_for("accounts.list_fields"))


@bp.post("/people/fields/<uuid:field_id>/archive")
@requires("organization.manage")
def archive_field(field_id: UUID) -> ResponseReturnValue:
    """Take a field out of use; its values stay."""
    with database().write(current_tenant()) as session:
        custom_fields.set_archived(session, field_id, clock.now())
    flash(_("The field is archived."), "ok")
    return redirect(url_for("accounts.list_fields"))


@bp.post("/people/fields/<uuid:field_id>/restore")
@requires("organization.manage")
def restore_field(field_id: UUID) -> ResponseReturnValue:
    """Take an archived field back into use."""
    with database().write(current_tenant()) as session:
        custom_fields.set_archived(session, field_id, None)
    flash(_("The field is in use again."), "ok")
    return redirect(url_for("accounts.list_fields"))


def _form(field_id: UUID | None, values: dict[str, str] | None = None, problems: tuple[Problem, ...] = ()) -> str:
    field = None
    if field_id is not None:
        with database().read(current_tenant()) as session:
            field = custom_fields.get(session, field_id)
        values = values or {
            "label": field.label,
            "choices": "\n".join(field.choices),
            "is_required": "1" if field.is_required else "",
            "visibility": field.visibility,
            "sort_order": str(field.sort_order),
        }
    return render_template(
        "accounts/custom_field_edit.html",
        field=field,
        values=values or {},
        problems=problems,
        types=custom_fields.TYPES,
        visibilities=custom_fields.VISIBILITIES,
    )
