"""Documents of the state, agent profile and activity profile resources (Communication 2.2, 2.3, 2.6, 2.7, 3.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from core.db import Session
from core.errors import BadRequest, Conflict, Forbidden, NotFound, PreconditionFailed
from lrs.services.credentials import Caller, Scope
from lrs.store import documents as store
from lrs.store.documents import Place
from lrs.tables import Document
from lrs.tables import StoredDocumentKind as Kind
from lrs.xapi import documents
from lrs.xapi.actors import identifier
from lrs.xapi.documents import DocumentKind, Refusal
from lrs.xapi.versions import Version

__all__ = ["Kind", "Place", "Preconditions", "Revision", "StoredDocument", "Text"]

_EXPLANATION = (
    "There is a document already. Look at its current state first, then send the request again with If-Match and its "
    "current ETag to replace it, or with If-None-Match: * to write only where there is none."
)


@dataclass(frozen=True)
class StoredDocument:
    """A document as it lies in the store; the bytes and the content type are those that came."""

    content: bytes
    content_type: str
    etag: str
    updated_at: datetime


@dataclass(frozen=True)
class Preconditions:
    """The If-Match and If-None-Match headers of a request."""

    if_match: str | None = None
    if_none_match: str | None = None


def place(
    kind: Kind,
    document_id: str,
    *,
    activity: str | None = None,
    agent: dict[str, Any] | None = None,
    registration: UUID | None = None,
) -> Place:
    """What identifies a document: the agent is a valid Agent, the activity an IRI."""
    return Place(kind, activity, identifier(agent) if agent is not None else None, registration, document_id)


def require_allowed(caller: Caller, where: Place, *, writing: bool) -> None:
    """Raises Forbidden when the caller lacks the scope, or the document is another actor's or registration's."""
    scope = Scope.STATE if where.kind is Kind.STATE else Scope.PROFILE
    caller.require(*((scope,) if writing else (scope, Scope.ALL_READ)))
    if caller.agent is not None and where.agent is not None and where.agent != caller.agent:
        raise Forbidden("This credential is only for documents of one actor.")
    is_of_other = caller.registration is not None and where.registration != caller.registration
    if where.kind is Kind.STATE and is_of_other:
        raise Forbidden("This credential is only for documents of one registration.")
    if writing and caller.is_limited and where.kind is Kind.ACTIVITY_PROFILE:
        raise Forbidden("This credential may not change what belongs to everybody.")


def get(session: Session, where: Place) -> StoredDocument:
    """The document. Raises NotFound."""
    row = store.find(session, where)
    if row is None:
        raise NotFound("There is no such document.")
    return _stored(row)


def find(session: Session, where: Place) -> StoredDocument | None:
    """The document, if it is there."""
    row = store.find(session, where)
    return None if row is None else _stored(row)


def _stored(row: Document) -> StoredDocument:
    return StoredDocument(row.content, row.content_type, row.etag, row.updated_at)


def put(
    session: Session,
    where: Place,
    content: bytes,
    content_type: str,
    *,
    now: datetime,
    version: Version = Version.V1_0_3,
    preconditions: Preconditions | None = None,
) -> None:
    """Write the document in place of what is there.

    Raises BadRequest, Conflict or PreconditionFailed as the preconditions say; without `preconditions` none are asked
    for.
    """
    store.lock(session, [where.id])
    if preconditions is not None:
        _require(where, "PUT", version, store.find(session, where), preconditions)
    _save(session, where, content, content_type, now)


def post(
    session: Session,
    where: Place,
    content: bytes,
    content_type: str,
    *,
    now: datetime,
    version: Version = Version.V1_0_3,
    preconditions: Preconditions | None = None,
) -> None:
    """Merge a JSON object into the document, property by property at the top; store it where there is none.

    Raises BadRequest when the two cannot be merged, PreconditionFailed when somebody else was quicker.
    """
    store.lock(session, [where.id])
    existing = store.find(session, where)
    _require(where, "POST", version, existing, preconditions or Preconditions())
    posted = documents.json_object(content) if documents.is_json(content_type) else None
    if documents.is_json(content_type) and posted is None:
        raise BadRequest("The content is no JSON object, as its Content-Type says [Communication 2.2].")
    if existing is None:
        _save(session, where, content, content_type, now)
        return
    known = documents.json_object(existing.content) if documents.is_json(existing.content_type) else None
    if posted is None or known is None:
        raise BadRequest("Only JSON objects can be merged; use PUT to replace the document [Communication 2.2].")
    _save(session, where, documents.merged(known, posted), content_type, now)


def delete(
    session: Session,
    where: Place,
    *,
    version: Version = Version.V1_0_3,
    preconditions: Preconditions | None = None,
) -> None:
    """Remove the document; nothing happens where there is none. Raises PreconditionFailed."""
    store.lock(session, [where.id])
    _require(where, "DELETE", version, store.find(session, where), preconditions or Preconditions())
    store.remove(session, where)


@dataclass(frozen=True, slots=True)
class Revision:
    """What a room of Stoa has to say in a JSON object, beside what others keep in it.

    `properties` are set, those that are None are not there; a document is not begun for nothing. Each array of
    `members` holds these items, behind what it holds already.
    """

    where: Place
    properties: Mapping[str, Any] = field(default_factory=dict)
    members: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def revised(self, content: bytes | None) -> bytes | None:
        """The document with this in it, the same bytes when it says so already. What is no JSON object gives way."""
        before = (documents.json_object(content) if content is not None else None) or {}
        after = before | dict(self.properties)
        after = {name: value for name, value in after.items() if value is not None or name not in self.properties}
        for name, items in self.members.items():
            there = before.get(name)
            there = there if isinstance(there, list) else []
            after[name] = [*there, *(item for item in items if item not in there)]
        return content if after == before else orjson.dumps(after)


@dataclass(frozen=True, slots=True)
class Text:
    """A document that is a room of Stoa's alone, and plain text; without any there is no such document."""

    where: Place
    text: str | None


