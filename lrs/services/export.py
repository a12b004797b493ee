"""Statements as a file: NDJSON, CSV, or a zip of NDJSON and attachments. Written while it is sent, page by page.

An export holds what the statement browser shows for the same filters, oldest first, as far as it was stored when the
export began. Voided statements are left out, as in every query of the standard; those that void are not.
"""

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson

from core.db import Database, Session
from core.files import CHUNK, Files
from lrs.services import browsing, credentials, queries
from lrs.services.browsing import Search
from lrs.services.credentials import Caller
from lrs.services.queries import AttachedFile
from lrs.services.sentences import sentence
from lrs.services.statements import authority_key
from lrs.store import attachments as attachment_store
from lrs.store import statements as store
from lrs.store.statements import Found, Selection
from lrs.xapi.attachments import declared_in
from lrs.xapi.statements import references

PAGE = 250
STATEMENTS = "statements.ndjson"
"""The name of the statements in a zip."""
ATTACHMENTS = "attachments/"
"""Where a zip has the data of attachments, each under its sha2."""


class Layout(StrEnum):
    """What an export is written as."""

    NDJSON = "ndjson"
    CSV = "csv"
    ZIP = "zip"

    @property
    def media_type(self) -> str:
        """The Content-Type of such a file."""
        return {"ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8", "zip": "application/zip"}[self]


def plan(session: Session, search: Search, caller: Caller | None = None) -> Selection:
    """What an export will hold; for a caller who reads only its own, those. Raises Invalid as the browser does."""
    selection = browsing.selection(session, search)
    end = queries.consistent_through(session)
    until = min(selection.until, end) if selection.until is not None else end
    authority = authority_key(caller.authority) if caller is not None and caller.reads_only_mine else None
    return replace(selection, until=until, authority=authority, ascending=True)


def stream(
    database: Database, files: Files, organization_id: UUID, selection: Selection, layout: Layout
) -> Iterator[bytes]:
    """The file in pieces. Each page is a transaction of its own, over before its piece is sent."""
    pages = _pages(database, organization_id, selection)
    if layout is Layout.NDJSON:
        return (b"".join(item.payload + b"\n" for item in page) for page in pages)
    if layout is Layout.CSV:
        return _csv(database, organization_id, pages)
    return _zip(database, files, organization_id, pages)


def _pages(database: Database, organization_id: UUID, selection: Selection) -> Iterator[list[Found]]:
    while True:
        with database.read(organization_id) as session:
            page = store.page(session, selection, PAGE)
        if page:
            yield page
        if len(page) < PAGE:
            return
        selection = replace(selection, after=page[-1].stored)


COLUMNS = (
    "id", "stored", "timestamp", "actor", "actor_id", "verb", "verb_id", "object_type", "object", "object_id",
    "registration", "success", "completion", "score_scaled", "score_raw", "score_min", "score_max", "duration",
    "response", "parents", "credential", "authority", "version",
)  # fmt: skip


def _csv(database: Database, organization_id: UUID, pages: Iterator[list[Found]]) -> Iterator[bytes]:
    yield _csv_lines([COLUMNS])
    for page in pages:
        with database.read(organization_id) as session:
            labels = credentials.labels(session, {item.credential_id for item in page if item.credential_id})
        yield _csv_lines([_cells(item, labels) for item in page])


def _csv_lines(rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([[harmless(cell) for cell in row] for row in rows])
    return text.getvalue().encode()


def harmless(cell: Any) -> Any:
    """The cell so that no spreadsheet takes a text for a formula: such texts stand behind an apostrophe."""
    is_formula = isinstance(cell, str) and cell.lstrip(" ")[:1] in ("=", "+", "-", "@", "\t", "\r", "\n", "|")
    return f"'{cell}" if is_formula else cell


def _cells(item: Found, labels: dict[UUID, str]) -> list[Any]:
    statement = orjson.loads(item.payload)
    words, found = sentence(statement), references(statement)
    result = statement.get("result", {})
    score = result.get("score", {})
    parents = statement.get("context", {}).get("contextActivities", {}).get("parent", [])
    return [
        str(item.id), statement["stored"], statement["timestamp"],
        words.actor.text, words.actor.key, words.verb.text, words.verb.key,
        words.kind, words.object.text, words.object.key, found.registration or "",
        _truth(result.get("success")), _truth(result.get("completion")),
        *(score.get(name, "") for name in ("scaled", "raw", "min", "max")),
        result.get("duration", ""), result.get("response", ""), " ".join(parent["id"] for parent in parents),
        labels.get(item.credential_id, "") if item.credential_id else "", _vouching(statement["authority"]),
        item.version,
    ]  # fmt: skip


def _truth(value: bool | None) -> str:
    return "" if value is None else str(value).lower()


def _vouching(authority: dict[str, Any]) -> str:
    return str(authority.get("name") or orjson.dumps(authority).decode())


class _Pipe:
    """What a zip is written into: it only keeps what has not been sent yet."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Nothing is held back."""

    def taken(self) -> bytes:
        """What was written since the last time."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def _zip(database: Database, files: Files, organization_id: UUID, pages: Iterator[list[Found]]) -> Iterator[bytes]:
    """Statements first, then each attachment once; the table of contents is what grows in memory, as in any zip."""
    pipe, wanted = _Pipe(), set[str]()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        with archive.open(_entry(STATEMENTS, zipfile.ZIP_DEFLATED), "w", force_zip64=True) as member:
            for page in pages:
                for item in page:
                    member.write(item.payload + b"\n")
                    if b'"attachments"' in item.payload:
                        wanted |= {found["sha2"].lower() for _, found in declared_in(orjson.loads(item.payload), "")}
                yield pipe.taken()
        for found in attached(database, organization_id, sorted(wanted)):
            with (
                archive.open(_entry(ATTACHMENTS + found.sha2, zipfile.ZIP_STORED), "w", force_zip64=True) as member,
                files.open(found.sha256) as file,
            ):
                while chunk := file.read(CHUNK):
                    member.write(chunk)
                    yield pipe.taken()
    yield pipe.taken()


def _entry(name: str, method: int) -> zipfile.ZipInfo:
    """The same statements make the same zip: its clock stands still."""
    entry = zipfile.ZipInfo(name, datetime(1980, 1, 1, tzinfo=UTC).timetuple()[:6])
    entry.compress_type = method
    return entry


def attached(database: Database, organization_id: UUID, hashes: list[str]) -> Iterator[AttachedFile]:
    """The attachments of these hashes whose data is here."""
    for start in range(0, len(hashes), PAGE):
        with database.read(organization_id) as session:
            known = attachment_store.known(session, hashes[start : start + PAGE])
        for sha2, (sha256, length) in known.items():
            yield AttachedFile(sha2, "", sha256, length)
