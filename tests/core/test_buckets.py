"""Files in a bucket: a real S3 client against a real HTTP server of S3's manners, on loopback."""

import hashlib
import io
import os
import socket
import zipfile
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto.server import ThreadedMotoServer

from core import buckets, clock, config
from core.config import ConfigurationError
from core.errors import NotFound, TooLarge, Unavailable
from core.files import Files


@pytest.fixture(scope="module")
def endpoint():
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def _secrets(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def s3(endpoint):
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    client.create_bucket(Bucket="stoa")
    yield client
    for item in client.list_objects_v2(Bucket="stoa").get("Contents", ()):
        client.delete_object(Bucket="stoa", Key=item["Key"])
    client.close()


@pytest.fixture
def url(endpoint, s3, tmp_path):
    return f"s3://stoa/tenants?endpoint={endpoint}&cache={tmp_path}/cache"


@pytest.fixture
def storage(url):
    return Files(url)


def keys(s3):
    return [item["Key"] for item in s3.list_objects_v2(Bucket="stoa").get("Contents", ())]


def test_bytes_come_back_under_their_hash(storage, s3):
    stored = storage.put(io.BytesIO(b"course"))

    sha256 = hashlib.sha256(b"course").hexdigest()
    assert (stored.sha256, stored.size) == (sha256, 6)
    assert keys(s3) == [f"tenants/{sha256[:2]}/{sha256}"]
    with storage.open(sha256) as file:
        assert file.read() == b"course"


def test_an_empty_file_is_a_file(storage):
    with storage.open(storage.put(b"").sha256) as file:
        assert file.read() == b""


def test_large_files_go_up_in_parts_and_are_read_anywhere(storage, s3, monkeypatch):
    monkeypatch.setattr(buckets, "PART", 5 << 20)
    monkeypatch.setattr(buckets, "BLOCK", 1 << 20)
    content = os.urandom(11 << 20)

    stored = storage.put(io.BytesIO(content))

    assert s3.head_object(Bucket="stoa", Key=keys(s3)[0])["ETag"].strip('"').endswith("-3")
    with storage.open(stored.sha256) as file:
        for start, length in ((0, 10), (3_000_000, 2_000_000), (11_534_000, 999)):
            file.seek(start)
            assert file.read(length) == content[start : start + length]
        assert file.seek(-5, 2) == len(content) - 5
        assert file.read() == content[-5:]


def test_a_zip_is_read_by_ranges_and_the_second_reader_asks_nobody(storage, s3, monkeypatch):
    monkeypatch.setattr(buckets, "BLOCK", 64 << 10)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(20):
            archive.writestr(f"{number}.bin", os.urandom(50_000))
    stored = storage.put(packed.getvalue())

    def read():
        with storage.open(stored.sha256) as file, zipfile.ZipFile(file) as archive:
            return archive.read("7.bin")

    first = read()
    asked = []
    monkeypatch.setattr(storage._kept._client, "get_object", lambda **options: asked.append(options))

    assert read() == first
    assert asked == []


def test_the_cache_stays_within_its_bounds(url, s3, tmp_path, monkeypatch):
    monkeypatch.setattr(buckets, "BLOCK", 10_000)
    storage = Files(url + "&cache_bytes=100000")
    stored = storage.put(os.urandom(500_000))

    with storage.open(stored.sha256) as file:
        assert len(file.read()) == 500_000

    assert sum(path.stat().st_size for path in (tmp_path / "cache").iterdir()) <= 120_000


def test_what_is_too_large_leaves_nothing_behind(storage, s3, tmp_path):
    with pytest.raises(TooLarge, match="4 bytes"):
        storage.put(b"course", limit=4)

    assert keys(s3) == []
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_source_that_breaks_leaves_nothing_behind(storage, s3):
    class Broken:
        def read(self, _size):
            raise OSError("the browser has gone")

    with pytest.raises(OSError, match="gone"):
        storage.put(Broken())

    assert keys(s3) == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "a" * 63, "Z" * 64, "", "0" * 64])
def test_only_the_hash_of_something_opens_anything(storage, name):
    with pytest.raises(NotFound):
        storage.open(name)


def test_what_is_swept_is_gone_here_and_there(storage, s3, tmp_path, monkeypatch):
    old = storage.put(b"old")
    storage.open(old.sha256).read()
    s3.put_object(Bucket="stoa", Key="tenants/notes.txt", Body=b"somebody else's")
    assert list(storage.older_than(3600)) == []

    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + timedelta(days=2))  # noqa: TID251
    assert list(storage.older_than(86_400)) == [old.sha256]
    storage.delete(old.sha256)

    assert keys(s3) == ["tenants/notes.txt"]
    assert list((tmp_path / "cache").iterdir()) == []
    with pytest.raises(NotFound):
        storage.open(old.sha256)


def test_readiness_asks_the_bucket(storage, url):
    assert storage.is_ready()
    assert not Files(url.replace("s3://stoa/", "s3://nobody-has-this/")).is_ready()


def test_a_bucket_that_is_away_is_said_so_and_nothing_is_kept(tmp_path, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    away = Files(f"s3://stoa?endpoint=http://127.0.0.1:{port}&cache={tmp_path}/cache")

    assert not away.is_ready()
    for act in (lambda: away.put(b"x"), lambda: away.open("0" * 64), lambda: list(away.older_than(1))):
        with pytest.raises(Unavailable, match="cannot be reached"):
            act()


@pytest.mark.parametrize("wrong", ["s3://", "s3://b?color=red", "s3://b?cache_bytes=9", "ftp://x"])
def test_a_wrong_storage_url_stops_the_start(wrong, tmp_path):
    with pytest.raises(ConfigurationError, match="STORAGE_URL"):
        config.load({"STOA_HOME": str(tmp_path), "STORAGE_URL": wrong})


def test_the_cache_lies_in_the_instance_folder(tmp_path):
    found = config.load({"STOA_HOME": str(tmp_path), "STORAGE_URL": "s3://b/p"}).storage_url

    assert buckets.place_of(found).cache == tmp_path / "file-cache"
