"""Storing and reading statements (Communication 2.1). All functions work inside the caller's transaction."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson

from core.db import Session, organization_of
from core.errors import Forbidden, NotFound
from core.events import PUBLISH, publish, publish_on
from core.files import StoredFile, keep
from core.wire import NULL, Prepared, Wire, element
from lrs.errors import InvalidStatements, StatementConflict
from lrs.events import StatementsStored
from lrs.services import hooks
from lrs.services.credentials import Caller, Scope
from lrs.store import activities as activity_store
from lrs.store import attachments as attachment_store
from lrs.store import statements as statement_store
from lrs.store.keys import digest, key
from lrs.store.statements import Found, Kind, Row
from lrs.xapi import activities, comparison, values
from lrs.xapi.actors import identifier
from lrs.xapi.problems import Problem
from lrs.xapi.statements import References, problems_of, references, unstamped
from lrs.xapi.versions import Version

Statement = dict[str, Any]

_STEP = timedelta(microseconds=1)

CHANNEL = statement_store.CHANNEL
"""The database's channel on which each commit names the organization that has new statements."""


@dataclass(frozen=True)
class StoredAttachment:
    """Attachment data that lies in the file storage already, to be tied to the statements that declare its hash."""

    sha2: str
    length: int
    media_type: str
    file: StoredFile


@dataclass(frozen=True)
class Receipt:
    """What a request got: an id per statement, in order, and up to where the store is consistent once it has ended."""

    ids: list[UUID]
    consistent_through: datetime


def store(
    session: Session, batch: Sequence[Statement], *, authority: Statement, version: Version = Version.V1_0_3
) -> list[UUID]:
    """Store statements that a room of Stoa makes itself, in the room's own transaction; answer their ids in order.

    Any verb, and definitions count. Call it last: until the transaction ends, nobody else of the tenant can.
    Raises InvalidStatements, StatementConflict.
    """
    caller = Caller(organization_of(session), authority)
    return store_checked(session, check(session, list(batch), caller, version), caller, version=version).ids


def check(session: Session, received: Any, caller: Caller, version: Version) -> Sequence[Statement]:
    """Refuse what may not be stored, before anything is kept of it; answer one statement or many as a batch.

    First the rules of whoever plugged in, then those of xAPI. Raises Forbidden, InvalidStatements with every problem.
    """
    batch: Sequence[Statement] = received if isinstance(received, list) else [received]
    hooks.run_before(session, batch, caller)
    _require_valid(received, version)
    return batch


def _require_valid(received: Any, version: Version) -> None:
    problems = problems_of(received, version)
    if problems:
        raise InvalidStatements(problems)


def store_checked(
    session: Session,
    batch: Sequence[Statement],
    caller: Caller,
    *,
    version: Version = Version.V1_0_3,
    attached: Iterable[StoredAttachment] = (),
) -> Receipt:
    """Store a batch whole or not at all (Communication 2.1.2). It has passed `check` in the same transaction.

    A statement that is there already with the same content is left alone and not announced again. Raises
    StatementConflict for an id that another statement has, Forbidden by the caller's limits.
    """
    for item in attached:
        file = keep(session, item.file, media_type=item.media_type[:100], name=item.sha2)
        attachment_store.add(session, item.sha2, item.length, file.id)
    return store_prepared(session, Request(caller, version, _incoming(batch, caller, version)))


@dataclass(frozen=True, slots=True)
class Request:
    """One client's statements, valid and ready to be stored together with those of others."""

    caller: Caller
    version: Version
    statements: Sequence["_Incoming"]

    @property
    def batch(self) -> list[Statement]:
        """The statements as they were received."""
        return [item.statement for item in self.statements]


def store_prepared(session: Session, request: Request) -> Receipt:
    """Store one request in a transaction of its own. Raises as `store_checked`."""
    prepared, caller, version = request.statements, request.caller, request.version
    require_allowed(session, prepared, caller)
    unique = {item.id: item for item in reversed(prepared)}
    in_order = [item for item in prepared if unique[item.id] is item]
    # The tenant's turn comes last: `stored` must rise in commit order, or a reader that follows it misses rows.
    first = statement_store.take_turn(session)
    definitions = _ask_definitions(session, [request])
    fresh, is_targeted = statement_store.insert(session, [item.row for item in in_order], first)
    _require_same(session, prepared, fresh, version)
    new = [item for item in in_order if item.id in fresh]
    if new:
        if is_targeted or any(item.references.target is not None for item in new):
            statement_store.connect_references(session, [item.id for item in new])
        _define(session, [(item, caller) for item in new], definitions(), first)
        hooks.run_after(session, [item.statement | {"id": str(item.id)} for item in new], caller)
        _announce(session, new)
    return Receipt([item.id for item in prepared], first + _STEP * len(in_order))


