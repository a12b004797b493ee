"""The SCORM run-time on a plain dict of values: the API's states and errors, and what begin and end of a session mean.

The surface:

* `begin(item, learner, …)` → `Start`: values and per-element access with which a session of a SCO opens.
* `Runtime(standard, edition, values, access, strict=…)`: the API instance. `initialize`, `terminate`, `get_value`,
  `set_value`, `commit`, `get_last_error`, `get_error_string`, `get_diagnostic` take and answer strings, as the
  standard's methods do (`LMSInitialize` … of 1.2 are the same methods). `values` holds what was set or given;
  defaults are not in it, so "did the SCO set it" is `element in values`.
* `end(item, values, …)` → `Outcome`: what the session told the LMS, and the values to keep.
* `apply(runtime, deltas)`: replay changes that a browser made, judged again.

`values` maps full element names to strings: {"cmi.interactions.0.id": "q1", "cmi.location": "p3"}.
static/player/runtime.js is the same in the browser; both run the same test data.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

from scorm_player.scorm.data_model import Edition, Located, Reader, Refused, Standard, table

Values = dict[str, str]


class State(StrEnum):
    """The API instance's states (RTE 3.1.2): it goes through them once, in this order."""

    NOT_INITIALIZED = "not initialized"
    RUNNING = "running"
    TERMINATED = "terminated"


