"""The tenant."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Numeric, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, uuid7


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
    created_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("code ~ '^[A-Z0-9]{2,12}$'", name="code"),)
