"""Rules for the kinds of property that statements are made of (Data 2.2, 4.0). A rule gets a report, a path, a value.

Every rule refuses null and every other wrong type; tables of rules (`Table`) refuse unknown and mis-cased names.
"""

from collections.abc import Callable
from typing import Any

from lrs.xapi import values
from lrs.xapi.problems import Path, Report, excerpt, kind

Rule = Callable[[Report, Path, Any], None]
Table = dict[str, Rule]


def wrong_type(report: Report, at: Path, value: Any, expected: str, requirement: str = "Data 2.2") -> None:
    """Add the problem that a value is not what the property takes."""
    report.add(at, f"must be {expected}, but is {kind(value)}: {excerpt(value)}", requirement)


def obeys(report: Report, at: Path, value: Any, table: Table, required: tuple[str, ...], requirement: str) -> bool:
    """Check an object's properties against a table. False when it is no object at all."""
    if type(value) is not dict:
        wrong_type(report, at, value, "an object", requirement)
        return False
    for name, item in value.items():
        rule = table.get(name)
        if rule is None:
            _unknown(report, at, name, table, requirement)
        else:
            rule(report, (at, name), item)
    for name in required:
        if name not in value:
            report.add((at, name), "is required", requirement)
    return True


def _unknown(report: Report, at: Path, name: str, table: Table, requirement: str) -> None:
    meant = next((known for known in table if known.lower() == name.lower()), None)
    if meant is not None:
        report.add((at, name), f"is not a property here; names are case sensitive: {meant}", "Data 2.2")
    else:
        report.add((at, name), f"is not a property here; allowed are {', '.join(table)}", requirement)


def string(requirement: str) -> Rule:
    """Any string."""

    def check(report: Report, at: Path, value: Any) -> None:
        if type(value) is not str:
            wrong_type(report, at, value, "a string", requirement)

    return check


def boolean(requirement: str) -> Rule:
    """True or false, not their names."""

    def check(report: Report, at: Path, value: Any) -> None:
        if type(value) is not bool:
            wrong_type(report, at, value, "true or false", requirement)

    return check


def formatted(is_valid: Callable[[str], bool], what: str, requirement: str) -> Rule:
    """A string of one format; the empty string follows none."""

    def check(report: Report, at: Path, value: Any) -> None:
        if type(value) is not str:
            wrong_type(report, at, value, what, requirement)
        elif not is_valid(value):
            report.add(at, f"must be {what}, but is {excerpt(value)}", requirement)

    return check


def one_of(allowed: tuple[str, ...], requirement: str) -> Rule:
    """One of a few words, exactly as written."""
    words = frozenset(allowed)

    def check(report: Report, at: Path, value: Any) -> None:
        if type(value) is not str or value not in words:
            report.add(at, f"must be {' or '.join(allowed)}, exactly so, but is {excerpt(value)}", requirement)

    return check


def iri(requirement: str) -> Rule:
    """An IRI with its scheme."""
    return formatted(values.is_iri, "an IRI with a scheme", requirement)


def uuid(requirement: str) -> Rule:
    """A UUID in its standard form."""
    return formatted(values.is_uuid, "a UUID in standard form", requirement)


def timestamp(report: Report, at: Path, value: Any) -> None:
    """Data 4.5: ISO 8601; in 2.0 RFC 3339."""
    if type(value) is not str:
        wrong_type(report, at, value, "an ISO 8601 timestamp", "Data 4.5")
    elif values.parse_timestamp(value, report.version) is None:
        wanted = "an ISO 8601 timestamp such as 2026-03-01T09:30:00.000Z, with no offset of minus zero"
        report.add(at, f"must be {wanted}, but is {excerpt(value)}", "Data 4.5")


def language_map(requirement: str) -> Rule:
    """Language tags with a string each (Data 4.2)."""

    def check(report: Report, at: Path, value: Any) -> None:
        if type(value) is not dict:
            wrong_type(report, at, value, "a language map", requirement)
            return
        for tag, text in value.items():
            if not values.is_language_tag(tag):
                report.add((at, tag), "is not an RFC 5646 language tag", "Data 4.2")
            if type(text) is not str:
                wrong_type(report, (at, tag), text, "a string", "Data 4.2")

    return check


def extensions(report: Report, at: Path, value: Any) -> None:
    """Data 4.1: the keys are IRIs, the values anything, null too."""
    if type(value) is not dict:
        wrong_type(report, at, value, "an object", "Data 4.1")
        return
    for key in value:
        if not values.is_iri(key):
            report.add((at, key), "is not an IRI, as the key of an extension must be", "Data 4.1")


def array_of(rule: Rule, requirement: str) -> Rule:
    """An array whose every element follows the rule."""

    def check(report: Report, at: Path, value: Any) -> None:
        if type(value) is not list:
            wrong_type(report, at, value, "an array", requirement)
            return
        for number, item in enumerate(value):
            rule(report, (at, number), item)

    return check
