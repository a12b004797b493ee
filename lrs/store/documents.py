"""Documents in the database: one row per document, locked while it is being changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from core.db import Session, organization_of
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
    for number in sorted(int.from_bytes(item.bytes[:8], "big", signed=True) for item in ids):
        session.execute(select(func.pg_advisory_xact_lock(number)))


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
        "agent": place.agent and place.agent.replace("\0", "\ufffd"),  # to be read; `id` tells exactly who
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
