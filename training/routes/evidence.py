"""The evidence behind a completion on one page, and the statements that do not count."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import render_template, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from core import clock
from core.http import current_tenant, database, requires, visitor
from training.routes import reading
from training.routes.blueprint import bp
from training.routes.reading import PAGE
from training.rules.counting import Reason
from training.services import evidence


@bp.get("/evidence/<uuid:completion_id>")
@requires("evidence.read")
def show_evidence(completion_id: UUID) -> ResponseReturnValue:
    """Show certificate, completion, activities, statements and package versions, one resting on the next."""
    with database().read(current_tenant()) as session:
        found = evidence.of_completion(session, completion_id, clock.now())
    return render_template("training/evidence.html", evidence=found, readable=readable)


@bp.get("/evidence/uncounted")
@requires("evidence.read")
def list_uncounted() -> ResponseReturnValue:
    """Show the statements that do not count, newest first, with the reasons."""
    reason = reading.word("reason", Reason)
    with database().read(current_tenant()) as session:
        found = evidence.uncounted(session, reason, _before(), PAGE)
        counts = evidence.reasons(session)
    return render_template(
        "training/uncounted.html",
        statements=found,
        counts=counts,
        reason=reason,
        total=sum(counts.values()),
        is_full=len(found) == PAGE,
        readable=readable,
    )


def statement_trail(statement_id: UUID, registration: str) -> Markup:
    """Return where a statement led, or why it counts for nothing, for the statement's page."""
    person = visitor()
    if person is None or not person.may("evidence.read"):
        return Markup()
    with database().read(person.organization_id) as session:
        trail = evidence.of_statement(session, statement_id, reading.as_id(registration), clock.now())
    page = render_template("training/statement_trail.html", trail=trail)
    return Markup(page)  # noqa: S704 - the template has escaped it


def readable(statement: Mapping[str, Any]) -> str:
    """Return a statement as indented JSON."""
    return json.dumps(statement, indent=2, ensure_ascii=False)


def _before() -> tuple[datetime, UUID] | None:
    moment, _, row_id = request.args.get("before", "").rpartition("_")
    known = reading.as_id(row_id)
    try:
        return None if known is None else (datetime.fromisoformat(moment), known)
    except ValueError:
        return None
