import hashlib
import io

import pytest

from core import files
from core.errors import NotFound, TooLarge
from core.files import Files


@pytest.fixture
def storage(tmp_path):
    return Files(f"file:{tmp_path}/files")


def test_bytes_come_back_under_their_hash(storage):
    stored = storage.put(io.BytesIO(b"course"))

    assert stored.sha256 == hashlib.sha256(b"course").hexdigest()
    assert stored.size == 6
    with storage.open(stored.sha256) as file:
        assert file.read() == b"course"


def test_the_same_bytes_are_kept_once(storage):
    storage.put(b"course")
    storage.put(b"course")

    assert len([path for path in storage.folder.rglob("*") if path.is_file()]) == 1


def test_what_is_too_large_leaves_nothing_behind(storage):
    with pytest.raises(TooLarge, match="4 bytes"):
        storage.put(b"course", limit=4)

    assert [path for path in storage.folder.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "a" * 63, "Z" * 64, ""])
def test_only_a_hash_opens_anything(storage, name):
    with pytest.raises(NotFound):
        storage.open(name)


def test_a_file_row_that_nothing_points_to_is_found(db, storage):
    row = files.keep(db, storage.put(b"x"), media_type="text/plain", name="x.txt")

    assert [found.id for found in files.unreferenced(db)] == [row.id]
