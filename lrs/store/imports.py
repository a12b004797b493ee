"""Imports of statements in the database: how far they are, what they refused, where statements came from."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from core.db import Session, organization_of, uuid7
from core.errors import NotFound
from lrs.tables import ImportRefusal, StatementImport, StatementOrigin


def get(session: Session, import_id: UUID, *, lock: bool = False) -> StatementImport:
    """The tenant's import. Raises NotFound."""
    row = session.get(StatementImport, (organization_of(session), import_id), with_for_update=lock)
    if row is None:
        raise NotFound("There is no such import.")
    return row


def page(session: Session, limit: int) -> list[StatementImport]:
    """The newest imports."""
    query = select(StatementImport).order_by(StatementImport.created_at.desc(), StatementImport.id.desc()).limit(limit)
    return list(session.scalars(query))


def refuse(session: Session, import_id: UUID, refusals: Iterable[Mapping[str, Any]]) -> None:
    """Note refused lines; a line that is noted already stays as it is."""
    rows = [
        {"organization_id": organization_of(session), "id": uuid7(), "import_id": import_id, **item}
        for item in refusals
    ]
    if rows:
        session.execute(insert(ImportRefusal).values(rows).on_conflict_do_nothing())


def refusals(session: Session, import_id: UUID, *, after: int = 0, limit: int = 100) -> list[ImportRefusal]:
    """Refused lines behind a line, in their order."""
    query = (
        select(ImportRefusal)
        .where(ImportRefusal.import_id == import_id, ImportRefusal.line > after)
        .order_by(ImportRefusal.line)
        .limit(limit)
    )
    return list(session.scalars(query))


def note_origins(session: Session, origins: Iterable[Mapping[str, Any]]) -> None:
    """Note where statements came from."""
    rows = [{"organization_id": organization_of(session), **item} for item in origins]
    if rows:
        session.execute(insert(StatementOrigin).values(rows).on_conflict_do_nothing())


def origin(session: Session, statement_id: UUID) -> StatementOrigin | None:
    """Where a statement came from, if it was imported."""
    return session.get(StatementOrigin, (organization_of(session), statement_id))


def all_refusals(session: Session, import_id: UUID) -> Iterator[ImportRefusal]:
    """Every refused line that is kept."""
    after = 0
    while found := refusals(session, import_id, after=after, limit=500):
        yield from found
        after = found[-1].line
        session.expunge_all()
