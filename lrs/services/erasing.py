"""Deleting and pseudonymizing statements: what becomes of each, and doing it in slices, so that all else stays true.

What a recorded completion rests on is never deleted: the wiring says, through `register`, who knows what rests on a
statement. Statements keep their place: `stored` of what remains does not change, so that pages, cursors, streams and
forwarders go on where they were.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson

from core.db import Session
from lrs.services import personas
from lrs.services.statements import authority_key
from lrs.store import privacy as store
from lrs.store import statements as statement_store
from lrs.store.keys import key
from lrs.store.statements import Found
from lrs.tables import PrivacyAct, RetainedKind
from lrs.xapi import pseudonyms
from lrs.xapi.actors import identifier
from lrs.xapi.attachments import declared_in
from lrs.xapi.statements import references

SLICE = 100
"""Statements that change in one transaction."""


@dataclass(frozen=True)
class Standing:
    """What rests on a statement that counts: a live completion, a course in progress. `why` says it to people.

    With `keeps_identifier` it counts only as long as its actor has the identifier it has.
    """

    is_cited: bool
    is_open: bool
    keeps_identifier: bool
    why: str


@dataclass(frozen=True)
class Evidence:
    """The room that knows what rests on statements.

    `standing` answers it for those of the statements that count; `forget` takes back what statements that are about to
    be deleted have led to; `reconsider` looks again at statements that have another actor now.
    """

    standing: Callable[[Session, Sequence[UUID]], Mapping[UUID, Standing]]
    forget: Callable[[Session, Sequence[UUID], datetime], None]
    reconsider: Callable[[Session, Sequence[UUID], datetime], None]


_evidence = Evidence(lambda _session, _ids: {}, lambda _session, _ids, _now: None, lambda _session, _ids, _now: None)


def register(evidence: Evidence) -> None:
    """Say who knows what rests on statements; the wiring does."""
    global _evidence
    _evidence = evidence


class Outcome(StrEnum):
    """What becomes of a statement."""

    DELETED = "deleted"
    PSEUDONYMIZED = "pseudonymized"
    MENTIONED = "mentioned"  # somebody else's statement, in which the person has a pseudonym now
    KEPT = "kept"


@dataclass(frozen=True)
class Decision:
    """What becomes of one statement: its outcome, why, and what it says from now on (none: it stays as it is)."""

    found: Found
    outcome: Outcome
    why: str = ""
    statement: dict[str, Any] | None = None
    hashes: frozenset[str] = frozenset()  # of attachments that it no longer declares


@dataclass(frozen=True)
class Subject:
    """Whose statements: all identifiers, the account here of a member of the organization, and the pseudonym."""

    identifiers: frozenset[str]
    account: str | None
    pseudonym: str

    @property
    def keys(self) -> list[UUID]:
        """What statements are found by."""
        return [key(item) for item in sorted(self.identifiers)]


def identifiers_of(session: Session, one: str) -> list[str]:
    """All identifiers of the person who has one; the hash of each mail address is one, too (Data 2.4.2.3)."""
    found = list(personas.person_of(session, one).identifiers)
    for item in tuple(found):
        kind, _, mbox = item.partition("|")
        if kind == "mbox":
            digest = hashlib.sha1(mbox.encode(), usedforsecurity=False).hexdigest()
            found.append(f"mbox_sha1sum|{digest}")
    return list(dict.fromkeys(found))


def subject(session: Session, identifiers: Sequence[str], pseudonym: str) -> Subject:
    """Whose statements are meant."""
    members = personas.person_of(session, identifiers[0]).members
    return Subject(frozenset(identifiers), members[0].identifiers[0] if members else None, pseudonym)


def page(session: Session, who: Subject, after: datetime | None, limit: int = SLICE) -> list[Found]:
    """Statements that somebody is found by, from behind `after` on."""
    return store.of_agents(session, who.keys, after, limit)


def decide(session: Session, found: Sequence[Found], act: PrivacyAct, who: Subject) -> list[Decision]:
    """What becomes of statements that somebody is found by; those that only point to one of them are left out."""
    standing = _evidence.standing(session, [item.id for item in found])
    decisions = (_decide(item, act, who, standing.get(item.id)) for item in found)
    return [decision for decision in decisions if decision is not None]


def _decide(found: Found, act: PrivacyAct, who: Subject, standing: Standing | None) -> Decision | None:
    statement = orjson.loads(found.payload)
    if identifier(statement["actor"]) not in who.identifiers:
        return _mention(found, statement, who)
    if standing is not None and (standing.is_cited or act is PrivacyAct.PSEUDONYMIZE):
        return _keep(found, statement, who, standing)
    if act is PrivacyAct.DELETE:
        return Decision(found, Outcome.DELETED, hashes=_hashes(statement))
    bare = {name: item for name, item in statement.items() if name != "attachments"}
    target = bare["object"]
    if "attachments" in target:
        bare["object"] = {name: item for name, item in target.items() if name != "attachments"}
    return Decision(found, Outcome.PSEUDONYMIZED, statement=_under(bare, who, who.pseudonym), hashes=_hashes(statement))


def _mention(found: Found, statement: dict[str, Any], who: Subject) -> Decision | None:
    if references(statement).related_agents.isdisjoint(who.identifiers):
        return None
    return _signed(found, statement, Outcome.MENTIONED, "", _under(statement, who, who.pseudonym))


def _keep(found: Found, statement: dict[str, Any], who: Subject, standing: Standing) -> Decision:
    """What stays goes under the account here, which is opaque; where even the identifier must stay, the name goes."""
    if standing.keeps_identifier:
        changed = pseudonyms.changed(statement, pseudonyms.in_place_of(who.identifiers, pseudonyms.unnamed))
    else:
        changed = _under(statement, who, who.account or who.pseudonym)
    return _signed(found, statement, Outcome.KEPT, standing.why, changed)


def _under(statement: dict[str, Any], who: Subject, name: str) -> dict[str, Any]:
    change = pseudonyms.in_place_of(who.identifiers, lambda value: pseudonyms.renamed(value, name))
    return pseudonyms.changed(statement, change)


def _signed(found: Found, before: dict[str, Any], outcome: Outcome, why: str, after: dict[str, Any]) -> Decision:
    bare = pseudonyms.unsigned(after)
    gone = _hashes(after) - _hashes(bare)
    if gone:
        why = "; ".join(filter(None, [why, "its signature held the name and is gone"]))
    return Decision(found, outcome, why, None if bare == before else bare, gone)


def _hashes(statement: dict[str, Any]) -> frozenset[str]:
    return frozenset(item["sha2"].lower() for _, item in declared_in(statement, ""))


def decide_old(
    session: Session, found: Sequence[Found], kind: RetainedKind, act: PrivacyAct, salt: bytes
) -> list[Decision]:
    """What becomes of statements that have been kept long enough; those that need nothing are left out."""
    standing = _evidence.standing(session, [item.id for item in found])
    decisions = (_decide_old(item, kind, act, salt, standing.get(item.id)) for item in found)
    return [decision for decision in decisions if decision is not None]


def _decide_old(
    found: Found, kind: RetainedKind, act: PrivacyAct, salt: bytes, standing: Standing | None
) -> Decision | None:
    if standing is not None:
        if kind is RetainedKind.UNCOUNTED:
            return None
        if standing.is_cited or standing.is_open or act is PrivacyAct.PSEUDONYMIZE:
            return Decision(found, Outcome.KEPT, standing.why)
    statement = orjson.loads(found.payload)
    if act is PrivacyAct.DELETE:
        return Decision(found, Outcome.DELETED, hashes=_hashes(statement))
    said = {name: item for name, item in statement.items() if name != "authority"}
    changed = pseudonyms.changed(said, lambda value: _pseudonymous(value, salt))
    if changed is said:
        return None
    bare = pseudonyms.unsigned(changed)
    after = {name: bare.get(name, item) for name, item in statement.items() if name in bare or name == "authority"}
    return Decision(found, Outcome.PSEUDONYMIZED, statement=after, hashes=_hashes(changed) - _hashes(bare))


def _pseudonymous(value: dict[str, Any], salt: bytes) -> dict[str, Any]:
    """An Agent or Group under a pseudonym that is the same for the same person and salt."""
    own = identifier(value)
    if own is None:
        return pseudonyms.unnamed(value) if "name" in value else value
    if pseudonyms.is_pseudonym(value):
        return value
    name = hmac.new(salt, own.encode("utf-8", "surrogatepass"), "sha256").hexdigest()[:32]
    return pseudonyms.renamed(value, pseudonyms.pseudonym(name))


def old_page(
    session: Session, moment: datetime, credential_id: UUID | None, after: datetime | None, limit: int = SLICE
) -> list[Found]:
    """Statements stored before a moment, from behind `after` on."""
    return store.older_than(session, moment, credential_id, after, limit)


def carry_out(session: Session, run_id: UUID, decisions: Sequence[Decision], now: datetime, *, note_kept: bool) -> None:
    """Do what was decided, in the name of a run, and note what became of each.

    Training comes first and the tenant's turn last, as for whoever stores; while it lasts nobody points to what goes.
    """
    store.act_for(session, run_id)
    gone = [item for item in decisions if item.outcome is Outcome.DELETED]
    changed = [item for item in decisions if item.statement is not None]
    if gone:
        _evidence.forget(session, [item.found.id for item in gone], now)
    if gone or changed:
        statement_store.take_turn(session)
        _write(session, gone, changed)
    others = [item.found.id for item in changed if item.outcome is Outcome.PSEUDONYMIZED]
    if others:
        _evidence.reconsider(session, others, now)
    noted = [item for item in decisions if note_kept or item.outcome is not Outcome.KEPT]
    store.note(session, run_id, "statement", [(item.found.id, item.outcome.value, item.why) for item in noted])
    waiting = {sha2 for item in decisions for sha2 in item.hashes}
    store.note(session, run_id, "attachment", [(key(sha2), "waiting", "") for sha2 in sorted(waiting)])


def _write(session: Session, gone: Sequence[Decision], changed: Sequence[Decision]) -> None:
    referring = store.referring_to(session, [item.found.id for item in (*gone, *changed)])
    store.delete_statements(session, [item.found for item in gone])
    keys: dict[UUID, store.Keys] = {}
    for item in changed:
        assert item.statement is not None  # noqa: S101 - that is what changed means
        actor = identifier(item.statement["actor"])
        store.rewrite(
            session,
            item.found.id,
            orjson.dumps(item.statement),
            key(actor) if actor is not None else None,
            authority_key(item.statement["authority"]),
        )
        keys[item.found.id] = _keys(item.statement, item.found.stored)
    store.forget_origins(session, list(keys))
    others = [statement_id for statement_id in referring if statement_id not in keys]
    for found in statement_store.find_many(session, others).values():
        keys[found.id] = _keys(orjson.loads(found.payload), found.stored)
    if keys:
        store.rekey(session, list(keys.values()))
        statement_store.connect_references(session, list(keys))


def _keys(statement: dict[str, Any], stored: datetime) -> store.Keys:
    """What a statement itself is found by, as when it was stored."""
    authority = statement["authority"]
    found = references({name: item for name, item in statement.items() if name != "authority"})
    actor = identifier(statement["actor"])
    members = {identifier(member) or "" for member in authority.get("member", ())}
    known = {actor, identifier(authority), ""}
    return store.Keys(
        stored,
        frozenset(found.agents - {actor}),
        frozenset((found.related_agents | members) - found.agents - known),
        frozenset(found.related_activities - {found.activity}),
    )


def names(statement: Mapping[str, Any], identifiers: Iterable[str]) -> bool:
    """Whether a statement itself names one of these, and does not only point to one that does."""
    return not references(dict(statement)).related_agents.isdisjoint(identifiers)
