"""RB.1.1–RB.1.5: what is known of children becomes known of their parent."""

import pytest

from scorm_player.scorm.sequencing import objectives
from scorm_player.scorm.sequencing.definition import (
    ChildActivitySet,
    CompletionThreshold,
    DeliveryControls,
    Edition,
    Objective,
    ObjectiveMap,
    Rollup,
    RollupConsideration,
)
from scorm_player.scorm.sequencing.rollup import overall_rollup, roll_up
from tests.scorm_player.sequencing.trees import cluster, leaf, pre, rollup_rule, rule, tree


def know(activities, identifier, **values):
    """Record what is known of an activity: satisfied, completed, measure, progress_measure, attempts, is_suspended."""
    node = activities.nodes[identifier]
    node.state.attempt_count = values.pop("attempts", node.state.attempt_count)
    node.state.is_suspended = values.pop("is_suspended", node.state.is_suspended)
    for name, value in values.items():
        setattr(objectives.local(node, node.primary), name, value)
    return activities


def rolled(activities, identifier="root"):
    """Roll up from below and answer what is now known of the cluster: satisfied, completed."""
    overall_rollup(activities, activities.nodes[identifier])
    node = activities.nodes[identifier]
    return objectives.is_satisfied(activities, node, node.primary), objectives.is_completed(
        activities, node, node.primary
    )


@pytest.mark.parametrize(
    ("weights", "measures", "rolled_up"),
    [
        pytest.param([1, 3], [0.5, 1.0], 0.875, id="heavier child counts more"),
        pytest.param([1, 1], [1.0, None], 0.5, id="child without measure still weighs"),
        pytest.param([1, 1], [None, None], None, id="nothing known, nothing claimed"),
        pytest.param([0, 0], [1.0, 1.0], None, id="no weight, no mean"),
        pytest.param([1, 1, 1], [0.7, 0.7, 0.7], 0.7, id="no dust from binary fractions"),
        pytest.param([1, 1], [-1.0, 1.0], 0.0, id="negative measures count as such"),
    ],
)
def test_measure_rollup(weights, measures, rolled_up):
    children = [leaf(f"a{n}", rollup=Rollup(objective_measure_weight=weight)) for n, weight in enumerate(weights)]
    activities = tree(cluster("root", *children))
    for number, measure in enumerate(measures):
        know(activities, f"a{number}", measure=measure)

    roll_up(activities, activities.root)

    assert objectives.measure_of(activities, activities.root, activities.root.primary) == rolled_up


@pytest.mark.parametrize(
    ("weights", "amounts", "rolled_up"),
    [
        pytest.param([0.25, 0.75], [1.0, 0.0], 0.25, id="weighted mean"),
        pytest.param([1, 1], [1.0, None], 0.5, id="child without progress still weighs"),
        pytest.param([1], [None], None, id="nothing known, nothing claimed"),
        pytest.param([0], [1.0], None, id="no weight, no mean"),
    ],
)
def test_completion_measure_rollup(weights, amounts, rolled_up):
    thresholds = [CompletionThreshold(progress_weight=weight) for weight in weights]
    children = [leaf(f"a{number}", completion_threshold=threshold) for number, threshold in enumerate(thresholds)]
    activities = tree(cluster("root", *children))
    for number, amount in enumerate(amounts):
        know(activities, f"a{number}", progress_measure=amount)

    roll_up(activities, activities.root)

    assert objectives.progress_measure_of(activities, activities.root, activities.root.primary) == rolled_up


@pytest.mark.parametrize(
    ("edition", "completed"), [(Edition.FOURTH, True), (Edition.THIRD, None)], ids=["4th Edition", "3rd Edition"]
)
def test_only_the_4th_edition_rolls_up_progress(edition, completed):
    threshold = CompletionThreshold(by_measure=True, min_progress_measure=0.5)
    activities = tree(cluster("root", "a", "b", completion_threshold=threshold), edition)
    know(activities, "a", progress_measure=1.0)

    assert rolled(activities) == (None, completed)


@pytest.mark.parametrize(
    ("children", "expected"),
    [
        pytest.param([(True, True), (True, True)], (True, True), id="all satisfied and completed"),
        pytest.param([(True, True), (False, False)], (False, False), id="all known, not all good"),
        pytest.param([(True, True), (None, None)], (None, None), id="one unknown, nothing claimed"),
        pytest.param([(None, None), (None, None)], (None, None), id="all unknown"),
    ],
)
def test_default_rules(children, expected):
    activities = tree(cluster("root", "a0", "a1"))
    for number, (satisfied, completed) in enumerate(children):
        know(activities, f"a{number}", satisfied=satisfied, completed=completed)

    assert rolled(activities) == expected


