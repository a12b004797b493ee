"""My profile and my sessions."""

from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts import login
from accounts.errors import SignInLocked
from accounts.permissions import SIGNED_IN
from accounts.routes.blueprint import bp
from accounts.services import people, profile
from core import clock
from core.errors import Invalid, Problem
from core.http import current_user, database, form, requires

FIELDS = {"first_name": 99, "last_name": 99, "locale": 10, "timezone": 64}


@bp.get("/me")
@requires(SIGNED_IN)
def show_profile() -> ResponseReturnValue:
    """Show one's own data."""
    return _page()


@bp.post("/me")
@requires(SIGNED_IN)
def save_profile() -> ResponseReturnValue:
    """Change name, language and time zone."""
    person, values = current_user(), form(FIELDS)
    try:
        with database().write(person.organization_id) as session:
            profile.change(session, person.user_id, **values)
    except Invalid as error:
        return _page(values, error.problems), 422
    flash(_("Your profile is saved."), "ok")
    return redirect(url_for("accounts.show_profile"))


@bp.get("/me/password")
@requires(SIGNED_IN)
def show_password() -> ResponseReturnValue:
    """Show the form for another password."""
    return render_template("accounts/password.html", problems=())


@bp.post("/me/password")
@requires(SIGNED_IN)
def change_password() -> ResponseReturnValue:
    """Change one's password; the present one is asked for, and wrong tries count as at the sign-in."""
    person, given = current_user(), form({"password": 1000, "new_password": 1000})
    try:
        confirm_password(given["password"])
        with database().write(person.organization_id) as session:
            profile.change_password(
                session, person.user_id, given["new_password"], clock.now(), keep_session=person.session_id
            )
    except Invalid as error:
        return render_template("accounts/password.html", problems=error.problems), 422
    flash(_("Your password is changed. Every other browser has been signed out."), "ok")
    return redirect(url_for("accounts.show_profile"))


@bp.get("/me/sessions")
@requires(SIGNED_IN)
def list_sessions() -> ResponseReturnValue:
    """Show where one is signed in."""
    person = current_user()
    with database().read(person.organization_id) as session:
        found = profile.browsers(session, person.user_id, clock.now())
    return render_template("accounts/sessions.html", browsers=found, current=person.session_id)


@bp.post("/me/sessions/<uuid:session_id>/end")
@requires(SIGNED_IN)
def end_session(session_id: UUID) -> ResponseReturnValue:
    """Sign one browser out."""
    person = current_user()
    with database().write(person.organization_id) as session:
        profile.sign_out_browser(session, person.user_id, session_id, clock.now())
    flash(_("That browser is signed out."), "ok")
    return redirect(url_for("accounts.list_sessions"))


@bp.post("/me/sessions/end-others")
@requires(SIGNED_IN)
def end_other_sessions() -> ResponseReturnValue:
    """Sign every other browser out."""
    person = current_user()
    with database().write(person.organization_id) as session:
        profile.sign_out_others(session, person.user_id, clock.now(), keep=person.session_id)
    flash(_("Every other browser is signed out."), "ok")
    return redirect(url_for("accounts.list_sessions"))


def confirm_password(password: str) -> None:
    """Let somebody who is signed in prove again who they are, before a critical act. Raises Invalid."""
    person = current_user()
    try:
        with database().write(person.organization_id) as session:
            is_right = login.password_matches(session, person.user_id, password, clock.now())
    except SignInLocked as error:
        raise Invalid(problems=[Problem("password", f"{error.title}.")]) from None
    if not is_right:
        raise Invalid(problems=[Problem("password", _("This is not your present password."))])


def _page(values: dict[str, str] | None = None, problems: tuple[Problem, ...] = ()) -> str:
    person = current_user()
    with database().read(person.organization_id) as session:
        mine = profile.get(session, person.user_id)
        tenant = people.tenant(session)
    return render_template(
        "accounts/profile.html",
        profile=mine,
        values=values or {name: getattr(mine, name) for name in FIELDS},
        problems=problems,
        tenant=tenant,
        zones=profile.zones(),
        languages=profile.LANGUAGES,
    )
