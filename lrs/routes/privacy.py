"""Pages about somebody's records: asking for them, what will be touched, doing it, the receipt."""

from uuid import UUID

import orjson
from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core import clock, jobs
from core.errors import Invalid, NotFound
from core.files import get as file_row
from core.http import current_tenant, current_user, database, files, form, requires
from lrs.routes.blueprint import bp
from lrs.routes.credentials import ADMIN
from lrs.services import personas, privacy
from lrs.services.privacy import By, PrivacyAct

_LONGEST = 2000


def by() -> By:
    """Who is asking."""
    person = current_user()
    return By(person.user_id, person.name)


@bp.get("/lrs/privacy")
@requires(ADMIN)
def list_privacy() -> ResponseReturnValue:
    """Show the form, and what was asked for until now."""
    return _page(request.args.get("person", "").strip()[:_LONGEST])


def _page(person: str = "", act: str = "export", reason: str = "", wrong: str = "") -> str:
    with database().read(current_tenant()) as session:
        found = privacy.page(session)
    return render_template("lrs/privacy.html", runs=found, person=person, act=act, reason=reason, wrong=wrong)


@bp.post("/lrs/privacy")
@requires(ADMIN)
def ask_for_privacy() -> ResponseReturnValue:
    """Ask for somebody's records; a job looks what there is."""
    given = form({"person": _LONGEST, "act": 20, "reason": 500})
    try:
        act = PrivacyAct(given["act"])
        with database().write(current_tenant()) as session:
            row = privacy.ask(session, personas.named(given["person"]), act, given["reason"], by(), clock.now())
    except Invalid as error:
        return _page(given["person"], given["act"], given["reason"], error.message), 422
    except ValueError:
        return _page(given["person"], "export", given["reason"], _("Choose what to do.")), 422
    return redirect(url_for("lrs.show_privacy", run_id=row.id))


@bp.get("/lrs/privacy/<uuid:run_id>")
@requires(ADMIN)
def show_privacy(run_id: UUID) -> ResponseReturnValue:
    """Show what will be touched, how far it is, or the receipt."""
    return render_template("lrs/privacy_run.html", **_values(run_id))


@bp.get("/lrs/privacy/<uuid:run_id>/progress")
@requires(ADMIN)
def privacy_progress(run_id: UUID) -> ResponseReturnValue:
    """Answer the part of the page that asks again until there is something to decide or the receipt."""
    return render_template("lrs/privacy_progress.html", **_values(run_id))


def _values(run_id: UUID) -> dict[str, object]:
    with database().read(current_tenant()) as session:
        row = privacy.get(session, run_id)
        job = jobs.find(session, row.job_id) if row.job_id else None
        sealed = privacy.sealed_receipt(session, run_id) if row.seal is not None else None
        kept = privacy.kept(session, run_id) if row.seal is not None else []
        size = file_row(session, row.file_id).size_bytes if row.file_id else 0
    return {
        "row": row, "job": job, "sealed": sealed, "kept": kept, "words": personas.words, "size": size,
        "file_days": privacy.FILE_KEPT_FOR.days,
    }  # fmt: skip


@bp.post("/lrs/privacy/<uuid:run_id>/confirm")
@requires(ADMIN, critical=True)
def confirm_privacy(run_id: UUID) -> ResponseReturnValue:
    """Begin what was shown."""
    with database().write(current_tenant()) as session:
        privacy.confirm(session, run_id, by(), clock.now())
    return redirect(url_for("lrs.show_privacy", run_id=run_id))


@bp.post("/lrs/privacy/<uuid:run_id>/cancel")
@requires(ADMIN)
def cancel_privacy(run_id: UUID) -> ResponseReturnValue:
    """Call it off before it has begun."""
    with database().write(current_tenant()) as session:
        privacy.cancel(session, run_id, clock.now())
    flash(_("Called off. Nothing was touched."), "ok")
    return redirect(url_for("lrs.show_privacy", run_id=run_id))


@bp.get("/lrs/privacy/<uuid:run_id>/receipt")
@requires(ADMIN)
def download_receipt(run_id: UUID) -> ResponseReturnValue:
    """Send the receipt as JSON, with its digest and whether the seal confirms it."""
    with database().read(current_tenant()) as session:
        sealed = privacy.sealed_receipt(session, run_id)
    told = {"receipt": sealed.receipt, "sha256": sealed.digest, "seal_is_intact": sealed.is_intact}
    response = Response(orjson.dumps(told, option=orjson.OPT_INDENT_2), content_type="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="receipt-{run_id}.json"'
    return response


@bp.get("/lrs/privacy/<uuid:run_id>/file")
@requires(ADMIN, critical=True)
def download_records(run_id: UUID) -> ResponseReturnValue:
    """Send the zip of an export, as long as it is kept."""
    with database().read(current_tenant()) as session:
        row = privacy.get(session, run_id)
        if row.file_id is None:
            raise NotFound("This export is not kept any more. Ask for a new one.")
        stored = file_row(session, row.file_id)
    response = Response(files().open(stored.sha256), content_type="application/zip", direct_passthrough=True)
    response.headers["Content-Disposition"] = f'attachment; filename="{stored.original_name}"'
    response.headers["Content-Length"] = str(stored.size_bytes)
    return response
