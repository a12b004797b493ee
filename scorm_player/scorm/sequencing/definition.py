"""The sequencing definition model (SN book, chapter 3): what the manifest says about every activity.

Frozen values without behavior beyond small look-ups. A manifest parser makes them, the processes read them.
Every default is the one of the book: an activity the manifest says nothing about is `Activity(identifier, title)`.
Vocabulary is spelled as in the manifest, so a parser can say `RuleAction(element.get("action"))`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Edition(StrEnum):
    """Which book a package follows. SCORM 1.2 is played on the same tree, with choice and flow allowed everywhere."""

    SCORM_1_2 = "1.2"
    SECOND = "2004 2nd Edition"
    THIRD = "2004 3rd Edition"
    FOURTH = "2004 4th Edition"


class ConditionName(StrEnum):
    """What a rule condition asks of an activity (SN 3.4.2, 3.7.2). Rollup rules use those without a threshold."""

    SATISFIED = "satisfied"
    OBJECTIVE_STATUS_KNOWN = "objectiveStatusKnown"
    OBJECTIVE_MEASURE_KNOWN = "objectiveMeasureKnown"
    OBJECTIVE_MEASURE_GREATER_THAN = "objectiveMeasureGreaterThan"
    OBJECTIVE_MEASURE_LESS_THAN = "objectiveMeasureLessThan"
    COMPLETED = "completed"
    ACTIVITY_PROGRESS_KNOWN = "activityProgressKnown"
    ATTEMPTED = "attempted"
    ATTEMPT_LIMIT_EXCEEDED = "attemptLimitExceeded"
    TIME_LIMIT_EXCEEDED = "timeLimitExceeded"
    OUTSIDE_AVAILABLE_TIME_RANGE = "outsideAvailableTimeRange"
    ALWAYS = "always"


class Combination(StrEnum):
    """How the conditions of one rule combine. Manifest default: all for sequencing rules, any for rollup rules."""

    ALL = "all"
    ANY = "any"


class RuleAction(StrEnum):
    """What a sequencing rule does (SN 3.4.3): pre-condition, post-condition and exit actions."""

    SKIP = "skip"
    DISABLED = "disabled"
    HIDDEN_FROM_CHOICE = "hiddenFromChoice"
    STOP_FORWARD_TRAVERSAL = "stopForwardTraversal"
    EXIT_PARENT = "exitParent"
    EXIT_ALL = "exitAll"
    RETRY = "retry"
    RETRY_ALL = "retryAll"
    CONTINUE = "continue"
    PREVIOUS = "previous"
    EXIT = "exit"


class RollupAction(StrEnum):
    """What a rollup rule sets (SN 3.7.3)."""

    SATISFIED = "satisfied"
    NOT_SATISFIED = "notSatisfied"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"


class ChildActivitySet(StrEnum):
    """How many children must meet a rollup rule's conditions (SN 3.7.1)."""

    ALL = "all"
    ANY = "any"
    NONE = "none"
    AT_LEAST_COUNT = "atLeastCount"
    AT_LEAST_PERCENT = "atLeastPercent"


class RollupConsideration(StrEnum):
    """When a child counts towards its parent's status (SN 3.7.6)."""

    ALWAYS = "always"
    IF_ATTEMPTED = "ifAttempted"
    IF_NOT_SKIPPED = "ifNotSkipped"
    IF_NOT_SUSPENDED = "ifNotSuspended"


class Timing(StrEnum):
    """When children are selected or reordered (SN 3.11.1, 3.12.1)."""

    NEVER = "never"
    ONCE = "once"
    ON_EACH_NEW_ATTEMPT = "onEachNewAttempt"


class HiddenControl(StrEnum):
    """A control the player must not show while the activity is delivered (`adlnav:hideLMSUI`)."""

    PREVIOUS = "previous"
    CONTINUE = "continue"
    EXIT = "exit"
    EXIT_ALL = "exitAll"
    ABANDON = "abandon"
    ABANDON_ALL = "abandonAll"
    SUSPEND_ALL = "suspendAll"


