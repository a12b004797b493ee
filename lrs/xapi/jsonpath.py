"""The JSONPath of xAPI Profiles (Structure 8.1): names, indexes, lists of them, wildcards, descent, and joined paths.

Filters and scripts are not part of it. A path starts with `$`; what it does not reach is not an error.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

_STEP = re.compile(
    r"""(?P<deep>\.\.)? (?: \.? \[ (?P<inside> [^\[\]'"]* | (?:\s*(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\s*,?)+ ) \]
    | (?(deep)|\.) (?P<name> \* | [^.\[\]|\s'"()?@]+ ) )""",
    re.VERBOSE,
)
_QUOTED = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\"""")
_ESCAPED = re.compile(r"\\(.)")
_SLICE = re.compile(r"(-?\d*):(-?\d*)(?::(\d+))?\Z")

LONGEST = 1000

Step = tuple[bool, tuple[str | int | slice, ...] | None]
"""Whether it descends to any depth, and which names or indexes it goes on to; none: all."""


class Unreadable(ValueError):
    """This is no path, or it holds a filter or a script."""


@lru_cache(maxsize=4096)
def parsed(text: str) -> tuple[tuple[Step, ...], ...]:
    """The steps of each of the paths that `|` joins. Raises Unreadable."""
    if len(text) > LONGEST:
        raise Unreadable(f"{text[:80]!r}… is longer than {LONGEST} characters.")
    return tuple(_path(part.strip(), text) for part in _parts(text))


def _parts(text: str) -> list[str]:
    parts, quote = [""], ""
    for sign in text:
        if quote:
            quote = "" if sign == quote and not parts[-1].endswith("\\") else quote
        elif sign in "'\"":
            quote = sign
        if sign == "|" and not quote:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def _path(part: str, whole: str) -> tuple[Step, ...]:
    if not part.startswith("$"):
        raise Unreadable(f"{whole[:80]!r} does not start with $.")
    steps, position = list[Step](), 1
    while position < len(part):
        found = _STEP.match(part, position)
        if found is None:
            raise Unreadable(f"{whole[:80]!r} cannot be read from {part[position : position + 20]!r} on.")
        steps.append((found["deep"] is not None, _wanted(found, whole)))
        position = found.end()
    return tuple(steps)


def _wanted(found: re.Match[str], whole: str) -> tuple[str | int | slice, ...] | None:
    if found["name"] is not None:
        return None if found["name"] == "*" else (found["name"],)
    inside = found["inside"].strip()
    if inside == "*":
        return None
    if quoted := _QUOTED.findall(inside):
        return tuple(_ESCAPED.sub(r"\1", single or double) for single, double in quoted)
    wanted = list[str | int | slice]()
    for item in inside.split(","):
        text = item.strip()
        if re.fullmatch(r"-?\d+", text):
            wanted.append(int(text))
        elif (cut := _SLICE.match(text)) is not None:
            wanted.append(slice(*(int(part) if part else None for part in cut.groups())))
        else:
            raise Unreadable(
                f"{whole[:80]!r} holds [{text[:30]}]: filters and scripts are no part of a Profile's paths."
            )
    return tuple(wanted)


def found(value: Any, path: str) -> list[Any]:
    """All values that a path reaches, in the order of the document. Raises Unreadable."""
    reached = list[Any]()
    for steps in parsed(path):
        values = [value]
        for deep, wanted in steps:
            if deep:
                values = [inner for one in values for inner in _all(one)]
            values = [inner for one in values for inner in _next(one, wanted)]
        reached += values
    return reached


def _all(value: Any) -> Iterator[Any]:
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _all(inner)


def _next(value: Any, wanted: tuple[str | int | slice, ...] | None) -> Iterator[Any]:
    if isinstance(value, dict):
        for name in value if wanted is None else wanted:
            if isinstance(name, str) and name in value:
                yield value[name]
    elif isinstance(value, list):
        for index in (slice(None),) if wanted is None else wanted:
            if isinstance(index, slice):
                yield from value[index]
            elif isinstance(index, int) and -len(value) <= index < len(value):
                yield value[index]
