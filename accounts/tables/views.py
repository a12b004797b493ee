"""Names that people give to what a list shows."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import TenantTable, member_key


class PeopleView(TenantTable):
    """A name for filters, order and columns of the list of people; its owner's, or shared with all who see it."""

    __tablename__ = "people_views"

    owner_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(String(60))
    query: Mapped[dict[str, Any]]  # name → values, as the list's address carries them
    is_shared: Mapped[bool]
    created_at: Mapped[datetime]

    __table_args__ = (member_key("owner_id"), UniqueConstraint("organization_id", "owner_id", "name"))
