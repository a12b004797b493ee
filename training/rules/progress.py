"""From statements to progress: what one statement says, where a module stands, where a course stands.

R-PCT, R-CMP-1 … R-CMP-3. Facts are judged in the batches they were stored in: of one commit that says completed and
failed, neither half counts alone. What is complete once stays complete.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

HUNDRED = Decimal(100)
ALMOST = Decimal(99)
CENT = Decimal("0.01")
PROGRESS = "https://w3id.org/xapi/cmi5/result/extensions/progress"


class ActivityType(StrEnum):
    """What a counted statement reports."""

    LAUNCHED = "launched"
    STARTED = "started"
    PROGRESS = "progress"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    TERMINATED = "terminated"
    COMPLETED = "completed"
    PASSED = "passed"
    FAILED = "failed"
    ABANDONED = "abandoned"
    ANSWERED = "answered"
    VIEWED = "viewed"
    ACKNOWLEDGED = "acknowledged"
    WAIVED = "waived"


_ADL = "http://adlnet.gov/expapi/verbs/"
VERBS = {
    f"{_ADL}launched": ActivityType.LAUNCHED,
    f"{_ADL}initialized": ActivityType.STARTED,
    f"{_ADL}progressed": ActivityType.PROGRESS,
    f"{_ADL}scored": ActivityType.PROGRESS,
    f"{_ADL}suspended": ActivityType.SUSPENDED,
    f"{_ADL}resumed": ActivityType.RESUMED,
    f"{_ADL}terminated": ActivityType.TERMINATED,
    f"{_ADL}exited": ActivityType.TERMINATED,
    f"{_ADL}completed": ActivityType.COMPLETED,
    f"{_ADL}passed": ActivityType.PASSED,
    f"{_ADL}mastered": ActivityType.PASSED,
    f"{_ADL}failed": ActivityType.FAILED,
    f"{_ADL}answered": ActivityType.ANSWERED,
    f"{_ADL}responded": ActivityType.ANSWERED,
    f"{_ADL}experienced": ActivityType.VIEWED,
    "http://activitystrea.ms/schema/1.0/complete": ActivityType.COMPLETED,
    "http://activitystrea.ms/schema/1.0/accept": ActivityType.ACKNOWLEDGED,
    "https://w3id.org/xapi/adl/verbs/abandoned": ActivityType.ABANDONED,
    "https://w3id.org/xapi/adl/verbs/waived": ActivityType.WAIVED,
}
_SUCCESS = {ActivityType.PASSED: True, ActivityType.WAIVED: True, ActivityType.FAILED: False}
_COMPLETION = {ActivityType.COMPLETED, ActivityType.WAIVED}
_DURATION = re.compile(
    r"P(?:(?P<days>\d+(?:\.\d+)?)D)?(?:T(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?"
    r"(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
LONGEST = 366 * 24 * 3600


class ProgressStatus(StrEnum):
    """Where a module stands."""

    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"


class Statement(Protocol):
    """What a fact is read from: `counting.Claim`."""

    @property
    def statement_id(self) -> UUID: ...
    @property
    def at(self) -> datetime: ...
    @property
    def verb(self) -> str: ...
    @property
    def activity(self) -> str | None: ...
    @property
    def result(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Fact:
    """What one counted statement says. Percents are 0–100, `seconds` is the session's duration where one ends."""

    statement_id: UUID
    at: datetime
    kind: ActivityType
    iri: str
    progress: Decimal | None = None
    score: Decimal | None = None
    is_passed: bool | None = None
    seconds: int | None = None


@dataclass(frozen=True)
class Criteria:
    """What a module asks for (R-CMP-1) and what it consists of: its root activity and the items that can be launched.

    The package's or source's own word decides: completed or passed, and not failed. With `is_by_score` the score alone
    decides. `passing_score` (percent) also speaks where content reports a score but neither passed nor failed.
    """

    root: str
    items: frozenset[str] = frozenset()
    is_by_score: bool = False
    passing_score: Decimal | None = None


