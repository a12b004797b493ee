"""Taking statements over from another LRS: GET statements since the last time, page by page, every so often.

Each page is stored in one transaction with the place where the next one is, so that nothing is asked for twice but
what was under way. What was stored over there after the moment its first answer calls consistent is asked for again.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

import orjson

from core import audit, clock, jobs
from core.db import Database, Session, uuid7
from core.errors import Invalid, Problem
from core.files import Files
from core.outgoing import Answer
from lrs.services import imports, remotes
from lrs.services.imports import LARGEST_ATTACHMENT
from lrs.services.remotes import Address, Client, TryLater
from lrs.services.statements import StoredAttachment
from lrs.store import remotes as store
from lrs.tables import ExchangeState, Puller
from lrs.xapi import attachments, values
from lrs.xapi.attachments import MultipartError, Received

__all__ = ["Puller"]

JOB = "lrs.pull"
TOGETHER = 100
RUN_PAGES = 50
LARGEST_PAGE = 256 << 20


def add(
    session: Session,
    address: Address,
    *,
    since: datetime | None,
    every_minutes: int,
    credential_id: UUID,
    by: UUID | None,
    now: datetime,
) -> Puller:
    """Make a puller for what was stored over there after `since`. Raises Invalid naming every field."""
    _require(remotes.problems_of(address, is_new=True), every_minutes)
    kept = imports.start_stream(session, name=address.name, credential_id=credential_id, created_by=by, now=now)
    row = Puller(
        id=uuid7(), created_at=now, created_by=by, position=since, every_minutes=every_minutes, import_id=kept.id
    )
    remotes.fill(row, address)
    session.add(row)
    session.flush()
    _note(session, row, "created")
    wake(session, row.id)
    return row


def change(session: Session, puller_id: UUID, address: Address, every_minutes: int) -> Puller:
    """Change address, secret or rhythm. Raises Invalid, NotFound."""
    row = get(session, puller_id)
    problems = remotes.problems_of(address, is_new=False)
    if not address.secret and address.endpoint.split("/")[:3] != row.endpoint.split("/")[:3]:
        problems.append(Problem("secret", "The address leads elsewhere: enter the secret that is for there."))
    _require(problems, every_minutes)
    if address.endpoint.rstrip("/") + "/" != row.endpoint:
        row.more = None
    remotes.fill(row, address)
    row.every_minutes = every_minutes
    _note(session, row, "changed", new_secret=bool(address.secret))
    pull_now(session, row)
    return row


def _require(problems: list[Problem], every_minutes: int) -> None:
    if not 1 <= every_minutes <= 10_080:
        problems = [*problems, Problem("every_minutes", "Between 1 minute and a week.")]
    if problems:
        raise Invalid("This cannot be saved.", problems=problems)


def get(session: Session, puller_id: UUID) -> Puller:
    """The tenant's puller. Raises NotFound."""
    return store.get(session, Puller, puller_id)


def page(session: Session) -> list[Puller]:
    """All pullers, by name."""
    return store.page(session, Puller)


def pause(session: Session, puller_id: UUID) -> None:
    """Ask for nothing until it is resumed. Raises NotFound."""
    row = get(session, puller_id)
    row.state = ExchangeState.PAUSED
    _note(session, row, "paused")


def resume(session: Session, puller_id: UUID) -> None:
    """Go on where it was, at once. Raises NotFound."""
    row = get(session, puller_id)
    row.state = ExchangeState.ACTIVE
    _note(session, row, "resumed")
    pull_now(session, row)


def catch_up(session: Session, puller_id: UUID, since: datetime | None) -> None:
    """Ask again for everything stored over there after `since`; what is here already stays as it is."""
    row = get(session, puller_id)
    row.position, row.more, row.reached, row.consistent = since, None, None, None
    _note(session, row, "moved", to=since.isoformat() if since else None)
    pull_now(session, row)


def remove(session: Session, puller_id: UUID) -> None:
    """Forget a puller with its secret; what it brought stays. Raises NotFound."""
    row = get(session, puller_id)
    _note(session, row, "removed")
    kept = imports.of(session, row.import_id)
    kept.state, kept.finished_at = imports.ImportState.COMPLETED, clock.now()
    session.delete(row)


def _note(session: Session, row: Puller, what: str, **details: Any) -> None:
    kind, row_id, known = remotes.named(row)
    audit.record(session, f"lrs_puller.{what}", kind, row_id, details=known | details)


def wake(session: Session, puller_id: UUID, at: datetime | None = None) -> None:
    """Let a run start, unless one waits already."""
    if not jobs.is_waiting(session, JOB, puller_id):
        jobs.enqueue(session, JOB, {"puller_id": str(puller_id)}, subject=puller_id, run_at=at)


def pull_now(session: Session, row: Puller) -> None:
    """Do not wait for the next time."""
    row.failures, row.next_try_at = 0, None
    wake(session, row.id)
    jobs.hurry(session, JOB, row.id)


def wake_all(session: Session) -> int:
    """Let every puller whose time has come start; answer how many are not paused."""
    ids, now = store.awake(session, Puller), clock.now()
    for puller_id in ids:
        row = get(session, puller_id)
        if row.next_try_at is None or row.next_try_at <= now:
            wake(session, puller_id)
    return len(ids)


