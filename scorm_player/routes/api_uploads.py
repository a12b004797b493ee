"""Packages in pieces by tus 1.0: POST begins, HEAD tells the offset, PATCH goes on, DELETE gives up.

Extensions: creation, expiration, termination. With the last piece the import begins; GET of the upload names it.
"""

from datetime import UTC
from email.utils import format_datetime
from typing import BinaryIO, cast
from uuid import UUID

from flask import Response, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import ClientDisconnected

from core import clock, rest
from core.errors import BadRequest, PreconditionFailed, Unsupported
from core.files import CHUNK
from core.http import bearer_token, config, current_tenant, current_user, database, files, requires
from scorm_player.routes.answers import UploadAnswer
from scorm_player.routes.blueprint import bp
from scorm_player.services import uploads
from scorm_player.services.uploads import PackageUpload
from scorm_player.tables import PackageSource

TUS = "1.0.0"
PIECE = 8 << 20
"""What is kept at once: of a longer body at most so much is lost with the connection."""

KIND = "application/offset+octet-stream"
SERVED = (
    "scorm_player.api_upload_options",
    "scorm_player.api_begin_upload",
    "scorm_player.api_upload",
    "scorm_player.api_send_piece",
    "scorm_player.api_remove_upload",
)


@bp.after_request
def speak_tus(response: Response) -> Response:
    """Name the protocol's version on each answer about an upload, refusals too."""
    if request.endpoint in SERVED:
        response.headers["Tus-Resumable"] = TUS
        response.headers["Tus-Version"] = TUS
    return response


@bp.route("/api/v1/packages/uploads", methods=["OPTIONS"])
@requires("package.import")
def api_upload_options() -> ResponseReturnValue:
    """Tell what of tus is understood, and how large an upload may be."""
    return "", 204, {"Tus-Extension": "creation,expiration,termination", "Tus-Max-Size": str(config().max_upload)}


@bp.post("/api/v1/packages/uploads")
@requires("package.import")
@rest.operation(
    answer=UploadAnswer,
    status=201,
    errors=(412, 413),
    headers={"Location": "Where the pieces go.", "Upload-Expires": "Until when the next one is waited for."},
)
def api_begin_upload() -> ResponseReturnValue:
    """Begin an upload in pieces: `Upload-Length`, and `Upload-Metadata` with filename and sha256 in base64.

    The protocol is tus 1.0. At most five uploads of one person may be unfinished.
    """
    require_version()
    size, told = number("Upload-Length"), uploads.told_by(request.headers.get("Upload-Metadata", ""))
    person = current_user()
    source = PackageSource.UPLOAD if bearer_token() is None else PackageSource.API
    with database().write(person.organization_id) as session:
        upload = uploads.begin(
            session, size, told, source=source, by=person.user_id, limit=config().max_upload, now=clock.now()
        )
    response = described(upload)
    response.status_code = 201
    response.headers["Location"] = url_for("scorm_player.api_upload", upload_id=upload.id)
    return response


@bp.get("/api/v1/packages/uploads")
@requires("package.import")
@rest.operation(query=rest.Paging, answer=rest.Page[UploadAnswer])
def api_list_uploads(query: rest.Paging) -> ResponseReturnValue:
    """Answer the unfinished uploads of whoever asks, newest first."""
    person = current_user()
    with database().read(person.organization_id) as session:
        found = uploads.unfinished(session, person.user_id, clock.now())
    return rest.cut([UploadAnswer.model_validate(upload) for upload in found], query)


@bp.get("/api/v1/packages/uploads/<uuid:upload_id>")
@requires("package.import")
@rest.operation(
    answer=UploadAnswer,
    errors=(410,),
    headers={"Upload-Offset": "How many bytes are here.", "Upload-Length": "How many it will be."},
)
def api_upload(upload_id: UUID) -> ResponseReturnValue:
    """Answer how much of an upload is here (HEAD: the headers alone), and which import it became."""
    with database().read(current_tenant()) as session:
        upload = uploads.get(session, upload_id, current_user().user_id, clock.now())
    return described(upload)


