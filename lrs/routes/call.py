"""A request of the standard, read: its syntax, its version, its parameters (Communication 1, 3)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any
from urllib.parse import parse_qsl
from uuid import UUID

import orjson
from flask import Request

from core.errors import BadRequest
from lrs.errors import InvalidStatements
from lrs.services.credentials import Caller
from lrs.xapi import values, versions
from lrs.xapi.actors import actor, agent, identifier
from lrs.xapi.problems import Problem, Report
from lrs.xapi.versions import Version

_FORM_HEADERS = frozenset(
    {"authorization", "x-experience-api-version", "content-type", "content-length", "if-match", "if-none-match"}
)
_ALTERNATE_METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "DELETE"})


@dataclass
class Call:
    """One request. Headers have lower-case names; `caller` is known once the request is authenticated."""

    method: str
    mount: str
    version: Version
    parameters: dict[str, str]
    headers: Mapping[str, str]
    path: Mapping[str, str]
    request: Request
    content: bytes | None = None  # from the alternate syntax; else it is still in the request
    start: bytes = b""  # of the content, once it was read: what a note on a refusal may quote
    duplicate: str | None = None  # a parameter that is there twice
    known_caller: Caller | None = None

    @property
    def caller(self) -> Caller:
        """Who is asking."""
        if self.known_caller is None:
            raise RuntimeError("this resource is public: nobody is known")
        return self.known_caller

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")

    def body(self) -> bytes:
        """The whole content, up to the server's limit."""
        found = self.content if self.content is not None else self.request.get_data(cache=False)
        self.start = found[:4000]
        return found

    def stream(self) -> IO[bytes]:
        """The content in pieces, for what may be large."""
        return self.request.stream

    def allow(self, *names: str) -> None:
        """Refuse parameters that are not known here, or known in another case only (Communication 3.2)."""
        for name in self.parameters:
            if name not in names:
                meant = next((known for known in names if known.lower() == name.lower()), None)
                hint = f"; names are case sensitive: {meant}" if meant else ""
                self._refuse(name[:80], f"is not a parameter here{hint}", "Communication 3.2")

    def text(self, name: str) -> str:
        """A parameter that must be there."""
        found = self.parameters.get(name)
        if found is None:
            self._refuse(name, "is required", "Communication 2")
        return found or ""

    def iri(self, name: str) -> str | None:
        return self._checked(name, values.is_iri, "an IRI with a scheme")

    def required_iri(self, name: str) -> str:
        self.text(name)
        return self.iri(name) or ""

    def uuid(self, name: str) -> UUID | None:
        found = self._checked(name, values.is_uuid, "a UUID in standard form")
        return None if found is None else UUID(found)

    def moment(self, name: str) -> datetime | None:
        found = self._checked(name, lambda text: values.is_timestamp(text, self.version), "an ISO 8601 timestamp")
        return None if found is None else values.parse_timestamp(found, self.version)

    def flag(self, name: str) -> bool:
        return self._checked(name, lambda text: text in ("true", "false"), "true or false") == "true"

    def number(self, name: str) -> int:
        found = self._checked(name, lambda text: text.isascii() and text.isdigit() and len(text) < 10, "a whole number")
        return int(found or 0)

    def one_of(self, name: str, words: tuple[str, ...]) -> str | None:
        return self._checked(name, lambda text: text in words, " or ".join(words))

    def agent(self, name: str = "agent") -> dict[str, Any]:
        """An Agent as JSON: required, and no Group (Communication 2.3, 2.4, 2.6)."""
        self.text(name)
        found = self._json(name)
        report = Report(self.version)
        agent(report, name, found)
        self._require_none(report)
        return dict(found) if isinstance(found, dict) else {}

    def actor_identifier(self, name: str) -> str | None:
        """The identifier of an Agent or identified Group, where the parameter is there (Communication 2.1.3)."""
        if name not in self.parameters:
            return None
        found = self._json(name)
        report = Report(self.version)
        actor(report, name, found)
        self._require_none(report)
        known = identifier(found)
        if known is None:
            self._refuse(name, "must be an Agent or an identified Group", "Communication 2.1.3")
        return known

    def _json(self, name: str) -> Any:
        try:
            return orjson.loads(self.parameters[name])
        except orjson.JSONDecodeError:
            self._refuse(name, "must be a JSON object", "Communication 2")

    def _checked(self, name: str, is_valid: Callable[[str], bool], what: str) -> str | None:
        found = self.parameters.get(name)
        if found is not None and not is_valid(found):
            self._refuse(name, f"must be {what}, but is {found[:80]!r}", "Data 2.2")
        return found

    def _refuse(self, name: str, message: str, requirement: str) -> Any:
        raise InvalidStatements([Problem(f"parameter.{name}", message, requirement)])

    def _require_none(self, report: Report) -> None:
        if report.problems:
            raise InvalidStatements([item._replace(path=f"parameter.{item.path}") for item in report.problems])


def read(request: Request, mount: str, default: Version, path: Mapping[str, str]) -> Call:
    """Read a request's outside. Never raises: until its version is known, errors are answered in the default one."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Call(request.method, mount, default, {}, headers, path, request)
    for name, found in request.args.items(multi=True):
        if name in call.parameters:
            call.duplicate = name
        call.parameters[name] = found
    return call


def negotiate(call: Call, *, is_required: bool) -> None:
    """Find the version of the request (Communication 3.3), unfolding the alternate syntax where it is one (1.3)."""
    is_alternate = "method" in call.parameters
    if is_alternate and call.request.method == "POST":
        _unfold(call)
    given = call.headers.get("x-experience-api-version")
    if given is None:
        if is_required:
            raise BadRequest("The header X-Experience-API-Version is missing [Communication 3.3].")
        return
    version = versions.of_header(given.strip())
    if version is None:
        if is_required:
            raise BadRequest(f"X-Experience-API-Version {given[:40]!r} is not spoken here; 1.0.x and 2.0.x are.")
        return
    call.version = version
    if is_alternate and version is Version.V2_0:
        raise BadRequest("xAPI 2.0 has no alternate request syntax.")


def _unfold(call: Call) -> None:
    """Communication 1.3: a POST whose form holds the parameters, some headers, and the content."""
    method = call.parameters["method"]
    if method not in _ALTERNATE_METHODS:
        raise BadRequest("The parameter method must be GET, HEAD, PUT, POST or DELETE [Communication 1.3].")
    if len(call.parameters) > 1:
        raise BadRequest("In the alternate syntax, method is the only query parameter [Communication 1.3].")
    if call.content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise BadRequest("The alternate syntax needs an application/x-www-form-urlencoded form [Communication 1.3].")
    try:
        form = parse_qsl(
            call.request.get_data(cache=False).decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=100,
        )
    except (ValueError, UnicodeError) as error:
        raise BadRequest("The form of the alternate syntax cannot be read [Communication 1.3].") from error
    headers = {name: value for name, value in call.headers.items() if name not in ("content-type", "content-length")}
    parameters: dict[str, str] = {}
    content: str | None = None
    for name, value in form:
        if name == "content":
            content = value
        elif name.lower() in _FORM_HEADERS:
            headers[name.lower()] = value
        else:
            parameters[name] = value
    if method in ("PUT", "POST") and content is None:
        raise BadRequest("The form of the alternate syntax has no content [Communication 1.3].")
    call.method = method
    call.headers = headers
    call.parameters = parameters
    call.content = (content or "").encode()
