"""Moving learners in progress to another version of their package: the difference shown, then done with a reason."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import ngettext

from core import clock
from core.errors import Invalid
from core.http import current_user, database, form, requires
from scorm_player.routes.blueprint import bp
from scorm_player.services import hot_fix, packages


@bp.route("/packages/<uuid:package_id>/versions/<int:sequence>/hot-fix/<int:origin>", methods=["GET", "POST"])
@requires("course.publish")
def hot_fix_package(package_id: UUID, sequence: int, origin: int) -> ResponseReturnValue:
    """Show what would change for learners in progress on another version; move them here when asked to."""
    return _moving(package_id, sequence, origin, begins_anew=False)


@bp.post("/packages/<uuid:package_id>/versions/<int:sequence>/switch/<int:origin>")
@requires("course.publish")
def switch_package(package_id: UUID, sequence: int, origin: int) -> ResponseReturnValue:
    """Let learners in progress on another version begin this one; what they did stays on record."""
    return _moving(package_id, sequence, origin, begins_anew=True)


def _moving(package_id: UUID, sequence: int, origin: int, *, begins_anew: bool) -> ResponseReturnValue:
    person, error = current_user(), None
    if request.method == "POST":
        reason = form({"reason": 1000})["reason"]
        try:
            with database().write(person.organization_id) as session:
                source, target = (packages.version_number(session, package_id, one) for one in (origin, sequence))
                by, now = person.user_id, clock.now()
                if begins_anew:
                    moved = hot_fix.switch(session, source, target, reason=reason, by=by, name=person.name, now=now)
                else:
                    moved = hot_fix.move(session, source, target, reason=reason, by=by, now=now)
        except Invalid as refusal:
            error = refusal.message
        else:
            if begins_anew:
                told = ngettext("%(num)s learner begins here.", "%(num)s learners begin here.", moved)
            else:
                told = ngettext("%(num)s learner goes on here.", "%(num)s learners go on here.", moved)
            flash(told, "ok")
            return redirect(url_for("scorm_player.show_package_version", package_id=package_id, sequence=sequence))
    with database().read(person.organization_id) as session:
        package = packages.get(session, package_id)
        version = packages.version_number(session, package_id, sequence)
        other = packages.version_number(session, package_id, origin)
        differs = hot_fix.difference(session, other, version)
        waiting = next((one.in_progress for one in hot_fix.origins(session, version) if one.version.id == other.id), 0)
        page = render_template(
            "scorm_player/hot_fix.html",
            package=package,
            version=version,
            origin=other,
            difference=differs,
            waiting=waiting,
            error=error,
        )
    return page, 422 if error else 200
