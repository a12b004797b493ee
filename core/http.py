"""The web edge: what every view declares, who asks, on which origin, and the parts a view may use.

Each view carries one of `requires`, `public`, `machine` or `content`; a view without one answers nobody.
Pages live on the application's origin, package content on the content origin, machine routes on every host.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar, cast
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from flask import Flask, Response, current_app, g, make_response, request  # noqa: TID251 - the context lives here
from werkzeug.wrappers import Response as WerkzeugResponse

from core import audit, clock
from core.config import Config
from core.db import Database, ReadOnly, uuid7
from core.errors import BadRequest, Forbidden, NotFound, ProofNeeded, SecondFactorNeeded, Unauthorized
from core.files import Files
from core.words import said

View = TypeVar("View", bound=Callable[..., Any])
_ASK = "Give your password or code at /me/proof, then do it again."
_UNDER_WAY = "/runtime/"  # what a learner in the middle of a course does is not lost
_LOOKING = "You are looking as {}. Nothing can be changed, sent or taken out, and what is theirs alone stays closed."
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

HostKind = Literal["app", "content", "any"]
Place = tuple[str, UUID]

CSP_APP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; media-src 'self'; manifest-src 'self'; frame-src {content}; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Access:
    """What a view declares: where it answers, who may call it, whether it guards against forged requests itself.

    A `limited` one also answers who holds the permission in some places only; it shows and does what lies there.
    A `viewing` one may change something also for who looks at the application as somebody else.
    An `early` one answers also who has yet to set up the second factor that the organization asks for.
    A `critical` one wants a password or code when the last one is too old.
    """

    host: HostKind
    permission: str | None = None
    csrf: bool = True
    limited: bool = False
    critical: bool = False
    early: bool = False
    viewing: bool = False


@dataclass(frozen=True)
class Visitor:
    """Who is asking: a signed-in person in one organization, with what they may do there.

    `permissions` hold everywhere in the organization, `limited` ones in some places: a kind and an id.
    """

    user_id: UUID
    organization_id: UUID
    session_id: UUID
    name: str
    permissions: frozenset[str]
    limited: Mapping[str, frozenset[Place]] = field(default_factory=dict)
    places: frozenset[Place] = frozenset()
    roles: frozenset[str] = frozenset()
    organization_name: str = ""
    locale: str | None = None
    timezone: str = "UTC"
    viewer_id: UUID | None = None  # who is really there, and looks at the application as this person
    viewer_name: str = ""
    lacks_second_factor: bool = False  # the organization asks for one, and it is not set up yet
    proven_at: datetime | None = None  # when they last gave a password or code
    client_id: UUID | None = None  # a program, which acts in the name of `user_id`
    provider_id: UUID | None = None  # the identity provider that vouched for the person, in this organization only
    is_elsewhere: bool = False  # whether other organizations know the person too
    theme: str = ""  # of the organization's own style sheet: changes with it; empty when it has none
    logo: str = ""  # SHA-256 of the organization's logo

    def may(self, permission: str) -> bool:
        """Tell whether this person holds the permission everywhere in the organization."""
        return permission in self.permissions

    def may_somewhere(self, permission: str) -> bool:
        """Tell whether this person holds the permission, everywhere or in some place."""
        return permission in self.permissions or permission in self.limited

    def where(self, permission: str) -> frozenset[Place] | None:
        """Return the places in which this person holds the permission; None stands for everywhere."""
        return None if permission in self.permissions else self.limited.get(permission, frozenset())


@dataclass(frozen=True)
class Parts:
    """What the application is made of; one per process, kept at `app.extensions["stoa"]`."""

    config: Config
    database: Database
    files: Files
    visitor_of: Callable[[Database, str], Visitor | None] = field(default=lambda _database, _token: None)
    client_of: Callable[[Database, str, bytes], Visitor | None] = field(default=lambda _database, _token, _key: None)
    prove: Callable[[Database, Visitor, str], str] = field(default=lambda _database, _visitor, _proof: "Not here.")


def requires(
    permission: str,
    *,
    limited: bool = False,
    critical: bool = False,
    early: bool = False,
    viewing: bool = False,
) -> Callable[[View], View]:
    """Declare a view of the application's origin for signed-in people who hold `permission` in all the organization.

    With `limited` also for those who hold it in some places only: the view asks `current_user().where(permission)`.
    A `critical` act is done by whoever has given a password or code lately; others are asked first (ADR 0027).
    """
    return _declare(Access("app", permission, limited=limited, critical=critical, early=early, viewing=viewing))


def public() -> Callable[[View], View]:
    """Declare a view of the application's origin for anybody."""
    return _declare(Access("app"))


def machine() -> Callable[[View], View]:
    """Declare a view that answers on every host, knows no cookie and checks its caller's credential itself."""
    return _declare(Access("any", csrf=False))


