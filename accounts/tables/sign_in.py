"""Browser sessions, one-time links and recovery codes: what signing in leaves behind, hashes only."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, TenantTable, enum_column, member_key, one_of, tenant_key, uuid7


class AuthSession(TenantTable):
    """A browser signed in as a person in one organization. Revocable; the token itself is never stored."""

    __tablename__ = "auth_sessions"

    user_id: Mapped[UUID]
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    ip_address: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime]
    last_activity_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    proven_at: Mapped[datetime]  # when a password or code was given last
    viewed_as: Mapped[UUID | None]  # as whom this browser looks at the application, while `viewed_until` lies ahead
    viewed_until: Mapped[datetime | None]
    provider_id: Mapped[UUID | None]  # who vouched for the person; nobody when they came with their own password
    provider_session: Mapped[str | None] = mapped_column(String(255))  # what the provider calls its session: `sid`

    __table_args__ = (
        member_key("user_id"),
        member_key("viewed_as"),
        tenant_key("provider_id", "identity_providers"),
        Index("ix_auth_sessions_user", "organization_id", "user_id"),
    )


class TokenPurpose(StrEnum):
    """What a one-time token is good for."""

    EMAIL_VERIFICATION = "email_verification"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a purpose, no password
    INVITATION = "invitation"
    SECOND_FACTOR = "second_factor"  # the right password was given, the code is still to come
    ORGANIZATION_CHOICE = "organization_choice"  # who it is has been proven, the organization is still to be chosen
    PROVIDER_LINK = "provider_link"  # a provider's subject says it is this person; the letter proves it


class OneTimeToken(TenantTable):
    """A secret sent to one person for one purpose, once. Only its hash is stored."""

    __tablename__ = "one_time_tokens"

    user_id: Mapped[UUID]
    purpose: Mapped[TokenPurpose] = enum_column(TokenPurpose)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    payload: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]  # also when a newer one took its place

    __table_args__ = (
        member_key("user_id"),
        one_of("purpose", TokenPurpose),
        Index("ix_one_time_tokens_user", "organization_id", "user_id", "purpose"),
    )


class RecoveryCode(Base):
    """A code that replaces the second factor once, for the day the phone is lost. The person's, not a tenant's."""

    __tablename__ = "recovery_codes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    code_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("user_id", "code_hash"),)
