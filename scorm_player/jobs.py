"""What scorm_player does behind the pages."""

import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any
from uuid import UUID

from core import audit, clock
from core.jobs import Work
from scorm_player.archive import Limits, setting
from scorm_player.findings import Refused
from scorm_player.services import moving, packages, schemas, uploads
from scorm_player.tables import ImportState


def import_package(work: Work, import_id: str, home: str) -> Mapping[str, Any]:
    """Examine an upload and keep it as a version, or refuse it and remove its bytes. `home`: the app's origin."""
    number = UUID(import_id)
    if changed := put_together(work, number):
        return refused_import(work, number, changed)
    with work.write() as session:
        upload = packages.mark(session, number, ImportState.SCANNING)
        if packages.repeat(session, number, clock.now()):
            return {"url": f"/packages/imports/{import_id}"}
    try:
        with work.files.open(upload.sha256) as file:
            examined = packages.examine(file, limits(os.environ), work.progress)
    except Refused as refused:
        return refused_import(work, number, refused)
    with work.write() as session:
        version = packages.accept(session, number, examined, home=home, now=clock.now())
    return {"url": f"/packages/imports/{import_id}", "package_version_id": str(version.id)}


def put_together(work: Work, import_id: UUID) -> Refused | None:
    """Make one file of an upload that came in pieces; answer why it is not to be kept, if it is not what was told."""
    with work.read() as session:
        pieces = uploads.waiting_pieces(session, import_id)
    if pieces:
        work.progress(1, "Putting the pieces together")
        whole = uploads.join(work.files, pieces)
        with work.write() as session:
            uploads.joined(session, import_id, whole)
    with work.read() as session:
        return uploads.difference(session, import_id)


def refused_import(work: Work, import_id: UUID, refused: Refused) -> Mapping[str, Any]:
    """Note that an upload was refused and remove its bytes, unless somebody holds on to them."""
    with work.write() as session:
        sha256 = packages.refuse(session, import_id, refused, clock.now()).sha256
        is_held = packages.is_held(session, sha256)
    if not is_held:
        work.files.delete(sha256)
    return {"url": f"/packages/imports/{import_id}", "refused": refused.finding.rule}


def move_registrations(work: Work, move_id: str) -> Mapping[str, Any]:
    """Move learners in progress to another version of their package, slice by slice, in the name of who asked."""
    with work.read() as session:
        by = moving.get(session, UUID(move_id)).asked_by
    with audit.acting(by):
        while True:
            with work.write() as session:
                row = moving.go_on(session, UUID(move_id), clock.now())
            if row.finished_at is not None:
                return {"registrations": row.moved}
            work.progress(min(99, 100 * row.moved // row.expected) if row.expected else 0)


def check_schemas(work: Work, version_id: str) -> Mapping[str, Any]:
    """Hold a version's manifest against the schemas it brings, and add what they say to its report."""
    number = UUID(version_id)
    with work.read() as session:
        sha256, index = packages.zip_of(session, number)
    with work.files.open(sha256) as file:
        findings = schemas.check(file, index)
    with work.write() as session:
        packages.add_findings(session, number, schemas.RULE, findings)
    return {"findings": len(findings)}


def limits(environ: Mapping[str, str]) -> Limits:
    """Return how large a package may be: the defaults, and what the settings PACKAGE_… say."""
    given = {field.name: environ.get(setting(field.name), "") for field in fields(Limits)}
    return Limits(**{name: int(value) for name, value in given.items() if value.isdecimal()})
