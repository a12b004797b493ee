"""The state of one learner in one activity tree: tracking model (SN 4.2), activity state (SN 4.3), global objectives.

Plain values that come from JSON and go back to it unchanged. Nothing here decides anything.
Unknown is None throughout: the book's pairs of "… Progress Status" and "… Status" are one `bool | None`.
"""

from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, Self

PRIMARY = ""  # the key of the objective that rolls up, whatever identifier the manifest gave it


@dataclass(slots=True)
class ObjectiveState:
    """What is known of one objective, local or global (TM 4.2.1). None: unknown.

    For the objective that rolls up, `completed` and `progress_measure` are the attempt's completion status and amount.
    """

    satisfied: bool | None = None
    measure: float | None = None  # −1…1
    completed: bool | None = None
    progress_measure: float | None = None  # 0…1
    raw_score: float | None = None
    min_score: float | None = None
    max_score: float | None = None

    def copy(self) -> "ObjectiveState":
        return ObjectiveState(
            self.satisfied,
            self.measure,
            self.completed,
            self.progress_measure,
            self.raw_score,
            self.min_score,
            self.max_score,
        )

    def to_json(self) -> dict[str, Any]:
        """Answer what is known, by field name."""
        return _known(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return cls(**values)


@dataclass(slots=True)
class ActivityState:
    """Activity progress, attempt progress and activity state of one activity (TM 4.2.1.2–4.2.1.4, AM 4.3.1).

    `available_children` None: all of them, in document order. Durations are seconds.
    `stale_objectives` and `stale_progress`: recorded before the parent's current attempt, so rollup conditions do not
    see them (SN 3.2.5, 3.2.6). `holds_back_…`: content said "unknown" in so many words, the sequencer sets nothing.
    """

    is_active: bool = False
    is_suspended: bool = False
    attempt_count: int = 0
    objectives: dict[str, ObjectiveState] = field(default_factory=dict)
    available_children: list[str] | None = None
    children_selected: bool = False
    children_randomized: bool = False
    stale_objectives: bool = False
    stale_progress: bool = False
    holds_back_success: bool = False
    holds_back_completion: bool = False
    attempt_started_at: str | None = None  # ISO 8601
    attempt_experienced_duration: float = 0.0
    activity_absolute_duration: float = 0.0
    activity_experienced_duration: float = 0.0

    def copy(self) -> "ActivityState":
        return ActivityState(
            self.is_active,
            self.is_suspended,
            self.attempt_count,
            {key: objective.copy() for key, objective in self.objectives.items()},
            self.available_children,
            self.children_selected,
            self.children_randomized,
            self.stale_objectives,
            self.stale_progress,
            self.holds_back_success,
            self.holds_back_completion,
            self.attempt_started_at,
            self.attempt_experienced_duration,
            self.activity_absolute_duration,
            self.activity_experienced_duration,
        )

    def to_json(self) -> dict[str, Any]:
        """Answer what differs from an untouched activity, by field name."""
        values = _known(self)
        if self.objectives:
            values["objectives"] = {key: objective.to_json() for key, objective in self.objectives.items()}
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        objectives = {key: ObjectiveState.from_json(item) for key, item in values.get("objectives", {}).items()}
        return cls(**{**values, "objectives": objectives})


@dataclass(slots=True)
class SequencingState:
    """All that sequencing remembers of one learner in one course between two requests (AM 4.3.2).

    `activities` by identifier; untouched ones may be absent. `global_objectives` and `shared_data` by target;
    those that outlive this registration are put in before and taken out after by whoever keeps them for the learner.
    """

    activities: dict[str, ActivityState] = field(default_factory=dict)
    current_activity: str | None = None
    suspended_activity: str | None = None
    global_objectives: dict[str, ObjectiveState] = field(default_factory=dict)
    shared_data: dict[str, str] = field(default_factory=dict)

    def copy(self) -> "SequencingState":
        return SequencingState(
            {key: activity.copy() for key, activity in self.activities.items()},
            self.current_activity,
            self.suspended_activity,
            {key: objective.copy() for key, objective in self.global_objectives.items()},
            dict(self.shared_data),
        )

    def to_json(self) -> dict[str, Any]:
        """Answer a JSON object that `from_json` turns into an equal state."""
        return {
            "activities": {key: values for key, item in self.activities.items() if (values := item.to_json())},
            "current_activity": self.current_activity,
            "suspended_activity": self.suspended_activity,
            "global_objectives": {key: item.to_json() for key, item in self.global_objectives.items()},
            "shared_data": dict(self.shared_data),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return cls(
            {key: ActivityState.from_json(item) for key, item in values.get("activities", {}).items()},
            values.get("current_activity"),
            values.get("suspended_activity"),
            {key: ObjectiveState.from_json(item) for key, item in values.get("global_objectives", {}).items()},
            dict(values.get("shared_data", {})),
        )


def _known(value: ObjectiveState | ActivityState) -> dict[str, Any]:
    names, plain, read = _READERS[type(value)]
    values = read(value)
    if values == plain:
        return {}
    return {name: known for name, known, default in zip(names, values, plain, strict=True) if known != default}


def _reader(kind: type[ObjectiveState | ActivityState]) -> tuple[tuple[str, ...], tuple[Any, ...], Any]:
    names = tuple(item.name for item in fields(kind) if item.name != "objectives")
    read = attrgetter(*names)
    return names, read(kind()), read


_READERS = {kind: _reader(kind) for kind in (ObjectiveState, ActivityState)}
