import xml.etree.ElementTree as ET
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from tools.pack import pack

PACKAGES = Path(__file__).resolve().parents[2] / "packages"
COURSES = sorted(path.parent for path in PACKAGES.glob("*/imsmanifest.xml"))


@pytest.mark.parametrize("course", COURSES, ids=lambda path: path.name)
def test_the_manifest_lists_exactly_the_files_of_the_course(course: Path):
    manifest = ET.parse(course / "imsmanifest.xml")  # noqa: S314  # our own file
    listed = {file.get("href") for file in manifest.findall(".//{*}file")}

    assert listed == {path.relative_to(course).as_posix() for path in course.rglob("*") if path.is_file()} - {
        "imsmanifest.xml"
    }


@pytest.mark.parametrize("course", COURSES, ids=lambda path: path.name)
def test_a_course_is_packed_to_the_same_bytes_every_time(course: Path, tmp_path):
    copied = tmp_path / "copy"
    for path in sorted(course.rglob("*"), reverse=True):
        if path.is_file():
            target = copied / path.relative_to(course)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    (copied / ".hidden").write_text("not part of the course")

    assert pack(copied) == pack(course)


def test_the_manifest_comes_first_and_nothing_is_lost():
    course = PACKAGES / "fire-safety"
    with zipfile.ZipFile(BytesIO(pack(course))) as archive:
        names = archive.namelist()
        page = archive.read("index.html")

    assert names[0] == "imsmanifest.xml"
    assert len(names) == len([path for path in course.rglob("*") if path.is_file()])
    assert page == (course / "index.html").read_bytes()


@pytest.mark.parametrize("course", COURSES, ids=lambda path: path.name)
def test_a_course_asks_nobody_else_for_anything(course: Path):
    for path in course.rglob("*"):
        if path.suffix in {".html", ".css", ".js"}:
            assert "//" not in path.read_text(encoding="utf-8").replace("// ", ""), path
