"""The LRS beyond the standard, for programs: export, import, counting; by HTTP Basic with an LRS credential."""

from dataclasses import asdict, replace
from enum import StrEnum
from typing import Any, BinaryIO, TypeVar, cast
from uuid import UUID

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from core import clock, rest
from core.errors import BadRequest, Forbidden, NotFound
from core.http import config, database, files, machine
from lrs.routes import edge
from lrs.routes.answers import Groups, ImportState
from lrs.routes.blueprint import bp
from lrs.routes.browser import asked
from lrs.routes.exchange import exported, layout_asked
from lrs.services import aggregation, imports
from lrs.services.aggregation import Bucket, By
from lrs.services.credentials import Caller, Scope
from lrs.services.imports import StatementImport

READERS = (Scope.STATEMENTS_READ, Scope.STATEMENTS_READ_MINE, Scope.ALL_READ)


def caller(*scopes: Scope) -> Caller:
    """Who is asking, with one of these scopes and under no launch's limits. Raises Unauthorized, Forbidden."""
    found = edge.caller_of(request.headers.get("Authorization", ""), request.headers.get("Origin"))
    found.require(*scopes)
    if found.is_limited:
        raise Forbidden("The credential of one launch is for /xapi only.")
    return found


@bp.get("/api/v1/lrs/statements")
@machine()
@rest.operation(answer={"type": "string", "format": "binary"}, answer_media="application/x-ndjson")
def api_export() -> ResponseReturnValue:
    """Send statements as a file: `layout` ndjson, csv or zip, and the filters of the statement browser."""
    who = caller(*READERS)
    return exported(who.organization_id, asked(), layout_asked(), who)


@bp.get("/api/v1/lrs/aggregate")
@machine()
@rest.operation(answer=Groups)
def api_aggregate() -> ResponseReturnValue:
    """Count statements `by` time, verb, activity or person, with the filters of the browser; usually of 30 days.

    By time: `bucket` day, week or month, in `zone`; else the largest `limit` groups.
    """
    who = caller(*READERS)
    search = asked()
    search = search if search.since else replace(search, since=aggregation.usual_start(clock.now()))
    by, bucket = _one_of(By, "by", By.TIME), _one_of(Bucket, "bucket", Bucket.DAY)
    zone, limit = request.args.get("zone", "UTC")[:60], request.args.get("limit", "20")
    if not limit.isdecimal() or not 1 <= int(limit) <= aggregation.MOST:
        raise BadRequest(f"limit is a number from 1 to {aggregation.MOST}.")
    with database().read(who.organization_id) as session:
        found = aggregation.groups(session, search, by, bucket=bucket, zone=zone, limit=int(limit), caller=who)
    return {"by": by, "bucket": bucket, "zone": zone, "since": search.since, "groups": [asdict(item) for item in found]}


Word = TypeVar("Word", bound=StrEnum)


def _one_of(words: type[Word], name: str, usual: Word) -> Word:
    given = request.args.get(name, usual)
    try:
        return words(given)
    except ValueError as error:
        raise BadRequest(f"{name} is one of {', '.join(words)}, not {given[:40]!r}.") from error


@bp.post("/api/v1/lrs/imports")
@machine()
@rest.operation(
    status=202,
    body={"type": "string", "format": "binary"},
    media=("application/x-ndjson", "application/zip"),
    headers={"Location": "Where the import can be followed."},
)
def api_import() -> ResponseReturnValue:
    """Take a file of statements in, NDJSON or zip, as the body; its statements are vouched for by the credential."""
    who = caller(Scope.STATEMENTS_WRITE)
    if request.mimetype not in ("application/x-ndjson", "application/zip", "application/octet-stream"):
        raise BadRequest("Send the file as application/x-ndjson or application/zip.")
    name = request.args.get("name", "statements").replace("\0", "")
    stored = files().put(cast("BinaryIO", request.stream), limit=config().max_upload)
    assert who.credential_id is not None  # noqa: S101 - it came by key and secret
    with database().write(who.organization_id) as session:
        row = imports.start(
            session, stored, file_name=name, credential_id=who.credential_id, created_by=None, now=clock.now()
        )
    answer = Response(status=202)
    answer.headers["Location"] = url_for("lrs.api_import_state", import_id=row.id)
    return answer


@bp.get("/api/v1/lrs/imports/<uuid:import_id>")
@machine()
@rest.operation(answer=ImportState)
def api_import_state(import_id: UUID) -> ResponseReturnValue:
    """Answer how far an import is, and the first lines it refused; to whom sent it."""
    who = caller(Scope.STATEMENTS_WRITE)
    with database().read(who.organization_id) as session:
        row = imports.of(session, import_id)
        if row.credential_id != who.credential_id:
            raise NotFound("There is no such import.")
        refused = imports.refusals(session, import_id, 100)
    return described(row) | {"refusals": [{"line": item.line, "problems": item.problems} for item in refused]}


def described(row: StatementImport) -> dict[str, Any]:
    """An import as JSON."""
    return {
        "id": str(row.id), "file": row.file_name, "state": row.state.value, "lines": row.lines, "stored": row.stored,
        "known": row.known, "refused": row.refused, "error": row.error,
    }  # fmt: skip
