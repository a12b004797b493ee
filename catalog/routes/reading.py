"""Reading what a browser or a program sent: searches, forms and JSON bodies as facts for the services."""

import re
from collections.abc import Iterable
from typing import Any

import orjson
from flask import request

from catalog import rules
from core.errors import BadRequest, Invalid, Problem
from core.http import form
from core.words import said

PAGE = 50
_NUMBER = re.compile(r"-?\d{1,9}([.,]\d{1,9})?")
_LONGEST = 50_000


def fields(names: Iterable[str], prefix: str = "") -> dict[str, Any]:
    """Return form fields by name; `prefix` tells one form of a page from another."""
    given = form({prefix + name: _LONGEST for name in names})
    return {name: given[prefix + name] for name in names}


def as_facts(values: dict[str, Any], *, numbers: Iterable[str] = (), flags: Iterable[str] = ()) -> dict[str, Any]:
    """Return a form's texts as facts: numbers where they are numbers, checkboxes as true or false."""
    facts = dict(values)
    facts.update({name: _number(values[name]) for name in numbers})
    facts.update({name: values[name] == "1" for name in flags})
    return facts


def body(schema: rules.Schema) -> dict[str, Any]:
    """Return the request's JSON body, held against `schema`. Raises BadRequest when it is no JSON, Invalid."""
    try:
        value = orjson.loads(request.get_data())
    except orjson.JSONDecodeError as error:
        raise BadRequest(said("The body is not JSON: %(error)s.", error=error)) from error
    if not isinstance(value, dict):
        raise Invalid(problems=[Problem("", "The body is a JSON object.")])
    if problems := rules.check(schema, value):
        raise Invalid(problems=problems)
    return value


def expected_version() -> int | None:
    """Return the version in If-Match, if the request makes its change for one. Raises BadRequest."""
    given = request.headers.get("If-Match", "*")
    if given == "*":
        return None
    found = re.fullmatch(r'"(\d{1,9})"', given)
    if found is None:
        raise BadRequest('If-Match takes the ETag of the course as it was read, like "3".')
    return int(found[1])


def _number(text: str) -> int | float | str | None:
    """Return the number a field holds; anything else as it is, for the rules to refuse by name."""
    if not _NUMBER.fullmatch(text):
        return text or None
    value = float(text.replace(",", "."))
    return int(value) if value.is_integer() else value
