"""xAPI Profiles of an organization: taking one in, its labels, how statements stand to its templates and patterns."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from core import audit
from core.db import Session
from core.errors import Invalid, Problem
from lrs.services import browsing
from lrs.services.browsing import Search
from lrs.store import profiles as store
from lrs.store import statements as statement_store
from lrs.store.statements import Filter, Selection
from lrs.tables import XapiProfile
from lrs.xapi import profiles, values
from lrs.xapi.profiles import Match, Profile, Template

__all__ = ["XapiProfile"]

LONGEST = 5 << 20
"""Bytes of a Profile."""
LOOKED_AT = 1000
"""The newest statements that a report looks at."""
SERIES = 50
"""Registrations that a report looks at, each with its first 500 statements."""
SHOWN = 50


def take_in(session: Session, text: bytes, by: UUID | None, now: datetime) -> UUID:
    """Take a Profile in, in place of an earlier version of it; answer its id. Raises Invalid with every problem."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _invalid([Problem("profile", f"This is no JSON: {error}")]) from error
    profile, problems = profiles.read(document)
    if profile is None:
        raise _invalid([Problem(one.path, one.message, one.requirement) for one in problems])
    if "\\u0000" in orjson.dumps(document).decode():
        raise _invalid([Problem("profile", "holds a character that cannot be kept (U+0000)")])
    profile_id = store.save(session, profile, document, by, now)
    audit.record(
        session, "xapi_profile.imported", "lrs_profile", profile_id,
        new={"iri": profile.id, "version": profile.version},
    )  # fmt: skip
    return profile_id


def _invalid(problems: Sequence[Problem]) -> Invalid:
    return Invalid("This profile cannot be used.", problems=problems)


def page(session: Session) -> list[XapiProfile]:
    """The organization's Profiles."""
    return store.page(session)


def get(session: Session, profile_id: UUID) -> tuple[XapiProfile, Profile]:
    """A Profile and what it says. Raises NotFound."""
    row = store.get(session, profile_id)
    profile, problems = profiles.read(row.document)
    if profile is None:
        raise _invalid([Problem(one.path, one.message, one.requirement) for one in problems])
    return row, profile


def remove(session: Session, profile_id: UUID) -> None:
    """Let a Profile go. Raises NotFound."""
    row = store.get(session, profile_id)
    audit.record(session, "xapi_profile.removed", "lrs_profile", profile_id, old={"iri": row.iri})
    store.remove(session, profile_id)


def labels(session: Session, iris: Iterable[str]) -> dict[str, dict[str, str]]:
    """What Profiles call these verbs and activity types, by IRI and language."""
    return store.labels(session, iris)


@dataclass
class Line:
    """How often a template was met: followed, and broken by which rules."""

    template: Template
    followed: int = 0
    broken: int = 0
    rules: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Breach:
    """A statement that a template is about and that breaks it."""

    statement_id: UUID
    stored: datetime
    template: Template
    rules: Sequence[str]


@dataclass(frozen=True)
class Series:
    """How a registration's statements stand to the primary patterns."""

    registration: UUID
    outcome: Match
    pattern: str
    statements: int


@dataclass(frozen=True)
class Report:
    """How the newest statements stand to a Profile; `unmatched` are those that no template is about."""

    looked: int
    unmatched: int
    lines: Sequence[Line]
    breaches: Sequence[Breach]
    series: Sequence[Series]
    since: datetime | None


def report(session: Session, profile: Profile, credential: str = "") -> Report:
    """Check the newest statements, of one credential where one is named. Raises Invalid when it is not known."""
    found = statement_store.page(session, browsing.selection(session, Search(credential=credential)), LOOKED_AT)
    others = _Others(session)
    lines = {one.id: Line(one) for one in profile.templates}
    breaches, unmatched = list[Breach](), 0
    registrations: dict[UUID, None] = {}
    for item in found:
        statement = orjson.loads(item.payload)
        verdicts = profiles.check(statement, profile, others.find)
        unmatched += not verdicts
        for verdict in verdicts:
            line = lines[verdict.template.id]
            if verdict.broken:
                line.broken += 1
                line.rules.update(verdict.broken)
                breaches.append(Breach(item.id, item.stored, verdict.template, verdict.broken))
            else:
                line.followed += 1
        if verdicts and item.registration is not None:
            registrations.setdefault(item.registration)
    has_patterns = any(one.is_primary for one in profile.patterns)
    wanted = list(registrations)[:SERIES] if has_patterns else []
    return Report(
        looked=len(found),
        unmatched=unmatched,
        lines=sorted(lines.values(), key=lambda line: (-line.broken, -line.followed)),
        breaches=breaches[:SHOWN],
        series=[_series(session, profile, one, others) for one in wanted],
        since=found[-1].stored if found else None,
    )


class _Others:
    """Statements that others point to, each read once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[str, Mapping[str, Any] | None] = {}

    def find(self, statement_id: str) -> Mapping[str, Any] | None:
        """The statement, where it is here."""
        if statement_id not in self._known:
            found = statement_store.find(self._session, UUID(statement_id))
            self._known[statement_id] = orjson.loads(found.payload) if found is not None else None
        return self._known[statement_id]


def _series(session: Session, profile: Profile, registration: UUID, others: _Others) -> Series:
    """The statements of a registration by timestamp; one that breaks a template follows no pattern."""
    only = Filter(registration, ("registration",), ())
    found = statement_store.page(session, Selection(filters=(only,), ascending=True), 500)
    said = sorted((orjson.loads(item.payload) for item in found), key=_when)
    followed = []
    for statement in said:
        verdicts = profiles.check(statement, profile, others.find)
        is_valid = bool(verdicts) and not any(one.broken for one in verdicts)
        followed.append(frozenset(one.template.id for one in verdicts) if is_valid else frozenset())
    outcome, pattern = profiles.follow(followed, profile)
    return Series(registration, outcome, pattern, len(said))


def _when(statement: Mapping[str, Any]) -> float:
    moment = values.parse_timestamp(statement["timestamp"])
    return moment.timestamp() if moment is not None else 0.0


def of_statement(session: Session, found: Mapping[str, Any]) -> list[tuple[XapiProfile, profiles.Verdict]]:
    """The templates of all Profiles that are about a statement, with what it breaks of them."""
    others = _Others(session)
    verdicts = []
    for row in store.page(session):
        profile, _ = profiles.read(row.document)
        if profile is not None:
            verdicts += [(row, one) for one in profiles.check(found, profile, others.find)]
    return verdicts


def types_of(statement: Mapping[str, Any]) -> str | None:
    """The activity type of what a statement is about, where it says one."""
    kind: str | None = statement["object"].get("definition", {}).get("type")
    return kind
