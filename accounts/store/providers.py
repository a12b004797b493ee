"""Queries on identity providers and on whom they know."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select, text

from accounts.tables import IdentityProvider, Membership, ProviderIdentity, has_not_left
from core.db import Session


def place(session: Session, provider_id: UUID) -> UUID | None:
    """Return the organization of a provider, whatever the tenant of the transaction."""
    return session.execute(text("SELECT organization_of_provider(:id)"), {"id": provider_id}).scalar()


def listed(session: Session) -> list[IdentityProvider]:
    """Return the organization's providers by name."""
    return list(session.scalars(select(IdentityProvider).order_by(IdentityProvider.name, IdentityProvider.id)))


def active(session: Session) -> list[IdentityProvider]:
    """Return those one can sign in with, by name."""
    return [row for row in listed(session) if row.is_active]


def find(session: Session, provider_id: UUID, *, lock: bool = False) -> IdentityProvider | None:
    """Return one of the organization's providers."""
    query = select(IdentityProvider).where(IdentityProvider.id == provider_id)
    return session.scalar(query.with_for_update() if lock else query)


def is_known(session: Session, issuer: str, client_id: str, but: UUID | None) -> bool:
    """Tell whether the organization has this provider already."""
    query = select(IdentityProvider.id).where(
        IdentityProvider.issuer == issuer, IdentityProvider.client_id == client_id
    )
    return any(found != but for found in session.scalars(query))


def identity(session: Session, provider_id: UUID, issuer: str, subject: str) -> ProviderIdentity | None:
    """Return whom the organization knows by this subject of this provider."""
    query = select(ProviderIdentity).where(
        ProviderIdentity.provider_id == provider_id,
        ProviderIdentity.issuer == issuer,
        ProviderIdentity.subject == subject,
    )
    return session.scalar(query)


def of_person(session: Session, user_id: UUID) -> Sequence[ProviderIdentity]:
    """Return what providers know a person as."""
    return session.scalars(
        select(ProviderIdentity).where(ProviderIdentity.user_id == user_id).order_by(ProviderIdentity.id)
    ).all()


def count_known(session: Session) -> dict[UUID, int]:
    """Return how many people sign in with each provider; those who left do not count."""
    query = (
        select(ProviderIdentity.provider_id, func.count(ProviderIdentity.user_id.distinct()))
        .join(Membership, Membership.user_id == ProviderIdentity.user_id)
        .where(has_not_left())
        .group_by(ProviderIdentity.provider_id)
    )
    return {row[0]: row[1] for row in session.execute(query)}
