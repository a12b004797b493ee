"""The value types of xAPI: IRIs, UUIDs, timestamps, durations, language tags, hashes, addresses (Data 2.2, 4.0).

Each `is_…` takes a string and answers whether it follows the format; nothing here raises on any input.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from lrs.xapi.versions import Version

# RFC 3987: what may stand in any part of an IRI; a percent sign only as the start of an escape.
_NEVER = r"\x00-\x20\x7f-\x9f\"<>\\^`{|}\[\]#?%\u200e\u200f\u202a-\u202e\ufdd0-\ufdef\ufff0-\uffff\ud800-\udfff"
_PART = rf"(?:[^{_NEVER}]|%[0-9A-Fa-f]{{2}})"
_IRI = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.\-]*:"
    rf"(?=.)(?://(?:{_PART}*@)?(?:\[[0-9A-Fa-f:.vV]+\](?::[0-9]*)?(?=[/?#]|$))?)?"
    rf"{_PART}*(?:\?(?:{_PART}|\?)*)?(?:#(?:{_PART}|\?)*)?"
)
_UUID = re.compile(r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}")
_LABEL = r"[^\s@.\"(),:;<>\[\]\\/?#]+"
_MBOX = re.compile(rf"mailto:(?:\"[^\"\\\s]+\"|[^\s@\"(),:;<>\[\]\\]+)@(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]+\])")
_SHA1 = re.compile(r"[0-9A-Fa-f]{40}")
_SHA2 = re.compile(r"(?:[0-9A-Fa-f]{56}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128})")
_MEDIA_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z\-]+"
_MEDIA_TYPE = re.compile(
    rf"{_MEDIA_WORD}/{_MEDIA_WORD}(?:\s*;\s*(?:{_MEDIA_WORD}=(?:{_MEDIA_WORD}|\"(?:[^\"\\]|\\.)*\"))?)*\s*"
)
_DURATION = re.compile(
    r"P(?:[0-9]+(?:[.,][0-9]+)?W"
    r"|(?=[0-9]|T[0-9])"
    r"(?:([0-9]+)(?:[.,][0-9]+(?=Y$))?Y)?(?:([0-9]+)(?:[.,][0-9]+(?=M$))?M)?(?:([0-9]+)(?:[.,][0-9]+(?=D$))?D)?"
    r"(?:T(?=[0-9])(?:([0-9]+)(?:[.,][0-9]+(?=H$))?H)?(?:([0-9]+)(?:[.,][0-9]+(?=M$))?M)?(?:([0-9]+)(?:[.,][0-9]+)?S)?)?)"
)
_FRACTION_OF_SECOND = re.compile(r"[.,]([0-9]+)S$")
_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?"
    r"([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
# What nearly all are, and the library reads right.
_COMMON = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?Z")
_RFC3339 = re.compile(r".{10}[Tt].{5}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})")

# RFC 5646 2.1, in its own order: langtag, private use, and the irregular tags kept from before.
_LANGUAGE = re.compile(
    r"(?:(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4}|[a-z]{5,8})"
    r"(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?"
    r"(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    r"(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*"
    r"(?:-x(?:-[a-z0-9]{1,8})+)?"
    r"|x(?:-[a-z0-9]{1,8})+"
    r"|en-gb-oed|i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)"
    r"|sgn-(?:be-fr|be-nl|ch-de)|art-lojban|cel-gaulish|no-(?:bok|nyn)|zh-(?:guoyu|hakka|min|min-nan|xiang))",
    re.IGNORECASE,
)


@lru_cache(maxsize=8192)
def is_iri(value: str) -> bool:
    """RFC 3987 by best effort, and always with a scheme (Data 2.2, 4.3). IRLs and URIs are held to the same."""
    return len(value) <= MAX_IRI_LENGTH and _IRI.fullmatch(value) is not None


# Longer ones are refused: no identifier is that long, and they would only fill the store and its caches.
MAX_IRI_LENGTH = 8000


def is_uuid(value: str) -> bool:
    """The standard string form (Data 4.4). Variant bits are not looked at: the specification's example lacks them."""
    return _UUID.fullmatch(value) is not None


def is_mbox(value: str) -> bool:
    """`mailto:` and one mail address (Data 2.4.2.3)."""
    return len(value) <= MAX_IRI_LENGTH and _MBOX.fullmatch(value) is not None


