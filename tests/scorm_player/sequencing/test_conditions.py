"""UP.2, UP.2.1: conditions give three answers, rules apply on a clear yes only."""

from datetime import UTC, datetime

import pytest

from scorm_player.scorm.sequencing import objectives
from scorm_player.scorm.sequencing.conditions import combined, evaluate, sequencing_rules_check
from scorm_player.scorm.sequencing.definition import (
    Combination,
    ConditionName,
    DeliveryControls,
    Edition,
    LimitConditions,
    Objective,
    RollupCondition,
    RuleAction,
)
from scorm_player.scorm.sequencing.tree import ActivityTree
from tests.scorm_player.sequencing.trees import cluster, condition, leaf, rule, tree

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


NO_LIMITS = LimitConditions()


def answer(name, *, limits=NO_LIMITS, now=None, tracked=True, threshold=0.0, **known):
    """Evaluate one condition on an activity of which this is known."""
    child = leaf("a", limits=limits, delivery=DeliveryControls(tracked=tracked), objectives=(Objective("local"),))
    activities = tree(cluster("root", child), now=now)
    node = activities.nodes["a"]
    for field in (
        "attempt_count",
        "attempt_experienced_duration",
        "activity_experienced_duration",
        "attempt_started_at",
    ):
        if field in known:
            setattr(node.state, field, known.pop(field))
    for field, value in known.items():
        setattr(objectives.local(node, node.primary), field, value)
    return evaluate(activities, node, condition(name, measure_threshold=threshold))


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("always", {}, True),
        ("not always", {}, False),
        ("satisfied", {}, None),
        ("not satisfied", {}, None),
        ("satisfied", {"satisfied": False}, False),
        ("not satisfied", {"satisfied": False}, True),
        ("objectiveStatusKnown", {}, False),
        ("objectiveStatusKnown", {"satisfied": False}, True),
        ("objectiveMeasureKnown", {}, False),
        ("objectiveMeasureKnown", {"measure": 0.0}, True),
        ("completed", {}, None),
        ("completed", {"completed": True}, True),
        ("activityProgressKnown", {}, False),
        ("activityProgressKnown", {"completed": False}, True),
        ("attempted", {}, False),
        ("attempted", {"attempt_count": 1}, True),
        ("attemptLimitExceeded", {"attempt_count": 9}, False),
        ("timeLimitExceeded", {}, False),
        ("outsideAvailableTimeRange", {}, False),
    ],
)
def test_conditions(name, known, expected):
    assert answer(name, **known) is expected


@pytest.mark.parametrize(
    ("edition", "expected"), [(Edition.FOURTH, False), (Edition.THIRD, True)], ids=["4th Edition", "3rd Edition"]
)
def test_objectives_have_a_completion_of_their_own_since_the_4th_edition(edition, expected):
    activities = tree(cluster("root", leaf("a", objectives=(Objective("local"),))), edition)
    node = activities.nodes["a"]
    objectives.set_completed(activities, node, node.primary, True)
    objectives.set_completed(activities, node, node.objective("local"), False)

    assert evaluate(activities, node, condition("completed", referenced_objective="local")) is expected
    assert evaluate(activities, node, condition("activityProgressKnown", referenced_objective="local")) is True


@pytest.mark.parametrize(
    ("name", "measure", "threshold", "expected"),
    [
        ("objectiveMeasureGreaterThan", None, 0.5, None),
        ("objectiveMeasureGreaterThan", 0.5, 0.5, False),
        ("objectiveMeasureGreaterThan", 0.5001, 0.5, True),
        ("objectiveMeasureLessThan", None, 0.5, None),
        ("objectiveMeasureLessThan", 0.5, 0.5, False),
        ("objectiveMeasureLessThan", -0.6, -0.5, True),
    ],
)
def test_measures_are_compared_with_the_threshold(name, measure, threshold, expected):
    assert answer(name, measure=measure, threshold=threshold) is expected


@pytest.mark.parametrize(("count", "expected"), [(0, False), (1, False), (2, True), (3, True)])
def test_attempt_limit(count, expected):
    assert answer("attemptLimitExceeded", limits=LimitConditions(attempt_limit=2), attempt_count=count) is expected


@pytest.mark.parametrize(
    ("limits", "known"),
    [
        ({"attempt_experienced_duration_limit": "PT10M"}, {"attempt_experienced_duration": 600.0}),
        ({"activity_experienced_duration_limit": "PT10M"}, {"activity_experienced_duration": 600.0}),
        ({"attempt_absolute_duration_limit": "PT10M"}, {"attempt_started_at": "2026-03-01T11:50:00+00:00"}),
        ({"activity_absolute_duration_limit": "PT10M"}, {"attempt_started_at": "2026-03-01T11:50:00+00:00"}),
    ],
)
def test_time_limits(limits, known):
    assert answer("timeLimitExceeded", limits=LimitConditions(**limits), now=NOW, **known) is True
    assert answer("timeLimitExceeded", limits=LimitConditions(**limits), now=NOW) is False


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"begin_time_limit": "2026-03-01T13:00:00Z"}, True),
        ({"begin_time_limit": "2026-03-01T11:00:00Z"}, False),
        ({"end_time_limit": "2026-03-01T11:00:00Z"}, True),
        ({"end_time_limit": "2026-03-01T13:00:00"}, False),
        ({"begin_time_limit": "soon"}, False),
    ],
)
def test_time_range(limits, expected):
    assert answer("outsideAvailableTimeRange", limits=LimitConditions(**limits), now=NOW) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("satisfied", None), ("objectiveStatusKnown", False), ("completed", None), ("always", True), ("attempted", False)],
)
def test_nothing_is_known_of_an_activity_that_is_not_tracked(name, expected):
    assert answer(name, tracked=False, satisfied=True, completed=True) is expected


def test_a_rollup_condition_has_no_threshold_of_its_own():
    activities = tree(cluster("root", "a"))
    node = activities.nodes["a"]
    objectives.set_measure(activities, node, node.primary, 0.1)

    above = RollupCondition(ConditionName.OBJECTIVE_MEASURE_GREATER_THAN)

    assert evaluate(activities, node, above) is True


@pytest.mark.parametrize(
    ("answers", "all_", "any_"),
    [
        ([True, True], True, True),
        ([True, False], False, True),
        ([True, None], None, True),
        ([False, None], False, None),
        ([None], None, None),
        ([False], False, False),
        ([], None, None),
    ],
)
def test_answers_combine(answers, all_, any_):
    assert combined(answers, Combination.ALL) is all_
    assert combined(answers, Combination.ANY) is any_


def test_the_first_rule_that_applies_wins():
    activities: ActivityTree = tree(cluster("root", "a"))
    rules = (rule("skip"), rule("disabled", "satisfied"), rule("skip", "always"), rule("disabled", "always"))

    assert sequencing_rules_check(activities, activities.nodes["a"], rules, list(RuleAction)) is RuleAction.SKIP
    assert sequencing_rules_check(activities, activities.nodes["a"], rules[:2], list(RuleAction)) is None
