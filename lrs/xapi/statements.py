"""Statements: the rules for one, for a batch, and what a store needs to know about a valid one (Data 2.2–2.4)."""

from dataclasses import dataclass, field
from typing import Any

from lrs.xapi import values
from lrs.xapi.activities import activity
from lrs.xapi.actors import actor, authority, identifier
from lrs.xapi.attachments import attachments
from lrs.xapi.contexts import ACTIVITY_LISTS, context, context_fits_object, statement_ref
from lrs.xapi.problems import Path, Problem, Report, excerpt
from lrs.xapi.properties import Rule, Table, iri, language_map, obeys, timestamp, uuid, wrong_type
from lrs.xapi.results import result
from lrs.xapi.verbs import VOIDED
from lrs.xapi.versions import Version, allows_statement_version

_VERB: Table = {"id": iri("Data 2.4.3"), "display": language_map("Data 2.4.3")}


def _verb(report: Report, at: Path, value: Any) -> None:
    obeys(report, at, value, _VERB, ("id",), "Data 2.4.3")


def _version(report: Report, at: Path, value: Any) -> None:
    if type(value) is not str or not allows_statement_version(value, report.version):
        known = "1.0.x" if report.version is Version.V1_0_3 else "1.0.x or 2.0.x"
        report.add(at, f"must be {known}, but is {excerpt(value)}", "Data 2.4.10")


def _object(report: Report, at: Path, value: Any) -> None:
    """Data 2.4.4: an Activity when nothing is said; else what objectType names."""
    if type(value) is not dict:
        wrong_type(report, at, value, "an object", "Data 2.4.4")
        return
    object_type = value.get("objectType", "Activity")
    rule = _OBJECTS.get(object_type) if type(object_type) is str else None
    if rule is None:
        report.add((at, "objectType"), f"must be {' or '.join(_OBJECTS)}, but is {excerpt(object_type)}", "Data 2.4.4")
    else:
        rule(report, at, value)


def _sub_statement(report: Report, at: Path, value: Any) -> None:
    """Data 2.4.4.3: a Statement inside a Statement, without what only a real one has, and not nested again."""
    target = value.get("object")
    if type(target) is dict and target.get("objectType") == "SubStatement":
        report.add((at, "object"), "must not be a SubStatement: they cannot be nested", "Data 2.4.4.3")
        value = {name: item for name, item in value.items() if name != "object"}
        obeys(report, at, value, _SUB_STATEMENT, ("actor", "verb"), "Data 2.4.4.3")
        return
    if obeys(report, at, value, _SUB_STATEMENT, ("actor", "verb", "object"), "Data 2.4.4.3"):
        _parts_fit(report, at, value)


_OBJECTS: dict[str, Rule] = {
    "Activity": activity,
    "Agent": actor,
    "Group": actor,
    "StatementRef": statement_ref,
    "SubStatement": _sub_statement,
}


def _known_type(report: Report, at: Path, value: Any) -> None:
    """The objectType of a SubStatement has led here."""


_SHARED: Table = {
    "actor": actor,
    "verb": _verb,
    "object": _object,
    "result": result,
    "context": context,
    "timestamp": timestamp,
    "attachments": attachments,
}
_SUB_STATEMENT: Table = {"objectType": _known_type} | _SHARED
_STATEMENT: Table = (
    {"id": uuid("Data 2.4.1")} | _SHARED | {"stored": timestamp, "authority": authority, "version": _version}
)


def statement(report: Report, at: Path, value: Any) -> None:
    """A whole Statement."""
    if obeys(report, at, value, _STATEMENT, ("actor", "verb", "object"), "Data 2.2"):
        _parts_fit(report, at, value)


def _parts_fit(report: Report, at: Path, value: dict[str, Any]) -> None:
    """The rules that look at two properties: voiding (Data 2.3.2) and revision, platform (Data 2.4.6)."""
    target = value.get("object")
    if "context" in value:
        context_fits_object(report, (at, "context"), value["context"], target)
    verb = value.get("verb")
    if type(verb) is dict and verb.get("id") == VOIDED:
        object_type = target.get("objectType") if type(target) is dict else None
        if object_type != "StatementRef":
            report.add((at, "object"), "must be a StatementRef when the verb is voided", "Data 2.3.2")


def problems_of(value: Any, version: Version = Version.V1_0_3) -> list[Problem]:
    """Every problem of one Statement, or of a batch of them. Valid when there is none. Never raises."""
    report = Report(version)
    if type(value) is list:
        for number, item in enumerate(value):
            statement(report, f"statements[{number}]", item)
        if version is Version.V2_0:
            _ids_differ(report, value)
    else:
        statement(report, "statement", value)
    return report.problems


def _ids_differ(report: Report, batch: list[Any]) -> None:
    """Communication 2.1.2, binding in 2.0: the same id twice in one batch is refused."""
    seen: dict[str, int] = {}
    for number, item in enumerate(batch):
        statement_id = item.get("id") if type(item) is dict else None
        if type(statement_id) is not str:
            continue
        first = seen.setdefault(statement_id.lower(), number)
        if first != number:
            report.add(f"statements[{number}].id", f"is the id of statements[{first}], too", "2.0 4.1.6.1")


