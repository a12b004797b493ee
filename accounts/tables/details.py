"""What an organization keeps about its people besides name and place: profiles, own fields, foreign ids, deputies."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import TenantTable, enum_column, member_key, one_of


class UserProfile(TenantTable):
    """Personal data one organization keeps about one person. LargeBinary columns are sealed: services/sealing.py."""

    __tablename__ = "user_profiles"

    user_id: Mapped[UUID]
    phone: Mapped[bytes | None]
    address: Mapped[bytes | None]
    postal_code: Mapped[bytes | None]
    date_of_birth: Mapped[bytes | None]
    emergency_contact: Mapped[bytes | None]
    emergency_phone: Mapped[bytes | None]
    key_id: Mapped[str] = mapped_column(String(16))  # the key that sealed all of this row
    city: Mapped[str | None] = mapped_column(String(100))
    state: Mapped[str | None] = mapped_column(String(100))
    country: Mapped[str | None] = mapped_column(String(2))  # ISO 3166-1 alpha-2
    updated_at: Mapped[datetime]

    __table_args__ = (
        member_key("user_id"),
        UniqueConstraint("organization_id", "user_id"),
        Index("ix_user_profiles_key", "organization_id", "key_id"),
    )


class FieldType(StrEnum):
    """What a custom field takes."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    CHOICE = "choice"
    YES_NO = "yes_no"


class FieldVisibility(StrEnum):
    """Who sees a custom field's values."""

    READERS = "readers"  # whoever may see people
    EDITORS = "editors"  # whoever may change people
    SENSITIVE = "sensitive"  # whoever may see sensitive data


class CustomField(TenantTable):
    """A field of the organization's own; the values stand in `memberships.custom_fields` under its code."""

    __tablename__ = "custom_fields"

    code: Mapped[str] = mapped_column(String(40))
    label: Mapped[str] = mapped_column(String(100))
    field_type: Mapped[FieldType] = enum_column(FieldType)
    choices: Mapped[list[str]] = mapped_column(default=list)
    is_required: Mapped[bool] = mapped_column(default=False)
    visibility: Mapped[FieldVisibility] = enum_column(FieldVisibility, default=FieldVisibility.READERS)
    sort_order: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("organization_id", "code"),
        one_of("field_type", FieldType),
        one_of("visibility", FieldVisibility),
    )


class ExternalId(TenantTable):
    """What another system calls something of ours: its key there, unique per system and kind."""

    __tablename__ = "external_ids"

    source_system: Mapped[str] = mapped_column(String(60))
    entity_type: Mapped[str] = mapped_column(String(40))
    entity_id: Mapped[UUID]
    external_id: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]

    __table_args__ = (
        UniqueConstraint(
            "organization_id",
            "source_system",
            "entity_type",
            "external_id",
            name="uq_external_ids_external_id",
        ),
        Index("ix_external_ids_entity", "organization_id", "entity_type", "entity_id"),
    )


class Deputy(TenantTable):
    """Somebody who stands in for another from one day to another, both inclusive; without a last day until changed."""

    __tablename__ = "deputies"

    user_id: Mapped[UUID]
    deputy_id: Mapped[UUID]
    from_on: Mapped[date]
    until_on: Mapped[date | None]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]

    __table_args__ = (
        member_key("user_id"),
        member_key("deputy_id"),
        CheckConstraint("deputy_id <> user_id", name="not_oneself"),
        CheckConstraint("until_on >= from_on", name="ends_after_start"),
        Index("ix_deputies_user", "organization_id", "user_id"),
        Index("ix_deputies_deputy", "organization_id", "deputy_id"),
    )
