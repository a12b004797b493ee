"""Which version of xAPI a request speaks, and what each demands of statements (Communication 3.3; 2.0 4.1.1).

Two are known: 1.0.x, answered as 1.0.3, and 2.0.x, answered as 2.0.0.
"""

import re
from enum import StrEnum
from functools import lru_cache
from typing import Any


class Version(StrEnum):
    """The version of the rules, and the value of the X-Experience-API-Version header of every answer."""

    V1_0_3 = "1.0.3"
    V2_0 = "2.0.0"

    @property
    def of_statements(self) -> str:
        """What `version` a statement gets that came without one (Data 2.4.10)."""
        return "1.0.0" if self is Version.V1_0_3 else "2.0.0"


SUPPORTED = ["1.0.0", "1.0.1", "1.0.2", "1.0.3", "2.0.0"]

_1_0 = re.compile(r"1\.0(?:\.(?:0|[1-9][0-9]{0,5}))?")
_2_0 = re.compile(r"2\.0(?:\.(?:0|[1-9][0-9]{0,5}))?")


@lru_cache(maxsize=64)
def of_header(value: str) -> Version | None:
    """The version a request's X-Experience-API-Version header asks for; None where this store does not speak it."""
    if _1_0.fullmatch(value):
        return Version.V1_0_3
    if _2_0.fullmatch(value):
        return Version.V2_0
    return None


def allows_statement_version(value: str, version: Version) -> bool:
    """Data 2.4.10: 1.0.x; xAPI 2.0 takes statements of either version."""
    return _1_0.fullmatch(value) is not None or (version is Version.V2_0 and _2_0.fullmatch(value) is not None)


def is_of_2_0(statement: dict[str, Any]) -> bool:
    """Whether a stored statement is one of xAPI 2.0."""
    return _2_0.fullmatch(str(statement.get("version", ""))) is not None


def converted_down(statement: dict[str, Any]) -> dict[str, Any]:
    """A copy of a 2.0 statement as a reader of 1.0.x may see it: without what 1.0.x does not know.

    That is `contextAgents` and `contextGroups`, of the statement and of its SubStatement.
    """
    converted = _without_new_context(statement) | {"version": "1.0.0"}
    target = converted.get("object")
    if isinstance(target, dict) and target.get("objectType") == "SubStatement":
        converted["object"] = _without_new_context(target)
    return converted


def _without_new_context(statement: dict[str, Any]) -> dict[str, Any]:
    context = statement.get("context")
    if not isinstance(context, dict) or not (context.keys() & {"contextAgents", "contextGroups"}):
        return dict(statement)
    kept = {name: value for name, value in context.items() if name not in ("contextAgents", "contextGroups")}
    copy = dict(statement)
    if kept:
        copy["context"] = kept
    else:
        del copy["context"]
    return copy
