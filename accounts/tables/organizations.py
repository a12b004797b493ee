"""The tenant."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Numeric, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, TenantTable, file_key, uuid7


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
    requires_provider: Mapped[bool] = mapped_column(default=False, server_default="false")
    verified_domains: Mapped[list[str]] = mapped_column(default=list, server_default="[]")  # by an operator's word
    second_factor_for: Mapped[list[str]] = mapped_column(default=list, server_default="[]")  # codes, ids
    created_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("code ~ '^[A-Z0-9]{2,12}$'", name="code"),)


class OrganizationTheme(TenantTable):
    """How an organization looks: two colors, from which all shades follow (services/theme.py), and a logo."""

    __tablename__ = "organization_themes"

    brand: Mapped[str] = mapped_column(String(7))
    accent: Mapped[str] = mapped_column(String(7))
    logo_file_id: Mapped[UUID | None]
    logo_sha256: Mapped[str | None] = mapped_column(String(64))
    updated_at: Mapped[datetime]

    __table_args__ = (
        file_key("logo_file_id"),
        UniqueConstraint("organization_id"),
        CheckConstraint("brand ~ '^#[0-9a-f]{6}$'", name="brand"),
        CheckConstraint("accent ~ '^#[0-9a-f]{6}$'", name="accent"),
    )
