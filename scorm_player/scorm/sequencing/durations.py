"""Durations and moments as manifests and run-time data spell them: ISO 8601, and the time spans of SCORM 1.2."""

import re
from datetime import UTC, datetime

_ISO = re.compile(
    r"P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_SPAN = re.compile(r"(?P<hours>\d{1,4}):(?P<minutes>\d{2}):(?P<seconds>\d{2}(?:\.\d{1,2})?)")
_SECONDS = {"years": 31_557_600, "months": 2_629_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}


def seconds(text: str | None) -> float | None:
    """Answer a duration in seconds; None for none, or one that cannot be read. A year has 365.25 days."""
    match = _ISO.fullmatch(text or "") or _SPAN.fullmatch(text or "")
    if match is None or not any(match.groups()):
        return None
    return sum(float(value) * _SECONDS[unit] for unit, value in match.groupdict().items() if value)


def moment(text: str | None) -> datetime | None:
    """Answer a moment with its zone, UTC when it names none; None for none, or one that cannot be read."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
