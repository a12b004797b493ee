"""The manner of the REST interface: what a call takes and answers, said once and used for checking and describing.

`operation` goes under `requires(…)`. It reads the query and the body into the given models, refuses with a pointer to
each wrong field, answers a repeated POST with the same `Idempotency-Key` once more, and keeps what `describe` turns
into the OpenAPI document.
"""

import base64
import functools
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

import orjson
from flask import Flask, Response, current_app, jsonify, make_response, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.json_schema import models_json_schema

from core import clock, replies
from core.errors import BadRequest, Conflict, Invalid, PreconditionFailed, Problem
from core.http import Access, access_of, current_user, database

View = TypeVar("View", bound=Callable[..., Any])
Item = TypeVar("Item")
JsonSchema = Mapping[str, Any]
LARGEST_PAGE = 200
_UNSAFE_TEXT = re.compile(r"[\x00\ud800-\udfff]")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Sent(BaseModel):
    """What a call takes in; a field that is not known is refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Answer(BaseModel):
    """What a call answers."""

    model_config = ConfigDict(from_attributes=True)


class Paging(Sent):
    """Which part of a list is asked for."""

    limit: int = Field(50, ge=1, le=LARGEST_PAGE, description="How many at most.")
    cursor: str | None = Field(None, max_length=100, description="`next_cursor` of the page before.")

    @property
    def offset(self) -> int:
        """How many entries lie before this page. Raises Invalid."""
        if self.cursor is None:
            return 0
        try:
            text = base64.urlsafe_b64decode(self.cursor.encode("ascii") + b"==").decode("ascii")
        except (ValueError, UnicodeError):
            text = ""
        if not re.fullmatch(r"at:\d{1,9}", text):
            raise Invalid(problems=[Problem("cursor", "This is no cursor.", "Use next_cursor of the page before.")])
        return int(text[3:])


class Page(Answer, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    total: int = Field(description="How many there are in all.")
    next_cursor: str | None = Field(description="Where the next page begins; null on the last one.")


@dataclass(frozen=True)
class Operation:
    """What a call takes and answers. `body` is a model, or a JSON Schema that the service checks itself."""

    answer: Any
    status: int
    body: type[BaseModel] | JsonSchema | None
    query: type[BaseModel] | None
    media: tuple[str, ...]
    errors: tuple[int, ...]
    tag: str
    example: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    answer_media: str = "application/json"


def operation(
    *,
    answer: Any = None,
    status: int = 200,
    body: type[BaseModel] | JsonSchema | None = None,
    query: type[BaseModel] | None = None,
    media: Sequence[str] = ("application/json",),
    errors: Sequence[int] = (),
    tag: str = "",
    example: Any = None,
    headers: Mapping[str, str] | None = None,
    answer_media: str = "application/json",
) -> Callable[[View], View]:
    """Declare what a view takes and answers; models are read and given to it as `body` and `query`."""
    declared = Operation(
        answer, status, body, query, tuple(media), tuple(errors), tag, example, headers or {}, answer_media
    )

    def mark(view: View) -> View:
        @functools.wraps(view)
        def call(**values: Any) -> ResponseReturnValue:
            if query is not None:
                values["query"] = _read_query(query)
            if isinstance(body, type):
                values["body"] = _read(body, json_body())
            if request.method == "POST" and "Idempotency-Key" in request.headers:
                return _once(lambda: make_response(view(**values)))
            return cast("ResponseReturnValue", view(**values))

        cast("Any", call).operation = declared
        return cast("View", call)

    return mark


def listed(items: Sequence[Any], total: int, paging: Paging) -> Response:
    """Answer one page of a list; items are models, or JSON-able."""
    reached = paging.offset + len(items)
    cursor = base64.urlsafe_b64encode(f"at:{reached}".encode()).decode().rstrip("=")
    return jsonify(
        items=[plain(item) for item in items], total=total, next_cursor=cursor if items and reached < total else None
    )


def cut(items: Sequence[Any], paging: Paging) -> Response:
    """Answer one page of a list that is at hand as a whole."""
    return listed(items[paging.offset : paging.offset + paging.limit], len(items), paging)


def told(item: BaseModel, status: int = 200, location: str | None = None) -> Response:
    """Answer one thing with its ETag."""
    response = jsonify(plain(item))
    response.status_code = status
    response.headers["ETag"] = etag(item)
    if location:
        response.headers["Location"] = location
    return response


def etag(item: BaseModel) -> str:
    """Return the tag of what is answered: other content, another tag."""
    return f'"{hashlib.sha256(orjson.dumps(plain(item), option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]}"'


def require_match(item: BaseModel) -> None:
    """Refuse a change that was made for another state of the thing (If-Match). Raises PreconditionFailed."""
    given = request.headers.get("If-Match")
    if given is not None and given.strip() != "*" and etag(item) not in [tag.strip() for tag in given.split(",")]:
        raise PreconditionFailed


def plain(item: Any) -> Any:
    """Return a model as JSON can hold it."""
    return item.model_dump(mode="json") if isinstance(item, BaseModel) else item


def json_body() -> Any:
    """Return the request's JSON. Raises BadRequest when it is none, Invalid when a text in it cannot be kept."""
    try:
        value = orjson.loads(request.get_data())
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise Invalid(problems=[Problem("", "The body is a JSON object.")])
    return value


