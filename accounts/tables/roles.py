"""Roles that people hold."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import TenantTable, enum_column, member_key, one_of, tenant_key


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


class Role(TenantTable):
    """A role of the organization's own: a set of permissions under a name."""

    __tablename__ = "roles"

    name: Mapped[str] = mapped_column(String(100))
    description: Mapped[str] = mapped_column(String(500), default="")
    permissions: Mapped[list[str]]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]

    __table_args__ = (UniqueConstraint("organization_id", "name"),)


class RoleAssignment(TenantTable):
    """A role a person holds, built in or the organization's own; perhaps for a unit or course, between two moments."""

    __tablename__ = "role_assignments"

    user_id: Mapped[UUID]
    role: Mapped[RoleCode | None] = enum_column(RoleCode)
    role_id: Mapped[UUID | None]
    org_unit_id: Mapped[UUID | None]
    course_id: Mapped[UUID | None]  # of the catalog, which accounts does not know
    valid_from: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]

    __table_args__ = (
        member_key("user_id"),
        tenant_key("role_id", "roles"),
        tenant_key("org_unit_id", "org_units"),
        one_of("role", RoleCode),
        CheckConstraint("num_nonnulls(role, role_id) = 1", name="one_role"),
        CheckConstraint("num_nonnulls(org_unit_id, course_id) <= 1", name="one_place"),
        UniqueConstraint(
            "organization_id", "user_id", "role", "role_id", "org_unit_id", "course_id",
            name="uq_role_assignments_once", postgresql_nulls_not_distinct=True,
        ),
        Index("ix_role_assignments_role_id", "organization_id", "role_id"),
        Index(
            "ix_role_assignments_role", "organization_id", "role", "user_id",
            postgresql_include=["valid_from", "valid_until"],
        ),
    )  # fmt: skip
