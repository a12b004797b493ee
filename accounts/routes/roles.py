"""Roles: what each allows, roles of the organization's own, and who holds what."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.permissions import PERMISSIONS
from accounts.routes.blueprint import bp
from accounts.services import roles
from core import clock
from core.errors import Invalid, Problem
from core.http import current_tenant, current_user, database, form, requires


@bp.get("/roles")
@requires("roles.assign")
def list_roles() -> ResponseReturnValue:
    """Show every role, and what each allows."""
    with database().read(current_tenant()) as session:
        found = roles.listed(session)
    return render_template("accounts/roles.html", roles=found, permissions=PERMISSIONS)


@bp.get("/roles/holders")
@requires("roles.assign")
def list_holders() -> ResponseReturnValue:
    """Show who holds which role, where and until when; plain learners aside."""
    wanted = request.args.get("role", "")[:100]
    with database().read(current_tenant()) as session:
        found, known = roles.holders(session, clock.now()), roles.listed(session)
    chosen = next((role for role in known if role.value == wanted), None)
    if chosen is not None:
        found = [one for one in found if one[1].name == chosen.name]
    return render_template("accounts/role_holders.html", holders=found, roles=known, chosen=chosen)


@bp.get("/roles/new")
@requires("roles.assign")
def new_role() -> ResponseReturnValue:
    """Show the form for a role of the organization's own."""
    return _form(None, {}, frozenset())


@bp.post("/roles")
@requires("roles.assign", critical=True)
def add_role() -> ResponseReturnValue:
    """Make a role of the organization's own."""
    return _save(None)


@bp.get("/roles/<uuid:role_id>")
@requires("roles.assign")
def edit_role(role_id: UUID) -> ResponseReturnValue:
    """Show the form of a role."""
    with database().read(current_tenant()) as session:
        role = roles.get(session, role_id)
    return _form(role_id, {"name": role.name, "description": role.description}, frozenset(role.codes))


@bp.post("/roles/<uuid:role_id>")
@requires("roles.assign", critical=True)
def save_role(role_id: UUID) -> ResponseReturnValue:
    """Change a role; it changes for everybody who holds it."""
    return _save(role_id)


@bp.post("/roles/<uuid:role_id>/delete")
@requires("roles.assign", critical=True)
def delete_role(role_id: UUID) -> ResponseReturnValue:
    """Delete a role that nobody holds."""
    with database().write(current_tenant()) as session:
        roles.delete(session, role_id, may=current_user().permissions)
    flash(_("The role is deleted."), "ok")
    return redirect(url_for("accounts.list_roles"))


def _save(role_id: UUID | None) -> ResponseReturnValue:
    values, person = form({"name": 100, "description": 500}), current_user()
    codes = frozenset(request.form.getlist("codes"))
    try:
        with database().write(current_tenant()) as session:
            roles.save(
                session, role_id, codes=codes, by=person.user_id, may=person.permissions, now=clock.now(), **values
            )
    except Invalid as error:
        return _form(role_id, values, codes, error.problems), 422
    flash(_("Saved."), "ok")
    return redirect(url_for("accounts.list_roles"))


def _form(
    role_id: UUID | None, values: dict[str, str], codes: frozenset[str], problems: tuple[Problem, ...] = ()
) -> str:
    return render_template(
        "accounts/role_edit.html",
        role_id=role_id,
        values=values,
        codes=codes,
        problems=problems,
        permissions=PERMISSIONS,
        may=current_user().permissions,
    )