@pytest.mark.parametrize(
    ("rules", "satisfied", "expected"),
    [
        pytest.param(
            [rollup_rule("satisfied", "satisfied", child_activity_set=ChildActivitySet.ANY)],
            [True, False],
            True,
            id="any",
        ),
        pytest.param(
            [rollup_rule("satisfied", "satisfied", child_activity_set=ChildActivitySet.ANY)],
            [False, None],
            None,
            id="not any",
        ),
        pytest.param(
            [rollup_rule("satisfied", "satisfied", child_activity_set=ChildActivitySet.NONE)],
            [False, False],
            True,
            id="none",
        ),
        pytest.param(
            [rollup_rule("satisfied", "satisfied", child_activity_set=ChildActivitySet.NONE)],
            [False, None],
            None,
            id="unknown is not none",
        ),
        pytest.param(
            [
                rollup_rule(
                    "satisfied", "satisfied", child_activity_set=ChildActivitySet.AT_LEAST_COUNT, minimum_count=2
                )
            ],
            [True, True, False],
            True,
            id="at least 2 of 3",
        ),
        pytest.param(
            [
                rollup_rule(
                    "satisfied", "satisfied", child_activity_set=ChildActivitySet.AT_LEAST_COUNT, minimum_count=2
                )
            ],
            [True, None, False],
            None,
            id="only 1",
        ),
        pytest.param(
            [
                rollup_rule(
                    "satisfied", "satisfied", child_activity_set=ChildActivitySet.AT_LEAST_PERCENT, minimum_percent=0.4
                )
            ],
            [True, True, None, None, None],
            True,
            id="40 % of 5",
        ),
        pytest.param(
            [
                rollup_rule(
                    "satisfied", "satisfied", child_activity_set=ChildActivitySet.AT_LEAST_PERCENT, minimum_percent=0.5
                )
            ],
            [True, None, None],
            None,
            id="a third is no half",
        ),
        pytest.param([rollup_rule("satisfied", "not satisfied")], [False, False], True, id="negated"),
        pytest.param([rollup_rule("satisfied")], [True, True], None, id="a rule without conditions never applies"),
        pytest.param(
            [rollup_rule("notSatisfied", "satisfied", child_activity_set=ChildActivitySet.ANY)],
            [True, True],
            False,
            id="own rules replace the default ones",
        ),
        pytest.param(
            [rollup_rule("notSatisfied", "satisfied"), rollup_rule("satisfied", "satisfied")],
            [True, True],
            True,
            id="satisfied prevails",
        ),
    ],
)
def test_rollup_rules(rules, satisfied, expected):
    activities = tree(
        cluster("root", *(f"a{number}" for number in range(len(satisfied))), rollup=Rollup(rules=tuple(rules)))
    )
    for number, value in enumerate(satisfied):
        know(activities, f"a{number}", satisfied=value)

    assert rolled(activities)[0] is expected


@pytest.mark.parametrize(
    ("rules", "completed", "expected"),
    [
        pytest.param([rollup_rule("completed", "attempted")], [None, None], None, id="not attempted"),
        pytest.param(
            [rollup_rule("incomplete", "not completed", child_activity_set=ChildActivitySet.ANY)],
            [True, False],
            False,
            id="incomplete",
        ),
    ],
)
def test_completion_rules(rules, completed, expected):
    activities = tree(cluster("root", "a0", "a1", rollup=Rollup(rules=tuple(rules))))
    for number, value in enumerate(completed):
        know(activities, f"a{number}", completed=value)

    assert rolled(activities)[1] is expected


@pytest.mark.parametrize("action", ["satisfied", "not_satisfied", "completed", "incomplete"])
@pytest.mark.parametrize(
    ("consideration", "known", "is_counted"),
    [
        ("always", {}, True),
        ("ifAttempted", {}, False),
        ("ifAttempted", {"attempts": 1}, True),
        ("ifNotSuspended", {}, False),
        ("ifNotSuspended", {"attempts": 1}, True),
        ("ifNotSuspended", {"attempts": 1, "is_suspended": True}, False),
        ("ifNotSkipped", {}, True),
        ("ifNotSkipped", {"satisfied": True}, False),
    ],
)
def test_a_child_counts_when_it_is_considered(action, consideration, known, is_counted):
    manifest_name = {"not_satisfied": "notSatisfied"}.get(action, action)
    considered = Rollup(**{f"required_for_{action}": RollupConsideration(consideration)})
    child = leaf("a", rollup=considered, rules=pre(rule("skip", "satisfied")))
    rules = (rollup_rule(manifest_name, "objectiveMeasureKnown"),)
    activities = tree(cluster("root", child, "b", rollup=Rollup(rules=rules)))
    know(know(activities, "a", **known), "b", measure=1.0)

    satisfied, completed = rolled(activities)

    reached = (satisfied if "satisfied" in action else completed) is not None
    assert reached is not is_counted, "the measure of a is not known, so where a counts, not all have one"


