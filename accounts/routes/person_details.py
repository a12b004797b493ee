"""What hangs on a person: personal data, ids in other systems, deputies."""

from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.permissions import SIGNED_IN
from accounts.routes.blueprint import bp
from accounts.routes.people import person_page
from accounts.services import deputies, external_ids, people, personal_data
from core import clock
from core.errors import Invalid, Problem
from core.http import current_tenant, current_user, database, form, requires


@bp.get("/people/<uuid:user_id>/personal-data")
@requires("people.sensitive")
def edit_personal_data(user_id: UUID) -> ResponseReturnValue:
    """Show a person's personal data; that it was looked at is written down."""
    with database().write(current_tenant()) as session:
        values = personal_data.look(session, user_id)
    return _data_page(user_id, values)


@bp.post("/people/<uuid:user_id>/personal-data")
@requires("people.sensitive")
def save_personal_data(user_id: UUID) -> ResponseReturnValue:
    """Keep a person's personal data."""
    values = form(personal_data.FIELDS)
    try:
        with database().write(current_tenant()) as session:
            personal_data.save(session, user_id, values, clock.now())
    except Invalid as error:
        return _data_page(user_id, values, error.problems), 422
    flash(_("Saved."), "ok")
    return redirect(url_for("accounts.show_person", user_id=user_id))


@bp.get("/me/personal-data")
@requires(SIGNED_IN)
def edit_own_data() -> ResponseReturnValue:
    """Show one's own personal data."""
    person = current_user()
    with database().read(person.organization_id) as session:
        values = personal_data.get(session, person.user_id)
    return _data_page(None, values)


@bp.post("/me/personal-data")
@requires(SIGNED_IN)
def save_own_data() -> ResponseReturnValue:
    """Keep one's own personal data."""
    person, values = current_user(), form(personal_data.FIELDS)
    try:
        with database().write(person.organization_id) as session:
            personal_data.save(session, person.user_id, values, clock.now())
    except Invalid as error:
        return _data_page(None, values, error.problems), 422
    flash(_("Saved."), "ok")
    return redirect(url_for("accounts.show_profile"))


@bp.post("/people/<uuid:user_id>/external-ids")
@requires("people.write")
def add_external_id(user_id: UUID) -> ResponseReturnValue:
    """Note what another system calls a person."""
    values = form({"source_system": 60, "external_id": 255})
    try:
        with database().write(current_tenant()) as session:
            external_ids.add(
                session, user_id, values["source_system"], values["external_id"], clock.now(), current_user().user_id
            )
    except Invalid as error:
        return person_page(user_id, values, error.problems), 422
    flash(_("The id is noted."), "ok")
    return redirect(url_for("accounts.show_person", user_id=user_id))


@bp.post("/people/<uuid:user_id>/external-ids/<uuid:row_id>/remove")
@requires("people.write")
def remove_external_id(user_id: UUID, row_id: UUID) -> ResponseReturnValue:
    """Forget what another system calls a person."""
    with database().write(current_tenant()) as session:
        external_ids.remove(session, user_id, row_id)
    flash(_("The id is removed."), "ok")
    return redirect(url_for("accounts.show_person", user_id=user_id))


@bp.post("/people/<uuid:user_id>/deputies")
@requires("people.write")
def add_deputy(user_id: UUID) -> ResponseReturnValue:
    """Say who stands in for a person."""
    values = form({"deputy_email": 254, "deputy_from": 10, "deputy_until": 10})
    try:
        with database().write(current_tenant()) as session:
            deputies.add(
                session,
                user_id,
                email=values["deputy_email"],
                from_on=values["deputy_from"],
                until_on=values["deputy_until"],
                now=clock.now(),
                by=current_user().user_id,
            )
    except Invalid as error:
        return person_page(user_id, values, error.problems), 422
    flash(_("The deputy is set."), "ok")
    return redirect(url_for("accounts.show_person", user_id=user_id))


@bp.post("/people/<uuid:user_id>/deputies/<uuid:row_id>/remove")
@requires("people.write")
def remove_deputy(user_id: UUID, row_id: UUID) -> ResponseReturnValue:
    """Take a deputy away."""
    with database().write(current_tenant()) as session:
        deputies.remove(session, user_id, row_id)
    flash(_("The deputy is removed."), "ok")
    return redirect(url_for("accounts.show_person", user_id=user_id))


def _data_page(user_id: UUID | None, values: dict[str, str], problems: tuple[Problem, ...] = ()) -> str:
    """Return the form, of somebody else or, without an id, of oneself."""
    person = None
    if user_id is not None:
        with database().read(current_tenant()) as session:
            person = people.get(session, user_id)
    return render_template("accounts/personal_data.html", person=person, values=values, problems=problems)