def prepared(received: Any, caller: Caller, version: Version) -> Request | None:
    """What a request sends, checked, if it may share a transaction with others; else None, and nothing is known.

    It may when no rule looks beyond it: the caller is under no limit, no other room has plugged in, and no statement
    points to another. Raises InvalidStatements.
    """
    if caller.is_limited or hooks.are_plugged_in():
        return None
    _require_valid(received, version)
    batch: Sequence[Statement] = received if isinstance(received, list) else [received]
    incoming = _incoming(batch, caller, version)
    if any(item.references.target is not None for item in incoming):
        return None
    return Request(caller, version, incoming)


def take_turn(session: Session) -> datetime:
    """Wait for the tenant's turn to store; it lasts as long as the transaction. What is stored comes from now on."""
    return statement_store.take_turn(session)


def store_together(
    session: Session, first: datetime, requests: Sequence[Request]
) -> list[Receipt | StatementConflict | None]:
    """Store several requests in one transaction, from `first` on, which is what `take_turn` answered.

    The answer is each one's receipt, or why it alone cannot be stored; None for a request that needs a transaction of
    its own: it shares an id with a neighbor. Raises StatementConflict when a batch can be stored in part only: then
    nothing of all may stay.
    """
    taken: set[UUID] = set()
    together = [request for request in requests if _is_apart(request, taken)]
    rows = [item.row for request in together for item in request.statements]
    moment = first + _STEP * len(rows)
    definitions = _ask_definitions(session, together)
    fresh, is_targeted = statement_store.insert(session, rows, first)
    answers: dict[int, Receipt | StatementConflict] = {}
    new: list[tuple[_Incoming, Caller]] = []
    for request in together:
        answers[id(request)] = _answer(session, request, fresh, moment)
        new += [(item, request.caller) for item in request.statements if item.id in fresh]
    if new:
        if is_targeted:
            statement_store.connect_references(session, [item.id for item, _ in new])
        _define(session, new, definitions(), first)
        _announce(session, [item for item, _ in new])
    return [answers.get(id(request)) for request in requests]


@dataclass(frozen=True, slots=True)
class Known:
    """What a process remembers of an activity: its definition and when that was last changed; never, when unknown."""

    definition: Statement
    updated_at: datetime | None


WIRE: tuple[Prepared, ...] = (
    statement_store.TAKE_TURN,
    statement_store.INSERT_ALL,
    statement_store.AWAIT_ENDING,
    statement_store.END_TURN,
    activity_store.DATED,
    activity_store.SAVE,
    PUBLISH,
)
"""What a wire must have prepared for `store_at_once`."""


def store_at_once(
    wire: Wire, tenant: UUID, group: Callable[[], Sequence[Request]], known: dict[str, Known]
) -> list[Receipt | None]:
    """Store what `group` answers, in one short turn: all that may go wrong is looked at by the database itself.

    `group` is asked once the turn is there. None stands for a request that shares an id with a neighbor. Whatever is
    out of the ordinary (an id that is taken, a definition changed by others since it became `known`) raises; then
    nothing is stored, `Wire.abandon` must be called, and `store_together` finds out what it is.
    """
    statement_store.take_short_turn(wire, tenant)
    requests = group()
    taken: set[UUID] = set()
    together = [request for request in requests if _is_apart(request, taken)]
    incoming = [item for request in together for item in request.statements]
    rows = [item.row for item in incoming]
    statement_store.insert_all(wire, tenant, rows)
    publish_on(wire, tenant, *_announcement(incoming))
    said = _said(together)
    results = []
    if missing := said.keys() - known.keys():
        activity_store.ask_dated(wire, tenant, missing)
        results = wire.exchange()
        for iri, (updated_at, definition) in activity_store.dated(results[-1]).items():
            known[iri] = Known(definition, updated_at)
    before = [(key(iri), known[iri].updated_at if iri in known else None) for iri in said]
    statement_store.end_turn(wire, tenant, rows, before)
    changed = _changed(said, {iri: known[iri].definition for iri in said if iri in known})
    if changed:
        activity_store.save_on(wire, tenant, changed, rows[0].id)
    wire.commit()
    results += wire.exchange()
    first = statement_store.first_of(results[0])
    known |= {iri: Known(definition, first) for iri, definition in changed.items()}
    moment = first + _STEP * len(incoming)
    answers = {id(request): Receipt([item.id for item in request.statements], moment) for request in together}
    return [answers.get(id(request)) for request in requests]


