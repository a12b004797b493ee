"""Reading the values of a data model: statuses, scores, times and records, each rule stated once.

`Values` maps full element names to strings: {"cmi.interactions.0.id": "q1", "cmi.location": "p3"}.
"""

import math
import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from scorm_player.scorm.data_model import Standard

Values = dict[str, str]


def count_records(values: Mapping[str, str]) -> dict[str, int]:
    """Count the records of every collection that occurs in the values."""
    counts: dict[str, int] = {}
    for element in values:
        parts = element.split(".")
        for position, part in enumerate(parts):
            if part.isdecimal():
                name = ".".join(parts[:position])
                counts[name] = max(counts.get(name, 0), int(part) + 1)
    return counts


_PLACES = frozenset(
    {
        "cmi.suspend_data", "cmi.location", "cmi.session_time", "cmi.exit",
        "cmi.core.lesson_location", "cmi.core.session_time", "cmi.core.exit",
    }
)  # fmt: skip
_ANSWERS = ("cmi.interactions.", "cmi.comments", "cmi.learner_preference.", "cmi.student_preference.", "adl.")


def bears_on_standing(element: str) -> bool:
    """Whether statuses, scores or progress may change with this element; a bookmark or an answer changes none."""
    return element not in _PLACES and not element.startswith(_ANSWERS)


def is_told(element: str) -> bool:
    """Whether this element may be worth a statement."""
    return element not in _PLACES


def number(text: str | None) -> float | None:
    """Read a real; None when there is none, or one that is too large to be a number here."""
    try:
        read = float(text) if text else None
    except ValueError:
        return None
    return read if read is not None and math.isfinite(read) else None


def completion_status(values: Mapping[str, str], *, strict: bool = False) -> str:
    """RTE 4.2.4.1: a progress measure against a completion threshold overrides what the SCO set.

    With a threshold but no measure the book says "unknown"; unless strict, what the SCO set is believed.
    """
    progress, threshold = number(values.get("cmi.progress_measure")), number(values.get("cmi.completion_threshold"))
    if progress is not None and threshold is not None:
        return "completed" if progress >= threshold else "incomplete"
    if threshold is not None and strict:
        return "unknown"
    return values.get("cmi.completion_status", "unknown")


def success_status(values: Mapping[str, str], *, strict: bool = False) -> str:
    """RTE 4.2.22.1: a scaled score against a scaled passing score overrides what the SCO set.

    With a passing score but no score the book says "unknown"; unless strict, what the SCO set is believed.
    """
    scaled, passing = number(values.get("cmi.score.scaled")), number(values.get("cmi.scaled_passing_score"))
    if passing is not None and scaled is not None:
        return "passed" if scaled >= passing else "failed"
    if passing is not None and strict:
        return "unknown"
    return values.get("cmi.success_status", "unknown")


def scaled_from_raw(raw: float | None, low: float | None, high: float | None) -> float | None:
    """Bring a SCORM 1.2 score to −1 … 1: within min and max where both are set and make sense, else percent."""
    if raw is None:
        return None
    scaled = (raw - low) / (high - low) if low is not None and high is not None and high > low else raw / 100
    return max(-1.0, min(1.0, scaled))


def score(standard: Standard, values: Mapping[str, str], prefix: str = "") -> dict[str, float]:
    """Read a score as {scaled, raw, min, max}, what is known of it; `prefix` names a record, else the SCO's own."""
    base = f"{prefix or ('cmi.core' if standard == '1.2' else 'cmi')}.score"
    known = {name: number(values.get(f"{base}.{name}")) for name in ("scaled", "raw", "min", "max")}
    if standard == "1.2":
        known["scaled"] = scaled_from_raw(known["raw"], known["min"], known["max"])
    return {name: value for name, value in known.items() if value is not None}


_DURATION = re.compile(
    r"P(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:\.[0-9]+)?)S)?)?"
)
_TIMESPAN = re.compile(r"([0-9]+):([0-9]{1,2}):([0-9]{1,2}(?:\.[0-9]+)?)")
_LENGTHS = (31_557_600, 2_629_800, 86_400, 3_600, 60, 1)  # a year counts 365.25 days, a month its twelfth
_CENT = Decimal("0.01")
LONGEST = Decimal(1_000_000_000)
LONGEST_TOTAL = Decimal(9_999_999_999)  # what is kept of a sum