def revise(session: Session, revisions: Sequence[Revision | Text], now: datetime) -> None:
    """Bring documents up to date with what a room of Stoa has to say, in the room's own transaction.

    One that says so already is left alone, its ETag and its date too, and nobody waits for it. The others are locked as
    for any writer, so call it before statements are stored: whoever waits for a document must not have the turn.
    """
    told: dict[UUID, list[Revision | Text]] = {}
    for one in revisions:
        told.setdefault(one.where.id, []).append(one)
    changes = _changes(told, store.known(session, list(told)))
    if not changes:
        return
    store.lock(session, changes)
    changes = _changes({item: told[item] for item in changes}, store.known(session, list(changes)))
    if written := [one for one in changes.values() if one is not None]:
        store.save_all(session, written, now)
    if gone := [item for item, one in changes.items() if one is None]:
        store.remove_these(session, gone)


def _changes(
    told: Mapping[UUID, Sequence[Revision | Text]], known: Mapping[UUID, store.Known]
) -> dict[UUID, store.Written | None]:
    """What is to be written, by the document's id; None: it is to be removed."""
    changes: dict[UUID, store.Written | None] = {}
    for item, revisions in told.items():
        there = known.get(item)
        after = _after(revisions, there)
        is_over = after is None and there is not None and isinstance(revisions[-1], Text)
        is_news = after is not None and (there is None or there.etag != after.etag)
        if is_over or is_news:
            changes[item] = after
    return changes


def _after(revisions: Sequence[Revision | Text], there: store.Known | None) -> store.Written | None:
    """The document as it is to be; None where there is none, or nothing is to be said in one that is no JSON."""
    content, content_type, where = (there.json if there else None), "application/json", revisions[0].where
    for one in revisions:
        if isinstance(one, Text):
            content = one.text.encode() if one.text else None
            content_type = "text/plain; charset=utf-8"
        else:
            content = one.revised(content)
    return None if content is None else store.Written(where, content, content_type, documents.etag(content))


def listed(session: Session, where: Place, since: datetime | None = None) -> tuple[list[str], datetime | None]:
    """Ids of the documents beside this place, and when the latest changed. Of all registrations unless one is named."""
    found = store.listed(session, where.context, where.registration, since)
    return list(dict.fromkeys(document_id for document_id, _ in found)), found[-1][1] if found else None


def delete_all(session: Session, where: Place) -> None:
    """Remove the documents beside this place, of all registrations unless one is named."""
    store.remove_all(session, where.context, where.registration)


def _save(session: Session, where: Place, content: bytes, content_type: str, now: datetime) -> None:
    store.save(session, where, content=content, content_type=content_type, etag=documents.etag(content), now=now)


def _require(where: Place, method: str, version: Version, existing: Document | None, given: Preconditions) -> None:
    current = None if existing is None else existing.etag
    kind = DocumentKind(where.kind.value)
    refusal = documents.refusal(kind, method, version, current, given.if_match, given.if_none_match)
    if refusal is Refusal.STALE:
        raise PreconditionFailed("The document is not in the state that the request was made for.")
    if refusal is Refusal.EXISTS:
        raise Conflict(_EXPLANATION)
    if refusal is Refusal.NO_PRECONDITION:
        raise BadRequest("A profile is written with If-Match or If-None-Match: * [Communication 3.1].")
