"""Pages for how people sign in: identity providers, and whether everybody must use one."""

from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from accounts.routes.blueprint import bp
from accounts.routes.provider_sign_in import redirect_uri
from accounts.services import entrances, providers, roles, second_factor
from accounts.services.openid import ProviderFault
from core import clock
from core.errors import Invalid, Problem
from core.http import config, current_tenant, current_user, database, form, requires

MANAGE = "sign_in.manage"
FIELDS = {"name": 200, "issuer": 600, "client_id": 400, "client_secret": 500, "auto_provision": 1}


@bp.get("/identity-providers")
@requires(MANAGE)
def list_providers() -> ResponseReturnValue:
    """Show how people sign in."""
    with database().read(current_tenant()) as session:
        found = providers.listed(session)
        is_required = providers.is_required(session)
        domains = providers.verified_domains(session)
        asked, known = second_factor.required_of(session), roles.listed(session)
        slug = entrances.general(session).slug
    address = config().app_origin + url_for("accounts.show_organization_sign_in", slug=slug)
    return render_template(
        "accounts/providers.html",
        providers=found,
        is_required=is_required,
        domains=domains,
        address=address,
        asked=asked,
        roles=known,
    )


@bp.post("/identity-providers/requirement")
@requires(MANAGE, critical=True)
def set_requirement() -> ResponseReturnValue:
    """Ask everybody but administrators to sign in with a provider, or let passwords open again."""
    is_required = form({"is_required": 1})["is_required"] == "1"
    with database().write(current_tenant()) as session:
        count = providers.require(session, clock.now(), is_required=is_required)
    if not is_required:
        flash(_("Passwords open again."), "ok")
    else:
        flash(
            ngettext(
                "Everybody but administrators signs in with a provider now. %(num)s browser was signed out.",
                "Everybody but administrators signs in with a provider now. %(num)s browsers were signed out.",
                count,
            ),
            "ok",
        )
    return redirect(url_for("accounts.list_providers"))


@bp.get("/identity-providers/new")
@requires(MANAGE)
def new_provider() -> ResponseReturnValue:
    """Show the form for another provider."""
    return _form(None, dict.fromkeys(FIELDS, ""), ())


@bp.post("/identity-providers")
@requires(MANAGE, critical=True)
def add_provider() -> ResponseReturnValue:
    """Note a provider; it is switched on after its test."""
    person, given = current_user(), form(FIELDS)
    try:
        with database().write(person.organization_id) as session:
            made = providers.add(
                session, name=given["name"], issuer=given["issuer"], client_id=given["client_id"],
                client_secret=given["client_secret"], auto_provision=given["auto_provision"] == "1",
                now=clock.now(), by=person.user_id,
            )  # fmt: skip
    except Invalid as error:
        return _form(None, given, error.problems), 422
    return redirect(url_for("accounts.show_provider", provider_id=made))


@bp.get("/identity-providers/<uuid:provider_id>")
@requires(MANAGE)
def show_provider(provider_id: UUID) -> ResponseReturnValue:
    """Show a provider, what to enter on its side, and the next step."""
    with database().read(current_tenant()) as session:
        found = providers.get(session, provider_id)
    logout = config().app_origin + url_for("accounts.end_by_provider", provider_id=provider_id)
    return render_template(
        "accounts/provider.html", provider=found, redirect_uri=redirect_uri(provider_id), logout_uri=logout,
        sign_out_uri=config().app_origin + url_for("accounts.show_sign_in"),
    )  # fmt: skip


@bp.get("/identity-providers/<uuid:provider_id>/edit")
@requires(MANAGE)
def edit_provider(provider_id: UUID) -> ResponseReturnValue:
    """Show the form to change a provider."""
    with database().read(current_tenant()) as session:
        found = providers.get(session, provider_id)
    values = {"name": found.name, "issuer": found.issuer, "client_id": found.client_id, "client_secret": ""}
    return _form(provider_id, values | {"auto_provision": "1" if found.auto_provision else ""}, ())


@bp.post("/identity-providers/<uuid:provider_id>/edit")
@requires(MANAGE, critical=True)
def save_provider(provider_id: UUID) -> ResponseReturnValue:
    """Change a provider."""
    given = form(FIELDS)
    try:
        with database().write(current_tenant()) as session:
            providers.change(
                session, provider_id, name=given["name"], issuer=given["issuer"], client_id=given["client_id"],
                client_secret=given["client_secret"], auto_provision=given["auto_provision"] == "1", now=clock.now(),
            )  # fmt: skip
    except Invalid as error:
        return _form(provider_id, given, error.problems), 422
    flash(_("Saved."), "ok")
    return redirect(url_for("accounts.show_provider", provider_id=provider_id))


@bp.post("/identity-providers/<uuid:provider_id>/test")
@requires(MANAGE)
def test_provider(provider_id: UUID) -> ResponseReturnValue:
    """Ask the provider what it is and for its keys, and say what is wrong."""
    with database().read(current_tenant()) as session:
        issuer = providers.get(session, provider_id).issuer
    try:
        providers.checked(issuer)
    except ProviderFault as error:
        flash(_("The test failed. %(reason)s", reason=error.message), "bad")
    else:
        with database().write(current_tenant()) as session:
            providers.note_test(session, provider_id, issuer, clock.now())
        flash(
            _("The provider answers as it should. Whether the client id and its secret are right, a sign-in shows."),
            "ok",
        )
    return redirect(url_for("accounts.show_provider", provider_id=provider_id))


@bp.post("/identity-providers/<uuid:provider_id>/switch")
@requires(MANAGE, critical=True)
def switch_provider(provider_id: UUID) -> ResponseReturnValue:
    """Let people sign in with it, or not any more."""
    is_active = form({"is_active": 1})["is_active"] == "1"
    with database().write(current_tenant()) as session:
        providers.switch(session, provider_id, clock.now(), is_active=is_active)
    flash(_("People can sign in with it now.") if is_active else _("It is switched off."), "ok")
    return redirect(url_for("accounts.show_provider", provider_id=provider_id))


def _form(provider_id: UUID | None, values: dict[str, str], problems: tuple[Problem, ...]) -> str:
    action = (
        url_for("accounts.add_provider")
        if provider_id is None
        else url_for("accounts.save_provider", provider_id=provider_id)
    )
    has_secret = False
    if provider_id is not None:
        with database().read(current_tenant()) as session:
            has_secret = providers.get(session, provider_id).has_secret
    return render_template(
        "accounts/provider_edit.html", values=values, problems=problems, action=action, provider_id=provider_id,
        has_secret=has_secret,
    )  # fmt: skip