def _read_query(model: type[BaseModel]) -> BaseModel:
    unknown = set(request.args) - set(model.model_fields)
    if unknown:
        problems = [
            Problem(name[:60], "There is no such parameter.", f"Known are {', '.join(model.model_fields)}.")
            for name in sorted(unknown)
        ]
        raise Invalid(problems=problems)
    return _read(model, {name: request.args[name] for name in request.args})


def _read(model: type[BaseModel], values: Any) -> BaseModel:
    try:
        read = model.model_validate(values)
    except ValidationError as error:
        raise Invalid(problems=[_problem(dict(found)) for found in error.errors(include_url=False)]) from None
    if wrong := list(_unkeepable(read.model_dump(), "")):
        raise Invalid(problems=[Problem(where, "This text holds a character that cannot be kept.") for where in wrong])
    return read


def _unkeepable(value: Any, where: str) -> list[str]:
    if isinstance(value, str):
        return [where] if _UNSAFE_TEXT.search(value) else []
    parts: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [
        found
        for name, part in parts
        for found in (
            *(_unkeepable(name, where) if isinstance(name, str) else ()),
            *_unkeepable(part, f"{where}.{name}" if where else str(name)),
        )
    ]


def _problem(found: dict[str, Any]) -> Problem:
    where = ".".join(str(part) for part in found["loc"])[:200]
    words = {"missing": "This is missing.", "extra_forbidden": "There is no such field."}
    return Problem(where, words.get(found["type"], f"{found['msg'].removeprefix('Value error, ')}."[:300]))


def _once(answer: Callable[[], Response]) -> Response:
    """Answer a call that names an Idempotency-Key: the first time by doing it, then as it was answered."""
    key = request.headers["Idempotency-Key"]
    if not _KEY.fullmatch(key):
        raise BadRequest("Idempotency-Key takes 1 to 255 printable characters without spaces.")
    person, now = current_user(), clock.now()
    caller = person.client_id or person.user_id
    small = request.mimetype in ("application/json", "")
    content = request.get_data() if small else str(request.content_length).encode()
    said = b"\0".join((request.full_path.encode(), request.mimetype.encode(), content))
    with database().write(person.organization_id) as session:
        known = replies.claim(session, caller, key, hashlib.sha256(said).hexdigest(), now)
    if known is not None:
        if not known.is_same:
            problem = Problem("Idempotency-Key", "Another call was made with this key.", "Use a new key.")
            raise Invalid(problems=[problem])
        if known.status is None:
            raise Conflict("The first call with this key is still running.")
        return Response(
            known.body, known.status, {**known.headers, "Idempotent-Replayed": "true"}, mimetype="application/json"
        )
    try:
        response = answer()
    except BaseException:
        with database().write(person.organization_id) as session:
            replies.release(session, caller, key)
        raise
    headers = {name: response.headers[name] for name in ("Location", "ETag") if name in response.headers}
    with database().write(person.organization_id) as session:
        replies.keep(session, caller, key, response.status_code, response.get_data(as_text=True), headers)
    return response


# What follows makes the OpenAPI document.

_ERRORS = {
    400: "The request cannot be understood.",
    401: "Nobody, or nobody known, is asking.",
    403: "The permission is missing; `detail` names it.",
    404: "There is no such thing for whoever asks.",
    409: "What is stored already contradicts the request.",
    410: "It was here and will not come back.",
    412: "Somebody else changed it meanwhile (If-Match).",
    413: "The body is too large.",
    415: "The body is of a kind that this call does not take.",
    422: "Understood, but wrong; `errors` point to each field.",
    429: "Too many calls; `Retry-After` says when to come back.",
    503: "A part is not there right now; try again.",
}
_KINDS = {
    "UUIDConverter": {"type": "string", "format": "uuid"},
    "IntegerConverter": {"type": "integer", "minimum": 0},
}
PROBLEM: JsonSchema = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {"type": "string", "description": "What support looks up."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "where": {"type": "string"},
                    "pointer": {"type": "string", "description": "JSON pointer to the field, as a fragment."},
                    "what": {"type": "string"},
                    "remedy": {"type": "string"},
                },
            },
        },
    },
    "example": {
        "type": "about:blank",
        "title": "Please check what you entered",
        "status": 422,
        "detail": "Please check what you entered",
        "errors": [{"where": "title", "pointer": "#/title", "what": "This is missing."}],
        "request_id": "019386b2-5d0c-7e51-b0a4-3a1a4c6d2f10",
    },
}


