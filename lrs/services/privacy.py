"""Somebody's records: export, delete, pseudonymize. Asked for with a reason, shown before, confirmed, done in slices,
and witnessed by a receipt that holds no name.

The receipt's digest is sealed with the installation's key, so a receipt that was changed is found out.
"""

import hashlib
import secrets
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from core import audit, jobs, sealing
from core.db import Database, Session, uuid7
from core.errors import Conflict, Invalid, NotFound, Problem, Unavailable
from lrs.services import erasing, personas
from lrs.services.erasing import Decision, Outcome
from lrs.store import personas as persona_store
from lrs.store import privacy as store
from lrs.store import remotes as remote_store
from lrs.store import statements as statement_store
from lrs.tables import Attachment, Forwarder, PrivacyAct, PrivacyItem, PrivacyRun, PrivacyState
from lrs.xapi import pseudonyms

__all__ = ["PrivacyAct", "PrivacyItem", "PrivacyRun", "PrivacyState"]

FILE_KEPT_FOR = timedelta(days=7)
"""How long an export can be fetched."""
SHOWN = 50
FORMAT = "stoa-privacy-receipt/1"

Progress = Callable[[int, str], None]


@dataclass(frozen=True)
class By:
    """Who asks or confirms: the person, and what they are called."""

    id: UUID
    name: str


def ask(session: Session, one: str, act: PrivacyAct, reason: str, by: By, now: datetime) -> PrivacyRun:
    """Ask for somebody's records by one of their identifiers; a job looks what there is. Nothing is touched yet.

    Raises Invalid without a reason.
    """
    if not reason.strip():
        raise Invalid("Say why.", problems=[Problem("reason", "Say why: it stands on the receipt.")])
    row = draft(session, act, reason.strip()[:500], by, now)
    row.identifiers = erasing.identifiers_of(session, one)
    row.digests = [hashlib.sha256(f"{row.salt}{item}".encode("utf-8", "surrogatepass")).hexdigest() for item in
                   row.identifiers]  # fmt: skip
    session.flush()
    look(session, row, by)
    return row


