"""Roles that people hold."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from core.db import TenantTable, enum_column, member_key, one_of


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