def content() -> Callable[[View], View]:
    """Declare a view of the content origin: no cookie, no person; what it gives is guarded by an unguessable path."""
    return _declare(Access("content", csrf=False))


def _declare(access: Access) -> Callable[[View], View]:
    def mark(view: View) -> View:
        cast("Any", view).access = access
        return view

    return mark


def access_of(app: Flask, endpoint: str) -> Access | None:
    """Return what a view declared, or None when it declared nothing."""
    return cast("Access | None", getattr(app.view_functions.get(endpoint), "access", None))


def parts() -> Parts:
    """Return the parts of the running application."""
    return cast("Parts", current_app.extensions["stoa"])


def config() -> Config:
    """Return the configuration."""
    return parts().config


def database() -> Database:
    """Return the database; a view opens exactly one transaction on it.

    For who looks at the application as somebody else it refuses to write, whatever a view means to do.
    """
    person, access = visitor(), access_of(current_app, request.endpoint or "")
    if person is not None and person.viewer_id is not None and not (access is not None and access.viewing):
        return ReadOnly(parts().database, _LOOKING.format(person.name))
    return parts().database


def files() -> Files:
    """Return the file storage."""
    return parts().files


def visitor() -> Visitor | None:
    """Return who is signed in, if anybody."""
    return cast("Visitor | None", g.get("visitor"))


def current_user() -> Visitor:
    """Return who is signed in. Raises Unauthorized."""
    person = visitor()
    if person is None:
        raise Unauthorized
    return person


def current_tenant() -> UUID:
    """Return the organization of whoever is signed in. Raises Unauthorized."""
    return current_user().organization_id


def bearer_token() -> str | None:
    """Return the token a program sends with a call of the REST API, which then knows no cookie."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" and request.path.startswith("/api/") else None


def request_id() -> str:
    """Return this request's id, the one support can look up in the logs."""
    return cast("str", g.get("request_id", ""))


def session_cookie(settings: Config) -> str:
    """Return the cookie's name: bound to the host under https, plain on loopback."""
    return "__Host-stoa" if settings.is_https else "stoa_session"


def set_session_cookie(response: WerkzeugResponse, token: str, max_age: int) -> None:
    """Put the session's token into the answer; readable by no script, sent by no other site."""
    settings = config()
    response.set_cookie(
        session_cookie(settings), token, max_age=max_age, httponly=True, secure=settings.is_https, samesite="Lax"
    )


def clear_session_cookie(response: WerkzeugResponse) -> None:
    """Take the session's token away."""
    settings = config()
    response.delete_cookie(session_cookie(settings), secure=settings.is_https, httponly=True, samesite="Lax")


def csrf_token() -> str:
    """Return the token unsafe requests of this browser must carry (field `csrf_token` or header X-CSRF-Token)."""
    return _csrf_for(_browser_secret())


def client_address() -> str:
    """Return the address the request came from."""
    return request.remote_addr or ""


def refuse_other_hosts() -> None:
    """Let each host answer only its own kind of view; refuse views that declared nothing."""
    if request.endpoint is None:
        return
    access = access_of(current_app, request.endpoint)
    if access is None:
        raise Forbidden("This page has not said who may see it.")
    if access.host == "any" or bearer_token() is not None:
        return
    settings = config()
    kind = {settings.app_host: "app", settings.content_host: "content"}.get(request.host)
    if kind != "app" and request.path.startswith("/api/"):
        raise Unauthorized("Send Authorization: Bearer with the token of an API client.")
    if kind is None:
        raise BadRequest(
            said(
                "Stoa does not answer on %(host)s. Open %(app_origin)s, or set APP_ORIGIN and CONTENT_ORIGIN.",
                host=request.host,
                app_origin=settings.app_origin,
            )
        )
    if kind != access.host:
        raise NotFound


def recognize() -> None:
    """Find out who is asking and refuse what they may not do, before any view runs."""
    g.request_id = _trusted_request_id()
    structlog.contextvars.bind_contextvars(request=g.request_id)
    audit.origin.set(audit.Origin(None, client_address(), g.request_id))
    if request.endpoint is None:
        return
    refuse_other_hosts()
    access = access_of(current_app, request.endpoint)
    if access is None or access.host != "app":
        return
    program = bearer_token()
    if program is not None:
        g.visitor = parts().client_of(database(), program, config().key("accounts.api_clients"))
    elif token := request.cookies.get(session_cookie(config())):
        g.visitor = parts().visitor_of(database(), token)
    if access.csrf and program is None and request.method not in ("GET", "HEAD", "OPTIONS"):
        _refuse_forgery()
    if access.permission is not None:
        person = current_user()
        if person.viewer_id is not None and not access.viewing:
            _refuse_while_looking(person, access)
        if person.lacks_second_factor and not access.early and not request.path.startswith(_UNDER_WAY):
            raise SecondFactorNeeded
        holds = person.may_somewhere if access.limited else person.may
        if not holds(access.permission):
            whose = "Your role" if program is None else "This API client"
            raise Forbidden(
                said("%(whose)s does not include this (%(permission)s).", whose=whose, permission=access.permission)
            )
        if access.critical and program is None:
            _require_proof(person)
    if person_now := visitor():
        who, seen_as = person_now.user_id, None
        if person_now.viewer_id is not None:
            who, seen_as = person_now.viewer_id, person_now.user_id
        audit.origin.set(audit.Origin(who, client_address(), g.request_id, person_now.client_id, seen_as))