@bp.patch("/api/v1/packages/uploads/<uuid:upload_id>")
@requires("package.import")
@rest.operation(
    status=204,
    body={"type": "string", "format": "binary"},
    media=(KIND,),
    errors=(409, 410, 412, 415),
    headers={"Upload-Offset": "How many bytes are here now."},
)
def api_send_piece(upload_id: UUID) -> ResponseReturnValue:
    """Go on with an upload from the byte that `Upload-Offset` names; 409 tells the true offset.

    What arrived before a connection broke is kept.
    """
    person, home = current_user(), config().app_origin
    with database().read(person.organization_id) as session:
        upload = uploads.get(session, upload_id, person.user_id, clock.now())
    require_version()
    if request.mimetype != KIND:
        raise Unsupported(f"Send the piece as {KIND}.")
    offset = number("Upload-Offset")
    uploads.require_next(upload, offset, request.content_length)
    body = Body(cast("BinaryIO", request.stream))
    while body.has_more():
        stored = files().put(cast("BinaryIO", body.next(PIECE)), limit=upload.size_bytes - offset)
        with database().write(person.organization_id) as session:
            upload = uploads.add_piece(
                session, upload_id, offset, stored, by=person.user_id, home=home, now=clock.now()
            )
        offset = upload.offset_bytes
    return "", 204, offsets(upload)


@bp.delete("/api/v1/packages/uploads/<uuid:upload_id>")
@requires("package.import")
@rest.operation(status=204, errors=(412,))
def api_remove_upload(upload_id: UUID) -> ResponseReturnValue:
    """Give an upload up; what has come of it is forgotten. An import that has begun goes on."""
    person = current_user()
    with database().write(person.organization_id) as session:
        uploads.remove(session, upload_id, person.user_id)
    return "", 204


class Part:
    """At most `most` bytes of a body, as a file."""

    def __init__(self, body: "Body", most: int) -> None:
        self._body, self._left = body, most

    def read(self, size: int) -> bytes:
        """Read at most so many bytes; none at the end."""
        piece = self._body.read(min(size, self._left))
        self._left -= len(piece)
        return piece


class Body:
    """What a request brings, part by part. A connection that breaks is its end: what came before counts."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ahead = b""

    def has_more(self) -> bool:
        """Tell whether anything is left."""
        if not self._ahead:
            self._ahead = self._arrived(CHUNK)
        return bool(self._ahead)

    def next(self, most: int) -> Part:
        """Return the next part."""
        return Part(self, most)

    def read(self, size: int) -> bytes:
        """Read at most so many bytes; none at the end."""
        if not self._ahead and size:
            return self._arrived(size)
        piece, self._ahead = self._ahead[:size], self._ahead[size:]
        return piece

    def _arrived(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except (ClientDisconnected, OSError):
            return b""


def require_version() -> None:
    """Refuse another version of the protocol; whoever names none is taken to speak this one. Raises 412."""
    if request.headers.get("Tus-Resumable", TUS) != TUS:
        raise PreconditionFailed(f"Uploads speak tus {TUS}.")


def number(name: str) -> int:
    """Return a header that is a number of bytes. Raises BadRequest."""
    given = request.headers.get(name, "")
    if not given.isascii() or not given.isdecimal() or len(given) > 15:
        raise BadRequest(f"Send {name}: a number of bytes.")
    return int(given)


def offsets(upload: PackageUpload) -> dict[str, str]:
    """Return an upload's offset and time as headers."""
    return {
        "Upload-Offset": str(upload.offset_bytes),
        "Upload-Expires": format_datetime(upload.expires_at.astimezone(UTC), usegmt=True),
        "Cache-Control": "no-store",
    }


def described(upload: PackageUpload) -> Response:
    """Answer an upload, in JSON and in tus's headers."""
    response = jsonify(rest.plain(UploadAnswer.model_validate(upload)))
    response.headers.update(offsets(upload))
    response.headers["Upload-Length"] = str(upload.size_bytes)
    if upload.told:
        response.headers["Upload-Metadata"] = upload.told
    return response
