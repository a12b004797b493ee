"""Sending what is stored on to other LRSs.

A forwarder follows the order in which statements are stored, which is the order of commits, so that nothing can turn up
behind it. Its position moves when everything before it has been delivered or is a dead letter; between the other side's
yes and that commit it may crash, so a statement is delivered at least once; an LRS answers the same the second time.
"""

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

import orjson

from core import audit, clock, jobs
from core.db import Database, Session, uuid7
from core.errors import Invalid, NotFound, Problem
from core.files import CHUNK, Files
from core.outgoing import Answer
from lrs.services import browsing, queries, remotes
from lrs.services.browsing import Search
from lrs.services.queries import AttachedFile
from lrs.services.remotes import Address, Client, TryLater
from lrs.store import attachments as attachment_store
from lrs.store import remotes as store
from lrs.store import statements as statement_store
from lrs.store.statements import Found
from lrs.tables import DeadLetter, ExchangeState, Forwarder
from lrs.xapi import attachments, comparison
from lrs.xapi.attachments import Outgoing, declared_in
from lrs.xapi.formats import Format
from lrs.xapi.versions import Version

__all__ = ["DeadLetter", "ExchangeState", "Forwarder"]

JOB = "lrs.forward"
TOGETHER = 100
TOGETHER_BYTES = 2 << 20
RUN_SECONDS = 40.0
FILTERS = ("person", "verb", "activity", "registration", "credential")
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Standing:
    """A forwarder and how far behind it is: statements not looked at yet, counted up to `COUNTED`."""

    forwarder: Forwarder
    behind: int
    dead: int


COUNTED = 10_000


def add(
    session: Session, address: Address, search: Search, *, since: datetime | None, by: UUID | None, now: datetime
) -> Forwarder:
    """Make a forwarder for what is stored after `since` (none: all there is). Raises Invalid naming every field."""
    row = Forwarder(id=uuid7(), created_at=now, created_by=by, position=since or _LONG_AGO, filters={})
    _fill(session, row, address, search, is_new=True)
    session.add(row)
    session.flush()
    _note(session, row, "created", filters=row.filters)
    wake(session, row.id)
    return row


def change(session: Session, forwarder_id: UUID, address: Address, search: Search) -> Forwarder:
    """Change address, secret or filters; what was passed over before stays passed over. Raises Invalid, NotFound."""
    row = get(session, forwarder_id)
    before = {"endpoint": row.endpoint, "username": row.username, "filters": row.filters}
    _fill(session, row, address, search, is_new=False)
    _note(session, row, "changed", before=before, filters=row.filters, new_secret=bool(address.secret))
    retry_now(session, row)
    return row


def _fill(session: Session, row: Forwarder, address: Address, search: Search, *, is_new: bool) -> None:
    problems = remotes.problems_of(address, is_new=is_new)
    if not is_new and not address.secret and _origin(address.endpoint) != _origin(row.endpoint):
        problems.append(Problem("secret", "The address leads elsewhere: enter the secret that is for there."))
    try:
        browsing.selection(session, search)
    except (Invalid, NotFound) as error:
        problems += error.problems or [Problem("credential", error.message)]
    if problems:
        raise Invalid("This cannot be saved.", problems=problems)
    remotes.fill(row, address)
    row.filters = {name: text for name, text in asdict(search).items() if text and name in FILTERS}


def _origin(url: str) -> str:
    return "/".join(url.split("/")[:3]).lower()


def get(session: Session, forwarder_id: UUID) -> Forwarder:
    """The tenant's forwarder. Raises NotFound."""
    return store.get(session, Forwarder, forwarder_id)


def page(session: Session) -> list[Standing]:
    """All forwarders and how they stand."""
    rows = store.page(session, Forwarder)
    dead = store.count_dead(session, [row.id for row in rows])
    return [Standing(row, store.count_behind(session, row.position, COUNTED), dead.get(row.id, 0)) for row in rows]


