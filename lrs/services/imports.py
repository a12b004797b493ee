"""Taking statements in from a file: NDJSON, or a zip of NDJSON with attachments, as an export writes them.

Each line is held against the standard by itself: valid ones are stored, the others listed with every reason. Ids and
timestamps stay. The authority becomes ours, as whoever brings the file vouches for it; who vouched before is kept
beside the statement. An interrupted import goes on where it was: each batch moves the position in its transaction.
"""

import hashlib
import struct
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import IO, Any, BinaryIO, Protocol, cast
from uuid import UUID, uuid5

import orjson

from core import audit, jobs
from core.db import Database, Session, organization_of, uuid7
from core.errors import Invalid, NotFound, StoaError, TooLarge
from core.errors import Problem as Place
from core.files import CHUNK, Files, StoredFile, get, keep
from lrs.services import credentials, statements
from lrs.services.building import account
from lrs.services.credentials import Caller, Scope, State
from lrs.services.export import ATTACHMENTS, STATEMENTS
from lrs.services.statements import Statement, StoredAttachment
from lrs.store import attachments as attachment_store
from lrs.store import credentials as credential_store
from lrs.store import imports as store
from lrs.tables import ImportRefusal, ImportState, StatementImport, StatementOrigin
from lrs.xapi import signatures
from lrs.xapi.attachments import declared_in
from lrs.xapi.versions import Version, is_of_2_0

__all__ = ["ImportRefusal", "ImportState", "StatementImport", "StatementOrigin"]

BATCH = 200
BATCH_BYTES = 4 << 20
LONGEST_LINE = 16 << 20
LARGEST_ATTACHMENT = 1 << 30
KEPT_REFUSALS = 10_000
"""Refused lines that are kept with their reasons; further ones are only counted."""
KEPT_CONTENT = 16_384
LARGEST_DIRECTORY = 64 << 20  # a zip's table of contents
RATIO, RATIO_FROM = 200, 256 << 20  # unpacked to packed, and from what size it is looked at

Progress = Callable[[int, str], None]


def own_credential(session: Session, *, home_page: str, hash_key: bytes, now: datetime) -> UUID:
    """The credential as which files are imported when no other is named: made at the first import, no client has it."""
    key = f"import-{organization_of(session).hex}"
    found = credential_store.find_by_key(session, key)
    if found is not None:
        return found[0]
    made = credentials.create(
        session, label="Imports", scopes=[Scope.STATEMENTS_WRITE, Scope.DEFINE],
        authority=account(home_page, "imports", "Imports"), hash_key=hash_key, now=now, key=key,
    )  # fmt: skip
    return made.id


def start(
    session: Session,
    stored: StoredFile,
    *,
    file_name: str,
    credential_id: UUID,
    created_by: UUID | None,
    now: datetime,
) -> StatementImport:
    """Note the upload and let a job take it in. Raises Invalid when the file is empty or the credential not in use."""
    credential = credentials.get(session, credential_id, now)
    if credential.state is not State.ACTIVE or not credential.caller.may(Scope.STATEMENTS_WRITE):
        problem = Place("credential", "This credential may not store statements any more.", "Choose another.")
        raise Invalid("The statements cannot be imported.", problems=[problem])
    if stored.size == 0:
        raise Invalid("The statements cannot be imported.", problems=[Place("statements", "The file is empty.")])
    file = keep(session, stored, media_type="application/octet-stream", name=file_name)
    row = StatementImport(
        id=uuid7(), file_name=file_name[:255], file_id=file.id, credential_id=credential_id, created_at=now,
        created_by=created_by,
    )  # fmt: skip
    session.add(row)
    session.flush()
    row.job_id = jobs.enqueue(
        session, "lrs.import_statements", {"import_id": str(row.id)}, subject=row.id, created_by=created_by
    )
    audit.record(
        session, "statements.import_started", "lrs_import", row.id,
        details={"file": row.file_name, "sha256": stored.sha256, "bytes": stored.size, "as": credential.label},
    )  # fmt: skip
    return row


def page(session: Session, limit: int = 50) -> list[StatementImport]:
    """The newest imports."""
    return store.page(session, limit)


def of(session: Session, import_id: UUID) -> StatementImport:
    """One import. Raises NotFound."""
    return store.get(session, import_id)


def refusals(session: Session, import_id: UUID, limit: int) -> list[ImportRefusal]:
    """The first refused lines."""
    return store.refusals(session, import_id, limit=limit)