def _is_apart(request: Request, taken: set[UUID]) -> bool:
    """Whether none of its ids is there twice, in itself or in what is `taken`; then they are taken, too."""
    ids = {item.id for item in request.statements}
    if len(ids) < len(request.statements) or not taken.isdisjoint(ids):
        return False
    taken |= ids
    return True


def _answer(session: Session, request: Request, fresh: set[UUID], moment: datetime) -> Receipt | StatementConflict:
    try:
        _require_same(session, request.statements, fresh, request.version)
    except StatementConflict as conflict:
        if any(item.id in fresh for item in request.statements):
            raise
        return conflict
    return Receipt([item.id for item in request.statements], moment)


class _Incoming:
    """A valid statement on its way into the store: its id, what it refers to, its row."""

    __slots__ = ("id", "references", "row", "statement")

    def __init__(self, statement: Statement, caller: Caller, voucher: "_Voucher", version: Version) -> None:
        self.statement = statement
        self.id = UUID(statement["id"]) if "id" in statement else uuid4()
        self.references: References = references(statement)
        self.row = _row(self, caller, voucher, version)


def _incoming(batch: Iterable[Statement], caller: Caller, version: Version) -> list[_Incoming]:
    """Make everything of the statements that can be made before anybody's turn."""
    voucher = _voucher_of(caller.authority)
    return [_Incoming(item, caller, voucher, version) for item in batch]


def require_allowed(session: Session, incoming: Sequence[_Incoming], caller: Caller) -> None:
    """Raises Forbidden where the caller's limits are overstepped: actor, registration, whose statements it may void."""
    for item in incoming:
        found = item.references
        if caller.agent is not None and caller.agent != identifier(item.statement["actor"]):
            raise Forbidden("This credential is only for statements of one actor.")
        if caller.registration is not None and found.registration != str(caller.registration):
            raise Forbidden("This credential is only for statements of one registration.")
    targets = [UUID(item.references.target) for item in incoming if item.references.is_voiding]
    if targets and not caller.may(Scope.ALL):
        mine = authority_key(caller.authority)
        others = [item for item in statement_store.find_many(session, targets).values() if item.authority != mine]
        if others or caller.is_limited:
            raise Forbidden("This credential may not void that statement.")


def authority_key(authority: Statement) -> UUID:
    """The key of an authority: of its identifier, for the Group of OAuth of both members'."""
    own = identifier(authority)
    if own is None:
        own = "+".join(sorted(identifier(member) or "" for member in authority.get("member", ())))
    return key(own)


@dataclass(frozen=True, slots=True)
class _Voucher:
    """An authority as rows need it: its JSON text, its key, the identifiers it is found by."""

    text: bytes
    field: bytes
    own: str | None
    members: frozenset[str]


def _voucher_of(authority: Statement) -> _Voucher:
    """The voucher of an authority. A credential's is the same object for as long as the process remembers it."""
    known = _vouchers.get(id(authority))
    if known is not None and known[0] is authority:
        return known[1]
    if len(_vouchers) >= _VOUCHERS:
        _vouchers.clear()
    voucher = _voucher(authority)
    _vouchers[id(authority)] = authority, voucher
    return voucher


_VOUCHERS = 256
_vouchers: dict[int, tuple[Statement, _Voucher]] = {}


def _voucher(authority: Statement) -> _Voucher:
    text = orjson.dumps(authority)
    members = frozenset(identifier(member) or "" for member in authority.get("member", ()))
    return _Voucher(text, Row.uuid(authority_key(authority)), identifier(authority), members)