class Runtime:
    """One API instance: one communication session of one SCO."""

    def __init__(
        self,
        standard: Standard,
        edition: Edition = "4th",
        values: Mapping[str, str] | None = None,
        access: Mapping[str, str] | None = None,
        *,
        strict: bool = False,
    ) -> None:
        """`access` narrows single elements ("r", "w", "rw" or ""), as shared data and review mode need."""
        self.reader = Reader(table(standard, edition), strict=strict)
        self.standard = standard
        self.values: Values = dict(values or {})
        self.access = dict(access or {})
        self.state = State.NOT_INITIALIZED
        self.notes: list[str] = []
        self._counts = count_records(self.values)
        self._error = "0"
        self._diagnostic = ""

    # --- the standard's methods ---

    def initialize(self, argument: str = "") -> str:
        if argument != "":
            return self._fail("argument", "Initialize takes an empty string.")
        if self.state is State.RUNNING:
            return self._fail("initialize_twice")
        if self.state is State.TERMINATED:
            return self._fail("initialize_ended")
        self.state = State.RUNNING
        return self._succeed()

    def terminate(self, argument: str = "") -> str:
        if argument != "":
            return self._fail("argument", "Terminate takes an empty string.")
        if self.state is not State.RUNNING:
            return self._fail("terminate_before" if self.state is State.NOT_INITIALIZED else "terminate_after")
        self.state = State.TERMINATED
        return self._succeed()

    def commit(self, argument: str = "") -> str:
        if argument != "":
            return self._fail("argument", "Commit takes an empty string.")
        if self.state is not State.RUNNING:
            return self._fail("commit_before" if self.state is State.NOT_INITIALIZED else "commit_after")
        return self._succeed()

    def get_value(self, element: str) -> str:
        if self.state is not State.RUNNING:
            self._fail("get_before" if self.state is State.NOT_INITIALIZED else "get_after")
            return ""
        try:
            value = self.read(element)
        except Refused as refusal:
            self._fail("no_record" if refusal.reason == "leading_zero" else refusal.reason, f"GetValue of {element}")
            return ""
        self._succeed()
        return value

    def set_value(self, element: str, value: str) -> str:
        if self.state is not State.RUNNING:
            return self._fail("set_before" if self.state is State.NOT_INITIALIZED else "set_after")
        try:
            self.write(element, value)
        except Refused as refusal:
            reason = "out_of_order" if refusal.reason == "leading_zero" else refusal.reason
            return self._fail(reason, f"SetValue of {element} to {value[:60]!r}")
        return self._succeed()

    def get_last_error(self) -> str:
        return self._error

    def get_error_string(self, code: str) -> str:
        return str(self.reader.table["messages"].get(str(code), ""))

    def get_diagnostic(self, code: str = "") -> str:
        """Tell more about an error: of the last one what was tried, of others the standard's text."""
        if code in ("", self._error) and self._diagnostic:
            return self._diagnostic
        return self.get_error_string(code or self._error)

    def fail_commit(self) -> str:
        """Answer a Commit that can be kept nowhere, neither on the device nor on the server."""
        return self._fail("commit", "The data could neither be sent nor kept on this device.")

    # --- reading and writing, with refusals raised ---

    def read(self, element: str) -> str:
        if element == "":
            raise Refused("get")
        if (keyword := self.reader.keyword(element)) and element not in self.reader.table["elements"]:
            return self._read_keyword(*keyword)
        located = self.reader.locate(element)
        self._require_records(located)
        if "r" not in self._access(element, located):
            raise Refused("write_only")
        value = self._effective(element, located)
        if value is None or (value == "" and located.element.get("blank")):
            if self.reader.table["errors"]["no_value"] == 0:
                return ""
            raise Refused("no_value")
        return value

    def write(self, element: str, value: str) -> None:
        if element == "":
            raise Refused("set")
        if self.reader.keyword(element) and self._is_keyword(element):
            raise Refused("keyword")
        located = self.reader.locate(element)
        if any(self.reader.table["collections"][pattern].get("read_only") for _, pattern, _ in located.records):
            self._refuse_given(element, located)
        if "w" not in self._access(element, located):
            raise Refused("read_only")
        self._require_place(element, located, value)
        self.reader.check(located.element["type"], value, self._interaction(element, located))
        self._require_unique(element, located, value)
        if self.reader.exceeds(located.element["type"], value):
            self.notes.append(f"{element}: {len(value)} characters, more than the smallest permitted maximum")
        self.values[element] = value
        for name, _, index in located.records:
            self._counts[name] = max(self._counts.get(name, 0), index + 1)

    def count(self, collection: str) -> int:
        """Answer how many records a collection holds, by its full name ("cmi.interactions.2.objectives")."""
        return self._counts.get(collection, 0)

    # --- inside ---

    def _succeed(self) -> str:
        self._error, self._diagnostic = "0", ""
        return "true"

    def _fail(self, reason: str, diagnostic: str = "") -> str:
        self._error = str(self.reader.table["errors"][reason])
        message = self.get_error_string(self._error)
        self._diagnostic = f"{message}. {diagnostic}"[:255] if diagnostic else message
        return "false"

    def _access(self, element: str, located: Located) -> str:
        return self.access.get(element, str(located.element["access"]))

    def _effective(self, element: str, located: Located) -> str | None:
        """Answer the value as the SCO sees it: statuses are judged by thresholds, absent values have defaults."""
        if self.standard == "2004" and element == "cmi.completion_status":
            return completion_status(self.values)
        if self.standard == "2004" and element == "cmi.success_status":
            return success_status(self.values, strict=self.reader.strict)
        return self.values.get(element, located.element["default"])

    def _is_keyword(self, element: str) -> bool:
        pattern, _ = self.reader.pattern(element)
        base = pattern.rpartition(".")[0]
        return (
            pattern in self.reader.table["elements"]
            or (pattern.endswith("._children") and base in self.reader.table["children"])
            or (pattern.endswith("._count") and base in self.reader.table["collections"])
        )

    def _read_keyword(self, base: str, keyword: str) -> str:
        pattern, records = self.reader.pattern(base)
        for name, _, index in records:
            if index >= self.count(name):
                raise Refused("no_record")
        if keyword == "_children" and pattern in self.reader.table["children"]:
            return str(self.reader.table["children"][pattern])
        if keyword == "_count" and pattern in self.reader.table["collections"]:
            return str(self.count(base))
        if not self.reader.knows(pattern):
            raise Refused("undefined")
        raise Refused("no_children" if keyword == "_children" else "no_count")

    def _require_records(self, located: Located) -> None:
        for name, _, index in located.records:
            if index >= self.count(name):
                raise Refused("no_record")

    def _refuse_given(self, element: str, located: Located) -> None:
        """Records the LMS gives can be neither added nor, unless their element is writable, changed."""
        if "w" not in located.element["access"]:
            raise Refused("read_only")
        for name, _, index in located.records:
            if index >= self.count(name):
                raise Refused("out_of_order")

    def _require_place(self, element: str, located: Located, value: str) -> None:
        """Refuse records out of order, then elements whose dependencies are not set, level by level."""
        required = located.element.get("requires", ())
        for depth, (name, pattern, index) in enumerate(located.records):
            if index > self.count(name):
                raise Refused("out_of_order")
            record = f"{name}.{index}"
            innermost = depth == len(located.records) - 1
            needed = [n for n in required if n.startswith("^") != innermost]
            for sibling in sorted(needed):
                if f"{record}.{sibling.lstrip('^')}" not in self.values:
                    raise Refused("dependency")
            if self.reader.table["collections"][pattern].get("per_type"):
                most = self.reader.table["responses"][self.values[f"{name.rpartition('.')[0]}.type"]]["most"]
                if most is not None and index >= most:
                    raise Refused("set")

    def _interaction(self, element: str, located: Located) -> str | None:
        if located.element["type"] not in ("response", "pattern"):
            return None
        return self.values.get(f"{located.records[0][0]}.{located.records[0][2]}.type")

    def _require_unique(self, element: str, located: Located, value: str) -> None:
        if located.element.get("once") and self.values.get(element, value) != value:
            raise Refused("set")
        distinct = located.element.get("unique") or (
            located.element["type"] == "pattern"
            and self.reader.table["responses"][self._interaction(element, located) or "other"].get("distinct")
        )
        if not distinct:
            return
        name, _, own = located.records[-1]
        key = element.rpartition(".")[2]
        for index in range(self.count(name)):
            if index != own and self.values.get(f"{name}.{index}.{key}") == value:
                raise Refused("set")


