"""Pages for the organization itself, and how it looks: name, language, time zone, colors, logo."""

from uuid import UUID

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.routes.blueprint import bp
from accounts.services import organizations, profile, theme
from accounts.services.theme import Theme
from core.errors import Invalid, NotFound, Problem
from core.http import current_tenant, database, files, form, public, requires

MANAGE = "organization.manage"
YEAR = 365 * 24 * 3600


@bp.get("/settings")
@requires(MANAGE)
def show_settings() -> ResponseReturnValue:
    """Show what the organization is called, its language and its time zone."""
    return _settings_page(None, ())


@bp.post("/settings")
@requires(MANAGE)
def save_settings() -> ResponseReturnValue:
    """Change them."""
    given = form({"name": 300, "locale": 10, "timezone": 64})
    try:
        with database().write(current_tenant()) as session:
            organizations.change(session, **given)
    except Invalid as error:
        return _settings_page(given, error.problems), 422
    flash(_("Saved."), "ok")
    return redirect(url_for("accounts.show_settings"))


@bp.get("/settings/theme")
@requires(MANAGE)
def show_theme() -> ResponseReturnValue:
    """Show colors and logo, and how well each pair of colors can be read."""
    return _theme_page(None, ())


@bp.post("/settings/theme")
@requires(MANAGE)
def save_theme() -> ResponseReturnValue:
    """Keep other colors, when they can be read."""
    given = form({"brand": 20, "accent": 20})
    try:
        with database().write(current_tenant()) as session:
            theme.save(session, **given)
    except Invalid as error:
        return _theme_page(given, error.problems), 422
    flash(_("Your colors are on every page now."), "ok")
    return redirect(url_for("accounts.show_theme"))


@bp.post("/settings/theme/logo")
@requires(MANAGE)
def save_logo() -> ResponseReturnValue:
    """Take a logo."""
    sent = request.files.get("logo")
    data = sent.stream.read(theme.LARGEST_LOGO + 1) if sent is not None else b""
    try:
        stored, media_type = theme.kept_logo(files(), data)
    except Invalid as error:
        return _theme_page(None, error.problems), 422
    with database().write(current_tenant()) as session:
        theme.save_logo(session, stored, media_type, (sent.filename or "logo") if sent is not None else "logo")
    flash(_("Your logo is on every page now."), "ok")
    return redirect(url_for("accounts.show_theme"))


@bp.post("/settings/theme/logo/remove")
@requires(MANAGE)
def remove_logo() -> ResponseReturnValue:
    """Show Stoa's mark again."""
    with database().write(current_tenant()) as session:
        theme.remove_logo(session)
    flash(_("The logo is gone."), "ok")
    return redirect(url_for("accounts.show_theme"))


@bp.get("/theme/<uuid:organization_id>.<mark>.css")
@public()
def show_style_sheet(organization_id: UUID, mark: str) -> ResponseReturnValue:
    """Answer an organization's colors as a style sheet; its address changes with them, so browsers may keep it."""
    with database().read(organization_id) as session:
        look = theme.get(session)
    if not look.mark:
        raise NotFound
    response = Response(theme.style_sheet(look), mimetype="text/css")
    _keep(response, is_current=mark == look.mark)
    return response


@bp.get("/theme/<uuid:organization_id>/logo/<sha256>")
@public()
def show_logo(organization_id: UUID, sha256: str) -> ResponseReturnValue:
    """Answer an organization's logo."""
    with database().read(organization_id) as session:
        found, media_type = theme.logo(session)
    if found != sha256:
        raise NotFound
    with files().open(found) as file:
        response = Response(file.read(), mimetype=media_type)
    _keep(response, is_current=True)
    return response


def look_of(organization_id: UUID) -> dict[str, str]:
    """Return what a page for somebody who is not signed in needs to look like an organization's."""
    with database().read(organization_id) as session:
        return addresses_of(theme.get(session))


def addresses_of(look: Theme) -> dict[str, str]:
    """Return where style sheet and logo are; empty where Stoa's own count."""
    found = {"theme_url": "", "logo_url": ""}
    if look.mark:
        found["theme_url"] = url_for("accounts.show_style_sheet", organization_id=look.organization_id, mark=look.mark)
    if look.logo:
        found["logo_url"] = url_for("accounts.show_logo", organization_id=look.organization_id, sha256=look.logo)
    return found


def _keep(response: Response, *, is_current: bool) -> None:
    response.cache_control.max_age = YEAR if is_current else 0
    if is_current:
        response.cache_control.public = True
        response.cache_control.immutable = True


def _settings_page(given: dict[str, str] | None, problems: tuple[Problem, ...]) -> str:
    with database().read(current_tenant()) as session:
        facts = organizations.facts(session)
    values = given or {"name": facts.name, "locale": facts.locale, "timezone": facts.timezone}
    return render_template(
        "accounts/settings.html", facts=facts, values=values, problems=problems, languages=profile.LANGUAGES,
        zones=["UTC", *profile.zones()],
    )  # fmt: skip


def _theme_page(given: dict[str, str] | None, problems: tuple[Problem, ...]) -> str:
    with database().read(current_tenant()) as session:
        look = theme.get(session)
    return render_template(
        "accounts/theme.html", values=given or {"brand": look.brand, "accent": look.accent}, problems=problems,
        look=look, pairs=theme.pairs(look.brand, look.accent), logo=addresses_of(look)["logo_url"],
    )  # fmt: skip
