"""The second factor: switching it on and off, recovery codes, and its step at the sign-in."""

from uuid import UUID

import segno
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accounts import login
from accounts.errors import LinkExpired, SignInLocked
from accounts.permissions import SIGNED_IN
from accounts.routes import entering
from accounts.routes.blueprint import bp
from accounts.routes.entering import Voucher
from accounts.routes.profile import confirm_password
from accounts.services import links, second_factor
from accounts.tables import TokenPurpose
from core import clock
from core.errors import Invalid
from core.http import config, current_user, database, form, public, requires


@bp.get("/me/second-factor")
@requires(SIGNED_IN, early=True)
def show_second_factor() -> ResponseReturnValue:
    """Show whether it is on, and the one next step."""
    return _page()


@bp.post("/me/second-factor")
@requires(SIGNED_IN, early=True)
def begin_second_factor() -> ResponseReturnValue:
    """Ask for the password, then show what the authenticator needs. The answer is the only page with the secret."""
    given = form({"password": 1000})
    try:
        confirm_password(given["password"])
    except Invalid as error:
        return _page(error), 422
    return _setup_page()


@bp.post("/me/second-factor/confirm")
@requires(SIGNED_IN, early=True)
def confirm_second_factor() -> ResponseReturnValue:
    """Switch it on with a first code; the answer is the only page that shows the recovery codes."""
    person, given = current_user(), form({"code": 40})
    try:
        with database().write(person.organization_id) as session:
            codes = second_factor.confirm(session, person.user_id, given["code"], clock.now())
    except Invalid as error:
        return _setup_page(error), 422
    return render_template("accounts/recovery_codes.html", codes=codes)


@bp.post("/me/second-factor/codes")
@requires(SIGNED_IN)
def renew_recovery_codes() -> ResponseReturnValue:
    """Replace the recovery codes."""
    person = current_user()
    try:
        confirm_password(form({"password": 1000})["password"])
    except Invalid as error:
        return _page(error), 422
    with database().write(person.organization_id) as session:
        codes = second_factor.renew_recovery_codes(session, person.user_id, clock.now())
    return render_template("accounts/recovery_codes.html", codes=codes)


@bp.post("/me/second-factor/off")
@requires(SIGNED_IN)
def switch_second_factor_off() -> ResponseReturnValue:
    """Switch it off."""
    person = current_user()
    try:
        confirm_password(form({"password": 1000})["password"])
    except Invalid as error:
        return _page(error), 422
    with database().write(person.organization_id) as session:
        second_factor.switch_off(session, person.user_id)
    flash(_("The second factor is off."), "ok")
    return redirect(url_for("accounts.show_profile"))


@bp.post("/identity-providers/second-factor")
@requires("sign_in.manage", critical=True)
def require_second_factor() -> ResponseReturnValue:
    """Say of whom a second factor is asked."""
    person = current_user()
    with database().write(person.organization_id) as session:
        second_factor.require_of(session, request.form.getlist("roles"), person.user_id)
    flash(_("Saved. Whoever has none sets it up at the next page they open."), "ok")
    return redirect(url_for("accounts.list_providers"))


@bp.post("/people/<uuid:user_id>/second-factor/reset")
@requires("sign_in.manage", critical=True)
def reset_second_factor(user_id: UUID) -> ResponseReturnValue:
    """Switch somebody's second factor off because phone and codes are lost."""
    person, reason = current_user(), form({"reason": 500})["reason"]
    with database().write(person.organization_id) as session:
        second_factor.reset(session, user_id, reason, clock.now(), by=person.user_id, may=person.permissions)
    flash(_("The second factor is off; they are signed out and get a letter."), "ok")
    return redirect(url_for("accounts.show_person", user_id=user_id))


@bp.get("/sign-in/code")
@public()
def show_code() -> ResponseReturnValue:
    """Ask for the code after the right password."""
    try:
        _waiting()
    except LinkExpired:
        return redirect(url_for("accounts.show_sign_in"))
    return render_template("accounts/sign_in_code.html", next=request.args.get("next", ""), error=None)


@bp.post("/sign-in/code")
@public()
def enter_code() -> ResponseReturnValue:
    """Check the code and open the session; wrong ones count like wrong passwords."""
    given = form({"code": 40, "next": 2000})
    try:
        token, organization_id = _waiting()
    except LinkExpired:
        return redirect(url_for("accounts.show_sign_in"))
    now, error, status = clock.now(), _("This code is wrong, or was used already."), 401
    try:
        with database().write(organization_id) as session:
            user_id = links.holder(session, token, TokenPurpose.SECOND_FACTOR, now)
            payload = links.payload(session, token, TokenPurpose.SECOND_FACTOR, now)
            is_right = login.code_matches(session, user_id, given["code"], now)  # a wrong one is counted: commit
    except SignInLocked:
        is_right, error, status = False, _("Too many wrong codes. Wait a few minutes and try again."), 429
    if not is_right:
        return render_template("accounts/sign_in_code.html", next=given["next"], error=error), status
    with database().write(organization_id) as session:
        links.use(session, token, TokenPurpose.SECOND_FACTOR, now)
    if "provider_id" in payload:  # a provider vouched for them, here and nowhere else
        voucher = Voucher(UUID(payload["provider_id"]), payload["provider_session"])
        response = entering.open_browser(user_id, organization_id, given["next"], voucher)
    else:
        response = entering.enter(user_id, given["next"])
    response.delete_cookie(_cookie(), secure=config().is_https, httponly=True, samesite="Lax")
    return response


def ask_for_code(token: str, target: str) -> Response:
    """Lead a browser that knows the password on to the code."""
    response = redirect(url_for("accounts.show_code", next=target or None))
    response.set_cookie(
        _cookie(),
        token,
        max_age=int(links.LIFETIMES[TokenPurpose.SECOND_FACTOR].total_seconds()),
        httponly=True,
        secure=config().is_https,
        samesite="Lax",
    )
    return response


def _cookie() -> str:
    return "__Host-stoa-step" if config().is_https else "stoa_step"


def _waiting() -> tuple[str, UUID]:
    token, now = request.cookies.get(_cookie(), ""), clock.now()
    with database().read(None) as session:
        organization_id = links.organization_of(session, token)
    with database().read(organization_id) as session:
        links.holder(session, token, TokenPurpose.SECOND_FACTOR, now)
    return token, organization_id


def _page(error: Invalid | None = None) -> str:
    person = current_user()
    with database().read(person.organization_id) as session:
        is_on = second_factor.is_on(session, person.user_id)
        left = second_factor.left(session, person.user_id)
    return render_template(
        "accounts/second_factor.html",
        is_on=is_on,
        left=left,
        is_asked=person.lacks_second_factor,
        problems=error.problems if error else (),
    )


def _setup_page(error: Invalid | None = None) -> str:
    person = current_user()
    with database().write(person.organization_id) as session:
        setup = second_factor.begin(session, person.user_id)
    picture = segno.make(setup.uri, error="m", micro=False).svg_data_uri(scale=5, border=3, light="white")
    return render_template(
        "accounts/second_factor_setup.html", setup=setup, picture=picture, problems=error.problems if error else ()
    )
