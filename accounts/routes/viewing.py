"""Looking at the application as somebody else."""

from uuid import UUID

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.permissions import SIGNED_IN
from accounts.routes.blueprint import bp
from accounts.services import viewing
from core import clock
from core.http import current_user, database, form, requires


@bp.post("/people/<uuid:user_id>/view-as")
@requires(viewing.PERMISSION, critical=True)
def begin_viewing(user_id: UUID) -> ResponseReturnValue:
    """Look as somebody else from here on."""
    person, reason = current_user(), form({"reason": 500})["reason"]
    with database().write(person.organization_id) as session:
        viewing.begin(
            session, person.session_id, user_id, reason, clock.now(), by=person.user_id, may=person.permissions
        )
    return redirect(url_for("app.home"))


@bp.post("/view-as/end")
@requires(SIGNED_IN, viewing=True)
def end_viewing() -> ResponseReturnValue:
    """Look as oneself again."""
    person = current_user()
    if person.viewer_id is None:
        return redirect(url_for("app.home"))
    with database().write(person.organization_id) as session:
        viewing.end(session, person.session_id, person.user_id)
    flash(_("You are yourself again."), "ok")
    return redirect(url_for("accounts.show_person", user_id=person.user_id))
