"""GET statements: from parameters to a page in the format asked for (Communication 2.1.3)."""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from core.db import Session
from core.errors import BadRequest, NotFound
from core.wire import Wire
from lrs.services.credentials import Caller
from lrs.services.statements import Statement, authority_key
from lrs.store import activities as activity_store
from lrs.store import attachments as attachment_store
from lrs.store import statements as store
from lrs.store.keys import key
from lrs.store.statements import Filter, Found, Kind
from lrs.xapi import formats, versions
from lrs.xapi.attachments import declared_in
from lrs.xapi.formats import Format
from lrs.xapi.statements import references
from lrs.xapi.versions import Version

MAX_PAGE = 500
"""The most statements in one answer, also where the limit is 0: "as many as the server allows"."""


@dataclass(frozen=True)
class Query:
    """What a reader asks for. Agent and activity are identifiers as `actors.identifier` and IRIs."""

    agent: str | None = None
    verb: str | None = None
    activity: str | None = None
    registration: UUID | None = None
    related_agents: bool = False
    related_activities: bool = False
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 0
    format: Format = Format.EXACT
    attachments: bool = False
    ascending: bool = False


@dataclass(frozen=True)
class Position:
    """A query with the place its last page ended: what a `more` token holds. It needs no memory and never expires."""

    selection: store.Selection
    limit: int
    format: Format
    attachments: bool


@dataclass(frozen=True)
class AttachedFile:
    """Attachment data to send: its hash, its declared type, and under which SHA-256 the storage has it."""

    sha2: str
    content_type: str
    sha256: str
    length: int


@dataclass(frozen=True)
class Page:
    """One answer: statements as JSON texts, the token of the next page, the data of their attachments."""

    statements: Sequence[bytes]
    more: str | None
    attached: Sequence[AttachedFile]
    with_attachments: bool

    def body(self, more_path: str) -> bytes:
        """The StatementResult (Data 2.5)."""
        more = orjson.dumps(more_path + self.more if self.more is not None else "")
        texts = list(self.statements) or [b""]
        texts[0] = b'{"statements":[' + texts[0]  # the ends first: what is long is copied once
        texts[-1] += b'],"more":' + more + b"}"
        return b",".join(texts)


@dataclass(frozen=True)
class Single:
    """One statement as JSON text, when it was stored, and its attachments."""

    statement: bytes
    stored: datetime
    attached: Sequence[AttachedFile]


# What a condition looks at, by the letter that stands for it in a `more` token.
_SHAPES: dict[str, tuple[tuple[str, ...], tuple[Kind, ...]]] = {
    "g": (("actor",), (Kind.AGENT,)),
    "G": (("actor", "authority"), (Kind.AGENT, Kind.RELATED_AGENT)),
    "a": (("activity",), (Kind.ACTIVITY,)),
    "A": (("activity",), (Kind.ACTIVITY, Kind.RELATED_ACTIVITY)),
    "v": (("verb",), (Kind.VERB,)),
    "r": (("registration",), (Kind.REGISTRATION,)),
}
_LETTERS = {shape: letter for letter, shape in _SHAPES.items()}


def _filter(letter: str, wanted: UUID) -> Filter:
    return Filter(wanted, *_SHAPES[letter])


def first(query: Query) -> Position:
    """The start of a query's results."""
    filters = []
    if query.agent is not None:
        filters.append(_filter("G" if query.related_agents else "g", key(query.agent)))
    if query.registration is not None:
        filters.append(_filter("r", query.registration))
    if query.activity is not None:
        filters.append(_filter("A" if query.related_activities else "a", key(query.activity)))
    if query.verb is not None:
        filters.append(_filter("v", key(query.verb)))
    selection = store.Selection(filters=tuple(filters), since=query.since, until=query.until, ascending=query.ascending)
    limit = min(query.limit, MAX_PAGE) if query.limit > 0 else MAX_PAGE
    return Position(selection, limit, query.format, query.attachments)


def page(
    session: Session, position: Position, caller: Caller, *, version: Version, accept_language: str | None = None
) -> Page:
    """The page at a position, of what the caller may see."""
    selection = replace(position.selection, authority=_mine(caller))
    if is_plain(position):
        plain = store.page_of_texts(session, selection, position.limit)
        if version is not Version.V1_0_3 or plain.versions < "2":
            return _plain(position, plain)
    found = store.page(session, selection, position.limit + 1)
    shown = found[: position.limit]
    texts = written(session, shown, position.format, version, accept_language)
    attached = _attached(session, shown) if position.attachments else ()
    last = shown[-1].stored if len(found) > len(shown) else None
    return Page(texts, _next(position, last), attached, position.attachments)


