"""The context of a statement (Data 2.4.6; 2.0 4.2.2.5)."""

from typing import Any

from lrs.xapi import values
from lrs.xapi.activities import activity
from lrs.xapi.actors import actor, agent, group
from lrs.xapi.problems import Path, Report, excerpt
from lrs.xapi.properties import (
    Rule,
    Table,
    extensions,
    formatted,
    iri,
    obeys,
    one_of,
    string,
    uuid,
    wrong_type,
)
from lrs.xapi.versions import Version

ACTIVITY_LISTS = ("parent", "grouping", "category", "other")

_STATEMENT_REF: Table = {
    "objectType": one_of(("StatementRef",), "Data 2.4.4.3"),
    "id": uuid("Data 2.4.4.3"),
}


def statement_ref(report: Report, at: Path, value: Any) -> None:
    """Data 2.4.4.3: a pointer to a Statement, which need not be here."""
    obeys(report, at, value, _STATEMENT_REF, ("objectType", "id"), "Data 2.4.4.3")


def _one_or_many(report: Report, at: Path, value: Any) -> None:
    if type(value) is not list:
        activity(report, at, value)
        return
    for number, item in enumerate(value):
        activity(report, (at, number), item)


_CONTEXT_ACTIVITIES: Table = dict.fromkeys(ACTIVITY_LISTS, _one_or_many)


def _context_activities(report: Report, at: Path, value: Any) -> None:
    obeys(report, at, value, _CONTEXT_ACTIVITIES, (), "Data 2.4.6.2")


_TYPE_IRI = iri("2.0 4.2.2.5")


def _relevant_types(report: Report, at: Path, value: Any) -> None:
    if type(value) is not list:
        wrong_type(report, at, value, "an array of IRIs", "2.0 4.2.2.5")
    elif not value:
        report.add(at, "must not be empty; leave it out instead", "2.0 4.2.2.5")
    else:
        for number, item in enumerate(value):
            _TYPE_IRI(report, (at, number), item)


def _participants(object_type: str, name: str, rule: Rule) -> Rule:
    """xAPI 2.0: an array of `contextAgent` or `contextGroup` objects, each with its agent or group."""
    table: Table = {
        "objectType": one_of((object_type,), "2.0 4.2.2.5"),
        name: rule,
        "relevantTypes": _relevant_types,
    }

    def check(report: Report, at: Path, value: Any) -> None:
        if type(value) is not list:
            wrong_type(report, at, value, f"an array of {object_type} objects", "2.0 4.2.2.5")
            return
        for number, item in enumerate(value):
            obeys(report, (at, number), item, table, ("objectType", name), "2.0 4.2.2.5")

    return check


_CONTEXT_1_0: Table = {
    "registration": uuid("Data 2.4.6.1"),
    "instructor": actor,
    "team": group,
    "contextActivities": _context_activities,
    "revision": string("Data 2.4.6"),
    "platform": string("Data 2.4.6"),
    "language": formatted(values.is_language_tag, "an RFC 5646 language tag", "Data 2.4.6"),
    "statement": statement_ref,
    "extensions": extensions,
}
_CONTEXT_2_0: Table = _CONTEXT_1_0 | {
    "contextAgents": _participants("contextAgent", "agent", agent),
    "contextGroups": _participants("contextGroup", "group", group),
}


def context(report: Report, at: Path, value: Any) -> None:
    """A Context, by itself."""
    obeys(report, at, value, _CONTEXT_2_0 if report.version is Version.V2_0 else _CONTEXT_1_0, (), "Data 2.4.6")


def context_fits_object(report: Report, at: Path, value: Any, target: Any) -> None:
    """Data 2.4.6: revision and platform belong to Activities only."""
    if type(value) is not dict or type(target) is not dict or target.get("objectType", "Activity") == "Activity":
        return
    for name in ("revision", "platform"):
        if name in value:
            found = excerpt(target["objectType"])
            report.add((at, name), f"is only for an object that is an Activity; this one is {found}", "Data 2.4.6")
