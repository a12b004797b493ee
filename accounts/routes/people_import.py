"""Importing people: upload, columns, check, apply, undo; each step on the import's own page."""

import csv
import io
from typing import BinaryIO, cast
from uuid import UUID

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts.routes.blueprint import bp
from accounts.services import custom_fields, import_plan, people_import
from accounts.services.import_file import safe_cell
from core import clock, jobs
from core.errors import Invalid, Problem
from core.http import config, current_tenant, current_user, database, files, form, requires
from core.words import read

SHOWN = 100


@bp.get("/people/imports")
@requires("people.write")
def list_people_imports() -> ResponseReturnValue:
    """Show the latest imports and the form for another."""
    return _list_page()


@bp.post("/people/imports")
@requires("people.write")
def upload_people() -> ResponseReturnValue:
    """Take a file in."""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return _list_page((Problem("file", "No file was chosen.", "Choose a CSV file."),)), 422
    stored = files().put(cast("BinaryIO", sent.stream), limit=config().import_max_bytes)
    with files().open(stored.sha256) as file:
        data = file.read()
    try:
        with database().write(current_tenant()) as session:
            import_id = people_import.receive(
                session,
                stored,
                data,
                name=sent.filename.replace("\x00", "")[-255:],
                most_rows=config().import_max_rows,
                now=clock.now(),
                by=current_user().user_id,
            )
    except Invalid as error:
        return _list_page(error.problems), 422
    return redirect(url_for("accounts.show_people_import", import_id=import_id))


@bp.get("/people/imports/<uuid:import_id>")
@requires("people.write")
def show_people_import(import_id: UUID) -> ResponseReturnValue:
    """Show how far an import is, and what comes next."""
    return _page(import_id)


@bp.get("/people/imports/<uuid:import_id>/progress")
@requires("people.write")
def people_import_progress(import_id: UUID) -> ResponseReturnValue:
    """Answer the part of the page that asks again until the job is done."""
    return _page(import_id, template="accounts/people_import_step.html")


@bp.post("/people/imports/<uuid:import_id>/check")
@requires("people.write")
def check_people_import(import_id: UUID) -> ResponseReturnValue:
    """Keep what the columns mean, and have the file checked."""
    with database().read(current_tenant()) as session:
        count = len(people_import.get(session, import_id).columns)
    values = form({f"column_{number}": 60 for number in range(count)} | {"source_system": 60})
    mapping = {str(number): meaning for number in range(count) if (meaning := values[f"column_{number}"])}
    try:
        with database().write(current_tenant()) as session:
            people_import.ask_for_check(session, import_id, mapping, values["source_system"], current_user().user_id)
    except Invalid as error:
        return _page(import_id, error.problems, mapping, values["source_system"]), 422
    return redirect(url_for("accounts.show_people_import", import_id=import_id))


@bp.post("/people/imports/<uuid:import_id>/apply")
@requires("people.write")
def apply_people_import(import_id: UUID) -> ResponseReturnValue:
    """Have the file applied."""
    letters = form({"letters": 1})["letters"] == "1"
    with database().write(current_tenant()) as session:
        people_import.ask_to_apply(session, import_id, current_user().user_id, letters=letters)
    return redirect(url_for("accounts.show_people_import", import_id=import_id))


@bp.post("/people/imports/<uuid:import_id>/undo")
@requires("people.write")
def undo_people_import(import_id: UUID) -> ResponseReturnValue:
    """Have the import undone."""
    with database().write(current_tenant()) as session:
        people_import.ask_to_undo(session, import_id, current_user().user_id)
    return redirect(url_for("accounts.show_people_import", import_id=import_id))


@bp.get("/people/imports/<uuid:import_id>/problems.csv")
@requires("people.write")
def people_import_problems(import_id: UUID) -> ResponseReturnValue:
    """Answer what is wrong with the file as a file."""
    with database().read(current_tenant()) as session:
        problems = people_import.get(session, import_id).problems
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["row", "column", "reason", "fix"])
    writer.writerows(
        [one["row"], *(safe_cell(read(one[name])) for name in ("column", "reason", "remedy"))] for one in problems
    )
    headers = {"Content-Disposition": f'attachment; filename="problems-{import_id}.csv"'}
    return Response("\ufeff" + text.getvalue(), mimetype="text/csv", headers=headers)


def _list_page(problems: tuple[Problem, ...] = ()) -> str:
    with database().read(current_tenant()) as session:
        found = people_import.recent(session)
    limit = f"{config().import_max_bytes / (1 << 20):,.0f} MB"
    rows = f"{config().import_max_rows:,}"
    return render_template("accounts/people_imports.html", imports=found, problems=problems, limit=limit, rows=rows)


def _page(
    import_id: UUID,
    problems: tuple[Problem, ...] = (),
    mapping: dict[str, str] | None = None,
    system: str | None = None,
    template: str = "accounts/people_import.html",
) -> str:
    with database().read(current_tenant()) as session:
        found = people_import.get(session, import_id)
        job = jobs.find(session, found.job_id) if found.job_id else None
        own = custom_fields.listed(session)
        left_alone = people_import.kept(session, import_id) if found.undone_at else []
    return render_template(
        template,
        upload=found,
        step=found.step.value,
        job=job,
        targets=list(import_plan.TARGETS),
        own=own,
        mapping=found.mapping if mapping is None else mapping,
        system=found.source_system if system is None else system,
        problems=problems,
        shown=found.problems[:SHOWN],
        left_alone=left_alone,
    )