@dataclass(frozen=True, slots=True)
class ControlModes:
    """`imsss:controlMode` (SN 3.2): which requests the children of a cluster may be reached by."""

    choice: bool = True
    choice_exit: bool = True
    flow: bool = False
    forward_only: bool = False
    use_current_attempt_objective_info: bool = True
    use_current_attempt_progress_info: bool = True


@dataclass(frozen=True, slots=True)
class ConstrainedChoice:
    """`adlseq:constrainedChoiceConsiderations` (SN 3.3)."""

    constrain_choice: bool = False
    prevent_activation: bool = False


@dataclass(frozen=True, slots=True)
class RuleCondition:
    """`imsss:ruleCondition` (SN 3.4.2).

    `referenced_objective` None, or an identifier the activity does not have, means the objective that rolls up.
    `measure_threshold` is a normalized measure, −1…1.
    """

    name: ConditionName
    negated: bool = False
    referenced_objective: str | None = None
    measure_threshold: float = 0.0


@dataclass(frozen=True, slots=True)
class SequencingRule:
    """One pre-, post- or exit condition rule (SN 3.4): if the conditions hold, the action follows."""

    action: RuleAction
    conditions: tuple[RuleCondition, ...] = ()
    combination: Combination = Combination.ALL


@dataclass(frozen=True, slots=True)
class SequencingRules:
    """`imsss:sequencingRules`, in document order."""

    pre: tuple[SequencingRule, ...] = ()
    post: tuple[SequencingRule, ...] = ()
    exit: tuple[SequencingRule, ...] = ()


@dataclass(frozen=True, slots=True)
class LimitConditions:
    """`imsss:limitConditions` (SN 3.5). Durations and times are kept as the manifest spells them (ISO 8601).

    SCORM requires only `attempt_limit` to be enforced; `attempt_absolute_duration_limit` becomes `cmi.max_time_allowed`
    (for SCORM 1.2, `adlcp:maxtimeallowed`).
    """

    attempt_limit: int | None = None
    attempt_absolute_duration_limit: str | None = None
    attempt_experienced_duration_limit: str | None = None
    activity_absolute_duration_limit: str | None = None
    activity_experienced_duration_limit: str | None = None
    begin_time_limit: str | None = None
    end_time_limit: str | None = None


@dataclass(frozen=True, slots=True)
class RollupCondition:
    """`imsss:rollupCondition` (SN 3.7.2)."""

    name: ConditionName
    negated: bool = False


@dataclass(frozen=True, slots=True)
class RollupRule:
    """`imsss:rollupRule` (SN 3.7): if enough children meet the conditions, the cluster's status is set."""

    action: RollupAction
    conditions: tuple[RollupCondition, ...] = ()
    combination: Combination = Combination.ANY
    child_activity_set: ChildActivitySet = ChildActivitySet.ALL
    minimum_count: int = 0
    minimum_percent: float = 0.0  # 0…1


@dataclass(frozen=True, slots=True)
class Rollup:
    """`imsss:rollupRules` with `adlseq:rollupConsiderations`: how an activity counts, and how its children do in it."""

    rules: tuple[RollupRule, ...] = ()
    objective_satisfied: bool = True  # rollupObjectiveSatisfied
    progress_completion: bool = True  # rollupProgressCompletion
    objective_measure_weight: float = 1.0
    required_for_satisfied: RollupConsideration = RollupConsideration.ALWAYS
    required_for_not_satisfied: RollupConsideration = RollupConsideration.ALWAYS
    required_for_completed: RollupConsideration = RollupConsideration.ALWAYS
    required_for_incomplete: RollupConsideration = RollupConsideration.ALWAYS
    measure_satisfaction_if_active: bool = True


@dataclass(frozen=True, slots=True)
class CompletionThreshold:
    """`adlcp:completionThreshold` (SN 3.13).

    The element of the 2nd and 3rd Edition holds nothing but the threshold: `by_measure` True with that value.
    """

    by_measure: bool = False
    min_progress_measure: float = 1.0
    progress_weight: float = 1.0


