"""What is done to many people at once, and what it changed of each, so that it can be undone."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import TenantTable, enum_column, member_key, one_of, tenant_key


class ActionKind(StrEnum):
    """What is done."""

    INVITE = "invite"
    UNIT = "unit"
    TAG = "tag"
    ROLE = "role"
    LEAVE = "leave"


class ActionStep(StrEnum):
    """How far it is."""

    CHOSEN = "chosen"
    APPLYING = "applying"
    APPLIED = "applied"
    UNDOING = "undoing"
    UNDONE = "undone"


class PeopleAction(TenantTable):
    """One thing done to people who were chosen in the list: looked at first, applied as a whole."""

    __tablename__ = "people_actions"

    kind: Mapped[ActionKind] = enum_column(ActionKind)
    target: Mapped[str] = mapped_column(String(100), default="")  # unit's id, tag, or role as forms call it
    user_ids: Mapped[list[str]]  # who was chosen; forgotten when it is applied
    step: Mapped[ActionStep] = enum_column(ActionStep, default=ActionStep.CHOSEN)
    totals: Mapped[dict[str, Any]] = mapped_column(default=dict)  # changed, left_out by reason, restored, kept
    job_id: Mapped[UUID | None]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
    applied_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]

    __table_args__ = (member_key("created_by"), one_of("kind", ActionKind), one_of("step", ActionStep))


class PeopleActionChange(TenantTable):
    """What an action made of one person."""

    __tablename__ = "people_action_changes"

    action_id: Mapped[UUID]
    user_id: Mapped[UUID]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    kept_because: Mapped[str | None] = mapped_column(String(40))  # why undoing left this person alone

    __table_args__ = (
        tenant_key("action_id", "people_actions"),
        member_key("user_id"),
        Index("ix_people_action_changes_action", "organization_id", "action_id", "id"),
    )
