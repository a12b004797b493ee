"""The audit log: who did what to which thing, written in the transaction that does it."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from core import clock
from core.db import Session
from core.tables import AuditLog


@dataclass(frozen=True)
class Origin:
    """Who acts, and from where; set by the edge for the length of a request, job or command."""

    actor_id: UUID | None = None
    ip_address: str | None = None
    request_id: str | None = None
    api_client_id: UUID | None = None


origin: ContextVar[Origin] = ContextVar("audit_origin", default=Origin())  # noqa: B039 - frozen


def record(
    session: Session,
    action: str,
    entity_type: str | None = None,
    entity_id: UUID | None = None,
    *,
    subject_user_id: UUID | None = None,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Append one row: `action` is `noun.past_tense` ("course.published"); old and new hold JSON-able values."""
    by = origin.get()
    session.add(
        AuditLog(
            organization_id=session.info.get("organization_id"),
            created_at=clock.now(),
            actor_id=by.actor_id,
            action=action,
            entity_type=entity_type,
            entity_id=entity_id,
            subject_user_id=subject_user_id,
            old_values=None if old is None else dict(old),
            new_values=None if new is None else dict(new),
            details=dict(details or {}),
            ip_address=by.ip_address,
            request_id=by.request_id,
            api_client_id=by.api_client_id,
        )
    )


def page(session: Session, *, before: int | None = None, limit: int = 100) -> list[AuditLog]:
    """Return the tenant's newest entries, those older than `before` (a `seq`) when given."""
    query = select(AuditLog).order_by(AuditLog.seq.desc()).limit(limit)
    return list(session.scalars(query if before is None else query.where(AuditLog.seq < before)))
