"""Schema findings: a package's manifest held against the schemas it brings, by a program with a time limit.

Never a reason to refuse: many packages that play everywhere are not valid, and some bring schemas that are broken.
"""

import json
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from scorm_player import archive
from scorm_player.archive import Index
from scorm_player.findings import Finding, Findings
from scorm_player.scorm.manifest import schema_check
from scorm_player.scorm.manifest.places import MANIFEST, find_root
from scorm_player.scorm.manifest.xml import blank_declaration, decode, with_prefixes_declared

RULE = "schema."
SECONDS = 30
MOST_SCHEMAS = 200
LARGEST_SCHEMA = 2 << 20
PROGRAM = Path(schema_check.__file__)
NO_IDENTIFIER = re.escape("value doesn't match any pattern of ['[\\\\i-[:]][\\\\c-[:]]*']")
IN_WORDS = (
    (
        re.compile(rf"attribute (\S+)='(.*)': {NO_IDENTIFIER}"),
        r"The attribute “\1” is “\2”; it must begin with a letter or “_”, and hold nothing but letters, digits, "
        "“.”, “-” and “_”.",
    ),
    (
        re.compile(r"'(?:\{[^}]*\})?(\S+)' attribute not allowed for element"),
        r"The attribute “\1” is not allowed here.",
    ),
    (
        re.compile(r"Unexpected child with tag '(?:\{[^}]*\})?(\S+)' at position \d+\..*"),
        r"The element “\1” is not allowed at this place.",
    ),
)
"""What is wrong most often in real packages, as the program for schemas says it and as an author understands it."""


def check(file: BinaryIO, index: Index) -> tuple[Finding, ...]:
    """Return what the package's own schemas say against its manifest; nothing when it brings none."""
    findings = Findings()
    with TemporaryDirectory(prefix="stoa-schema-") as folder:
        if not lay_out(file, index, Path(folder)):
            return ()
        answer = run(Path(folder))
    if answer is None:
        findings.note(
            "schema.not_checked",
            "The schemas in the package could not be used within the time and memory they may take.",
            "Bring the control documents of your SCORM edition, unchanged.",
            file=MANIFEST,
        )
        return findings.all()
    for line, reason in answer:
        findings.warn(
            "schema.invalid",
            in_words(reason),
            "Correct the manifest so that it follows the schemas it brings.",
            file=MANIFEST,
            line=line,
        )
    return findings.all()


def in_words(reason: str) -> str:
    """Return a schema's complaint as an author understands it, where it is one of the usual ones."""
    for complaint, words in IN_WORDS:
        if told := complaint.fullmatch(reason):
            return told.expand(words)
    return reason


def lay_out(file: BinaryIO, index: Index, folder: Path) -> bool:
    """Write manifest and schemas to a folder of their own; answer whether there are schemas."""
    index = archive.below(index, find_root(index, Findings()))
    schemas = [m for m in index.members if m.name.lower().endswith(".xsd") and m.size <= LARGEST_SCHEMA]
    manifest = index.find(MANIFEST)
    if not schemas or manifest is None:
        return False
    text = decode(archive.read(file, manifest, manifest.size), MANIFEST, Findings())
    # The declaration goes, since the text is now UTF-8; its lines stay, so that errors name the right ones.
    text, _undeclared = with_prefixes_declared(blank_declaration(text, MANIFEST, Findings()))
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    for member in schemas[:MOST_SCHEMAS]:
        place = folder / member.name
        with suppress(OSError):  # a name that no file system takes
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(archive.read(file, member, LARGEST_SCHEMA))
    return True


def run(folder: Path) -> list[tuple[int, str]] | None:
    """Return (line, reason) of what is not valid, None when the program came to no answer."""
    command = [sys.executable, "-I", str(PROGRAM), str(folder), MANIFEST]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, cwd=folder, env={}, check=True)  # noqa: S603 - our own program, our own arguments
        return [(int(line), str(reason)) for line, reason in json.loads(done.stdout)["errors"]]
    except (subprocess.SubprocessError, OSError, ValueError, KeyError):
        return None
