"""Signing in and out."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts import login
from accounts.errors import SignInLocked, SignInRefused
from accounts.permissions import SIGNED_IN
from accounts.routes import second_factor as second_factor_step
from accounts.routes.blueprint import bp
from accounts.routes.targets import safe_next
from accounts.services import links, people, second_factor
from accounts.tables import TokenPurpose
from core import clock
from core.http import (
    clear_session_cookie,
    client_address,
    current_user,
    database,
    form,
    public,
    requires,
    set_session_cookie,
    visitor,
)


@bp.get("/sign-in")
@public()
def show_sign_in() -> ResponseReturnValue:
    """Show the sign-in form, or go on when somebody is signed in already."""
    if visitor() is not None:
        return redirect(safe_next(request.args.get("next", "")))
    return render_template("accounts/sign_in.html", next=request.args.get("next", ""), error=None, email="")


@bp.post("/sign-in")
@public()
def sign_in() -> ResponseReturnValue:
    """Check e-mail and password and open a session; every refusal looks the same."""
    given = form({"email": 254, "password": 1000, "next": 2000})
    try:
        token, is_complete = _sign_in(given["email"], given["password"])
    except SignInRefused:
        error = _("E-mail or password is wrong.")
        status = 401
    except SignInLocked:
        error = _("Too many wrong passwords. Wait a few minutes and try again.")
        status = 429
    else:
        if not is_complete:
            return second_factor_step.ask_for_code(token, given["next"])
        response = redirect(safe_next(given["next"]))
        set_session_cookie(response, token, int(login.LIFETIME.total_seconds()))
        return response
    page = render_template("accounts/sign_in.html", next=given["next"], error=error, email=given["email"])
    return page, status


@bp.post("/sign-out")
@requires(SIGNED_IN)
def sign_out() -> ResponseReturnValue:
    """End this browser's session."""
    person = current_user()
    with database().write(person.organization_id) as session:
        login.close_session(session, person.session_id, clock.now())
    response = redirect(url_for("accounts.show_sign_in"))
    clear_session_cookie(response)
    return response


def _sign_in(email: str, password: str) -> tuple[str, bool]:
    """Answer the token of a new session and True, or of the step that asks for the second factor and False.

    The tenant is known only after the e-mail has been looked up.
    """
    with database().read(None) as session:
        candidates = people.sign_in_candidates(session, email)
    if not candidates:
        login.waste_time(password)
        raise SignInRefused
    user_id, organization_id = candidates[0]
    now = clock.now()
    with database().write(organization_id) as session:
        is_right = login.password_matches(session, user_id, password, now)  # a wrong one is counted: commit
    if not is_right:
        raise SignInRefused
    with database().write(organization_id) as session:
        if second_factor.is_on(session, user_id):
            return links.issue(session, user_id, TokenPurpose.SECOND_FACTOR, now), False
        agent = request.headers.get("User-Agent", "")
        return login.open_session(session, user_id, now, ip_address=client_address(), user_agent=agent), True
