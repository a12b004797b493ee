"""The statements resource (Communication 2.1)."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from flask import Response
from werkzeug.http import http_date

from core.db import Database
from core.errors import BadRequest, TooLarge
from core.files import CHUNK, Files
from core.http import config, database, files
from lrs.errors import InvalidStatements
from lrs.routes.blueprint import mount
from lrs.routes.call import Call
from lrs.routes.edge import CONSISTENT_THROUGH, Resource
from lrs.services import queries, statements
from lrs.services.credentials import Scope
from lrs.services.group_commit import committer
from lrs.services.queries import AttachedFile, Page, Position, Query
from lrs.services.statements import StoredAttachment
from lrs.xapi import attachments, signatures, values
from lrs.xapi.attachments import MultipartError, Outgoing, Received
from lrs.xapi.formats import Format
from lrs.xapi.problems import Problem

_READERS = (Scope.STATEMENTS_READ, Scope.STATEMENTS_READ_MINE, Scope.ALL_READ)
_FILTERS = (
    "agent", "verb", "activity", "registration", "related_activities", "related_agents", "since", "until", "limit",
    "format", "attachments", "ascending", "statementId", "voidedStatementId",
)  # fmt: skip
_TOGETHER = 500
"""The largest batch that waits for others: more fill a transaction of their own."""
_WITH_ONE = frozenset({"statementId", "voidedStatementId", "format", "attachments"})


def put(call: Call) -> Response:
    """Store one statement under the id that the request names (Communication 2.1.1)."""
    call.caller.require(Scope.STATEMENTS_WRITE)
    call.allow("statementId")
    call.text("statementId")
    statement_id = call.uuid("statementId")
    received, attached = _received(call)
    if not isinstance(received, dict):
        raise BadRequest("PUT takes one statement, not an array [Communication 2.1.1].")
    given = received.get("id", str(statement_id))
    if not isinstance(given, str) or given.lower() != str(statement_id):
        problem = Problem("statement.id", "is not the statementId of the request", "Communication 2.1.1")
        raise InvalidStatements([problem])
    _, moment = _store(call, received | {"id": str(statement_id)}, attached)
    return _consistent(Response(status=204), moment)


def post(call: Call) -> Response:
    """Store one statement or a batch; answer the ids in order (Communication 2.1.2)."""
    call.caller.require(Scope.STATEMENTS_WRITE)
    call.allow()
    received, attached = _received(call)
    ids, moment = _store(call, received, attached)
    return _consistent(_json(orjson.dumps(ids)), moment)


def _received(call: Call) -> tuple[Any, list[Received]]:
    """The statements and the attachments of a request (Communication 1.5)."""
    kind, _ = attachments.media_type(call.content_type)
    is_json_form = call.content is not None and not call.content_type  # the alternate syntax may leave it out
    if kind == "application/json" or is_json_form:
        return _parsed(call.body(), "body"), []
    if kind != "multipart/mixed" or call.content is not None:
        raise BadRequest("Statements come as application/json or multipart/mixed [Communication 1.5].")
    call.request.max_content_length = config().max_upload
    try:
        parts = attachments.parts(call.stream(), attachments.boundary_of(call.content_type))
        first = next(parts, None)
        if first is None or attachments.media_type(first.headers.get("content-type", ""))[0] != "application/json":
            raise MultipartError("the first part must be the statements, as application/json", "parts[0]")
        received = _parsed(first.read(config().max_body), "parts[0]")
        return received, attachments.receive_all(parts, config().max_upload)
    except MultipartError as error:
        raise InvalidStatements([error.problem]) from error


def _parsed(content: bytes, at: str) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise InvalidStatements([Problem(at, f"is not JSON in UTF-8: {error}", "Communication 1.4")]) from error


def _store(call: Call, received: Any, attached: list[Received]) -> tuple[list[str], datetime]:
    """Check everything, keep the attachments, store. What is small and plain shares its transaction with others."""
    if not attached and (request := statements.prepared(received, call.caller, call.version)) is not None:
        if problems := attachments.unmatched(request.batch, ()):
            raise InvalidStatements(problems)
        if len(request.statements) <= _TOGETHER:
            receipt = committer(database()).submit(request).result()
        else:
            with database().write(call.caller.organization_id) as session:
                receipt = statements.store_prepared(session, request)
        return [str(item) for item in receipt.ids], receipt.consistent_through
    try:
        with database().write(call.caller.organization_id) as session:
            batch = statements.check(session, received, call.caller, call.version)
            problems = attachments.unmatched(batch, attached) or _signature_problems(call, batch, attached)
            if problems:
                raise InvalidStatements(problems)
            kept = [_kept(item) for item in attached]
            receipt = statements.store_checked(session, batch, call.caller, version=call.version, attached=kept)
    finally:
        for item in attached:
            item.content.close()
    return [str(item) for item in receipt.ids], receipt.consistent_through


def _signature_problems(call: Call, batch: Sequence[dict[str, Any]], attached: Sequence[Received]) -> list[Problem]:
    by_hash = {item.sha2: item for item in attached}
    problems: list[Problem] = []
    for number, statement in enumerate(batch):
        signature = signatures.signature_of(statement)
        part = by_hash.get(signature["sha2"].lower()) if signature else None
        if part is not None and part.length > config().max_body:
            raise TooLarge("The signature is larger than any statement.")
        if part is not None:
            content = part.content.read()
            part.content.seek(0)
            at = f"statements[{number}]"
            problems += signatures.problems_of_signature(statement, content, at, call.version)
    return problems


def _kept(item: Received) -> StoredAttachment:
    stored = files().put(item.content, limit=config().max_upload)  # type: ignore[arg-type]
    return StoredAttachment(item.sha2, item.length, item.content_type or "application/octet-stream", stored)


@dataclass(frozen=True)
class Answer:
    """What GET answers: JSON, with the data of attachments if they were asked for."""

    body: bytes
    attached: Sequence[AttachedFile] | None
    headers: Mapping[str, str]


def read(call: Call, store: Database) -> Answer:
    """One statement by its id, or a page of those that a query finds (Communication 2.1.3), whoever asks for it."""
    position = position_of(call)
    return _one(call, store) if position is None else _page(call, store, position)


def position_of(call: Call) -> Position | None:
    """Which page is asked for; None when it is one statement by its id. Raises Forbidden, BadRequest."""
    call.caller.require(*_READERS)
    if "token" in call.path:
        call.allow()
        return queries.position_of(call.path["token"])
    call.allow(*_FILTERS)
    if "statementId" in call.parameters or "voidedStatementId" in call.parameters:
        return None
    return queries.first(_query(call))


def get(call: Call) -> Response:
    """Answer from Flask: the one way with attachments."""
    answer = read(call, database())
    response = _json(answer.body) if answer.attached is None else _multipart(answer.body, answer.attached)
    response.headers.update(answer.headers)
    return response


def _query(call: Call) -> Query:
    return Query(
        agent=call.actor_identifier("agent"),
        verb=call.iri("verb"),
        activity=call.iri("activity"),
        registration=call.uuid("registration"),
        related_agents=call.flag("related_agents"),
        related_activities=call.flag("related_activities"),
        since=call.moment("since"),
        until=call.moment("until"),
        limit=call.number("limit"),
        format=_format(call),
        attachments=call.flag("attachments"),
        ascending=call.flag("ascending"),
    )


def _format(call: Call) -> Format:
    found = call.one_of("format", tuple(Format))
    return Format(found) if found else Format.EXACT


def _one(call: Call, store: Database) -> Answer:
    beside = set(call.parameters) - _WITH_ONE
    if beside or len(call.parameters.keys() & {"statementId", "voidedStatementId"}) > 1:
        raise BadRequest("statementId or voidedStatementId stand alone, but for format and attachments.")
    voided = "voidedStatementId" in call.parameters
    statement_id = call.uuid("voidedStatementId" if voided else "statementId")
    assert statement_id is not None  # noqa: S101 - one of the two is there, and checked
    with_attachments = call.flag("attachments")
    with store.read(call.caller.organization_id) as session:
        moment = queries.consistent_through(session)
        found = queries.single(
            session, statement_id, call.caller, voided=voided, version=call.version, format=_format(call),
            attachments=with_attachments, accept_language=call.headers.get("accept-language"),
        )  # fmt: skip
    headers = {"Last-Modified": http_date(found.stored), CONSISTENT_THROUGH: values.format_timestamp(moment)}
    return Answer(found.statement, found.attached if with_attachments else None, headers)


def _page(call: Call, store: Database, position: Position) -> Answer:
    with store.read(call.caller.organization_id) as session:
        moment = queries.consistent_through(session)
        page = queries.page(
            session, position, call.caller, version=call.version, accept_language=call.headers.get("accept-language")
        )
    return answer_of(call, moment, page)


def answer_of(call: Call, moment: datetime, page: Page) -> Answer:
    """The answer that a page is."""
    body = page.body(f"{call.request.script_root}{call.mount}/statements/more/")
    headers = {CONSISTENT_THROUGH: values.format_timestamp(moment)}
    return Answer(body, page.attached if page.with_attachments else None, headers)


def _json(body: bytes) -> Response:
    return Response(body, content_type="application/json")


def _multipart(body: bytes, attached: Sequence[AttachedFile]) -> Response:
    boundary = secrets.token_hex(16)
    storage = files()
    outgoing = [Outgoing(item.sha2, item.content_type, _chunks(storage, item.sha256)) for item in attached]
    stream = attachments.multipart([body], outgoing, boundary)
    return Response(stream, content_type=f'multipart/mixed; boundary="{boundary}"')


def _chunks(storage: Files, sha256: str) -> Iterator[bytes]:
    with storage.open(sha256) as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _consistent(response: Response, moment: datetime) -> Response:
    response.headers[CONSISTENT_THROUGH] = values.format_timestamp(moment)
    return response


mount("statements", "statements", Resource({"GET": get, "PUT": put, "POST": post}, is_statements=True))
mount("more_statements", "statements/more/<token>", Resource({"GET": get}, is_statements=True))
