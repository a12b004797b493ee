"""Begin and end of a visit to a SCO: what its session opens with, and what it has told the LMS.

* `begin(item, learner, …)` → `Start`: values and per-element access with which a session of a SCO opens.
* `end(item, values, …)` → `Outcome`: what the session told the LMS, and the values to keep.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from scorm_player.scorm.cmi import (
    Values,
    completion_status,
    count_records,
    duration_of,
    number,
    score,
    seconds_of,
    shared_data,
    statuses_of,
    success_status,
)
from scorm_player.scorm.data_model import Edition, Standard


@dataclass(frozen=True)
class Item:
    """What the manifest says of a SCO, as far as the run-time needs it."""

    standard: Standard = "2004"
    edition: Edition = "4th"
    launch_data: str | None = None
    max_time_allowed: str | None = None
    time_limit_action: str | None = None
    completion_threshold: str | None = None  # 2004; minProgressMeasure where completedByMeasure
    scaled_passing_score: str | None = None  # 2004; minNormalizedMeasure of a primary objective satisfiedByMeasure
    mastery_score: str | None = None  # 1.2


@dataclass(frozen=True)
class Learner:
    """Who learns, as the content may know it, with preferences kept from elsewhere."""

    id: str
    name: str
    preferences: Mapping[str, str] = field(default_factory=dict)  # {"audio_level": "1", …}


@dataclass(frozen=True)
class Objective:
    """What sequencing knows of one objective of the activity when the SCO starts; None where it knows nothing."""

    id: str
    success_status: str | None = None
    completion_status: str | None = None
    progress_measure: str | None = None
    scaled: str | None = None
    raw: str | None = None
    min: str | None = None
    max: str | None = None


@dataclass(frozen=True)
class SharedData:
    """A data store the activity maps (adlcp:map, 4th Edition)."""

    id: str
    store: str | None = None
    readable: bool = True
    writable: bool = True


@dataclass(frozen=True)
class Start:
    """What a session opens with: values for `Runtime`, and access narrowed for single elements."""

    values: Values
    access: dict[str, str]


def begin(
    item: Item,
    learner: Learner,
    *,
    previous: Mapping[str, str] | None = None,
    suspended: bool = False,
    mode: str = "normal",
    objectives: Sequence[Objective] = (),
    shared: Sequence[SharedData] = (),
    comments: Sequence[Mapping[str, str]] = (),
    navigation: Mapping[str, str] | None = None,
    total_seconds: Decimal = Decimal(0),
) -> Start:
    """Make the values a session starts with.

    `previous` are the values kept by `end` from the last session of the same attempt, None when a new attempt
    begins; `suspended` says how that session ended. `objectives` (primary first) and `navigation`
    ({"adl.nav.request_valid.continue": "true", …}) come from sequencing, `shared` from the activity's data maps,
    `comments` ({comment, location, timestamp}) from the LMS, `total_seconds` counts the earlier sessions.
    """
    entry = "ab-initio" if previous is None else "resume" if suspended else ""
    values = _kept(item.standard, previous or {})
    given = _given_1_2 if item.standard == "1.2" else _given_2004
    values |= given(item, learner, entry, mode, total_seconds)
    access: dict[str, str] = {}
    if item.standard == "2004":
        _give_objectives(values, objectives)
        for index, comment in enumerate(comments):
            values |= {f"cmi.comments_from_lms.{index}.{name}": text for name, text in comment.items()}
        if item.edition == "4th":
            _give_shared(values, access, shared)
        values |= navigation or {}
    elif comments:
        values["cmi.comments_from_lms"] = "\n".join(comment.get("comment", "") for comment in comments)
    return Start(values, access)


# What belongs to one session only, or is given anew to each.
_SESSION_ONLY = re.compile(
    r"cmi\.(?:core\.)?(?:exit|session_time|entry)|adl\.nav\..*|adl\.data\..*|cmi\.comments_from_lms(?:\..*)?"
)


def _kept(standard: Standard, values: Mapping[str, str]) -> Values:
    return {element: value for element, value in values.items() if not _SESSION_ONLY.fullmatch(element)}


def _given_2004(item: Item, learner: Learner, entry: str, mode: str, total: Decimal) -> Values:
    return _known(
        {
            "cmi.learner_id": learner.id,
            "cmi.learner_name": learner.name,
            "cmi.entry": entry,
            "cmi.mode": mode,
            "cmi.credit": "credit" if mode == "normal" else "no-credit",
            "cmi.total_time": duration_of("2004", total),
            "cmi.launch_data": item.launch_data,
            "cmi.max_time_allowed": item.max_time_allowed,
            "cmi.time_limit_action": item.time_limit_action,
            "cmi.completion_threshold": item.completion_threshold,
            "cmi.scaled_passing_score": item.scaled_passing_score,
        }
        | {f"cmi.learner_preference.{name}": value for name, value in learner.preferences.items()}
    )


def _given_1_2(item: Item, learner: Learner, entry: str, mode: str, total: Decimal) -> Values:
    return _known(
        {
            "cmi.core.student_id": learner.id,
            "cmi.core.student_name": learner.name,
            "cmi.core.entry": entry,
            "cmi.core.lesson_mode": mode,
            "cmi.core.credit": "credit" if mode == "normal" else "no-credit",
            "cmi.core.total_time": duration_of("1.2", total),
            "cmi.launch_data": item.launch_data,
            "cmi.student_data.max_time_allowed": item.max_time_allowed,
            "cmi.student_data.time_limit_action": item.time_limit_action,
            "cmi.student_data.mastery_score": item.mastery_score,
        }
        | {f"cmi.student_preference.{name}": value for name, value in learner.preferences.items()}
    )


def _known(values: Mapping[str, str | None]) -> Values:
    return {element: value for element, value in values.items() if value is not None}


def _give_objectives(values: Values, objectives: Sequence[Objective]) -> None:
    """RTE 4.2.17: an objective of the activity is a record of the SCO's, with what its maps read."""
    count = count_records(values).get("cmi.objectives", 0) if objectives else 0
    places = {values.get(f"cmi.objectives.{index}.id"): index for index in reversed(range(count))}
    for objective in objectives:
        record = f"cmi.objectives.{places.setdefault(objective.id, count)}"
        count = max(count, places[objective.id] + 1)
        values |= _known(
            {
                f"{record}.id": objective.id,
                f"{record}.success_status": objective.success_status,
                f"{record}.completion_status": objective.completion_status,
                f"{record}.progress_measure": objective.progress_measure,
                f"{record}.score.scaled": objective.scaled,
                f"{record}.score.raw": objective.raw,
                f"{record}.score.min": objective.min,
                f"{record}.score.max": objective.max,
            }
        )


