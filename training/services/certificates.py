"""Certificates: issued with the completion they prove, checked by anybody who has the code, revoked with a reason."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from accounts.services import people, reach, theme
from core import audit, clock, files
from core.db import Session
from core.errors import Invalid, NotFound, Problem
from core.events import publish
from core.files import Files
from core.reach import Reach
from training import certificate_pdf
from training.errors import AlreadyRevoked
from training.events import CertificateIssued, CertificateRevoked
from training.rules import certificates as rules
from training.rules.certificates import CertificateStanding, Validity
from training.services import addresses
from training.services.sources import Sources
from training.store import certificates as store
from training.tables import (
    Certificate,
    CertificateEvent,
    CertificateEventType,
    CertificateStatus,
    TrainingCompletion,
)


@dataclass(frozen=True)
class Shown:
    """A certificate as pages show it. `data` is what was frozen when it was issued."""

    id: UUID
    user_id: UUID
    completion_id: UUID
    number: str
    code: str
    issued_at: datetime
    expires_on: date | None
    standing: CertificateStanding
    revoked_on: date | None
    revoked_reason: str | None
    data: dict[str, Any]
    has_pdf: bool

    @property
    def completed_on(self) -> date:
        """The day of the completion, as printed."""
        return date.fromisoformat(self.data["completed_on"])

    @property
    def issued_on(self) -> date:
        """The day of issue, as printed."""
        return date.fromisoformat(self.data["issued_on"])

    @property
    def url(self) -> str:
        """The address at which anybody can check it."""
        return str(self.data["url"])


@dataclass(frozen=True)
class PublicProof:
    """What anybody with the code may know (R-CERT-6): never the reason of a revocation."""

    holder: str
    title: str
    organization: str
    number: str
    issued_on: date
    expires_on: date | None
    standing: CertificateStanding
    revoked_on: date | None


@dataclass(frozen=True)
class Happened:
    """One thing that happened to a certificate, and by whom, where that is known."""

    event: CertificateEventType
    at: datetime
    by: str | None


@dataclass(frozen=True)
class Download:
    """A certificate's PDF: where its bytes lie, what to call it."""

    sha256: str
    name: str


def issue(session: Session, completion: TrainingCompletion, sources: Sources, now: datetime) -> Certificate:
    """R-CERT-1: issue the certificate of a completion once; its PDF is rendered afterwards.

    R-CERT-2: everything printed is frozen here. The number is taken in this transaction, so that a series has no gaps.
    """
    if (found := store.find_live(session, completion.id)) is not None:
        return found
    person, tenant = people.get(session, completion.user_id), sources.tenant
    course, version = sources.course(completion.course_id), sources.version(completion.course_version_id)
    issued_on = clock.day_in(tenant.timezone, now)
    numbering = rules.Numbering(tenant.certificate_number_pattern, tenant.code, course.code, issued_on)
    number = numbering.number(store.next_value(session, numbering.series))
    code = base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=")
    certificate = Certificate(
        certificate_number=number,
        verification_code=code,
        completion_id=completion.id,
        course_id=completion.course_id,
        user_id=completion.user_id,
        issued_at=now,
        expires_on=completion.valid_until,
        certificate_data={
            "holder": person.name,
            "title": course.title,
            "organization": tenant.name,
            "number": number,
            "code": code,
            "url": addresses.verification(code),
            "completed_on": clock.day_in(tenant.timezone, completion.completed_at).isoformat(),
            "issued_on": issued_on.isoformat(),
            "expires_on": completion.valid_until.isoformat() if completion.valid_until else None,
            "score": None if completion.final_score is None else f"{completion.final_score.normalize():f}",
            "course_code": course.code,
            "course_version": version.version_number,
        },
    )
    session.add(certificate)
    session.flush()
    _note(session, certificate, CertificateEventType.ISSUED, now)
    audit.record(
        session,
        "certificate.issued",
        "certificate",
        certificate.id,
        subject_user_id=completion.user_id,
        new={"number": number},
    )
    publish(session, CertificateIssued(certificate.id), subject=certificate.id)
    return certificate


def render(session: Session, storage: Files, certificate_id: UUID) -> None:
    """Make the PDF of a certificate and keep it; one that has its PDF is left alone."""
    certificate = store.find(session, certificate_id, lock=True)
    if certificate is None or certificate.file_id is not None:
        return
    look = theme.get(session)
    pdf = certificate_pdf.render(certificate.certificate_data, certificate_pdf.Design(look.brand, look.accent))
    stored = storage.put(pdf)
    kept = files.keep(session, stored, media_type="application/pdf", name=f"{certificate.certificate_number}.pdf")
    certificate.file_id = kept.id
    session.flush()


def accessible(session: Session, certificate_id: UUID, user_id: UUID, now: datetime, *, within: Reach | None) -> Shown:
    """Return a certificate to its holder, or to whoever sees so far. Raises NotFound for everybody else."""
    certificate = _get(session, certificate_id)
    is_seen = reach.covers(session, within, certificate.user_id, certificate.course_id)
    if certificate.user_id != user_id and not is_seen:
        raise NotFound("There is no such certificate.")
    return shown(session, [certificate], now)[0]


