"""The statement browser: what a person typed, as a query; what it found, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from core.db import Session
from core.errors import Invalid, NotFound, Problem
from lrs.services import credentials, personas
from lrs.services.sentences import Sentence, in_language, sentence
from lrs.services.statements import authority_key
from lrs.store import activities as activity_store
from lrs.store import profiles as profile_store
from lrs.store import statements as store
from lrs.store.keys import key
from lrs.store.statements import Filter, Found, Kind, Selection
from lrs.xapi import values
from lrs.xapi.statements import references
from lrs.xapi.values import is_iri

PAGE = 50
_MOST_IDENTIFIERS = 50
_VERBS = "http://adlnet.gov/expapi/verbs/"


@dataclass(frozen=True)
class Search:
    """The filters as their fields hold them; an empty one does not filter."""

    person: str = ""
    verb: str = ""
    activity: str = ""
    registration: str = ""
    since: str = ""
    until: str = ""
    credential: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether everything is asked for."""
        return not any(vars(self).values())


@dataclass(frozen=True)
class Shown:
    """One statement for the page."""

    id: UUID
    stored: datetime
    sentence: Sentence
    registration: str
    credential_id: UUID | None
    version: str
    is_voided: bool
    statement: dict[str, Any]
    type_label: str = ""  # what a Profile calls the type of the activity

    @property
    def text(self) -> str:
        """The statement's JSON, to be read."""
        return orjson.dumps(self.statement, option=orjson.OPT_INDENT_2).decode()


def page(
    session: Session, search: Search, *, before: datetime | None = None, languages: Sequence[str] = ("en",)
) -> tuple[list[Shown], datetime | None]:
    """A page of statements, newest first, and from where the next one goes on.

    Raises Invalid naming every filter that cannot be read.
    """
    found = store.page(session, selection(session, search, before), PAGE + 1)
    shown = _shown(session, found[:PAGE], languages)
    return shown, shown[-1].stored if len(found) > PAGE else None


def one(session: Session, statement_id: UUID, languages: Sequence[str] = ("en",)) -> Shown:
    """One statement, voided or not. Raises NotFound."""
    found = store.find(session, statement_id)
    if found is None:
        raise NotFound("There is no such statement.")
    return _shown(session, [found], languages)[0]


def newest(
    session: Session, after: datetime, limit: int, languages: Sequence[str] = ("en",)
) -> tuple[list[Shown], bool]:
    """The newest statements stored behind a moment, in the order they came, and whether older ones were left out."""
    found = store.page(session, Selection(since=after), limit + 1)
    return _shown(session, found[:limit][::-1], languages), len(found) > limit


def latest(session: Session) -> datetime:
    """When the last statement was stored; long ago when there is none."""
    found = store.page(session, Selection(), 1)
    return found[0].stored if found else datetime(1970, 1, 1, tzinfo=UTC)


def selection(session: Session, search: Search, before: datetime | None = None) -> Selection:
    """What the filters mean, in keys and moments. Raises Invalid naming every filter that cannot be read."""
    problems: list[Problem] = []
    filters: list[Filter] = []
    if search.person:
        first, *others = map(key, personas.person_of(session, personas.named(search.person)).identifiers)
        filters.append(Filter(first, ("actor",), (Kind.AGENT,), tuple(others[:_MOST_IDENTIFIERS])))
    if search.registration:
        if values.is_uuid(search.registration):
            filters.append(Filter(UUID(search.registration), ("registration",), (Kind.REGISTRATION,)))
        else:
            problems.append(Problem("registration", "This is no UUID."))
    if search.activity:
        if is_iri(search.activity):
            filters.append(Filter(key(search.activity), ("activity",), (Kind.ACTIVITY, Kind.RELATED_ACTIVITY)))
        else:
            problems.append(Problem("activity", "An activity is named by its IRI, like https://example.org/courses/1"))
    if search.verb:
        verb = search.verb if is_iri(search.verb) else _VERBS + search.verb.strip().lower()
        filters.append(Filter(key(verb), ("verb",), (Kind.VERB,)))
    credential_id = _credential(session, search.credential, filters, problems)
    since, until = _moment("since", search.since, problems), _moment("until", search.until, problems)
    if problems:
        raise Invalid("These filters cannot be read.", problems=problems)
    return Selection(filters=tuple(filters), credential_id=credential_id, since=since, until=until, after=before)


def _credential(session: Session, text: str, filters: list[Filter], problems: list[Problem]) -> UUID | None:
    """Statements of a credential are found by their authority, which has an index, and told apart by the credential."""
    if not text:
        return None
    if not values.is_uuid(text):
        problems.append(Problem("credential", "There is no such credential."))
        return None
    filters.append(Filter(authority_key(credentials.authority_of(session, UUID(text))), ("authority",), ()))
    return UUID(text)


def _moment(name: str, text: str, problems: list[Problem]) -> datetime | None:
    if not text:
        return None
    moment = values.parse_timestamp(text if "T" in text else f"{text}T00:00:00Z")
    if moment is None:
        problems.append(Problem(name, "This is no date."))
    return moment


def _shown(session: Session, found: Sequence[Found], languages: Sequence[str]) -> list[Shown]:
    statements = [orjson.loads(item.payload) for item in found]
    unnamed = {iri for iri in map(_unnamed, statements) if iri}
    known = activity_store.definitions(session, unnamed)
    types = {kind for kind in map(_type, statements) if kind}
    labels = profile_store.labels(session, {item["verb"]["id"] for item in statements} | types)
    return [
        Shown(
            id=item.id,
            stored=item.stored,
            sentence=sentence(statement, languages, known, labels),
            type_label=in_language(labels.get(_type(statement)), languages),
            registration=references(statement).registration or "",
            credential_id=item.credential_id,
            version=item.version,
            is_voided=item.voided,
            statement=statement,
        )
        for item, statement in zip(found, statements, strict=True)
    ]


def _type(statement: dict[str, Any]) -> str:
    """The type of the activity that a statement is about, where it says one."""
    kind: str = statement["object"].get("definition", {}).get("type", "")
    return kind


def _unnamed(statement: dict[str, Any]) -> str | None:
    """The activity whose name the statement leaves out."""
    target = statement["object"]
    has_name = target.get("objectType", "Activity") != "Activity" or target.get("definition", {}).get("name")
    return None if has_name else str(target["id"])
