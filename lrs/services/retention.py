"""How long records are kept: rules by kind and credential, looked through every night in bounded slices.

What a live completion rests on stays whatever its age, and so does what counts for a course in progress.
"""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core import audit
from core.db import Database, Session, uuid7
from core.errors import Conflict, Invalid, Problem
from lrs.services import credentials, erasing, privacy
from lrs.services.erasing import Outcome
from lrs.services.privacy import By, Progress, Seen
from lrs.store import privacy as store
from lrs.tables import PrivacyAct, PrivacyRun, PrivacyState, RetainedKind, RetentionRule

__all__ = ["RetainedKind", "RetentionRule"]

PER_RUN = 20_000
"""Statements that one run of a rule looks at, and documents that it deletes; the next night goes on."""
PER_LOOK = 200_000
LONGEST = 36_500


def add(
    session: Session,
    *,
    kind: RetainedKind,
    credential_id: UUID | None,
    keep_days: int,
    act: PrivacyAct,
    legal_basis: str,
    by: By,
    now: datetime,
) -> RetentionRule:
    """Make a rule; it rests until somebody puts it in force. Raises Invalid naming every field, NotFound."""
    problems = []
    if not 1 <= keep_days <= LONGEST:
        problems.append(Problem("keep_days", f"Days are a number from 1 to {LONGEST}."))
    if not legal_basis.strip():
        problems.append(Problem("legal_basis", "Say on what ground: it stands on every receipt."))
    if kind is RetainedKind.DOCUMENTS and act is not PrivacyAct.DELETE:
        problems.append(Problem("act", "Documents can be deleted only: nobody but their owner could use them."))
    if kind is RetainedKind.DOCUMENTS and credential_id is not None:
        problems.append(Problem("credential", "Documents belong to no credential. Choose all of them."))
    if act is PrivacyAct.EXPORT:
        problems.append(Problem("act", "Choose what happens."))
    if problems:
        raise Invalid("This rule cannot be made.", problems=problems)
    if credential_id is not None:
        credentials.authority_of(session, credential_id)
    row = RetentionRule(
        id=uuid7(), kind=kind, credential_id=credential_id, keep_days=keep_days, act=act,
        legal_basis=legal_basis.strip()[:300], is_active=False, salt=secrets.token_bytes(32), created_at=now,
        created_by=by.id,
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(session, "retention_rule.created", "lrs_retention_rule", row.id, new=_told(row))
    return row


def _told(row: RetentionRule) -> dict[str, Any]:
    return {
        "kind": row.kind.value,
        "credential_id": str(row.credential_id) if row.credential_id else None,
        "keep_days": row.keep_days,
        "act": row.act.value,
        "legal_basis": row.legal_basis,
    }


def page(session: Session) -> list[RetentionRule]:
    """The tenant's rules, oldest first."""
    return store.rules(session)


def get(session: Session, rule_id: UUID) -> RetentionRule:
    """The tenant's rule. Raises NotFound."""
    return store.rule(session, rule_id)


def switch(session: Session, rule_id: UUID, *, on: bool) -> None:
    """Put a rule in force, or let it rest. Raises NotFound."""
    row = store.rule(session, rule_id, lock=True)
    if row.is_active != on:
        row.is_active = on
        word = "activated" if on else "paused"
        audit.record(session, f"retention_rule.{word}", "lrs_retention_rule", row.id, details=_told(row))


def remove(session: Session, rule_id: UUID) -> None:
    """Let a rule go; its receipts stay. Raises NotFound, Conflict while a run of it is under way."""
    row = store.rule(session, rule_id, lock=True)
    if store.is_running(session, rule_id):
        raise Conflict("A run of this rule is under way. Wait until it has ended.")
    audit.record(session, "retention_rule.removed", "lrs_retention_rule", row.id, old=_told(row))
    store.delete_rule(session, row)


def ask(session: Session, rule_id: UUID, by: By, now: datetime) -> PrivacyRun:
    """Look what the rule would touch today; it can be confirmed and done then. Raises NotFound."""
    run = _draft(session, store.rule(session, rule_id), by, now)
    privacy.look(session, run, by)
    return run


def _draft(session: Session, rule: RetentionRule, by: By | None, now: datetime) -> PrivacyRun:
    run = privacy.draft(session, rule.act, rule.legal_basis, by, now)
    run.rule_id = rule.id
    run.rule = _told(rule) | {"before": (now - timedelta(days=rule.keep_days)).isoformat()}
    session.flush()
    return run


def start_due(session: Session, now: datetime) -> int:
    """Begin a run of every rule in force that has something to look at; answer how many."""
    started = 0
    for rule in store.rules(session):
        before = now - timedelta(days=rule.keep_days)
        if not rule.is_active or store.is_running(session, rule.id) or not _has_any(session, rule, before):
            continue
        run = _draft(session, rule, None, now)
        run.confirmed_at = now
        privacy.begin(session, run, None)
        started += 1
    return started


def _has_any(session: Session, rule: RetentionRule, before: datetime) -> bool:
    if rule.kind is RetainedKind.DOCUMENTS:
        return store.count_old_documents(session, before) > 0
    if store.older_than(session, before, rule.credential_id, rule.position, 1):
        return True
    rule.position = None  # the pass is over; the next night begins a new one
    return False


def preview(database: Database, organization_id: UUID, run_id: UUID, progress: Progress) -> None:
    """Find out what a rule would touch, as far as 200 000 statements."""
    with database.read(organization_id) as session:
        run = store.get(session, run_id)
        if run.state is not PrivacyState.LOOKING or run.rule_id is None or run.rule is None:
            return
        rule, before = store.rule(session, run.rule_id), datetime.fromisoformat(run.rule["before"])
        kind, act, salt, credential_id = rule.kind, rule.act, rule.salt, rule.credential_id
        documents = store.count_old_documents(session, before) if kind is RetainedKind.DOCUMENTS else 0
    seen, after, looked = Seen(), None, 0
    while kind is not RetainedKind.DOCUMENTS and looked < PER_LOOK:
        with database.read(organization_id) as session:
            found = erasing.old_page(session, before, credential_id, after, 500)
            seen.add(erasing.decide_old(session, found, kind, act, salt))
        if not found:
            break
        after, looked = found[-1].stored, looked + len(found)
        progress(0, f"{looked:,} statements looked at")
    with database.write(organization_id) as session:
        told = seen.told() | {"documents": documents, "is_all": looked < PER_LOOK}
        privacy.show(store.get(session, run_id, lock=True), told)


def run(
    database: Database, organization_id: UUID, run_id: UUID, now: Callable[[], datetime], progress: Progress
) -> None:
    """Do what a rule says, as far as one run may, and write the receipt of it."""
    looked = 0
    while looked < PER_RUN:
        with database.write(organization_id) as session:
            row = store.get(session, run_id, lock=True)
            if row.state is not PrivacyState.RUNNING or row.rule is None:
                return
            if row.rule_id is None:
                break
            done = _slice(session, row, store.rule(session, row.rule_id, lock=True), now())
        if done == 0:
            break
        looked += done
        progress(100 * looked // PER_RUN, f"{looked:,} looked at")
    privacy.let_go_of_attachments(database, organization_id, run_id)
    with database.write(organization_id) as session:
        row = store.get(session, run_id, lock=True)
        if row.state is PrivacyState.RUNNING:
            privacy.finish(session, row, {}, now())


def _slice(session: Session, run: PrivacyRun, rule: RetentionRule, now: datetime) -> int:
    """One slice of a run; answer how many things were looked at."""
    assert run.rule is not None  # noqa: S101 - a run of a rule keeps what it said
    before = datetime.fromisoformat(run.rule["before"])
    if rule.kind is RetainedKind.DOCUMENTS:
        gone = store.delete_old_documents(session, before, erasing.SLICE)
        store.note(session, run.id, "document", ((one, Outcome.DELETED.value, "") for one in gone))
        return len(gone)
    found = erasing.old_page(session, before, rule.credential_id, rule.position)
    if not found:
        return 0
    decisions = erasing.decide_old(session, found, rule.kind, rule.act, rule.salt)
    rule.position = found[-1].stored
    kept = sum(item.outcome is Outcome.KEPT for item in decisions)
    run.counts = {
        **run.counts,
        "held": run.counts.get("held", 0) + kept,
        "looked": run.counts.get("looked", 0) + len(found),
    }
    session.flush()
    erasing.carry_out(session, run.id, decisions, now, note_kept=False)
    return len(found)


def tenants(session: Session) -> list[UUID]:
    """The organizations with a rule in force or an export that lies here; asked without a tenant."""
    return store.tenants(session)