@dataclass(frozen=True)
class ModuleState:
    """Where one person stands in one module; `deciding` names the statements it follows from."""

    status: ProgressStatus = ProgressStatus.NOT_STARTED
    percent: Decimal = Decimal(0)
    score: Decimal | None = None
    is_passed: bool | None = None
    seconds: int = 0
    started_at: datetime | None = None
    last_at: datetime | None = None
    completed_at: datetime | None = None
    deciding: tuple[UUID, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether the module is done."""
        return self.status is ProgressStatus.COMPLETED


@dataclass(frozen=True)
class Part:
    """A module as the course counts it."""

    state: ModuleState
    is_required: bool = True
    weight: Decimal = Decimal(1)


@dataclass(frozen=True)
class CourseState:
    """Where one person stands in a course version (R-PCT, R-CMP-2)."""

    percent: Decimal
    is_complete: bool
    score: Decimal | None = None
    seconds: int = 0
    started_at: datetime | None = None
    completed_at: datetime | None = None
    deciding: tuple[UUID, ...] = ()


def fact_of(statement: Statement) -> Fact | None:
    """Return what a statement says about progress, or None when its verb says nothing about it."""
    kind = VERBS.get(statement.verb)
    if kind is None or statement.activity is None:
        return None
    success = statement.result.get("success")
    return Fact(
        statement_id=statement.statement_id,
        at=statement.at,
        kind=kind,
        iri=statement.activity,
        progress=_progress(statement) if kind is ActivityType.PROGRESS else None,
        score=None if statement.verb == f"{_ADL}progressed" else score_percent(statement.result.get("score")),
        is_passed=_SUCCESS.get(kind, success if isinstance(success, bool) else None),
        seconds=duration_seconds(statement.result.get("duration")),
    )


def module_state(batches: Iterable[Sequence[Fact]], criteria: Criteria) -> ModuleState:
    """Return where a module stands after all its facts, given in the batches they were stored in (R-CMP-1, R-CMP-3)."""
    state, tally = ModuleState(), _Tally(criteria)
    for batch in batches:
        for fact in batch:
            tally.add(fact)
        now = tally.state()
        state = _kept(state, now) if state.is_complete else now
    return state


def _kept(done: ModuleState, now: ModuleState) -> ModuleState:
    """Late progress improves what is known and undoes nothing."""
    better = [score for score in (done.score, now.score) if score is not None]
    return replace(
        done,
        score=max(better, default=None),
        is_passed=now.is_passed if done.is_passed is None and now.is_passed else done.is_passed,
        seconds=now.seconds,
        last_at=now.last_at,
    )


@dataclass
class _Scope:
    """What is known of one activity: the root, or one item."""

    is_completed: bool = False
    is_passed: bool | None = None
    progress: Decimal = Decimal(0)

    def add(self, fact: Fact) -> None:
        self.is_completed = self.is_completed or fact.kind in _COMPLETION
        if fact.is_passed is not None:
            self.is_passed = bool(self.is_passed) or fact.is_passed  # a pass stands, whatever a later try brings
        if fact.progress is not None:
            self.progress = max(self.progress, fact.progress)

    @property
    def is_done(self) -> bool:
        return self.is_completed or self.is_passed is True

    @property
    def percent(self) -> Decimal:
        return HUNDRED if self.is_done and self.is_passed is not False else self.progress


@dataclass
class _Tally:
    """All facts of a module so far, summed up."""

    criteria: Criteria
    root: _Scope = field(default_factory=_Scope)
    items: dict[str, _Scope] = field(default_factory=dict)
    score: Decimal | None = None
    seconds: int = 0
    started_at: datetime | None = None
    last_at: datetime | None = None
    moved_at: datetime | None = None
    deciding: dict[UUID, None] = field(default_factory=dict)

    def add(self, fact: Fact) -> None:
        self.started_at = min(self.started_at or fact.at, fact.at)
        self.last_at = max(self.last_at or fact.at, fact.at)
        scope = self._scope(fact.iri)
        if scope is None:  # inside an item: an answer, an objective
            return
        scope.add(fact)
        self.seconds += fact.seconds or 0
        if fact.score is not None:
            self.score = fact.score if self.score is None else max(self.score, fact.score)
        if fact.kind in _COMPLETION or fact.is_passed is not None or fact.score is not None:
            self.deciding[fact.statement_id] = None
            self.moved_at = max(self.moved_at or fact.at, fact.at)

    def _scope(self, iri: str) -> _Scope | None:
        if iri == self.criteria.root:
            return self.root
        if iri in self.criteria.items:
            return self.items.setdefault(iri, _Scope())
        return None

    def state(self) -> ModuleState:
        if self.last_at is None:
            return ModuleState()
        is_passed = self._is_passed()
        is_done = self._is_done(is_passed)
        status = ProgressStatus.COMPLETED if is_done else ProgressStatus.IN_PROGRESS
        if not is_done and is_passed is False:
            status = ProgressStatus.FAILED
        return ModuleState(
            status=status,
            percent=HUNDRED if is_done else self._percent(),
            score=self.score,
            is_passed=is_passed,
            seconds=self.seconds,
            started_at=self.started_at,
            last_at=self.last_at,
            completed_at=self.moved_at if is_done else None,
            deciding=tuple(self.deciding),
        )

    def _is_over(self) -> bool:
        names = self.criteria.items
        return self.root.is_done or (bool(names) and all(self._item(name).is_done for name in names))

    def _is_passed(self) -> bool | None:
        """The root's word, once it has one; else any item failed, all that speak passed; else the score."""
        if self.criteria.is_by_score:
            return self._reaches()
        if self.root.is_passed is not None:
            return self.root.is_passed
        said = [scope.is_passed for scope in self.items.values() if scope.is_passed is not None]
        return all(said) if said and not self.root.is_completed else self._reaches()

    def _reaches(self) -> bool | None:
        if self.score is None or self.criteria.passing_score is None:
            return None
        return self.score >= self.criteria.passing_score

    def _is_done(self, is_passed: bool | None) -> bool:
        return is_passed is True if self.criteria.is_by_score else self._is_over() and is_passed is not False

    def _item(self, name: str) -> _Scope:
        return self.items.get(name, _Scope())

    def _percent(self) -> Decimal:
        """Progress as reported for the whole, or as the mean of the items; 100 only when complete."""
        names = self.criteria.items
        parts = [self._item(name).percent for name in names]
        mean = sum(parts, Decimal(0)) / len(parts) if parts else Decimal(0)
        return min(max(self.root.progress, mean), ALMOST).quantize(CENT)


def course_state(parts: Sequence[Part]) -> CourseState:
    """R-PCT, R-CMP-2: the weighted mean of the required modules (of all, if none is), complete when they are."""
    counting = [part for part in parts if part.is_required] or list(parts)
    started = [part.state.started_at for part in parts if part.state.started_at is not None]
    known = CourseState(
        percent=_mean([(part.weight, part.state.percent) for part in counting]) or Decimal(0),
        is_complete=bool(counting) and all(part.state.is_complete for part in counting),
        score=_mean([(part.weight, part.state.score) for part in counting if part.state.score is not None]),
        seconds=sum(part.state.seconds for part in parts),
        started_at=min(started, default=None),
    )
    if not known.is_complete:
        return replace(known, percent=min(known.percent, ALMOST))
    ended = [part.state.completed_at for part in counting if part.state.completed_at is not None]
    return replace(
        known,
        percent=HUNDRED,
        completed_at=max(ended, default=None),
        deciding=tuple(name for part in counting for name in part.state.deciding),
    )


def _mean(pairs: Sequence[tuple[Decimal, Decimal]]) -> Decimal | None:
    """The weighted mean; plain where nothing weighs anything."""
    if not pairs:
        return None
    total = sum((weight for weight, _ in pairs), Decimal(0))
    if not total:
        return (sum((value for _, value in pairs), Decimal(0)) / len(pairs)).quantize(CENT)
    return (sum((weight * value for weight, value in pairs), Decimal(0)) / total).quantize(CENT)


def score_percent(score: object) -> Decimal | None:
    """Return an xAPI score as percent 0–100: scaled; else raw between min and max; else raw itself."""
    if not isinstance(score, Mapping):
        return None
    scaled, raw = _number(score.get("scaled")), _number(score.get("raw"))
    low, high = _number(score.get("min")), _number(score.get("max"))
    if scaled is not None:
        percent = scaled * HUNDRED
    elif raw is None:
        return None
    elif low is not None and high is not None and high > low:
        percent = (raw - low) / (high - low) * HUNDRED
    else:
        percent = raw
    return min(max(percent, Decimal(0)), HUNDRED).quantize(CENT)


def _progress(statement: Statement) -> Decimal | None:
    """The cmi5 progress extension, or the SCORM profile's score.scaled of `progressed`."""
    extensions = statement.result.get("extensions")
    told = _number(extensions.get(PROGRESS)) if isinstance(extensions, Mapping) else None
    if told is not None:
        return min(max(told, Decimal(0)), HUNDRED).quantize(CENT)
    return score_percent(statement.result.get("score")) if statement.verb == f"{_ADL}progressed" else None


def duration_seconds(text: object) -> int | None:
    """Return an ISO 8601 duration (days and smaller) in whole seconds; None when it is none, or longer than a year."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) and len(text) > 2 else None
    if found is None:
        return None
    units = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
    total = sum(float(found[name] or 0) * size for name, size in units.items())
    return round(total) if total <= LONGEST else None


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < 10**9 else None
