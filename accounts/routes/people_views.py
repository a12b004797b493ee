"""Saved views of the list of people: keeping one, letting one go."""

from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.routes.blueprint import bp
from accounts.services import views
from core import clock
from core.errors import Invalid
from core.http import current_tenant, current_user, database, form, requires

LONGEST = 4000


@bp.post("/people/views")
@requires("people.read", limited=True)
def save_people_view() -> ResponseReturnValue:
    """Keep what the list shows now under a name; who may change people may share it."""
    values = form({"name": 60, "query": LONGEST, "shared": 1})
    query = views.kept(parse_qs(values["query"]))
    person = current_user()
    shared = values["shared"] == "1" and person.may("people.write")
    try:
        with database().write(current_tenant()) as session:
            views.save(session, person.user_id, values["name"], query, clock.now(), shared=shared)
    except Invalid as error:
        flash(error.problems[0].what, "bad")
    else:
        flash(_("The view %(name)s is kept.", name=values["name"]), "ok")
    address: dict[str, Any] = {**query}
    return redirect(url_for("accounts.list_people", **address))


@bp.post("/people/views/<uuid:view_id>/remove")
@requires("people.read", limited=True)
def remove_people_view(view_id: UUID) -> ResponseReturnValue:
    """Let a view go."""
    person = current_user()
    with database().write(current_tenant()) as session:
        views.remove(session, view_id, person.user_id, may_remove_shared=person.may("people.write"))
    flash(_("The view is gone. People are as they were."), "ok")
    return redirect(url_for("accounts.list_people"))
