"""Small courses for tests: the least that a test needs, in which it says the words that matter."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from scorm_player.scorm.sequencing.definition import (
    Activity,
    ChildActivitySet,
    Combination,
    CompletionThreshold,
    ConditionName,
    ConstrainedChoice,
    ControlModes,
    CourseStructure,
    DeliveryControls,
    Edition,
    LimitConditions,
    Objective,
    ObjectiveMap,
    Randomization,
    Rollup,
    RollupAction,
    RollupCondition,
    RollupConsideration,
    RollupRule,
    RuleAction,
    RuleCondition,
    Selection,
    SequencingRule,
    SequencingRules,
    Timing,
)
from scorm_player.scorm.sequencing.overall import Outcome, overall_sequencing
from scorm_player.scorm.sequencing.requests import NavigationRequest
from scorm_player.scorm.sequencing.state import SequencingState
from scorm_player.scorm.sequencing.tree import ActivityTree

FLOW = ControlModes(flow=True)


def leaf(identifier: str, **parts: Any) -> Activity:
    return Activity(identifier, identifier.upper(), resource="page", **parts)


def cluster(identifier: str, *children: Activity | str, **parts: Any) -> Activity:
    """A cluster that flows; children given by name alone are leaves."""
    inner = tuple(leaf(child) if isinstance(child, str) else child for child in children)
    return Activity(identifier, identifier.upper(), children=inner, **{"control": FLOW, **parts})


def tree(root: Activity, edition: Edition = Edition.FOURTH, **parts: Any) -> ActivityTree:
    """A tree nobody has touched yet."""
    system = parts.pop("objectives_global_to_system", True)
    data = parts.pop("shared_data_global_to_system", True)
    return ActivityTree(CourseStructure(root, edition, system, data), SequencingState(), **parts)


def condition(name: str, **parts: Any) -> RuleCondition:
    negated = name.startswith("not ")
    return RuleCondition(ConditionName(name.removeprefix("not ")), negated, **parts)


def rule(action: str, *conditions: str | RuleCondition, combination: Combination = Combination.ALL) -> SequencingRule:
    """A sequencing rule: `rule("skip", "not satisfied")`."""
    parts = tuple(condition(item) if isinstance(item, str) else item for item in conditions)
    return SequencingRule(RuleAction(action), parts, combination)


def pre(*rules: SequencingRule) -> SequencingRules:
    return SequencingRules(pre=rules)


def post(*rules: SequencingRule) -> SequencingRules:
    return SequencingRules(post=rules)


def exits(*rules: SequencingRule) -> SequencingRules:
    return SequencingRules(exit=rules)


def rollup_rule(action: str, *conditions: str, **parts: Any) -> RollupRule:
    """A rollup rule: `rollup_rule("satisfied", "completed", child_activity_set=…)`."""
    items = tuple(
        RollupCondition(ConditionName(item.removeprefix("not ")), item.startswith("not ")) for item in conditions
    )
    return RollupRule(RollupAction(action), items, **parts)


def go(activities: ActivityTree, request: str, target: str | None = None) -> Outcome:
    """Ask for something; a target alone means a choice."""
    return overall_sequencing(activities, NavigationRequest(request), target)


def start(activities: ActivityTree) -> ActivityTree:
    """Start the course, which must deliver something."""
    assert go(activities, "start").delivered is not None
    return activities


# --- arbitrary courses ------------------------------------------------------------------------------------------------

GLOBALS = ("g1", "g2")


@st.composite
def rules_of(draw: st.DrawFn, actions: tuple[str, ...]) -> tuple[SequencingRule, ...]:
    chosen = draw(st.lists(st.sampled_from(actions), max_size=2))
    return tuple(
        SequencingRule(
            RuleAction(action),
            tuple(
                RuleCondition(
                    draw(st.sampled_from(list(ConditionName))),
                    draw(st.booleans()),
                    draw(st.sampled_from([None, "local"])),
                    draw(st.sampled_from([-0.5, 0.0, 0.5])),
                )
                for _ in range(draw(st.integers(0, 2)))
            ),
            draw(st.sampled_from(list(Combination))),
        )
        for action in chosen
    )


@st.composite
def rollups(draw: st.DrawFn) -> Rollup:
    considered = st.sampled_from(list(RollupConsideration))
    names = st.sampled_from([name for name in ConditionName if "Measure" not in name or "Known" in name])
    return Rollup(
        rules=tuple(
            RollupRule(
                draw(st.sampled_from(list(RollupAction))),
                tuple(RollupCondition(draw(names), draw(st.booleans())) for _ in range(draw(st.integers(0, 2)))),
                draw(st.sampled_from(list(Combination))),
                draw(st.sampled_from(list(ChildActivitySet))),
                draw(st.integers(0, 3)),
                draw(st.sampled_from([0.0, 0.5, 1.0])),
            )
            for _ in range(draw(st.integers(0, 2)))
        ),
        objective_satisfied=draw(st.booleans()),
        progress_completion=draw(st.booleans()),
        objective_measure_weight=draw(st.sampled_from([0.0, 0.5, 1.0])),
        required_for_satisfied=draw(considered),
        required_for_not_satisfied=draw(considered),
        required_for_completed=draw(considered),
        required_for_incomplete=draw(considered),
        measure_satisfaction_if_active=draw(st.booleans()),
    )


@st.composite
def objectives_of(draw: st.DrawFn, identifier: str) -> Objective:
    flag = st.booleans()
    maps = tuple(
        ObjectiveMap(draw(st.sampled_from(GLOBALS)), *(draw(flag) for _ in range(14)))
        for _ in range(draw(st.integers(0, 2)))
    )
    return Objective(identifier, draw(flag), draw(st.sampled_from([-0.5, 0.5, 1.0])), maps)


@st.composite
def activities(draw: st.DrawFn, names: Any, depth: int, *, plain_ends: bool) -> Activity:
    """An activity with everything arbitrary. `plain_ends`: no exit and no post-condition rules."""
    name = next(names)
    width = draw(st.integers(1, 3)) if depth == 3 else draw(st.integers(0, 3)) if depth else 0
    flag = st.booleans()
    often = st.sampled_from([True, True, True, False])
    timing = st.sampled_from(list(Timing))
    return Activity(
        name,
        name,
        children=tuple(draw(activities(names, depth - 1, plain_ends=plain_ends)) for _ in range(width)),
        resource=None if width else "page",
        control=ControlModes(draw(often), draw(often), draw(often), draw(flag), draw(flag), draw(flag)),
        constrained_choice=ConstrainedChoice(draw(flag), draw(flag)),
        rules=SequencingRules(
            draw(rules_of(("skip", "disabled", "hiddenFromChoice", "stopForwardTraversal"))),
            ()
            if plain_ends
            else draw(rules_of(("exitParent", "exitAll", "retry", "retryAll", "continue", "previous"))),
            () if plain_ends else draw(rules_of(("exit",))),
        ),
        limits=LimitConditions(attempt_limit=draw(st.sampled_from([None, None, 1, 2]))),
        rollup=draw(rollups()),
        primary=draw(objectives_of("primary")),
        objectives=(draw(objectives_of("local")),) if draw(flag) else (),
        selection=Selection(draw(timing), draw(st.sampled_from([None, 1, 2]))),
        randomization=Randomization(draw(timing), draw(flag)),
        delivery=DeliveryControls(draw(often), draw(flag), draw(flag)),
        completion_threshold=CompletionThreshold(draw(flag), 0.5, draw(st.sampled_from([0.0, 1.0]))),
    )


def steadied(course: CourseStructure) -> CourseStructure:
    """The same course without anything that asks what is known."""

    def steady(activity: Activity) -> Activity:
        always = (RuleCondition(ConditionName.ALWAYS),)
        pre = tuple(replace(rule, conditions=always) for rule in activity.rules.pre if rule.conditions)
        return replace(
            activity,
            children=tuple(steady(child) for child in activity.children),
            rules=SequencingRules(pre=pre),
            limits=replace(activity.limits, attempt_limit=None),
        )

    return replace(course, root=steady(course.root))


@st.composite
def courses(draw: st.DrawFn, *, plain_ends: bool = False) -> CourseStructure:
    """Any course of up to forty activities."""
    names = iter(f"a{number}" for number in range(100))
    edition = draw(st.sampled_from([Edition.FOURTH, Edition.FOURTH, Edition.THIRD, Edition.SECOND]))
    return CourseStructure(draw(activities(names, 3, plain_ends=plain_ends)), edition, draw(st.booleans()))
