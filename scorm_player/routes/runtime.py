"""What the player page asks for while content plays (application's origin), and the beacon of a closing window."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from flask import Response, request
from flask.typing import ResponseReturnValue

from core import clock
from core.errors import BadRequest, NotFound
from core.http import content, csrf_token, current_tenant, current_user, database, requires
from core.translating import translated
from scorm_player.routes.blueprint import bp
from scorm_player.services import addresses, preview, runtime
from scorm_player.services.runtime import Between, Committed, Ended, Launch, Refused

MOST_BATCHES = 10_000


@bp.post("/runtime/<uuid:session_id>/commit")
@requires("learn")
def commit(session_id: UUID) -> ResponseReturnValue:
    """Take batches of run-time data; answer up to which number they are safe."""
    given = _body()
    with database().write(current_tenant()) as session:
        done = runtime.commit(
            session,
            session_id,
            batches_in(given),
            announced=number(given.get("last")),
            replay=given.get("replay") is True,
            by=current_user().user_id,
            now=clock.now(),
        )
    return _json(told(done))


@bp.post("/runtime/<uuid:session_id>/navigate")
@requires("learn")
def navigate(session_id: UUID) -> ResponseReturnValue:
    """Leave the activity and open what the request leads to."""
    given = _body()
    with database().write(current_tenant()) as session:
        led = runtime.navigate(
            session,
            session_id,
            str(given.get("request", "")),
            given.get("target"),
            by=current_user().user_id,
            now=clock.now(),
        )
    return _json(_led(led))


@bp.post("/runtime/choose")
@requires("learn")
def choose() -> ResponseReturnValue:
    """Begin a course that does not start by itself, with what the learner has chosen."""
    given = _body()
    with database().write(current_tenant()) as session:
        led = runtime.choose(
            session,
            str(given.get("ticket", "")),
            str(given.get("target", "")),
            by=current_user().user_id,
            now=clock.now(),
        )
    return _json(_led(led))


@bp.post("/runtime/<uuid:session_id>/log")
@requires("learn")
def keep_log(session_id: UUID) -> ResponseReturnValue:
    """Take calls of the API along, for a session whose calls somebody wants to see."""
    calls = _body().get("calls")
    if not isinstance(calls, list):
        raise BadRequest("calls must be a list.")
    with database().write(current_tenant()) as session:
        runtime.require_own(session, session_id, current_user().user_id)
        preview.keep_calls(session, session_id, calls)
    return Response(status=204)


@bp.get("/runtime/token")
@requires("learn")
def token() -> ResponseReturnValue:
    """Answer the CSRF token of this browser, for a player page that outlived the sign-in it was made with."""
    return _json({"csrf": csrf_token()})


@bp.post("/close")
@content()
def close() -> ResponseReturnValue:
    """Take what remained when a window closed. The token names one session, to which this may only append.

    The answer says nothing: nobody is left to read it.
    """
    given = _body()
    organization_id, session_id = addresses.read_close_token(str(given.get("token", "")))
    if str(given.get("session")) != str(session_id):
        raise NotFound
    with database().write(organization_id) as session:
        runtime.close(session, session_id, batches_in(given), announced=number(given.get("last")), now=clock.now())
    return Response(status=204)


def _body() -> Mapping[str, Any]:
    """Read the JSON object in the body, whatever media type a beacon had to give it. Raises BadRequest."""
    try:
        given = orjson.loads(request.get_data())
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise BadRequest("The body must be a JSON object.")
    return given


def batches_in(given: Mapping[str, Any]) -> list[runtime.Batch]:
    """Read the batches of a request. Raises BadRequest."""
    batches = given.get("batches", [])
    if not isinstance(batches, list) or len(batches) > MOST_BATCHES:
        raise BadRequest("batches must be a list.")
    return [runtime.batch_of(batch) for batch in batches]


def number(value: Any) -> int:
    """Read a batch's number; 0 where there is none that makes sense."""
    return value if isinstance(value, int) and 0 <= value < 1 << 31 else 0


def told(done: Committed) -> dict[str, Any]:
    """What the window is told of its commit."""
    follow = {"request": done.follow[0], "target": done.follow[1]} if done.follow else None
    ways = {} if done.navigation is None else {"navigation": done.navigation, "valid": done.valid}
    return {"saved": done.saved, "applied": done.applied, "follow": follow, "ended": done.has_ended} | ways


def _led(led: Launch | Ended | Between | Refused) -> dict[str, Any]:
    match led:
        case Launch():
            return {"launch": led.document}
        case Ended():
            return {"ended": True, "suspended": led.suspended}
        case Between():
            return {"between": vars(led) | {"reason": translated(led.reason or "")}}
        case Refused():
            return {"refused": translated(led.reason), "offers": led.offers}


def _json(value: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps(value), mimetype="application/json")
