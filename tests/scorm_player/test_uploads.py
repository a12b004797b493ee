"""Packages in pieces: the tus protocol from outside, what is kept, what is refused, and what the import makes of it."""

import hashlib
import io
from base64 import b64encode
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app import duties
from core import clock
from core.files import File
from core.jobs import Work
from core.tables import AuditLog
from scorm_player.errors import TooManyUploads, WrongOffset
from scorm_player.routes import api_uploads
from scorm_player.services import uploads
from scorm_player.tables import PackageSource, PackageUpload, PackageUploadPiece
from tests.scorm_player.test_packages import course

HERE = "/api/v1/packages/uploads"
KIND = "application/offset+octet-stream"


def metadata(**told):
    return ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in told.items())


def begin(client, size, **told):
    return client.post(HERE, headers={"Upload-Length": str(size), "Upload-Metadata": metadata(**told)})


def send(client, place, offset, data, **headers):
    sent = {"Upload-Offset": str(offset), "Tus-Resumable": "1.0.0"} | headers
    return client.patch(place, data=data, content_type=KIND, headers=sent)


def actions(database, tenant):
    with database.read(tenant) as session:
        return list(session.scalars(select(AuditLog.action).order_by(AuditLog.seq)))


def test_a_package_in_pieces_becomes_a_version(sign_in, run_jobs, database, cast):
    ben, zipped = sign_in("ben"), course().getvalue()
    begun = begin(ben, len(zipped), filename="fire safety.zip", sha256=hashlib.sha256(zipped).hexdigest())
    place = begun.headers["Location"]

    first = send(ben, place, 0, zipped[:100])
    head = ben.head(place)
    middle = ben.get(place).json
    last = send(ben, place, 100, zipped[100:])
    done = ben.get(place).json
    run_jobs()

    assert (begun.status_code, begun.headers["Tus-Resumable"], begun.json["offset_bytes"]) == (201, "1.0.0", 0)
    assert "Upload-Expires" in begun.headers
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "100")
    assert (head.headers["Upload-Offset"], head.headers["Upload-Length"]) == ("100", str(len(zipped)))
    assert (head.headers["Cache-Control"], head.data) == ("no-store", b"")
    assert head.headers["Upload-Metadata"].startswith("filename ZmlyZSBzYWZldHkuemlw")
    assert (middle["import_id"], last.headers["Upload-Offset"]) == (None, str(len(zipped)))
    found = ben.get(f"/api/v1/packages/imports/{done['import_id']}").json
    assert (found["state"], found["file_name"]) == ("ready", "fire safety.zip")
    assert found["sha256"] == hashlib.sha256(zipped).hexdigest()
    with database.read(cast.northwind) as session:
        assert session.scalars(select(PackageUploadPiece)).all() == []
        assert [file.size_bytes for file in session.scalars(select(File))] == [len(zipped)], "the pieces are let go"
    said = actions(database, cast.northwind)
    assert [action for action in said if "upload" in action] == ["package_upload.started", "package_upload.finished"]
    assert ben.get(HERE).json["items"] == []


def test_a_file_that_is_not_the_one_announced_is_refused(sign_in, run_jobs, app):
    ben, zipped = sign_in("ben"), course().getvalue()
    place = begin(ben, len(zipped), sha256="0" * 64).headers["Location"]

    send(ben, place, 0, zipped)
    run_jobs()

    found = ben.get(f"/api/v1/packages/imports/{ben.get(place).json['import_id']}").json
    assert (found["state"], [finding["rule"] for finding in found["findings"]]) == ("failed", ["upload.changed"])
    assert hashlib.sha256(zipped).hexdigest() in found["findings"][0]["message"]


def test_what_the_protocol_refuses(sign_in, app, monkeypatch, database, cast):
    ben, ana, limit = sign_in("ben"), sign_in("ana"), app.extensions["stoa"].config.max_upload
    place = begin(ben, 10).headers["Location"]
    send(ben, place, 0, b"abc")
    table = {
        "no length": (ben.post(HERE), 400),
        "a length that is none": (ben.post(HERE, headers={"Upload-Length": "-1"}), 400),
        "nothing at all": (begin(ben, 0), 422),
        "too large": (begin(ben, limit + 1), 413),
        "metadata that is no base64": (
            ben.post(HERE, headers={"Upload-Length": "5", "Upload-Metadata": "filename ?"}),
            422,
        ),
        "a hash that is none": (begin(ben, 5, sha256="abc"), 422),
        "another version": (ben.post(HERE, headers={"Upload-Length": "5", "Tus-Resumable": "0.2.2"}), 412),
        "a piece too early": (send(ben, place, 0, b"abc"), 409),
        "a piece too late": (send(ben, place, 4, b"abc"), 409),
        "a piece beyond the end": (send(ben, place, 3, b"12345678"), 413),
        "no offset": (ben.patch(place, data=b"abc", content_type=KIND), 400),
        "another kind": (ben.patch(place, data=b"abc", headers={"Upload-Offset": "3"}), 415),
        "a piece of another version": (send(ben, place, 3, b"x", **{"Tus-Resumable": "0.2.2"}), 412),
        "an unknown upload": (send(ben, f"{HERE}/{cast.ana}", 0, b"abc"), 404),
        "a learner": (begin(ana, 5), 403),
        "another person of the house": (sign_in("cem").head(place), 404),
        "another tenant": (sign_in("zoe").head(place), 404),
        "another tenant's piece": (send(sign_in("zoe"), place, 3, b"abc"), 404),
    }

    assert {name: answer.status_code for name, (answer, _status) in table.items()} == {
        name: status for name, (_answer, status) in table.items()
    }
    assert {table[name][0].headers["Upload-Offset"] for name in ("a piece too early", "a piece too late")} == {"3"}
    assert all(answer.headers["Tus-Resumable"] == "1.0.0" for answer, _status in table.values())
    assert ben.head(place).headers["Upload-Offset"] == "3"
    told = ben.open(HERE, method="OPTIONS")
    assert (told.status_code, told.headers["Tus-Max-Size"], told.headers["Tus-Version"]) == (204, str(limit), "1.0.0")


