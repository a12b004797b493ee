"""SCIM 2.0 at /scim/v2: how other systems keep people and groups in step, with the token of an API client (`scim`)."""

import functools
from collections.abc import Callable
from typing import Any, cast

import orjson
from flask import Response, request
from flask.typing import ResponseReturnValue
from pydantic import ValidationError
from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    Context,
    Error,
    ETag,
    Filter,
    InvalidSyntaxException,
    ListResponse,
    Meta,
    NotFoundException,
    Patch,
    PatchOp,
    Resource,
    ResourceType,
    ResponseParameters,
    Schema,
    SCIMException,
    ScimPolicy,
    SearchRequest,
    ServiceProviderConfig,
    Sort,
)

from accounts.routes.blueprint import bp
from accounts.services import scim
from accounts.services.scim import EnterpriseUser, Group, Person, User
from core import audit, clock
from core.db import Session
from core.errors import Forbidden, StoaError, Unauthorized
from core.http import Visitor, client_address, config, database, machine, parts, request_id

TYPE = "application/scim+json"
MOST = 1000
"""Most resources in one answer."""
POLICY = ScimPolicy(unknown=ScimPolicy.Unknown.ignore)
Both = Person | Group
Read = Callable[[Session, str], Any]


def _call(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let a view answer in SCIM's own words: its errors, its media type."""

    @machine()
    @functools.wraps(view)
    def answer(**values: Any) -> ResponseReturnValue:
        try:
            with POLICY:
                return cast("ResponseReturnValue", view(_client(), **values))
        except SCIMException as error:
            return _error(error.to_error())
        except ValidationError as error:
            return _error(Error.from_validation_errors(error)[0])
        except StoaError as error:
            response = _error(Error(status=error.status, detail=error.message))
            if error.status == 401:
                response.headers["WWW-Authenticate"] = 'Bearer realm="stoa"'
            if retry_after := getattr(error, "retry_after", None):
                response.headers["Retry-After"] = str(retry_after)
            return response

    return answer


def _client() -> Visitor:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer":
        raise Unauthorized("Send Authorization: Bearer with the token of an API client.")
    client = parts().client_of(database(), token.strip(), config().key("accounts.api_clients"))
    if client is None:
        raise Unauthorized("This token is not known here.")
    audit.origin.set(audit.Origin(client.user_id, client_address(), request_id(), client.client_id))
    if not client.may("scim"):
        raise Forbidden("This API client lacks the scope scim.")
    return client


@bp.get("/scim/v2/ServiceProviderConfig")
@_call
def scim_config(client: Visitor) -> Response:
    """Answer what this service can do."""
    found = ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MOST),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=True),
        etag=ETag(supported=True),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type("oauthbearertoken"),
                name="API client",
                description="The token of an API client with the scope scim.",
                primary=True,
            ),
        ],
    )
    found.meta = Meta(resource_type="ServiceProviderConfig", location=f"{_base()}/ServiceProviderConfig")
    return _told(found, Context.RESOURCE_QUERY_RESPONSE)


@bp.get("/scim/v2/ResourceTypes")
@_call
def scim_resource_types(client: Visitor) -> Response:
    """Answer what kinds of things there are."""
    _refuse_filter()
    return _all(ListResponse[ResourceType], _resource_types())


@bp.get("/scim/v2/ResourceTypes/<name>")
@_call
def scim_resource_type(client: Visitor, name: str) -> Response:
    """Answer one kind."""
    return _one_of(_resource_types(), name)


@bp.get("/scim/v2/Schemas")
@_call
def scim_schemas(client: Visitor) -> Response:
    """Answer which attributes there are."""
    _refuse_filter()
    return _all(ListResponse[Schema], _schemas())


@bp.get("/scim/v2/Schemas/<name>")
@_call
def scim_schema(client: Visitor, name: str) -> Response:
    """Answer one schema."""
    return _one_of(_schemas(), name)


@bp.get("/scim/v2/Users")
@_call
def scim_users(client: Visitor) -> Response:
    """Answer people."""
    return _search(client, SearchRequest[Person].model_validate(_query()), ListResponse[Person], _users)


@bp.post("/scim/v2/Users/.search")
@_call
def scim_search_users(client: Visitor) -> Response:
    """Answer people, asked by POST."""
    return _search(client, _searched(SearchRequest[Person]), ListResponse[Person], _users)


@bp.get("/scim/v2/Groups")
@_call
def scim_groups(client: Visitor) -> Response:
    """Answer groups."""
    return _search(client, SearchRequest[Group].model_validate(_query()), ListResponse[Group], _groups)


@bp.post("/scim/v2/Groups/.search")
@_call
def scim_search_groups(client: Visitor) -> Response:
    """Answer groups, asked by POST."""
    return _search(client, _searched(SearchRequest[Group]), ListResponse[Group], _groups)


