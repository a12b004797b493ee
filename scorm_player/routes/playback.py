"""The playback policy as forms: one for the organization, one for each package."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core import clock
from core.errors import Invalid, Problem
from core.http import current_tenant, database, form, requires
from scorm_player.policy import SCHEMA, Policy
from scorm_player.routes.blueprint import bp
from scorm_player.services import packages, playback


@bp.get("/settings/playback")
@requires("organization.manage")
def show_playback() -> ResponseReturnValue:
    """Show how packages are played where they say nothing themselves."""
    return _page(None)


@bp.post("/settings/playback")
@requires("organization.manage")
def change_playback() -> ResponseReturnValue:
    """Change how packages are played where they say nothing themselves."""
    return _change(None)


@bp.get("/packages/<uuid:package_id>/playback")
@requires("package.import")
def show_package_playback(package_id: UUID) -> ResponseReturnValue:
    """Show how one package is played."""
    return _page(package_id)


@bp.post("/packages/<uuid:package_id>/playback")
@requires("package.import")
def change_package_playback(package_id: UUID) -> ResponseReturnValue:
    """Change how one package is played."""
    return _change(package_id)


def _change(package_id: UUID | None) -> ResponseReturnValue:
    given = _given()
    try:
        with database().write(current_tenant()) as session:
            playback.change(session, package_id, given, now=clock.now())
    except Invalid as error:
        return _page(package_id, given, error.problems), 422
    flash(_("It holds from the next time somebody opens it."), "ok")
    if package_id is None:
        return redirect(url_for("scorm_player.show_playback"))
    return redirect(url_for("scorm_player.show_package", package_id=package_id))


def _given() -> dict[str, Any]:
    """Read what was chosen; what was left at "as the organization" is not set."""
    chosen = form(dict.fromkeys(SCHEMA["properties"], 30))
    return {name: _value(text) for name, text in chosen.items() if text and name in request.form}


def _value(text: str) -> Any:
    if text in ("yes", "no"):
        return text == "yes"
    return int(text) if text.isdecimal() else text


def _page(package_id: UUID | None, given: dict[str, Any] | None = None, problems: Sequence[Problem] = ()) -> str:
    with database().read(current_tenant()) as session:
        package = packages.get(session, package_id) if package_id is not None else None
        own = playback.own_settings(session, package_id)
        otherwise = playback.of_package(session, None) if package else Policy()
    return render_template(
        "scorm_player/playback.html",
        package=package,
        values=given if given is not None else own,
        otherwise=otherwise,
        problems=problems,
    )
