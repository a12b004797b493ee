"""Texts of the code in the language of whoever reads them: below the edge nobody knows who that is."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext

from core import words
from core.words import Said


def translated(text: str | Mapping[str, Any]) -> str:
    """Return an English text of the code, or one that was kept, in the language of the page.

    A text that no language has stays as it is.
    """
    text = words.read(text)
    if isinstance(text, Said):
        return str(gettext(text.pattern)) % {
            name: translated(value) if isinstance(value, Said) else value for name, value in text.values.items()
        }
    return str(gettext(text)) if text else ""
