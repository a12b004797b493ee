"""Audiences: rules that say who belongs, preview, dated membership.

A rule is a group, {"all": […]}, {"any": […]} or {"none": […]}, of groups and of conditions
{"field", "op", "value": […]}. Whoever left the organization is in no audience.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from jsonschema import Draft202012Validator
from sqlalchemy import ColumnElement, Select, and_, false, not_, or_, true

from accounts.events import AudienceChanged
from accounts.services import people
from accounts.services.people import Person
from accounts.services.predicates import Predicate, known
from accounts.store import audiences as store
from accounts.store import people as people_store
from accounts.tables import Audience
from core import audit
from core.db import Session, uuid7
from core.errors import Invalid, NotFound, Problem
from core.events import publish
from core.words import said

Rule = Mapping[str, Any]
KINDS = ("all", "any", "none")
DEEPEST = 4
MOST_CONDITIONS = 50
SAMPLE = 10
_GROUP = {
    "oneOf": [
        {
            "type": "object",
            "properties": {kind: {"type": "array", "items": {"$ref": "#/$defs/node"}}},
            "required": [kind],
            "additionalProperties": False,
        }
        for kind in KINDS
    ]
}
_CONDITION = {
    "type": "object",
    "properties": {
        "field": {"type": "string", "maxLength": 60},
        "op": {"type": "string", "maxLength": 20},
        "value": {"type": "array", "items": {"type": "string", "maxLength": 500}, "minItems": 1, "maxItems": 1000},
    },
    "required": ["field", "op", "value"],
    "additionalProperties": False,
}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$ref": "#/$defs/group",
    "$defs": {
        "group": _GROUP,
        "node": {
            "if": {"type": "object", "required": ["field"]},
            "then": _CONDITION,
            "else": {"$ref": "#/$defs/group"},
        },
    },
}
"""What a rule looks like, before its words are looked up."""
_validator = Draft202012Validator(SCHEMA)


@dataclass(frozen=True)
class Listed:
    """An audience as lists show it."""

    id: UUID
    name: str
    description: str | None
    rule: Rule
    member_count: int
    refreshed_at: datetime | None
    is_archived: bool


@dataclass(frozen=True)
class Preview:
    """Who a rule would find: how many, and the first of them by name."""

    count: int
    sample: list[Person]


@dataclass(frozen=True)
class AudienceMember:
    """Somebody in an audience, and since when."""

    person: Person
    since: datetime


def check(session: Session, rule: Rule) -> list[Problem]:
    """Return what is wrong with a rule, each at its place: "0.2" is the third entry of the first entry."""
    for error in _validator.iter_errors(dict(rule)):
        return [Problem("rule", said("This is not a rule: %(message)s", message=error.message[:200]))]
    words = known(session)
    leaves = list(_conditions(rule))
    problems = []
    if not leaves:
        problems.append(Problem("rule", "There is no condition yet.", "Add at least one."))
    if len(leaves) > MOST_CONDITIONS or any(path.count(".") >= DEEPEST for path, _ in leaves):
        problems.append(
            Problem(
                "rule",
                said(
                    "A rule has at most %(most_conditions)s conditions, in groups %(deepest)s deep at most.",
                    most_conditions=MOST_CONDITIONS,
                    deepest=DEEPEST,
                ),
            )
        )
    choices: dict[str, set[str]] = {}
    for path, condition in leaves:
        problems += _wrong(session, path, condition, words.get(condition["field"]), choices)
    return problems


def preview(session: Session, rule: Rule, now: datetime) -> Preview:
    """Return who a rule would find today. Raises Invalid when it is none."""
    found = people_of(session, rule, now)
    organization = people_store.organization(session)
    return Preview(
        store.count(session, found),
        [people.described(user, organization) for user in store.sample(session, found, SAMPLE)],
    )


def people_of(session: Session, rule: Rule, now: datetime) -> Select[UUID]:
    """Return the query for those a rule finds. Raises Invalid."""
    if problems := check(session, rule):
        raise Invalid(problems=problems)
    return store.fitting(_condition(rule, known(session), now))


def add(session: Session, *, name: str, description: str, rule: Rule, now: datetime, by: UUID | None = None) -> UUID:
    """Keep an audience and let its people enter; answer its id. Raises Invalid with all that is wrong."""
    _check(session, name, rule, None)
    audience_id = uuid7()
    session.add(
        Audience(
            id=audience_id, name=name, description=description or None, rule=dict(rule), created_at=now, created_by=by
        )
    )
    session.flush()
    audit.record(session, "audience.added", "audience", audience_id, new={"name": name, "rule": dict(rule)})
    refresh(session, audience_id, now)
    return audience_id


def change(session: Session, audience_id: UUID, *, name: str, description: str, rule: Rule, now: datetime) -> None:
    """Change an audience and let people enter and leave. Raises NotFound, Invalid."""
    row = _row(session, audience_id)
    _check(session, name, rule, audience_id)
    old = {"name": row.name, "rule": row.rule}
    row.name, row.description, row.rule = name, description or None, dict(rule)
    session.flush()
    audit.record(session, "audience.changed", "audience", audience_id, old=old, new={"name": name, "rule": dict(rule)})
    refresh(session, audience_id, now)


def set_archived(session: Session, audience_id: UUID, now: datetime, by: UUID, *, archived: bool) -> None:
    """Take an audience out of use, so that everybody leaves it; or back into it. Raises NotFound, Invalid."""
    row = _row(session, audience_id)
    if not archived:
        _check(session, row.name, row.rule, audience_id)
    row.archived_at, row.archived_by = (now, by) if archived else (None, None)
    session.flush()
    audit.record(session, "audience.archived" if archived else "audience.restored", "audience", audience_id)
    refresh(session, audience_id, now)


def refresh(session: Session, audience_id: UUID, now: datetime) -> None:
    """Let those enter and leave an audience whom its rule now finds or no longer finds. Raises NotFound."""
    row = _row(session, audience_id, lock=True)
    found = store.fitting(false() if row.archived_at else _condition(row.rule, known(session), now))
    _move(session, row, found, now, None)
    row.refreshed_at = now


def refresh_all(session: Session, now: datetime) -> None:
    """Apply the rule of every audience in use again."""
    for row in store.listed(session, with_archived=False):
        refresh(session, row.id, now)


def refresh_people(session: Session, user_ids: Sequence[UUID], now: datetime) -> None:
    """Apply the rule of every audience in use to these people."""
    words = known(session)
    for row in store.listed(session, with_archived=False):
        condition = _condition(row.rule, words, now)
        if store.differs(session, row.id, condition, user_ids):
            locked = _row(session, row.id, lock=True)
            _move(session, locked, store.fitting(condition, user_ids), now, user_ids)


def _move(session: Session, row: Audience, found: Select[UUID], now: datetime, only: Sequence[UUID] | None) -> None:
    left = store.leave(session, row.id, found, now, only)
    entered = store.enter(session, row.id, found, now)
    if entered or left:
        row.member_count = store.count_members(session, row.id)
        publish(session, AudienceChanged(row.id, entered, left), subject=row.id)


def listed(session: Session, *, with_archived: bool = False) -> list[Listed]:
    """Return the audiences by name."""
    return [_described(row) for row in store.listed(session, with_archived=with_archived)]


def get(session: Session, audience_id: UUID) -> Listed:
    """Return an audience. Raises NotFound."""
    return _described(_row(session, audience_id))


def of_person(session: Session, user_id: UUID) -> list[Listed]:
    """Return the audiences a person is in now."""
    return [_described(row) for row in store.of_person(session, user_id)]


def members(
    session: Session, audience_id: UUID, *, on: date | None = None, offset: int = 0, limit: int = 50
) -> tuple[list[AudienceMember], int]:
    """Return who is in an audience, or was at the end of a day, by name; and how many there are. Raises NotFound."""
    _row(session, audience_id)
    organization = people_store.organization(session)
    at = None
    if on is not None:
        at = datetime.combine(on + timedelta(days=1), time(), ZoneInfo(organization.default_timezone))
        at -= timedelta(microseconds=1)
    found, total = store.members(session, audience_id, at, offset, limit)
    return [AudienceMember(people.described(user, organization), since) for user, since in found], total


def kind_of(group: Rule) -> str:
    """Return how the entries of a group belong together: all, any or none of them hold."""
    return next(kind for kind in KINDS if kind in group)


def _condition(node: Rule, words: Mapping[str, Predicate], now: datetime) -> ColumnElement[bool]:
    if "field" in node:
        word = words.get(node["field"])
        if word is None:  # an own field that was archived since: nobody has it
            return false()
        return store.member_in(word.people(node["op"], list(node["value"]), now))
    kind = kind_of(node)
    parts = [_condition(entry, words, now) for entry in node[kind]]
    if not parts:
        return true()
    return {"all": and_, "any": or_, "none": lambda *each: not_(or_(*each))}[kind](*parts)


def _conditions(node: Rule, path: str = "") -> list[tuple[str, Rule]]:
    if "field" in node:
        return [(path, node)]
    return [
        leaf
        for number, entry in enumerate(node[kind_of(node)])
        for leaf in _conditions(entry, f"{path}.{number}" if path else str(number))
    ]


def _wrong(
    session: Session, path: str, condition: Rule, word: Predicate | None, choices: dict[str, set[str]]
) -> list[Problem]:
    if word is None:
        return [Problem(path, said("Rules know no %(condition)s.", condition=condition["field"]))]
    if condition["op"] not in word.operators:
        return [
            Problem(
                path,
                said("%(label)s cannot be compared by %(condition)s.", label=word.label, condition=condition["op"]),
            )
        ]
    values: Sequence[str] = condition["value"]
    if word.choices is not None:
        if word.field not in choices:
            choices[word.field] = {value for value, _label in word.choices(session)}
        wrong = [value for value in values if value not in choices[word.field]]
        return (
            [
                Problem(
                    path, said("%(label)s: what was chosen is not there any more.", label=word.label), "Choose again."
                )
            ]
            if wrong
            else []
        )
    if word.takes == "people":
        ids = [_id(value) for value in values]
        here = people.named(session, [one for one in ids if one is not None])
        return [] if len(here) == len(set(ids)) else [Problem(path, "One of these people is not here.")]
    if word.takes in ("date", "number") and len(values) != 1:
        return [Problem(path, "One value, please.")]
    if word.takes == "date" and not _is_date(values[0]):
        return [Problem(path, "This is not a day.", "Write it like 2026-03-31.")]
    if word.takes == "number" and not _is_number(values[0]):
        return [Problem(path, "This is not a number.", "Write it like 12.5.")]
    return []


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _check(session: Session, name: str, rule: Rule, but: UUID | None) -> None:
    problems = check(session, rule)
    if not name or not name.isprintable() or len(name) > 150:
        problems.append(Problem("name", "A name takes 1 to 150 characters, in one line."))
    elif any(row.name == name and row.id != but for row in store.listed(session, with_archived=False)):
        problems.append(Problem("name", "Another audience has this name."))
    if problems:
        raise Invalid(problems=problems)


def _described(row: Audience) -> Listed:
    return Listed(
        row.id, row.name, row.description, row.rule, row.member_count, row.refreshed_at, row.archived_at is not None
    )


def _row(session: Session, audience_id: UUID, *, lock: bool = False) -> Audience:
    row = store.find(session, audience_id, lock=lock)
    if row is None:
        raise NotFound("There is no such audience.")
    return row