def standing(session: Session, forwarder_id: UUID) -> Standing:
    """One forwarder and how it stands. Raises NotFound."""
    row = get(session, forwarder_id)
    dead = store.count_dead(session, [row.id]).get(row.id, 0)
    return Standing(row, store.count_behind(session, row.position, COUNTED), dead)


def dead_letters(session: Session, forwarder_id: UUID, limit: int = 50) -> list[DeadLetter]:
    """The oldest dead letters."""
    return store.dead_letters(session, forwarder_id, limit=limit)


def pause(session: Session, forwarder_id: UUID) -> None:
    """Send nothing until it is resumed; the position stays. Raises NotFound."""
    row = get(session, forwarder_id)
    row.state = ExchangeState.PAUSED
    _note(session, row, "paused")


def resume(session: Session, forwarder_id: UUID) -> None:
    """Go on where it was, at once. Raises NotFound."""
    row = get(session, forwarder_id)
    row.state = ExchangeState.ACTIVE
    _note(session, row, "resumed")
    retry_now(session, row)


def catch_up(session: Session, forwarder_id: UUID, since: datetime) -> None:
    """Send everything again that is stored after `since`, or pass over what is before it. Raises NotFound."""
    row = get(session, forwarder_id)
    _note(session, row, "moved", before=row.position.isoformat(), to=since.isoformat())
    row.position = since
    retry_now(session, row)


def remove(session: Session, forwarder_id: UUID) -> None:
    """Forget a forwarder with its secret and its dead letters. Raises NotFound."""
    row = get(session, forwarder_id)
    _note(session, row, "removed")
    session.delete(row)


def retry_dead(session: Session, forwarder_id: UUID, letter_id: UUID | None = None) -> None:
    """Try one dead letter again, or all. Raises NotFound."""
    row = get(session, forwarder_id)
    if not store.mark_to_retry(session, forwarder_id, letter_id) and letter_id is not None:
        raise NotFound("There is no such dead letter.")
    _note(session, row, "dead_letters_retried")
    retry_now(session, row)


def discard_dead(session: Session, forwarder_id: UUID, letter_id: UUID | None = None) -> None:
    """Forget one dead letter, or all: these statements stay here only. Raises NotFound."""
    row = get(session, forwarder_id)
    count = store.discard(session, forwarder_id, letter_id)
    if not count and letter_id is not None:
        raise NotFound("There is no such dead letter.")
    _note(session, row, "dead_letters_discarded", count=count)


def _note(session: Session, row: Forwarder, what: str, **details: Any) -> None:
    kind, row_id, known = remotes.named(row)
    audit.record(session, f"lrs_forwarder.{what}", kind, row_id, details=known | details)


def wake(session: Session, forwarder_id: UUID, at: datetime | None = None) -> None:
    """Let a run start, unless one waits already."""
    if not jobs.is_waiting(session, JOB, forwarder_id):
        jobs.enqueue(session, JOB, {"forwarder_id": str(forwarder_id)}, subject=forwarder_id, run_at=at)


def retry_now(session: Session, row: Forwarder) -> None:
    """Do not wait for the end of a pause."""
    row.failures, row.next_try_at = 0, None
    wake(session, row.id)
    jobs.hurry(session, JOB, row.id)


def wake_all(session: Session) -> int:
    """Let every forwarder of the tenant that is not paused look for statements; answer how many there are."""
    ids = store.awake(session, Forwarder)
    for forwarder_id in ids:
        wake(session, forwarder_id)
    return len(ids)


@dataclass(frozen=True)
class Outcome:
    """What a run did: how many it delivered and buried, and whether there is more, and when to go on."""

    delivered: int = 0
    buried: int = 0
    go_on_at: datetime | None = None