@bp.get("/scim/v2/")
@_call
def scim_everything(client: Visitor) -> Response:
    """Answer people and groups."""
    return _search(client, SearchRequest[Both].model_validate(_query()), ListResponse[Both], _everything)


@bp.post("/scim/v2/.search")
@_call
def scim_search(client: Visitor) -> Response:
    """Answer people and groups, asked by POST."""
    return _search(client, _searched(SearchRequest[Both]), ListResponse[Both], _everything)


@bp.post("/scim/v2/Users")
@_call
def scim_add_user(client: Visitor) -> Response:
    """Let somebody join."""
    wanted = _parameters(Person)
    given = Person.model_validate(_body(), scim_ctx=Context.RESOURCE_CREATION_REQUEST)
    with database().write(client.organization_id) as session:
        found = scim.add_user(session, given, clock.now(), _base())
    return _told(found, Context.RESOURCE_CREATION_RESPONSE, wanted, 201)


@bp.post("/scim/v2/Groups")
@_call
def scim_add_group(client: Visitor) -> Response:
    """Make a group."""
    wanted = _parameters(Group)
    given = Group.model_validate(_body(), scim_ctx=Context.RESOURCE_CREATION_REQUEST)
    with database().write(client.organization_id) as session:
        found = scim.put_group(session, None, given, clock.now(), _base())
    return _told(found, Context.RESOURCE_CREATION_RESPONSE, wanted, 201)


@bp.get("/scim/v2/Users/<user_id>")
@_call
def scim_user(client: Visitor, user_id: str) -> Response:
    """Answer a person."""
    return _shown(client, Person, lambda session, base: scim.user(session, user_id, base))


@bp.get("/scim/v2/Groups/<group_id>")
@_call
def scim_group(client: Visitor, group_id: str) -> Response:
    """Answer a group."""
    return _shown(client, Group, lambda session, base: scim.group(session, group_id, base))


@bp.route("/scim/v2/Users/<user_id>", methods=["PUT", "PATCH"])
@_call
def scim_change_user(client: Visitor, user_id: str) -> Response:
    """Change a person, as a whole or in parts."""
    return _changed(
        client, Person, lambda session, base: scim.user(session, user_id, base),
        lambda session, wanted, base: scim.change_user(session, user_id, wanted, clock.now(), base),
    )  # fmt: skip


@bp.route("/scim/v2/Groups/<group_id>", methods=["PUT", "PATCH"])
@_call
def scim_change_group(client: Visitor, group_id: str) -> Response:
    """Change a group, as a whole or in parts."""
    return _changed(
        client, Group, lambda session, base: scim.group(session, group_id, base),
        lambda session, wanted, base: scim.put_group(session, group_id, wanted, clock.now(), base),
    )  # fmt: skip


@bp.delete("/scim/v2/Users/<user_id>")
@_call
def scim_remove_user(client: Visitor, user_id: str) -> Response:
    """Let a person leave."""
    with database().write(client.organization_id) as session:
        scim.require_version(scim.user(session, user_id, _base()), request.headers.get("If-Match"))
        scim.remove_user(session, user_id, clock.now(), _base())
    return Response(status=204)


@bp.delete("/scim/v2/Groups/<group_id>")
@_call
def scim_remove_group(client: Visitor, group_id: str) -> Response:
    """Take a group away."""
    with database().write(client.organization_id) as session:
        scim.require_version(scim.group(session, group_id, _base()), request.headers.get("If-Match"))
        scim.remove_group(session, group_id)
    return Response(status=204)


