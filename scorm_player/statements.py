"""SCORM run-time data as xAPI statements, per the ADL xAPI SCORM profile. Pure: values in, statements out.

What has been said is remembered by the caller in `Said`, a small dict stored with the run-time data: the same values
give no second statement, whatever was sent twice.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from urllib.parse import quote
from uuid import UUID

from scorm_player.scorm.cmi import completion_status, number, records, score, seconds_of, statuses_of, success_status
from scorm_player.scorm.data_model import Standard
from scorm_player.scorm.languages import UNDETERMINED, tag_of
from scorm_player.scorm.visit import Item, Outcome, status_so_far

Statement = dict[str, Any]
Said = dict[str, str]

VERBS = "http://adlnet.gov/expapi/verbs/"
TYPES = "http://adlnet.gov/expapi/activities/"
PROFILE = {
    "objectType": "Activity",
    "id": "https://w3id.org/xapi/scorm",
    "definition": {"type": f"{TYPES}profile"},
}
LARGEST_WHOLE = 1 << 53  # beyond it readers take whole numbers for floats anyway, or for none
PROGRESS = "https://w3id.org/xapi/cmi5/result/extensions/progress"


class Stage(Enum):
    """How far the session is that values are from."""

    OPEN = "open"
    LEFT = "left"  # the window is gone without Terminate, so that in 1.2 nothing is decided by the mastery score
    OVER = "over"


@dataclass(frozen=True)
class Source:
    """Whose data it is, and the activities it is about. Titles are language maps ({"en": "Fire safety"})."""

    standard: Standard
    actor: Mapping[str, Any]
    registration: UUID
    course_iri: str
    course_title: Mapping[str, str]
    sco_iri: str
    sco_title: Mapping[str, str]
    attempt: str  # tells attempts on the SCO apart
    mastery_score: str | None = None  # 1.2: with one, what is not sure before the session ends is not said before
    strict: bool = False  # to the letter: a threshold without a measure leaves the status unknown
    new_id: Callable[[], UUID] | None = field(default=None, compare=False)

    @property
    def attempt_iri(self) -> str:
        """The activity of the attempt on the SCO."""
        return f"{self.sco_iri}?attemptId={quote(self.attempt)}"

    def inside(self, kind: str, identifier: str) -> str:
        """The activity of an interaction or objective of the SCO; `kind` is the collection's name."""
        return f"{self.sco_iri}/{kind}/{quote(identifier, safe='')}"


def opened(source: Source, entry: str, now: datetime) -> Statement:
    """Say that a session began: `initialized`, or `resumed` where data was restored."""
    return _statement(source, "resumed" if entry == "resume" else "initialized", _sco(source), {}, now)


def changed(
    source: Source,
    values: Mapping[str, str],
    said: Said,
    now: datetime,
    *,
    stage: Stage = Stage.OPEN,
    touched: Collection[str] | None = None,
) -> list[Statement]:
    """Say what the values tell that has not been said; adds to `said`.

    An interaction is told with its result, so one that has none yet waits for it, as long as the session is open.
    With `touched` only what these elements belong to is looked at; all else was when it was set.
    """
    return [
        statement
        for tell, start in _TELLERS
        if touched is None or start is None or any(element.startswith(start) for element in touched)
        for statement in tell(source, values, said, now, stage)
    ]


def closed(source: Source, outcome: Outcome, now: datetime) -> Statement:
    """Say that a session ended: `suspended` where it will be resumed, else `terminated`, with what stands then."""
    result: dict[str, Any] = {"duration": iso_duration(outcome.seconds)}
    if outcome.completion in ("completed", "incomplete"):
        result["completion"] = outcome.completion == "completed"
    if outcome.success in ("passed", "failed"):
        result["success"] = outcome.success == "passed"
    if outcome.score:
        result["score"] = _score_result(outcome.score)
    return _statement(source, "suspended" if outcome.suspended else "terminated", _sco(source), result, now)


