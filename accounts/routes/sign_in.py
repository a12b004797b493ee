"""Signing in and out."""

from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts import login
from accounts.errors import SignInLocked, SignInRefused
from accounts.permissions import SIGNED_IN
from accounts.routes import entering, provider_sign_in
from accounts.routes import second_factor as second_factor_step
from accounts.routes.blueprint import bp
from accounts.routes.organization import look_of
from accounts.routes.targets import safe_next
from accounts.services import links, people, second_factor
from accounts.tables import TokenPurpose
from core import clock
from core.http import clear_session_cookie, current_user, database, form, public, requires, visitor


@bp.get("/sign-in")
@public()
def show_sign_in() -> ResponseReturnValue:
    """Show the sign-in form, or go on when somebody is signed in already."""
    if visitor() is not None:
        return redirect(safe_next(request.args.get("next", "")))
    return _page(request.args.get("next", ""))


@bp.post("/sign-in")
@public()
def sign_in() -> ResponseReturnValue:
    """Check e-mail and password and open a session; every refusal looks the same."""
    given = form({"email": 254, "password": 1000, "next": 2000})
    try:
        user_id, step = _checked(given["email"], given["password"])
    except SignInRefused:
        return _page(given["next"], _("E-mail or password is wrong."), given["email"]), 401
    except SignInLocked:
        error = _("Too many wrong passwords. Wait a few minutes and try again.")
        return _page(given["next"], error, given["email"]), 429
    if step is not None:
        return second_factor_step.ask_for_code(step, given["next"])
    return entering.enter(user_id, given["next"])


@bp.post("/sign-in/place")
@public()
def find_organization() -> ResponseReturnValue:
    """Lead to the sign-in of the organization with this short name."""
    given = form({"slug": 100, "next": 2000})
    return redirect(
        url_for("accounts.show_organization_sign_in", slug=given["slug"] or "-", next=given["next"] or None)
    )


@bp.get("/sign-in/elsewhere")
@public()
def show_organization_finder() -> ResponseReturnValue:
    """Ask for the short name of the organization, for who signs in with its identity provider."""
    return render_template("accounts/find_organization.html", next=request.args.get("next", ""))


@bp.post("/sign-out")
@requires(SIGNED_IN, early=True, viewing=True)
def sign_out() -> ResponseReturnValue:
    """End this browser's session; whoever came in by a provider is offered to sign out there too."""
    person = current_user()
    with database().write(person.organization_id) as session:
        login.close_session(session, person.session_id, clock.now())
    way = None
    if person.provider_id is not None:
        way = provider_sign_in.way_out(person.organization_id, person.provider_id)
    response = redirect(url_for("accounts.show_sign_in", left=person.provider_id if way else None))
    clear_session_cookie(response)
    return response


@bp.route("/me/proof", methods=["GET", "POST"])
@requires(SIGNED_IN, critical=True)
def prove_presence() -> ResponseReturnValue:
    """Lead on whoever has given password or code lately; others are asked before they come here."""
    return redirect(safe_next(request.args.get("next", "")))


def _page(target: str, error: str | None = None, email: str = "") -> str:
    place = entering.remembered()
    way = None
    left = next((one for one in place.ways if str(one.id) == request.args.get("left")), None) if place else None
    if place is not None and left is not None:
        way = provider_sign_in.way_out(place.organization_id, left.id)
    return render_template(
        "accounts/sign_in.html", next=target, error=error, email=email, place=place, way_out=way,
        organization_name=place.name if place else None, **(look_of(place.organization_id) if place else {}),
    )  # fmt: skip


def _checked(email: str, password: str) -> tuple[UUID, str | None]:
    """Answer who it is, with the token of the step that asks for the second factor when there is one.

    The tenant is known only after the e-mail has been looked up. Raises SignInRefused, SignInLocked.
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
            return user_id, links.issue(session, user_id, TokenPurpose.SECOND_FACTOR, now)
    return user_id, None