def apply(runtime: Runtime, deltas: Iterable[Sequence[str]]) -> list[str]:
    """Replay [element, value] pairs in order; answer what was refused, as texts. A refusal stops nothing."""
    refused = []
    for element, value in deltas:
        try:
            runtime.write(str(element), str(value))
        except Refused as refusal:
            refused.append(f"{element}: {refusal.reason}")
    return refused


def count_records(values: Mapping[str, str]) -> dict[str, int]:
    """Count the records of every collection that occurs in the values."""
    counts: dict[str, int] = {}
    for element in values:
        parts = element.split(".")
        for position, part in enumerate(parts):
            if part.isdecimal():
                name = ".".join(parts[:position])
                counts[name] = max(counts.get(name, 0), int(part) + 1)
    return counts


# --- statuses, scores and times, each stated once ---------------------------------------------------------------------


def number(text: str | None) -> float | None:
    """Read a real; None when there is none."""
    try:
        return float(text) if text else None
    except ValueError:
        return None


def completion_status(values: Mapping[str, str]) -> str:
    """RTE 4.2.4.1: a progress measure against a completion threshold overrides what the SCO set."""
    progress, threshold = number(values.get("cmi.progress_measure")), number(values.get("cmi.completion_threshold"))
    if progress is not None and threshold is not None:
        return "completed" if progress >= threshold else "incomplete"
    return values.get("cmi.completion_status", "unknown")


def success_status(values: Mapping[str, str], *, strict: bool = False) -> str:
    """RTE 4.2.22.1: a scaled score against a scaled passing score overrides what the SCO set.

    With a passing score but no score the book says "unknown"; unless strict, what the SCO set is believed.
    """
    scaled, passing = number(values.get("cmi.score.scaled")), number(values.get("cmi.scaled_passing_score"))
    if passing is not None and scaled is not None:
        return "passed" if scaled >= passing else "failed"
    if passing is not None and strict:
        return "unknown"
    return values.get("cmi.success_status", "unknown")


def scaled_from_raw(raw: float | None, low: float | None, high: float | None) -> float | None:
    """Bring a SCORM 1.2 score to −1 … 1: within min and max where both are set and make sense, else percent."""
    if raw is None:
        return None
    scaled = (raw - low) / (high - low) if low is not None and high is not None and high > low else raw / 100
    return max(-1.0, min(1.0, scaled))


