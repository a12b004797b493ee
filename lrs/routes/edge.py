"""What every request and every answer of the standard has in common: version, credentials, CORS, errors."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson
from flask import Request, Response
from werkzeug.exceptions import HTTPException

from core import clock
from core.errors import BadRequest, Forbidden, StoaError, TooLarge, Unauthorized
from core.http import config, database
from lrs.routes import call as calls
from lrs.routes.call import Call
from lrs.services import credentials, queries, rates, refusals, tokens
from lrs.services.credentials import Caller
from lrs.services.tokens import TokenRefused
from lrs.xapi import values
from lrs.xapi.versions import Version

CONSISTENT_THROUGH = "X-Experience-API-Consistent-Through"

EXPOSED = (
    "ETag, Last-Modified, Content-Length, Retry-After, WWW-Authenticate, X-Experience-API-Version, "
    f"{CONSISTENT_THROUGH}"
)
_ALLOWED = (
    "Authorization, Content-Type, Content-Length, Accept, Accept-Language, If-Match, If-None-Match, "
    "X-Experience-API-Version, X-Experience-API-Hash, Content-Transfer-Encoding"
)


@dataclass(frozen=True)
class Resource:
    """A resource of the standard: a handler per method; GET answers HEAD, too."""

    handlers: Mapping[str, Callable[[Call], Response]]
    is_public: bool = False  # asks neither for a credential nor for a version
    is_statements: bool = False  # every answer says how far the store is consistent

    @property
    def methods(self) -> str:
        """For the Allow headers."""
        return ", ".join([*self.handlers, *(["HEAD"] if "GET" in self.handlers else []), "OPTIONS"])


class MethodNotAllowed(StoaError):
    """The resource has no such method."""

    status = 405
    title = "This resource has no such method"


def answer(request: Request, base: str, default: Version, resource: Resource, path: Mapping[str, str]) -> Response:
    """Answer one request, whatever it is. Every answer names the version, and scripts of other origins may read it."""
    call = calls.read(request, base, default, path)
    try:
        response = _preflight(resource) if request.method == "OPTIONS" else _handled(call, resource)
    except StoaError as error:
        response = _refused(call, error)
    except HTTPException as error:
        response = _refused(call, _as_own(error))
    if call.method == "HEAD" and request.method != "HEAD":
        response.set_data(b"")
    if resource.is_statements and CONSISTENT_THROUGH not in response.headers:
        response.headers[CONSISTENT_THROUGH] = _consistent_through(call)
    response.headers["X-Experience-API-Version"] = call.version
    _share(call, response)
    return response


def _handled(call: Call, resource: Resource) -> Response:
    calls.negotiate(call, is_required=not resource.is_public)
    if call.duplicate is not None:
        raise BadRequest(f"The parameter {call.duplicate[:80]} is there twice [Communication 3.2].")
    if any("\0" in text for text in call.parameters.values()):
        raise BadRequest("A parameter contains the character NUL.")
    if not resource.is_public:
        call.known_caller = authenticate(call)
    handler = resource.handlers.get("GET" if call.method == "HEAD" else call.method)
    if handler is None:
        raise MethodNotAllowed(f"{call.method} is not for this resource; {resource.methods} are.")
    return handler(call)


def authenticate(call: Call) -> Caller:
    """Who is asking (Communication 4.0). Raises as `caller_of`."""
    return caller_of(call.headers.get("authorization", ""), call.headers.get("origin"))


def caller_of(authorization: str, origin: str | None) -> Caller:
    """Who is asking, by HTTP Basic or with a bearer token; one request of theirs is counted.

    Raises Unauthorized; Forbidden for a foreign origin; TooFast when they ask too often.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() == "bearer":
        caller = tokens.caller_of(database(), token.strip(), now=clock.now())
    else:
        key, secret = basic(authorization)
        caller = credentials.caller_of(database(), key, secret, hash_key=config().key("lrs"), now=clock.now())
    if caller.origins and origin is not None and origin not in caller.origins:
        raise Forbidden("This credential is not for scripts of that origin.")
    rates.take(caller)
    return caller


