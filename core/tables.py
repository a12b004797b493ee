"""Tables of the core: files, events, jobs, schedules, audit."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, TenantTable, enum_column, one_of, uuid7


class File(TenantTable):
    """A stored file of one tenant. The bytes lie in storage under their SHA-256; many rows may share them."""

    __tablename__ = "files"

    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(String(100))
    original_name: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]

    __table_args__ = (Index("ix_files_sha256", "sha256"),)


class DomainEvent(TenantTable):
    """The outbox: a fact announced in the transaction that made it true."""

    __tablename__ = "domain_events"

    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    event_type: Mapped[str] = mapped_column(String(80))
    occurred_at: Mapped[datetime]
    subject: Mapped[UUID | None]
    payload: Mapped[dict[str, Any]]

    __table_args__ = (Index("ix_domain_events_seq", "organization_id", "seq"),)


class JobState(StrEnum):
    """Where a job stands. `failed` is dead: it has used up its tries and waits for a person."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job(Base):
    """One piece of work for a worker: a delivery of an event to a listener, an import, a scheduled duty.

    Jobs with the same handler and subject run one after the other, in `seq` order.
    """

    __tablename__ = "jobs"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organization_id: Mapped[UUID | None]  # null: for the whole installation
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    handler: Mapped[str] = mapped_column(String(80))
    arguments: Mapped[dict[str, Any]]
    subject: Mapped[UUID | None]
    event_id: Mapped[UUID | None]
    state: Mapped[JobState] = enum_column(JobState, default=JobState.QUEUED)
    attempts: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int] = mapped_column(default=8)
    run_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]  # a worker that dies lets its lease run out
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]
    finished_at: Mapped[datetime | None]
    progress_percent: Mapped[int] = mapped_column(default=0)
    progress_note: Mapped[str] = mapped_column(String(255), default="")
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
    error: Mapped[str | None]

    __table_args__ = (
        one_of("state", JobState),
        CheckConstraint("progress_percent BETWEEN 0 AND 100", name="percent"),
        Index("ix_jobs_open", "run_at", "seq", postgresql_where=text("state IN ('queued', 'running')")),
        Index(
            "ix_jobs_in_order",
            "handler",
            "subject",
            "seq",
            postgresql_where=text("state IN ('queued', 'running') AND subject IS NOT NULL"),
        ),
        Index("ix_jobs_page", "organization_id", "state", "seq"),
    )


class JobSchedule(Base):
    """A periodic duty of the installation; whoever moves `next_run_at` on runs it, so it runs once."""

    __tablename__ = "job_schedules"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    next_run_at: Mapped[datetime]


class AuditLog(Base):
    """Append-only trail of who did what; the database refuses to change or delete a row."""

    __tablename__ = "audit_logs"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    organization_id: Mapped[UUID | None]
    created_at: Mapped[datetime]
    actor_id: Mapped[UUID | None]
    action: Mapped[str] = mapped_column(String(100))
    entity_type: Mapped[str | None] = mapped_column(String(100))
    entity_id: Mapped[UUID | None]
    subject_user_id: Mapped[UUID | None]
    old_values: Mapped[dict[str, Any] | None]
    new_values: Mapped[dict[str, Any] | None]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    ip_address: Mapped[str | None] = mapped_column(String(45))
    request_id: Mapped[str | None] = mapped_column(String(36))
    api_client_id: Mapped[UUID | None]  # the program that acted in the name of `actor_id`
    on_behalf_of_id: Mapped[UUID | None]  # as whom `actor_id` was looking at the application

    __table_args__ = (
        Index("ix_audit_logs_page", "organization_id", "seq"),
        Index("ix_audit_logs_entity", "entity_type", "entity_id"),
        Index("ix_audit_logs_actor", "organization_id", "actor_id", "seq"),
        Index("ix_audit_logs_subject", "organization_id", "subject_user_id", "seq"),
        Index("ix_audit_logs_moment", "organization_id", "created_at"),
    )


class AuditSeal(Base):
    """The seal of one audit row and its place in the chain of its organization (see `core.audit_chain`). Final."""

    __tablename__ = "audit_seals"

    audit_id: Mapped[UUID] = mapped_column(primary_key=True)
    audit_seq: Mapped[int] = mapped_column(BigInteger)
    organization_id: Mapped[UUID | None]
    position: Mapped[int] = mapped_column(BigInteger)  # from 1, without gaps
    core_digest: Mapped[str] = mapped_column(String(64))
    values_digest: Mapped[str] = mapped_column(String(64))
    salt: Mapped[bytes]
    seal: Mapped[str] = mapped_column(String(64))
    key_id: Mapped[str] = mapped_column(String(16))
    sealed_at: Mapped[datetime]

    __table_args__ = (
        Index(
            "uq_audit_seals_position", "organization_id", "position", unique=True, postgresql_nulls_not_distinct=True
        ),
        Index("ix_audit_seals_seq", "organization_id", "audit_seq"),
    )


class ApiReply(TenantTable):
    """What a call of the REST interface was answered, under the key its caller chose; kept for a day."""

    __tablename__ = "api_replies"

    caller_id: Mapped[UUID]  # the API client, or the person
    key: Mapped[str] = mapped_column(String(255))
    request_hash: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None]  # null while the call runs
    body: Mapped[str] = mapped_column(Text)
    headers: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]

    __table_args__ = (
        Index("uq_api_replies_key", "organization_id", "caller_id", "key", unique=True),
        Index("ix_api_replies_created_at", "created_at"),
    )
