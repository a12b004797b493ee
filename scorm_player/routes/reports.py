"""How the questions of a package version were answered, by whomever: as a page and as a file."""

from uuid import UUID

from flask import Response, render_template
from flask.typing import ResponseReturnValue

from core.http import current_tenant, database, requires
from core.sheets import as_csv
from scorm_player.routes.blueprint import bp
from scorm_player.services import packages, reports


@bp.get("/packages/<uuid:package_id>/versions/<int:sequence>/answers")
@requires("progress.read")
def show_answers(package_id: UUID, sequence: int) -> ResponseReturnValue:
    """Show the item analysis of a version over all learners and courses."""
    with database().read(current_tenant()) as session:
        package = packages.get(session, package_id)
        version = packages.version_number(session, package_id, sequence)
        questions = reports.analysis(session, version.id)
    return render_template("scorm_player/answers.html", package=package, version=version, questions=questions)


@bp.get("/packages/<uuid:package_id>/versions/<int:sequence>/answers.csv")
@requires("progress.read", critical=True)
def download_answers(package_id: UUID, sequence: int) -> ResponseReturnValue:
    """Answer the item analysis as a file."""
    with database().write(current_tenant()) as session:
        version = packages.version_number(session, package_id, sequence)
        rows = reports.answer_rows(reports.exported(session, version.id, version.title))
    response = Response(as_csv(reports.ANSWER_COLUMNS, rows), content_type="text/csv; charset=utf-8")
    response.headers.set("Content-Disposition", "attachment", filename=f"answers-version-{sequence}.csv")
    return response
