"""What is wrong with a request, where, and which requirement says so. Checks collect problems; they never raise."""

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from lrs.xapi.versions import Version

_EXCERPT_LENGTH = 80
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")

# The way to a place: a name, or a way and one step further. Written out only when there is a problem.
Path = str | tuple["Path", str | int]


class Problem(NamedTuple):
    """One breach of the standard.

    `path` leads to the place (`statements[0].actor.mbox`), `message` says what is wrong there with an excerpt of the
    value, `requirement` is the section: `Data 2.4.2.3` and `Communication 2.1.3` of xAPI 1.0.3, `2.0 4.2.2.5` of 2.0.
    """

    path: str
    message: str
    requirement: str


@dataclass
class Report:
    """Collects the problems of one request, judged by one version."""

    version: Version = Version.V1_0_3
    problems: list[Problem] = field(default_factory=list)

    def add(self, path: Path, message: str, requirement: str) -> None:
        self.problems.append(Problem(written(path), message, requirement))


def written(path: Path) -> str:
    """The path as a reader knows it: `statements[0].verb.display["en-US"]`."""
    if isinstance(path, str):
        return path
    parent, step = path
    if isinstance(step, int):
        return f"{written(parent)}[{step}]"
    return f"{written(parent)}.{step}" if _NAME.fullmatch(step) else f'{written(parent)}["{step[:_EXCERPT_LENGTH]}"]'


def excerpt(value: Any) -> str:
    """The value as JSON, cut short: enough to find it again, not enough to flood a log."""
    try:
        text = orjson.dumps(value if not isinstance(value, str) else value[: _EXCERPT_LENGTH * 2]).decode()
    except (TypeError, ValueError, RecursionError):
        text = f"{type(value).__name__}"
    return text if len(text) <= _EXCERPT_LENGTH else text[:_EXCERPT_LENGTH] + "…"


def kind(value: Any) -> str:
    """The JSON type of a value, as messages name it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an array" if isinstance(value, list) else "an object"
