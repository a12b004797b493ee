"""The preview of a package for its authors: the player in browse mode, with the log of API calls beside it."""

from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from core import clock
from core.http import current_tenant, current_user, database, in_touch_with_windows, requires
from scorm_player.routes.blueprint import bp
from scorm_player.services import packages, preview


@bp.post("/packages/<uuid:package_id>/versions/<int:sequence>/preview")
@requires("package.import")
def open_preview(package_id: UUID, sequence: int) -> ResponseReturnValue:
    """Begin a preview of a version, or go on with one's own."""
    person = current_user()
    with database().write(person.organization_id) as session:
        version = packages.version_number(session, package_id, sequence)
        registration_id = preview.open_preview(session, version.id, person.user_id, clock.now())
    return redirect(url_for("scorm_player.show_preview", registration_id=registration_id))


@bp.get("/packages/previews/<uuid:registration_id>")
@requires("package.import")
def show_preview(registration_id: UUID) -> ResponseReturnValue:
    """Play one's own preview from the beginning; nothing of it is recorded."""
    person, strict = current_user(), "strict" in request.args
    with database().write(current_tenant()) as session:
        opened, outline, version_id = preview.launch_preview(
            session, registration_id, person.user_id, person.name, clock.now(), strict=strict
        )
        version = packages.version(session, version_id)
    page = render_template(
        "scorm_player/preview.html",
        launch=opened.document,
        version=version,
        outline=outline,
        registration_id=registration_id,
        strict=strict,
    )
    return in_touch_with_windows(page)


@bp.get("/packages/previews/<uuid:registration_id>/outline")
@requires("package.import")
def preview_outline(registration_id: UUID) -> ResponseReturnValue:
    """Answer the fragment with the outline of one's own preview as it stands."""
    with database().read(current_tenant()) as session:
        outline = preview.outline(session, registration_id, current_user().user_id, clock.now())
    return render_template("scorm_player/preview_outline.html", outline=outline, registration_id=registration_id)
