"""Duties of the whole installation: what nobody points to is swept, what is long done is forgotten."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select, text

from accounts.services import organizations
from core import clock, files, replies
from core.jobs import Work
from core.tables import DomainEvent, Job, JobState

DAY = timedelta(days=1)
KEEP_JOBS = 14 * DAY
KEEP_EVENTS = 60 * DAY


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


def tidy_jobs(work: Work) -> Mapping[str, Any]:
    """Forget jobs that succeeded two weeks ago and announcements of two months ago; failed jobs stay."""
    now, count = clock.now(), 0
    for organization_id in [None, *_organizations(work)]:
        with work.database.write(organization_id) as session:
            done = session.execute(
                delete(Job).where(Job.state == JobState.SUCCEEDED, Job.finished_at < now - KEEP_JOBS).returning(Job.id)
            )
            count += len(done.all())
            if organization_id is not None:
                replies.forget_old(session, now)
                pending = select(Job.event_id).where(Job.event_id == DomainEvent.id)
                session.execute(
                    delete(DomainEvent).where(DomainEvent.occurred_at < now - KEEP_EVENTS, ~pending.exists())
                )
    return {"jobs": count}


def _organizations(work: Work) -> list[Any]:
    with work.database.read(None) as session:
        return list(organizations.all_ids(session))
