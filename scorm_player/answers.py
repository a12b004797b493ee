"""What run-time data tell of interactions and objectives, as rows for reports. Pure: values in, rows out."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from scorm_player.scorm import cmi
from scorm_player.scorm.data_model import Standard

Row = dict[str, Any]

INTERACTIONS = "cmi.interactions"
OBJECTIVES = "cmi.objectives"


def touched(collection: str, elements: Collection[str]) -> set[int]:
    """Return the numbers of the records that these elements belong to."""
    start = f"{collection}."
    numbers = (element[len(start) :].partition(".")[0] for element in elements if element.startswith(start))
    return {int(number) for number in numbers if number.isdecimal()}


def interactions(standard: Standard, values: Mapping[str, str]) -> list[Row]:
    """Return one row per record of `cmi.interactions` that has an identifier."""
    return [
        {
            "n": n,
            "identifier": _text(record["id"]),
            "interaction_type": _text(record.get("type")),
            "description": _text(record.get("description")),
            "occurred_at": _moment(record.get("timestamp")),
            "weighting": amount(cmi.number(record.get("weighting")), 4),
            "learner_response": _text(record.get("learner_response", record.get("student_response"))),
            "correct_responses": _inner(record, "correct_responses", "pattern"),
            "result": _text(record.get("result")),
            "latency_seconds": _seconds(record.get("latency")),
            "objectives": _inner(record, "objectives", "id"),
        }
        for n, record in enumerate(cmi.records(values, INTERACTIONS))
        if record.get("id")
    ]


def objectives(standard: Standard, values: Mapping[str, str]) -> list[Row]:
    """Return one row per record of `cmi.objectives` that has an identifier."""
    rows = []
    for n, record in enumerate(cmi.records(values, OBJECTIVES)):
        if not record.get("id"):
            continue
        scores = cmi.score(standard, {f"o.{key}": text for key, text in record.items() if isinstance(text, str)}, "o")
        completion, success = record.get("completion_status"), record.get("success_status")
        if standard == "1.2" and record.get("status"):
            completion, success = cmi.statuses_of(record["status"])
        rows.append(
            {
                "n": n,
                "identifier": _text(record["id"]),
                "description": _text(record.get("description")),
                "success_status": success,
                "completion_status": completion,
                "progress_measure": amount(cmi.number(record.get("progress_measure")), 4, 9),
                "score_scaled": amount(scores.get("scaled"), 5, 99),
                "score_raw": amount(scores.get("raw"), 4),
                "score_min": amount(scores.get("min"), 4),
                "score_max": amount(scores.get("max"), 4),
            }
        )
    return rows


def amount(value: float | None, places: int, most: float = 1e8) -> Decimal | None:
    """Return a number as its column keeps it; None for one that is too large to mean anything."""
    return None if value is None or not abs(value) < most else Decimal(str(round(value, places)))


def _text(text: str | None) -> str | None:
    """Return a text as a column can keep it: the database knows no NUL."""
    return None if text is None else text.replace("\0", "\ufffd")


def _inner(record: Mapping[str, Any], collection: str, key: str) -> list[str]:
    return [str(_text(inner[key])) for inner in record.get(collection, ()) if key in inner]


def _moment(text: str | None) -> datetime | None:
    try:
        read = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return read.replace(tzinfo=UTC) if read is not None and read.tzinfo is None else read


def _seconds(text: str | None) -> Decimal | None:
    seconds = cmi.seconds_of(text) if text else None
    return seconds if seconds is None or seconds < 1e9 else None
