"""Pages of the rules of retention: which records go after how long, what a rule would touch, what it did."""

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core import clock
from core.errors import Conflict, Invalid
from core.http import current_tenant, database, form, requires
from lrs.routes.blueprint import bp
from lrs.routes.credentials import ADMIN
from lrs.routes.privacy import by
from lrs.services import credentials, privacy, refusals, retention
from lrs.services.privacy import PrivacyAct
from lrs.services.retention import RetainedKind

_FIELDS = {"kind": 20, "credential": 36, "keep_days": 10, "act": 20, "legal_basis": 300}


@bp.get("/lrs/retention")
@requires(ADMIN)
def list_rules() -> ResponseReturnValue:
    """Show the rules, and the form for another."""
    return _page({"keep_days": "1095"}, {})


def _page(given: dict[str, str], wrong: dict[str, str]) -> str:
    with database().read(current_tenant()) as session:
        rules = retention.page(session)
        known = credentials.page(session, clock.now())
        labels = credentials.labels(session, {row.credential_id for row in rules if row.credential_id is not None})
    return render_template(
        "lrs/retention.html", rules=rules, labels=labels, choices=[(str(one.id), one.label) for one in known],
        given=given, wrong=wrong, refusal_days=refusals.KEPT_FOR.days,
    )  # fmt: skip


@bp.post("/lrs/retention")
@requires(ADMIN)
def add_rule() -> ResponseReturnValue:
    """Make a rule; it rests until somebody has looked what it would touch and puts it in force."""
    given = form(_FIELDS)
    try:
        with database().write(current_tenant()) as session:
            row = retention.add(session, **_rule(given), by=by(), now=clock.now())
    except Invalid as error:
        return _page(given, {problem.where: problem.what for problem in error.problems}), 422
    return redirect(url_for("lrs.show_rule", rule_id=row.id))


def _rule(given: dict[str, str]) -> dict[str, Any]:
    try:
        return {
            "kind": RetainedKind(given["kind"]),
            "credential_id": UUID(given["credential"]) if given["credential"] else None,
            "keep_days": int(given["keep_days"]) if given["keep_days"].isdecimal() else 0,
            "act": PrivacyAct(given["act"]),
            "legal_basis": given["legal_basis"],
        }
    except ValueError:
        raise Invalid("Choose from the lists.") from None


@bp.get("/lrs/retention/<uuid:rule_id>")
@requires(ADMIN)
def show_rule(rule_id: UUID) -> ResponseReturnValue:
    """Show a rule and what it did."""
    with database().read(current_tenant()) as session:
        row = retention.get(session, rule_id)
        runs = privacy.page(session, rule_id)
        label = credentials.labels(session, [row.credential_id]).get(row.credential_id) if row.credential_id else None
    return render_template("lrs/retention_rule.html", row=row, runs=runs, label=label, most=retention.PER_RUN)


@bp.post("/lrs/retention/<uuid:rule_id>/look")
@requires(ADMIN)
def look_at_rule(rule_id: UUID) -> ResponseReturnValue:
    """Find out what the rule would touch today."""
    with database().write(current_tenant()) as session:
        run = retention.ask(session, rule_id, by(), clock.now())
    return redirect(url_for("lrs.show_privacy", run_id=run.id))


@bp.post("/lrs/retention/<uuid:rule_id>/switch")
@requires(ADMIN, critical=True)
def switch_rule(rule_id: UUID) -> ResponseReturnValue:
    """Put a rule in force, or let it rest."""
    is_on = form({"on": 1})["on"] == "1"
    with database().write(current_tenant()) as session:
        retention.switch(session, rule_id, on=is_on)
    flash(_("The rule is in force; it is looked after every night.") if is_on else _("The rule rests."), "ok")
    return redirect(url_for("lrs.show_rule", rule_id=rule_id))


@bp.post("/lrs/retention/<uuid:rule_id>/remove")
@requires(ADMIN)
def remove_rule(rule_id: UUID) -> ResponseReturnValue:
    """Let a rule go; its receipts stay under Privacy."""
    try:
        with database().write(current_tenant()) as session:
            retention.remove(session, rule_id)
    except Conflict as error:
        flash(error.message, "warn")
        return redirect(url_for("lrs.show_rule", rule_id=rule_id))
    flash(_("The rule is gone. Its receipts are under Privacy."), "ok")
    return redirect(url_for("lrs.list_rules"))