@dataclass(slots=True)  # not frozen: that would cost more than reading them does
class References:
    """What a valid Statement refers to, as the filters of a query will ask for it (Communication 2.1.3).

    `agents` answer the `agent` filter (actor, object, members of these), `related_agents` and `related_activities`
    the broad filters: everything, also in context, authority and SubStatement. Agents are those of
    `actors.identifier`.
    """

    verb: str
    activity: str | None = None
    registration: str | None = None
    target: str | None = None
    agents: frozenset[str] = frozenset()
    related_agents: frozenset[str] = frozenset()
    related_activities: frozenset[str] = frozenset()
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def is_voiding(self) -> bool:
        return self.verb == VOIDED


def references(value: dict[str, Any]) -> References:
    """Read the references of a valid Statement."""
    target = value["object"]
    object_type = target.get("objectType", "Activity")
    direct: set[str] = set()
    _add_agents(direct, value["actor"])
    if object_type in ("Agent", "Group"):
        _add_agents(direct, target)
    broad, activities, definitions = set(direct), set[str](), dict[str, dict[str, Any]]()
    if "authority" in value:
        _add_agents(broad, value["authority"])
    _add_related(value, broad, activities, definitions)
    if object_type == "SubStatement":
        _add_agents(broad, target["actor"])
        _add_related(target, broad, activities, definitions)
    return References(
        verb=value["verb"]["id"],
        activity=target["id"] if object_type == "Activity" else None,
        registration=value.get("context", {}).get("registration"),
        target=target["id"] if object_type == "StatementRef" else None,
        agents=frozenset(direct),
        related_agents=frozenset(broad),
        related_activities=frozenset(activities),
        definitions=definitions,
    )


def _add_related(
    value: dict[str, Any], agents: set[str], activities: set[str], definitions: dict[str, dict[str, Any]]
) -> None:
    target = value["object"]
    object_type = target.get("objectType", "Activity")
    if object_type == "Activity":
        _add_activity(target, activities, definitions)
    elif object_type in ("Agent", "Group"):
        _add_agents(agents, target)
    context = value.get("context")
    if context is None:
        return
    for name in ("instructor", "team"):
        if name in context:
            _add_agents(agents, context[name])
    for participant in context.get("contextAgents", ()):
        _add_agents(agents, participant["agent"])
    for participant in context.get("contextGroups", ()):
        _add_agents(agents, participant["group"])
    for name in ACTIVITY_LISTS:
        found = context.get("contextActivities", {}).get(name, ())
        for item in [found] if isinstance(found, dict) else found:
            _add_activity(item, activities, definitions)


def _add_agents(agents: set[str], value: dict[str, Any]) -> None:
    own = identifier(value)
    if own is not None:
        agents.add(own)
    for member in value.get("member", ()):
        found = identifier(member)
        if found is not None:
            agents.add(found)


def _add_activity(value: dict[str, Any], activities: set[str], definitions: dict[str, dict[str, Any]]) -> None:
    activities.add(value["id"])
    if value.get("definition"):
        known = definitions.get(value["id"])
        definitions[value["id"]] = known | value["definition"] if known else value["definition"]


def normalized(value: dict[str, Any]) -> dict[str, Any]:
    """The Statement with single contextActivities as arrays, in its SubStatement too (Data 2.4.6.2)."""
    changed = _with_arrays(value)
    target = changed["object"]
    if target.get("objectType") == "SubStatement":
        inner = _with_arrays(target)
        if inner is not target:
            changed = changed | {"object": inner}
    return changed


def _with_arrays(value: dict[str, Any]) -> dict[str, Any]:
    activities = value.get("context", {}).get("contextActivities")
    if not activities or all(isinstance(item, list) for item in activities.values()):
        return value
    arrays = {name: item if isinstance(item, list) else [item] for name, item in activities.items()}
    return value | {"context": value["context"] | {"contextActivities": arrays}}


def unstamped(value: dict[str, Any], version: Version) -> dict[str, Any]:
    """The Statement as the LRS keeps it, but for what it adds when it stores it: id, stored, authority (Data 2.4).

    The version is there; a timestamp only if the sender gave one. In xAPI 2.0 it is turned into UTC (2.0 4.2.7).
    """
    changed = normalized(value)
    kept = {name: item for name, item in changed.items() if name not in _STAMPS}
    given = kept.get("timestamp")
    if given is not None and version is Version.V2_0 and not given.endswith(("Z", "z")):
        moment = values.parse_timestamp(given, version)
        if moment is not None:
            kept["timestamp"] = values.format_timestamp(moment)
    if "version" not in kept:
        kept["version"] = version.of_statements
    return kept


_STAMPS = frozenset({"stored", "authority"})
