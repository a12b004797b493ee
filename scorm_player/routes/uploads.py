"""Receiving the bytes of a package: from a form or as the body itself, streamed to storage."""

from typing import BinaryIO, cast

from flask import request
from flask_babel import gettext as _

from core import clock
from core.http import config, current_user, database, files
from scorm_player.errors import NotAPackage
from scorm_player.routes.blueprint import bp
from scorm_player.services import packages
from scorm_player.tables import PackageImport, PackageSource

UPLOADS = ("scorm_player.upload_package", "scorm_player.api_upload_package", "scorm_player.api_send_piece")
FIELD = "package"
LONGEST_NAME = 255


@bp.url_value_preprocessor
def allow_large_bodies(endpoint: str | None, _values: object) -> None:
    """Let an upload be as large as uploads may be, before anything reads the request."""
    if endpoint in UPLOADS:
        request.max_content_length = config().max_upload


def receive_upload(source: PackageSource) -> PackageImport:
    """Put what came into storage, note it, and let a job examine it. Raises NotAPackage when nothing came."""
    stream, name = sent_file()
    person = current_user()
    stored = files().put(stream, limit=config().max_upload)
    if stored.size == 0:
        raise NotAPackage(_("The file is empty."))
    with database().write(person.organization_id) as session:
        return packages.receive(
            session,
            stored,
            file_name=name,
            source=source,
            home=config().app_origin,
            created_by=person.user_id,
            now=clock.now(),
        )


def sent_file() -> tuple[BinaryIO, str]:
    """Return the uploaded file and its name: the form's field `package`, or the whole body."""
    if request.mimetype == "multipart/form-data":
        sent = request.files.get(FIELD)
        if sent is None or not sent.filename:
            raise NotAPackage(_("Choose the zip file of the course."))
        return cast("BinaryIO", sent.stream), sent.filename.replace("\x00", "")[-LONGEST_NAME:]
    if request.mimetype in ("application/zip", "application/octet-stream", "application/x-zip-compressed"):
        name = request.args.get("name", "package.zip").replace("\x00", "")
        return cast("BinaryIO", request.stream), name[-LONGEST_NAME:]
    raise NotAPackage(_("Send the zip as multipart/form-data in the field “package”, or as application/zip."))
