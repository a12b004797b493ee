"""Moving learners in progress to another version of their package: the difference shown, then done with a reason."""

from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from core import clock, jobs
from core.errors import Invalid, NotFound
from core.http import current_tenant, current_user, database, form, requires
from scorm_player.routes.blueprint import bp
from scorm_player.services import hot_fix, moving, packages
from scorm_player.tables import MoveKind


@bp.route("/packages/<uuid:package_id>/versions/<int:sequence>/hot-fix/<int:origin>", methods=["GET", "POST"])
@requires("course.publish")
def hot_fix_package(package_id: UUID, sequence: int, origin: int) -> ResponseReturnValue:
    """Show what would change for learners in progress on another version; move them here when asked to."""
    return _moving(package_id, sequence, origin, MoveKind.HOT_FIX)


@bp.post("/packages/<uuid:package_id>/versions/<int:sequence>/switch/<int:origin>")
@requires("course.publish")
def switch_package(package_id: UUID, sequence: int, origin: int) -> ResponseReturnValue:
    """Let learners in progress on another version begin this one; what they did stays on record."""
    return _moving(package_id, sequence, origin, MoveKind.SWITCH)


@bp.get("/packages/<uuid:package_id>/moves/<uuid:move_id>")
@requires("course.publish")
def show_move(package_id: UUID, move_id: UUID) -> ResponseReturnValue:
    """Show how far a move is, and what came of it."""
    return render_template("scorm_player/move.html", **_values(package_id, move_id))


@bp.get("/packages/<uuid:package_id>/moves/<uuid:move_id>/progress")
@requires("course.publish")
def move_progress(package_id: UUID, move_id: UUID) -> ResponseReturnValue:
    """Answer the part of the page that asks again until the move is done."""
    return render_template("scorm_player/move_progress.html", **_values(package_id, move_id))


def _values(package_id: UUID, move_id: UUID) -> dict[str, object]:
    with database().read(current_tenant()) as session:
        package, row = packages.get(session, package_id), moving.get(session, move_id)
        by_id = {version.id: version for version in packages.versions(session, package_id)}
        if row.to_version_id not in by_id:
            raise NotFound("There is no such move.")
        job = jobs.find(session, row.job_id) if row.job_id else None
    return {
        "package": package,
        "move": row,
        "job": job,
        "origin": by_id[row.from_version_id],
        "version": by_id[row.to_version_id],
    }


def _moving(package_id: UUID, sequence: int, origin: int, kind: MoveKind) -> ResponseReturnValue:
    person, error = current_user(), None
    if request.method == "POST":
        reason = form({"reason": 1000})["reason"]
        try:
            with database().write(person.organization_id) as session:
                source, target = (packages.version_number(session, package_id, one) for one in (origin, sequence))
                asked = moving.ask(session, source, target, kind, reason=reason, by=person.user_id, now=clock.now())
        except Invalid as refusal:
            error = refusal.message
        else:
            return redirect(url_for("scorm_player.show_move", package_id=package_id, move_id=asked))
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