def _row(item: _Incoming, caller: Caller, voucher: _Voucher, version: Version) -> Row:
    """The row, and in it the text as far as it is known: the LRS's own words come last, `stored` at the very end."""
    found = item.references
    kept = unstamped(item.statement, version)
    kept["id"] = str(item.id)
    try:
        text = orjson.dumps(kept)[:-1] + b',"authority":' + voucher.text + b',"stored":"'
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidStatements([Problem("statements", "is nested too deeply to be kept", "Data 2.2")]) from error
    actor = identifier(item.statement["actor"])
    given = kept.get("timestamp")
    ids, kinds, count = _keys(found, actor, voucher)
    return Row(
        id=item.id,
        timestamp=NULL if given is None else Row.moment(values.parse_timestamp(given)),
        actor=_field(actor),
        verb=_field(found.verb),
        activity=_field(found.activity),
        registration=NULL
        if found.registration is None
        else _SIXTEEN + bytes.fromhex(found.registration.replace("-", "")),
        authority=voucher.field,
        target=_uuid_field(found.target),
        credential_id=Row.uuid(caller.credential_id),
        is_voiding=found.is_voiding,
        version=element(str(kept["version"]).encode()),
        text=element(text),
        key_ids=ids,
        key_kinds=kinds,
        key_count=count,
    )


def _uuid_field(text: str | None) -> bytes:
    return NULL if text is None else _SIXTEEN + bytes.fromhex(text.replace("-", ""))


def _field(identifier: str | None) -> bytes:
    """What an identifier is looked up by, as a field of a row."""
    return NULL if identifier is None else _SIXTEEN + digest(identifier)


_SIXTEEN = element(bytes(16))[:4]


def rows_of(request: Request) -> list[Row]:
    """The rows of a request as they would be stored: what a measurement compares with."""
    return [item.row for item in request.statements]


def _keys(found: References, actor: str | None, voucher: _Voucher) -> tuple[bytes, bytes, int]:
    """The keys beyond the row's own columns: each agent and activity once, in the narrowest filter that it answers.

    Answered are the keys as fields, their kinds as fields, and how many there are.
    """
    agents = [agent for agent in found.agents if agent != actor]
    related = found.related_agents | voucher.members if voucher.members else found.related_agents
    others = [agent for agent in related if agent not in found.agents and agent not in (actor, voucher.own, "")]
    activities = [iri for iri in found.related_activities if iri != found.activity]
    kinds = _AGENT * len(agents) + _RELATED_AGENT * len(others) + _RELATED_ACTIVITY * len(activities)
    wanted = agents + others + activities
    return b"".join([_SIXTEEN + digest(text) for text in wanted]), kinds, len(wanted)


_AGENT, _RELATED_AGENT = Row.kind(Kind.AGENT), Row.kind(Kind.RELATED_AGENT)
_RELATED_ACTIVITY = Row.kind(Kind.RELATED_ACTIVITY)


def _require_same(session: Session, incoming: Sequence[_Incoming], fresh: set[UUID], version: Version) -> None:
    """Raises StatementConflict when a statement differs from the one that has its id, in the store or in its batch."""
    seen: dict[UUID, Statement] = {}
    repeated = [item for item in incoming if item.id not in fresh]
    known = statement_store.find_many(session, [item.id for item in repeated]) if repeated else {}
    for item in incoming:
        other = seen.setdefault(item.id, item.statement)
        if item.id in known:
            other = orjson.loads(known[item.id].payload)
        if other is not item.statement and not comparison.are_same(item.statement, other, version):
            raise StatementConflict(f"Statement {item.id} is here already, and it is not the same.")


def _ask_definitions(session: Session, requests: Sequence[Request]) -> Callable[[], dict[str, Statement]]:
    """Ask what is known of the activities that these requests may define."""
    return activity_store.asked(
        session,
        {
            iri
            for request in requests
            if request.caller.may_define
            for item in request.statements
            for iri in item.references.definitions
        },
    )


def _define(
    session: Session, new: Sequence[tuple[_Incoming, Caller]], known: dict[str, Statement], now: datetime
) -> None:
    """Merge what is said about activities, by those who may."""
    received: dict[str, Statement] = {}
    for item, caller in new:
        if caller.may_define:
            _hear(received, item)
    if changed := _changed(received, known):
        activity_store.save(session, changed, now)