def refusal_lines(database: Database, organization_id: UUID, import_id: UUID) -> Iterator[bytes]:
    """Every kept refusal as NDJSON: line, problems, and the line as it came."""
    with database.read(organization_id) as session:
        for row in store.all_refusals(session, import_id):
            yield orjson.dumps({"line": row.line, "problems": row.problems, "content": row.content}) + b"\n"


def origin(session: Session, statement_id: UUID) -> StatementOrigin | None:
    """Where an imported statement came from."""
    return store.origin(session, statement_id)


class Unreadable(Exception):
    """The file as a whole is not what it should be."""


class Attachments(Protocol):
    """The attachments that came along with statements."""

    def has(self, sha2: str) -> bool:
        """Whether the attachment's data came along."""

    def attachment(self, files: Files, sha2: str, media_type: str) -> StoredAttachment:
        """Put the data into storage, once. Raises Unreadable when it is not what its name says."""


@dataclass
class Source:
    """An opened file: its statements as lines, and the attachments that came along."""

    lines: IO[bytes]
    size: int
    archive: zipfile.ZipFile | None = None
    kept: dict[str, StoredAttachment] = field(default_factory=dict)

    def has(self, sha2: str) -> bool:
        """Whether the attachment's data came along."""
        return self.archive is not None and ATTACHMENTS + sha2 in self.archive.NameToInfo

    def attachment(self, files: Files, sha2: str, media_type: str) -> StoredAttachment:
        """Put the data into storage, once. Raises Unreadable when it is not what its name says."""
        if sha2 not in self.kept:
            assert self.archive is not None  # noqa: S101 - asked for only what `has` found
            name = ATTACHMENTS + sha2
            try:
                _require_hash(self.archive, name, sha2)
                with self.archive.open(name) as member:
                    stored = files.put(cast("BinaryIO", member), limit=LARGEST_ATTACHMENT)
            except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
                raise Unreadable(f"{name} cannot be read: {error}") from error
            self.kept[sha2] = StoredAttachment(sha2, stored.size, media_type, stored)
        return self.kept[sha2]


def _require_hash(archive: zipfile.ZipFile, name: str, sha2: str) -> None:
    digest = hashlib.new({56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}[len(sha2)])
    size = 0
    with archive.open(name) as member:
        while chunk := member.read(CHUNK):
            size += len(chunk)
            if size > LARGEST_ATTACHMENT:
                raise Unreadable(f"{name} is larger than {LARGEST_ATTACHMENT:,} bytes.")
            digest.update(chunk)
    if digest.hexdigest() != sha2:
        raise Unreadable(f"{name} does not have the hash that is its name.")


@contextmanager
def opened(file: BinaryIO) -> Iterator[Source]:
    """Look what kind of file it is and where its statements lie. Raises Unreadable."""
    start = file.read(4)
    size = file.seek(0, 2)
    file.seek(0)
    if not start.startswith(b"PK"):
        yield Source(file, size)
        return
    if _directory_size(file, size) > LARGEST_DIRECTORY:
        raise Unreadable("The table of contents of the zip is too large.")
    try:
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > RATIO_FROM and unpacked > RATIO * size:
                raise Unreadable("The zip unpacks to far more than any file of statements would.")
            entry = _statements_in(archive)
            with archive.open(entry) as lines:
                yield Source(lines, entry.file_size, archive)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise Unreadable(f"The zip cannot be read: {error}") from error


def _directory_size(file: BinaryIO, size: int) -> int:
    """How long the zip says its table of contents is (end of central directory record); 0 where there is none."""
    file.seek(max(0, size - 66_000))
    tail = file.read()
    file.seek(0)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 16:
        return 0
    return int(struct.unpack_from("<L", tail, at + 12)[0])


