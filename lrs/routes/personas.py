"""The page of persons: which identifiers are one human being's; merging them, and taking that back."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core import clock
from core.errors import Conflict, Invalid
from core.http import current_tenant, current_user, database, form, requires
from lrs.routes.blueprint import bp
from lrs.routes.credentials import ADMIN
from lrs.services import personas

_LONGEST = 2000


@bp.get("/lrs/persons")
@requires(ADMIN)
def show_persons() -> ResponseReturnValue:
    """Show who has an identifier, and what was merged."""
    return _page(request.args.get("person", "").strip()[:_LONGEST])


@bp.post("/lrs/persons")
@requires(ADMIN)
def merge_persons() -> ResponseReturnValue:
    """Say that two identifiers are one person's."""
    given = form({"person": _LONGEST, "other": _LONGEST})
    try:
        one, other = personas.named(given["person"]), personas.named(given["other"], "other")
        with database().write(current_tenant()) as session:
            personas.merge(session, one, other, by=current_user().user_id, now=clock.now())
    except (Invalid, Conflict) as error:
        return _page(given["person"], other=given["other"], wrong=error.message), 422
    flash(_("They are one person now."), "ok")
    return redirect(url_for("lrs.show_persons", person=one))


@bp.post("/lrs/persons/merges/<uuid:merge_id>/undo")
@requires(ADMIN)
def undo_merge(merge_id: UUID) -> ResponseReturnValue:
    """Take a merge back."""
    with database().write(current_tenant()) as session:
        row = personas.undo(session, merge_id, by=current_user().user_id, now=clock.now())
    flash(_("Every identifier is where it was before."), "ok")
    return redirect(url_for("lrs.show_persons", person=row.anchor))


def _page(asked: str, *, other: str = "", wrong: str = "") -> str:
    with database().read(current_tenant()) as session:
        identifier = personas.named(asked) if asked else ""
        person = personas.person_of(session, identifier) if identifier else None
        merges = personas.merges(session)
    return render_template(
        "lrs/persons.html", asked=asked, identifier=identifier, person=person, merges=merges, other=other, wrong=wrong,
        words=personas.words,
    )  # fmt: skip
