"""Providers of bearer tokens in the database."""

from uuid import UUID

from sqlalchemy import select, text

from core.db import Session, organization_of
from lrs.tables import TokenIssuer


def find_by_token(session: Session, issuer: str, audience: str) -> tuple[UUID, UUID] | None:
    """Which credential of which tenant is for these tokens: asked before a tenant is known."""
    row = session.execute(
        text("SELECT credential_id, organization_id FROM lrs_credential_by_token(:issuer, :audience)"),
        {"issuer": issuer, "audience": audience},
    ).first()
    return None if row is None else (row[0], row[1])


def find(session: Session, credential_id: UUID) -> TokenIssuer | None:
    """The provider behind the tenant's credential."""
    return session.get(TokenIssuer, (organization_of(session), credential_id))


def issuers(session: Session) -> dict[UUID, str]:
    """The issuers by credential."""
    return {row[0]: row[1] for row in session.execute(select(TokenIssuer.id, TokenIssuer.issuer))}