def run(database: Database, files: Files, organization_id: UUID, puller_id: UUID) -> int:
    """Take over what is new, for at most so many pages; answer how many statements came. Never two at once for one."""
    with database.read(organization_id) as session:
        row = get(session, puller_id)
        if row.state is ExchangeState.PAUSED:
            return 0
        secret = remotes.secret_of(row)
    came, is_done = 0, False
    try:
        with remotes.client(row.endpoint, row.version, row.username, secret) as client:
            for _ in range(RUN_PAGES):
                count, is_done = _take_page(database, files, organization_id, puller_id, client)
                came += count
                if is_done:
                    break
        with database.write(organization_id) as session:
            row = store.get(session, Puller, puller_id, lock=True)
            remotes.worked(row, clock.now())
            go_on_at = clock.now() + (timedelta(minutes=row.every_minutes) if is_done else timedelta())
            row.next_try_at = go_on_at
    except TryLater as error:
        with database.write(organization_id) as session:
            go_on_at = remotes.failed(store.get(session, Puller, puller_id, lock=True), error, clock.now())
    with database.write(organization_id) as session:
        wake(session, puller_id, go_on_at)
    return came


def _take_page(
    database: Database, files: Files, organization_id: UUID, puller_id: UUID, client: Client
) -> tuple[int, bool]:
    with database.read(organization_id) as session:
        row = get(session, puller_id)
    url = row.more or f"statements?{_query(row.position)}"
    answer = client.get(url, limit=LARGEST_PAGE)
    try:
        if not answer.is_success:
            remotes.require_understood(answer, client.line.origin)
            if row.more:  # a link that has expired: the position leads there again
                _forget_more(database, organization_id, puller_id)
            raise TryLater(f"{client.line.origin} answered {answer.status}: {answer.excerpt(200)}")
        part = _read(answer)
    finally:
        answer.close()
    try:
        with database.write(organization_id) as session:
            row = store.get(session, Puller, puller_id, lock=True)
            imports.take_part(session, files, part, row.import_id, part.statements, clock.now())
            _move(row, part, answer, is_first=row.more is None)
    finally:
        part.close()
    return len(part.statements), part.more is None


def _query(position: datetime | None) -> str:
    wanted = {"ascending": "true", "limit": str(TOGETHER), "attachments": "true"}
    if position is not None:
        wanted["since"] = values.format_timestamp(position)
    return urlencode(wanted)


def _forget_more(database: Database, organization_id: UUID, puller_id: UUID) -> None:
    with database.write(organization_id) as session:
        row = store.get(session, Puller, puller_id, lock=True)
        row.more = row.reached = row.consistent = None


def _move(row: Puller, part: "_Part", answer: Answer, *, is_first: bool) -> None:
    """Where the next page is; at the end, from where on the next run asks."""
    stamps = [values.parse_timestamp(str(item.get("stored"))) for item in part.statements if isinstance(item, dict)]
    last = max((stamp for stamp in stamps if stamp is not None), default=None)
    if is_first:
        row.reached = row.position
        consistent = values.parse_timestamp(answer.headers.get("X-Experience-API-Consistent-Through", ""))
        row.consistent = consistent
    if last is not None:
        row.reached = max(last, row.reached) if row.reached else last
    row.more = part.more
    if part.more is None and row.reached is not None:
        row.position = min(row.reached, row.consistent) if row.consistent else row.reached
        row.reached = row.consistent = None


class _Part:
    """One page: its statements, the link to the next one, and the attachments that came along."""

    def __init__(self, statements: Sequence[Any], more: str | None, received: Sequence[Received]) -> None:
        self.statements, self.more = statements, more
        self._received = {item.sha2: item for item in received}
        self._kept: dict[str, StoredAttachment] = {}

    def has(self, sha2: str) -> bool:
        """Whether the attachment's data came along."""
        return sha2 in self._received

    def attachment(self, files: Files, sha2: str, media_type: str) -> StoredAttachment:
        """Put the data into storage, once; its hash was looked at when it came."""
        if sha2 not in self._kept:
            item = self._received[sha2]
            stored = files.put(cast("Any", item.content), limit=LARGEST_ATTACHMENT)
            self._kept[sha2] = StoredAttachment(sha2, item.length, media_type, stored)
        return self._kept[sha2]

    def close(self) -> None:
        """Let go of the data."""
        for item in self._received.values():
            item.content.close()


def _read(answer: Answer) -> _Part:
    """A StatementResult, alone or with attachments behind it. Raises TryLater when it is neither."""
    content_type = answer.headers.get("Content-Type", "")
    kind, _ = attachments.media_type(content_type)
    received: list[Received] = []
    try:
        if kind == "multipart/mixed":
            parts = attachments.parts(answer.body, attachments.boundary_of(content_type))
            first = next(parts, None)
            content = first.read(LARGEST_PAGE) if first is not None else b""
            received = attachments.receive_all(parts, LARGEST_ATTACHMENT)
        else:
            content = answer.content
        found = orjson.loads(content)
        statements, more = found["statements"], found.get("more") or None
        if not isinstance(statements, list) or not isinstance(more, str | None):
            raise TypeError
    except (MultipartError, orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        for item in received:
            item.content.close()
        raise TryLater(f"The answer is no page of statements: {error}") from error
    return _Part(statements, more, received)