@bp.route("/scim/v2/Me", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
@bp.post("/scim/v2/Bulk", endpoint="scim_bulk")
@_call
def scim_not_offered(client: Visitor) -> Response:
    """Answer for /Me and /Bulk, which SCIM knows and Stoa does not offer."""
    return _error(Error(status=501, detail="This is not offered here."))


def _shown(client: Visitor, model: type[Resource[Any]], read: Read) -> Response:
    wanted = _parameters(model)
    with database().read(client.organization_id) as session:
        found = read(session, _base())
    version = found.meta.version
    if version in [tag.strip() for tag in request.headers.get("If-None-Match", "").split(",")]:
        return Response(status=304, headers={"ETag": version})
    return _told(found, Context.RESOURCE_QUERY_RESPONSE, wanted)


def _changed(client: Visitor, model: Any, read: Read, write: Callable[[Session, Any, str], Any]) -> Response:
    wanted, body = _parameters(model), _body()
    with database().write(client.organization_id) as session:
        before = read(session, _base())
        scim.require_version(before, request.headers.get("If-Match"))
        if request.method == "PATCH":
            operations = PatchOp[model].model_validate(body, scim_ctx=Context.RESOURCE_PATCH_REQUEST)
            after = before.model_copy(deep=True)
            is_other = operations.patch(after)
            context = Context.RESOURCE_PATCH_RESPONSE
        else:
            after = model.model_validate(body, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)
            is_other = after.replace(before)
            context = Context.RESOURCE_REPLACEMENT_RESPONSE
        found = write(session, after, _base()) if is_other else before
    return _told(found, context, wanted)


def _search(client: Visitor, asked: Any, model: Any, read: Callable[[Session, Any], list[Any]]) -> Response:
    start = max(asked.start_index or 1, 1)
    count = min(MOST if asked.count is None else max(asked.count, 0), MOST)
    if read is _users and asked.filter is None and asked.sort_by is None:
        with database().read(client.organization_id) as session:
            shown, total = scim.page(session, _base(), start - 1, count)
        return _told_list(model, asked, shown, start, total)
    with database().read(client.organization_id) as session:
        found = read(session, asked)
    if asked.filter is not None:
        found = [one for one in found if asked.filter.match(one)]
    if asked.sort_by is not None:
        found = asked.sort(found)
    return _told_list(model, asked, found[start - 1 : start - 1 + count], start, len(found))


def _told_list(model: Any, asked: Any, shown: list[Any], start: int, total: int) -> Response:
    answer = model(total_results=total, start_index=start, items_per_page=len(shown), resources=shown)
    body = answer.model_dump(scim_ctx=Context.SEARCH_RESPONSE, response_parameters=asked)
    return Response(orjson.dumps(body), mimetype=TYPE)


def _users(session: Session, asked: Any) -> list[Any]:
    """Return those who may fit: one look-up where a single userName, externalId or id is asked for.

    Of other filters the database applies what it can (userName, externalId, active), and SCIM the rest.
    """
    node: Any = asked.filter.ast if asked.filter is not None else None
    only = None
    if getattr(node, "op", None) == "eq" and isinstance(getattr(node, "value", None), str):
        only = scim.candidates(session, str(node.attr_path).rpartition(":")[2].lower(), node.value)
    return scim.listed(session, _base(), only, node if only is None else None)


def _groups(session: Session, _asked: Any) -> list[Any]:
    return list(scim.groups(session, _base()))


def _everything(session: Session, asked: Any) -> list[Any]:
    return [*scim.listed(session, _base()), *_groups(session, asked)]


def _resource_types() -> list[Any]:
    found = [ResourceType.from_resource(Person), ResourceType.from_resource(Group)]
    for one in found:
        one.meta = Meta(resource_type="ResourceType", location=f"{_base()}/ResourceTypes/{one.id}")
    return found


def _schemas() -> list[Any]:
    models: list[Any] = [User, Group, EnterpriseUser, ServiceProviderConfig, ResourceType, Schema]
    found = [model.to_schema() for model in models]
    for one in found:
        one.meta = Meta(resource_type="Schema", location=f"{_base()}/Schemas/{one.id}")
    return found


def _one_of(things: list[Any], name: str) -> Response:
    for one in things:
        if one.id == name:
            return _told(one, Context.RESOURCE_QUERY_RESPONSE)
    raise NotFoundException


def _all(model: Any, things: list[Any]) -> Response:
    answer = model(total_results=len(things), start_index=1, items_per_page=len(things), resources=things)
    return Response(orjson.dumps(answer.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)), mimetype=TYPE)


def _refuse_filter() -> None:
    if "filter" in request.args:  # RFC 7644 §4: discovery knows no filters, and says so with 403
        raise Forbidden("Filters are not for discovery.")


def _query() -> dict[str, Any]:
    names = ("filter", "sortBy", "sortOrder", "startIndex", "count", "attributes", "excludedAttributes")
    return {name: request.args[name] for name in names if name in request.args}


def _parameters(model: Any) -> Any:
    given = {name: text for name, text in _query().items() if name in ("attributes", "excludedAttributes")}
    return ResponseParameters[model].model_validate(given)


def _searched(model: Any) -> Any:
    return model.model_validate(_body(), scim_ctx=Context.SEARCH_REQUEST)


def _body() -> dict[str, Any]:
    try:
        value = orjson.loads(request.get_data())
    except orjson.JSONDecodeError:
        raise InvalidSyntaxException(detail="The body is not JSON.") from None
    if not isinstance(value, dict) or b"\\u0000" in request.get_data():
        raise InvalidSyntaxException(detail="The body is a JSON object without zero characters.")
    return value


def _told(found: Any, context: Context, wanted: Any = None, status: int = 200) -> Response:
    response = Response(
        orjson.dumps(found.model_dump(scim_ctx=context, response_parameters=wanted)), status=status, mimetype=TYPE
    )
    if found.meta is not None and found.meta.version:
        response.headers["ETag"] = found.meta.version
    if found.meta is not None and found.meta.location:
        response.headers["Content-Location" if status == 200 else "Location"] = str(found.meta.location)
    return response


def _error(error: Error) -> Response:
    return Response(orjson.dumps(error.model_dump()), status=error.status or 500, mimetype=TYPE)


def _base() -> str:
    return f"{request.host_url.rstrip('/')}/scim/v2"