def score(standard: Standard, values: Mapping[str, str], prefix: str = "") -> dict[str, float]:
    """Read a score as {scaled, raw, min, max}, what is known of it; `prefix` names a record, else the SCO's own."""
    base = f"{prefix or ('cmi.core' if standard == '1.2' else 'cmi')}.score"
    known = {name: number(values.get(f"{base}.{name}")) for name in ("scaled", "raw", "min", "max")}
    if standard == "1.2":
        known["scaled"] = scaled_from_raw(known["raw"], known["min"], known["max"])
    return {name: value for name, value in known.items() if value is not None}


_DURATION = re.compile(
    r"P(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:\.[0-9]+)?)S)?)?"
)
_TIMESPAN = re.compile(r"([0-9]+):([0-9]{1,2}):([0-9]{1,2}(?:\.[0-9]+)?)")
_LENGTHS = (31_557_600, 2_629_800, 86_400, 3_600, 60, 1)  # a year counts 365.25 days, a month its twelfth
_CENT = Decimal("0.01")


def seconds_of(duration: str) -> Decimal:
    """Read a session time, ISO 8601 (2004) or HHHH:MM:SS.SS (1.2), as seconds to the hundredth; 0 if unreadable."""
    if spans := _TIMESPAN.fullmatch(duration):
        amounts: list[tuple[str | None, int]] = list(zip(spans.groups(), _LENGTHS[3:], strict=True))
    elif spans := _DURATION.fullmatch(duration):
        amounts = list(zip(spans.groups(), _LENGTHS, strict=True))
    else:
        return Decimal(0)
    total = sum((Decimal(amount) * length for amount, length in amounts if amount), Decimal(0))
    return total.quantize(_CENT, ROUND_HALF_UP)


def duration_of(standard: Standard, seconds: Decimal) -> str:
    """Write seconds as the standard's total time: PT1H2M3.5S, or 0001:02:03.50 in 1.2."""
    whole, hundredths = divmod(int((seconds * 100).to_integral_value(ROUND_HALF_UP)), 100)
    hours, rest = divmod(whole, 3600)
    minutes, second = divmod(rest, 60)
    if standard == "1.2":
        return f"{min(hours, 9999):04}:{minutes:02}:{second:02}.{hundredths:02}"
    fraction = f".{hundredths:02}".rstrip("0") if hundredths else ""
    return f"PT{hours}H{minutes}M{second}{fraction}S"


# --- begin and end of a session ---------------------------------------------------------------------------------------


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
        for objective in objectives:
            _give_objective(values, objective)
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


def _give_objective(values: Values, objective: Objective) -> None:
    """RTE 4.2.17: an objective of the activity is a record of the SCO's, with what its maps read."""
    index = _record_with_id(values, "cmi.objectives", objective.id)
    record = f"cmi.objectives.{index}"
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


def _record_with_id(values: Mapping[str, str], collection: str, identifier: str) -> int:
    count = count_records(values).get(collection, 0)
    found = (index for index in range(count) if values.get(f"{collection}.{index}.id") == identifier)
    return next(found, count)


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
    navigation: str  # adl.nav.request, "_none_" when there is none
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
    mastery_decides: bool = True,
    empty_exit_suspends: bool = False,
) -> Outcome:
    """Conclude a session from its values.

    `terminated` is False when the window was closed without Terminate: that is an implicit suspend, and
    a 1.2 lesson stays incomplete. The two last arguments are the playback policy.
    """
    kept = dict(values)
    if item.standard == "1.2":
        exit_ = kept.get("cmi.core.exit", "")
        kept["cmi.core.lesson_status"] = lesson_status(
            item, values, terminated=terminated, mode=mode, mastery_decides=mastery_decides
        )
        completion, success = statuses_of(kept["cmi.core.lesson_status"] if terminated else status_so_far(item, kept))
        completion_set = success_set = True
        reported = kept.get("cmi.core.session_time", "")
    else:
        exit_ = kept.get("cmi.exit", "")
        completion, success = completion_status(values), success_status(values, strict=strict)
        completion_set = "cmi.completion_status" in values or completion != "unknown"
        success_set = "cmi.success_status" in values or success != "unknown"
        reported = kept.get("cmi.session_time", "")
    suspended = not terminated or exit_ in ("suspend", "logout") or (exit_ == "" and empty_exit_suspends)
    return Outcome(
        values=_kept(item.standard, kept),
        suspended=suspended,
        exit=exit_,
        navigation=values.get("adl.nav.request", "_none_") if terminated else "_none_",
        completion=completion,
        success=success,
        completion_set=completion_set,
        success_set=success_set,
        progress=number(values.get("cmi.progress_measure")),
        score=score(item.standard, values),
        seconds=seconds_of(reported) if reported else measured_seconds,
        shared=shared_data(values),
    )


