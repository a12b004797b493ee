"""Programs that act for an organization: what they may do, how often, until when."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import TenantTable, member_key


class ApiClient(TenantTable):
    """A program with a token of its own. Of the secret only a keyed hash is kept; `created_by` answers for it."""

    __tablename__ = "api_clients"

    label: Mapped[str] = mapped_column(String(150))
    key_prefix: Mapped[str] = mapped_column(String(12), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]]  # permission codes, or `scim`
    rate_per_minute: Mapped[int] = mapped_column(default=600)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
    rotated_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]  # the last wrong secret the audit log tells of
    window_at: Mapped[datetime | None]  # the minute that calls are counted in
    window_calls: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        member_key("created_by"),
        CheckConstraint("rate_per_minute BETWEEN 1 AND 100000", name="rate"),
    )