def course_changed(
    source: Source,
    verb: str,
    scores: Mapping[str, float],
    seconds: Decimal,
    now: datetime,
) -> Statement:
    """Say of the course as a whole that it is `completed`, `passed` or `failed`; this is what training counts."""
    result: dict[str, Any] = {"duration": iso_duration(seconds)}
    if verb == "completed":
        result["completion"] = True
    else:
        result["success"] = verb == "passed"
    if scores:
        result["score"] = _score_result(scores)
    return _statement(source, verb, _course(source), result, now)


def decided(source: Source, word: str, values: Mapping[str, str], said: Said, now: datetime) -> list[Statement]:
    """Say what a person has decided about the SCO: `completed`, `passed` or `failed`. Adds to `said`."""
    verbs = [word] if word != "passed" or source.standard == "1.2" else ["completed", "passed"]
    made = []
    for verb in verbs:
        if not _first(said, verb):
            continue
        result: dict[str, Any] = {"success": verb == "passed"} if verb != "completed" else {"completion": True}
        if word == "passed":
            result["completion"] = True
        if verb != "completed" and (scores := score(source.standard, values)):
            result["score"] = _score_result(scores)
        made.append(_statement(source, verb, _sco(source), result, now))
    return made


def course_progressed(source: Source, measure: float, now: datetime) -> Statement:
    """Say how much of the course as a whole is done, 0 … 1, so that it can be told from the statements alone."""
    result = {"score": {"scaled": measure}, "extensions": {PROGRESS: round(measure * 100)}}
    return _statement(source, "progressed", _course(source), result, now)


# --- what the values tell ---------------------------------------------------------------------------------------------


def _statuses(
    source: Source, values: Mapping[str, str], said: Said, now: datetime, stage: Stage
) -> Iterator[Statement]:
    """completed, passed, failed: each once per attempt. A 1.2 lesson that passed or failed does not say completed."""
    if source.standard == "1.2":
        status = values.get("cmi.core.lesson_status", "")
        if stage is not Stage.OVER:
            status = status_so_far(Item(standard="1.2", mastery_score=source.mastery_score), values)
        completion, success = ("completed" if status == "completed" else ""), statuses_of(status)[1]
    else:
        completion = completion_status(values, strict=source.strict)
        success = success_status(values, strict=source.strict)
    if completion == "completed" and _first(said, "completed"):
        yield _statement(source, "completed", _sco(source), {"completion": True}, now)
    if success in ("passed", "failed") and _first(said, success):
        result: dict[str, Any] = {"success": success == "passed"}
        if scores := score(source.standard, values):
            result["score"] = _score_result(scores)
        if source.standard == "1.2" or completion == "completed":
            result["completion"] = True
        yield _statement(source, success, _sco(source), result, now)


def _scored(source: Source, values: Mapping[str, str], said: Said, now: datetime, stage: Stage) -> Iterator[Statement]:
    scores = score(source.standard, values)
    if "scaled" in scores and _news(said, "score", scores):
        yield _statement(source, "scored", _sco(source), {"score": _score_result(scores)}, now)


def _progressed(
    source: Source, values: Mapping[str, str], said: Said, now: datetime, stage: Stage
) -> Iterator[Statement]:
    progress = number(values.get("cmi.progress_measure"))
    if progress is not None and _news(said, "progress", progress):
        result = {"score": {"scaled": progress}, "extensions": {PROGRESS: round(progress * 100)}}
        yield _statement(source, "progressed", _sco(source), result, now)


