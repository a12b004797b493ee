"""Duties of the LRS."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from core import clock
from core.jobs import Work
from lrs.services import imports, refusals


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