def seconds_of(duration: str) -> Decimal:
    """Read a session time, ISO 8601 (2004) or HHHH:MM:SS.SS (1.2), as seconds to the hundredth; 0 if unreadable.

    More than `LONGEST` is nobody's time, and counts as that much: many such sessions have to fit into one total.
    """
    if spans := _TIMESPAN.fullmatch(duration):
        amounts: list[tuple[str | None, int]] = list(zip(spans.groups(), _LENGTHS[3:], strict=True))
    elif spans := _DURATION.fullmatch(duration):
        amounts = list(zip(spans.groups(), _LENGTHS, strict=True))
    else:
        return Decimal(0)
    total = sum((Decimal(amount) * length for amount, length in amounts if amount), Decimal(0))
    return min(total, LONGEST).quantize(_CENT, ROUND_HALF_UP)


def duration_of(standard: Standard, seconds: Decimal) -> str:
    """Write seconds as the standard's total time: P1DT2H3.5S, or 0026:00:03.50 in 1.2. What is zero is left out."""
    whole, hundredths = divmod(int((seconds * 100).to_integral_value(ROUND_HALF_UP)), 100)
    hours, rest = divmod(whole, 3600)
    minutes, second = divmod(rest, 60)
    if standard == "1.2":
        return f"{min(hours, 9999):04}:{minutes:02}:{second:02}.{hundredths:02}"
    if seconds == 0:
        return "PT0H0M0S"
    days, hours = divmod(hours, 24)
    fraction = f".{hundredths:02}".rstrip("0") if hundredths else ""
    day = f"{days}D" if days else ""
    time = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    time += f"{second}{fraction}S" if second or fraction else ""
    return f"P{day}T{time}" if time else f"P{day}"


def progress(standard: Standard, values: Mapping[str, str]) -> float | None:
    """Answer how much of the SCO is done, 0 … 1: the measure it states, else the share of its completed objectives.

    In SCORM 1.2, which has no measure, an objective that was passed is completed as well. None: nothing is known.
    """
    stated = number(values.get("cmi.progress_measure"))
    kept = [record for record in records(values, "cmi.objectives") if record.get("id")]
    if stated is not None or not kept:
        return stated
    if standard == "1.2":
        done = [record for record in kept if record.get("status") in ("completed", "passed")]
    else:
        done = [record for record in kept if record.get("completion_status") == "completed"]
    return len(done) / len(kept)


def statuses_of(status: str) -> tuple[str, str]:
    """Tell a 1.2 lesson_status as completion and success. Passed and failed both mean that the lesson is over."""
    return {
        "passed": ("completed", "passed"),
        "failed": ("completed", "failed"),
        "completed": ("completed", "unknown"),
        "browsed": ("incomplete", "unknown"),
        "incomplete": ("incomplete", "unknown"),
    }.get(status, ("not attempted", "unknown"))


def shared_data(values: Mapping[str, str]) -> dict[str, str]:
    """Answer the data stores by their ids."""
    count = count_records(values).get("adl.data", 0)
    stores = {values[f"adl.data.{n}.id"]: values.get(f"adl.data.{n}.store") for n in range(count)}
    return {identifier: store for identifier, store in stores.items() if store is not None}


def records(values: Mapping[str, str], collection: str) -> list[dict[str, Any]]:
    """Answer a collection as flat dicts ({"id": …, "score.raw": …}), with nested collections as lists in them."""
    answer: list[dict[str, Any]] = []
    for element, value in values.items():
        if not element.startswith(f"{collection}."):
            continue
        index, _, key = element[len(collection) + 1 :].partition(".")
        if not index.isdecimal():
            continue
        record = _grown(answer, int(index))
        nested, _, rest = key.partition(".")
        inner, _, last = rest.partition(".")
        if inner.isdecimal():
            _grown(record.setdefault(nested, []), int(inner))[last] = value
        else:
            record[key] = value
    return answer


def _grown(rows: list[dict[str, Any]], index: int) -> dict[str, Any]:
    while len(rows) <= index:
        rows.append({})
    return rows[index]
