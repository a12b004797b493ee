"""The formats of an answer, exact, ids and canonical, and which language a reader gets (Communication 2.1.3)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from lrs.xapi.activities import COMPONENT_LISTS
from lrs.xapi.actors import identity
from lrs.xapi.contexts import ACTIVITY_LISTS


class Format(StrEnum):
    """The `format` parameter."""

    EXACT = "exact"
    IDS = "ids"
    CANONICAL = "canonical"


def ids(statement: dict[str, Any]) -> dict[str, Any]:
    """The Statement with the least in Agents, Groups, Activities and Verbs that tells which they are."""
    kept = dict(statement)
    kept["actor"] = identity(statement["actor"])
    kept["verb"] = {"id": statement["verb"]["id"]}
    kept["object"] = _id_of_object(statement["object"])
    if "authority" in statement:
        kept["authority"] = identity(statement["authority"])
    if "context" in statement:
        kept["context"] = _ids_of_context(statement["context"])
    return kept


def _id_of_object(value: dict[str, Any]) -> dict[str, Any]:
    object_type = value.get("objectType", "Activity")
    if object_type == "Activity":
        return _id_of_activity(value)
    if object_type == "SubStatement":
        return ids(value)
    return value if object_type == "StatementRef" else identity(value)


def _id_of_activity(value: dict[str, Any]) -> dict[str, Any]:
    return {"id": value["id"]}


def _ids_of_context(value: dict[str, Any]) -> dict[str, Any]:
    kept = dict(value)
    for name in ("instructor", "team"):
        if name in value:
            kept[name] = identity(value[name])
    for name, part in (("contextAgents", "agent"), ("contextGroups", "group")):
        if name in value:
            kept[name] = [item | {part: identity(item[part])} for item in value[name]]
    if "contextActivities" in value:
        kept["contextActivities"] = _each_activity(value["contextActivities"], _id_of_activity)
    return kept


def _each_activity(lists: dict[str, Any], change: Any) -> dict[str, Any]:
    return {name: [change(item) for item in lists[name]] for name in ACTIVITY_LISTS if name in lists}


def canonical(
    statement: dict[str, Any], definitions: Mapping[str, dict[str, Any]], accept_language: str | None
) -> dict[str, Any]:
    """The Statement with the LRS's own definitions of its Activities, and one language in every language map.

    `definitions` has the canonical definition per activity id; actors stay as they were received.
    """
    choice = LanguageChoice(accept_language)

    def activity(value: dict[str, Any]) -> dict[str, Any]:
        known = definitions.get(value["id"], value.get("definition"))
        return value if known is None else value | {"definition": one_language(known, choice)}

    return _canonical(statement, activity, choice)


def _canonical(statement: dict[str, Any], activity: Any, choice: "LanguageChoice") -> dict[str, Any]:
    kept = dict(statement)
    verb = statement["verb"]
    if "display" in verb:
        kept["verb"] = verb | {"display": choice.of(verb["display"])}
    target = statement["object"]
    object_type = target.get("objectType", "Activity")
    if object_type == "Activity":
        kept["object"] = activity(target)
    elif object_type == "SubStatement":
        kept["object"] = _canonical(target, activity, choice)
    lists = statement.get("context", {}).get("contextActivities")
    if lists:
        kept["context"] = statement["context"] | {"contextActivities": _each_activity(lists, activity)}
    return kept


def one_language(definition: dict[str, Any], choice: "LanguageChoice") -> dict[str, Any]:
    """A definition with one language in name, description and interaction components."""
    kept = dict(definition)
    for name in ("name", "description"):
        if name in definition:
            kept[name] = choice.of(definition[name])
    for name in COMPONENT_LISTS:
        if name in definition:
            kept[name] = [
                item | {"description": choice.of(item["description"])} if "description" in item else item
                for item in definition[name]
            ]
    return kept


class LanguageChoice:
    """An Accept-Language header, applied to each language map by itself (RFC 2616 14.4)."""

    def __init__(self, header: str | None) -> None:
        self._ranges, self._refused = _ranges(header or "")

    def of(self, language_map: dict[str, str]) -> dict[str, str]:
        """The map with the one entry that fits best; the first one when none does."""
        if len(language_map) < 2:
            return language_map
        tag = self._best(list(language_map))
        return {tag: language_map[tag]}

    def _best(self, tags: list[str]) -> str:
        allowed = [tag for tag in tags if not any(_matches(tag.lower(), refused) for refused in self._refused)] or tags
        for wanted in self._ranges:
            for tag in allowed:
                if _matches(tag.lower(), wanted):
                    return tag
        for wanted in self._ranges:  # nobody has Swiss German, but perhaps German
            while "-" in wanted:
                wanted = wanted.rpartition("-")[0]
                for tag in allowed:
                    if tag.lower() == wanted:
                        return tag
        return allowed[0]


def _matches(tag: str, wanted: str) -> bool:
    return wanted == "*" or tag == wanted or tag.startswith(wanted + "-")


def _ranges(header: str) -> tuple[list[str], list[str]]:
    """The ranges, most wanted first, and those refused with q=0."""
    weighted: list[tuple[float, int, str]] = []
    refused: list[str] = []
    for position, item in enumerate(header.split(",")[:50]):
        name, _, rest = item.partition(";")
        language = name.strip().lower()
        try:
            quality = float(rest.strip().removeprefix("q=")) if rest.strip().startswith("q=") else 1.0
        except ValueError:
            quality = 1.0
        if language and quality <= 0:
            refused.append(language)
        elif language:
            weighted.append((-quality, position, language))
    return [language for _, _, language in sorted(weighted)], refused
