"""Audiences: named sets of people, and who was in them when."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import TenantTable, member_key, tenant_key


class Audience(TenantTable):
    """A named set of people, said by a rule (services/audiences.py) that is applied again whenever somebody changes."""

    __tablename__ = "audiences"

    name: Mapped[str] = mapped_column(String(150))
    description: Mapped[str | None]
    rule: Mapped[dict[str, Any]]
    member_count: Mapped[int] = mapped_column(default=0)
    refreshed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]
    archived_at: Mapped[datetime | None]
    archived_by: Mapped[UUID | None]

    __table_args__ = (
        CheckConstraint("jsonb_typeof(rule) = 'object'", name="rule"),
        Index(
            "uq_audiences_name", "organization_id", "name", unique=True, postgresql_where=text("archived_at IS NULL")
        ),
    )


class AudienceMember(TenantTable):
    """Somebody in an audience from one moment to another; who is in it now has no end."""

    __tablename__ = "audience_members"

    audience_id: Mapped[UUID]
    user_id: Mapped[UUID]
    since: Mapped[datetime]
    until: Mapped[datetime | None]

    __table_args__ = (
        member_key("user_id"),
        tenant_key("audience_id", "audiences"),
        Index(
            "uq_audience_members_present",
            "organization_id",
            "audience_id",
            "user_id",
            unique=True,
            postgresql_where=text("until IS NULL"),
        ),
        Index("ix_audience_members_user", "organization_id", "user_id"),
        Index("ix_audience_members_audience", "organization_id", "audience_id", "since"),
    )