class Broken(io.BytesIO):
    """A connection that breaks after these bytes."""

    def read(self, size=-1):
        if piece := super().read(size):
            return piece
        raise OSError("the client has gone")


def test_what_came_before_a_connection_broke_is_kept(monkeypatch):
    monkeypatch.setattr(api_uploads, "CHUNK", 4)
    body, kept = api_uploads.Body(Broken(b"0123456789")), []
    while body.has_more():
        part, piece = body.next(8), b""
        while chunk := part.read(3):
            piece += chunk
        kept.append(piece)

    assert kept == [b"01234567", b"89"]


def test_a_short_body_counts_for_what_it_brought(sign_in):
    ben = sign_in("ben")
    place = begin(ben, 10).headers["Location"]

    answer = ben.patch(
        place, input_stream=io.BytesIO(b"abc"), content_length=8, content_type=KIND, headers={"Upload-Offset": "0"}
    )

    assert answer.headers["Upload-Offset"] == "3"


@pytest.fixture
def begun(db, cast, now):
    return uploads.begin(
        db, 10, uploads.told_by(""), source=PackageSource.API, by=cast.ben, limit=100, now=now
    )  # fmt: skip


def piece(text):
    return uploads.StoredFile(hashlib.sha256(text).hexdigest(), len(text))


def test_of_two_writers_at_once_the_second_is_told_the_offset(db, begun, cast, now):
    uploads.require_next(begun, 0, 4)  # both of them begin to send
    uploads.require_next(begun, 0, 3)

    uploads.add_piece(db, begun.id, 0, piece(b"1234"), by=cast.ben, home="", now=now)
    with pytest.raises(WrongOffset) as refused:
        uploads.add_piece(db, begun.id, 0, piece(b"123"), by=cast.ben, home="", now=now)

    assert refused.value.headers == {"Upload-Offset": "4"}
    assert uploads.store.hashes(db, begun.id) == [piece(b"1234").sha256]


def test_a_person_has_only_so_many_unfinished_uploads(db, begun, cast, now):
    def one_more():
        return uploads.begin(db, 9, uploads.told_by(""), source=PackageSource.API, by=cast.ben, limit=100, now=now)

    for _ in range(uploads.MOST_UNFINISHED - 1):
        one_more()
    with pytest.raises(TooManyUploads):
        one_more()
    uploads.remove(db, begun.id, cast.ben)
    one_more()


def test_what_waited_too_long_is_gone_and_swept(sign_in, app, database, cast):
    ben = sign_in("ben")
    places = [begin(ben, 10, filename=name).headers["Location"] for name in ("old.zip", "new.zip")]
    send(ben, places[0], 0, b"abc")
    with database.write(cast.northwind) as session:
        old = update(PackageUpload).where(PackageUpload.file_name == "old.zip")
        session.execute(old.values(expires_at=clock.now() - timedelta(seconds=1)))

    assert (ben.head(places[0]).status_code, send(ben, places[0], 3, b"d").status_code) == (410, 410)
    parts = app.extensions["stoa"]
    swept = duties.forget_uploads(Work(database, parts.files, None, None, cast.ana))

    assert swept == {"uploads": 1}
    assert [ben.head(place).status_code for place in places] == [404, 200]
    with database.read(cast.northwind) as session:
        assert session.scalars(select(File)).all() == []
    assert "package_upload.expired" in actions(database, cast.northwind)


def test_the_page_lists_what_can_be_gone_on_with_and_takes_it_away(sign_in, database, cast):
    ben = sign_in("ben")
    place = begin(ben, 10, filename="long.zip").headers["Location"]
    send(ben, place, 0, b"abcde")

    page = ben.get("/packages/new").text
    assert "long.zip" in page
    assert "50 %" in page
    assert "long.zip" not in sign_in("cem").get("/packages/new").text
    assert ben.post(f"/packages/uploads/{place.rpartition('/')[2]}/remove").status_code == 302

    assert "long.zip" not in ben.get("/packages/new").text
    assert ben.head(place).status_code == 404
    assert "package_upload.removed" in actions(database, cast.northwind)
