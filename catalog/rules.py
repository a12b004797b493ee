"""What a course and a module may say, as JSON Schemas, and the hash of what was published. Pure.

The same schemas check the forms, the REST interface and calls from other rooms.
"""

import hashlib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, cast

import rfc8785
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from core.errors import Problem
from core.words import said

Schema = Mapping[str, Any]

_LINE = r"^[^\u0000-\u001f\u007f]*$"
_TEXT = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f]*$"
_PERCENT = {"type": ["number", "null"], "minimum": 0, "maximum": 100}

COURSE: Schema = {
    "type": "object",
    "properties": {
        "code": {
            "type": "string",
            "pattern": r"^[A-Z0-9][A-Z0-9._-]{0,99}$",
            "x-problem": "A code has letters, digits, dots, dashes and underscores, at most 100.",
            "x-remedy": "Write it like FIRE-1.",
        },
        "title": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": _LINE},
        "description": {"type": ["string", "null"], "maxLength": 20_000, "pattern": _TEXT},
        "language": {
            "type": "string",
            "pattern": r"^(?=.{2,10}$)[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
            "x-problem": "This is not a language tag.",
            "x-remedy": "Write it like en or pt-BR.",
        },
        "estimated_minutes": {"type": ["integer", "null"], "minimum": 1, "maximum": 100_000},
        "is_certified": {"type": "boolean"},
        "validity_months": {"type": ["integer", "null"], "minimum": 1, "maximum": 1200},
        "passing_score": _PERCENT,
    },
    "required": ["code", "title"],
    "additionalProperties": False,
}

TITLE: Schema = {
    "type": "object",
    "properties": {"title": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": _LINE}},
    "required": ["title"],
    "additionalProperties": False,
}

COMPLETION: Mapping[str, Schema] = {
    "package": {
        "type": "object",
        "properties": {"type": {"enum": ["runtime", "score"]}},
        "required": ["type"],
        "additionalProperties": False,
    },
    "external_link": {
        "type": "object",
        "properties": {"type": {"enum": ["statement"]}},
        "required": ["type"],
        "additionalProperties": False,
    },
}
"""When a module is complete (R-CMP-1), by its type.

runtime: when the package's own status says so · score: when the score reaches the passing score ·
statement: when a trusted source says completed or passed.
"""

_MODULE = {
    "title": COURSE["properties"]["title"],
    "is_required": {"type": "boolean"},
    "weight": {"type": "number", "minimum": 0.01, "maximum": 9999.99},
    "passing_score": _PERCENT,
}

MODULE: Mapping[str, Schema] = {
    "package": {
        "type": "object",
        "properties": {
            "module_type": {"const": "package"},
            **_MODULE,
            "completion_criteria": COMPLETION["package"],
            "package_version_id": {"type": "string", "format": "uuid", "x-problem": "There is no such package."},
        },
        "required": ["package_version_id"],
        "additionalProperties": False,
    },
    "external_link": {
        "type": "object",
        "properties": {
            "module_type": {"const": "external_link"},
            **_MODULE,
            "completion_criteria": COMPLETION["external_link"],
            "external_url": {
                "type": "string",
                "maxLength": 2000,
                "pattern": r"^https?://[^\s/?#@]+([/?#][^\s\u0000-\u001f]*)?$",
                "x-problem": "This is not a web address.",
                "x-remedy": "Write it like https://example.org/course.",
            },
            "activity_iri": {
                "type": "string",
                "maxLength": 2000,
                "pattern": r'^[A-Za-z][A-Za-z0-9+.-]*:[^\s\u0000-\u0020<>"{}|\\^`]+$',
                "x-problem": "This is not an IRI.",
                "x-remedy": "Write the activity's id as its statements do, like https://example.org/course.",
            },
        },
        "required": ["title", "external_url", "activity_iri"],
        "additionalProperties": False,
    },
}

MODULE_TYPE: Schema = {
    "type": "object",
    "properties": {"module_type": {"enum": list(MODULE)}},
    "required": ["module_type"],
}

ORDER: Schema = {
    "type": "object",
    "properties": {"order": {"type": "array", "items": {"type": "string", "format": "uuid"}, "maxItems": 10_000}},
    "required": ["order"],
    "additionalProperties": False,
}


class ForPeople(StrEnum):
    """What publishing a version means for people of earlier ones (R-VER)."""

    LEAVE = "leave"
    SWITCH = "switch"
    RETAKE = "retake"


PUBLISHING: Schema = {
    "type": "object",
    "properties": {
        "change_note": COURSE["properties"]["description"],
        "for_people": {
            "enum": list(ForPeople),
            "description": "leave: whoever has begun stays on their version. switch: enrollments in which nothing has "
            "happened yet go to the new one. retake: these too, and whoever holds a valid completion is assigned the "
            "course again.",
        },
        "due_on": {
            "type": ["string", "null"],
            "format": "date",
            "description": "Until when the course is to be taken again; without it by the days that are usual.",
            "x-problem": "This is not a day.",
            "x-remedy": "Write it like 2027-03-31.",
        },
    },
    "additionalProperties": False,
}

_FORMATS = FormatChecker(formats=("uuid", "date"))


def check(schema: Schema, value: object) -> list[Problem]:
    """Return everything that is wrong with `value`, each problem naming the field it is about."""
    found: dict[str, Problem] = {}
    errors = Draft202012Validator(schema, format_checker=_FORMATS).iter_errors(value)
    for error in sorted(errors, key=lambda error: [str(step) for step in error.absolute_path]):
        for problem in _explain(error):
            found.setdefault(problem.where, problem)
    return list(found.values())


def content_hash(structure: object) -> str:
    """Return the SHA-256 (hex) of a version's content in canonical JSON (RFC 8785): equal content, equal hash."""
    return hashlib.sha256(rfc8785.dumps(structure)).hexdigest()  # type: ignore[arg-type]


def _explain(error: ValidationError) -> Iterator[Problem]:
    where = ".".join(str(step) for step in error.absolute_path)
    prefix = f"{where}." if where else ""
    rule, bound, given = str(error.validator), cast("Any", error.validator_value), cast("Any", error.instance)
    schema = cast("Schema", error.schema)
    if rule == "required":
        yield from (Problem(prefix + name, "This is missing.") for name in bound if name not in given)
    elif rule == "additionalProperties":
        known = schema["properties"]
        yield from (
            Problem(
                prefix + str(name)[:100],
                "There is no such field.",
                said("Known are %(known)s.", known=", ".join(known)),
            )
            for name in given
            if name not in known
        )
    elif given in (None, "") or rule == "minLength":
        yield Problem(where, "This is missing.")
    elif "x-problem" in schema:
        yield Problem(where, schema["x-problem"], schema.get("x-remedy", ""))
    else:
        yield Problem(where, _what(rule, bound))


def _what(rule: str, bound: Any) -> str:
    match rule:
        case "type":
            types = [bound] if isinstance(bound, str) else bound
            return f"Write {_KINDS.get(types[0], types[0])} here."
        case "minimum":
            return f"This is at least {bound}."
        case "maximum":
            return f"This is at most {bound}."
        case "maxLength":
            return f"This has at most {bound} characters."
        case "enum":
            return f"This is one of {', '.join(map(str, bound))}."
        case "pattern":
            return "Control characters are not allowed here."
        case _:
            return "This is not allowed here."


_KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "object": "an object",
    "array": "a list",
}
