"""Identity providers of an organization, and whom they know as whom."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import TenantTable, member_key, tenant_key


class IdentityProvider(TenantTable):
    """An OpenID Connect provider that an organization trusts to say who its people are, in this organization only."""

    __tablename__ = "identity_providers"

    name: Mapped[str] = mapped_column(String(100))
    issuer: Mapped[str] = mapped_column(String(500))
    client_id: Mapped[str] = mapped_column(String(300))
    client_secret: Mapped[bytes | None]  # sealed: services/sealing.py; none for a public client, which has PKCE alone
    key_id: Mapped[str | None] = mapped_column(String(16))
    auto_provision: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=False)
    tested_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]

    __table_args__ = (UniqueConstraint("organization_id", "issuer", "client_id"),)


class ProviderIdentity(TenantTable):
    """Somebody as a provider knows them: issuer and subject, never an e-mail. Counts in this organization only."""

    __tablename__ = "provider_identities"

    provider_id: Mapped[UUID]
    issuer: Mapped[str] = mapped_column(String(500))
    subject: Mapped[str] = mapped_column(String(255))
    user_id: Mapped[UUID]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]

    __table_args__ = (
        tenant_key("provider_id", "identity_providers"),
        member_key("user_id"),
        UniqueConstraint("organization_id", "provider_id", "issuer", "subject", name="uq_provider_identities_subject"),
        Index("ix_provider_identities_user", "organization_id", "user_id"),
    )
