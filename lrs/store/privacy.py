# ruff: noqa: S608 - queries are put together from constants of this module; values are always parameters
"""Finding what is somebody's, or old; changing and deleting statements in the name of a run; what became of each."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from core.db import Session, organization_of, uuid7
from core.errors import NotFound
from lrs.store import driver
from lrs.store.attachments import attachments_number
from lrs.store.keys import key
from lrs.store.statements import FOUND, Found, Kind
from lrs.tables import (
    Attachment,
    Credential,
    Document,
    ImportRefusal,
    PersonIdentifier,
    PersonMerge,
    PrivacyItem,
    PrivacyRun,
    PrivacyState,
    Refusal,
    RetentionRule,
    StoredDocumentKind,
    XapiPerson,
)

_AGENTS = f"({Kind.AGENT}, {Kind.RELATED_AGENT})"
_START = datetime(2000, 1, 1, tzinfo=UTC)


def get(session: Session, run_id: UUID, *, lock: bool = False) -> PrivacyRun:
    """The tenant's run. Raises NotFound."""
    query = select(PrivacyRun).where(PrivacyRun.id == run_id).execution_options(populate_existing=True)
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound("There is no such request.")
    return row


def page(session: Session, rule_id: UUID | None, limit: int) -> list[PrivacyRun]:
    """The newest runs, of one rule where one is named."""
    query = select(PrivacyRun).order_by(PrivacyRun.created_at.desc(), PrivacyRun.id.desc()).limit(limit)
    return list(session.scalars(query if rule_id is None else query.where(PrivacyRun.rule_id == rule_id)))


def rules(session: Session) -> list[RetentionRule]:
    """The tenant's rules of retention, oldest first."""
    return list(session.scalars(select(RetentionRule).order_by(RetentionRule.created_at, RetentionRule.id)))


def rule(session: Session, rule_id: UUID, *, lock: bool = False) -> RetentionRule:
    """The tenant's rule. Raises NotFound."""
    query = select(RetentionRule).where(RetentionRule.id == rule_id)
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound("There is no such rule.")
    return row


def delete_rule(session: Session, row: RetentionRule) -> None:
    """Let a rule go; its runs stay, each with what the rule said."""
    session.execute(update(PrivacyRun).where(PrivacyRun.rule_id == row.id).values(rule_id=None))
    session.delete(row)
    session.flush()


def tenants(session: Session) -> list[UUID]:
    """The organizations that have a rule in force, or an export whose days are over may be."""
    return list(session.scalars(text("SELECT organizations_with_retention()")))


def exports_before(session: Session, moment: datetime) -> list[PrivacyRun]:
    """Runs whose file is older than that."""
    query = select(PrivacyRun).where(PrivacyRun.file_id.is_not(None), PrivacyRun.finished_at < moment)
    return list(session.scalars(query))


def sealed_by_others(session: Session, key_id: str) -> list[PrivacyRun]:
    """Runs whose receipt another key has sealed."""
    return list(session.scalars(select(PrivacyRun).where(PrivacyRun.seal_key_id != key_id)))


def is_running(session: Session, rule_id: UUID) -> bool:
    """Whether a run of the rule is under way."""
    query = select(PrivacyRun.id).where(PrivacyRun.rule_id == rule_id, PrivacyRun.state == PrivacyState.RUNNING)
    return session.scalar(query.limit(1)) is not None


def act_for(session: Session, run_id: UUID) -> None:
    """Let this transaction change and delete statements in the name of a run."""
    session.execute(text("SELECT set_config('app.privacy_run', :id, true)"), {"id": str(run_id)})


def of_agents(session: Session, keys: Sequence[UUID], after: datetime | None, limit: int) -> list[Found]:
    """Every statement that these agents are found by, voided ones too, in stored order from behind `after` on."""
    values = {
        "org": organization_of(session), "keys": list(keys), "after": after or _START, "limit": limit,
    }  # fmt: skip
    bounds = "AND stored > %(after)b ORDER BY stored LIMIT %(limit)b"
    ways = [
        f"(SELECT stored FROM xapi_statements WHERE organization_id = %(org)b AND {column} = ANY (%(keys)b) {bounds})"
        for column in ("actor", "authority")
    ]
    ways.append(
        "(SELECT stored FROM xapi_statement_keys WHERE organization_id = %(org)b AND id = ANY (%(keys)b) "
        f"AND kind IN {_AGENTS} {bounds})"
    )
    query = (
        f"SELECT {FOUND} FROM (SELECT stored FROM ({' UNION '.join(ways)}) w ORDER BY stored LIMIT %(limit)b) p "
        "JOIN xapi_statements s ON s.organization_id = %(org)b AND s.stored = p.stored ORDER BY p.stored"
    )
    return _find(session, query, values)