def draft(session: Session, act: PrivacyAct, reason: str, by: By | None, now: datetime) -> PrivacyRun:
    """A run of nobody's yet."""
    row = PrivacyRun(
        id=uuid7(), act=act, identifiers=[], salt=secrets.token_hex(16), digests=[],
        pseudonym=pseudonyms.pseudonym(str(uuid.uuid4())), reason=reason, preview={}, counts={}, created_at=now,
        created_by=by.id if by else None, requester=by.name if by else "",
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def look(session: Session, row: PrivacyRun, by: By) -> None:
    """Let a job find out what will be touched."""
    row.job_id = jobs.enqueue(session, "lrs.look_before", {"run_id": str(row.id)}, subject=row.id, created_by=by.id)
    audit.record(session, f"privacy.{row.act.value}_requested", "lrs_privacy_run", row.id, details={"why": row.reason})


def page(session: Session, rule_id: UUID | None = None, limit: int = 100) -> list[PrivacyRun]:
    """The newest requests, of one rule where one is named."""
    return store.page(session, rule_id, limit)


def get(session: Session, run_id: UUID) -> PrivacyRun:
    """The tenant's request. Raises NotFound."""
    return store.get(session, run_id)


def confirm(session: Session, run_id: UUID, by: By, now: datetime) -> PrivacyRun:
    """Begin: what was shown is done. Raises NotFound, Conflict when it was begun or called off already."""
    row = store.get(session, run_id, lock=True)
    if row.state is not PrivacyState.READY:
        raise Conflict("This request has been begun or called off already, or is not ready yet.")
    row.confirmed_at, row.confirmed_by, row.confirmer = now, by.id, by.name
    begin(session, row, by.id)
    audit.record(session, f"privacy.{row.act.value}_confirmed", "lrs_privacy_run", row.id, details={"why": row.reason})
    return row


def begin(session: Session, row: PrivacyRun, by: UUID | None) -> None:
    """Let a job do it."""
    row.state = PrivacyState.RUNNING
    handler = "lrs.retain_by_rule" if row.rule is not None else "lrs.do_for_privacy"
    row.job_id = jobs.enqueue(session, handler, {"run_id": str(row.id)}, subject=row.id, created_by=by)


def cancel(session: Session, run_id: UUID, now: datetime) -> PrivacyRun:
    """Call a request off before it has begun. Raises NotFound, Conflict."""
    row = store.get(session, run_id, lock=True)
    if row.state not in (PrivacyState.LOOKING, PrivacyState.READY):
        raise Conflict("This request has been begun already.")
    row.state, row.finished_at, row.identifiers = PrivacyState.CANCELLED, now, []
    audit.record(session, f"privacy.{row.act.value}_cancelled", "lrs_privacy_run", row.id)
    return row


class Seen:
    """What a look found: how many of each outcome, and the first that are kept, with why."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.why: Counter[str] = Counter()
        self.kept: list[dict[str, str]] = []
        self.attachments: set[str] = set()

    def add(self, decisions: Sequence[Decision]) -> None:
        """Take a slice in."""
        for item in decisions:
            self.outcomes[item.outcome.value] += 1
            self.attachments |= item.hashes
            if item.outcome is Outcome.KEPT:
                self.why[item.why] += 1
                if len(self.kept) < SHOWN:
                    self.kept.append({"id": str(item.found.id), "why": item.why})

    def told(self) -> dict[str, Any]:
        """As the run keeps it."""
        return {
            "statements": dict(self.outcomes), "attachments": len(self.attachments), "kept": self.kept,
            "why": dict(self.why.most_common(SHOWN)),
        }  # fmt: skip


def preview(database: Database, organization_id: UUID, run_id: UUID, progress: Progress) -> None:
    """Find out what a request for somebody's records will touch, and what is held back."""
    seen, after, looked = Seen(), None, 0
    while True:
        with database.read(organization_id) as session:
            row = store.get(session, run_id)
            if row.state is not PrivacyState.LOOKING:
                return
            who = erasing.subject(session, row.identifiers, row.pseudonym)
            found = erasing.page(session, who, after)
            seen.add(erasing.decide(session, found, row.act, who))
        if not found:
            break
        after, looked = found[-1].stored, looked + len(found)
        progress(0, f"{looked:,} statements looked at")
    with database.write(organization_id) as session:
        row = store.get(session, run_id, lock=True)
        told = seen.told()
        if row.act is PrivacyAct.EXPORT:
            told = {"statements": {"exported": sum(seen.outcomes.values())}}
        else:
            told["refusals"] = store.count_refusals(session, _words(row.identifiers))
        told |= {
            "documents": store.count_documents(session, row.identifiers),
            "identifiers": len(row.identifiers),
            "merges": len(store.merges_of(session, row.identifiers)),
            "other_stores": _other_stores(session),
        }
        show(row, told)


def show(row: PrivacyRun, told: Mapping[str, Any]) -> None:
    """Keep what was found, for somebody to confirm it."""
    row.preview = dict(told)
    if row.state is PrivacyState.LOOKING:
        row.state = PrivacyState.READY


def _other_stores(session: Session) -> list[str]:
    """Where statements were forwarded to: what is there, is there."""
    return sorted(f"{row.name} ({row.endpoint})" for row in remote_store.page(session, Forwarder) if row.delivered)


def _words(identifiers: Sequence[str]) -> list[list[str]]:
    """What a text must hold to name somebody: for each identifier, all of these words."""
    found = []
    for item in identifiers:
        kind, _, rest = item.partition("|")
        found.append(list(rest.rpartition("|")[::2]) if kind == "account" else [rest.removeprefix("mailto:")])
    return found


def run(
    database: Database, organization_id: UUID, run_id: UUID, now: Callable[[], datetime], progress: Progress
) -> None:
    """Delete or pseudonymize, slice by slice, from where it was interrupted if it was; then the receipt."""
    with database.read(organization_id) as session:
        if store.get(session, run_id).state is not PrivacyState.RUNNING:
            return
    while True:
        while _slice(database, organization_id, run_id, now()):
            progress(0, "Statements")
        let_go_of_attachments(database, organization_id, run_id)
        with database.write(organization_id) as session:
            persona_store.lock(session)  # nobody is judged by who they were while that is being forgotten
            row = store.get(session, run_id, lock=True)
            who = erasing.subject(session, row.identifiers, row.pseudonym)
            if erasing.page(session, who, row.position, 1):
                continue
            _finish_person(session, row, now())
            return


def _slice(database: Database, organization_id: UUID, run_id: UUID, now: datetime) -> bool:
    with database.write(organization_id) as session:
        row = store.get(session, run_id, lock=True)
        who = erasing.subject(session, row.identifiers, row.pseudonym)
        found = erasing.page(session, who, row.position)
        if not found:
            return False
        decisions = erasing.decide(session, found, row.act, who)
        row.position = found[-1].stored
        session.flush()
        erasing.carry_out(session, run_id, decisions, now, note_kept=True)
        return True


def let_go_of_attachments(database: Database, organization_id: UUID, run_id: UUID) -> None:
    """Delete attachment data that no statement declares any more.

    First all statements are looked through, then, while nobody stores attachments, those that came since.
    """
    while True:
        with database.read(organization_id) as session:
            since = statement_store.consistent_through(session)
            some = store.waiting(session, run_id, 50)
            declared = store.declared(session, [item.sha2 for item in some], None)
        with database.write(organization_id) as session:
            if not some:
                store.drop_waiting(session, run_id)
                return
            store.lock_attachments(session)
            free = [item for item in some if item.sha2.lower() not in {sha2.lower() for sha2 in declared}]
            declared |= store.declared(session, [item.sha2 for item in free], since)
            _settle(session, run_id, some, declared)


def _settle(session: Session, run_id: UUID, some: Sequence[Attachment], declared: set[str]) -> None:
    kept = [item.id for item in some if item.sha2 in declared]
    gone = [item.id for item in some if item.sha2 not in declared]
    store.delete_attachments(session, gone)
    store.settle(session, run_id, gone, Outcome.DELETED.value, "")
    store.settle(session, run_id, kept, Outcome.KEPT.value, "another statement declares it")


def _finish_person(session: Session, row: PrivacyRun, now: datetime) -> None:
    gone = store.delete_documents(session, row.identifiers)
    store.note(session, row.id, "document", [(item, Outcome.DELETED.value, "") for item in gone])
    refused = store.delete_refusals(session, _words(row.identifiers))
    others = [item for item in row.identifiers if item != _account_of(session, row)]
    ended = store.end_credentials(session, others, row.pseudonym, now)
    merges = store.forget_persons(session, row.identifiers)
    finish(session, row, {"refused requests": refused, "credentials ended": ended, "merges forgotten": merges}, now)


def _account_of(session: Session, row: PrivacyRun) -> str | None:
    return erasing.subject(session, row.identifiers, row.pseudonym).account


def finish(session: Session, row: PrivacyRun, others: Mapping[str, int], now: datetime) -> None:
    """Write the receipt, seal it, and forget who it was about."""
    counted = store.item_counts(session, row.id)
    things: dict[str, dict[str, int]] = {}
    for (kind, outcome), count in counted.items():
        things.setdefault(kind, {})[outcome] = count
    row.counts = {**row.counts, **things, **{name: count for name, count in others.items() if count}}
    if stores := _other_stores(session):
        row.counts["other_stores"] = stores
    row.state, row.finished_at, row.identifiers, row.pseudonym = PrivacyState.COMPLETED, now, [], ""
    session.flush()
    session.refresh(row)
    digest = hashlib.sha256(orjson.dumps(receipt(session, row), option=orjson.OPT_SORT_KEYS)).digest()
    row.digest = digest.hex()
    row.seal, row.seal_key_id = sealing.seal(digest, _belongs_to(row)), sealing.key_id()
    audit.record(
        session, f"privacy.{row.act.value}_completed", "lrs_privacy_run", row.id,
        details={"digest": row.digest, "counts": row.counts},
    )  # fmt: skip


def _belongs_to(row: PrivacyRun) -> bytes:
    return b"lrs_privacy_runs:" + row.id.bytes


def receipt(session: Session, row: PrivacyRun) -> dict[str, Any]:
    """What a run did: who wanted it, when, why, and what became of each thing; about whom only as salted digests."""
    return {
        "format": FORMAT,
        "id": row.id,
        "act": row.act.value,
        "rule": row.rule,
        "reason": row.reason,
        "requested_at": row.created_at,
        "requested_by": {"id": row.created_by, "name": row.requester},
        "confirmed_at": row.confirmed_at,
        "confirmed_by": {"id": row.confirmed_by, "name": row.confirmer},
        "finished_at": row.finished_at,
        "salt": row.salt,
        "identifiers_sha256": row.digests,
        "counts": row.counts,
        "things": [
            {"kind": item.kind, "id": item.thing_id, "outcome": item.outcome, "why": item.why}
            for item in store.items(session, row.id)
        ],
    }


@dataclass(frozen=True)
class Sealed:
    """A receipt with its digest, and whether the seal confirms it."""

    receipt: Mapping[str, Any]
    digest: str
    is_intact: bool


def sealed_receipt(session: Session, run_id: UUID) -> Sealed:
    """The receipt of a run that is over, checked against its seal. Raises NotFound."""
    row = store.get(session, run_id)
    if row.seal is None or row.digest is None:
        raise NotFound("There is no receipt yet.")
    told = receipt(session, row)
    digest = hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).digest()
    try:
        is_intact = sealing.unseal(row.seal, _belongs_to(row), row.seal_key_id) == digest
    except Unavailable:
        is_intact = False
    return Sealed(told, digest.hex(), is_intact and row.digest == digest.hex())