def _give_shared(values: Values, access: dict[str, str], shared: Sequence[SharedData]) -> None:
    for index, data in enumerate(shared):
        element = f"adl.data.{index}.store"
        values[f"adl.data.{index}.id"] = data.id
        if data.store is not None:
            values[element] = data.store
        if not (data.readable and data.writable):
            access[element] = ("r" if data.readable else "") + ("w" if data.writable else "")


@dataclass(frozen=True)
class Outcome:
    """What a session told the LMS. Statuses are "unknown" where nothing is known; `None` numbers likewise."""

    values: Values  # to keep for the next session of this attempt
    suspended: bool  # the next session resumes
    exit: str
    navigation: str  # adl.nav.request, or what the exit asks for; "_none_" when there is none
    completion: str  # completed | incomplete | not attempted | unknown
    success: str  # passed | failed | unknown
    completion_set: bool  # by the SCO, or by its progress measure
    success_set: bool
    progress: float | None
    score: dict[str, float]
    seconds: Decimal  # of this session, as the SCO reports it, else as measured
    shared: dict[str, str]  # data stores by id, as they stand


def end(
    item: Item,
    values: Mapping[str, str],
    *,
    terminated: bool,
    measured_seconds: Decimal = Decimal(0),
    mode: str = "normal",
    strict: bool = False,
    empty_exit_suspends: bool = False,
    silent_finish: str = "completed",
    ended_by_learner: bool = False,
) -> Outcome:
    """Conclude a session from its values.

    `terminated` is False when the window was closed without Terminate: that is an implicit suspend, unless the learner
    has ended the attempt in so many words, and a 1.2 lesson stays incomplete. Else only an exit of "suspend" suspends:
    after "logout" (deprecated), as after "normal" and "time-out", the attempt is over (RTE 4.2.8).
    `empty_exit_suspends` and `silent_finish` are the playback policy's.
    """
    kept = dict(values)
    if item.standard == "1.2":
        exit_ = kept.get("cmi.core.exit", "")
        kept["cmi.core.lesson_status"] = lesson_status(
            item, values, terminated=terminated, mode=mode, silent_finish=silent_finish
        )
        completion, success = statuses_of(kept["cmi.core.lesson_status"] if terminated else status_so_far(item, kept))
        completion_set = success_set = True
        reported = kept.get("cmi.core.session_time", "")
    else:
        exit_ = kept.get("cmi.exit", "")
        completion, success = completion_status(values, strict=strict), success_status(values, strict=strict)
        completion_set = "cmi.completion_status" in values or completion != "unknown"
        success_set = "cmi.success_status" in values or success != "unknown"
        reported = kept.get("cmi.session_time", "")
    is_left = not terminated and not ended_by_learner
    suspended = is_left or exit_ == "suspend" or (exit_ == "" and empty_exit_suspends)
    return Outcome(
        values=_kept(item.standard, kept),
        suspended=suspended,
        exit=exit_,
        navigation=_navigation(item.standard, exit_, values) if terminated else "_none_",
        completion=completion,
        success=success,
        completion_set=completion_set,
        success_set=success_set,
        progress=number(values.get("cmi.progress_measure")),
        score=score(item.standard, values),
        seconds=seconds_of(reported) if reported else measured_seconds,
        shared=shared_data(values),
    )


