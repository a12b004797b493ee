"""Imports of people from a file, and what each changed, so that it can be undone."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import TenantTable, enum_column, file_key, member_key, one_of, tenant_key


class ImportStep(StrEnum):
    """How far an import is."""

    UPLOADED = "uploaded"
    CHECKING = "checking"
    CHECKED = "checked"
    APPLYING = "applying"
    APPLIED = "applied"
    UNDOING = "undoing"
    UNDONE = "undone"


class PeopleImport(TenantTable):
    """One file of people on its way in: which column means what, what is wrong with it, what became of it."""

    __tablename__ = "people_imports"

    file_id: Mapped[UUID]
    file_name: Mapped[str] = mapped_column(String(255))
    encoding: Mapped[str] = mapped_column(String(20))
    separator: Mapped[str] = mapped_column(String(1))
    columns: Mapped[list[str]]
    row_count: Mapped[int]
    mapping: Mapped[dict[str, Any]] = mapped_column(default=dict)  # column number → what it means
    source_system: Mapped[str] = mapped_column(String(60), default="")
    sends_letters: Mapped[bool] = mapped_column(default=False)
    step: Mapped[ImportStep] = enum_column(ImportStep, default=ImportStep.UPLOADED)
    totals: Mapped[dict[str, Any]] = mapped_column(default=dict)
    problems: Mapped[list[Any]] = mapped_column(default=list)  # {row, column, reason (core.words.kept), remedy}
    job_id: Mapped[UUID | None]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]
    applied_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]

    __table_args__ = (file_key("file_id"), one_of("step", ImportStep))


class PeopleImportChange(TenantTable):
    """What an import made of one person: what stood there before, and after."""

    __tablename__ = "people_import_changes"

    import_id: Mapped[UUID]
    user_id: Mapped[UUID]
    row_number: Mapped[int]
    before: Mapped[dict[str, Any]]  # {} for somebody new
    after: Mapped[dict[str, Any]]
    kept_because: Mapped[str | None] = mapped_column(String(200))  # why undoing left this person alone

    __table_args__ = (
        tenant_key("import_id", "people_imports"),
        member_key("user_id"),
        Index("ix_people_import_changes_import", "organization_id", "import_id", "row_number"),
    )
