"""Texts that are made where nobody knows who will read them: kept with their pattern, put into a language at the edge.

Constant texts of errors need nothing: the edge looks them up as they are (`tools/texts.py` collects them).
"""

from collections.abc import Mapping
from typing import Any, Self


class Said(str):
    """An English text that remembers the pattern and the values it is made of."""

    __slots__ = ("pattern", "values")

    pattern: str
    values: dict[str, object]

    def __new__(cls, pattern: str, values: dict[str, object]) -> Self:
        text = super().__new__(cls, pattern % values)
        text.pattern, text.values = pattern, values
        return text

    def __reduce__(self) -> tuple[type[Self], tuple[str, dict[str, object]]]:
        return type(self), (self.pattern, self.values)


def said(pattern: str, **values: object) -> Said:
    """Return a text with values in it, `%(name)s` in the pattern."""
    return Said(pattern, values)


def kept(text: str) -> str | dict[str, object]:
    """Return a text as JSON keeps it, so that `read` gives back the same."""
    return {"pattern": text.pattern, "values": text.values} if isinstance(text, Said) else text


def read(kept: str | Mapping[str, Any]) -> str:
    """Return a text that was kept."""
    return kept if isinstance(kept, str) else Said(kept["pattern"], dict(kept["values"]))