def older_than(
    session: Session, moment: datetime, credential_id: UUID | None, after: datetime | None, limit: int
) -> list[Found]:
    """Statements stored before a moment, of one credential where one is named, in stored order from behind `after`."""
    only = "AND s.credential_id = %(credential)b" if credential_id is not None else ""
    query = (
        f"SELECT {FOUND} FROM xapi_statements s WHERE s.organization_id = %(org)b AND s.stored > %(after)b "
        f"AND s.stored < %(moment)b {only} ORDER BY s.stored LIMIT %(limit)b"
    )
    values = {
        "org": organization_of(session), "after": after or _START, "moment": moment, "limit": limit,
    }  # fmt: skip
    return _find(session, query, values | ({"credential": credential_id} if credential_id is not None else {}))


def _find(session: Session, query: str, values: dict[str, Any]) -> list[Found]:
    with driver.payload_cursor(session) as cursor:
        cursor.execute(query, values, binary=True, prepare=False)
        return [Found(*row) for row in cursor]


def delete_statements(session: Session, found: Sequence[Found]) -> None:
    """Delete statements and what they are found by; no statement that points to one of them changes."""
    values = {"org": organization_of(session), "at": [item.stored for item in found], "ids": [i.id for i in found]}
    with driver.cursor(session) as cursor:
        cursor.execute(
            "DELETE FROM xapi_statement_keys WHERE organization_id = %(org)s AND stored = ANY (%(at)s)", values
        )
        cursor.execute("DELETE FROM xapi_statements WHERE organization_id = %(org)s AND id = ANY (%(ids)s)", values)


def rewrite(session: Session, statement_id: UUID, payload: bytes, actor: UUID | None, authority: UUID) -> None:
    """Put another text in a statement's place: the same statement, of somebody else's name."""
    with driver.cursor(session) as cursor:
        cursor.execute(
            "UPDATE xapi_statements SET payload = %s, actor = %s, authority = %s "
            "WHERE organization_id = %s AND id = %s",
            [payload.decode(), actor, authority, organization_of(session), statement_id],
        )


@dataclass(frozen=True)
class Keys:
    """What a statement itself is found by beyond its own columns; `stored` is its place."""

    stored: datetime
    agents: frozenset[str]
    related_agents: frozenset[str]
    related_activities: frozenset[str]


def rekey(session: Session, found: Sequence[Keys]) -> None:
    """Let statements be found by these alone; what they inherit from those they point to is yet to be connected."""
    rows = [
        (key(name), kind, item.stored)
        for item in found
        for kind, names in (
            (Kind.AGENT, item.agents),
            (Kind.RELATED_AGENT, item.related_agents),
            (Kind.RELATED_ACTIVITY, item.related_activities),
        )
        for name in names
    ]
    values = {
        "org": organization_of(session), "all": [item.stored for item in found], "ids": [row[0] for row in rows],
        "kinds": [int(row[1]) for row in rows], "at": [row[2] for row in rows],
    }  # fmt: skip
    with driver.cursor(session) as cursor:
        cursor.execute(
            "DELETE FROM xapi_statement_keys WHERE organization_id = %(org)s AND stored = ANY (%(all)s)", values
        )
        cursor.execute(
            "INSERT INTO xapi_statement_keys (organization_id, id, kind, stored) "
            "SELECT %(org)s, id, kind, stored "
            "FROM unnest(%(ids)s::uuid[], %(kinds)s::smallint[], %(at)s::timestamptz[]) n(id, kind, stored) "
            "ON CONFLICT DO NOTHING",
            values,
        )


def referring_to(session: Session, ids: Sequence[UUID]) -> list[UUID]:
    """The statements that point to one of these, over any distance."""
    query = """
        WITH RECURSIVE referring (id) AS (
            SELECT id FROM xapi_statements WHERE organization_id = %(org)s AND target = ANY (%(ids)s)
            UNION
            SELECT s.id FROM xapi_statements s JOIN referring r ON s.organization_id = %(org)s AND s.target = r.id
        )
        SELECT id FROM referring
    """
    with driver.cursor(session) as cursor:
        cursor.execute(query, {"org": organization_of(session), "ids": list(ids)})
        return [row[0] for row in cursor]


