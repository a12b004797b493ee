"""SCORM run-time data as documents, per the ADL xAPI SCORM profile ("xAPI SCORM Data Objects"). Pure.

What is answered are JSON properties; None where a property is not there (any more). A number that is outside of the
profile's range is not there.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from scorm_player.scorm.cmi import number, records, seconds_of
from scorm_player.scorm.data_model import Standard
from scorm_player.scorm.visit import Item, Learner
from scorm_player.statements import Source, iso_duration, plain

ACTIVITY_STATE = "https://w3id.org/xapi/scorm/activity-state"
ATTEMPT_STATE = "https://w3id.org/xapi/scorm/attempt-state"
SUSPEND_DATA = "https://w3id.org/xapi/scorm/types/adl-suspend-data"
ACTIVITY_PROFILE = "https://w3id.org/xapi/scorm/activity-profile"
AGENT_PROFILE = "https://w3id.org/xapi/scorm/agent-profile"

ACTIONS = ("exit,message", "continue,message", "exit,no message", "continue,no message")
_PLACES: Mapping[Standard, Mapping[str, str]] = {
    "1.2": {"credit": "cmi.core.credit", "mode": "cmi.core.lesson_mode", "location": "cmi.core.lesson_location"},
    "2004": {"credit": "cmi.credit", "mode": "cmi.mode", "location": "cmi.location"},
}
_PREFERENCES: Mapping[Standard, Mapping[str, str]] = {
    "1.2": {
        "audio_level": "cmi.student_preference.audio",
        "language": "cmi.student_preference.language",
        "delivery_speed": "cmi.student_preference.speed",
        "audio_captioning": "cmi.student_preference.text",
    },
    "2004": {
        name: f"cmi.learner_preference.{name}"
        for name in ("audio_level", "language", "delivery_speed", "audio_captioning")
    },
}


def attempt_state(
    source: Source, values: Mapping[str, str], total_seconds: Decimal, stores: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return what an attempt is like: {credit, mode, location, preferences, total_time, adl_data, comments_from_lms}.

    `stores` are the parameters under which each of the attempt's data stores is found, see `data_store`. What the LMS
    has commented is there while a session is open; without any nothing is said of it.
    """
    state: dict[str, Any] = {name: values.get(element) or None for name, element in _PLACES[source.standard].items()}
    state["preferences"] = _preferences(source.standard, values)
    state["total_time"] = iso_duration(total_seconds)
    state["adl_data"] = list(stores) or None
    if comments := _comments(source.standard, values):
        state["comments_from_lms"] = comments
    return state


def _preferences(standard: Standard, values: Mapping[str, str]) -> dict[str, Any] | None:
    """How the learner has set the content, with the numbers that it keeps; None where nothing was set.

    SCORM 1.2 writes 0 for "no change" and -1 for "no sound"; in the profile 0 is no sound.
    """
    given = {name: values.get(element) for name, element in _PREFERENCES[standard].items()}
    audio, speed, captioning = (number(given[name]) for name in ("audio_level", "delivery_speed", "audio_captioning"))
    if standard == "1.2":
        audio = max(audio, 0.0) if audio else None
        speed = speed or None
    found = {
        "audio_level": _within(audio, 0),
        "language": given["language"] or None,
        "delivery_speed": _within(speed, 0),
        "audio_captioning": _within(captioning, -1, 1),
    }
    return {name: value for name, value in found.items() if value is not None} or None


def activity_profile(item: Item) -> dict[str, Any]:
    """Return what holds for everybody: {completion_threshold, launch_data, max_time_allowed, …}, time in seconds.

    The mastery score of SCORM 1.2 is the passing score, percent as −1 … 1.
    """
    passing = number(item.scaled_passing_score)
    if item.standard == "1.2" and (mastery := number(item.mastery_score)) is not None:
        passing = mastery / 100
    longest = seconds_of(item.max_time_allowed) if item.max_time_allowed else None
    return {
        "completion_threshold": _within(number(item.completion_threshold), 0, 1),
        "launch_data": item.launch_data,
        "max_time_allowed": None if longest is None else plain(float(longest)),
        "scaled_passing_score": _within(passing, -1, 1),
        "time_limit_action": item.time_limit_action if item.time_limit_action in ACTIONS else None,
    }


def agent_profile(source: Source, learner: Learner) -> dict[str, Any]:
    """Return who learns: {learner_id, learner_name}. The name is told only where statements name the actor, too.

    Of default preferences nothing is said: Stoa keeps none, and what others write stays.
    """
    is_named = bool(source.actor.get("name"))
    return {"learner_id": learner.id or None, "learner_name": (learner.name or None) if is_named else None}


def data_store(source: Source, target: str, shared_by: str | None) -> dict[str, Any]:
    """Return where a data store of the 4th Edition is found: {activityId, agent, stateId}.

    `shared_by`: the activity under which those lie that follow the learner from course to course; None: this one is the
    registration's own.
    """
    own = f"{source.course_iri}?registration={source.registration}"
    agent = {name: value for name, value in source.actor.items() if name != "name"}
    return {"activityId": shared_by or own, "agent": agent, "stateId": target}


def _comments(standard: Standard, values: Mapping[str, str]) -> list[dict[str, str]]:
    if standard == "1.2":
        text = values.get("cmi.comments_from_lms")
        return [{"comment": text}] if text else []
    told = records(values, "cmi.comments_from_lms")
    return [{name: one[name] for name in ("comment", "location", "timestamp") if name in one} for one in told]


def _within(value: float | None, least: float, most: float | None = None) -> float | None:
    """The number as short as it can be written, if it is in the profile's range."""
    return plain(value) if value is not None and value >= least and (most is None or value <= most) else None
