"""Reading what a browser or a program asks for: words from a list, days, ids, JSON bodies."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

import orjson
from flask import request

from accounts.services import reach
from core.db import Session
from core.errors import BadRequest, Invalid, Problem
from core.http import current_user
from core.reach import Reach
from core.words import said
from training.services import assignments
from training.services.assignments import AssignmentLine

PAGE = 50
Word = TypeVar("Word", bound=StrEnum)


def within(permission: str) -> Reach | None:
    """Return how far whoever is signed in holds a permission; None stands for everywhere."""
    return reach.of(current_user().where(permission))


def cancellable(session: Session, shown: Sequence[AssignmentLine]) -> set[UUID]:
    """Return those of the assignments shown that whoever is signed in may cancel."""
    person = current_user()
    if not person.may_somewhere("assignment.create"):
        return set()
    return assignments.cancellable(session, shown, person.user_id, within("assignment.create"))


def word(name: str, words: type[Word]) -> Word | None:
    """Return the word a filter in the address names; anything else filters nothing."""
    given = request.args.get(name, "")
    return words(given) if given in set(words) else None


def identifier(name: str) -> UUID | None:
    """Return the id a filter in the address names, if it is one."""
    return as_id(request.args.get(name, ""))


def as_id(text: object) -> UUID | None:
    """Return an id, if the text is one."""
    try:
        return UUID(str(text))
    except ValueError:
        return None


def day(text: str, where: str) -> date | None:
    """Return the day a field holds; None when it is empty. Raises Invalid."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        problem = Problem(where, "This is not a day.", "Write it like 2026-12-31.")
        raise Invalid(problems=[problem]) from None


def ids(texts: list[Any], where: str) -> list[UUID]:
    """Return the ids in a list. Raises Invalid naming the first that is none."""
    found = [as_id(text) for text in texts]
    if None in found:
        raise Invalid(problems=[Problem(where, "This is not an id.", "Use the ids that lists answer.")])
    return [one for one in found if one is not None]


def body() -> dict[str, Any]:
    """Return the request's JSON object. Raises BadRequest."""
    try:
        value = orjson.loads(request.get_data())
    except orjson.JSONDecodeError as error:
        raise BadRequest(said("The body is not JSON: %(error)s.", error=error)) from error
    if not isinstance(value, dict):
        raise BadRequest("The body must be a JSON object.")
    return value