def note(session: Session, run_id: UUID, kind: str, found: Iterable[tuple[UUID, str, str]]) -> None:
    """Write what became of things: id, outcome, why. Said once, it stays."""
    rows = [
        {
            "organization_id": organization_of(session), "id": uuid7(), "run_id": run_id, "kind": kind,
            "thing_id": thing_id, "outcome": outcome, "why": why[:300],
        }
        for thing_id, outcome, why in found
    ]  # fmt: skip
    if rows:
        session.execute(insert(PrivacyItem).on_conflict_do_nothing(), rows)


def items(session: Session, run_id: UUID) -> Iterator[PrivacyItem]:
    """What became of each thing, in a lasting order."""
    query = select(PrivacyItem).where(PrivacyItem.run_id == run_id).order_by(PrivacyItem.kind, PrivacyItem.thing_id)
    yield from session.scalars(query.execution_options(yield_per=1000))


def some_items(session: Session, run_id: UUID, outcome: str, limit: int) -> list[PrivacyItem]:
    """The first things of an outcome."""
    query = select(PrivacyItem).where(PrivacyItem.run_id == run_id, PrivacyItem.outcome == outcome)
    return list(session.scalars(query.order_by(PrivacyItem.kind, PrivacyItem.thing_id).limit(limit)))


def item_counts(session: Session, run_id: UUID) -> dict[tuple[str, str], int]:
    """How many things there are by kind and outcome."""
    query = select(PrivacyItem.kind, PrivacyItem.outcome, func.count()).where(PrivacyItem.run_id == run_id)
    found = session.execute(query.group_by(PrivacyItem.kind, PrivacyItem.outcome)).all()
    return {(kind, outcome): count for kind, outcome, count in found}


def waiting(session: Session, run_id: UUID, limit: int) -> list[Attachment]:
    """Attachment data that statements of the run declared, not yet looked at."""
    wanted = select(PrivacyItem.thing_id).where(
        PrivacyItem.run_id == run_id, PrivacyItem.kind == "attachment", PrivacyItem.outcome == "waiting"
    )
    return list(session.scalars(select(Attachment).where(Attachment.id.in_(wanted)).limit(limit)))


def settle(session: Session, run_id: UUID, thing_ids: Iterable[UUID], outcome: str, why: str) -> None:
    """Say what became of attachments that waited."""
    query = update(PrivacyItem).where(
        PrivacyItem.run_id == run_id, PrivacyItem.kind == "attachment", PrivacyItem.thing_id.in_(list(thing_ids))
    )
    session.execute(query.values(outcome=outcome, why=why))


def drop_waiting(session: Session, run_id: UUID) -> None:
    """Forget what waited and has no data here: it was only declared."""
    query = delete(PrivacyItem).where(PrivacyItem.run_id == run_id, PrivacyItem.outcome == "waiting")
    session.execute(query)


def declared(session: Session, hashes: Sequence[str], since: datetime | None) -> set[str]:
    """Those of these hashes that a statement declares, one stored from `since` on where that is given."""
    later = "AND s.stored >= %(since)s" if since is not None else ""
    query = (
        "SELECT h FROM unnest(%(hashes)s::text[]) h WHERE EXISTS (SELECT FROM xapi_statements s "
        f"WHERE s.organization_id = %(org)s {later} AND position(lower(h) in lower(s.payload)) > 0)"
    )
    values = {"org": organization_of(session), "hashes": list(hashes), "since": since}
    with driver.cursor(session) as cursor:
        cursor.execute(query, values)
        return {row[0] for row in cursor}


def lock_attachments(session: Session) -> None:
    """Let nobody store attachment data until the transaction ends."""
    session.execute(select(func.pg_advisory_xact_lock(attachments_number(session))))


def delete_attachments(session: Session, ids: Iterable[UUID]) -> None:
    """Let go of attachment data; the bytes are swept when nothing else holds them."""
    session.execute(delete(Attachment).where(Attachment.id.in_(list(ids))))


def documents(session: Session, identifiers: Sequence[str]) -> Iterator[Document]:
    """The documents about these agents."""
    query = select(Document).where(Document.agent.in_(list(identifiers))).order_by(Document.kind, Document.id)
    yield from session.scalars(query.execution_options(yield_per=100))


def count_documents(session: Session, identifiers: Sequence[str]) -> int:
    """How many documents are about these agents."""
    query = select(func.count()).select_from(Document).where(Document.agent.in_(list(identifiers)))
    return session.scalar(query) or 0