def is_sha1(value: str) -> bool:
    """A hex-encoded SHA-1 (Data 2.4.2.3, mbox_sha1sum)."""
    return _SHA1.fullmatch(value) is not None


def is_sha2(value: str) -> bool:
    """A hex-encoded SHA-224, -256, -384 or -512 (Data 2.4.11)."""
    return _SHA2.fullmatch(value) is not None


def is_media_type(value: str) -> bool:
    """An Internet media type with its parameters (Data 2.4.11, RFC 2046)."""
    return len(value) <= 1000 and _MEDIA_TYPE.fullmatch(value) is not None


@lru_cache(maxsize=1024)
def is_language_tag(value: str) -> bool:
    """RFC 5646, well-formed (Data 2.2, 4.2)."""
    return len(value) <= 255 and _LANGUAGE.fullmatch(value) is not None


def is_duration(value: str) -> bool:
    """ISO 8601:2004 4.4.3.2: weeks alone, or years to seconds; a fraction only in the last (Data 4.6)."""
    return len(value) <= 255 and _DURATION.fullmatch(value) is not None


def comparable_duration(value: str) -> str:
    """The duration without anything beyond 0.01 second, for comparison in xAPI 2.0 (Data 4.6; 2.0 4.2.7)."""
    fraction = _FRACTION_OF_SECOND.search(value)
    if fraction is None:
        return value
    kept = fraction[1][:2].rstrip("0")
    return value[: fraction.start()] + (f".{kept}" if kept else "") + "S"


def duration_seconds(value: str) -> float | None:
    """The length in seconds, or None where the duration has none: years and months are as long as they happen to be."""
    if not is_duration(value):
        return None
    days, _, clock = value[1:].partition("T")
    if "Y" in days or "M" in days:
        return None
    seconds = 0.0
    for text, units in ((days, {"W": 604800, "D": 86400}), (clock, {"H": 3600, "M": 60, "S": 1})):
        for amount, unit in re.findall(r"([0-9.,]+)([A-Z])", text):
            seconds += float(amount.replace(",", ".")) * units[unit]
    return seconds


def is_timestamp(value: str, version: Version = Version.V1_0_3) -> bool:
    """ISO 8601 date and time; RFC 3339 in xAPI 2.0. An offset of minus zero is refused by both (Data 4.5)."""
    return parse_timestamp(value, version) is not None


def parse_timestamp(value: str, version: Version = Version.V1_0_3) -> datetime | None:
    """The moment in UTC, to the microsecond, or None when it is no timestamp. Without a zone it is taken as UTC."""
    if len(value) > 64:
        return None
    try:
        if _COMMON.fullmatch(value):
            return datetime.fromisoformat(value)
        match = _TIMESTAMP.fullmatch(value)
        if match is None or (version is Version.V2_0 and _RFC3339.fullmatch(value) is None):
            return None
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        moment = datetime(int(year), int(month), int(day), tzinfo=UTC)
        offset = _offset(zone)
        of_day = _time_of_day(int(hour), int(minute), int(second or 0), int((fraction or "0")[:6].ljust(6, "0")))
        return None if offset is None or of_day is None else moment + of_day - offset
    except (ValueError, OverflowError):
        return None


def _offset(zone: str | None) -> timedelta | None:
    if zone is None or zone in "Zz":
        return timedelta()
    hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
    is_minus_zero = zone[0] == "-" and hours == minutes == 0
    if hours > 23 or minutes > 59 or is_minus_zero:
        return None
    offset = timedelta(hours=hours, minutes=minutes)
    return offset if zone[0] == "+" else -offset


def _time_of_day(hour: int, minute: int, second: int, microsecond: int) -> timedelta | None:
    """A leap second and 24:00:00 are times, too: both are the start of what follows."""
    is_end_of_day = hour == 24 and minute == second == microsecond == 0
    if (hour > 23 and not is_end_of_day) or minute > 59 or second > 60:
        return None
    return timedelta(hours=hour, minutes=minute, seconds=second, microseconds=microsecond)


def format_timestamp(moment: datetime) -> str:
    """The moment in UTC as RFC 3339 with microseconds, as the store writes `stored` and `timestamp`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
