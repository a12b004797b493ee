"""Pages for API clients: which programs act for the organization, and what they may do."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.routes.blueprint import bp
from accounts.services import api_clients, people
from accounts.services.api_clients import Issued
from core import clock
from core.errors import Invalid, Problem
from core.http import config, current_user, database, form, requires

MANAGE = "api_client.manage"


@bp.get("/api-clients")
@requires(MANAGE)
def list_api_clients() -> ResponseReturnValue:
    """Show which programs may come in."""
    with database().read(current_user().organization_id) as session:
        found = api_clients.listed(session, clock.now())
    return render_template("accounts/api_clients.html", clients=found)


@bp.get("/api-clients/new")
@requires(MANAGE)
def new_api_client() -> ResponseReturnValue:
    """Show the form for another one."""
    values: dict[str, object] = {"label": "", "rate_per_minute": str(api_clients.RATE), "expires_on": "", "scopes": []}
    return _form(values, ())


@bp.post("/api-clients")
@requires(MANAGE, critical=True)
def add_api_client() -> ResponseReturnValue:
    """Make a client; this answer is the only page that ever shows its token."""
    person, now = current_user(), clock.now()
    given = form({"label": 200, "rate_per_minute": 8, "expires_on": 10})
    scopes = request.form.getlist("scopes")
    try:
        with database().write(person.organization_id) as session:
            made = api_clients.issue(
                session,
                label=given["label"],
                scopes=scopes,
                permissions=person.permissions,
                hash_key=config().key("accounts.api_clients"),
                now=now,
                by=person.user_id,
                rate_per_minute=int(given["rate_per_minute"]) if given["rate_per_minute"].isdecimal() else None,
                expires_at=_end_of(given["expires_on"]),
            )
    except Invalid as error:
        return _form({**given, "scopes": scopes}, error.problems), 422
    return _show(made.id, made), 201


@bp.get("/api-clients/<uuid:client_id>")
@requires(MANAGE)
def show_api_client(client_id: UUID) -> ResponseReturnValue:
    """Show what a client may do, and how it calls."""
    return _show(client_id)


@bp.post("/api-clients/<uuid:client_id>/rotate")
@requires(MANAGE, critical=True)
def rotate_api_client(client_id: UUID) -> ResponseReturnValue:
    """Give a client another token and show it this once."""
    person = current_user()
    with database().write(person.organization_id) as session:
        made = api_clients.rotate(
            session, client_id, permissions=person.permissions, hash_key=config().key("accounts.api_clients"),
            now=clock.now(),
        )  # fmt: skip
    return _show(client_id, made)


@bp.post("/api-clients/<uuid:client_id>/revoke")
@requires(MANAGE, critical=True)
def revoke_api_client(client_id: UUID) -> ResponseReturnValue:
    """End a client for good."""
    with database().write(current_user().organization_id) as session:
        api_clients.revoke(session, client_id, clock.now())
    flash(_("The API client is revoked. It is refused from now on."), "ok")
    return redirect(url_for("accounts.show_api_client", client_id=client_id))


def _form(values: dict[str, object], problems: tuple[Problem, ...]) -> str:
    return render_template(
        "accounts/api_client_new.html", values=values, problems=problems,
        scopes=[(code, _words().get(code, code)) for code in api_clients.grantable(current_user().permissions)],
    )  # fmt: skip


def _show(client_id: UUID, issued: Issued | None = None) -> str:
    with database().read(current_user().organization_id) as session:
        client = api_clients.get(session, client_id, clock.now())
        maker = people.named(session, [client.created_by]).get(client.created_by)
    return render_template(
        "accounts/api_client.html", client=client, maker=maker, token=issued.token if issued else None,
        words=_words(), base=f"{config().app_origin}/api/v1", scim_base=f"{config().app_origin}/scim/v2",
    )  # fmt: skip


def _end_of(day: str) -> datetime | None:
    """The end of the day a form names, in UTC. Raises Invalid."""
    try:
        last = date.fromisoformat(day) + timedelta(days=1) if day else None
    except (ValueError, OverflowError) as error:
        raise Invalid(problems=[Problem("expires_on", "This is no date.")]) from error
    return datetime.combine(last, time(), UTC) if last else None


def _words() -> dict[str, str]:
    """What the scopes let a client do, in words; a scope without words shows its code."""
    return {
        "assignment.create": _("Give assignments"),
        "audit.read": _("Read the audit log"),
        "catalog.browse": _("Read the catalog"),
        "certificate.read": _("Read all certificates"),
        "certificate.revoke": _("Revoke certificates"),
        "course.publish": _("Publish and archive courses"),
        "course.write": _("Read and write courses"),
        "evidence.read": _("Read the evidence behind completions"),
        "lrs.admin": _("Manage the Learning Record Store"),
        "organization.manage": _("Manage the organization"),
        "package.import": _("Import and read packages"),
        "people.read": _("Read people"),
        "people.sensitive": _("Read and write personal data"),
        "people.view_as": _("Look at the application as somebody else"),
        "people.write": _("Add and change people"),
        "progress.read": _("Read assignments, progress and completions"),
        "progress.repair": _("Help stuck learners"),
        "progress.totals": _("Read how assignments stand in total"),
        "roles.assign": _("Give and take roles"),
        "sign_in.manage": _("Say how people sign in"),
        "scim": _("Keep people and groups in step (SCIM 2.0)"),
    }