def is_plain(position: Position) -> bool:
    """Whether its pages are texts as they were stored, and nothing else."""
    return position.format is Format.EXACT and not position.attachments


def plain_page(wire: Wire, position: Position, caller: Caller, version: Version) -> tuple[datetime, Page] | None:
    """A plain page in a transaction of its own, in few journeys, and how far everything could be seen before it.

    None when the reader's version needs its statements converted: `page` does that.
    """
    selection = replace(position.selection, authority=_mine(caller))
    moment, texts = store.read_page(wire, caller.organization_id, selection, position.limit)
    if version is Version.V1_0_3 and texts.versions >= "2":
        return None
    return moment, _plain(position, texts)


WIRE = (store.CONSISTENT_THROUGH,)
"""What a wire must have prepared for `plain_page`."""


def _plain(position: Position, texts: store.PageTexts) -> Page:
    return Page(texts.payloads, _next(position, texts.last), (), False)


def _next(position: Position, last: datetime | None) -> str | None:
    """The token of the page behind a statement, if there is one."""
    return None if last is None else token(replace(position, selection=replace(position.selection, after=last)))


def single(
    session: Session,
    statement_id: UUID,
    caller: Caller,
    *,
    voided: bool,
    version: Version,
    format: Format = Format.EXACT,
    attachments: bool = False,
    accept_language: str | None = None,
) -> Single:
    """The statement with an id: a voided one only when asked for as such. Raises NotFound."""
    found = store.find(session, statement_id)
    mine = _mine(caller)
    if found is None or found.voided is not voided or (mine is not None and found.authority != mine):
        raise NotFound("There is no such statement.")
    text = written(session, [found], format, version, accept_language)[0]
    return Single(text, found.stored, _attached(session, [found]) if attachments else ())


def _mine(caller: Caller) -> UUID | None:
    return authority_key(caller.authority) if caller.reads_only_mine else None


def written(
    session: Session, found: Sequence[Found], format: Format, version: Version, accept_language: str | None
) -> list[bytes]:
    """The statements' texts in a format, fit for a reader of a version."""
    has_newer = version is Version.V1_0_3 and any(not item.version.startswith("1.") for item in found)
    if format is Format.EXACT and not has_newer:
        return [item.payload for item in found]
    statements: list[Statement] = [orjson.loads(item.payload) for item in found]
    if has_newer:
        statements = [versions.converted_down(item) if versions.is_of_2_0(item) else item for item in statements]
    if format is Format.IDS:
        statements = [formats.ids(item) for item in statements]
    elif format is Format.CANONICAL:
        wanted = {iri for item in statements for iri in references(item).related_activities}
        known = activity_store.definitions(session, wanted)
        statements = [formats.canonical(item, known, accept_language) for item in statements]
    return [orjson.dumps(item) for item in statements]


def _attached(session: Session, found: Iterable[Found]) -> list[AttachedFile]:
    declared: dict[str, dict[str, Any]] = {}
    for item in found:
        if b'"attachments"' in item.payload:
            for _, attachment in declared_in(orjson.loads(item.payload), ""):
                declared.setdefault(attachment["sha2"].lower(), attachment)
    known = attachment_store.known(session, declared)
    return [
        AttachedFile(sha2, attachment["contentType"], *known[sha2])
        for sha2, attachment in declared.items()
        if sha2 in known
    ]


def consistent_through(session: Session) -> datetime:
    """The moment up to which every statement can be seen by the next query of this session."""
    return store.consistent_through(session)


def token(position: Position) -> str:
    """The position as text for a URL. It says nothing that its reader could not ask for anyway."""
    selection = position.selection
    packed = [
        [[_LETTERS[item.columns, item.kinds], item.key.hex] for item in selection.filters],
        *(_stamp(moment) for moment in (selection.since, selection.until, selection.after)),
        int(selection.ascending),
        position.limit,
        position.format,
        int(position.attachments),
    ]
    return base64.urlsafe_b64encode(orjson.dumps(packed)).decode().rstrip("=")


def position_of(text: str) -> Position:
    """The position a token holds. Raises BadRequest when it is none of ours."""
    try:
        packed = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        filters, since, until, after, ascending, limit, format_name, attachments = packed
        selection = store.Selection(
            filters=tuple(_filter(letter, UUID(found)) for letter, found in filters[:4]),
            since=_moment(since),
            until=_moment(until),
            after=_moment(after),
            ascending=bool(ascending),
        )
        return Position(selection, max(1, min(int(limit), MAX_PAGE)), Format(format_name), bool(attachments))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, binascii.Error) as error:
        raise BadRequest("This is not a `more` link that was given out here.") from error


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    moment = None if text is None else datetime.fromisoformat(text)
    if moment is not None and moment.tzinfo is None:
        raise ValueError
    return moment