@pytest.mark.parametrize(
    "child",
    [
        pytest.param(
            leaf("a", rollup=Rollup(objective_satisfied=False, progress_completion=False)), id="contributes nothing"
        ),
        pytest.param(leaf("a", delivery=DeliveryControls(tracked=False)), id="not tracked"),
    ],
)
def test_a_child_that_does_not_contribute_changes_nothing(child):
    activities = know(tree(cluster("root", child, "b")), "a", satisfied=True, completed=True)

    assert rolled(activities) == (None, None)


@pytest.mark.parametrize(
    ("children", "applies"),
    [
        pytest.param(ChildActivitySet.ALL, True, id="all: no false and no unknown among them"),
        pytest.param(ChildActivitySet.NONE, True, id="none: no true and no unknown among them"),
        pytest.param(ChildActivitySet.ANY, None, id="any: no true among them"),
        pytest.param(ChildActivitySet.AT_LEAST_COUNT, None, id="at least one: no true among them"),
        pytest.param(ChildActivitySet.AT_LEAST_PERCENT, None, id="half of none is no share"),
    ],
)
def test_a_rule_is_checked_although_the_bag_of_contributing_children_is_empty(children, applies):
    """RB.1.4, steps 1.2.4–1.2.8."""
    untracked = leaf("a", delivery=DeliveryControls(tracked=False))
    rule_of = rollup_rule("completed", "completed", child_activity_set=children, minimum_count=1, minimum_percent=0.5)
    activities = tree(cluster("root", untracked, rollup=Rollup(rules=(rule_of,))))

    assert rolled(activities)[1] is applies


def test_nothing_is_recorded_of_a_cluster_that_is_not_tracked():
    activities = tree(cluster("root", cluster("one", "a", delivery=DeliveryControls(tracked=False))))
    know(activities, "a", satisfied=True, measure=1.0)

    overall_rollup(activities, activities.nodes["a"])

    assert activities.nodes["one"].state.objectives == {}


@pytest.mark.parametrize(
    ("measure", "is_active", "if_active", "expected"),
    [
        pytest.param(0.8, False, True, True, id="reached"),
        pytest.param(0.7, False, True, False, id="missed"),
        pytest.param(None, False, True, None, id="unknown"),
        pytest.param(0.8, True, True, True, id="while active, if wanted"),
        pytest.param(0.8, True, False, None, id="not while active"),
        pytest.param(0.8, False, False, True, id="but after"),
    ],
)
def test_satisfied_by_measure(measure, is_active, if_active, expected):
    primary = Objective(satisfied_by_measure=True, min_normalized_measure=0.8)
    rollup = Rollup(measure_satisfaction_if_active=if_active)
    activities = know(tree(cluster("root", "a", primary=primary, rollup=rollup)), "a", measure=measure, satisfied=False)
    activities.root.state.is_active = is_active

    assert rolled(activities)[0] is expected


def test_what_the_measure_decides_goes_to_the_global_objective():
    shared = ObjectiveMap("g", write_satisfied_status=True, write_completion_status=True)
    primary = Objective("p", satisfied_by_measure=True, min_normalized_measure=0.5, maps=(shared,))
    threshold = CompletionThreshold(by_measure=True, min_progress_measure=0.5)
    activities = tree(cluster("root", leaf("a", primary=primary, completion_threshold=threshold)))
    know(activities, "a", measure=0.6, progress_measure=0.4)

    overall_rollup(activities, activities.nodes["a"])

    assert activities.global_objective("g").satisfied is True
    assert activities.global_objective("g").completed is False


def test_where_a_written_global_objective_is_read_the_ancestors_roll_up_too():
    writes = Objective("p", maps=(ObjectiveMap("g", write_satisfied_status=True),))
    reads = Objective("p", maps=(ObjectiveMap("g", read_satisfied_status=True),))
    activities = tree(
        cluster("root", leaf("a", primary=writes), cluster("one", cluster("two", leaf("b", primary=reads))))
    )
    objectives.set_satisfied(activities, activities.nodes["a"], activities.nodes["a"].primary, True)

    overall_rollup(activities, activities.nodes["a"])

    one = activities.nodes["one"]
    assert objectives.is_satisfied(activities, one, one.primary) is True


def test_rollup_conditions_do_not_see_an_earlier_attempt_on_the_cluster():
    activities = know(tree(cluster("root", "a")), "a", satisfied=True, completed=True)
    activities.nodes["a"].state.stale_objectives = activities.nodes["a"].state.stale_progress = True

    assert rolled(activities) == (None, None)
