"""Pages for the credentials of LRS clients: who may come in, with what, since when."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core import clock
from core.errors import Invalid, Problem
from core.http import config, current_tenant, current_user, database, form, requires
from lrs.routes import snippets
from lrs.routes.blueprint import bp
from lrs.services import credentials, self_test
from lrs.services.credentials import Scope, Summary

ADMIN = "lrs.admin"


@bp.get("/lrs/credentials")
@requires(ADMIN)
def list_credentials() -> ResponseReturnValue:
    """Show who may come in."""
    with database().read(current_tenant()) as session:
        found = credentials.page(session, clock.now())
    return render_template("lrs/credentials.html", credentials=found, endpoint=_endpoint())


@bp.get("/lrs/credentials/new")
@requires(ADMIN)
def new_credential() -> ResponseReturnValue:
    """Show the form for a new credential."""
    return render_template("lrs/credential_new.html", values={"scopes": [Scope.ALL]}, problems=(), scopes=_scopes())


@bp.post("/lrs/credentials")
@requires(ADMIN)
def add_credential() -> ResponseReturnValue:
    """Make a credential; this answer is the only page that ever shows its secret."""
    values: dict[str, object] = dict(form({"label": 200, "expires_on": 10, "origins": 4000}))
    values["scopes"] = request.form.getlist("scopes")
    try:
        with database().write(current_tenant()) as session:
            made = credentials.issue(
                session,
                label=str(values["label"]),
                scopes=request.form.getlist("scopes"),
                home_page=config().app_origin,
                hash_key=config().key("lrs"),
                now=clock.now(),
                expires_at=_end_of(str(values["expires_on"])),
                origins=str(values["origins"]).split(),
                created_by=current_user().user_id,
            )
            credential = credentials.get(session, made.id, clock.now())
    except Invalid as error:
        page = render_template("lrs/credential_new.html", values=values, problems=error.problems, scopes=_scopes())
        return page, 422
    return _show(credential, secret=made.secret), 201


@bp.get("/lrs/credentials/<uuid:credential_id>")
@requires(ADMIN)
def show_credential(credential_id: UUID) -> ResponseReturnValue:
    """Show what a credential may do and how a client uses it."""
    with database().read(current_tenant()) as session:
        credential = credentials.get(session, credential_id, clock.now())
    return _show(credential)


@bp.post("/lrs/credentials/<uuid:credential_id>/test")
@requires(ADMIN)
def test_credential(credential_id: UUID) -> ResponseReturnValue:
    """Store a statement with the credential's rights and read it back."""
    with database().write(current_tenant()) as session:
        credential = credentials.get(session, credential_id, clock.now())
        steps = self_test.run(session, credential, home_page=config().app_origin, now=clock.now())
    return _show(credential, steps=steps)


@bp.post("/lrs/credentials/<uuid:credential_id>/revoke")
@requires(ADMIN)
def revoke_credential(credential_id: UUID) -> ResponseReturnValue:
    """End a credential for good."""
    with database().write(current_tenant()) as session:
        credentials.revoke(session, credential_id, clock.now())
    flash(_("The credential is revoked. Within a few seconds nobody gets in with it."), "ok")
    return redirect(url_for("lrs.show_credential", credential_id=credential_id))


def _show(credential: Summary, *, secret: str | None = None, steps: list[self_test.Step] | None = None) -> str:
    return render_template(
        "lrs/credential.html", credential=credential, secret=secret, steps=steps, endpoint=_endpoint(),
        snippets=snippets.of(_endpoint(), credential.key, secret or _("SECRET")), scopes=dict(_scopes()),
    )  # fmt: skip


def _endpoint() -> str:
    return f"{config().app_origin}/xapi/"


def _end_of(day: str) -> datetime | None:
    """The end of the day a form names, in UTC. Raises Invalid."""
    if not day:
        return None
    try:
        last = date.fromisoformat(day) + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise Invalid(
            "This credential cannot be made.", problems=[Problem("expires_on", "This is no date.")]
        ) from error
    return datetime.combine(last, time(), UTC)


def _scopes() -> list[tuple[str, str]]:
    """What each scope lets a client do, in words."""
    words = {
        Scope.ALL: _("Everything"),
        Scope.ALL_READ: _("Read everything"),
        Scope.STATEMENTS_WRITE: _("Store statements"),
        Scope.STATEMENTS_READ: _("Read all statements"),
        Scope.STATEMENTS_READ_MINE: _("Read the statements it stored itself"),
        Scope.STATE: _("Read and write state documents"),
        Scope.PROFILE: _("Read and write activity and agent profiles"),
        Scope.DEFINE: _("Let its statements change activity definitions"),
    }
    return [(scope.value, text) for scope, text in words.items()]
