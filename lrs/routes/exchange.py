"""Statements out as a file and in from one: the buttons, the pages of imports, what they refused."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import BinaryIO, cast
from uuid import UUID

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from core import audit, clock, jobs
from core.db import Session
from core.errors import BadRequest, Invalid, NotFound
from core.http import config, current_tenant, current_user, database, files, requires
from lrs.routes.blueprint import bp
from lrs.routes.browser import asked
from lrs.routes.credentials import ADMIN
from lrs.services import credentials, export, imports
from lrs.services.browsing import Search
from lrs.services.credentials import Caller, Scope, State
from lrs.services.export import Layout

UPLOADS = ("lrs.import_statements", "lrs.api_import")


@bp.url_value_preprocessor
def allow_large_bodies(endpoint: str | None, _values: object) -> None:
    """Let a file of statements be as large as uploads may be, before anything reads the request."""
    if endpoint in UPLOADS:
        request.max_content_length = config().max_upload


@bp.get("/lrs/statements/export")
@requires(ADMIN, critical=True)
def export_statements() -> ResponseReturnValue:
    """Send the statements that the filters in the address find, as a file."""
    return exported(current_tenant(), asked(), layout_asked())


def layout_asked() -> Layout:
    """The form of file that the address asks for. Raises BadRequest."""
    wanted = request.args.get("layout", Layout.NDJSON)
    try:
        return Layout(wanted)
    except ValueError as error:
        raise BadRequest(f"There is no layout {wanted[:40]!r}: ndjson, csv and zip there are.") from error


def exported(organization_id: UUID, search: Search, layout: Layout, caller: Caller | None = None) -> Response:
    """Audit the export, then send it while it is read."""
    now = clock.now()
    with database().write(organization_id) as session:
        selection = export.plan(session, search, caller)
        filters = {name: text for name, text in asdict(search).items() if text}
        by = {"credential": str(caller.credential_id)} if caller is not None else {}
        audit.record(session, "statements.exported", details={"layout": layout, "filters": filters} | by)
    body = export.stream(database(), files(), organization_id, selection, layout)
    return _download(body, f"statements-{_stamp(now)}.{layout}", layout.media_type)


def _download(body: Iterator[bytes], name: str, media_type: str) -> Response:
    response = Response(body, content_type=media_type, direct_passthrough=True)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _stamp(now: datetime) -> str:
    return now.strftime("%Y%m%dT%H%M%SZ")


@bp.get("/lrs/imports")
@requires(ADMIN)
def list_imports() -> ResponseReturnValue:
    """Show what was imported, and the form for the next file."""
    return _form()


def _form(problem: str = "", chosen: str = "") -> str:
    now = clock.now()
    with database().read(current_tenant()) as session:
        found = imports.page(session)
        usable = [
            item
            for item in credentials.page(session, now)
            if item.state is State.ACTIVE and item.caller.may(Scope.STATEMENTS_WRITE)
        ]
    return render_template(
        "lrs/imports.html", imports=found, choices=[(item.id, item.label) for item in usable], problem=problem,
        chosen=chosen, limit=f"{config().max_upload / (1 << 20):,.0f} MB",
    )  # fmt: skip


@bp.post("/lrs/imports")
@requires(ADMIN)
def import_statements() -> ResponseReturnValue:
    """Take a file in; a job stores what is valid while its page shows how far it is."""
    sent = request.files.get("statements")
    chosen = request.form.get("credential", "")
    if sent is None or not sent.filename:
        return _form("Choose a file.", chosen), 422
    stored = files().put(cast("BinaryIO", sent.stream), limit=config().max_upload)
    try:
        with database().write(current_tenant()) as session:
            credential_id = UUID(chosen) if _is_uuid(chosen) else own_credential(session)
            row = imports.start(
                session, stored, file_name=sent.filename.replace("\0", ""), credential_id=credential_id,
                created_by=current_user().user_id, now=clock.now(),
            )  # fmt: skip
    except (Invalid, NotFound) as error:
        return _form(" ".join(item.what for item in error.problems) or error.message, chosen), 422
    return redirect(url_for("lrs.show_import", import_id=row.id))


def own_credential(session: Session) -> UUID:
    """The credential for files that nobody else vouches for."""
    settings = config()
    return imports.own_credential(session, home_page=settings.app_origin, hash_key=settings.key("lrs"), now=clock.now())


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


@bp.get("/lrs/imports/<uuid:import_id>")
@requires(ADMIN)
def show_import(import_id: UUID) -> ResponseReturnValue:
    """Show what becomes, or became, of a file."""
    return render_template("lrs/import.html", **_values(import_id))


@bp.get("/lrs/imports/<uuid:import_id>/progress")
@requires(ADMIN)
def import_progress(import_id: UUID) -> ResponseReturnValue:
    """Answer the part of the page that asks again until the import is done."""
    return render_template("lrs/import_progress.html", **_values(import_id))


def _values(import_id: UUID) -> dict[str, object]:
    with database().read(current_tenant()) as session:
        row = imports.of(session, import_id)
        job = jobs.find(session, row.job_id) if row.job_id else None
        refused = imports.refusals(session, import_id, 50)
        label = credentials.labels(session, [row.credential_id]).get(row.credential_id, "")
    return {"row": row, "job": job, "refusals": refused, "label": label, "kept": imports.KEPT_REFUSALS}


@bp.get("/lrs/imports/<uuid:import_id>/refusals")
@requires(ADMIN)
def download_refusals(import_id: UUID) -> ResponseReturnValue:
    """Send every refused line with its reasons."""
    with database().read(current_tenant()) as session:
        imports.of(session, import_id)
    body = imports.refusal_lines(database(), current_tenant(), import_id)
    return _download(body, f"refused-{import_id}.ndjson", Layout.NDJSON.media_type)
