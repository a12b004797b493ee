"""What templates read, in the language of the page: errors, problems, sizes."""

from typing import Any

from babel.units import format_unit
from flask.templating import Environment
from flask_babel import get_locale

from core.errors import Problem, StoaError
from core.translating import translated

_TOLD = ("what", "remedy", "message", "title")


class Translating(Environment):
    """Templates that read a problem or an error read it in their own language."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return what a template asks of a thing."""
        value = super().getattr(obj, attribute)
        return translated(value) if attribute in _TOLD and isinstance(obj, Problem | StoaError) else value


def file_size(size: int) -> str:
    """Return how large a file is, in the numbers and units of the language of the page."""
    for unit, bytes_of_it in (("gigabyte", 1e9), ("megabyte", 1e6), ("kilobyte", 1e3)):
        if size >= bytes_of_it:
            return format_unit(round(size / bytes_of_it, 1), unit, "short", locale=get_locale())
    return format_unit(size, "byte", "long", locale=get_locale())
