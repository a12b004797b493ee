"""Signing in with an organization's identity provider: there and back, the letter for whoever is known, the end.

What has to come back with the answer waits in a sealed cookie: state, nonce and PKCE's verifier, for one provider.
"""

import base64
import hmac
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.wrappers import Response as WerkzeugResponse

from accounts.errors import LinkExpired, ProofNeeded, StrangerRefused
from accounts.routes import entering
from accounts.routes import second_factor as second_factor_step
from accounts.routes.blueprint import bp
from accounts.routes.entering import Voucher
from accounts.routes.targets import safe_next
from accounts.services import entrances, links, openid, people, providers, second_factor
from accounts.services.openid import Claims, Client, ProviderFault
from accounts.tables import TokenPurpose
from core import clock, sealing
from core.errors import Conflict, NotFound, StoaError, Unavailable
from core.http import config, database, form, machine, public

LONGEST = 15 * 60
_OWNER = b"accounts.provider_sign_in"
_LETTER = 3600


@bp.get("/o/<slug>")
@public()
def show_organization_sign_in(slug: str) -> ResponseReturnValue:
    """Lead to the sign-in of one organization: the address it gives to its people."""
    with database().read(None) as session:
        organization_id = people.place_by_slug(session, slug)
    if organization_id is None:
        raise NotFound(_("There is no organization of this name here."))
    response = redirect(url_for("accounts.show_sign_in", next=request.args.get("next") or None))
    entering.remember(response, organization_id)
    return response


@bp.get("/sign-in/with/<uuid:provider_id>")
@public()
def begin_with_provider(provider_id: UUID) -> ResponseReturnValue:
    """Send the browser to the provider."""
    target = request.args.get("next", "")
    _place, client = _client(provider_id)
    try:
        found = openid.configuration(client.issuer)
    except ProviderFault as error:
        return _stopped(provider_id, error.message, 502)
    waiting = {name: openid.new_secret() for name in ("state", "nonce", "verifier")}
    response = redirect(openid.address(found, client, **waiting))
    waiting |= {"provider": str(provider_id), "next": safe_next(target) if target else ""}
    _put(response, waiting)
    return response


@bp.get("/sign-in/with/<uuid:provider_id>/back")
@public()
def return_from_provider(provider_id: UUID) -> ResponseReturnValue:
    """Take the provider's answer: it must be to what this browser asked, of this provider, and be signed."""
    place, client = _client(provider_id)
    waiting, now = _taken(), clock.now()
    state = request.args.get("state", "")
    if waiting.get("provider") != str(provider_id) or not hmac.compare_digest(
        waiting["state"].encode(), state.encode()
    ):
        return _stopped(provider_id, _("This answer belongs to no sign-in of this browser. Begin again."), 400)
    try:
        _check_issuer(client)
        if refused := request.args.get("error"):
            said = request.args.get("error_description", "")[:300]
            return _stopped(provider_id, _("The provider says: %(text)s", text=said or refused[:100]), 401)
        claims = openid.redeem(
            client, request.args.get("code", "")[:4000], nonce=waiting["nonce"], verifier=waiting["verifier"], now=now
        )
    except ProviderFault as fault:
        return _stopped(provider_id, fault.message, 401)
    try:
        with database().write(place) as session:
            user_id = providers.person_of(session, provider_id, claims, now)
    except ProofNeeded as error:
        return _ask_for_proof(place, provider_id, claims, error.user_id)
    except (StrangerRefused, Conflict) as error:
        return _stopped(provider_id, error.message, 403)
    response = _let_in(place, user_id, Voucher(provider_id, claims.session), waiting["next"], now)
    _drop(response, _name("provider"))
    return response


@bp.get("/connect")
@public()
def show_connection() -> ResponseReturnValue:
    """Show which account a letter's link connects to which; looking connects nothing."""
    if "token" in request.args:
        response = redirect(url_for("accounts.show_connection"))
        _set(response, _name("connect"), request.args["token"][:200], _LETTER)
        response.headers["Referrer-Policy"] = "no-referrer"
        return response
    _token, place, user_id, payload = _connection()
    with database().read(place) as session:
        person = people.get(session, user_id)
        provider = providers.get(session, UUID(payload["provider_id"]))
        organization = people.tenant(session)
    return render_template("accounts/connect.html", person=person, provider=provider, organization=organization)


@bp.post("/connect")
@public()
def connect() -> ResponseReturnValue:
    """Connect them, and sign in with the provider."""
    token, place, user_id, payload = _connection()
    provider_id, now = UUID(payload["provider_id"]), clock.now()
    with database().write(place) as session:
        links.use(session, token, TokenPurpose.PROVIDER_LINK, now)
        providers.client(session, provider_id, "")  # is it still on?
        providers.link(session, provider_id, payload["issuer"], payload["subject"], user_id, now)
    response = _let_in(place, user_id, Voucher(provider_id), "", now)
    _drop(response, _name("connect"))
    _drop(response, _name("proof"))
    flash(_("From now on you sign in with it."), "ok")
    return response


