"""Help for a learner who is stuck: what can be done, and each of it with a reason on a page of its own."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core import clock
from core.errors import Invalid, NotFound
from core.http import current_user, database, form, requires
from scorm_player.services import repair
from scorm_player.services.repair import Kind
from training.routes.blueprint import bp
from training.services import repairs


@bp.get("/enrollments/<uuid:enrollment_id>/repair/<uuid:registration_id>")
@requires("progress.repair")
def show_repairs(enrollment_id: UUID, registration_id: UUID) -> ResponseReturnValue:
    """Show the condition of what somebody plays, and what can be done about it."""
    person = current_user()
    with database().read(person.organization_id) as session:
        found = repairs.with_registration(session, enrollment_id, registration_id, person.user_id)
        condition = repair.condition(session, registration_id, clock.now())
    module = next(one.module for one in found.played if one.registration_id == registration_id)
    return render_template(
        "training/repairs.html", found=found, module=module, condition=condition, registration_id=registration_id
    )


@bp.route("/enrollments/<uuid:enrollment_id>/repair/<uuid:registration_id>/<kind>", methods=["GET", "POST"])
@requires("progress.repair")
def make_repair(enrollment_id: UUID, registration_id: UUID, kind: str) -> ResponseReturnValue:
    """Ask for the reason and what exactly, telling what will happen; then do it."""
    person, wanted = current_user(), _kind(kind)
    error: str | None = None
    given = form({"reason": 1000, "item": 36, "place": 36, "word": 20})
    if request.method == "POST":
        if not given["reason"]:
            error = _("Say why: it stays with the records.")
        else:
            try:
                with database().write(person.organization_id) as session:
                    repairs.apply(
                        session,
                        enrollment_id,
                        registration_id,
                        wanted,
                        item_id=_id(given["item"]),
                        place_id=_id(given["place"]),
                        word=given["word"],
                        reason=given["reason"],
                        by=person.user_id,
                        now=clock.now(),
                    )
            except Invalid as refusal:
                error = refusal.message
            else:
                flash(_("Done, and written down. The learner can open the course again."), "ok")
                return redirect(url_for("training.show_attempts", enrollment_id=enrollment_id))
    with database().read(person.organization_id) as session:
        found = repairs.with_registration(session, enrollment_id, registration_id, person.user_id)
        condition = repair.condition(session, registration_id, clock.now())
    module = next(one.module for one in found.played if one.registration_id == registration_id)
    page = render_template(
        "training/repair.html",
        found=found,
        module=module,
        condition=condition,
        registration_id=registration_id,
        kind=wanted.value,
        given=given if request.method == "POST" else {"item": request.args.get("item", "")},
        error=error,
    )
    return page, 422 if error else 200


def _kind(text: str) -> Kind:
    try:
        return Kind(text)
    except ValueError:
        raise NotFound from None


def _id(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise NotFound from None