def _navigation(standard: Standard, exit_: str, values: Mapping[str, str]) -> str:
    """What the end of a session asks for.

    A SCO of 2004 that ran out of time, or logs the learner out, ends the whole attempt whatever else it asked for
    (RTE 4.2.8). In 1.2 the learner leaves the course when it logs them out (RTE 1.2, cmi.core.exit).
    """
    if standard == "1.2" and exit_ == "logout":
        return "suspendAll"
    if standard == "2004" and exit_ in ("time-out", "logout"):
        return "exitAll"
    return values.get("adl.nav.request", "_none_")


def lesson_status(
    item: Item,
    values: Mapping[str, str],
    *,
    terminated: bool,
    mode: str = "normal",
    silent_finish: str = "completed",
) -> str:
    """SCORM 1.2 RTE 3.4.4, lesson_status: what LMSFinish makes of it.

    A SCO that set nothing is completed, or what `silent_finish`, the playback policy, says. Then, for credit, a mastery
    score and a raw score decide passed or failed, unless the SCO says that it is not finished. Without LMSFinish
    nothing is concluded.
    """
    status = values.get("cmi.core.lesson_status", "not attempted")
    if mode == "browse":
        return "browsed" if status == "not attempted" else status
    if not terminated:
        return "incomplete" if status == "not attempted" else status
    if status == "not attempted":
        status = silent_finish
    mastery, raw = number(item.mastery_score), number(values.get("cmi.core.score.raw"))
    is_judged = mode == "normal" and status in ("completed", "passed", "failed")
    if is_judged and mastery is not None and raw is not None:
        return "passed" if raw >= mastery else "failed"
    return status


def status_so_far(item: Item, values: Mapping[str, str]) -> str:
    """Tell the lesson_status as far as it is sure while a 1.2 lesson is still open.

    With a mastery score the end decides; until then passed and failed are sure only where the raw score agrees.
    """
    status = values.get("cmi.core.lesson_status", "")
    mastery = number(item.mastery_score)
    if mastery is None or status not in ("completed", "passed", "failed"):
        return status
    raw = number(values.get("cmi.core.score.raw"))
    judged = None if raw is None else "passed" if raw >= mastery else "failed"
    return status if status == judged else "incomplete"
