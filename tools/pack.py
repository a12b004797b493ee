"""Zip a course's source folder; the same folder gives the same bytes on every machine.

python tools/pack.py packages/fire-safety fire-safety.zip
"""

import argparse
import io
import sys
import zipfile
from pathlib import Path

MANIFESTS = ("imsmanifest.xml", "cmi5.xml", "tincan.xml")
FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say


def pack(folder: Path) -> bytes:
    """Return the folder as a zip: the manifest first, the rest by name, hidden files left out.

    Members are stored, not deflated: compressors differ between versions, and packages are told apart by their bytes.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for path in members(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), FIRST_DAY)
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, path.read_bytes())
    return content.getvalue()


def members(folder: Path) -> list[Path]:
    """The files of the folder in the order of the zip."""
    names = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    visible = [name for name in names if not any(part.startswith(".") for part in name.parts)]
    ordered = sorted(visible, key=lambda name: (name.as_posix() not in MANIFESTS, name.as_posix()))
    return [folder / name for name in ordered]


def main() -> int:
    """Write the zip of the folder named first into the file named second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    arguments.target.write_bytes(pack(arguments.folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
