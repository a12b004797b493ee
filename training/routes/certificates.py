"""Certificates: one's own, the register, a page and a PDF for each, and revoking."""

from collections.abc import Sequence
from io import BytesIO
from uuid import UUID

from flask import Response, flash, redirect, render_template, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core import clock
from core.db import Session
from core.errors import Invalid, Problem, Unavailable
from core.http import current_tenant, current_user, database, files, form, page_number, requires, searched
from training import certificate_pdf
from training.routes import reading
from training.routes.blueprint import bp
from training.routes.reading import PAGE
from training.rules.certificates import CertificateStanding
from training.services import certificates
from training.services.certificates import Happened, Shown


class NotRendered(Unavailable):
    """The PDF is being made; it is there in a moment."""

    title = "The PDF is being made. Try again in a moment"
    retry_after = 2


@bp.get("/certificates")
@requires("learn")
def my_certificates() -> ResponseReturnValue:
    """Show one's own certificates."""
    with database().read(current_tenant()) as session:
        found = certificates.of_person(session, current_user().user_id, clock.now())
    return render_template("training/certificates.html", certificates=found)


@bp.get("/certificates/register")
@requires("certificate.read", limited=True)
def list_certificates() -> ResponseReturnValue:
    """Show all certificates of the organization, searchable, by standing."""
    standing, search = reading.word("standing", CertificateStanding), searched()
    number = page_number()
    with database().read(current_tenant()) as session:
        found, total = certificates.page(
            session, clock.now(), standing, search, (number - 1) * PAGE, PAGE, reading.within("certificate.read")
        )
    return render_template(
        "training/certificate_register.html",
        certificates=found,
        total=total,
        standing=standing,
        standings=CertificateStanding,
        search=search,
        page=number,
        pages=-(-total // PAGE),
    )


@bp.get("/certificates/<uuid:certificate_id>")
@requires("signed_in")
def show_certificate(certificate_id: UUID) -> ResponseReturnValue:
    """Show a certificate to its holder and to whoever may read all; what happened to it to the latter."""
    person = current_user()
    with database().read(person.organization_id) as session:
        shown = _accessible(session, certificate_id)
        history = certificates.history(session, certificate_id) if person.may("certificate.read") else []
    return _page(shown, history, ())


@bp.get("/certificates/<uuid:certificate_id>/pdf")
@requires("signed_in")
def download_certificate(certificate_id: UUID) -> ResponseReturnValue:
    """Answer the PDF, or 503 while it is being made."""
    person = current_user()
    with database().write(person.organization_id) as session:
        shown = _accessible(session, certificate_id)
        found = certificates.download(session, shown, clock.now(), actor_id=person.user_id)
    if found is None:
        raise NotRendered
    with files().open(found.sha256) as file:
        pdf = BytesIO(file.read())
    return send_file(pdf, mimetype="application/pdf", as_attachment=True, download_name=found.name)


@bp.get("/certificates/<uuid:certificate_id>/qr")
@requires("signed_in")
def certificate_qr(certificate_id: UUID) -> ResponseReturnValue:
    """Answer the QR code that leads to the certificate's public page."""
    with database().read(current_tenant()) as session:
        shown = _accessible(session, certificate_id)
    return Response(certificate_pdf.qr_code(shown.url), mimetype="image/svg+xml")


@bp.post("/certificates/<uuid:certificate_id>/revoke")
@requires("certificate.revoke")
def revoke_certificate(certificate_id: UUID) -> ResponseReturnValue:
    """Take a certificate back, with a reason."""
    person, reason = current_user(), form({"reason": 2000})["reason"]
    try:
        with database().write(person.organization_id) as session:
            certificates.revoke(session, certificate_id, reason, clock.now(), by=person.user_id)
    except Invalid as error:
        with database().read(person.organization_id) as session:
            shown, history = _accessible(session, certificate_id), certificates.history(session, certificate_id)
        return _page(shown, history, error.problems), 422
    flash(_("The certificate was revoked."), "ok")
    return redirect(url_for("training.show_certificate", certificate_id=certificate_id))


def _accessible(session: Session, certificate_id: UUID) -> Shown:
    person = current_user()
    return certificates.accessible(
        session, certificate_id, person.user_id, clock.now(), within=reading.within("certificate.read")
    )


def _page(shown: Shown, history: Sequence[Happened], problems: Sequence[Problem]) -> str:
    return render_template("training/certificate.html", certificate=shown, history=history, problems=problems)
