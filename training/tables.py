"""Tables of training: obligations, participation, facts and their projection, the ledger, certificates."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Numeric, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, TenantTable, enum_column, file_key, member_key, one_of, tenant_key
from training.rules.assignments import AssignmentType
from training.rules.counting import Reason
from training.rules.progress import ActivityType, ProgressStatus


class AssignmentStatus(StrEnum):
    """What has become of an obligation; overdue and due soon are derived."""

    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    EXEMPTED = "exempted"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class TrainingAssignment(TenantTable):
    """An obligation: this person must finish this course by this moment. Not a participation."""

    __tablename__ = "training_assignments"

    user_id: Mapped[UUID]
    course_id: Mapped[UUID]
    cycle_number: Mapped[int] = mapped_column(default=1)
    assignment_type: Mapped[AssignmentType] = enum_column(AssignmentType, default=AssignmentType.INDIVIDUAL)
    status: Mapped[AssignmentStatus] = enum_column(AssignmentStatus, default=AssignmentStatus.ASSIGNED)
    due_at: Mapped[datetime]
    assigned_at: Mapped[datetime]
    assigned_by: Mapped[UUID | None]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    cancelled_by: Mapped[UUID | None]  # null: it ended by itself, because the person left
    cancel_reason: Mapped[str | None] = mapped_column(String(500))

    __table_args__ = (
        member_key("user_id"),
        tenant_key("course_id", "courses"),
        one_of("assignment_type", AssignmentType),
        one_of("status", AssignmentStatus),
        CheckConstraint(
            "status <> 'cancelled' OR (cancelled_at IS NOT NULL AND cancel_reason IS NOT NULL)", name="cancelled"
        ),
        Index(  # what was cancelled is no cycle that was taken: the same one is given again
            "uq_training_assignments_cycle",
            "organization_id",
            "user_id",
            "course_id",
            "cycle_number",
            unique=True,
            postgresql_where=text("status <> 'cancelled'"),
        ),
        Index(
            "uq_training_assignments_open",
            "organization_id",
            "user_id",
            "course_id",
            unique=True,
            postgresql_where=text("status IN ('assigned', 'in_progress')"),
        ),
        Index(
            "ix_training_assignments_due",
            "organization_id",
            "due_at",
            postgresql_where=text("status IN ('assigned', 'in_progress')"),
        ),
        Index("ix_training_assignments_course", "organization_id", "course_id", "status"),
    )


class EnrollmentType(StrEnum):
    """How somebody came to take part."""

    SELF = "self"
    ASSIGNED = "assigned"


class EnrollmentStatus(StrEnum):
    """Where a participation stands."""

    ENROLLED = "enrolled"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class CourseEnrollment(TenantTable):
    """A person taking one version of a course, in one cycle. Renewal opens the next cycle; old ones stay."""

    __tablename__ = "course_enrollments"

    user_id: Mapped[UUID]
    course_id: Mapped[UUID]
    course_version_id: Mapped[UUID]
    assignment_id: Mapped[UUID | None]
    cycle_number: Mapped[int] = mapped_column(default=1)
    enrollment_type: Mapped[EnrollmentType] = enum_column(EnrollmentType)
    status: Mapped[EnrollmentStatus] = enum_column(EnrollmentStatus, default=EnrollmentStatus.ENROLLED)
    progress_percent: Mapped[Decimal] = mapped_column(Numeric(5, 2), default=Decimal(0))  # projection, R-PCT
    enrolled_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    last_accessed_at: Mapped[datetime | None]

    __table_args__ = (
        member_key("user_id"),
        tenant_key("course_id", "courses"),
        tenant_key("course_version_id", "course_versions"),
        tenant_key("assignment_id", "training_assignments"),
        one_of("enrollment_type", EnrollmentType),
        one_of("status", EnrollmentStatus),
        CheckConstraint("progress_percent BETWEEN 0 AND 100", name="percent"),
        UniqueConstraint("organization_id", "user_id", "course_id", "cycle_number", name="uq_course_enrollments_cycle"),
        Index(
            "uq_course_enrollments_open",
            "organization_id",
            "user_id",
            "course_id",
            unique=True,
            postgresql_where=text("status IN ('enrolled', 'in_progress')"),
        ),
        Index("ix_course_enrollments_course", "organization_id", "course_id", "status"),
        Index("ix_course_enrollments_assignment", "organization_id", "assignment_id"),
    )


class EnrollmentSwitch(TenantTable):
    """An enrollment in which nothing had happened yet went to another version of its course. Never changed."""

    __tablename__ = "enrollment_switches"

    course_enrollment_id: Mapped[UUID]
    from_version_id: Mapped[UUID]
    to_version_id: Mapped[UUID]
    switched_at: Mapped[datetime]

    __table_args__ = (
        tenant_key("course_enrollment_id", "course_enrollments"),
        tenant_key("from_version_id", "course_versions"),
        tenant_key("to_version_id", "course_versions"),
        Index("ix_enrollment_switches_enrollment", "organization_id", "course_enrollment_id"),
    )


class RepublishingStep(StrEnum):
    """What is being done for people of earlier versions: who has not started first, then who had completed.

    Much later perhaps, the retake that was a mistake is taken back from them.
    """

    SWITCHING = "switching"
    ASSIGNING = "assigning"
    TAKING_BACK = "taking_back"
    DONE = "done"


class Republishing(TenantTable):
    """What came of a version's choice for people of earlier ones, slice by slice (R-VER).

    Each slice moves `after_id` on in its own transaction, so that whoever goes on after a crash goes on behind it.
    """

    __tablename__ = "republishings"

    course_id: Mapped[UUID]
    course_version_id: Mapped[UUID]
    step: Mapped[RepublishingStep] = enum_column(RepublishingStep, default=RepublishingStep.SWITCHING)
    after_id: Mapped[UUID | None]  # the last enrollment, or person, of the step that was looked at
    expected: Mapped[int]  # enrollments and people there were to look at when it began
    handled: Mapped[int] = mapped_column(default=0)
    switched: Mapped[int] = mapped_column(default=0)
    assigned: Mapped[int] = mapped_column(default=0)
    staying: Mapped[int] = mapped_column(default=0)  # in progress on an earlier version when it began
    job_id: Mapped[UUID]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    taken_back_at: Mapped[datetime | None]  # since when nobody has to take it again because of this version
    taken_back_by: Mapped[UUID | None]
    taken_back_reason: Mapped[str | None] = mapped_column(String(500))
    cancelled: Mapped[int] = mapped_column(default=0)  # open assignments that ended when it was taken back

    __table_args__ = (
        tenant_key("course_id", "courses"),
        tenant_key("course_version_id", "course_versions"),
        one_of("step", RepublishingStep),
        CheckConstraint(
            "num_nulls(taken_back_at, taken_back_by, taken_back_reason) IN (0, 3)",
            name="taken_back",
        ),
        CheckConstraint("(step = 'done') = (finished_at IS NOT NULL)", name="finished"),
        UniqueConstraint("organization_id", "course_version_id"),
        Index("ix_republishings_course", "organization_id", "course_id"),
    )


class ModuleRegistration(TenantTable):
    """Ties a registration of the run-time to the module of an enrollment that it serves."""

    __tablename__ = "module_registrations"

    course_enrollment_id: Mapped[UUID]
    module_id: Mapped[UUID]
    registration_id: Mapped[UUID]
    created_at: Mapped[datetime]

    __table_args__ = (
        tenant_key("course_enrollment_id", "course_enrollments"),
        tenant_key("module_id", "modules"),
        tenant_key("registration_id", "registrations"),
        UniqueConstraint("organization_id", "course_enrollment_id", "module_id", name="uq_module_registrations_module"),
        UniqueConstraint("organization_id", "registration_id"),
    )


class ModuleProgress(TenantTable):
    """Where one enrollment stands in one module: a projection of training_activities, rebuildable."""

    __tablename__ = "module_progress"

    course_enrollment_id: Mapped[UUID]
    module_id: Mapped[UUID]
    status: Mapped[ProgressStatus] = enum_column(ProgressStatus)
    progress_percent: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    score_percent: Mapped[Decimal | None] = mapped_column(Numeric(5, 2))
    is_passed: Mapped[bool | None]
    time_spent_seconds: Mapped[int]
    started_at: Mapped[datetime | None]
    last_accessed_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]

    __table_args__ = (
        tenant_key("course_enrollment_id", "course_enrollments"),
        tenant_key("module_id", "modules"),
        one_of("status", ProgressStatus),
        CheckConstraint("progress_percent BETWEEN 0 AND 100", name="percent"),
        UniqueConstraint("organization_id", "course_enrollment_id", "module_id", name="uq_module_progress_module"),
    )


class TrainingActivity(TenantTable):
    """An append-only fact: what one counted statement said. Statements stored together have one `batch_id`.

    When the statement turns out to be somebody else's, the fact is superseded; where a live completion rests on it, it
    is held instead, and says since when.
    """

    __tablename__ = "training_activities"

    statement_id: Mapped[UUID]
    batch_id: Mapped[UUID]
    stored_at: Mapped[datetime]  # the statement's place in the order of all
    activity_timestamp: Mapped[datetime]  # when it happened; from elsewhere never after it was stored
    user_id: Mapped[UUID]
    course_enrollment_id: Mapped[UUID]
    module_id: Mapped[UUID]
    registration_id: Mapped[UUID | None]  # null: from a trusted source
    activity_type: Mapped[ActivityType] = enum_column(ActivityType)
    activity_iri: Mapped[str] = mapped_column(Text)
    progress_percent: Mapped[Decimal | None] = mapped_column(Numeric(5, 2))
    score_percent: Mapped[Decimal | None] = mapped_column(Numeric(5, 2))
    is_passed: Mapped[bool | None]
    time_spent_seconds: Mapped[int | None]
    superseded_at: Mapped[datetime | None]
    held_at: Mapped[datetime | None]

    __table_args__ = (
        tenant_key("statement_id", "xapi_statements"),
        member_key("user_id"),
        tenant_key("course_enrollment_id", "course_enrollments"),
        tenant_key("module_id", "modules"),
        tenant_key("registration_id", "registrations"),
        one_of("activity_type", ActivityType),
        Index(
            "uq_training_activities_statement",
            "organization_id",
            "statement_id",
            unique=True,
            postgresql_where=text("superseded_at IS NULL"),
        ),
        Index("ix_training_activities_statement", "organization_id", "statement_id"),
        Index("ix_training_activities_module", "organization_id", "course_enrollment_id", "module_id", "stored_at"),
    )


class UncountedStatement(TenantTable):
    """A statement that moves no training, and why; superseded when it counts after all, or for another reason."""

    __tablename__ = "uncounted_statements"

    statement_id: Mapped[UUID]
    stored_at: Mapped[datetime]
    reason: Mapped[Reason] = enum_column(Reason)
    module_id: Mapped[UUID | None]
    registration_id: Mapped[UUID | None]
    superseded_at: Mapped[datetime | None]

    __table_args__ = (
        tenant_key("statement_id", "xapi_statements"),
        tenant_key("module_id", "modules"),
        tenant_key("registration_id", "registrations"),
        one_of("reason", Reason),
        Index(
            "uq_uncounted_statements_statement",
            "organization_id",
            "statement_id",
            unique=True,
            postgresql_where=text("superseded_at IS NULL"),
        ),
        Index("ix_uncounted_statements_statement", "organization_id", "statement_id"),
        Index("ix_uncounted_statements_page", "organization_id", "stored_at", "id"),
    )


class CompletionMethod(StrEnum):
    """How a completion came about."""

    ONLINE = "online"


class TrainingCompletion(TenantTable):
    """The ledger: proof that somebody completed a course. Only the void columns may ever change, once."""

    __tablename__ = "training_completions"

    user_id: Mapped[UUID]
    course_id: Mapped[UUID]
    course_version_id: Mapped[UUID]
    course_enrollment_id: Mapped[UUID]
    cycle_number: Mapped[int]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime]
    final_score: Mapped[Decimal | None] = mapped_column(Numeric(5, 2))
    is_passed: Mapped[bool]
    time_spent_seconds: Mapped[int]
    completion_method: Mapped[CompletionMethod] = enum_column(CompletionMethod)
    evidence: Mapped[dict[str, Any]]  # statement ids, package versions with SHA-256, the course version's hash
    valid_until: Mapped[date | None]  # last valid day
    recorded_at: Mapped[datetime]
    voided_at: Mapped[datetime | None]
    voided_by: Mapped[UUID | None]
    void_reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        member_key("user_id"),
        tenant_key("course_id", "courses"),
        tenant_key("course_version_id", "course_versions"),
        tenant_key("course_enrollment_id", "course_enrollments"),
        one_of("completion_method", CompletionMethod),
        CheckConstraint("jsonb_typeof(evidence) = 'object'", name="evidence"),
        CheckConstraint(
            "(voided_at IS NULL) = (void_reason IS NULL) AND (voided_at IS NULL) = (voided_by IS NULL)", name="void"
        ),
        Index(
            "uq_training_completions_live",
            "organization_id",
            "course_enrollment_id",
            unique=True,
            postgresql_where=text("is_passed AND voided_at IS NULL"),
        ),
        Index("ix_training_completions_person", "organization_id", "user_id", "course_id", "completed_at"),
        Index("ix_training_completions_date", "organization_id", "completed_at"),
    )


class CertificateStatus(StrEnum):
    """What has become of a certificate; expired is derived from its last day."""

    ISSUED = "issued"
    REVOKED = "revoked"


class Certificate(TenantTable):
    """An issued certificate. Everything printed on it is frozen in `certificate_data`; later renames change nothing."""

    __tablename__ = "certificates"

    certificate_number: Mapped[str] = mapped_column(String(220))
    verification_code: Mapped[str] = mapped_column(String(40), unique=True)  # 128 random bits, base32
    completion_id: Mapped[UUID]
    course_id: Mapped[UUID]
    user_id: Mapped[UUID]
    issued_at: Mapped[datetime]
    expires_on: Mapped[date | None]
    status: Mapped[CertificateStatus] = enum_column(CertificateStatus, default=CertificateStatus.ISSUED)
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[UUID | None]
    revoked_reason: Mapped[str | None] = mapped_column(Text)
    certificate_data: Mapped[dict[str, Any]]
    file_id: Mapped[UUID | None]  # the PDF; null until it has been rendered

    __table_args__ = (
        tenant_key("completion_id", "training_completions"),
        tenant_key("course_id", "courses"),
        member_key("user_id"),
        file_key("file_id"),
        one_of("status", CertificateStatus),
        CheckConstraint(
            "(status = 'revoked') = (revoked_at IS NOT NULL) AND (revoked_at IS NULL) = (revoked_reason IS NULL)",
            name="revoked",
        ),
        UniqueConstraint("organization_id", "certificate_number"),
        Index(
            "uq_certificates_live",
            "organization_id",
            "completion_id",
            unique=True,
            postgresql_where=text("status <> 'revoked'"),
        ),
        Index("ix_certificates_person", "organization_id", "user_id", "status"),
        Index("ix_certificates_page", "organization_id", "issued_at", "id"),
    )


class CertificateCounter(Base):
    """The last number given in a series; taken in the issuing transaction, so that there are no gaps."""

    __tablename__ = "certificate_counters"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    series: Mapped[str] = mapped_column(String(200), primary_key=True)
    last_value: Mapped[int]


class CertificateEventType(StrEnum):
    """What happened to a certificate."""

    ISSUED = "issued"
    DOWNLOADED = "downloaded"
    VERIFIED = "verified"
    REVOKED = "revoked"


class CertificateEvent(TenantTable):
    """One thing that happened to a certificate."""

    __tablename__ = "certificate_events"

    certificate_id: Mapped[UUID]
    event: Mapped[CertificateEventType] = enum_column(CertificateEventType)
    occurred_at: Mapped[datetime]
    actor_id: Mapped[UUID | None]

    __table_args__ = (
        tenant_key("certificate_id", "certificates"),
        one_of("event", CertificateEventType),
        Index("ix_certificate_events_certificate", "organization_id", "certificate_id", "occurred_at"),
    )