def operation_of(app: Flask, endpoint: str) -> Operation | None:
    """Return what a view declared of itself, or None."""
    return cast("Operation | None", getattr(app.view_functions[endpoint], "operation", None))


def describe(origin: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of everything under /api/v1."""
    app = current_app
    rules = sorted(
        (rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/v1/")),
        key=lambda rule: (rule.rule, sorted(rule.methods or ())),
    )
    described = [(rule, found) for rule in rules if (found := operation_of(app, rule.endpoint)) is not None]
    models: dict[tuple[Any, str], Any] = {}
    wanted: list[tuple[Any, Any]] = []
    for _rule, one in described:
        for model, mode in ((one.answer, "serialization"), (one.body, "validation"), (one.query, "validation")):
            if isinstance(model, type) and issubclass(model, BaseModel) and (model, mode) not in wanted:
                wanted.append((model, mode))
    references, definitions = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    models.update(cast("dict[tuple[Any, str], Any]", references))
    paths: dict[str, Any] = {}
    for rule, one in described:
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        access = access_of(app, rule.endpoint)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            entry = _entry(rule, method, one, access, models, app.view_functions[rule.endpoint].__doc__ or "")
            paths.setdefault(path, {})[method.lower()] = entry
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Stoa",
            "version": "1",
            "description": "Every answer is JSON. Lists are paged by `limit` and `cursor`. `If-Match` with the ETag of "
            "a thing changes it only as it was read. A POST with an `Idempotency-Key` is done once within 24 hours.",
        },
        "servers": [{"url": origin}],
        "paths": paths,
        "components": {
            "schemas": {**definitions.get("$defs", {}), "Problem": PROBLEM},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "The token of an API client."},
                "session": {
                    "type": "apiKey", "in": "cookie", "name": "stoa_session",
                    "description": "A signed-in browser; unsafe calls carry X-CSRF-Token.",
                },
                "lrs": {"type": "http", "scheme": "basic", "description": "Key and secret of an LRS credential."},
            },
        },
    }  # fmt: skip


def _entry(
    rule: Any, method: str, one: Operation, access: Access | None, models: Mapping[Any, Any], doc: str
) -> dict[str, Any]:
    summary, _, rest = doc.strip().partition("\n")
    is_machine = access is not None and access.host == "any"
    permission = access.permission if access is not None else None
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _KINDS.get(type(kind).__name__, {"type": "string"})}
        for name, kind in rule._converters.items()
    ]
    if one.query is not None:
        asked = one.query.model_json_schema()
        parameters += [
            {
                "name": name,
                "in": "query",
                "required": name in asked.get("required", ()),
                "description": part.pop("description", ""),
                "schema": _without_null(part),
            }
            for name, part in asked.get("properties", {}).items()
        ]
    errors = {401, 403, 429, 503, *one.errors}
    if parameters or one.body is not None or method != "GET":
        errors |= {400, 422}
    if rule._converters:
        errors.add(404)
    if method == "POST" and not is_machine:
        errors.add(409)
        parameters.append(
            {
                "name": "Idempotency-Key", "in": "header", "required": False,
                "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
            }
        )  # fmt: skip
    if 412 in one.errors:
        parameters.append({"name": "If-Match", "in": "header", "required": False, "schema": {"type": "string"}})
    if one.body is not None or method in ("POST", "PUT", "PATCH"):
        errors.add(413)
    good: dict[str, Any] = {"description": "Done." if one.answer is None else "The answer."}
    if one.answer is not None:
        schema: Any = models[(one.answer, "serialization")] if isinstance(one.answer, type) else one.answer
        good["content"] = {one.answer_media: {"schema": schema}}
    if one.headers:
        good["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in one.headers.items()
        }
    entry: dict[str, Any] = {
        "operationId": rule.endpoint,
        "tags": [one.tag or rule.rule.split("/")[3]],
        "summary": summary,
        "description": "\n".join(line.strip() for line in rest.strip().splitlines()),
        "security": [{"lrs": []}] if is_machine else [{"token": []}, {"session": []}],
        "responses": {
            str(one.status): good,
            **{
                str(code): {
                    "description": _ERRORS[code],
                    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }
                for code in sorted(errors)
            },
        },
    }
    if permission:
        entry["x-permission"] = permission
    if parameters:
        entry["parameters"] = parameters
    if one.body is not None:
        schema = models[(one.body, "validation")] if isinstance(one.body, type) else one.body
        example = {"example": one.example} if one.example is not None else {}
        entry["requestBody"] = {
            "required": True, "content": {kind: {"schema": schema, **example} for kind in one.media}
        }  # fmt: skip
    return entry


def _without_null(part: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is left out is absent, never the word null."""
    kinds = [kind for kind in part.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        part = {**{name: value for name, value in part.items() if name not in ("anyOf", "default")}, **kinds[0]}
    return {name: value for name, value in part.items() if name != "title" and (name, value) != ("default", None)}