def _refuse_while_looking(person: Visitor, access: Access) -> None:
    """Whoever looks as somebody else changes nothing, takes nothing out, and keeps out of what is theirs alone."""
    if request.method not in ("GET", "HEAD", "OPTIONS") or access.critical or request.path.startswith("/me/"):
        raise Forbidden(_LOOKING.format(person.name))


def _require_proof(person: Visitor) -> None:
    """Let a critical act pass when a password or code was given lately, or comes with the form. Raises ProofNeeded."""
    lasts = timedelta(minutes=config().proof_minutes)
    if person.proven_at is not None and person.proven_at > clock.now() - lasts:
        return
    given = "" if request.method in ("GET", "HEAD") else request.form.get("proof", "")
    why = parts().prove(database(), person, given[:1000]) if given else ""
    if why or not given:
        raise ProofNeeded(why or _ASK)


def secure(response: Response) -> Response:
    """Give every answer the headers of its origin."""
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers["X-Request-Id"] = request_id()
    settings = config()
    if request.host == settings.content_host:
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        return response
    # Not no-referrer: with it browsers send `Origin: null` with our own forms, as a sandboxed frame would.
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Content-Security-Policy", CSP_APP.format(content=settings.content_origin))
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    response.headers.setdefault("X-Frame-Options", "DENY")
    if settings.is_https:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if "Cache-Control" not in response.headers and request.endpoint != "static":
        response.headers["Cache-Control"] = "private, no-store"
    if g.get("new_browser_secret"):
        response.set_cookie(
            _browser_cookie(settings), g.new_browser_secret, httponly=True, secure=settings.is_https, samesite="Lax"
        )
    return response


def in_touch_with_windows(page: str) -> Response:
    """Return a page that, like its frames, stays in touch with the windows it opens; all others are cut off.

    For the player: content plays in windows of its own, and drivers find their API through the opener.
    """
    response = make_response(page)
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin-allow-popups"
    return response


def searched() -> str:
    """Return what the visitor searches for: the query's `q`, at most 100 characters, without control characters."""
    return _CONTROL.sub("", request.args.get("q", "")).strip()[:100]


def page_number() -> int:
    """Return which page of a list is asked for, from 1."""
    return min(max(request.args.get("page", 1, type=int), 1), 100_000)


def form(names: Mapping[str, int]) -> dict[str, str]:
    """Return the named form fields, trimmed; each at most so many characters. Raises BadRequest naming the field."""
    values = {}
    for name, longest in names.items():
        value = request.form.get(name, "").strip()
        if len(value) > longest or "\x00" in value:
            raise BadRequest(
                said("The field %(name)s takes at most %(longest)s characters.", name=name, longest=longest)
            )
        values[name] = value
    return values


def _trusted_request_id() -> str:
    given = request.headers.get("X-Request-Id", "")
    return given if 8 <= len(given) <= 36 and given.replace("-", "").isalnum() else str(uuid7())


def _refuse_forgery() -> None:
    """Refuse an unsafe request that another site, or a package on the content origin, may have made."""
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        raise Forbidden("This request came from another site.")
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != config().app_host:
        raise Forbidden("This request came from another site.")
    given = request.headers.get("X-CSRF-Token") or request.form.get("csrf_token") or ""
    if not hmac.compare_digest(given, _csrf_for(_browser_secret())):
        raise Forbidden("This page is out of date. Go back, reload it, and try again.")


def _browser_cookie(settings: Config) -> str:
    return "__Host-stoa-browser" if settings.is_https else "stoa_browser"


def _browser_secret() -> str:
    settings = config()
    token = request.cookies.get(session_cookie(settings)) if visitor() else None
    secret = token or request.cookies.get(_browser_cookie(settings)) or g.get("new_browser_secret")
    if not secret:
        secret = g.new_browser_secret = secrets.token_urlsafe(24)
    return secret


def _csrf_for(secret: str) -> str:
    return csrf_for(config(), secret)


def csrf_for(settings: Config, secret: str) -> str:
    """Return the token that unsafe requests of the browser with this secret must carry."""
    return hmac.new(settings.key("csrf"), secret.encode(), hashlib.sha256).hexdigest()
