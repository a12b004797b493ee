"""The state, activity profile and agent profile resources (Communication 2.2, 2.3, 2.6, 2.7)."""

from collections.abc import Callable

import orjson
from flask import Response
from werkzeug.http import http_date

from core import clock
from core.errors import BadRequest
from core.http import database
from lrs.routes.blueprint import mount
from lrs.routes.call import Call
from lrs.routes.edge import Resource
from lrs.services import documents
from lrs.services.documents import Kind, Place, Preconditions
from lrs.xapi import documents as rules
from lrs.xapi.attachments import media_type


def _state_place(call: Call) -> Place:
    return documents.place(
        Kind.STATE,
        call.parameters.get("stateId", ""),
        activity=call.required_iri("activityId"),
        agent=call.agent(),
        registration=call.uuid("registration"),
    )


def _activity_place(call: Call) -> Place:
    profile_id = call.parameters.get("profileId", "")
    return documents.place(Kind.ACTIVITY_PROFILE, profile_id, activity=call.required_iri("activityId"))


def _agent_place(call: Call) -> Place:
    return documents.place(Kind.AGENT_PROFILE, call.parameters.get("profileId", ""), agent=call.agent())


class Documents:
    """One document resource: which parameters name a document, and which of them is its id."""

    def __init__(self, place: Callable[[Call], Place], id_name: str, *context: str, deletes_all: bool = False) -> None:
        self._place = place
        self._id_name = id_name
        self._context = context
        self._deletes_all = deletes_all

    def get(self, call: Call) -> Response:
        """A document, or the ids of all in its context that changed behind `since`."""
        if self._id_name in call.parameters:
            return self._get_one(call)
        call.allow(*self._context, "since")
        where = self._read_place(call)
        since = call.moment("since")
        with database().read(call.caller.organization_id) as session:
            ids, changed = documents.listed(session, where, since)
        body = orjson.dumps(ids)
        response = Response(body, content_type="application/json", headers={"ETag": rules.etag(body)})
        if changed is not None:
            response.headers["Last-Modified"] = http_date(changed)
        return response

    def _get_one(self, call: Call) -> Response:
        call.allow(self._id_name, *self._context)
        where = self._read_place(call)
        with database().read(call.caller.organization_id) as session:
            found = documents.get(session, where)
        response = Response(found.content)
        response.headers["Content-Type"] = found.content_type
        response.headers["ETag"] = found.etag
        response.headers["Last-Modified"] = http_date(found.updated_at)
        return response

    def put(self, call: Call) -> Response:
        """Write a document in place of what is there."""
        where = self._written_place(call)
        content, content_type = _content(call)
        if rules.is_json(content_type) and not _is_json(content):
            raise BadRequest("The content is no JSON, as its Content-Type says [Communication 3.2].")
        with database().write(call.caller.organization_id) as session:
            documents.put(
                session, where, content, content_type,
                now=clock.now(), version=call.version, preconditions=_preconditions(call),
            )  # fmt: skip
        return Response(status=204)

    def post(self, call: Call) -> Response:
        """Merge a JSON object into a document."""
        where = self._written_place(call)
        content, content_type = _content(call)
        with database().write(call.caller.organization_id) as session:
            documents.post(
                session, where, content, content_type,
                now=clock.now(), version=call.version, preconditions=_preconditions(call),
            )  # fmt: skip
        return Response(status=204)

    def delete(self, call: Call) -> Response:
        """Remove a document; of the state resource, without an id, all in its context."""
        if self._deletes_all and self._id_name not in call.parameters:
            call.allow(*self._context)
            where = self._place(call)
            documents.require_allowed(call.caller, where, writing=True)
            with database().write(call.caller.organization_id) as session:
                documents.delete_all(session, where)
            return Response(status=204)
        where = self._written_place(call)
        with database().write(call.caller.organization_id) as session:
            documents.delete(session, where, version=call.version, preconditions=_preconditions(call))
        return Response(status=204)

    def _read_place(self, call: Call) -> Place:
        where = self._place(call)
        documents.require_allowed(call.caller, where, writing=False)
        return where

    def _written_place(self, call: Call) -> Place:
        call.allow(self._id_name, *self._context)
        call.text(self._id_name)
        where = self._place(call)
        documents.require_allowed(call.caller, where, writing=True)
        return where

    @property
    def resource(self) -> Resource:
        """The resource to be mounted."""
        return Resource({"GET": self.get, "PUT": self.put, "POST": self.post, "DELETE": self.delete})


def _content(call: Call) -> tuple[bytes, str]:
    content_type = call.content_type or "application/octet-stream"
    if media_type(content_type)[0] == "" or len(content_type) > 1000:
        raise BadRequest("The Content-Type cannot be read.")
    return call.body(), content_type


def _is_json(content: bytes) -> bool:
    try:
        orjson.loads(content)
    except orjson.JSONDecodeError:
        return False
    return True


def _preconditions(call: Call) -> Preconditions:
    return Preconditions(call.headers.get("if-match"), call.headers.get("if-none-match"))


_STATE = Documents(_state_place, "stateId", "activityId", "agent", "registration", deletes_all=True)
mount("state", "activities/state", _STATE.resource)
mount("activity_profile", "activities/profile", Documents(_activity_place, "profileId", "activityId").resource)
mount("agent_profile", "agents/profile", Documents(_agent_place, "profileId", "agent").resource)
