"""The pages about packages: the list, uploading, what became of an upload, a version with its report."""

from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core import clock, jobs
from core.http import config, current_tenant, current_user, database, page_number, requires, searched
from scorm_player.errors import NotAPackage
from scorm_player.routes.api_uploads import PIECE
from scorm_player.routes.blueprint import bp
from scorm_player.routes.uploads import receive_upload
from scorm_player.services import hot_fix, moving, packages, playback, uploads
from scorm_player.tables import ImportState, PackageItem, PackageSource

PAGE = 50


@bp.get("/packages")
@requires("package.import")
def list_packages() -> ResponseReturnValue:
    """Show packages by title, and the newest uploads."""
    search = searched()
    number = page_number()
    with database().read(current_tenant()) as session:
        found, total = packages.page(session, search, (number - 1) * PAGE, PAGE)
        versions = packages.newest_versions(session, found)
        imports = [upload for upload in packages.recent_imports(session) if not upload.package_version_id]
    return render_template(
        "scorm_player/packages.html",
        packages=found,
        versions=versions,
        imports=imports,
        total=total,
        search=search,
        page=number,
        pages=-(-total // PAGE),
    )


@bp.get("/packages/new")
@requires("package.import")
def new_package() -> ResponseReturnValue:
    """Show the upload form."""
    return upload_form()


@bp.post("/packages")
@requires("package.import")
def upload_package() -> ResponseReturnValue:
    """Take a zip in; a job examines it while its page shows how far it is."""
    try:
        upload = receive_upload(PackageSource.UPLOAD)
    except NotAPackage as error:
        return upload_form(error.message), 422
    return redirect(url_for("scorm_player.show_import", import_id=upload.id))


def upload_form(error: str | None = None) -> str:
    """Return the upload form, with what can be gone on with."""
    limit = f"{config().max_upload / (1 << 20):,.0f} MB"
    person = current_user()
    with database().read(person.organization_id) as session:
        unfinished = uploads.unfinished(session, person.user_id, clock.now())
    return render_template(
        "scorm_player/packages_new.html", error=error, limit=limit, unfinished=unfinished, piece_bytes=PIECE
    )


@bp.post("/packages/uploads/<uuid:upload_id>/remove")
@requires("package.import")
def remove_upload(upload_id: UUID) -> ResponseReturnValue:
    """Give an unfinished upload up."""
    person = current_user()
    with database().write(person.organization_id) as session:
        uploads.remove(session, upload_id, person.user_id)
    flash(_("The upload was removed."), "ok")
    return redirect(url_for("scorm_player.new_package"))


@bp.get("/packages/imports/<uuid:import_id>")
@requires("package.import")
def show_import(import_id: UUID) -> ResponseReturnValue:
    """Show what becomes, or became, of an upload."""
    return render_template("scorm_player/packages_import.html", **import_values(import_id))


@bp.get("/packages/imports/<uuid:import_id>/progress")
@requires("package.import")
def import_progress(import_id: UUID) -> ResponseReturnValue:
    """Answer the part of the page that asks again until the import is done."""
    return render_template("scorm_player/packages_import_progress.html", **import_values(import_id))


def import_values(import_id: UUID) -> dict[str, object]:
    """Return an upload, its job and, once there is one, its version."""
    with database().read(current_tenant()) as session:
        upload = packages.import_of(session, import_id)
        job = jobs.find(session, upload.job_id) if upload.job_id else None
        version = packages.version(session, upload.package_version_id) if upload.package_version_id else None
    return {"upload": upload, "job": job, "version": version}


@bp.get("/packages/<uuid:package_id>")
@requires("package.import")
def show_package(package_id: UUID) -> ResponseReturnValue:
    """Show a package with all its versions."""
    with database().read(current_tenant()) as session:
        package = packages.get(session, package_id)
        versions = packages.versions(session, package_id)
        tree = packages.items(session, versions[0].id)
        policy = playback.of_package(session, package_id)
        origins = hot_fix.origins(session, versions[0])
    return render_template(
        "scorm_player/packages_package.html",
        policy=policy,
        package=package,
        versions=versions,
        version=versions[0],
        origins=origins,
        tree=with_depth(tree),
    )


@bp.get("/packages/<uuid:package_id>/versions/<int:sequence>")
@requires("package.import")
def show_package_version(package_id: UUID, sequence: int) -> ResponseReturnValue:
    """Show one version: its report and its tree."""
    with database().read(current_tenant()) as session:
        package = packages.get(session, package_id)
        version = packages.version_number(session, package_id, sequence)
        tree = packages.items(session, version.id)
        origins, moves = hot_fix.origins(session, version), moving.recent(session, version)
    return render_template(
        "scorm_player/packages_version.html",
        package=package,
        version=version,
        tree=with_depth(tree),
        origins=origins,
        moves=moves,
    )


@bp.post("/packages/<uuid:package_id>/archive")
@requires("package.import")
def archive_package(package_id: UUID) -> ResponseReturnValue:
    """Take a package off the list."""
    with database().write(current_tenant()) as session:
        packages.archive_package(session, package_id, clock.now())
        title = packages.get(session, package_id).title
    flash(_("%(title)s was archived. A new upload brings it back.", title=title), "ok")
    return redirect(url_for("scorm_player.list_packages"))


def with_depth(tree: list[PackageItem]) -> list[tuple[int, PackageItem]]:
    """Return (depth, item) for a tree in document order."""
    depths: dict[UUID, int] = {}
    for item in tree:
        depths[item.id] = depths[item.parent_id] + 1 if item.parent_id else 0
    return [(depths[item.id], item) for item in tree]


@bp.app_template_filter("is_over")
def is_over(state: ImportState) -> bool:
    """Tell whether an import has come to its end."""
    return state in (ImportState.READY, ImportState.READY_WITH_WARNINGS, ImportState.FAILED, ImportState.RETIRED)
