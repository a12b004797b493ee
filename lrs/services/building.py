"""Small builders for rooms that store statements of their own, and the identifiers they need."""

from datetime import datetime
from typing import Any
from uuid import UUID

from lrs.xapi import values, verbs
from lrs.xapi.values import duration_seconds

__all__ = [
    "account", "activity", "duration", "duration_seconds", "interaction", "statement", "statement_ref", "verb", "verbs",
]  # fmt: skip


def account(home_page: str, name: str, full_name: str | None = None) -> dict[str, Any]:
    """An Agent known by an account."""
    agent: dict[str, Any] = {"objectType": "Agent", "account": {"homePage": home_page, "name": name}}
    return agent | {"name": full_name} if full_name else agent


def verb(iri: str) -> dict[str, Any]:
    """A verb with an English display: the last word of its IRI."""
    return {"id": iri, "display": {"en": iri.rstrip("/").rpartition("/")[2].rpartition("#")[2]}}


def activity(
    iri: str, *, name: str | None = None, type: str | None = None, language: str = "en", **definition: Any
) -> dict[str, Any]:
    """An Activity; further definition properties by their xAPI names."""
    known = dict(definition)
    if name:
        known["name"] = {language: name}
    if type:
        known["type"] = type
    found: dict[str, Any] = {"objectType": "Activity", "id": iri}
    return found | {"definition": known} if known else found


def interaction(iri: str, interaction_type: str, **definition: Any) -> dict[str, Any]:
    """An Activity of type cmi.interaction."""
    return activity(iri, type=verbs.INTERACTION_TYPE, interactionType=interaction_type, **definition)


def statement_ref(statement_id: UUID) -> dict[str, Any]:
    """A pointer to a statement."""
    return {"objectType": "StatementRef", "id": str(statement_id)}


def statement(
    actor: dict[str, Any],
    verb_iri: str,
    target: dict[str, Any],
    *,
    timestamp: datetime,
    id: UUID | None = None,
    registration: UUID | None = None,
    result: dict[str, Any] | None = None,
    parent: list[dict[str, Any]] | None = None,
    grouping: list[dict[str, Any]] | None = None,
    category: list[dict[str, Any]] | None = None,
    other: list[dict[str, Any]] | None = None,
    **context: Any,
) -> dict[str, Any]:
    """A Statement; further context properties by their xAPI names."""
    built: dict[str, Any] = {"actor": actor, "verb": verb(verb_iri), "object": target}
    lists = {"parent": parent, "grouping": grouping, "category": category, "other": other}
    activities = {name: found for name, found in lists.items() if found}
    surroundings = context | ({"contextActivities": activities} if activities else {})
    if registration is not None:
        surroundings["registration"] = str(registration)
    if surroundings:
        built["context"] = surroundings
    if result:
        built["result"] = result
    if id is not None:
        built["id"] = str(id)
    built["timestamp"] = values.format_timestamp(timestamp)
    return built


def duration(seconds: float) -> str:
    """A duration in seconds as ISO 8601, to the hundredth."""
    hundredths = round(max(seconds, 0) * 100)
    minutes, rest = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    text = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    if rest or not text:
        text += f"{rest / 100:.2f}".rstrip("0").rstrip(".") + "S"
    return f"PT{text}"
