"""All that the store has of somebody, as one zip: statements, attachments, documents, merges, and a manifest of it."""

import hashlib
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any, BinaryIO, cast
from uuid import UUID

import orjson

from core.db import Database
from core.files import CHUNK, Files, keep
from lrs.services import erasing, privacy
from lrs.services.export import ATTACHMENTS, STATEMENTS, attached
from lrs.store import privacy as store
from lrs.tables import PrivacyState
from lrs.xapi.attachments import declared_in

FORMAT = "stoa-person-export/1"
DOCUMENTS = "documents/"
MANIFEST = "manifest.json"


@dataclass
class _Archive:
    """A zip that notes the length and hash of everything that is put into it."""

    zip: zipfile.ZipFile
    files: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def member(self, name: str) -> Iterator[Callable[[bytes], None]]:
        digest, size = hashlib.sha256(), 0
        entry = zipfile.ZipInfo(name, datetime(1980, 1, 1, tzinfo=UTC).timetuple()[:6])
        entry.compress_type = zipfile.ZIP_DEFLATED
        with self.zip.open(entry, "w", force_zip64=True) as file:

            def write(piece: bytes) -> None:
                nonlocal size
                digest.update(piece)
                size += len(piece)
                file.write(piece)

            yield write
        self.files.append({"name": name, "bytes": size, "sha256": digest.hexdigest()})

    def json(self, name: str, value: Any) -> None:
        with self.member(name) as write:
            write(orjson.dumps(value, option=orjson.OPT_INDENT_2))


def run(
    database: Database,
    files: Files,
    organization_id: UUID,
    run_id: UUID,
    now: Callable[[], datetime],
    progress: privacy.Progress,
) -> None:
    """Write the zip, keep it for some days, and write the receipt."""
    with database.read(organization_id) as session:
        row = store.get(session, run_id)
        if row.state is not PrivacyState.RUNNING:
            return
        who = erasing.subject(session, row.identifiers, row.pseudonym)
        identifiers, reason = list(row.identifiers), row.reason
    with tempfile.TemporaryFile() as target:
        with zipfile.ZipFile(target, "w") as opened:
            archive = _Archive(opened)
            ids, hashes = _statements(database, organization_id, archive, who, progress)
            count = _attachments(database, files, organization_id, archive, sorted(hashes))
            documents = _documents(database, organization_id, archive, identifiers)
            _persons(database, organization_id, archive, identifiers)
            manifest = {
                "format": FORMAT,
                "request": run_id,
                "created_at": now(),
                "reason": reason,
                "identifiers": identifiers,
                "statements": len(ids),
                "attachments": count,
                "documents": len(documents),
                "files": archive.files.copy(),
            }
            archive.json(MANIFEST, manifest)
        target.seek(0)
        stored = files.put(cast("BinaryIO", target))
    with database.write(organization_id) as session:
        row = store.get(session, run_id, lock=True)
        row.file_id = keep(session, stored, media_type="application/zip", name=f"records-{run_id}.zip").id
        store.note(session, run_id, "statement", ((one, "exported", "") for one in ids))
        store.note(session, run_id, "document", ((one, "exported", "") for one in documents))
        row.counts = {"attachments": count, "file": {"sha256": stored.sha256, "bytes": stored.size}}
        privacy.finish(session, row, {}, now())


def _statements(
    database: Database,
    organization_id: UUID,
    archive: _Archive,
    who: erasing.Subject,
    progress: privacy.Progress,
) -> tuple[list[UUID], set[str]]:
    """Everything that names the person, in stored order; statements that only point to such are not among it."""
    ids, hashes, after = list[UUID](), set[str](), None
    with archive.member(STATEMENTS) as write:
        while True:
            with database.read(organization_id) as session:
                found = erasing.page(session, who, after, 250)
            if not found:
                return ids, hashes
            for item in found:
                statement = orjson.loads(item.payload)
                if erasing.names(statement, who.identifiers):
                    ids.append(item.id)
                    hashes |= {each["sha2"].lower() for _, each in declared_in(statement, "")}
                    write(item.payload + b"\n")
            after = found[-1].stored
            progress(0, f"{len(ids):,} statements")


def _attachments(database: Database, files: Files, organization_id: UUID, archive: _Archive, hashes: list[str]) -> int:
    count = 0
    for found in attached(database, organization_id, hashes):
        with archive.member(ATTACHMENTS + found.sha2) as write, files.open(found.sha256) as file:
            _copy(file, write)
        count += 1
    return count


def _copy(file: IO[bytes], write: Callable[[bytes], None]) -> None:
    while piece := file.read(CHUNK):
        write(piece)


def _documents(database: Database, organization_id: UUID, archive: _Archive, identifiers: Iterable[str]) -> list[UUID]:
    """Each state document and agent profile as it lies here, and a list that says what each is."""
    listed = list[dict[str, Any]]()
    with database.read(organization_id) as session:
        for number, row in enumerate(store.documents(session, list(identifiers)), start=1):
            name = f"{DOCUMENTS}{number:05}"
            with archive.member(name) as write:
                write(row.content)
            listed.append(
                {
                    "id": row.id, "file": name, "kind": row.kind.value, "document_id": row.document_id,
                    "activity": row.activity_iri, "agent": row.agent, "registration": row.registration,
                    "content_type": row.content_type, "updated_at": row.updated_at,
                }
            )  # fmt: skip
    archive.json("documents.json", listed)
    return [one["id"] for one in listed]


def _persons(database: Database, organization_id: UUID, archive: _Archive, identifiers: list[str]) -> None:
    with database.read(organization_id) as session:
        merges = [
            {
                "merged_at": row.merged_at, "identifiers": row.identifiers, "with": row.anchor,
                "undone_at": row.undone_at,
            }
            for row in privacy.merges(session, identifiers)
        ]  # fmt: skip
    archive.json("person.json", {"identifiers": identifiers, "merges": merges})
