"""The small memory: what it holds stays open, what it has let go of is closed."""

import pytest

from scorm_player.services.shelf import OpenFile, Shelf


@pytest.fixture
def zips(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"PK")
    return tmp_path


def test_a_file_that_leaves_the_shelf_is_closed_once_nobody_reads_from_it(zips):
    shelf = Shelf(1)
    reading = shelf.get("a", lambda: OpenFile((zips / "a").open("rb")))
    file = reading.file

    shelf.get("b", lambda: OpenFile((zips / "b").open("rb")))
    assert file.read() == b"PK"
    del reading

    assert file.closed


def test_a_file_that_is_forgotten_is_closed(zips):
    shelf = Shelf(2)
    file = shelf.get("a", lambda: OpenFile((zips / "a").open("rb"))).file

    shelf.forget("a")

    assert file.closed