def challenges(error: Unauthorized) -> list[str]:
    """The WWW-Authenticate headers of a 401 (RFC 7617, RFC 6750 3)."""
    bearer = 'Bearer realm="xAPI"'
    if isinstance(error, TokenRefused):
        described = "".join(sign if " " <= sign <= "~" and sign not in '"\\' else "'" for sign in error.message)
        bearer += f', error="invalid_token", error_description="{described}"'
    return ['Basic realm="xAPI", charset="UTF-8"', bearer]


_WORTH_A_NOTE = frozenset({400, 403, 409, 412, 413})


def _refused(call: Call, error: StoaError) -> Response:
    """Answer an error; what a known client got wrong is also kept, for whoever has to help its makers."""
    if call.known_caller is not None and error.status in _WORTH_A_NOTE:
        query = f"?{urlencode(call.parameters)}" if call.parameters else ""
        request = refusals.Request(call.method, call.request.path + query, call.start)
        refusals.note(database(), call.known_caller, request, error, clock.now())
    return refusal(call, error)


def basic(header: str) -> tuple[str, str]:
    """Key and secret of an Authorization header. Raises Unauthorized."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise Unauthorized("Send key and secret by HTTP Basic authentication, or a bearer token.")
    try:
        key, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (ValueError, binascii.Error) as error:
        raise Unauthorized("The Authorization header cannot be read.") from error
    if not colon or "\0" in key:
        raise Unauthorized("The Authorization header has no key and secret.")
    return key, secret


def refusal(call: Call, error: StoaError) -> Response:
    """The error as problem+json, or as text for who asks for text; with every problem that was found."""
    mimetypes = call.request.accept_mimetypes
    if mimetypes.best_match(["application/json", "application/problem+json", "text/plain"]) == "text/plain":
        lines = [error.message, *(f"{item.where}: {item.what} [{item.remedy}]" for item in error.problems)]
        response = Response("\n".join(lines) + "\n", error.status, content_type="text/plain; charset=utf-8")
    else:
        response = Response(problem(error), error.status, content_type=PROBLEM)
    if isinstance(error, Unauthorized):
        for challenge in challenges(error):
            response.headers.add("WWW-Authenticate", challenge)
    if retry_after := getattr(error, "retry_after", None):
        response.headers["Retry-After"] = str(retry_after)
    return response


PROBLEM = "application/problem+json"


def problem(error: StoaError) -> bytes:
    """The error as problem+json (RFC 9457), with every problem that was found."""
    body: dict[str, Any] = {"title": error.title, "status": error.status, "detail": error.message}
    if error.problems:
        body["problems"] = [
            {"path": item.where, "message": item.what, "requirement": item.remedy} for item in error.problems[:100]
        ]
    return orjson.dumps(body)


def _as_own(error: HTTPException) -> StoaError:
    if error.code == 413:
        return TooLarge("The request is larger than this server takes.")
    return BadRequest(error.description or "The request cannot be read.")


def _consistent_through(call: Call) -> str:
    """Where no statements were looked at: asked for by itself; for who has not said who they are, the time."""
    if call.known_caller is None:
        return values.format_timestamp(clock.now())
    with database().read(call.known_caller.organization_id) as session:
        return values.format_timestamp(queries.consistent_through(session))


def _preflight(resource: Resource) -> Response:
    """CORS: a browser asks without credentials what it may send (Fetch standard)."""
    response = Response(status=204)
    response.headers["Access-Control-Allow-Methods"] = resource.methods
    response.headers["Access-Control-Allow-Headers"] = _ALLOWED
    response.headers["Access-Control-Max-Age"] = "7200"
    response.headers["Allow"] = resource.methods
    return response


def _share(call: Call, response: Response) -> None:
    """Let scripts of any origin read the answer: there is no cookie here, only what they were given themselves."""
    response.headers["Access-Control-Allow-Origin"] = call.headers.get("origin") or "*"
    response.headers["Access-Control-Expose-Headers"] = EXPOSED
    response.headers.add("Vary", "Origin")
    response.headers.setdefault("Cache-Control", "private, no-cache")
