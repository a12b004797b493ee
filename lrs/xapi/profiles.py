"""xAPI Profiles: concepts with their labels, Statement Templates and Patterns, and checking Statements against them.

Structure 6 to 9 say what a Profile holds, Communication 2.1 and 2.2 how Statements are checked. Nothing is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lrs.xapi import jsonpath
from lrs.xapi.attachments import declared_in
from lrs.xapi.problems import Problem
from lrs.xapi.values import is_iri

Statement = Mapping[str, Any]
Find = Callable[[str], Statement | None]
"""The Statement with an id, where it is available."""

_KINDS = frozenset({
    "Verb", "ActivityType", "AttachmentUsageType", "ContextExtension", "ResultExtension", "ActivityExtension",
    "StateResource", "AgentProfileResource", "ActivityProfileResource", "Activity",
})  # fmt: skip
_PATTERNS = ("sequence", "alternates", "optional", "oneOrMore", "zeroOrMore")
_CONTEXT_TYPES = {
    "contextGroupingActivityType": "grouping", "contextParentActivityType": "parent",
    "contextOtherActivityType": "other", "contextCategoryActivityType": "category",
}  # fmt: skip


@dataclass(frozen=True)
class Concept:
    """Something a Statement may hold, with its labels by language."""

    iri: str
    kind: str
    labels: Mapping[str, str]
    definitions: Mapping[str, str]
    is_deprecated: bool


@dataclass(frozen=True)
class Rule:
    """What the values at a location must be (Structure 8.1)."""

    location: str
    selector: str | None
    presence: str | None
    any: Sequence[Any] | None
    all: Sequence[Any] | None
    none: Sequence[Any] | None

    @property
    def text(self) -> str:
        """The rule as its author wrote it, on one line."""
        parts = [self.location + (f" → {self.selector}" if self.selector else "")]
        parts += [self.presence] if self.presence else []
        parts += [
            f"{name} of {list(values)!r}"
            for name, values in (("any", self.any), ("all", self.all), ("none", self.none))
            if values is not None
        ]
        return ", ".join(parts)


@dataclass(frozen=True)
class Template:
    """Which Statements it is about, by their determining properties, and what it asks of them (Structure 8.0)."""

    id: str
    labels: Mapping[str, str]
    determining: Mapping[str, Any]
    rules: Sequence[Rule]
    object_templates: Sequence[str]
    context_templates: Sequence[str]


@dataclass(frozen=True)
class Pattern:
    """An order of Statements (Structure 9.0): what kind of order, of which templates and patterns."""

    id: str
    labels: Mapping[str, str]
    is_primary: bool
    kind: str
    members: Sequence[str]


@dataclass(frozen=True)
class Profile:
    """A Profile as far as it is used here. `version` is the IRI of its newest version."""

    id: str
    version: str
    labels: Mapping[str, str]
    definitions: Mapping[str, str]
    concepts: Sequence[Concept]
    templates: Sequence[Template]
    patterns: Sequence[Pattern]


@dataclass
class _Reading:
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, path: str, what: str, source: str) -> None:
        self.problems.append(Problem(path, what, source))

    def iri(self, at: str, item: Mapping[str, Any], source: str) -> str:
        found = item.get("id")
        if not isinstance(found, str) or not is_iri(found):
            self.wrong(f"{at}.id", "must be an IRI", source)
            return ""
        return found

    def texts(self, at: str, item: Mapping[str, Any], name: str, source: str, *, required: bool) -> dict[str, str]:
        found = item.get(name)
        if found is None and not required:
            return {}
        if not isinstance(found, dict) or not found or not all(isinstance(one, str) for one in found.values()):
            self.wrong(f"{at}.{name}", "must be texts by language", source)
            return {}
        return dict(found)

    def items(self, at: str, item: Mapping[str, Any], name: str, source: str) -> list[tuple[str, dict[str, Any]]]:
        found = item.get(name, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            self.wrong(f"{at}.{name}", "must be an array of objects", source)
            return []
        return [(f"{at}.{name}[{number}]", one) for number, one in enumerate(found)]


def read(document: Any) -> tuple[Profile | None, list[Problem]]:
    """A Profile out of its JSON-LD, or every problem that keeps it from being used."""
    reading = _Reading()
    if not isinstance(document, dict) or document.get("type") != "Profile":
        return None, [Problem("profile.type", 'must be "Profile"', "Structure 6.0")]
    at = "profile"
    profile = Profile(
        id=reading.iri(at, document, "Structure 6.0"),
        version=_version(reading, at, document),
        labels=reading.texts(at, document, "prefLabel", "Structure 6.0", required=True),
        definitions=reading.texts(at, document, "definition", "Structure 6.0", required=True),
        concepts=[_concept(reading, *one) for one in reading.items(at, document, "concepts", "Structure 7.0")],
        templates=[_template(reading, *one) for one in reading.items(at, document, "templates", "Structure 8.0")],
        patterns=[_pattern(reading, *one) for one in reading.items(at, document, "patterns", "Structure 9.0")],
    )
    _require_members(reading, profile)
    return (None if reading.problems else profile), reading.problems


def _version(reading: _Reading, at: str, document: Mapping[str, Any]) -> str:
    versions = reading.items(at, document, "versions", "Structure 6.1")
    if not versions:
        reading.wrong(f"{at}.versions", "must name at least one version", "Structure 6.1")
        return ""
    found = [reading.iri(where, one, "Structure 6.1") for where, one in versions]
    dates = [str(one.get("generatedAtTime", "")) for _, one in versions]
    return found[dates.index(max(dates))]


def _concept(reading: _Reading, at: str, item: dict[str, Any]) -> Concept:
    kind = item.get("type")
    if kind not in _KINDS:
        reading.wrong(f"{at}.type", f"must be one of {', '.join(sorted(_KINDS))}", "Structure 7.0")
    definition = item.get("activityDefinition") if kind == "Activity" else None
    if isinstance(definition, dict):  # an Activity has its labels in the definition that Statements use
        labels, texts = definition.get("name") or {}, definition.get("description") or {}
    else:
        labels = reading.texts(at, item, "prefLabel", "Structure 7.0", required=kind != "Activity")
        texts = reading.texts(at, item, "definition", "Structure 7.0", required=False)
    return Concept(reading.iri(at, item, "Structure 7.0"), str(kind), labels, texts, item.get("deprecated") is True)


def _template(reading: _Reading, at: str, item: dict[str, Any]) -> Template:
    determining = {}
    for name in ("verb", "objectActivityType", *_CONTEXT_TYPES, "attachmentUsageType"):
        value = item.get(name)
        if value is None:
            continue
        is_single = name in ("verb", "objectActivityType")
        if not (isinstance(value, str) if is_single else _are_texts(value)):
            reading.wrong(
                f"{at}.{name}", "must be an IRI" if is_single else "must be an array of IRIs", "Structure 8.0"
            )
        determining[name] = value
    return Template(
        reading.iri(at, item, "Structure 8.0"),
        reading.texts(at, item, "prefLabel", "Structure 8.0", required=True),
        determining,
        [_rule(reading, *one) for one in reading.items(at, item, "rules", "Structure 8.1")],
        _references(reading, at, item, "objectStatementRefTemplate"),
        _references(reading, at, item, "contextStatementRefTemplate"),
    )


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _references(reading: _Reading, at: str, item: Mapping[str, Any], name: str) -> list[str]:
    value = item.get(name, [])
    if not _are_texts(value):
        reading.wrong(f"{at}.{name}", "must be an array of Statement Template ids", "Structure 8.0")
        return []
    return list(value)


def _rule(reading: _Reading, at: str, item: dict[str, Any]) -> Rule:
    for name in ("location", "selector"):
        path = item.get(name)
        if path is None and name == "selector":
            continue
        try:
            jsonpath.parsed(str(path))
        except jsonpath.Unreadable as error:
            reading.wrong(f"{at}.{name}", str(error), "Structure 8.1")
    if item.get("presence") not in (None, "included", "excluded", "recommended"):
        reading.wrong(f"{at}.presence", "must be included, excluded or recommended", "Structure 8.1")
    if not any(name in item for name in ("presence", "any", "all", "none")):
        reading.wrong(at, "must have one of presence, any, all, none", "Structure 8.1")
    for name in ("any", "all", "none"):
        if name in item and not isinstance(item[name], list):
            reading.wrong(f"{at}.{name}", "must be an array", "Structure 8.1")
    values = {name: item[name] if isinstance(item.get(name), list) else None for name in ("any", "all", "none")}
    return Rule(str(item.get("location")), item.get("selector"), item.get("presence"), **values)


def _pattern(reading: _Reading, at: str, item: dict[str, Any]) -> Pattern:
    kinds = [name for name in _PATTERNS if name in item]
    if len(kinds) != 1:
        reading.wrong(at, f"must have exactly one of {', '.join(_PATTERNS)}", "Structure 9.0")
        return Pattern("", {}, is_primary=False, kind="sequence", members=[])
    value = item[kinds[0]]
    members: Any = value if isinstance(value, list) else [value.get("id") if isinstance(value, dict) else value]
    if not members or not _are_texts(members):
        reading.wrong(f"{at}.{kinds[0]}", "must name Statement Templates or Patterns", "Structure 9.0")
        members = []
    is_primary = item.get("primary") is True
    labels = reading.texts(at, item, "prefLabel", "Structure 9.0", required=is_primary)
    return Pattern(reading.iri(at, item, "Structure 9.0"), labels, is_primary, kinds[0], members)


def _require_members(reading: _Reading, profile: Profile) -> None:
    """Patterns are made of what is in this Profile, and none of itself: else there is no end to checking it."""
    patterns = {one.id: one for one in profile.patterns}
    known = patterns.keys() | {one.id for one in profile.templates}
    for number, pattern in enumerate(profile.patterns):
        at = f"profile.patterns[{number}]"
        for member in pattern.members:
            if member not in known:
                reading.wrong(at, f"names {member[:200]}, which is not in this Profile", "Structure 9.0")
        seen, waiting = set[str](), [*pattern.members]
        while waiting:
            one = waiting.pop()
            if one == pattern.id:
                reading.wrong(at, "contains itself", "Structure 9.0")
                return
            if one in patterns and one not in seen:
                seen.add(one)
                waiting += patterns[one].members


@dataclass(frozen=True)
class Verdict:
    """A template that is about a Statement, and what of it the Statement breaks; nothing: it is followed."""

    template: Template
    broken: Sequence[str]


def check(statement: Statement, profile: Profile, find: Find, depth: int = 0) -> list[Verdict]:
    """Every template that is about a Statement, with what is broken (Communication 2.1, `validates`)."""
    return [
        Verdict(template, _broken(statement, template, profile, find, depth))
        for template in profile.templates
        if _is_about(statement, template)
    ]


def _is_about(statement: Statement, template: Template) -> bool:
    for name, wanted in template.determining.items():
        if name == "verb":
            if statement["verb"]["id"] != wanted:
                return False
        elif name == "objectActivityType":
            if wanted not in _types([statement["object"]]):
                return False
        elif name == "attachmentUsageType":
            if not {item["usageType"] for _, item in declared_in(statement, "")} >= set(wanted):
                return False
        else:
            activities = statement.get("context", {}).get("contextActivities", {}).get(_CONTEXT_TYPES[name], [])
            if not _types(activities if isinstance(activities, list) else [activities]) >= set(wanted):
                return False
    return True


def _types(activities: Sequence[Mapping[str, Any]]) -> set[str]:
    return {item.get("definition", {}).get("type", "") for item in activities}


_DEEPEST = 5  # a StatementRef may point to a Statement with a StatementRef, and so on


def _broken(statement: Statement, template: Template, profile: Profile, find: Find, depth: int) -> list[str]:
    found = []
    for name, wanted, target in (
        ("objectStatementRefTemplate", template.object_templates, statement["object"]),
        ("contextStatementRefTemplate", template.context_templates, statement.get("context", {}).get("statement")),
    ):
        if wanted and not _refers(target, wanted, profile, find, depth):
            found.append(f"{name}: {', '.join(wanted)}")
    return found + [rule.text for rule in template.rules if not _follows(statement, rule)]


def _refers(target: Any, wanted: Sequence[str], profile: Profile, find: Find, depth: int) -> bool:
    if not isinstance(target, Mapping) or target.get("objectType") != "StatementRef":
        return False
    other = find(target["id"])
    if other is None or depth >= _DEEPEST:
        return True  # what is not available cannot be held against it
    verdicts = check(other, profile, find, depth + 1)
    return all(not one.broken for one in verdicts) and any(one.template.id in wanted for one in verdicts)


class _Nothing(StrEnum):
    """What a selector did not find at a location: it matches nothing."""

    UNMATCHABLE = "unmatchable"


def _follows(statement: Statement, rule: Rule) -> bool:
    """Communication 2.1, `follows_rule`."""
    values = jsonpath.found(statement, rule.location)
    if rule.selector is not None:
        values = [one for value in values for one in jsonpath.found(value, rule.selector) or [_Nothing.UNMATCHABLE]]
    matchable = [value for value in values if not isinstance(value, _Nothing)]
    if rule.presence == "included" and (not values or len(matchable) < len(values)):
        return False
    if rule.presence == "excluded" and matchable:
        return False
    if rule.presence == "recommended" and not values:
        return True
    if rule.any is not None and not any(_is_among(value, rule.any) for value in matchable):
        return False
    if rule.all is not None and not (
        len(matchable) == len(values) and all(_is_among(value, rule.all) for value in values)
    ):
        return False
    return rule.none is None or not any(_is_among(value, rule.none) for value in matchable)


def _is_among(value: Any, wanted: Sequence[Any]) -> bool:
    """Equality of JSON: true is not 1."""
    return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in wanted)


class Match(StrEnum):
    """How a series of Statements stands to a Pattern."""

    SUCCESS = "success"
    PARTIAL = "partial"
    FAILURE = "failure"


def follow(series: Sequence[frozenset[str]], profile: Profile) -> tuple[Match, str]:
    """Whether a series follows a primary Pattern (Communication 2.2, `follows`), and which one it follows or began.

    The series are the ids of the templates that each Statement follows, in the order of their timestamps.
    """
    elements = {one.id: one for one in profile.patterns}
    begun = ""
    for pattern in profile.patterns:
        if pattern.is_primary:
            outcome, end = _matches(series, 0, pattern.id, elements)
            if outcome is Match.SUCCESS and end == len(series):
                return Match.SUCCESS, pattern.id
            if outcome is Match.PARTIAL and end == len(series):
                begun = begun or pattern.id
    return (Match.PARTIAL, begun) if begun else (Match.FAILURE, "")


def _matches(
    series: Sequence[frozenset[str]], start: int, element: str, elements: Mapping[str, Pattern]
) -> tuple[Match, int]:
    """Communication 2.2, `matches`: greedy, without going back. Answered is also where the rest begins."""
    pattern = elements.get(element)
    if pattern is None:
        if start == len(series):
            return Match.PARTIAL, start
        return (Match.SUCCESS, start + 1) if element in series[start] else (Match.FAILURE, start)
    match pattern.kind:
        case "sequence":
            return _sequence(series, start, pattern, elements)
        case "alternates":
            return _alternates(series, start, pattern, elements)
        case "optional":
            if start == len(series):
                return Match.SUCCESS, start
            outcome, end = _matches(series, start, pattern.members[0], elements)
            return (Match.SUCCESS, start) if outcome is Match.FAILURE else (outcome, end)
        case _:
            return _repeated(series, start, pattern, elements)


def _sequence(
    series: Sequence[frozenset[str]], start: int, pattern: Pattern, elements: Mapping[str, Pattern]
) -> tuple[Match, int]:
    end = start
    for member in pattern.members:
        outcome, end = _matches(series, end, member, elements)
        if outcome is Match.FAILURE:
            return Match.FAILURE, start
        if outcome is Match.PARTIAL:
            return Match.PARTIAL, len(series)
    return Match.SUCCESS, end


def _alternates(
    series: Sequence[frozenset[str]], start: int, pattern: Pattern, elements: Mapping[str, Pattern]
) -> tuple[Match, int]:
    best, furthest = Match.FAILURE, start
    for member in pattern.members:
        outcome, end = _matches(series, start, member, elements)
        if outcome is Match.SUCCESS:
            best, furthest = Match.SUCCESS, max(furthest, end)
        elif outcome is Match.PARTIAL and best is Match.FAILURE:
            best = Match.PARTIAL
    return (Match.PARTIAL, len(series)) if best is Match.PARTIAL else (best, furthest)


def _repeated(
    series: Sequence[frozenset[str]], start: int, pattern: Pattern, elements: Mapping[str, Pattern]
) -> tuple[Match, int]:
    end, has_matched = start, pattern.kind == "zeroOrMore"
    while True:
        outcome, further = _matches(series, end, pattern.members[0], elements)
        if outcome is Match.PARTIAL and end < len(series):
            return Match.PARTIAL, further
        if outcome is not Match.SUCCESS:
            if has_matched:
                return Match.SUCCESS, end
            return (outcome, len(series) if outcome is Match.PARTIAL else start)
        if further == end:
            return Match.SUCCESS, end
        end, has_matched = further, True
