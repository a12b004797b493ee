"""Documents in the database: one row per document, locked while it is being changed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from core.db import Session, organization_of
from lrs.store import driver
from lrs.store.keys import joined_key
from lrs.tables import Document, StoredDocumentKind


@dataclass(frozen=True, slots=True)
class Place:
    """What identifies a document: its resource, activity and agent, registration and id."""

    kind: StoredDocumentKind
    activity: str | None
    agent: str | None
    registration: UUID | None
    document_id: str

    @property
    def id(self) -> UUID:
        return joined_key(self.kind, self.activity, self.agent, self.registration, self.document_id)

    @property
    def context(self) -> UUID:
        return context_key(self.kind, self.activity, self.agent)


def context_key(kind: StoredDocumentKind, activity: str | None, agent: str | None) -> UUID:
    """What documents are listed by."""
    return joined_key(kind, activity, agent)


def lock(session: Session, ids: Iterable[UUID]) -> None:
    """Let nobody else change these documents until the end of the transaction, also where there is none yet."""
    numbers = sorted(int.from_bytes(item.bytes[:8], "big", signed=True) for item in ids)
    with driver.cursor(session) as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(n) FROM unnest(%b::bigint[]) n", [numbers], prepare=True)


def find(session: Session, place: Place) -> Document | None:
    """The document, if it is there."""
    return session.get(Document, (organization_of(session), place.id), populate_existing=True)


def save(session: Session, place: Place, *, content: bytes, content_type: str, etag: str, now: datetime) -> None:
    """Write the document, new or in place of the old one."""
    row = {
        "organization_id": organization_of(session),
        "id": place.id,
        "kind": place.kind,
        "context": place.context,
        "registration": place.registration,
        "document_id": place.document_id,
        "activity_iri": place.activity,
        "agent": _readable(place.agent),
        "content_type": content_type,
        "content": content,
        "etag": etag,
        "updated_at": now,
    }
    query = insert(Document).values(row)
    session.execute(
        query.on_conflict_do_update(
            index_elements=["organization_id", "id"],
            set_={name: query.excluded[name] for name in ("content", "content_type", "etag", "updated_at")},
        )
    )


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a document that is there: its ETag, and its content where it is JSON."""

    etag: str
    json: bytes | None


def known(session: Session, ids: Sequence[UUID]) -> dict[UUID, Known]:
    """What is known of these documents, as far as there are any; as they are at this moment."""
    with driver.cursor(session) as cursor:
        cursor.execute(_KNOWN, [organization_of(session), list(ids)], prepare=True, binary=True)
        return {row[0]: Known(row[1], row[2]) for row in cursor}


_KNOWN = """
    SELECT id, etag, CASE WHEN content_type ILIKE 'application/json%%' THEN content END
    FROM xapi_documents WHERE organization_id = %b AND id = ANY (%b)
"""


@dataclass(frozen=True, slots=True)
class Written:
    """A document as it is to be."""

    place: Place
    content: bytes
    content_type: str
    etag: str


def save_all(session: Session, written: Sequence[Written], now: datetime) -> None:
    """Write documents in one question. The date of one that is there always moves on, whatever `now` is."""
    places = [one.place for one in written]
    with driver.cursor(session) as cursor:
        cursor.execute(
            _SAVE_ALL,
            {
                "org": organization_of(session),
                "now": now,
                "ids": [place.id for place in places],
                "kinds": [place.kind.value for place in places],
                "contexts": [place.context for place in places],
                "registrations": [place.registration for place in places],
                "document_ids": [place.document_id for place in places],
                "activities": [place.activity for place in places],
                "agents": [_readable(place.agent) for place in places],
                "types": [one.content_type for one in written],
                "contents": [one.content for one in written],
                "etags": [one.etag for one in written],
            },
            prepare=True,
        )


_SAVE_ALL = """
    INSERT INTO xapi_documents AS d (organization_id, id, kind, context, registration, document_id, activity_iri, agent,
        content_type, content, etag, updated_at)
    SELECT %(org)b, n.*, %(now)b
    FROM unnest(%(ids)b::uuid[], %(kinds)b::text[], %(contexts)b::uuid[], %(registrations)b::uuid[],
        %(document_ids)b::text[], %(activities)b::text[], %(agents)b::text[], %(types)b::text[], %(contents)b::bytea[],
        %(etags)b::text[]) AS n
    ON CONFLICT (organization_id, id) DO UPDATE SET content_type = excluded.content_type, content = excluded.content,
        etag = excluded.etag, updated_at = greatest(excluded.updated_at, d.updated_at + interval '1 microsecond')
"""


def remove_these(session: Session, ids: Sequence[UUID]) -> None:
    """Delete documents by their ids."""
    with driver.cursor(session) as cursor:
        cursor.execute(
            "DELETE FROM xapi_documents WHERE organization_id = %b AND id = ANY (%b)",
            [organization_of(session), list(ids)],
            prepare=True,
        )


def _readable(agent: str | None) -> str | None:
    """The agent as its column holds it: to be read; the document's id tells exactly who."""
    return agent and agent.replace("\0", "\ufffd")


def listed(
    session: Session, context: UUID, registration: UUID | None, since: datetime | None
) -> list[tuple[str, datetime]]:
    """Ids and last changes of the documents of a context, oldest change first."""
    query = select(Document.document_id, Document.updated_at).where(
        Document.organization_id == organization_of(session), Document.context == context
    )
    if registration is not None:
        query = query.where(Document.registration == registration)
    if since is not None:
        query = query.where(Document.updated_at > since)
    return [(row[0], row[1]) for row in session.execute(query.order_by(Document.updated_at, Document.id))]


def remove(session: Session, place: Place) -> None:
    """Delete the document, if it is there."""
    session.execute(
        delete(Document).where(Document.organization_id == organization_of(session), Document.id == place.id)
    )


def remove_all(session: Session, context: UUID, registration: UUID | None) -> None:
    """Delete the documents of a context, of all registrations unless one is named."""
    query = delete(Document).where(Document.organization_id == organization_of(session), Document.context == context)
    if registration is not None:
        query = query.where(Document.registration == registration)
    session.execute(query)