def of_person(session: Session, user_id: UUID, now: datetime) -> list[Shown]:
    """Return a person's certificates, newest first."""
    return shown(session, store.of_person(session, user_id), now)


def of_completions(session: Session, completion_ids: Sequence[UUID], now: datetime) -> dict[UUID, Shown]:
    """Return the newest certificate of each of these completions that has one."""
    rows = store.by_completion(session, completion_ids)
    return {one.completion_id: one for one in shown(session, list(rows.values()), now)}


def page(
    session: Session,
    now: datetime,
    standing: CertificateStanding | None = None,
    search: str = "",
    offset: int = 0,
    limit: int = 50,
    within: Reach | None = None,
) -> tuple[list[Shown], int]:
    """Return the register as far as `within` reaches, newest first, and how many match in all."""
    today = clock.day_in(people.tenant(session).timezone, now)
    rows, total = store.page(session, standing, search, today, offset, limit, within)
    return shown(session, rows, now), total


def shown(session: Session, rows: Sequence[Certificate], now: datetime) -> list[Shown]:
    """Return certificates as pages show them on this day of the organization's zone."""
    zone = people.tenant(session).timezone
    today = clock.day_in(zone, now)
    return [_shown(row, today, zone) for row in rows]


def history(session: Session, certificate_id: UUID) -> list[Happened]:
    """Return what happened to a certificate, oldest first."""
    rows = store.events(session, certificate_id)
    actors = people.named(session, [row.actor_id for row in rows if row.actor_id is not None])
    return [
        Happened(row.event, row.occurred_at, actors[row.actor_id].name if row.actor_id in actors else None)
        for row in rows
    ]


def download(session: Session, shown: Shown, now: datetime, *, actor_id: UUID | None) -> Download | None:
    """Return the PDF of a certificate, noting who takes it; None while it is being rendered."""
    certificate = _get(session, shown.id)
    if certificate.file_id is None:
        return None
    file = files.get(session, certificate.file_id)
    _note(session, certificate, CertificateEventType.DOWNLOADED, now, actor_id)
    return Download(file.sha256, file.original_name)


def revoke(session: Session, certificate_id: UUID, reason: str, now: datetime, *, by: UUID) -> None:
    """R-CERT-5: take a certificate back, with a reason that stays inside the organization.

    Raises NotFound, AlreadyRevoked, Invalid without a reason.
    """
    certificate = _get(session, certificate_id, lock=True)
    if certificate.status is CertificateStatus.REVOKED:
        raise AlreadyRevoked
    if not reason.strip():
        raise Invalid(
            problems=[Problem("reason", "The reason is missing.", "Say why; only your organization sees it.")]
        )
    certificate.status = CertificateStatus.REVOKED
    certificate.revoked_at, certificate.revoked_by, certificate.revoked_reason = now, by, reason.strip()
    _note(session, certificate, CertificateEventType.REVOKED, now, by)
    audit.record(
        session,
        "certificate.revoked",
        "certificate",
        certificate.id,
        subject_user_id=certificate.user_id,
        new={"reason": reason.strip()},
    )
    publish(session, CertificateRevoked(certificate.id), subject=certificate.id)


def locate(session: Session, text: str) -> tuple[UUID, UUID] | None:
    """Return (organization, certificate) of a verification code, in a transaction that needs no tenant.

    None alike for malformed and for unknown codes; a malformed one is looked up too, so that it answers no sooner.
    """
    return store.look_up(session, rules.code(text) or "0" * 26)


def prove(session: Session, certificate_id: UUID, now: datetime) -> PublicProof:
    """Return what anybody who has the code may know (R-CERT-6), noting that somebody asked."""
    certificate = _get(session, certificate_id)
    _note(session, certificate, CertificateEventType.VERIFIED, now)
    one = shown(session, [certificate], now)[0]
    return PublicProof(
        holder=one.data["holder"],
        title=one.data["title"],
        organization=one.data["organization"],
        number=one.number,
        issued_on=one.issued_on,
        expires_on=one.expires_on,
        standing=one.standing,
        revoked_on=one.revoked_on,
    )


def _get(session: Session, certificate_id: UUID, *, lock: bool = False) -> Certificate:
    found = store.find(session, certificate_id, lock=lock)
    if found is None:
        raise NotFound("There is no such certificate.")
    return found


def _shown(row: Certificate, today: date, zone: str) -> Shown:
    is_revoked = row.status is CertificateStatus.REVOKED
    return Shown(
        id=row.id,
        user_id=row.user_id,
        completion_id=row.completion_id,
        number=row.certificate_number,
        code=row.verification_code,
        issued_at=row.issued_at,
        expires_on=row.expires_on,
        standing=Validity(row.expires_on, is_revoked).standing(today),
        revoked_on=clock.day_in(zone, row.revoked_at) if row.revoked_at else None,
        revoked_reason=row.revoked_reason,
        data=row.certificate_data,
        has_pdf=row.file_id is not None,
    )


def _note(
    session: Session,
    certificate: Certificate,
    event: CertificateEventType,
    now: datetime,
    actor_id: UUID | None = None,
) -> None:
    session.add(CertificateEvent(certificate_id=certificate.id, event=event, occurred_at=now, actor_id=actor_id))
    session.flush()
