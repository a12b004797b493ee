"""A statement in words: who did what to what, and how it went. For people; machines read the JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from lrs.xapi import values
from lrs.xapi.actors import identifier


@dataclass(frozen=True)
class Term:
    """One part of the sentence: how it reads, and by what it is looked for (an agent's identifier, an IRI)."""

    text: str
    key: str = ""


@dataclass(frozen=True)
class Outcome:
    """What the result says, as far as it says it. Score in percent 0–100 where it is scaled."""

    percent: float | None = None
    raw: float | None = None
    maximum: float | None = None
    success: bool | None = None
    completion: bool | None = None
    seconds: float | None = None
    response: str = ""


@dataclass(frozen=True)
class Sentence:
    """Actor, verb and object; `outcome` is None where the statement has no result."""

    actor: Term
    verb: Term
    object: Term
    kind: str  # the object's type, as the standard says it
    outcome: Outcome | None


def sentence(
    statement: dict[str, Any],
    languages: Sequence[str] = ("en",),
    known: Mapping[str, dict[str, Any]] | None = None,
    labels: Mapping[str, Mapping[str, str]] | None = None,
) -> Sentence:
    """Read a valid statement out.

    `known` has canonical definitions of activities that do not name themselves, `labels` what Profiles call verbs.
    """
    target = statement["object"]
    kind = target.get("objectType", "Activity")
    return Sentence(
        actor=agent(statement["actor"]),
        verb=_verb(statement["verb"], languages, labels or {}),
        object=_object(kind, target, languages, known or {}),
        kind=kind,
        outcome=_outcome(statement["result"]) if statement.get("result") else None,
    )


def agent(actor: dict[str, Any]) -> Term:
    """The name of an agent or group, or what identifies it."""
    own = identifier(actor) or ""
    if actor.get("name"):
        return Term(actor["name"], own)
    if "mbox" in actor:
        return Term(actor["mbox"].removeprefix("mailto:"), own)
    if "account" in actor:
        return Term(actor["account"]["name"], own)
    if own:
        return Term(own.partition("|")[2], own)
    return Term(", ".join(agent(member).text for member in actor.get("member", ())))


def in_language(texts: Mapping[str, str] | None, languages: Sequence[str]) -> str:
    """The text of a language map for the first of these languages, else the first there is."""
    if not texts:
        return ""
    for wanted in languages:
        for tag, text in texts.items():
            if tag.lower().partition("-")[0] == wanted.lower().partition("-")[0]:
                return text
    return next(iter(texts.values()))


def last_word(iri: str) -> str:
    """The end of an IRI, where no better name is known."""
    return iri.rstrip("/").rpartition("/")[2].rpartition("#")[2] or iri


def _verb(verb: dict[str, Any], languages: Sequence[str], labels: Mapping[str, Mapping[str, str]]) -> Term:
    called = in_language(labels.get(verb["id"]), languages) or in_language(verb.get("display"), languages)
    return Term(called or last_word(verb["id"]), verb["id"])


def _object(kind: str, target: dict[str, Any], languages: Sequence[str], known: Mapping[str, dict[str, Any]]) -> Term:
    if kind == "Activity":
        own, canonical = target.get("definition", {}), known.get(target["id"], {})
        text = in_language(own.get("name") or canonical.get("name"), languages)
        return Term(text or _unnamed(target["id"], own | canonical, languages), target["id"])
    if kind == "StatementRef":
        return Term(target["id"], target["id"])
    if kind == "SubStatement":
        inner = sentence(target, languages, known)
        return Term(f"{inner.actor.text} {inner.verb.text} {inner.object.text}")
    return agent(target)


def _unnamed(iri: str, definition: Mapping[str, Any], languages: Sequence[str]) -> str:
    """What an activity without a name is called: a question or objective by its text or own id, others by the IRI."""
    if last_word(definition.get("type", "")) not in ("cmi.interaction", "objective", "question"):
        return iri
    return in_language(definition.get("description"), languages) or unquote(last_word(iri))


def _outcome(result: dict[str, Any]) -> Outcome:
    score = result.get("score", {})
    scaled, duration = score.get("scaled"), result.get("duration")
    return Outcome(
        percent=None if scaled is None else scaled * 100,
        raw=score.get("raw"),
        maximum=score.get("max"),
        success=result.get("success"),
        completion=result.get("completion"),
        seconds=None if duration is None else values.duration_seconds(duration),
        response=result.get("response", ""),
    )
