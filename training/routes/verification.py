"""Checking a certificate, for anybody: behind the QR code, or by typing the code."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts.services import theme
from core import clock
from core.http import client_address, database, public
from training.routes.blueprint import bp
from training.routes.rate import Rate
from training.services import certificates

checks = Rate(limit=30, seconds=60)


@bp.get("/verify")
@public()
def verify() -> ResponseReturnValue:
    """Show the form for a code; with one, lead to its page."""
    if code := request.args.get("code", "").strip()[:100]:
        return redirect(url_for("training.verify_code", code=code.replace("/", "-")))
    return render_template("training/verify.html", proof=None, code="", is_asked=False)


@bp.get("/verify/<code>")
@public()
def verify_code(code: str) -> ResponseReturnValue:
    """Show what a certificate proves. A malformed and an unknown code get the same answer."""
    checks.take(client_address())
    with database().read(None) as session:
        found = certificates.locate(session, code)
    if found is None:
        return render_template("training/verify.html", proof=None, code="", is_asked=True), 404
    organization_id, certificate_id = found
    with database().write(organization_id) as session:
        proof = certificates.prove(session, certificate_id, clock.now())
        look = theme.get(session)
    style = url_for("accounts.show_style_sheet", organization_id=organization_id, mark=look.mark) if look.mark else None
    logo = url_for("accounts.show_logo", organization_id=organization_id, sha256=look.logo) if look.logo else None
    return render_template(
        "training/verify.html", proof=proof, code=code, is_asked=True, theme_url=style, logo_url=logo,
        organization_name=proof.organization,
    )  # fmt: skip
