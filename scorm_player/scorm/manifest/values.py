"""Attribute values as the manifest's schemas type them; anything else falls back to the default, and is reported."""

from __future__ import annotations

import math
import re
from enum import StrEnum
from typing import TypeVar

from scorm_player.scorm.manifest.xml import Element, Source

Word = TypeVar("Word", bound=StrEnum)

DURATION = re.compile(
    r"P(?!$)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?!$)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?"
)
DURATION_UNITS = (365 * 86400, 30 * 86400, 7 * 86400, 86400, 3600, 60, 1)
CLOCK = re.compile(r"(\d{1,4}):([0-5]?\d)(?::([0-5]?\d(?:\.\d+)?))?")


def seconds(text: str) -> float | None:
    """Return the length of an ISO 8601 duration, or of SCORM 1.2's HHHH:MM:SS.SS; None when it is neither."""
    if match := DURATION.fullmatch(text):
        return sum(float(part or 0) * unit for part, unit in zip(match.groups(), DURATION_UNITS, strict=True))
    if match := CLOCK.fullmatch(text):
        return int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3] or 0)
    return None


def boolean(source: Source, element: Element, name: str, default: bool) -> bool:
    """Return an xs:boolean attribute; capitals do not count."""
    value = source.attributes(element).get(name.lower())
    if value is None:
        return default
    word = value.strip().lower()
    if word in ("true", "1"):
        return True
    if word in ("false", "0"):
        return False
    bad_value(source, element, name, value, "true or false")
    return default


def decimal(source: Source, element: Element, name: str, default: float, low: float, high: float) -> float:
    """Return a number attribute between `low` and `high`."""
    value = source.attributes(element).get(name.lower())
    if value is None:
        return default
    number = number_in(source, element, name, value, low, high)
    return default if number is None else number


def number_in(source: Source, element: Element, name: str, value: str, low: float, high: float) -> float | None:
    """Return the number a text says, or report it and return None."""
    try:
        number = float(value.strip())
    except ValueError:
        number = math.nan
    if low <= number <= high:
        return number
    bad_value(source, element, name, value, f"a number from {low:g} to {high:g}")
    return None


def count(source: Source, element: Element, name: str) -> int | None:
    """Return a non-negative whole number, None when the attribute is absent."""
    value = source.attributes(element).get(name.lower())
    if value is None:
        return None
    if re.fullmatch(r"\+?\d{1,9}", value.strip(), re.ASCII):
        return int(value)
    bad_value(source, element, name, value, "a whole number")
    return None


def duration(source: Source, element: Element, name: str) -> str | None:
    """Return an ISO 8601 duration as the manifest spells it."""
    value = source.attributes(element).get(name.lower())
    if value is None:
        return None
    if DURATION.fullmatch(value.strip()):
        return value.strip()
    bad_value(source, element, name, value, "a duration such as PT1H30M")
    return None


def word(source: Source, element: Element, name: str, default: Word) -> Word:
    """Return the vocabulary word of an attribute; `default` stands for the vocabulary."""
    value = source.attributes(element).get(name.lower())
    if value is None:
        return default
    found = find_word(type(default), value)
    if found is None:
        bad_value(source, element, name, value, "one of " + ", ".join(type(default)))
        return default
    return found


def find_word(vocabulary: type[Word], value: str | None) -> Word | None:
    """Return the word of a vocabulary, capitals and blanks aside."""
    wanted = (value or "").strip().lower()
    return next((word for word in vocabulary if word.lower() == wanted), None)


def bad_value(source: Source, element: Element, name: str, value: str, expected: str) -> None:
    """Report a value that is not of its type."""
    source.warn(
        "manifest.value",
        element,
        f"{name} is “{shortened(value)}”, but must be {expected}.",
        f"Give {name} a valid value, or leave it out.",
    )


def shortened(value: str) -> str:
    """A value as a message shows it."""
    value = " ".join(value.split())
    return value if len(value) <= 80 else value[:79] + "…"
