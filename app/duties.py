"""Duties of the whole installation: nobody needs it, it is swept; long done, it is forgotten; logged, it is sealed."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, text

from accounts.services import members, organizations
from core import audit, audit_chain, clock, files, jobs, replies
from core.jobs import Work
from core.logs import logger
from core.tables import DomainEvent, Job, JobState
from scorm_player.services import uploads

DAY = timedelta(days=1)
KEEP_JOBS = 14 * DAY
KEEP_DUTIES = DAY
KEEP_EVENTS = 60 * DAY
CHECK = "app.check_audit_log"
SHOWN = 200
"""How many findings of a check are kept with its result."""

log = logger("app")


def sweep_files(work: Work) -> Mapping[str, Any]:
    """Forget file rows nothing points to for a day, then the bytes no tenant holds on to."""
    rows = 0
    for organization_id in _organizations(work):
        with work.database.write(organization_id) as session:
            for row in files.unreferenced(session):
                if clock.now() - row.created_at > DAY:
                    session.delete(row)
                    rows += 1
    blobs = 0
    for sha256 in list(work.files.older_than(DAY.total_seconds())):
        with work.database.read(None) as session:
            is_known = session.execute(text("SELECT file_is_known(:sha256)"), {"sha256": sha256}).scalar()
        if not is_known:
            work.files.delete(sha256)
            blobs += 1
    return {"rows": rows, "files": blobs}


def forget_uploads(work: Work) -> Mapping[str, Any]:
    """Forget packages that were sent in part and not gone on with, and finished uploads nobody asks about any more."""
    count = 0
    for organization_id in _organizations(work):
        with work.database.write(organization_id) as session:
            count += uploads.forget_expired(session, clock.now())
    return {"uploads": count}


def tidy_jobs(work: Work) -> Mapping[str, Any]:
    """Forget jobs that succeeded two weeks ago (duties: a day ago), and announcements of two months ago.

    Failed jobs stay.
    """
    now, count = clock.now(), 0
    for organization_id in [None, *_organizations(work)]:
        with work.database.write(organization_id) as session:
            keep = KEEP_DUTIES if organization_id is None else KEEP_JOBS
            done = session.execute(
                delete(Job).where(Job.state == JobState.SUCCEEDED, Job.finished_at < now - keep).returning(Job.id)
            )
            count += len(done.all())
            if organization_id is not None:
                replies.forget_old(session, now)
                pending = select(Job.event_id).where(Job.event_id == DomainEvent.id)
                session.execute(
                    delete(DomainEvent).where(DomainEvent.occurred_at < now - KEEP_EVENTS, ~pending.exists())
                )
    return {"jobs": count}


def seal_audit_logs(work: Work) -> Mapping[str, Any]:
    """Seal what every organization's audit log, and the installation's, has gained since the last time."""
    count, kept = 0, audit_chain.kept()
    for organization_id in [None, *_organizations(work)]:
        while True:
            with work.database.write(organization_id) as session:
                sealed, head = audit_chain.seal(session, kept, clock.now())
            if head is not None:
                kept.note(organization_id, head, clock.now())
            count += sealed
            if sealed < audit_chain.BATCH:
                break
    return {"sealed": count}


def check_audit_logs(work: Work) -> Mapping[str, Any]:
    """Have every chain checked, each by a job of its own, which its organization can see."""
    ids = [None, *_organizations(work)]
    for organization_id in ids:
        with work.database.write(organization_id) as session:
            jobs.enqueue(session, CHECK, {})
    return {"logs": len(ids)}


def check_audit_log(work: Work) -> Mapping[str, Any]:
    """Check one chain; when it does not hold, the log, the audit log and every administrator are told."""
    with work.read() as session:
        found = audit_chain.check(session, audit_chain.kept())
    if found.findings:
        rows = [finding.seq for finding in found.findings if finding.seq is not None]
        log.critical("audit chain broken", organization=str(work.organization_id), findings=len(found.findings))
        with work.write() as session:
            told = {"findings": len(found.findings), "rows": rows[:SHOWN]}
            audit.record(session, "audit.chain_broken", "audit_log", details=told)
            administrators: list[UUID] = []
            if work.organization_id is not None:
                administrators = members.administrators(session, clock.now())
            for user_id in administrators:
                jobs.enqueue(session, "accounts.warn_of_audit_log", {"user_id": str(user_id)})
    return {
        "sealed": found.sealed,
        "waiting": found.waiting,
        "broken": len(found.findings),
        "findings": [{"seq": finding.seq, "what": finding.what} for finding in found.findings[:SHOWN]],
    }


def _organizations(work: Work) -> list[Any]:
    with work.database.read(None) as session:
        return list(organizations.all_ids(session))
