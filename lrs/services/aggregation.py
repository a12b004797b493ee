"""Counting statements: by time, verb, activity or person, with the filters of the browser; bounded in time and size.

Time is when a statement was stored here, as since and until mean it. Voided statements do not count.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson

from core.db import Session
from core.errors import Invalid, Problem
from lrs.services import browsing
from lrs.services.browsing import Search
from lrs.services.credentials import Caller
from lrs.services.sentences import sentence
from lrs.services.statements import authority_key
from lrs.store import activities as activity_store
from lrs.store import aggregates as store

MOST = 100
MOST_BUCKETS = 400
SECONDS = 8


class By(StrEnum):
    """What statements are counted by."""

    TIME = "time"
    VERB = "verb"
    ACTIVITY = "activity"
    PERSON = "person"


class Bucket(StrEnum):
    """How long a step of time is. Weeks begin on Monday (ISO 8601)."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class TooMuch(Invalid):
    """The range has more statements than can be counted soon."""

    title = "This is too much to count at once"


@dataclass(frozen=True)
class Group:
    """One group. `key` is a day (ISO 8601), an IRI or an agent's identifier; scores −1…1, shares 0…1, or unknown."""

    key: str
    name: str
    count: int
    persons: int
    average_scaled: float | None
    success_share: float | None


def groups(
    session: Session,
    search: Search,
    by: By,
    *,
    bucket: Bucket = Bucket.DAY,
    zone: str = "UTC",
    limit: int = 20,
    caller: Caller | None = None,
    languages: Sequence[str] = ("en",),
) -> list[Group]:
    """The groups: by time in order, without those in which nothing happened; else the largest `limit` first.

    Raises Invalid for filters that cannot be read, TooMuch when counting takes longer than 8 seconds or by
    time more than 400 steps come of it.
    """
    selection = browsing.selection(session, search)
    if caller is not None and caller.reads_only_mine:
        selection = replace(selection, authority=authority_key(caller.authority))
    _require_zone(zone)
    if by is By.TIME:
        limit = MOST_BUCKETS + 1
    try:
        found = store.rows(
            session, selection, by, bucket=bucket, zone=zone, limit=min(max(limit, 1), MOST_BUCKETS + 1),
            milliseconds=SECONDS * 1000,
        )  # fmt: skip
    except store.TooSlow as error:
        raise TooMuch(
            f"Counting took longer than {SECONDS} seconds.",
            problems=[Problem("since", "There is too much in this range.", "Choose a shorter one, or filter more.")],
        ) from error
    if by is By.TIME and len(found) > MOST_BUCKETS:
        problem = Problem("bucket", f"More than {MOST_BUCKETS} steps.", "Choose longer steps or a shorter range.")
        raise TooMuch("This range has too many steps.", problems=[problem])
    return [_described(session, row, by, languages) for row in found]


def _require_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        problem = Problem("zone", "There is no such time zone.", "Name one like Europe/Madrid.")
        raise Invalid("These filters cannot be read.", problems=[problem]) from error


def _described(session: Session, row: store.Row, by: By, languages: Sequence[str]) -> Group:
    figures = (row.count, row.persons, row.average_scaled, row.success_share)
    if by is By.TIME:
        day = row.key.date().isoformat()
        return Group(day, day, *figures)
    statement = orjson.loads(row.sample)
    known = {}
    if by is By.ACTIVITY:
        known = activity_store.definitions(session, [statement["object"]["id"]])
    words = sentence(statement, languages, known)
    term = {By.VERB: words.verb, By.ACTIVITY: words.object, By.PERSON: words.actor}[by]
    return Group(term.key, term.text, *figures)


def usual_start(now: datetime) -> str:
    """From when on is counted when nothing is said: thirty days ago, as a day."""
    return (now.astimezone(UTC) - timedelta(days=30)).date().isoformat()