def _responded(
    source: Source, values: Mapping[str, str], said: Said, now: datetime, stage: Stage
) -> Iterator[Statement]:
    for index, interaction in enumerate(records(values, "cmi.interactions")):
        response = interaction.get("learner_response", interaction.get("student_response"))
        if response is None or ("result" not in interaction and stage is Stage.OPEN):
            continue
        told = [interaction.get(key) for key in ("id", "type", "result", "latency")]
        if _news(said, f"interactions.{index}", [response, *told]):
            kind = interaction.get("type", "other")
            result: dict[str, Any] = {"response": as_xapi(source.standard, kind, response)}
            if interaction.get("result") in ("correct", "incorrect", "wrong"):
                result["success"] = interaction["result"] == "correct"
            if latency := interaction.get("latency"):
                result["duration"] = iso_duration(seconds_of(latency))
            activity = _interaction(source, interaction, index)
            yield _statement(source, "responded", activity, result, now, parent=True)


def _objectives(
    source: Source, values: Mapping[str, str], said: Said, now: datetime, stage: Stage
) -> Iterator[Statement]:
    for objective in records(values, "cmi.objectives"):
        identifier = objective.get("id")
        if not identifier:
            continue
        activity = _activity(source.inside("objectives", identifier), "objective", {}, objective.get("description"))
        key = f"objectives.{identifier}"
        if source.standard == "1.2":
            completion, success = statuses_of(objective.get("status", ""))
            completion = "completed" if objective.get("status") == "completed" else completion
        else:
            completion, success = objective.get("completion_status", ""), objective.get("success_status", "")
        scores = score(source.standard, {f"o.score.{k[6:]}": v for k, v in objective.items() if k[:6] == "score."}, "o")
        if "scaled" in scores and _news(said, f"{key}.score", scores):
            yield _statement(source, "scored", activity, {"score": _score_result(scores)}, now, parent=True)
        if completion == "completed" and success not in ("passed", "failed") and _first(said, f"{key}.completed"):
            yield _statement(source, "completed", activity, {"completion": True}, now, parent=True)
        if success in ("passed", "failed") and _first(said, f"{key}.{success}"):
            result: dict[str, Any] = {"success": success == "passed"}
            if scores:
                result["score"] = _score_result(scores)
            yield _statement(source, success, activity, result, now, parent=True)


def _commented(
    source: Source, values: Mapping[str, str], said: Said, now: datetime, stage: Stage
) -> Iterator[Statement]:
    if source.standard == "1.2":
        comments = [values["cmi.comments"]] if values.get("cmi.comments") else []
    else:
        comments = [record.get("comment", "") for record in records(values, "cmi.comments_from_learner")]
    for index, comment in enumerate(comments):
        if comment and _news(said, f"comments.{index}", comment):
            yield _statement(source, "commented", _sco(source), {"response": comment}, now)


# Who tells what, and the collection that it is about; statuses and scores are looked at each time.
_TELLERS = (
    (_statuses, None),
    (_scored, None),
    (_progressed, None),
    (_responded, "cmi.interactions."),
    (_objectives, "cmi.objectives."),
    (_commented, "cmi.comments"),
)


def _first(said: Said, key: str) -> bool:
    return _news(said, key, "said")


def _news(said: Said, key: str, value: object) -> bool:
    """Whether this has not been said yet; from now on it has."""
    told = repr(value)
    if said.get(key) == told:
        return False
    said[key] = told
    return True


# --- how it is said ---------------------------------------------------------------------------------------------------