def _statements_in(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    found = [entry for entry in archive.infolist() if entry.filename == STATEMENTS]
    if not found:
        found = [entry for entry in archive.infolist() if entry.filename.endswith((".ndjson", ".jsonl"))]
    if len(found) != 1:
        raise Unreadable(f"The zip has no file {STATEMENTS}.")
    if found[0].flag_bits & 1:
        raise Unreadable("The zip is encrypted.")
    return found[0]


@dataclass
class _Line:
    """One line on its way: its number and text, and what was read from it or what is wrong with it."""

    number: int
    text: bytes
    statement: Statement = field(default_factory=dict)
    version: Version = Version.V1_0_3
    authority: Any = None
    stored: str | None = None
    problems: list[dict[str, str]] = field(default_factory=list)
    is_known: bool = False

    @property
    def id(self) -> UUID:
        return UUID(self.statement["id"])

    def refuse(self, path: str, message: str, requirement: str = "") -> None:
        """Say what is wrong."""
        self.problems.append({"path": path, "message": message, "requirement": requirement})


def run(
    database: Database, files: Files, organization_id: UUID, import_id: UUID, *, progress: Progress, now: datetime
) -> StatementImport:
    """Take the file in, from where the import is; answer it at its end."""
    with database.write(organization_id) as session:
        row = store.get(session, import_id, lock=True)
        if row.finished_at is not None:
            return row
        if row.file_id is None:
            raise NotFound("The file of this import is gone.")
        row.state = ImportState.RUNNING
        caller = credentials.get(session, row.credential_id, now).caller
        sha256 = get(session, row.file_id).sha256
        offset, number = row.offset, row.lines
    error = None
    try:
        with files.open(sha256) as file, opened(file) as source:
            source.lines.seek(offset)
            for batch, end in _batches(source.lines, offset, number, import_id):
                with database.write(organization_id) as session:
                    _take_in(session, files, source, store.get(session, import_id, lock=True), batch, end, caller)
                done = batch[-1].number
                progress(99 * end // max(source.size, 1), f"{done:,} lines")
    except Unreadable as problem:
        error = str(problem)
    except (zipfile.BadZipFile, EOFError) as problem:
        error = f"The zip is damaged: {problem}"
    with database.write(organization_id) as session:
        row = store.get(session, import_id, lock=True)
        _finish(session, row, error, now)
    return row


def start_stream(
    session: Session, *, name: str, credential_id: UUID, created_by: UUID | None, now: datetime
) -> StatementImport:
    """Note an import that has no file and no end: what is taken over from another LRS, part by part."""
    row = StatementImport(
        id=uuid7(), file_name=name[:255], credential_id=credential_id, state=ImportState.RUNNING, created_at=now,
        created_by=created_by,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def take_part(
    session: Session,
    files: Files,
    source: Attachments,
    import_id: UUID,
    received: Sequence[Any],
    now: datetime,
) -> None:
    """Check and store a part of such an import, and count it; each statement is a line, numbered on."""
    row = store.get(session, import_id, lock=True)
    caller = credentials.get(session, row.credential_id, now).caller
    batch = []
    for number, item in enumerate(received, start=row.lines + 1):
        line = _Line(number, orjson.dumps(item))
        _read(line, import_id)
        batch.append(line)
    if batch:
        _take_in(session, files, source, row, batch, 0, caller)


def _finish(session: Session, row: StatementImport, error: str | None, now: datetime) -> None:
    row.error = error
    row.state = ImportState.FAILED if error else ImportState.COMPLETED
    row.finished_at, row.file_id = now, None
    counts = {"lines": row.lines, "stored": row.stored, "known": row.known, "refused": row.refused}
    audit.record(session, "statements.imported", "lrs_import", row.id, details=counts | {"error": error})


def _batches(lines: IO[bytes], offset: int, number: int, import_id: UUID) -> Iterator[tuple[list[_Line], int]]:
    """Batches of lines with the position behind them; a batch is bounded by number and by size."""
    batch: list[_Line] = []
    size = 0
    while text := lines.readline(LONGEST_LINE + 1):
        number += 1
        length = len(text)
        line = _Line(number, text.strip(b"\xef\xbb\xbf \t\r\n") if number == 1 else text.strip())
        if length > LONGEST_LINE:
            line.refuse("line", f"is longer than {LONGEST_LINE:,} bytes")
            line.text = text[:KEPT_CONTENT]
            while text and not text.endswith(b"\n"):
                text = lines.readline(CHUNK)
                length += len(text)
        else:
            _read(line, import_id)
        batch.append(line)
        offset += length
        size += length
        if len(batch) >= BATCH or size >= BATCH_BYTES:
            yield batch, offset
            batch, size = [], 0
    if batch:
        yield batch, offset


def _read(line: _Line, import_id: UUID) -> None:
    if not line.text:
        return
    try:
        found = orjson.loads(line.text)
    except orjson.JSONDecodeError as error:
        line.refuse("line", f"is not JSON in UTF-8: {error}", "Communication 1.4")
        return
    if not isinstance(found, dict):
        line.refuse("line", "is no statement: a JSON object is one", "Data 2.2")
        return
    line.statement = found
    line.version = Version.V2_0 if is_of_2_0(found) else Version.V1_0_3
    # A line without an id gets the same one each time this file is read.
    found.setdefault("id", str(uuid5(import_id, str(line.number))))
    if "timestamp" not in found and "stored" in found:
        found["timestamp"] = found["stored"]


def _take_in(
    session: Session,
    files: Files,
    source: Attachments,
    row: StatementImport,
    batch: Sequence[_Line],
    end: int,
    caller: Caller,
) -> None:
    """Check and store one batch, note what is refused, move the position: all in one transaction."""
    attached: dict[str, StoredAttachment] = {}
    for line in batch:
        if line.statement and not line.problems:
            _check(session, files, source, line, caller, attached)
    good = [line for line in batch if line.statement and not line.problems]
    _keep(session, good, caller, list(attached.values()))
    good = [line for line in good if not line.problems]
    store.note_origins(
        session,
        [
            {"id": line.id, "import_id": row.id, "authority": line.authority, "stored": line.stored}
            for line in good
            if not line.is_known
        ],
    )
    refused = [line for line in batch if line.problems]
    store.refuse(
        session,
        row.id,
        [
            {"line": line.number, "problems": line.problems[:20], "content": _text(line.text)}
            for line in refused[: max(0, KEPT_REFUSALS - row.refused)]
        ],
    )
    row.offset, row.lines = end, batch[-1].number
    known = len({line.id for line in good if line.is_known}) + len(good) - len({line.id for line in good})
    row.known += known
    row.stored += len(good) - known
    row.refused += len(refused)


def _check(
    session: Session,
    files: Files,
    source: Attachments,
    line: _Line,
    caller: Caller,
    attached: dict[str, StoredAttachment],
) -> None:
    statement = line.statement
    try:
        statements.check(session, statement, caller, line.version)
    except StoaError as error:
        _refuse_by(line, error)
        return
    line.authority, line.stored = statement.pop("authority", None), statement.pop("stored", None)
    if "attachments" in statement or statement["object"].get("objectType") == "SubStatement":
        _check_attachments(session, files, source, line, attached)


def _refuse_by(line: _Line, error: StoaError) -> None:
    for problem in error.problems:
        line.refuse(problem.where, problem.what, problem.remedy)
    if not error.problems:
        line.refuse("statement", error.message)


def _check_attachments(
    session: Session, files: Files, source: Attachments, line: _Line, attached: dict[str, StoredAttachment]
) -> None:
    """The data of every attachment must have come along, be here already, or be found under its fileUrl."""
    declared = list(declared_in(line.statement, "statement"))
    known = attachment_store.known(session, {item["sha2"].lower() for _, item in declared})
    found: dict[str, StoredAttachment] = {}
    for at, item in declared:
        sha2 = item["sha2"].lower()
        if source.has(sha2):
            try:
                found[sha2] = source.attachment(files, sha2, item["contentType"])
            except (Unreadable, TooLarge) as error:
                line.refuse(at, str(error), "Data 2.4.11")
        elif sha2 not in known and "fileUrl" not in item:
            line.refuse(at, f"has no fileUrl, and {ATTACHMENTS}{sha2} is not in the file", "Data 2.4.11")
    signature = signatures.signature_of(line.statement)
    if signature is not None and (kept := found.get(signature["sha2"].lower())) is not None:
        with files.open(kept.file.sha256) as file:
            content = file.read(LONGEST_LINE)
        for problem in signatures.problems_of_signature(line.statement, content, "statement", line.version):
            line.refuse(problem.path, problem.message, problem.requirement)
    if not line.problems:
        attached |= found


def _keep(session: Session, lines: Sequence[_Line], caller: Caller, attached: list[StoredAttachment]) -> None:
    """Store what is valid: together, or one by one when something among it cannot be stored."""
    here = {item.id for item in statements.get_many(session, [line.id for line in lines])}
    for line in lines:
        line.is_known = line.id in here
    for version, group in groupby(lines, key=lambda line: line.version):  # in the order of the file
        batch = list(group)
        try:
            with session.begin_nested():
                _store(session, batch, caller, version, attached)
        except StoaError:
            for line in batch:
                own = [item for item in attached if item.sha2.encode() in line.text.lower()]
                try:
                    with session.begin_nested():
                        _store(session, [line], caller, version, own)
                except StoaError as error:
                    _refuse_by(line, error)


def _store(
    session: Session, batch: Sequence[_Line], caller: Caller, version: Version, attached: list[StoredAttachment]
) -> None:
    statements.store_checked(session, [line.statement for line in batch], caller, version=version, attached=attached)


def _text(content: bytes) -> str:
    """What PostgreSQL takes as text."""
    return content[:KEPT_CONTENT].decode("utf-8", "replace").replace("\0", "\ufffd")