def _said(requests: Sequence[Request]) -> dict[str, Statement]:
    """What these requests say about activities, of those who may."""
    received: dict[str, Statement] = {}
    for request in requests:
        if request.caller.may_define:
            for item in request.statements:
                _hear(received, item)
    return received


def _hear(received: dict[str, Statement], item: _Incoming) -> None:
    for iri, definition in item.references.definitions.items():
        earlier = received.get(iri)
        received[iri] = activities.merged(earlier, definition) if earlier else definition


def _changed(received: Mapping[str, Statement], known: Mapping[str, Statement]) -> dict[str, Statement]:
    """The definitions that are not what they were, with what was heard merged in."""
    merged = {iri: activities.merged(known.get(iri, {}), definition) for iri, definition in received.items()}
    return {iri: definition for iri, definition in merged.items() if definition != known.get(iri)}


def _announce(session: Session, new: Sequence[_Incoming]) -> None:
    publish(session, *_announcement(new))


def _announcement(new: Sequence[_Incoming]) -> tuple[StatementsStored, UUID | None]:
    """The event that says what is new, and its subject."""
    registrations = {item.references.registration for item in new}
    only = registrations.pop() if len(registrations) == 1 else None
    return StatementsStored([item.id for item in new]), UUID(only) if only else None


@dataclass(frozen=True, slots=True)
class StoredStatement:
    """A statement with what the store knows of it: when it came, by which credential (none: one of our rooms)."""

    id: UUID
    stored: datetime
    payload: Statement
    credential_id: UUID | None
    registration: UUID | None
    voided: bool


def get(session: Session, statement_id: UUID) -> Statement:
    """The statement, voided or not. Raises NotFound."""
    found = statement_store.find(session, statement_id)
    if found is None:
        raise NotFound("There is no statement with this id.")
    return read(found)


def find(session: Session, statement_id: UUID) -> Statement | None:
    """The statement, voided or not, if it is here."""
    found = statement_store.find(session, statement_id)
    return None if found is None else read(found)


def get_many(session: Session, ids: Sequence[UUID]) -> list[StoredStatement]:
    """The statements with these ids that are here, voided or not, in the order asked for."""
    found = statement_store.find_many(session, ids)
    return [_described(found[item]) for item in ids if item in found]


def is_voided(session: Session, statement_id: UUID) -> bool:
    """Whether a voiding statement has reached it."""
    found = statement_store.find(session, statement_id)
    return found is not None and found.voided


def by_registration(session: Session, registration: UUID) -> list[Statement]:
    """All statements of a registration that are not voided, in the order they were stored."""
    only = statement_store.Filter(registration, ("registration",), ())
    return [
        read(item)
        for page in _pages(session, statement_store.Selection(filters=(only,), ascending=True))
        for item in page
    ]


def in_stored_order(session: Session, after: datetime | None = None, size: int = 1000) -> Iterator[StoredStatement]:
    """Every statement of the tenant as it was stored, from behind `after` on, those that have been voided too."""
    position = after
    while page := statement_store.follow(session, position, size):
        yield from map(_described, page)
        position = page[-1].stored


def from_clients(
    session: Session, identifiers: Sequence[str], after: datetime | None, limit: int
) -> list[StoredStatement]:
    """What clients of the LRS stored of these actors, in stored order, from behind `after` on; voided ones, too."""
    return [
        _described(item)
        for item in statement_store.of_actors(session, [key(name) for name in identifiers], after, limit)
    ]


def _described(found: Found) -> StoredStatement:
    return StoredStatement(
        found.id, found.stored, read(found), found.credential_id, found.registration, voided=found.voided
    )


def _pages(session: Session, selection: statement_store.Selection, size: int = 1000) -> Iterator[list[Found]]:
    position = selection.after
    while True:
        page = statement_store.page(
            session,
            statement_store.Selection(filters=selection.filters, after=position, ascending=selection.ascending),
            size,
        )
        yield page
        if len(page) < size:
            return
        position = page[-1].stored


def read(found: Found) -> Statement:
    """The statement as an object."""
    statement: Statement = orjson.loads(found.payload)
    return statement


def consistent_through(session: Session) -> datetime:
    """The moment up to which every statement can be seen by the next query of this session."""
    return statement_store.consistent_through(session)
