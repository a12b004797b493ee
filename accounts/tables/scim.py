"""What another system says of people and groups (SCIM): beside the membership, never the person's own identity."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import TenantTable, member_key, tenant_key


class ScimUser(TenantTable):
    """What the other system calls a member, and what it says that Stoa keeps nowhere else."""

    __tablename__ = "scim_users"

    user_id: Mapped[UUID]
    user_name: Mapped[str] = mapped_column(String(255))
    external_id: Mapped[str | None] = mapped_column(String(255))
    said: Mapped[dict[str, Any]]  # name, displayName, emails as they were sent
    changed_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]  # deleted there: gone for SCIM, left for Stoa

    __table_args__ = (
        member_key("user_id"),
        UniqueConstraint("organization_id", "user_id"),
        Index(
            "uq_scim_users_user_name",
            "organization_id",
            text("lower(user_name)"),
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
    )


class UserGroup(TenantTable):
    """A group of people that another system keeps by SCIM, each member named."""

    __tablename__ = "user_groups"

    name: Mapped[str] = mapped_column(String(150))
    external_id: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("organization_id", "name"),)


class UserGroupMember(TenantTable):
    """Somebody in a group."""

    __tablename__ = "user_group_members"

    group_id: Mapped[UUID]
    user_id: Mapped[UUID]

    __table_args__ = (
        tenant_key("group_id", "user_groups", ondelete="CASCADE"),
        member_key("user_id"),
        UniqueConstraint("organization_id", "group_id", "user_id"),
        Index("ix_user_group_members_user", "organization_id", "user_id"),
    )
