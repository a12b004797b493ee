"""Duties of the LRS."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from core import clock
from core.db import Database
from core.jobs import Work
from lrs.services import forwarding, imports, person_export, privacy, pulling, refusals, remotes, retention
from lrs.tables import PrivacyAct


def forget_refusals(work: Work) -> Mapping[str, Any]:
    """Delete refused requests that are older than a week."""
    with work.database.write(None) as session:
        return {"refusals": refusals.forget(session, clock.now())}


def import_statements(work: Work, import_id: str) -> Mapping[str, Any]:
    """Take a file of statements in, from where it was interrupted if it was."""
    assert work.organization_id is not None  # noqa: S101 - enqueued by a tenant
    done = imports.run(
        work.database, work.files, work.organization_id, UUID(import_id), progress=work.progress, now=clock.now()
    )
    return {
        "url": f"/lrs/imports/{import_id}", "lines": done.lines, "stored": done.stored, "known": done.known,
        "refused": done.refused,
    }  # fmt: skip


def forward(work: Work, forwarder_id: str) -> Mapping[str, Any]:
    """Send what is stored on to another LRS, as far as there is anything and it takes it."""
    assert work.organization_id is not None  # noqa: S101 - enqueued by a tenant
    done = forwarding.run(work.database, work.files, work.organization_id, UUID(forwarder_id))
    return {"delivered": done.delivered, "buried": done.buried}


def pull(work: Work, puller_id: str) -> Mapping[str, Any]:
    """Take over what is new in another LRS."""
    assert work.organization_id is not None  # noqa: S101 - enqueued by a tenant
    return {"came": pulling.run(work.database, work.files, work.organization_id, UUID(puller_id))}


def look_after_remotes(work: Work) -> Mapping[str, Any]:
    """The safety net: wake every forwarder and puller of every tenant, in case nobody said that there is work."""
    with work.database.read(None) as session:
        ids = remotes.tenants(session)
    for organization_id in ids:
        with work.database.write(organization_id) as session:
            forwarding.wake_all(session)
            pulling.wake_all(session)
    return {"organizations": len(ids)}


def look_before(work: Work, run_id: str) -> Mapping[str, Any]:
    """Find out what a request or a rule will touch, before anybody confirms it."""
    assert work.organization_id is not None  # noqa: S101 - enqueued by a tenant
    with work.read() as session:
        is_of_rule = privacy.get(session, UUID(run_id)).rule is not None
    look = retention.preview if is_of_rule else privacy.preview
    look(work.database, work.organization_id, UUID(run_id), work.progress)
    return {"url": f"/lrs/privacy/{run_id}"}


def do_for_privacy(work: Work, run_id: str) -> Mapping[str, Any]:
    """Export, delete or pseudonymize somebody's records, from where it was interrupted if it was."""
    assert work.organization_id is not None  # noqa: S101 - enqueued by a tenant
    with work.read() as session:
        act = privacy.get(session, UUID(run_id)).act
    if act is PrivacyAct.EXPORT:
        person_export.run(
            work.database, work.files, work.organization_id, UUID(run_id), now=clock.now, progress=work.progress
        )
    else:
        privacy.run(work.database, work.organization_id, UUID(run_id), clock.now, work.progress)
    return {"url": f"/lrs/privacy/{run_id}"}


def retain_by_rule(work: Work, run_id: str) -> Mapping[str, Any]:
    """Do what a rule of retention says, as far as one run may."""
    assert work.organization_id is not None  # noqa: S101 - enqueued by a tenant
    retention.run(work.database, work.organization_id, UUID(run_id), clock.now, work.progress)
    return {"url": f"/lrs/privacy/{run_id}"}


def start_retention(work: Work) -> Mapping[str, Any]:
    """Every night: begin the runs of rules that have something to do, and let go of exports that lay long enough."""
    with work.database.read(None) as session:
        ids = retention.tenants(session)
    runs = exports = 0
    for organization_id in ids:
        with work.database.write(organization_id) as session:
            runs += retention.start_due(session, clock.now())
            exports += privacy.forget_exports(session, clock.now())
    return {"organizations": len(ids), "runs": runs, "exports forgotten": exports}


def on_statements(database: Database, organization_id: str) -> None:
    """Somebody has stored statements for this organization: its forwarders have work."""
    with database.write(UUID(organization_id)) as session:
        forwarding.wake_all(session)
