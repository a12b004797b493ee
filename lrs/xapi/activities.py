"""Activities, their definitions, and the interactions among them (Data 2.4.4.1)."""

from typing import Any

from lrs.xapi import values
from lrs.xapi.problems import Path, Report, excerpt
from lrs.xapi.properties import Table, array_of, extensions, iri, language_map, obeys, one_of, string, wrong_type

INTERACTION_TYPES = (
    "true-false",
    "choice",
    "fill-in",
    "long-fill-in",
    "matching",
    "performance",
    "sequencing",
    "likert",
    "numeric",
    "other",
)
COMPONENT_LISTS = ("choices", "scale", "source", "target", "steps")
_SECTION = "Data 2.4.4.1"

_COMPONENT: Table = {"id": string(_SECTION), "description": language_map(_SECTION)}


def _components(report: Report, at: Path, value: Any) -> None:
    if type(value) is not list:
        wrong_type(report, at, value, "an array of interaction components", _SECTION)
        return
    seen: set[str] = set()
    for number, component in enumerate(value):
        if obeys(report, (at, number), component, _COMPONENT, ("id",), _SECTION):
            component_id = component.get("id")
            if type(component_id) is str and component_id in seen:
                report.add(((at, number), "id"), f"is there twice: {excerpt(component_id)}", _SECTION)
            elif type(component_id) is str:
                seen.add(component_id)


_DEFINITION: Table = {
    "name": language_map(_SECTION),
    "description": language_map(_SECTION),
    "type": iri(_SECTION),
    "moreInfo": iri(_SECTION),
    "extensions": extensions,
    "interactionType": one_of(INTERACTION_TYPES, _SECTION),
    "correctResponsesPattern": array_of(string(_SECTION), _SECTION),
} | dict.fromkeys(COMPONENT_LISTS, _components)
_NEEDS_INTERACTION_TYPE = frozenset({"correctResponsesPattern", *COMPONENT_LISTS})


def definition(report: Report, at: Path, value: Any) -> None:
    """An Activity Definition. Which component list belongs to which interaction is left to the sender, as allowed."""
    if not obeys(report, at, value, _DEFINITION, (), _SECTION):
        return
    if "interactionType" not in value and not _NEEDS_INTERACTION_TYPE.isdisjoint(value):
        report.add((at, "interactionType"), "is required for an interaction", _SECTION)


_ACTIVITY: Table = {"objectType": one_of(("Activity",), _SECTION), "id": iri(_SECTION), "definition": definition}


def activity(report: Report, at: Path, value: Any) -> None:
    """An Activity: its id, and what may be known about it."""
    obeys(report, at, value, _ACTIVITY, ("id",), _SECTION)


def merged(known: dict[str, Any], received: dict[str, Any]) -> dict[str, Any]:
    """The canonical definition after a new one arrived: languages and extensions are added, the rest replaced.

    Names and descriptions in languages that the new definition lacks are kept (Data 2.4.4.1, 3.2).
    """
    result = known | received
    for name in ("name", "description", "extensions"):
        if isinstance(known.get(name), dict) and isinstance(received.get(name), dict):
            result[name] = known[name] | received[name]
    return result


def is_activity_id(value: str) -> bool:
    """What the activityId parameter takes (Communication 2.3)."""
    return values.is_iri(value)
