"""The one source of time. Only edges (routes, jobs, commands) ask it; everything below is given `now`.

In test mode (`STOA_TEST=1`) the clock can be set by a file, so that web, worker and test agree on the day.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

_file: Path | None = None


def use_file(path: Path | None) -> None:
    """Read the time from `path` (an ISO 8601 instant) whenever it exists; `None` returns to the real time."""
    global _file
    _file = path


def now() -> datetime:
    """Return the present instant in UTC."""
    if _file is not None and _file.exists():
        return datetime.fromisoformat(_file.read_text().strip()).astimezone(UTC)
    return datetime.now(UTC)  # noqa: TID251 - the one place that may


def day_in(zone: str, instant: datetime) -> date:
    """Return the calendar day of `instant` in the IANA time zone `zone`."""
    return instant.astimezone(ZoneInfo(zone)).date()