def seal_anew(session: Session) -> int:
    """Seal with the present key what another one sealed; answer how many receipts that were."""
    count = 0
    for row in store.sealed_by_others(session, sealing.key_id()):
        digest = sealing.unseal(row.seal or b"", _belongs_to(row), row.seal_key_id)
        row.seal, row.seal_key_id = sealing.seal(digest, _belongs_to(row)), sealing.key_id()
        count += 1
    return count


def kept(session: Session, run_id: UUID) -> list[PrivacyItem]:
    """The first things that a run kept, with why."""
    return store.some_items(session, run_id, Outcome.KEPT.value, SHOWN)


def matches(row: PrivacyRun, one: str) -> bool:
    """Whether a receipt is about somebody, as one of whose identifiers was this."""
    return hashlib.sha256(f"{row.salt}{one}".encode("utf-8", "surrogatepass")).hexdigest() in row.digests


def forget_exports(session: Session, now: datetime) -> int:
    """Let go of exports that have lain long enough; answer how many."""
    rows = store.exports_before(session, now - FILE_KEPT_FOR)
    for row in rows:
        row.file_id = None
    return len(rows)


def merges(session: Session, identifiers: Sequence[str]) -> Iterator[personas.PersonMerge]:
    """The merges in which these identifiers are named."""
    yield from store.merges_of(session, identifiers)
