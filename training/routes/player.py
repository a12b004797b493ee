"""The player page and its fragments; content itself runs on the content origin."""

from uuid import UUID

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from core import clock
from core.http import current_tenant, current_user, database, in_touch_with_windows, requires
from training.routes.blueprint import bp
from training.services import learning


@bp.get("/learn/<uuid:enrollment_id>")
@requires("learn")
def go_on(enrollment_id: UUID) -> ResponseReturnValue:
    """Lead to the module with which an enrollment goes on."""
    with database().read(current_tenant()) as session:
        module_id = learning.following(session, enrollment_id, current_user().user_id)
    return redirect(url_for("training.play", enrollment_id=enrollment_id, module_id=module_id))


@bp.get("/learn/<uuid:enrollment_id>/<uuid:module_id>")
@requires("learn")
def play(enrollment_id: UUID, module_id: UUID) -> ResponseReturnValue:
    """Open a module: a package in the player, an external one as a page that leads there."""
    person = current_user()
    with database().write(person.organization_id) as session:
        opened = learning.open_module(session, enrollment_id, module_id, person.user_id, clock.now())
    template = "training/player.html" if opened.launch is not None else "training/external.html"
    page = render_template(template, opened=opened, outline=opened.outline, standing=opened.standing)
    return in_touch_with_windows(page) if opened.launch is not None else page


@bp.get("/learn/<uuid:enrollment_id>/<uuid:module_id>/outline")
@requires("learn")
def player_outline(enrollment_id: UUID, module_id: UUID) -> ResponseReturnValue:
    """Answer the fragment with the outline as it stands."""
    with database().read(current_tenant()) as session:
        outline = learning.outline(session, enrollment_id, module_id, current_user().user_id, clock.now())
    return render_template("training/player_outline.html", outline=outline)


@bp.get("/learn/<uuid:enrollment_id>/<uuid:module_id>/standing")
@requires("learn")
def player_standing(enrollment_id: UUID, module_id: UUID) -> ResponseReturnValue:
    """Answer the fragment with percent, completion and certificate."""
    with database().read(current_tenant()) as session:
        standing = learning.standing(session, enrollment_id, module_id, current_user().user_id, clock.now())
    return render_template("training/player_standing.html", standing=standing)