def _statement(
    source: Source, verb: str, activity: Statement, result: Statement, now: datetime, *, parent: bool = False
) -> Statement:
    activities = {
        "category": [PROFILE],
        "grouping": [_course(source), _activity(source.attempt_iri, "attempt", {})],
    }
    if parent:
        activities = {"parent": [_sco(source)], **activities}
    return {
        **({"id": str(source.new_id())} if source.new_id else {}),
        "actor": dict(source.actor),
        "verb": {"id": f"{VERBS}{verb}", "display": {"en": verb}},
        "object": activity,
        **({"result": result} if result else {}),
        "context": {"registration": str(source.registration), "contextActivities": activities},
        "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }


def _course(source: Source) -> Statement:
    return _activity(source.course_iri, "course", source.course_title)


def _sco(source: Source) -> Statement:
    return _activity(source.sco_iri, "lesson", source.sco_title)


def _activity(iri: str, kind: str, title: Mapping[str, str], description: str | None = None) -> Statement:
    definition: dict[str, Any] = {"type": f"{TYPES}{kind}"}
    if title:
        definition["name"] = dict(title)
    if description:
        definition["description"] = localized(description)
    return {"objectType": "Activity", "id": iri, "definition": definition}


def _interaction(source: Source, interaction: Mapping[str, Any], index: int) -> Statement:
    """The interaction's activity: kind, correct responses, and as choices what has been seen of them."""
    kind = interaction.get("type", "other")
    patterns = [
        as_xapi(source.standard, kind, record["pattern"])
        for record in interaction.get("correct_responses", [])
        if "pattern" in record
    ]
    activity = _activity(
        source.inside("interactions", interaction.get("id") or str(index)),
        "cmi.interaction",
        {},
        interaction.get("description"),
    )
    activity["definition"]["interactionType"] = kind
    if patterns:
        activity["definition"]["correctResponsesPattern"] = patterns
    if kind in ("choice", "sequencing"):
        response = interaction.get("learner_response", interaction.get("student_response", ""))
        seen = {
            part: None for text in [*patterns, as_xapi(source.standard, kind, response)] for part in text.split("[,]")
        }
        activity["definition"]["choices"] = [{"id": part} for part in seen if part]
    return activity


def as_xapi(standard: Standard, kind: str, response: str) -> str:
    """Write a response as xAPI does. SCORM 2004 does the same already; 1.2 has commas, periods, and "t" for true."""
    if standard != "1.2":
        return response
    if kind == "true-false":
        return {"t": "true", "1": "true", "f": "false", "0": "false"}.get(response[:1].lower(), response)
    if kind in ("choice", "sequencing") and "[,]" not in response:
        return "[,]".join(part.strip() for part in response.strip("{}").split(","))
    if kind == "matching" and "[.]" not in response:
        pairs = (part.strip().partition(".") for part in response.strip("{}").split(","))
        return "[,]".join(f"{source}[.]{target}" for source, _, target in pairs)
    return response


def localized(text: str) -> dict[str, str]:
    """Read `{lang=en}Hello` as a language map; a text that names no language is undetermined."""
    named = re.match(r"\{lang=([A-Za-z0-9-]+)\}", text)
    return {tag_of(named[1]): text[named.end() :]} if named else {UNDETERMINED: text}


def iso_duration(seconds: Decimal) -> str:
    """Write seconds as xAPI durations are written: hours, minutes and seconds, to the hundredth."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(hours, "H"), (minutes, "M")]
    text = "".join(f"{int(amount)}{unit}" for amount, unit in parts if amount)
    exact = f"{rest:.2f}".rstrip("0").rstrip(".")
    return f"PT{text}{exact}S" if exact != "0" or not text else f"PT{text}"


def _score_result(scores: Mapping[str, float]) -> dict[str, float]:
    """A score xAPI accepts: scaled within −1 … 1, raw within min and max, or without them where they make no sense."""
    result = dict(scores)
    if "scaled" in result:
        result["scaled"] = max(-1.0, min(1.0, result["scaled"]))
    low, high, raw = result.get("min"), result.get("max"), result.get("raw")
    makes_sense = (low is None or high is None or low < high) and (
        raw is None or ((low is None or raw >= low) and (high is None or raw <= high))
    )
    if not makes_sense:
        result.pop("min", None)
        result.pop("max", None)
    return {name: plain(value) for name, value in result.items()}


def plain(value: float) -> float:
    """A number as short as it can be written, whole ones without a fraction."""
    return int(value) if abs(value) < LARGEST_WHOLE and value == int(value) else round(value, 7)