@bp.post("/sign-in/with/<uuid:provider_id>/logout")
@machine()
def end_by_provider(provider_id: UUID) -> ResponseReturnValue:
    """OpenID Connect Back-Channel Logout 1.0 §2.5: the provider says that a session is over."""
    now = clock.now()
    try:
        place, client = _client(provider_id)
        over = openid.ended(client, form({"logout_token": 32 * 1024})["logout_token"], now)
        with database().write(place) as session:
            providers.end(session, provider_id, over, now)
    except (ProviderFault, NotFound) as error:
        answer = Response(orjson.dumps({"error": "invalid_request", "error_description": error.message}), 400)
        answer.mimetype = "application/json"
    else:
        answer = Response(status=200)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def way_out(organization_id: UUID, provider_id: UUID) -> tuple[str, str] | None:
    """Return the provider's name and where one signs out there too (RP-Initiated Logout 1.0), if there is a page."""
    try:
        with database().read(organization_id) as session:
            client = providers.client(session, provider_id, "")
            name = providers.get(session, provider_id).name
        found = openid.configuration(client.issuer)
    except StoaError:
        return None
    if not found.end_session_endpoint:
        return None
    back = config().app_origin + url_for("accounts.show_sign_in")
    return name, openid.goodbye(found, client, back)


def _let_in(place: UUID, user_id: UUID, voucher: Voucher, target: str, now: datetime) -> WerkzeugResponse:
    """Open the session; a second factor that the person has here is asked for here."""
    with database().write(place) as session:
        if second_factor.is_on(session, user_id):
            payload = {"provider_id": str(voucher.provider_id), "provider_session": voucher.session}
            token = links.issue(session, user_id, TokenPurpose.SECOND_FACTOR, now, **payload)
            return second_factor_step.ask_for_code(token, target)
    return entering.open_browser(user_id, place, target, voucher)


def _ask_for_proof(place: UUID, provider_id: UUID, claims: Claims, user_id: UUID) -> ResponseReturnValue:
    browser = openid.new_secret()
    with database().write(place) as session:
        providers.ask_for_proof(session, provider_id, claims, user_id, browser)
        provider = providers.get(session, provider_id)
    response = Response(render_template("accounts/proof_needed.html", provider=provider, email=claims.email))
    _set(response, _name("proof"), browser, _LETTER)
    return response


def _connection() -> tuple[str, UUID, UUID, dict[str, Any]]:
    """The letter's token, from the browser that asked for the letter. Raises LinkExpired."""
    token, now = request.cookies.get(_name("connect"), ""), clock.now()
    with database().read(None) as session:
        place = links.organization_of(session, token)
    with database().read(place) as session:
        user_id = links.holder(session, token, TokenPurpose.PROVIDER_LINK, now)
        payload = links.payload(session, token, TokenPurpose.PROVIDER_LINK, now)
    asked = providers.mark(request.cookies.get(_name("proof"), ""))
    if not hmac.compare_digest(payload["browser"], asked):
        raise LinkExpired
    return token, place, user_id, payload


def _client(provider_id: UUID) -> tuple[UUID, Client]:
    with database().read(None) as session:
        place = providers.place(session, provider_id)
    with database().read(place) as session:
        return place, providers.client(session, provider_id, redirect_uri(provider_id))


def redirect_uri(provider_id: UUID) -> str:
    """Return where this provider sends browsers back to: one for each, so that no provider answers for another."""
    return config().app_origin + url_for("accounts.return_from_provider", provider_id=provider_id)


def _check_issuer(client: Client) -> None:
    """RFC 9207: an answer that says whose it is must say the right one; where it always says so, silence is wrong."""
    given = request.args.get("iss")
    if given is None and openid.configuration(client.issuer).names_itself:
        raise ProviderFault("The answer does not say whose it is.")
    if given is not None and given != client.issuer:
        raise ProviderFault("The answer is of another issuer.")


def _stopped(provider_id: UUID, reason: str, status: int) -> tuple[str, int]:
    name = ""
    with database().read(None) as session:
        place = providers.place(session, provider_id)
    with database().read(place) as session:
        name = providers.get(session, provider_id).name
        organization = entrances.general(session)
    page = render_template(
        "accounts/provider_stopped.html", provider_id=provider_id, name=name, reason=reason, organization=organization
    )
    return page, status


def _put(response: WerkzeugResponse, waiting: dict[str, str]) -> None:
    since = int(clock.now().timestamp())
    sealed = sealing.seal(orjson.dumps(waiting | {"since": since}), _OWNER)
    text = f"{sealing.key_id()}.{base64.urlsafe_b64encode(sealed).decode()}"
    _set(response, _name("provider"), text, LONGEST)


def _taken() -> dict[str, str]:
    """What waits in the browser; an empty state, which fits no answer, when nothing does."""
    nothing = {"state": "\x00", "provider": ""}
    key_id, _dot, text = request.cookies.get(_name("provider"), "").partition(".")
    try:
        found = orjson.loads(sealing.unseal(base64.urlsafe_b64decode(text), _OWNER, key_id))
    except (ValueError, Unavailable):
        return nothing
    is_fresh = clock.now().timestamp() - found.pop("since") <= LONGEST
    return found if is_fresh else nothing


def _name(what: str) -> str:
    return f"__Host-stoa-{what}" if config().is_https else f"stoa_{what}"


def _set(response: WerkzeugResponse, name: str, value: str, seconds: int) -> None:
    response.set_cookie(name, value, max_age=seconds, httponly=True, secure=config().is_https, samesite="Lax")


def _drop(response: WerkzeugResponse, name: str) -> None:
    response.delete_cookie(name, secure=config().is_https, httponly=True, samesite="Lax")
