"""Documents: merging JSON, ETags, and when a write is refused (Communication 2.2, 3.1; 2.0 4.1.4)."""

import hashlib
from enum import Enum
from typing import Any

import orjson

from lrs.xapi.attachments import media_type
from lrs.xapi.versions import Version


class DocumentKind(Enum):
    """The three document resources."""

    STATE = "state"
    ACTIVITY_PROFILE = "activity_profile"
    AGENT_PROFILE = "agent_profile"


class Refusal(Enum):
    """Why a write may not go on, with the status that says so."""

    NO_PRECONDITION = 400
    EXISTS = 409
    STALE = 412


def etag(content: bytes) -> str:
    """The entity tag of a document: the SHA-1 of its content in lower-case hexadecimal digits, in quotes."""
    return f'"{hashlib.sha1(content, usedforsecurity=False).hexdigest()}"'


def is_json(content_type: str) -> bool:
    """Whether a document may take part in a merge."""
    return media_type(content_type)[0] == "application/json"


def json_object(content: bytes) -> dict[str, Any] | None:
    """The document as a JSON object, or None where it is none."""
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def merged(existing: dict[str, Any], posted: dict[str, Any]) -> bytes:
    """The existing document with each top-level property of the posted one set (Communication 2.2)."""
    return orjson.dumps(existing | posted)


def refusal(
    kind: DocumentKind,
    method: str,
    version: Version,
    current: str | None,
    if_match: str | None,
    if_none_match: str | None,
) -> Refusal | None:
    """Whether a PUT, POST or DELETE is refused by its preconditions. `current` is the ETag, None without a document.

    In 1.0.3 the preconditions of a state document count only when given, and a profile's PUT must bring one;
    2.0 asks for one wherever a PUT would replace something.
    """
    if if_match is not None and not _is_matched(if_match, current):
        return Refusal.STALE
    if if_none_match is not None and _is_matched(if_none_match, current):
        return Refusal.STALE
    if method != "PUT" or if_match is not None or if_none_match is not None:
        return None
    if version is Version.V1_0_3 and kind is DocumentKind.STATE:
        return None
    if current is not None:
        return Refusal.EXISTS
    return Refusal.NO_PRECONDITION if version is Version.V1_0_3 else None


def _is_matched(header: str, current: str | None) -> bool:
    if current is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return "*" in tags or current in tags or current.strip('"') in tags
