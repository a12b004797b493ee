"""Queries on certificates, their numbers and what happened to them."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from core.db import Session, organization_of
from core.reach import Reach
from training.rules.certificates import EXPIRES_SOON, CertificateStanding
from training.tables import Certificate, CertificateCounter, CertificateEvent, CertificateStatus


def find(session: Session, certificate_id: UUID, *, lock: bool = False) -> Certificate | None:
    """Return the tenant's certificate."""
    query = select(Certificate).where(Certificate.id == certificate_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalar(query)


def find_live(session: Session, completion_id: UUID) -> Certificate | None:
    """Return the certificate of a completion that has not been revoked."""
    return session.scalar(
        select(Certificate).where(
            Certificate.completion_id == completion_id, Certificate.status != CertificateStatus.REVOKED
        )
    )


def by_completion(session: Session, completion_ids: Sequence[UUID]) -> dict[UUID, Certificate]:
    """Return, by completion, its newest certificate."""
    query = select(Certificate).where(Certificate.completion_id.in_(completion_ids))
    return {row.completion_id: row for row in session.scalars(query.order_by(Certificate.issued_at, Certificate.id))}


def of_person(session: Session, user_id: UUID) -> list[Certificate]:
    """Return a person's certificates, newest first."""
    query = select(Certificate).where(Certificate.user_id == user_id)
    return list(session.scalars(query.order_by(Certificate.issued_at.desc(), Certificate.id)))


def page(
    session: Session,
    standing: CertificateStanding | None,
    search: str,
    today: date,
    offset: int,
    limit: int,
    within: Reach | None,
) -> tuple[list[Certificate], int]:
    """Return certificates, newest first, and how many there are in all; `search` looks at number, holder and title."""
    query = select(Certificate)
    if within is not None:
        query = query.where(within.covers(Certificate.user_id, Certificate.course_id))
    if standing is not None:
        query = query.where(_stands(standing, today))
    if search:
        pattern = "%" + search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        data = Certificate.certificate_data
        query = query.where(
            Certificate.certificate_number.ilike(pattern)
            | data["holder"].astext.ilike(pattern)
            | data["title"].astext.ilike(pattern)
        )
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    ordered = query.order_by(Certificate.issued_at.desc(), Certificate.id).offset(offset).limit(limit)
    return list(session.scalars(ordered)), total


def next_value(session: Session, series: str) -> int:
    """Take the next number of a series; whoever else takes one waits, so that a rollback leaves no gap."""
    query = insert(CertificateCounter).values(organization_id=organization_of(session), series=series, last_value=1)
    taken: int = session.execute(
        query.on_conflict_do_update(
            index_elements=["organization_id", "series"], set_={"last_value": CertificateCounter.last_value + 1}
        ).returning(CertificateCounter.last_value)
    ).scalar_one()
    return taken


def events(session: Session, certificate_id: UUID) -> list[CertificateEvent]:
    """Return what happened to a certificate, oldest first."""
    query = select(CertificateEvent).where(CertificateEvent.certificate_id == certificate_id)
    return list(session.scalars(query.order_by(CertificateEvent.occurred_at, CertificateEvent.id)))


def look_up(session: Session, code: str) -> tuple[UUID, UUID] | None:
    """Return (organization, certificate) of a verification code; the transaction needs no tenant."""
    row = session.execute(
        text("SELECT organization_id, certificate_id FROM certificate_by_code(:code)"), {"code": code}
    ).one_or_none()
    return None if row is None else (row.organization_id, row.certificate_id)


def _stands(standing: CertificateStanding, today: date) -> Any:
    """The same words as `Validity.standing`, for the database."""
    is_revoked = Certificate.status == CertificateStatus.REVOKED
    last = Certificate.expires_on
    soon = today + timedelta(days=EXPIRES_SOON.days)
    return {
        CertificateStanding.REVOKED: is_revoked,
        CertificateStanding.EXPIRED: ~is_revoked & last.is_not(None) & (last < today),
        CertificateStanding.EXPIRING: ~is_revoked & last.is_not(None) & (last >= today) & (last <= soon),
        CertificateStanding.VALID: ~is_revoked & (last.is_(None) | (last > soon)),
    }[standing]
