"""Credentials in the database."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text, update

from core.db import Session, organization_of
from core.errors import NotFound
from lrs.tables import Credential


def find_by_key(session: Session, key: str) -> tuple[UUID, UUID] | None:
    """Which credential of which tenant has this key: the one question that is asked before a tenant is known."""
    row = session.execute(
        text("SELECT credential_id, organization_id FROM lrs_credential_by_key(:key)"), {"key": key}
    ).first()
    return None if row is None else (row[0], row[1])


def find(session: Session, credential_id: UUID) -> Credential | None:
    """The tenant's credential with this id."""
    return session.get(Credential, (organization_of(session), credential_id))


def get(session: Session, credential_id: UUID) -> Credential:
    """The tenant's credential with this id. Raises NotFound."""
    row = find(session, credential_id)
    if row is None:
        raise NotFound("There is no such credential.")
    return row


def page(session: Session) -> list[Credential]:
    """All credentials of the tenant, newest first."""
    query = select(Credential).order_by(Credential.created_at.desc(), Credential.id)
    return list(session.scalars(query))


def labels(session: Session, ids: Iterable[UUID]) -> dict[UUID, str]:
    """The labels of these credentials."""
    query = select(Credential.id, Credential.label).where(Credential.id.in_(list(ids)))
    return {row[0]: row[1] for row in session.execute(query)}


def touch(session: Session, credential_id: UUID | None, now: datetime) -> None:
    """Note that the credential is in use."""
    session.execute(
        update(Credential)
        .where(Credential.organization_id == organization_of(session), Credential.id == credential_id)
        .values(last_used_at=now)
    )
