"""The pages behind the links in letters: accept an invitation, set a new password, confirm an e-mail.

A link's token leaves the address at once: it moves into a cookie no script can read, and the page that follows has a
plain address, so that no history, log or referrer keeps it. Looking uses nothing up; the button does.
"""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accounts import login
from accounts.errors import LinkExpired
from accounts.permissions import SIGNED_IN
from accounts.routes.blueprint import bp
from accounts.services import links
from core import clock
from core.db import Session
from core.errors import Invalid
from core.http import (
    client_address,
    config,
    current_user,
    database,
    form,
    public,
    requires,
    set_session_cookie,
    visitor,
)

LONGEST_STAY = 3600


@bp.get("/invitation")
@public()
def show_invitation() -> ResponseReturnValue:
    """Show who invites whom, and the field for the password when there is none yet."""
    if "token" in request.args:
        return _take_in("accounts.show_invitation")
    token, organization_id = _token()
    with database().read(organization_id) as session:
        invitation = links.invitation(session, token, clock.now())
    return render_template("accounts/invitation.html", invitation=invitation, problems=())


@bp.post("/invitation")
@public()
def accept_invitation() -> ResponseReturnValue:
    """Accept, and sign in whoever is new; somebody with a password elsewhere signs in with it."""
    token, organization_id = _token()
    now = clock.now()
    with database().read(organization_id) as session:
        invitation = links.invitation(session, token, now)
    try:
        with database().write(organization_id) as session:
            user_id = links.accept(session, token, form({"password": 1000})["password"], now)
            browser = _browser_session(session, user_id) if invitation.needs_password else None
    except Invalid as error:
        return render_template("accounts/invitation.html", invitation=invitation, problems=error.problems), 422
    flash(_("Welcome to %(organization)s.", organization=invitation.organization), "ok")
    if browser is None:
        return _leave("accounts.show_sign_in")
    response = _leave("app.index")
    set_session_cookie(response, browser, int(login.LIFETIME.total_seconds()))
    return response


@bp.get("/forgotten-password")
@public()
def show_forgotten() -> ResponseReturnValue:
    """Show the form that asks for a letter."""
    return render_template("accounts/forgotten.html", sent=False)


@bp.post("/forgotten-password")
@public()
def ask_for_reset() -> ResponseReturnValue:
    """Promise a letter; the answer is the same whether or not anybody has this e-mail."""
    given = form({"email": 254})
    if given["email"]:
        with database().write(None) as session:
            links.ask_for_reset(session, given["email"])
    return render_template("accounts/forgotten.html", sent=True)


@bp.get("/new-password")
@public()
def show_new_password() -> ResponseReturnValue:
    """Show the form for a new password."""
    if "token" in request.args:
        return _take_in("accounts.show_new_password")
    token, organization_id = _token()
    with database().read(organization_id) as session:
        links.check_reset(session, token, clock.now())
    return render_template("accounts/new_password.html", problems=())


@bp.post("/new-password")
@public()
def set_new_password() -> ResponseReturnValue:
    """Set the new password and lead to the sign-in."""
    token, organization_id = _token()
    try:
        with database().write(organization_id) as session:
            links.reset(session, token, form({"password": 1000})["password"], clock.now())
    except Invalid as error:
        return render_template("accounts/new_password.html", problems=error.problems), 422
    flash(_("Your password is set. Sign in with it."), "ok")
    return _leave("accounts.show_sign_in")


@bp.get("/confirm-email")
@public()
def show_confirm_email() -> ResponseReturnValue:
    """Show which e-mail is about to be confirmed; mail scanners that open links confirm nothing."""
    if "token" in request.args:
        return _take_in("accounts.show_confirm_email")
    token, organization_id = _token()
    with database().read(organization_id) as session:
        email = links.email_to_verify(session, token, clock.now())
    return render_template("accounts/confirm_email.html", email=email)


@bp.post("/confirm-email")
@public()
def confirm_email() -> ResponseReturnValue:
    """Confirm the e-mail."""
    token, organization_id = _token()
    with database().write(organization_id) as session:
        links.verify(session, token, clock.now())
    flash(_("Your e-mail is confirmed."), "ok")
    return _leave("app.index" if visitor() else "accounts.show_sign_in")


@bp.post("/me/confirm-email")
@requires(SIGNED_IN)
def ask_for_verification() -> ResponseReturnValue:
    """Have the letter sent that confirms one's e-mail."""
    person = current_user()
    with database().write(person.organization_id) as session:
        links.ask_for_verification(session, person.user_id)
    flash(_("The letter is on its way."), "ok")
    return redirect(url_for("accounts.show_profile"))


def _cookie() -> str:
    return "__Host-stoa-link" if config().is_https else "stoa_link"


def _take_in(endpoint: str) -> Response:
    response = redirect(url_for(endpoint))
    response.set_cookie(
        _cookie(), request.args["token"][:200], max_age=LONGEST_STAY, httponly=True, secure=config().is_https,
        samesite="Lax",
    )  # fmt: skip
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _leave(endpoint: str) -> Response:
    response = redirect(url_for(endpoint))
    response.delete_cookie(_cookie(), secure=config().is_https, httponly=True, samesite="Lax")
    return response


def _token() -> tuple[str, UUID]:
    token = request.cookies.get(_cookie(), "")
    if not token:
        raise LinkExpired
    with database().read(None) as session:
        return token, links.organization_of(session, token)


def _browser_session(session: Session, user_id: UUID) -> str:
    return login.open_session(
        session, user_id, clock.now(), ip_address=client_address(), user_agent=request.headers.get("User-Agent", "")
    )
