"""The audit log: who did what to which thing, written in the transaction that does it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select

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
    on_behalf_of_id: UUID | None = None  # as whom the actor looks at the application


@dataclass(frozen=True)
class Wanted:
    """Which entries: every field that is set narrows them. `action` is one, or the beginning of some ("course.").

    `actors` are people and API clients, `concerned` are the people acted for or upon; no ids at all find nothing.
    """

    actors: Sequence[UUID] | None = None
    concerned: Sequence[UUID] | None = None
    action: str = ""
    entity_type: str = ""
    entity_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    request_id: str = ""
    ip_address: str = ""


origin: ContextVar[Origin] = ContextVar("audit_origin", default=Origin())  # noqa: B039 - frozen


@contextmanager
def acting(user_id: UUID | None) -> Iterator[None]:
    """Let what is done inside be done by somebody: a job that does what they asked for."""
    token = origin.set(Origin(user_id))
    try:
        yield
    finally:
        origin.reset(token)


def record(
    session: Session,
    action: str,
    entity_type: str | None = None,
    entity_id: UUID | None = None,
    *,
    by: UUID | None = None,
    subject_user_id: UUID | None = None,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Append one row: `action` is `noun.past_tense` ("course.published"); old and new hold JSON-able values.

    `by` says who did it where the request does not know yet: somebody who signs in.
    """
    came = origin.get()
    session.add(
        AuditLog(
            organization_id=session.info.get("organization_id"),
            created_at=clock.now(),
            actor_id=by or came.actor_id,
            action=action,
            entity_type=entity_type,
            entity_id=entity_id,
            subject_user_id=subject_user_id,
            old_values=None if old is None else dict(old),
            new_values=None if new is None else dict(new),
            details=dict(details or {}),
            ip_address=came.ip_address,
            request_id=came.request_id,
            api_client_id=came.api_client_id,
            on_behalf_of_id=came.on_behalf_of_id,
        )
    )


def page(
    session: Session, wanted: Wanted | None = None, *, before: int | None = None, limit: int = 100
) -> list[AuditLog]:
    """Return the tenant's newest entries, those older than `before` (a `seq`) when given."""
    # Row-level security says whose rows these are, but in words that no index serves.
    query = select(AuditLog).where(AuditLog.organization_id == session.info.get("organization_id"))
    for condition in _conditions(wanted or Wanted()):
        query = query.where(condition)
    if before is not None:
        query = query.where(AuditLog.seq < before)
    return list(session.scalars(query.order_by(AuditLog.seq.desc()).limit(limit)))


def find(session: Session, entry_id: UUID) -> AuditLog | None:
    """Return one entry of the tenant, if there is such a one."""
    return session.scalar(select(AuditLog).where(AuditLog.id == entry_id))


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    # The actor of a sign-in is not known before it; its subject is who signed in.
    conditions: list[ColumnElement[bool]] = []
    if wanted.actors is not None:
        alone = AuditLog.actor_id.is_(None) & AuditLog.subject_user_id.in_(wanted.actors)
        conditions.append(or_(AuditLog.actor_id.in_(wanted.actors), AuditLog.api_client_id.in_(wanted.actors), alone))
    if wanted.concerned is not None:
        acted_for = AuditLog.on_behalf_of_id.in_(wanted.concerned)
        conditions.append(or_(AuditLog.subject_user_id.in_(wanted.concerned), acted_for))
    if wanted.action:
        conditions.append(AuditLog.action.startswith(wanted.action, autoescape=True))
    exactly = (
        (AuditLog.entity_type, wanted.entity_type),
        (AuditLog.entity_id, wanted.entity_id),
        (AuditLog.request_id, wanted.request_id),
        (AuditLog.ip_address, wanted.ip_address),
    )
    conditions += [column == value for column, value in exactly if value]
    if wanted.since is not None:
        conditions.append(AuditLog.created_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(AuditLog.created_at < wanted.until)
    return conditions
