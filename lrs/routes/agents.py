"""The agents and activities resources (Communication 2.4, 2.5)."""

from typing import Any

import orjson
from flask import Response

from core.errors import Forbidden
from core.http import database
from lrs.routes.blueprint import mount
from lrs.routes.call import Call
from lrs.routes.edge import Resource
from lrs.services import activities, personas
from lrs.services.credentials import Scope
from lrs.xapi import documents
from lrs.xapi.actors import identifier

_READERS = (Scope.STATEMENTS_READ, Scope.STATEMENTS_READ_MINE, Scope.ALL_READ, Scope.PROFILE, Scope.STATE)


def get_agent(call: Call) -> Response:
    """The Person that an Agent is (Communication 2.4): with all its identifiers for who may read all statements."""
    call.caller.require(*_READERS)
    call.allow("agent")
    agent = call.agent()
    if call.caller.agent is not None and identifier(agent) != call.caller.agent:
        raise Forbidden("This credential is only for one actor.")
    sees_all = call.caller.agent is None and not call.caller.reads_only_mine
    with database().read(call.caller.organization_id) as session:
        person = personas.person_of(session, identifier(agent) or "") if sees_all else None
    return _object(personas.person_object(agent, person))


def get_activity(call: Call) -> Response:
    """The Activity with its canonical definition (Communication 2.5)."""
    call.caller.require(*_READERS)
    call.allow("activityId")
    iri = call.required_iri("activityId")
    with database().read(call.caller.organization_id) as session:
        return _object(activities.activity(session, iri))


def _object(value: dict[str, Any]) -> Response:
    body = orjson.dumps(value)
    return Response(body, content_type="application/json", headers={"ETag": documents.etag(body)})


mount("agents", "agents", Resource({"GET": get_agent}))
mount("activities", "activities", Resource({"GET": get_activity}))