def run(database: Database, files: Files, organization_id: UUID, forwarder_id: UUID) -> Outcome:
    """Send what there is, for at most some seconds; note how it went. Never two at once for one forwarder."""
    with database.read(organization_id) as session:
        row = get(session, forwarder_id)
        if row.state is ExchangeState.PAUSED:
            return Outcome()
        secret = remotes.secret_of(row)
    mailing = _Mailing(database, files, organization_id, row)
    go_on_at: datetime | None = None
    try:
        with remotes.client(row.endpoint, row.version, row.username, secret) as client:
            is_done = mailing.send(client)
        with database.write(organization_id) as session:
            remotes.worked(store.get(session, Forwarder, forwarder_id, lock=True), clock.now())
        go_on_at = None if is_done else clock.now()
    except TryLater as error:
        with database.write(organization_id) as session:
            go_on_at = remotes.failed(store.get(session, Forwarder, forwarder_id, lock=True), error, clock.now())
    if go_on_at is not None:
        with database.write(organization_id) as session:
            wake(session, forwarder_id, go_on_at)
    return Outcome(mailing.delivered, mailing.buried, go_on_at)


class _Mailing:
    """One run of one forwarder."""

    def __init__(self, database: Database, files: Files, organization_id: UUID, row: Forwarder) -> None:
        self._database, self._files, self._organization_id = database, files, organization_id
        self._id, self._version = row.id, Version(row.version)
        self._search = Search(**row.filters)
        self.delivered = self.buried = 0

    def send(self, client: Client) -> bool:
        """Dead letters that are to be tried again, then what is new; whether everything there is was sent."""
        ends_at = time.monotonic() + RUN_SECONDS
        while time.monotonic() < ends_at:
            if not self._send_again(client):
                break
        while time.monotonic() < ends_at:
            if not self._send_next(client):
                return True
        return False

    def _send_again(self, client: Client) -> bool:
        with self._database.read(self._organization_id) as session:
            letters = store.dead_letters(session, self._id, limit=TOGETHER, only_to_retry=True)
            found = statement_store.find_many(session, [letter.statement_id for letter in letters])
        for item in found.values():
            verdict = self._send_one(client, item)
            with self._database.write(self._organization_id) as session:
                if verdict is None:
                    letter = next(letter for letter in letters if letter.statement_id == item.id)
                    store.discard(session, self._id, letter.id)
                    store.get(session, Forwarder, self._id).delivered += 1
                    self.delivered += 1
                else:
                    self._bury(session, item, verdict)
        return bool(letters) and bool(found)

    def _send_next(self, client: Client) -> bool:
        """Send the next batch and move the position behind it; whether there may be more."""
        with self._database.read(self._organization_id) as session:
            position = get(session, self._id).position
            end = queries.consistent_through(session)
            try:
                selection = browsing.selection(session, self._search)
            except (Invalid, NotFound) as error:
                raise TryLater(f"The filter cannot be used any more: {error.message}") from error
            selection = replace(selection, after=position, until=end, ascending=True)
            found = statement_store.page(session, selection, TOGETHER)
        batch = _bounded(found)
        verdicts = self._deliver(client, batch)
        is_last = len(found) < TOGETHER and len(batch) == len(found)
        reached = max(end, position) if is_last else batch[-1].stored
        with self._database.write(self._organization_id) as session:
            if not store.move(session, self._id, position, reached):
                return True  # somebody has set another start meanwhile: what was sent was sent
            for item, verdict in verdicts:
                self._bury(session, item, verdict)
            store.get(session, Forwarder, self._id).delivered += len(batch) - len(verdicts)
        self.delivered += len(batch) - len(verdicts)
        return not is_last

    def _bury(self, session: Session, item: Found, verdict: "_Verdict") -> None:
        self.buried += 1
        now = clock.now()
        store.bury(
            session,
            {
                "forwarder_id": self._id, "statement_id": item.id, "status": verdict.status,
                "answer": verdict.message[:2000], "created_at": now, "last_at": now,
            },
        )  # fmt: skip

    def _deliver(self, client: Client, batch: Sequence[Found]) -> list[tuple[Found, "_Verdict"]]:
        """Send a batch: what has no attachments together, the rest one by one. Answer what is not wanted, and why."""
        refused: list[tuple[Found, _Verdict]] = []
        plain: list[Found] = []
        for item in [*batch, None]:
            if item is not None and b'"attachments"' not in item.payload:
                plain.append(item)
                continue
            refused += self._send_plain(client, plain)
            plain = []
            if item is not None and (verdict := self._send_one(client, item)) is not None:
                refused.append((item, verdict))
        return refused

    def _send_plain(self, client: Client, items: Sequence[Found]) -> Iterable[tuple[Found, "_Verdict"]]:
        if not items:
            return []
        if len(items) > 1:
            texts = self._texts(items)
            answer = client.post("statements", b"[" + b",".join(texts) + b"]", {"Content-Type": "application/json"})
            if answer.is_success:
                return []
            remotes.require_understood(answer, client.line.origin)
        found = ((item, self._send_one(client, item)) for item in items)
        return [(item, verdict) for item, verdict in found if verdict is not None]

    def _send_one(self, client: Client, item: Found) -> "_Verdict | None":
        """Send one statement; None when the other side has it now. Raises TryLater."""
        (text,) = self._texts([item])
        attached = self._attached(item)
        if attached:
            answer = self._post_multipart(client, text, attached)
        else:
            answer = client.post("statements", text, {"Content-Type": "application/json"})
        if answer.is_success:
            return None
        if answer.status == 409 and self._is_there(client, item, text):
            return None
        remotes.require_understood(answer, client.line.origin)
        return _Verdict(answer.status, answer.excerpt(1000) or f"Answered {answer.status} without a word.")

    def _texts(self, items: Sequence[Found]) -> list[bytes]:
        with self._database.read(self._organization_id) as session:
            return queries.written(session, items, Format.EXACT, self._version, None)

    def _is_there(self, client: Client, item: Found, text: bytes) -> bool:
        """Whether the other side has the same statement, so that its 409 only means: I know."""
        answer = client.get(f"statements?statementId={quote(str(item.id))}")
        if answer.status == 404:
            answer = client.get(f"statements?voidedStatementId={quote(str(item.id))}")
        if not answer.is_success:
            return False
        try:
            theirs = orjson.loads(answer.content)
            return isinstance(theirs, dict) and comparison.are_same(orjson.loads(text), theirs, self._version)
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            return False

    def _attached(self, item: Found) -> list[AttachedFile]:
        """The attachment data of a statement that is here."""
        if b'"attachments"' not in item.payload:
            return []
        declared = {found["sha2"].lower(): found for _, found in declared_in(orjson.loads(item.payload), "")}
        with self._database.read(self._organization_id) as session:
            known = attachment_store.known(session, declared)
        return [AttachedFile(sha2, declared[sha2]["contentType"], *known[sha2]) for sha2 in declared if sha2 in known]

    def _post_multipart(self, client: Client, text: bytes, attached: Sequence[AttachedFile]) -> Answer:
        boundary = secrets.token_hex(16)

        def body(with_data: bool) -> Iterator[bytes]:
            parts = [Outgoing(f.sha2, f.content_type, self._data(f) if with_data else ()) for f in attached]
            return attachments.multipart([text], parts, boundary)

        length = sum(map(len, body(False))) + sum(item.length for item in attached)
        kind = f'multipart/mixed; boundary="{boundary}"'
        return client.post("statements", body(True), {"Content-Type": kind, "Content-Length": str(length)})

    def _data(self, item: AttachedFile) -> Iterator[bytes]:
        with self._files.open(item.sha256) as file:
            while chunk := file.read(CHUNK):
                yield chunk


@dataclass(frozen=True)
class _Verdict:
    """Why the other side does not take a statement."""

    status: int
    message: str


def _bounded(found: Sequence[Found]) -> list[Found]:
    """As many as go into one request."""
    batch: list[Found] = []
    size = 0
    for item in found:
        size += len(item.payload)
        if batch and size > TOGETHER_BYTES:
            break
        batch.append(item)
    return batch
