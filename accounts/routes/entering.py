"""What follows once it is proven who somebody is: one of their organizations, a session there, and switching later."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accounts import login
from accounts.errors import LinkExpired
from accounts.permissions import SIGNED_IN
from accounts.routes.blueprint import bp
from accounts.routes.targets import safe_next
from accounts.services import entrances, links, people
from accounts.services.entrances import Entrance
from accounts.tables import TokenPurpose
from core import clock
from core.errors import Forbidden, NotFound
from core.http import (
    client_address,
    config,
    current_user,
    database,
    form,
    public,
    requires,
    set_session_cookie,
)

REMEMBERED_FOR = 365 * 24 * 3600


@dataclass(frozen=True)
class Voucher:
    """The provider that says who it is, and what it calls its session."""

    provider_id: UUID
    session: str = ""


def enter(user_id: UUID, target: str) -> Response:
    """Lead somebody who came with their own password into the organization they mean, or let them choose one.

    The one this browser was in last is meant, where the password is enough there.
    """
    now = clock.now()
    found = _entrances(user_id, now)
    last = request.cookies.get(_last_cookie(), "")
    usable = [one for one in found if one.takes_password]
    meant = [one for one in usable if str(one.organization_id) == last] or (usable if len(found) == 1 else [])
    if meant:
        return open_browser(user_id, meant[0].organization_id, target)
    if not found:
        return redirect(url_for("accounts.show_sign_in"))
    with database().write(found[0].organization_id) as session:
        token = links.issue(session, user_id, TokenPurpose.ORGANIZATION_CHOICE, now)
    response = redirect(url_for("accounts.show_organization_choice", next=target or None))
    response.set_cookie(
        _cookie(), token, max_age=int(links.LIFETIMES[TokenPurpose.ORGANIZATION_CHOICE].total_seconds()),
        httponly=True, secure=config().is_https, samesite="Lax",
    )  # fmt: skip
    return response


def open_browser(
    user_id: UUID,
    organization_id: UUID,
    target: str,
    voucher: Voucher | None = None,
    proven_at: datetime | None = None,
) -> Response:
    """Open a session in an organization and go on; the browser remembers the organization."""
    now, agent = clock.now(), request.headers.get("User-Agent", "")
    with database().write(organization_id) as session:
        token = login.open_session(
            session, user_id, now, ip_address=client_address(), user_agent=agent,
            provider_id=voucher.provider_id if voucher else None,
            provider_session=voucher.session or None if voucher else None,
            proven_at=proven_at,
        )  # fmt: skip
    response = redirect(safe_next(target))
    set_session_cookie(response, token, int(login.LIFETIME.total_seconds()))
    remember(response, organization_id)
    response.delete_cookie(_cookie(), secure=config().is_https, httponly=True, samesite="Lax")
    return response


def remember(response: Response, organization_id: UUID) -> None:
    """Let the browser know which organization it was in; the name alone, no right to anything."""
    response.set_cookie(
        _last_cookie(), str(organization_id), max_age=REMEMBERED_FOR, httponly=True, secure=config().is_https,
        samesite="Lax",
    )  # fmt: skip


def remembered() -> Entrance | None:
    """Return what the organization this browser was in last offers at the sign-in."""
    try:
        organization_id = UUID(request.cookies.get(_last_cookie(), ""))
    except ValueError:
        return None
    with database().read(organization_id) as session:
        return entrances.find(session)


@bp.get("/sign-in/organization")
@public()
def show_organization_choice() -> ResponseReturnValue:
    """Show which organizations one may enter, and how."""
    try:
        user_id, _token, _place = _waiting()
    except LinkExpired:
        return redirect(url_for("accounts.show_sign_in"))
    return render_template(
        "accounts/choose_organization.html", entrances=_entrances(user_id, clock.now()),
        next=request.args.get("next", ""), action=url_for("accounts.choose_organization"),
    )  # fmt: skip


@bp.post("/sign-in/organization")
@public()
def choose_organization() -> ResponseReturnValue:
    """Enter the organization that was chosen."""
    given = form({"organization_id": 36, "next": 2000})
    try:
        user_id, token, place = _waiting()
    except LinkExpired:
        return redirect(url_for("accounts.show_sign_in"))
    now = clock.now()
    chosen = _chosen(_entrances(user_id, now), given["organization_id"])
    with database().write(place) as session:
        links.use(session, token, TokenPurpose.ORGANIZATION_CHOICE, now)
    return open_browser(user_id, chosen.organization_id, given["next"])


@bp.get("/me/organizations")
@requires(SIGNED_IN)
def list_organizations() -> ResponseReturnValue:
    """Show the organizations one belongs to, and the way into each."""
    person = current_user()
    return render_template(
        "accounts/organizations.html",
        current=person.organization_id,
        entrances=_entrances(person.user_id, clock.now()),
        stays=person.provider_id is not None,
    )  # fmt: skip


@bp.post("/me/organizations")
@requires(SIGNED_IN)
def switch_organization() -> ResponseReturnValue:
    """Leave this organization for another: its session ends, the other's begins.

    Whoever came in by an identity provider proved nothing to other organizations, and signs in there.
    """
    person, now = current_user(), clock.now()
    if person.provider_id is not None:
        raise Forbidden(_("You came in by this organization's identity provider. Sign out, then sign in to the other."))
    chosen = _chosen(_entrances(person.user_id, now), form({"organization_id": 36})["organization_id"])
    response = open_browser(person.user_id, chosen.organization_id, "", proven_at=person.proven_at)
    with database().write(person.organization_id) as session:
        login.close_session(session, person.session_id, now)
    flash(_("You are in %(organization)s now.", organization=chosen.name), "ok")
    return response


def _chosen(found: list[Entrance], organization_id: str) -> Entrance:
    chosen = next((one for one in found if str(one.organization_id) == organization_id), None)
    if chosen is None:
        raise NotFound("You do not belong to this organization.")
    if not chosen.takes_password:
        raise Forbidden(_("%(organization)s asks everybody to sign in with its provider.", organization=chosen.name))
    return chosen


def _entrances(user_id: UUID, now: datetime) -> list[Entrance]:
    with database().read(None) as session:
        places = people.places_of(session, user_id)
    found = []
    for organization_id in places:
        with database().read(organization_id) as session:
            found.append(entrances.of_person(session, user_id, now))
    return sorted(found, key=lambda one: one.name.casefold())


def _waiting() -> tuple[UUID, str, UUID]:
    token, now = request.cookies.get(_cookie(), ""), clock.now()
    with database().read(None) as session:
        place = links.organization_of(session, token)
    with database().read(place) as session:
        return links.holder(session, token, TokenPurpose.ORGANIZATION_CHOICE, now), token, place


def _cookie() -> str:
    return "__Host-stoa-choice" if config().is_https else "stoa_choice"


def _last_cookie() -> str:
    return "__Host-stoa-organization" if config().is_https else "stoa_organization"
