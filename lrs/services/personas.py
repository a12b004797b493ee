"""Persons: several identifiers of one human being, so that what a tablet, an LMS and Stoa say comes together.

Identifiers belong together because people of this organization have them (asked of the room that knows people, through
`register`), or because somebody merged them. The second is noted, and can be undone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core import audit
from core.db import Session, uuid7
from core.errors import Conflict, Invalid, NotFound, Problem
from core.events import publish
from lrs.events import PersonsMerged, PersonsSeparated
from lrs.store import personas as store
from lrs.store.keys import key
from lrs.tables import PersonMerge
from lrs.xapi.actors import IFIS, comparable_mbox
from lrs.xapi.actors import identifier as identifier_of

__all__ = ["PersonMerge"]


@dataclass(frozen=True)
class Member:
    """Somebody of this organization: an opaque id, a name, and identifiers that nobody else can have."""

    id: UUID
    name: str
    identifiers: tuple[str, ...]  # the account of ours first: it never changes


FindMember = Callable[[Session, str], Member | None]


def _nobody(session: Session, identifier: str) -> Member | None:
    return None


_find_member: FindMember = _nobody


def register(find_member: FindMember) -> None:
    """Say who knows the people of an organization; the wiring does."""
    global _find_member
    _find_member = find_member


@dataclass(frozen=True)
class Person:
    """All that is known to be one person. `merged` are those identifiers that are so because somebody said it."""

    identifiers: tuple[str, ...]
    merged: frozenset[str]
    members: tuple[Member, ...]
    id: UUID | None

    @property
    def name(self) -> str:
        """The name of the member, where there is one."""
        return self.members[0].name if self.members else ""


def person_of(session: Session, identifier: str) -> Person:
    """The person who has an identifier: at least this one."""
    found, merged = {identifier: None}, set[str]()
    members: dict[UUID, Member] = {}
    persons: dict[UUID, None] = {}
    waiting = [identifier]
    while waiting:
        one = waiting.pop()
        more: list[str] = []
        if (member := _find_member(session, one)) is not None and member.id not in members:
            members[member.id] = member
            more += member.identifiers
        if (person_id := store.person_id(session, key(one))) is not None and person_id not in persons:
            persons[person_id] = None
            together = store.identifiers(session, person_id)
            merged.update(together)
            more += together
        waiting += [item for item in more if item not in found]
        found |= dict.fromkeys(more)
    return Person(tuple(found), frozenset(merged), tuple(members.values()), next(iter(persons), None))


def merge(session: Session, one: str, other: str, *, by: UUID | None, now: datetime) -> UUID:
    """Say that two identifiers are one person's; answer the merge's id. All that was known of both comes together.

    Raises Invalid when they are already, Conflict when they are two people of this organization.
    """
    store.lock(session)
    kept, joining = person_of(session, one), person_of(session, other)
    if set(kept.identifiers) & set(joining.identifiers):
        raise _invalid("other", "These are one person already.")
    if kept.members and joining.members:
        raise Conflict("These are two people of this organization. Only one of the two identifiers can be theirs.")
    if joining.members:
        kept, joining = joining, kept
    person_id = kept.id or store.add_person(session, now)
    if kept.id is None:
        store.put(session, person_id, [_anchor(kept)], now)
    moved = store.identifiers(session, joining.id) if joining.id is not None else [_anchor(joining)]
    store.put(session, person_id, moved, now)
    row = PersonMerge(
        id=uuid7(), person_id=person_id, from_id=joining.id, identifiers=moved, merged_at=now, merged_by=by,
        anchor=_anchor(kept),
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(session, "lrs_person.merged", "lrs_person", person_id, details={"merge": str(row.id)})
    publish(session, PersonsMerged(row.id), subject=person_id)
    return row.id


def undo(session: Session, merge_id: UUID, *, by: UUID | None, now: datetime) -> PersonMerge:
    """Take a merge back: every identifier is where it was before.

    Raises NotFound; Conflict when it was taken back already, or a later merge must be taken back first.
    """
    store.lock(session)
    row = store.find_merge(session, merge_id)
    if row is None:
        raise NotFound("There is no such merge.")
    if row.undone_at is not None:
        raise Conflict("This merge has been undone already.")
    if any(store.person_id(session, key(item)) != row.person_id for item in row.identifiers):
        raise Conflict("Some of these identifiers were merged with others later. Undo the later merge first.")
    if row.from_id is not None:
        store.put(session, row.from_id, row.identifiers, now)
    else:
        store.drop(session, row.identifiers)
    row.undone_at, row.undone_by = now, by
    session.flush()
    audit.record(session, "lrs_person.separated", "lrs_person", row.person_id, details={"merge": str(row.id)})
    publish(session, PersonsSeparated(row.id), subject=row.person_id)
    return row


def merges(session: Session, limit: int = 100) -> list[PersonMerge]:
    """The newest merges, those that were undone too."""
    return store.merges(session, limit)


def concerned(session: Session, merge_id: UUID) -> list[str]:
    """All identifiers that a merge brought together or, since it was undone, keeps apart. Raises NotFound."""
    row = store.find_merge(session, merge_id)
    if row is None:
        raise NotFound("There is no such merge.")
    found = dict.fromkeys(person_of(session, row.anchor).identifiers)
    for item in row.identifiers:
        if item not in found:
            found |= dict.fromkeys(person_of(session, item).identifiers)
    return list(found)


def hold(session: Session) -> None:
    """Let nobody merge or separate persons until this transaction ends: what it finds of them holds that long."""
    store.hold(session)


def find_member(session: Session, actor: Mapping[str, Any]) -> UUID | None:
    """Who of this organization an actor is, by whatever identifier; None for nobody, and for anonymous groups."""
    identifier = identifier_of(dict(actor))
    members = person_of(session, identifier).members if identifier is not None else ()
    return members[0].id if members else None


def _anchor(person: Person) -> str:
    """The identifier by which a person without merges is known: the account of ours, else the one that was named."""
    return person.members[0].identifiers[0] if person.members else person.identifiers[0]


def named(text: str, where: str = "person") -> str:
    """The identifier that somebody means: as a link carries it, a mail address, an account (home page|name), an OpenID.

    Raises Invalid, naming the field `where`, when it is none of these.
    """
    text = text.strip()
    if not text:
        raise _invalid(where, "Name an identifier: a mail address, home page|name of an account, or an OpenID.")
    if text.partition("|")[0] in IFIS:
        return text
    if "@" in text and "://" not in text:
        return "mbox|" + comparable_mbox(text if text.startswith("mailto:") else f"mailto:{text}")
    home_page, bar, name = text.rpartition("|")
    if not bar and "://" not in text:  # a name, most likely: as an OpenID it would find nothing and look like an answer
        raise _invalid(where, "This is no mail address, no home page|name of an account and no OpenID.")
    return f"account|{home_page}|{name}" if bar else f"openid|{text}"


def words(identifier: str) -> str:
    """An identifier as people write it."""
    kind, _, rest = identifier.partition("|")
    if kind == "mbox":
        return rest.removeprefix("mailto:")
    if kind == "account":
        home_page, _, name = rest.partition("|")
        return f"{name} @ {home_page}"
    return rest


def person_object(agent: dict[str, Any], person: Person | None) -> dict[str, Any]:
    """The Person object of an Agent (Communication 2.4): all identifiers of the person, its own first."""
    found: dict[str, list[Any]] = {}
    for name in ("name", *IFIS):
        if name in agent:
            found[name] = [agent[name]]
    if person is not None:
        _extend(found, "name", [member.name for member in person.members])
        for identifier in person.identifiers:
            kind, _, rest = identifier.partition("|")
            home_page, _, account = rest.partition("|")
            value = {"homePage": home_page, "name": account} if kind == "account" else rest
            _extend(found, kind, [value])
    return {"objectType": "Person"} | found


def _extend(found: dict[str, list[Any]], name: str, values: Iterable[Any]) -> None:
    known: Sequence[Any] = found.get(name, [])
    comparable = {str(item).lower() for item in known}
    if fresh := [value for value in values if value and str(value).lower() not in comparable]:
        found[name] = [*known, *fresh]


def _invalid(where: str, what: str) -> Invalid:
    return Invalid(what, problems=[Problem(where, what)])
