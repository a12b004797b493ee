"""How an organization is built: its units, its positions, and who stood where, when."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import TenantTable, enum_column, member_key, one_of, tenant_key


class OrgUnitType(StrEnum):
    """What kind of part of the organization a unit is."""

    ORGANIZATION = "organization"
    DIVISION = "division"
    DEPARTMENT = "department"
    TEAM = "team"
    SITE = "site"
    LOCATION = "location"


class OrgUnit(TenantTable):
    """A part of the organization: a node of a tree without loops (services/units.py). Archived, never deleted."""

    __tablename__ = "org_units"

    parent_id: Mapped[UUID | None]
    unit_type: Mapped[OrgUnitType] = enum_column(OrgUnitType, default=OrgUnitType.DEPARTMENT)
    name: Mapped[str] = mapped_column(String(255))
    code: Mapped[str] = mapped_column(String(50))
    description: Mapped[str | None]
    manager_id: Mapped[UUID | None]
    path: Mapped[str] = mapped_column(String(1000))  # "/" and the hex id of each unit from the top down to this one
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]
    archived_by: Mapped[UUID | None]

    __table_args__ = (
        tenant_key("parent_id", "org_units"),
        member_key("manager_id"),
        UniqueConstraint("organization_id", "code"),
        one_of("unit_type", OrgUnitType),
        CheckConstraint("parent_id <> id", name="own_parent"),
        Index("ix_org_units_parent", "organization_id", "parent_id"),
        Index("ix_org_units_path", "organization_id", "path", postgresql_ops={"path": "varchar_pattern_ops"}),
    )


class Position(TenantTable):
    """A job in the organization, such as nurse: says what somebody does, not what they may do in Stoa."""

    __tablename__ = "positions"

    code: Mapped[str] = mapped_column(String(50))
    name: Mapped[str] = mapped_column(String(150))
    description: Mapped[str | None]
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]
    archived_by: Mapped[UUID | None]

    __table_args__ = (UniqueConstraint("organization_id", "code"),)


class Placement(TenantTable):
    """Where a person stood from one moment to another: unit, position and manager. The present one has no end."""

    __tablename__ = "placements"

    user_id: Mapped[UUID]
    org_unit_id: Mapped[UUID | None]
    position_id: Mapped[UUID | None]
    manager_id: Mapped[UUID | None]
    since: Mapped[datetime]
    until: Mapped[datetime | None]

    __table_args__ = (
        member_key("user_id"),
        member_key("manager_id"),
        tenant_key("org_unit_id", "org_units"),
        tenant_key("position_id", "positions"),
        CheckConstraint("until >= since", name="ends_after_start"),
        Index(
            "uq_placements_present", "organization_id", "user_id", unique=True, postgresql_where=text("until IS NULL")
        ),
        Index("ix_placements_user", "organization_id", "user_id", "since"),
        Index("ix_placements_org_unit", "organization_id", "org_unit_id"),
    )
