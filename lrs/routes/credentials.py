"""Pages for the credentials of LRS clients: who may come in, with what, since when."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core import clock
from core.db import Session
from core.errors import Conflict, Invalid, Problem, StoaError
from core.http import config, current_tenant, current_user, database, form, requires
from core.outgoing import Unreachable
from lrs.routes import snippets
from lrs.routes.blueprint import bp
from lrs.services import credentials, self_test, tokens
from lrs.services.credentials import NewCredential, Scope, Summary
from lrs.services.tokens import Provider, TokenIssuer

ADMIN = "lrs.admin"


@bp.get("/lrs/credentials")
@requires(ADMIN)
def list_credentials() -> ResponseReturnValue:
    """Show who may come in."""
    with database().read(current_tenant()) as session:
        found = credentials.page(session, clock.now())
        issuers = tokens.issuers(session)
    return render_template("lrs/credentials.html", credentials=found, issuers=issuers, endpoint=_endpoint())


@bp.get("/lrs/credentials/new")
@requires(ADMIN)
def new_credential() -> ResponseReturnValue:
    """Show the form for a new credential: with key and secret, or opened by the tokens of a provider."""
    values = {"scopes": [Scope.ALL], "by": "token" if request.args.get("by") == "token" else "", "scope_claim": "scope"}
    return render_template("lrs/credential_new.html", values=values, problems=(), scopes=_scopes())


@bp.post("/lrs/credentials")
@requires(ADMIN, critical=True)
def add_credential() -> ResponseReturnValue:
    """Make a credential; this answer is the only page that ever shows its secret."""
    values: dict[str, object] = dict(form(_FIELDS))
    values["scopes"] = request.form.getlist("scopes")
    is_by_token = values["by"] == "token"
    try:
        provider = _provider()
        keys = tokens.check_keys(provider) if is_by_token and provider.issuer else []
        with database().write(current_tenant()) as session:
            made = _made(session, provider if is_by_token else None)
            credential = credentials.get(session, made.id, clock.now())
            issuer = tokens.find(session, made.id)
    except (Invalid, Conflict, Unreachable) as error:
        where = "issuer" if is_by_token else "label"
        problems = [item if item.where != "endpoint" else replace(item, where=where) for item in error.problems]
        problems = problems or [Problem(where, error.message)]
        page = render_template("lrs/credential_new.html", values=values, problems=problems, scopes=_scopes())
        return page, 422
    if issuer is not None:
        flash(_("The provider's keys were found: %(keys)s.", keys=", ".join(keys)), "ok")
        return redirect(url_for("lrs.show_credential", credential_id=made.id))
    return _show(credential, secret=made.secret), 201


_FIELDS = {
    "label": 200, "expires_on": 10, "origins": 4000, "rate": 10, "by": 10, "issuer": 600, "audience": 400,
    "jwks_url": 600, "scope_claim": 200, "scope_map": 8000, "is_bound_to_subject": 1,
}  # fmt: skip


def _made(session: Session, provider: Provider | None) -> NewCredential:
    """Make what the form describes."""
    given = form(_FIELDS)
    common: dict[str, Any] = {
        "label": given["label"],
        "scopes": request.form.getlist("scopes"),
        "home_page": config().app_origin,
        "hash_key": config().key("lrs"),
        "now": clock.now(),
        "expires_at": _end_of(given["expires_on"]),
        "origins": given["origins"].split(),
        "rate": _rate(given["rate"]),
        "created_by": current_user().user_id,
    }
    return credentials.issue(session, **common) if provider is None else tokens.add(session, provider, **common)


def _provider() -> Provider:
    given = form(_FIELDS)
    return Provider(
        issuer=given["issuer"].strip(),
        audience=given["audience"].strip(),
        jwks_url=given["jwks_url"].strip(),
        scope_claim=given["scope_claim"].strip(),
        scope_map=tokens.read_map(given["scope_map"]),
        is_bound_to_subject=bool(given["is_bound_to_subject"]),
    )


def _rate(text: str) -> int | None:
    """Requests per minute as a form names them. Raises Invalid."""
    text = text.strip()
    if text and not (text.isascii() and text.isdecimal()):
        raise Invalid("This is no rate.", problems=[Problem("rate", "Requests per minute are a whole number.")])
    return int(text) if text else None


@bp.get("/lrs/credentials/<uuid:credential_id>")
@requires(ADMIN)
def show_credential(credential_id: UUID) -> ResponseReturnValue:
    """Show what a credential may do and how a client uses it."""
    with database().read(current_tenant()) as session:
        credential = credentials.get(session, credential_id, clock.now())
        issuer = tokens.find(session, credential_id)
    return _show(credential, issuer=issuer)


@bp.post("/lrs/credentials/<uuid:credential_id>/test")
@requires(ADMIN)
def test_credential(credential_id: UUID) -> ResponseReturnValue:
    """Ask the store for what a client asks, by its public address, with the credential's rights."""
    with database().read(current_tenant()) as session:
        credential = credentials.get(session, credential_id, clock.now())
        issuer = tokens.find(session, credential_id)
    settings = config()
    steps = self_test.run(credential, origin=settings.app_origin, hash_key=settings.key("lrs"), now=clock.now())
    if issuer is not None:
        steps.append(_keys_step(issuer))
    return _show(credential, steps=steps, issuer=issuer)


def _keys_step(issuer: TokenIssuer) -> self_test.Step:
    """Whether the provider's keys can be had now."""
    try:
        keys = tokens.check_keys(issuer)
    except StoaError as error:
        return self_test.Step("keys", False, error.message)
    return self_test.Step("keys", True, _("The provider's keys: %(keys)s.", keys=", ".join(keys)))


@bp.post("/lrs/credentials/<uuid:credential_id>/rate")
@requires(ADMIN)
def change_rate(credential_id: UUID) -> ResponseReturnValue:
    """Let a credential make more requests per minute, or fewer."""
    with database().write(current_tenant()) as session:
        credentials.get(session, credential_id, clock.now())
        credentials.set_rate(session, credential_id, _rate(form({"rate": 10})["rate"]))
    flash(_("The new rate holds within a few seconds."), "ok")
    return redirect(url_for("lrs.show_credential", credential_id=credential_id))


@bp.post("/lrs/credentials/<uuid:credential_id>/revoke")
@requires(ADMIN, critical=True)
def revoke_credential(credential_id: UUID) -> ResponseReturnValue:
    """End a credential for good."""
    with database().write(current_tenant()) as session:
        credentials.revoke(session, credential_id, clock.now())
    flash(_("The credential is revoked. Within a few seconds nobody gets in with it."), "ok")
    return redirect(url_for("lrs.show_credential", credential_id=credential_id))


def _show(
    credential: Summary, *, secret: str | None = None, steps: list[self_test.Step] | None = None,
    issuer: TokenIssuer | None = None,
) -> str:  # fmt: skip
    return render_template(
        "lrs/credential.html", credential=credential, secret=secret, steps=steps, endpoint=_endpoint(), issuer=issuer,
        usual_rate=config().xapi_rate,
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