def delete_documents(session: Session, identifiers: Sequence[str]) -> list[UUID]:
    """Delete the documents about these agents; answer which ones."""
    query = delete(Document).where(Document.agent.in_(list(identifiers))).returning(Document.id)
    return list(session.scalars(query))


def _old_states(moment: datetime) -> Any:
    return (Document.kind == StoredDocumentKind.STATE) & (Document.updated_at < moment)


def count_old_documents(session: Session, moment: datetime) -> int:
    """How many state documents have not been changed since a moment."""
    return session.scalar(select(func.count()).select_from(Document).where(_old_states(moment))) or 0


def delete_old_documents(session: Session, moment: datetime, limit: int) -> list[UUID]:
    """Delete some state documents that have not been changed since a moment; answer which ones."""
    old = select(Document.id).where(_old_states(moment)).order_by(Document.updated_at).limit(limit)
    query = delete(Document).where(Document.id.in_(old.scalar_subquery()), _old_states(moment)).returning(Document.id)
    return list(session.scalars(query))


def _says(column: Any, words: Sequence[Sequence[str]]) -> Any:
    """Whether a text holds all words of one of the lists."""
    return or_(
        *(
            func.coalesce(func.least(*(func.strpos(func.lower(column), word.lower()) for word in together)), 0) > 0
            for together in words
        )
    )


def count_refusals(session: Session, words: Sequence[Sequence[str]]) -> int:
    """How many refused requests and lines of imports name somebody."""
    found = 0
    for table, column in ((Refusal, Refusal.excerpt), (ImportRefusal, ImportRefusal.content)):
        found += session.scalar(select(func.count()).select_from(table).where(_says(column, words))) or 0
    return found


def delete_refusals(session: Session, words: Sequence[Sequence[str]]) -> int:
    """Delete refused requests and lines of imports that name somebody; answer how many."""
    found = 0
    for table, column in ((Refusal, Refusal.excerpt), (ImportRefusal, ImportRefusal.content)):
        query = delete(table).where(_says(column, words)).returning(table.id)
        found += len(session.scalars(query).all())
    return found


def end_credentials(session: Session, identifiers: Sequence[str], pseudonym: str, now: datetime) -> int:
    """End credentials that are limited to these agents, and forget to whom; answer how many."""
    query = update(Credential).where(Credential.agent.in_(list(identifiers)))
    values = {"agent": pseudonym, "revoked_at": func.coalesce(Credential.revoked_at, now)}
    return len(session.scalars(query.values(values).returning(Credential.id)).all())


def forget_origins(session: Session, ids: Sequence[UUID]) -> None:
    """Forget who vouched elsewhere for these statements, where it may have been the person."""
    with driver.cursor(session) as cursor:
        cursor.execute(
            "UPDATE lrs_statement_origins SET authority = NULL WHERE organization_id = %s AND id = ANY (%s)",
            [organization_of(session), list(ids)],
        )


def merges_of(session: Session, identifiers: Sequence[str]) -> list[PersonMerge]:
    """The merges in which these identifiers are named."""
    named = or_(
        PersonMerge.anchor.in_(list(identifiers)), *(PersonMerge.identifiers.contains([i]) for i in identifiers)
    )
    return list(session.scalars(select(PersonMerge).where(named).order_by(PersonMerge.merged_at)))


def forget_persons(session: Session, identifiers: Sequence[str]) -> int:
    """Delete what is known of identifiers belonging together, and how that came; answer how many merges."""
    rows = merges_of(session, identifiers)
    persons = {row.person_id for row in rows} | {row.from_id for row in rows if row.from_id is not None}
    keys = [key(item) for item in identifiers]
    known = select(PersonIdentifier.person_id).where(PersonIdentifier.id.in_(keys))
    persons |= set(session.scalars(known))
    session.execute(delete(PersonIdentifier).where(PersonIdentifier.id.in_(keys)))
    session.execute(delete(PersonMerge).where(PersonMerge.id.in_([row.id for row in rows])))
    others = select(PersonIdentifier.id).where(PersonIdentifier.person_id == XapiPerson.id)
    noted = select(PersonMerge.id).where(
        (PersonMerge.person_id == XapiPerson.id) | (PersonMerge.from_id == XapiPerson.id)
    )
    session.execute(delete(XapiPerson).where(XapiPerson.id.in_(persons), ~others.exists(), ~noted.exists()))
    return len(rows)