def lesson_status(
    item: Item, values: Mapping[str, str], *, terminated: bool, mode: str = "normal", mastery_decides: bool = True
) -> str:
    """SCORM 1.2 RTE 3.4.4, lesson_status: what LMSFinish makes of it.

    A SCO that set nothing is completed. Then, for credit, a mastery score and a raw score decide passed or failed,
    unless the SCO says that it is not finished. Without LMSFinish nothing is concluded.
    """
    status = values.get("cmi.core.lesson_status", "not attempted")
    if mode == "browse":
        return "browsed" if status == "not attempted" else status
    if not terminated:
        return "incomplete" if status == "not attempted" else status
    if status == "not attempted":
        status = "completed"
    mastery, raw = number(item.mastery_score), number(values.get("cmi.core.score.raw"))
    is_judged = mastery_decides and mode == "normal" and status in ("completed", "passed", "failed")
    if is_judged and mastery is not None and raw is not None:
        return "passed" if raw >= mastery else "failed"
    return status


def progress(standard: Standard, values: Mapping[str, str]) -> float | None:
    """Answer how much of the SCO is done, 0 … 1: the measure it states, else the share of its completed objectives.

    In SCORM 1.2, which has no measure, an objective that was passed is completed as well. None: nothing is known.
    """
    stated = number(values.get("cmi.progress_measure"))
    kept = [record for record in records(values, "cmi.objectives") if record.get("id")]
    if stated is not None or not kept:
        return stated
    if standard == "1.2":
        done = [record for record in kept if record.get("status") in ("completed", "passed")]
    else:
        done = [record for record in kept if record.get("completion_status") == "completed"]
    return len(done) / len(kept)


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


def statuses_of(status: str) -> tuple[str, str]:
    """Tell a 1.2 lesson_status as completion and success. Passed and failed both mean that the lesson is over."""
    return {
        "passed": ("completed", "passed"),
        "failed": ("completed", "failed"),
        "completed": ("completed", "unknown"),
        "browsed": ("incomplete", "unknown"),
        "incomplete": ("incomplete", "unknown"),
    }.get(status, ("not attempted", "unknown"))


def shared_data(values: Mapping[str, str]) -> dict[str, str]:
    """Answer the data stores by their ids."""
    count = count_records(values).get("adl.data", 0)
    stores = {values[f"adl.data.{n}.id"]: values.get(f"adl.data.{n}.store") for n in range(count)}
    return {identifier: store for identifier, store in stores.items() if store is not None}


def records(values: Mapping[str, str], collection: str) -> list[dict[str, Any]]:
    """Answer a collection as flat dicts ({"id": …, "score.raw": …}), with nested collections as lists in them."""
    answer: list[dict[str, Any]] = []
    for element, value in values.items():
        if not element.startswith(f"{collection}."):
            continue
        index, _, key = element[len(collection) + 1 :].partition(".")
        if not index.isdecimal():
            continue
        record = _grown(answer, int(index))
        nested, _, rest = key.partition(".")
        inner, _, last = rest.partition(".")
        if inner.isdecimal():
            _grown(record.setdefault(nested, []), int(inner))[last] = value
        else:
            record[key] = value
    return answer


def _grown(rows: list[dict[str, Any]], index: int) -> dict[str, Any]:
    while len(rows) <= index:
        rows.append({})
    return rows[index]
