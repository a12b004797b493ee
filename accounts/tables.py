"""Tables of accounts: organizations, people and their memberships, roles held, browser sessions, one-time links."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Numeric, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, TenantTable, enum_column, member_key, one_of, uuid7


class Organization(Base):
    """One tenant. Root of every composite key."""

    __tablename__ = "organizations"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    slug: Mapped[str] = mapped_column(String(100), unique=True)
    code: Mapped[str] = mapped_column(String(12), unique=True)  # short, for certificate numbers
    default_locale: Mapped[str] = mapped_column(String(10), default="en")
    default_timezone: Mapped[str] = mapped_column(String(64), default="UTC")
    default_passing_score: Mapped[float] = mapped_column(Numeric(5, 2), default=80)
    certificate_number_pattern: Mapped[str] = mapped_column(String(80), default="{org}-{program}-{yy}-{seq:04}")
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("code ~ '^[A-Z0-9]{2,12}$'", name="code"),)


class User(Base):
    """Global login identity of a person; organizations know it through memberships."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    email: Mapped[str] = mapped_column(String(254), unique=True)  # lower-cased
    password_hash: Mapped[str | None] = mapped_column(String(255))  # argon2id
    first_name: Mapped[str] = mapped_column(String(100))
    last_name: Mapped[str] = mapped_column(String(100))
    display_name: Mapped[str] = mapped_column(String(200))
    locale: Mapped[str | None] = mapped_column(String(10))
    timezone: Mapped[str | None] = mapped_column(String(64))
    is_active: Mapped[bool] = mapped_column(default=True)
    email_verified_at: Mapped[datetime | None]
    last_login_at: Mapped[datetime | None]
    failed_logins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    mfa_secret: Mapped[bytes | None]  # encrypted, see services/sealing.py; not asked for until mfa_enabled_at
    mfa_key_id: Mapped[str | None] = mapped_column(String(16))
    mfa_enabled_at: Mapped[datetime | None]
    mfa_last_step: Mapped[int | None] = mapped_column(BigInteger)  # no code counts twice (RFC 6238 §5.2)
    created_at: Mapped[datetime]


class MembershipStatus(StrEnum):
    """Where a person stands in an organization."""

    INVITED = "invited"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ON_LEAVE = "on_leave"
    LEFT = "left"


class Membership(TenantTable):
    """A person in an organization: the target of every (organization_id, user_id) reference."""

    __tablename__ = "memberships"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    status: Mapped[MembershipStatus] = enum_column(MembershipStatus, default=MembershipStatus.ACTIVE)
    position_title: Mapped[str | None] = mapped_column(String(100))
    employee_id: Mapped[str | None] = mapped_column(String(100))
    manager_id: Mapped[UUID | None]  # the reporting line has no loops: services/members.py
    hired_on: Mapped[date | None]
    left_on: Mapped[date | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("organization_id", "user_id"),
        one_of("status", MembershipStatus),
        CheckConstraint("manager_id <> user_id", name="own_manager"),
        member_key("manager_id"),
        Index("ix_memberships_manager", "organization_id", "manager_id"),
        Index(
            "uq_memberships_employee_id",
            "organization_id",
            "employee_id",
            unique=True,
            postgresql_where=text("employee_id IS NOT NULL"),
        ),
        Index("ix_memberships_user_id", "user_id"),
    )


class RoleCode(StrEnum):
    """The built-in roles; what each may do is in `accounts.permissions`."""

    PLATFORM_ADMIN = "platform_admin"
    ORG_ADMIN = "org_admin"
    TRAINING_ADMIN = "training_admin"
    COMPLIANCE_OFFICER = "compliance_officer"
    CONTENT_AUTHOR = "content_author"
    INSTRUCTOR = "instructor"
    MANAGER = "manager"
    EXECUTIVE = "executive"
    AUDITOR = "auditor"
    LEARNER = "learner"
    INTEGRATION = "integration"


class RoleAssignment(TenantTable):
    """A role a person holds in the organization, perhaps only between two moments."""

    __tablename__ = "role_assignments"

    user_id: Mapped[UUID]
    role: Mapped[RoleCode] = enum_column(RoleCode)
    valid_from: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]

    __table_args__ = (
        member_key("user_id"),
        one_of("role", RoleCode),
        UniqueConstraint("organization_id", "user_id", "role"),
    )


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

    __table_args__ = (member_key("user_id"), Index("ix_auth_sessions_user", "organization_id", "user_id"))


class TokenPurpose(StrEnum):
    """What a one-time token is good for."""

    EMAIL_VERIFICATION = "email_verification"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a purpose, no password
    INVITATION = "invitation"
    SECOND_FACTOR = "second_factor"  # the right password was given, the code is still to come


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
