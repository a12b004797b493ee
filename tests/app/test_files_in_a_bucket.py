"""Stoa with its files in a bucket: a course comes in and is played, an attachment goes round, storage is ready."""

import hashlib
import io
import zipfile

import boto3
import orjson
import pytest
from moto.server import ThreadedMotoServer

from app.commands import make_worker
from core import clock, config
from lrs.services import credentials
from scorm_player.services import packages
from tests.lrs.conftest import Client
from tests.lrs.factories import agent, statement
from tests.scorm_player import manifests, zips

FILM = bytes(range(256)) * 4000


@pytest.fixture
def bucket(monkeypatch):
    for name, value in {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1")
    client.create_bucket(Bucket="stoa")
    yield f"s3://stoa/files?endpoint=http://{host}:{port}"
    client.close()
    server.stop()


@pytest.fixture
def settings(tmp_path, database_url, bucket):
    return config.load(
        {
            "STOA_HOME": str(tmp_path / "instance"), "DATABASE_URL": database_url, "APP_ORIGIN": "http://localhost",
            "CONTENT_ORIGIN": "http://127.0.0.1", "STOA_TEST": "1", "STORAGE_URL": bucket,
        }
    )  # fmt: skip


def test_a_course_and_an_attachment(settings, database, app, cast, sign_in, client):
    worker = make_worker(settings, database)
    file = zips.zipped({"imsmanifest.xml": manifests.scorm_12(), "index.html": "<title>Lesson</title>" * 100})
    with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr("film.mp4", FILM)
    sent = sign_in("ben").post("/packages", data={"package": (io.BytesIO(file.getvalue()), "c.zip")})
    assert sent.status_code == 302, sent.text
    worker.run_until_idle()
    with database.write(cast.northwind) as session:
        (version,) = packages.ready_versions(session)
        path = packages.content_path(session, version.id, clock.now())

    page = client.get(path + "index.html", base_url="http://127.0.0.1")
    part = client.get(path + "film.mp4", base_url="http://127.0.0.1", headers={"Range": "bytes=1000-1999"})

    assert (page.status_code, page.text) == (200, "<title>Lesson</title>" * 100)
    assert (part.status_code, part.data) == (206, FILM[1000:2000])

    with database.write(cast.northwind) as session:
        made = credentials.create(
            session, label="test", scopes=["all"], authority=agent("lms"), hash_key=settings.key("lrs"), now=clock.now()
        )
    lrs, data = Client(app, made), b"a photograph \x00\xff"
    sha2 = hashlib.sha256(data).hexdigest()
    item = statement(
        attachments=[
            {
                "usageType": "http://id.example/photo", "display": {"en": "Photo"}, "contentType": "image/png",
                "length": len(data), "sha2": sha2,
            }
        ]
    )  # fmt: skip
    body = (
        b"--b\r\nContent-Type: application/json\r\n\r\n" + orjson.dumps(item)
        + b"\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\nX-Experience-API-Hash: "
        + sha2.encode() + b"\r\n\r\n" + data + b"\r\n--b--\r\n"
    )  # fmt: skip
    assert lrs("POST", "statements", data=body, content_type="multipart/mixed; boundary=b").status_code == 200
    assert data in lrs.get("statements", statementId=item["id"], attachments="true").data

    assert client.get("/readyz").json["checks"]["storage"] is True
    assert len(list(worker.files.older_than(-60))) == 2  # the course and the attachment, and nothing else
    assert not (settings.home / "files").exists()
