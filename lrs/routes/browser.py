"""The statement browser: what happened, by whom, and what was refused; as an administrator sees it."""

from dataclasses import asdict
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

from core import clock
from core.errors import BadRequest, Invalid, Problem
from core.http import current_tenant, database, requires
from lrs.routes.blueprint import bp
from lrs.routes.credentials import ADMIN
from lrs.services import browsing, credentials, imports, profiles, refusals
from lrs.services.browsing import Search, Shown
from lrs.services.refusals import KEPT_FOR
from lrs.services.sentences import in_language

_LONGEST = 2000
TAIL = "/lrs/statements/tail"
"""Where the front streams what is new; see lrs/routes/tail.py."""


@bp.get("/lrs/statements")
@requires(ADMIN)
def list_statements() -> ResponseReturnValue:
    """Show the statements that the filters in the address find, newest first."""
    search = asked()
    shown: list[Shown] = []
    next_before: datetime | None = None
    problems: tuple[Problem, ...] = ()
    with database().read(current_tenant()) as session:
        known = credentials.page(session, clock.now())
        try:
            shown, next_before = browsing.page(session, search, before=_before(), languages=languages())
        except Invalid as error:
            problems = error.problems
        labels = credentials.labels(session, [item.credential_id for item in shown if item.credential_id])
    page = render_template(
        "lrs/statements.html", search=search, statements=shown, labels=labels, problems=problems,
        choices=[(item.id, item.label) for item in known],
        tail_url=TAIL, is_first=not request.args.get("before"), next_url=_next_url(next_before),
        kept={name: text for name, text in asdict(search).items() if text},
    )  # fmt: skip
    return page, 422 if problems else 200


def asked() -> Search:
    """The filters in the address."""
    return Search(**{name: request.args.get(name, "").strip()[:_LONGEST] for name in asdict(Search())})


@bp.get("/lrs/statements/<uuid:statement_id>")
@requires(ADMIN)
def show_statement(statement_id: UUID) -> ResponseReturnValue:
    """Show one statement, in words and as it lies in the store."""
    with database().read(current_tenant()) as session:
        shown = browsing.one(session, statement_id, languages())
        labels = credentials.labels(session, [shown.credential_id] if shown.credential_id else [])
        origin = imports.origin(session, statement_id)
        verdicts = profiles.of_statement(session, shown.statement)
    return render_template(
        "lrs/statement.html", item=shown, labels=labels, origin=origin, verdicts=verdicts,
        in_language=lambda texts: in_language(texts, languages()),
    )  # fmt: skip


@bp.get("/lrs/refusals")
@requires(ADMIN)
def list_refusals() -> ResponseReturnValue:
    """Show which requests were refused in the last days, and why."""
    credential_id = request.args.get("credential", type=UUID)
    with database().read(current_tenant()) as session:
        found = refusals.page(session, clock.now(), credential_id=credential_id, before=_before(), limit=51)
        known = {item.id: item.label for item in credentials.page(session, clock.now())}
    next_before = found[49].at if len(found) > 50 else None
    return render_template(
        "lrs/refusals.html", refusals=found[:50], labels=known, credential_id=credential_id, days=KEPT_FOR.days,
        next_url=_next_url(next_before),
    )  # fmt: skip


def _before() -> datetime | None:
    text = request.args.get("before", "")
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError as error:
        raise BadRequest("This address names a page that never was.") from error
    if moment is not None and moment.tzinfo is None:
        raise BadRequest("This address names a page that never was.")
    return moment


def _next_url(before: datetime | None) -> str | None:
    """The same page with the same filters, further down."""
    if before is None:
        return None
    kept = {name: text for name, text in request.args.items() if name != "before" and text}
    return f"{request.path}?{urlencode(kept | {'before': before.isoformat()})}"


def languages() -> list[str]:
    """In which languages the reader wants labels."""
    locale = get_locale()
    return [locale.language] if locale is not None else ["en"]
