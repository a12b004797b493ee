"""Tables of the catalog: courses, their versions, sections, modules, and whom a module trusts."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Numeric, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import TenantTable, enum_column, member_key, one_of, tenant_key


class CourseStatus(StrEnum):
    """Where a course stands for learners: not yet, in the catalog, no longer offered."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"


class Course(TenantTable):
    """A course: stable identity and facts. What there is to learn lies in its versions."""

    __tablename__ = "courses"

    code: Mapped[str] = mapped_column(String(100))  # capitals; for people, and for certificate numbers
    title: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text)
    status: Mapped[CourseStatus] = enum_column(CourseStatus, default=CourseStatus.DRAFT)
    language: Mapped[str] = mapped_column(String(10), default="en")  # BCP 47, of the content
    estimated_minutes: Mapped[int | None]
    is_certified: Mapped[bool] = mapped_column(default=False)
    validity_months: Mapped[int | None]  # null: what it proves never expires
    passing_score: Mapped[Decimal | None] = mapped_column(Numeric(5, 2))  # percent; null: the organization's
    row_version: Mapped[int] = mapped_column(default=1)  # rises with every edit of the facts
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]

    __table_args__ = (
        one_of("status", CourseStatus),
        CheckConstraint("(status = 'archived') = (archived_at IS NOT NULL)", name="archived"),
        CheckConstraint("estimated_minutes > 0", name="estimated_minutes"),
        CheckConstraint("validity_months > 0", name="validity_months"),
        CheckConstraint("passing_score BETWEEN 0 AND 100", name="passing_score"),
        UniqueConstraint("organization_id", "code"),
        Index("ix_courses_list", "organization_id", "status", "title"),
    )


class VersionState(StrEnum):
    """A version is written as a draft, then offered, then replaced by the next one; never the other way."""

    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"


class CourseVersion(TenantTable):
    """The content of a course as it was published once. Final from then on; enrollments pin to one.

    It also says what its publishing means for people of earlier versions (R-VER): nothing, unless it
    `switches_not_started`, and perhaps `requires_retake` of those who had completed the course.
    """

    __tablename__ = "course_versions"

    course_id: Mapped[UUID]
    sequence: Mapped[int]  # 1, 2, 3 …: the version number people see
    state: Mapped[VersionState] = enum_column(VersionState, default=VersionState.DRAFT)
    change_note: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    published_by: Mapped[UUID | None]  # null: by the system (demo data, command line)
    content_hash: Mapped[str | None] = mapped_column(String(64))  # SHA-256, catalog.rules.content_hash
    switches_not_started: Mapped[bool] = mapped_column(default=False)
    requires_retake: Mapped[bool] = mapped_column(default=False)
    retake_due_on: Mapped[date | None]  # null: by the days that are usual

    __table_args__ = (
        tenant_key("course_id", "courses"),
        member_key("published_by"),
        CheckConstraint("switches_not_started OR NOT requires_retake", name="retake"),
        CheckConstraint("requires_retake OR retake_due_on IS NULL", name="retake_due_on"),
        one_of("state", VersionState),
        CheckConstraint("(state = 'draft') = (published_at IS NULL)", name="published"),
        CheckConstraint("(state = 'draft') = (content_hash IS NULL)", name="hashed"),
        UniqueConstraint("organization_id", "course_id", "sequence"),
        Index(
            "one_published_version",
            "organization_id",
            "course_id",
            unique=True,
            postgresql_where=text("state = 'published'"),
        ),
        Index(
            "one_draft_version", "organization_id", "course_id", unique=True, postgresql_where=text("state = 'draft'")
        ),
    )


class Section(TenantTable):
    """A part of a course version, holding modules in order."""

    __tablename__ = "sections"

    course_version_id: Mapped[UUID]
    stable_key: Mapped[UUID]  # the same from version to version
    title: Mapped[str] = mapped_column(String(255))
    sort_order: Mapped[int]

    __table_args__ = (
        tenant_key("course_version_id", "course_versions", ondelete="CASCADE"),
        UniqueConstraint("organization_id", "course_version_id", "sort_order", deferrable=True, initially="DEFERRED"),
        UniqueConstraint("organization_id", "course_version_id", "stable_key"),
        UniqueConstraint("organization_id", "id", "course_version_id"),  # what modules point to
    )


class ModuleType(StrEnum):
    """What a learner opens: an imported package, or something elsewhere that reports by statement."""

    PACKAGE = "package"
    EXTERNAL_LINK = "external_link"


class Module(TenantTable):
    """The leaf of a course that a learner opens."""

    __tablename__ = "modules"

    section_id: Mapped[UUID]
    course_version_id: Mapped[UUID]
    stable_key: Mapped[UUID]  # the same from version to version, so that progress carries over (R-VER)
    title: Mapped[str] = mapped_column(String(255))
    module_type: Mapped[ModuleType] = enum_column(ModuleType)
    sort_order: Mapped[int]
    is_required: Mapped[bool] = mapped_column(default=True)
    weight: Mapped[Decimal] = mapped_column(Numeric(6, 2), default=Decimal(1))  # share in the course's percent (R-PCT)
    passing_score: Mapped[Decimal | None] = mapped_column(Numeric(5, 2))  # percent; null: the course's
    completion_criteria: Mapped[dict[str, Any]]  # catalog.rules.COMPLETION
    package_version_id: Mapped[UUID | None]
    external_url: Mapped[str | None] = mapped_column(Text)
    activity_iri: Mapped[str] = mapped_column(Text)  # what statements about it name; a package's root activity

    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "section_id", "course_version_id"],
            ["sections.organization_id", "sections.id", "sections.course_version_id"],
            ondelete="CASCADE",
        ),
        tenant_key("package_version_id", "package_versions"),
        one_of("module_type", ModuleType),
        CheckConstraint(
            "CASE module_type WHEN 'package' THEN package_version_id IS NOT NULL AND external_url IS NULL "
            "ELSE package_version_id IS NULL AND external_url IS NOT NULL END",
            name="reference",
        ),
        CheckConstraint("weight > 0", name="weight"),
        CheckConstraint("passing_score BETWEEN 0 AND 100", name="passing_score"),
        CheckConstraint("jsonb_typeof(completion_criteria) = 'object'", name="completion_criteria"),
        UniqueConstraint("organization_id", "section_id", "sort_order", deferrable=True, initially="DEFERRED"),
        UniqueConstraint("organization_id", "course_version_id", "stable_key"),
        Index("ix_modules_package_version", "organization_id", "package_version_id"),
        # IRIs may be longer than an index row holds; equal ones have equal hashes.
        Index("ix_modules_activity", "organization_id", text("md5(activity_iri)")),
    )


class TrustedSource(TenantTable):
    """From when until when the statements of an LRS credential count for a module.

    Trust has a history, so that a statement is judged by the trust of its own day, now and when records are rebuilt.
    """

    __tablename__ = "module_trusted_sources"

    module_id: Mapped[UUID]
    credential_id: Mapped[UUID]
    trusted_from: Mapped[datetime]
    trusted_until: Mapped[datetime | None]

    __table_args__ = (
        tenant_key("module_id", "modules", ondelete="CASCADE"),
        tenant_key("credential_id", "lrs_credentials"),
        CheckConstraint("trusted_until >= trusted_from", name="period"),
        Index(
            "one_live_trust",
            "organization_id",
            "module_id",
            "credential_id",
            unique=True,
            postgresql_where=text("trusted_until IS NULL"),
        ),
        Index("ix_module_trusted_sources_credential", "organization_id", "credential_id"),
    )
