"""Packages by REST: publish a zip, follow its import, read versions, reports and trees."""

from typing import Any
from uuid import UUID

from flask import jsonify, url_for
from flask.typing import ResponseReturnValue

from core import rest
from core.http import current_tenant, database, requires
from scorm_player.routes.answers import (
    ImportAnswer,
    Items,
    PackageAnswer,
    PackagesWanted,
    PackageVersionAnswer,
    Report,
)
from scorm_player.routes.blueprint import bp
from scorm_player.routes.uploads import receive_upload
from scorm_player.services import packages
from scorm_player.tables import ContentPackage, PackageImport, PackageItem, PackageSource, PackageVersion


@bp.post("/api/v1/packages")
@requires("package.import")
@rest.operation(
    answer=ImportAnswer,
    status=202,
    body={"type": "string", "format": "binary"},
    media=("application/zip",),
    headers={"Location": "Where the import can be followed."},
)
def api_upload_package() -> ResponseReturnValue:
    """Take a zip in (multipart field `package`, or application/zip): 202 with the import to follow.

    Sending the same bytes again leads to the same version; the same identifier with other bytes to a new one.
    """
    upload = receive_upload(PackageSource.API)
    location = url_for("scorm_player.api_import", import_id=upload.id)
    return jsonify(import_data(upload)), 202, {"Location": location}


@bp.get("/api/v1/packages/imports/<uuid:import_id>")
@requires("package.import")
@rest.operation(answer=ImportAnswer)
def api_import(import_id: UUID) -> ResponseReturnValue:
    """Answer what became of an upload, with its report."""
    with database().read(current_tenant()) as session:
        return jsonify(import_data(packages.import_of(session, import_id)))


@bp.get("/api/v1/packages")
@requires("package.import")
@rest.operation(query=PackagesWanted, answer=rest.Page[PackageAnswer])
def api_list_packages(query: PackagesWanted) -> ResponseReturnValue:
    """Answer packages by title, each with its newest version."""
    with database().read(current_tenant()) as session:
        found, total = packages.page(session, query.q, query.offset, query.limit)
        newest = packages.newest_versions(session, found)
    return rest.listed([package_data(package, [newest[package.id]]) for package in found], total, query)


@bp.get("/api/v1/packages/<uuid:package_id>")
@requires("package.import")
@rest.operation(answer=PackageAnswer)
def api_package(package_id: UUID) -> ResponseReturnValue:
    """Answer a package with all its versions, newest first."""
    with database().read(current_tenant()) as session:
        package = packages.get(session, package_id)
        return jsonify(package_data(package, packages.versions(session, package_id)))


@bp.get("/api/v1/packages/<uuid:package_id>/versions/<int:sequence>")
@requires("package.import")
@rest.operation(answer=PackageVersionAnswer)
def api_package_version(package_id: UUID, sequence: int) -> ResponseReturnValue:
    """Answer one version."""
    with database().read(current_tenant()) as session:
        return jsonify(version_data(packages.version_number(session, package_id, sequence)))


@bp.get("/api/v1/packages/<uuid:package_id>/versions/<int:sequence>/report")
@requires("package.import")
@rest.operation(answer=Report)
def api_package_report(package_id: UUID, sequence: int) -> ResponseReturnValue:
    """Answer what was found in one version: file, line, rule, severity, message, remedy."""
    with database().read(current_tenant()) as session:
        version = packages.version_number(session, package_id, sequence)
    return jsonify({"state": version.state, "findings": version.import_report})


@bp.get("/api/v1/packages/<uuid:package_id>/versions/<int:sequence>/items")
@requires("package.import")
@rest.operation(answer=Items)
def api_package_items(package_id: UUID, sequence: int) -> ResponseReturnValue:
    """Answer one version's tree in document order."""
    with database().read(current_tenant()) as session:
        version = packages.version_number(session, package_id, sequence)
        return jsonify({"items": [item_data(item) for item in packages.items(session, version.id)]})


def import_data(upload: PackageImport) -> dict[str, Any]:
    """Return an import as JSON."""
    return {
        "id": upload.id,
        "state": upload.state,
        "file_name": upload.file_name,
        "sha256": upload.sha256,
        "size_bytes": upload.size_bytes,
        "job_id": upload.job_id,
        "package_version_id": upload.package_version_id,
        "created_at": upload.created_at.isoformat(),
        "finished_at": upload.finished_at.isoformat() if upload.finished_at else None,
        "findings": upload.report,
    }


def package_data(package: ContentPackage, versions: list[PackageVersion]) -> dict[str, Any]:
    """Return a package as JSON."""
    return {
        "id": package.id,
        "title": package.title,
        "standard": package.standard,
        "identifier": package.identifier,
        "activity_iri": package.activity_iri,
        "created_at": package.created_at.isoformat(),
        "versions": [version_data(version) for version in versions],
    }


def version_data(version: PackageVersion) -> dict[str, Any]:
    """Return a version as JSON."""
    return {
        "id": version.id,
        "package_id": version.package_id,
        "sequence": version.sequence,
        "state": version.state,
        "title": version.title,
        "description": version.description,
        "language": version.language,
        "estimated_minutes": version.estimated_minutes,
        "sha256": version.sha256,
        "file_count": version.file_count,
        "uncompressed_bytes": version.uncompressed_bytes,
        "finding_count": len(version.import_report),
        "ready_at": version.ready_at.isoformat(),
    }


def item_data(item: PackageItem) -> dict[str, Any]:
    """Return a node of the tree as JSON."""
    return {
        "id": item.id,
        "parent_id": item.parent_id,
        "identifier": item.identifier,
        "kind": item.kind,
        "title": item.title,
        "activity_iri": item.activity_iri,
        "launch_path": item.launch_path,
        "parameters": item.parameters,
        "is_visible": item.is_visible,
    }
