"""The result of a statement, with its score (Data 2.4.5)."""

import math
from typing import Any

from lrs.xapi import values
from lrs.xapi.problems import Path, Report, excerpt
from lrs.xapi.properties import Table, boolean, extensions, formatted, obeys, string, wrong_type

_SCORE_SECTION = "Data 2.4.5.1"


def _number(report: Report, at: Path, value: Any) -> None:
    if not _is_number(value):
        wrong_type(report, at, value, "a number", _SCORE_SECTION)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


_SCORE: Table = dict.fromkeys(("scaled", "raw", "min", "max"), _number)


def _score(report: Report, at: Path, value: Any) -> None:
    if not obeys(report, at, value, _SCORE, (), _SCORE_SECTION):
        return
    given = {name: value[name] for name in _SCORE if _is_number(value.get(name))}
    raw, low, high = given.get("raw"), given.get("min"), given.get("max")
    if not -1 <= given.get("scaled", 0) <= 1:
        report.add((at, "scaled"), f"must lie between -1 and 1, but is {excerpt(value['scaled'])}", _SCORE_SECTION)
    if low is not None and high is not None and low >= high:
        report.add((at, "min"), f"must be less than max ({high}), but is {low}", _SCORE_SECTION)
    if raw is not None and low is not None and raw < low:
        report.add((at, "raw"), f"must not be below min ({low}), but is {raw}", _SCORE_SECTION)
    if raw is not None and high is not None and raw > high:
        report.add((at, "raw"), f"must not be above max ({high}), but is {raw}", _SCORE_SECTION)


_RESULT: Table = {
    "score": _score,
    "success": boolean("Data 2.4.5"),
    "completion": boolean("Data 2.4.5"),
    "response": string("Data 2.4.5"),
    "duration": formatted(values.is_duration, "an ISO 8601 duration such as PT4H35M59.14S", "Data 4.6"),
    "extensions": extensions,
}


def result(report: Report, at: Path, value: Any) -> None:
    """A measured outcome."""
    obeys(report, at, value, _RESULT, (), "Data 2.4.5")