@dataclass(frozen=True, slots=True)
class ObjectiveMap:
    """One `imsss:mapInfo` or one `adlseq:mapInfo` (4th Edition): what an objective shares with a global objective.

    An objective that has both kinds for the same target has two maps. Manifest defaults, applied by the parser:
    within its own kind every read flag is true and every write flag false; the flags of the other kind stay false.
    """

    target: str
    read_satisfied_status: bool = False
    read_normalized_measure: bool = False
    write_satisfied_status: bool = False
    write_normalized_measure: bool = False
    read_raw_score: bool = False
    read_min_score: bool = False
    read_max_score: bool = False
    read_completion_status: bool = False
    read_progress_measure: bool = False
    write_raw_score: bool = False
    write_min_score: bool = False
    write_max_score: bool = False
    write_completion_status: bool = False
    write_progress_measure: bool = False


@dataclass(frozen=True, slots=True)
class Objective:
    """`imsss:primaryObjective` or `imsss:objective` (SN 3.9). Only a primary objective may lack an identifier."""

    identifier: str | None = None
    satisfied_by_measure: bool = False
    min_normalized_measure: float = 1.0
    maps: tuple[ObjectiveMap, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """`imsss:randomizationControls`, the part that selects children (SN 3.11). `count` None: all of them."""

    timing: Timing = Timing.NEVER
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Randomization:
    """`imsss:randomizationControls`, the part that reorders children (SN 3.12)."""

    timing: Timing = Timing.NEVER
    reorder_children: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryControls:
    """`imsss:deliveryControls` (SN 3.13)."""

    tracked: bool = True
    completion_set_by_content: bool = False
    objective_set_by_content: bool = False


@dataclass(frozen=True, slots=True)
class DataMap:
    """`adlcp:map` inside `adlcp:data` (4th Edition): a data store the SCO sees as `adl.data.n`."""

    target: str
    read_shared_data: bool = True
    write_shared_data: bool = True


@dataclass(frozen=True, slots=True)
class Activity:
    """An item or an organization: one node of the activity tree, with all the manifest says about it.

    `resource` is the identifier of the manifest's resource (`identifierref`), None for a cluster. The root activity is
    the organization. `primary` is the objective that rolls up; `objectives` are the others, in document order.
    `prerequisites` (`aicc_script`) and `mastery_score` (0…100) are SCORM 1.2; its `timelimitaction`, `datafromlms` and
    `maxtimeallowed` share the fields of 2004.
    """

    identifier: str
    title: str = ""
    children: tuple["Activity", ...] = ()
    resource: str | None = None
    parameters: str = ""
    is_visible: bool = True
    is_sco: bool = True  # False: an asset, which does not communicate
    hidden_controls: frozenset[HiddenControl] = frozenset()
    control: ControlModes = ControlModes()
    constrained_choice: ConstrainedChoice = ConstrainedChoice()
    rules: SequencingRules = SequencingRules()
    limits: LimitConditions = LimitConditions()
    rollup: Rollup = Rollup()
    primary: Objective = Objective()
    objectives: tuple[Objective, ...] = ()
    selection: Selection = Selection()
    randomization: Randomization = Randomization()
    delivery: DeliveryControls = DeliveryControls()
    completion_threshold: CompletionThreshold = CompletionThreshold()
    time_limit_action: str | None = None
    data_from_lms: str | None = None
    data_maps: tuple[DataMap, ...] = ()
    prerequisites: str | None = None
    mastery_score: float | None = None

    def walk(self) -> Iterator["Activity"]:
        """Yield this activity and all below it, in document order."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class CourseStructure:
    """One organization of a manifest, ready for sequencing. Identifiers of activities are unique in it.

    The two `…_global_to_system` flags say how long shared objectives and data stores live: True for the learner in all
    packages, False for one registration.
    """

    root: Activity
    edition: Edition = Edition.FOURTH
    objectives_global_to_system: bool = True
    shared_data_global_to_system: bool = True
