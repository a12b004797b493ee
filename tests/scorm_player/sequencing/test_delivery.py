"""DB.1.1, DB.2, DB.2.1, and the attempts that begin and end with a delivery (UP.1, UP.3–UP.5)."""

from datetime import UTC, datetime, timedelta

import pytest

from scorm_player.scorm.sequencing import objectives
from scorm_player.scorm.sequencing.definition import (
    ControlModes,
    DeliveryControls,
    LimitConditions,
    Objective,
)
from scorm_player.scorm.sequencing.delivery import content_delivery_environment, delivery_request_process
from scorm_player.scorm.sequencing.utility import limit_conditions_check, terminate_descendent_attempts
from tests.scorm_player.sequencing.trees import FLOW, cluster, go, leaf, pre, rule, start, tree

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("root", "target", "expected"),
    [
        pytest.param(cluster("root", "a"), "a", None, id="a leaf"),
        pytest.param(cluster("root", "a"), "root", "DB.1.1-1", id="a cluster"),
        pytest.param(cluster("root", "a", rules=pre(rule("disabled", "always"))), "a", "DB.1.1-3", id="disabled above"),
        pytest.param(
            cluster("root", leaf("a", limits=LimitConditions(attempt_limit=0))), "a", "DB.1.1-3", id="attempts used up"
        ),
        pytest.param(cluster("root", leaf("a", prerequisites="b"), "b"), "a", "prerequisites", id="prerequisites"),
    ],
)
def test_a_delivery_request_is_judged_along_its_path(root, target, expected):
    activities = tree(root)

    assert delivery_request_process(activities, activities.nodes[target]) == expected


def test_delivery_begins_attempts_along_the_path():
    activities = start(tree(cluster("root", cluster("one", "a"), "b")))

    assert [node.identifier for node in activities.nodes.values() if node.state.is_active] == ["root", "one", "a"]
    assert {node.state.attempt_count for node in activities.nodes["a"].path()} == {1}
    assert activities.nodes["b"].state.attempt_count == 0


def test_a_new_attempt_knows_nothing():
    activities = start(tree(cluster("root", "a", "b")))
    go(activities, "continue")
    go(activities, "previous")

    assert activities.nodes["a"].state.attempt_count == 2
    assert activities.nodes["a"].state.objectives == {}


def test_the_root_goes_on_while_its_children_come_and_go():
    activities = start(tree(cluster("root", "a", "b")))
    go(activities, "continue")

    assert activities.root.state.attempt_count == 1


def test_nothing_is_delivered_while_the_current_activity_is_active():
    activities = start(tree(cluster("root", "a", "b")))

    assert content_delivery_environment(activities, activities.nodes["b"]) == "DB.2-1"


def test_a_suspended_attempt_goes_on():
    activities = start(tree(cluster("root", cluster("one", "a"), "b")))
    activities.nodes["a"].state.objectives.clear()
    objectives.set_measure(activities, activities.nodes["a"], activities.nodes["a"].primary, 0.5)
    go(activities, "suspendAll")

    outcome = go(activities, "resumeAll")

    assert outcome.resumes
    assert outcome.delivered is activities.nodes["a"]
    assert {node.state.attempt_count for node in activities.nodes["a"].path()} == {1}
    assert not any(node.state.is_suspended for node in activities.nodes.values())
    assert objectives.measure_of(activities, activities.nodes["a"], activities.nodes["a"].primary) == 0.5


def test_delivering_something_else_clears_what_was_suspended():
    activities = start(tree(cluster("root", cluster("one", "a"), "b")))
    go(activities, "suspendAll")

    go(activities, "choice", "b")

    assert activities.suspended is None
    assert [node.identifier for node in activities.nodes.values() if node.state.is_suspended] == []
    assert activities.nodes["one"].state.attempt_count == 1
    assert activities.root.state.attempt_count == 2


def test_a_cluster_stays_suspended_while_another_child_is():
    activities = start(tree(cluster("root", cluster("one", "a", "x"), "b")))
    go(activities, "suspendAll")
    activities.nodes["x"].state.is_suspended = True

    go(activities, "choice", "b")

    assert not activities.nodes["a"].state.is_suspended
    assert activities.nodes["one"].state.is_suspended


def test_an_activity_that_is_not_tracked_counts_no_attempts():
    activities = start(tree(cluster("root", leaf("a", delivery=DeliveryControls(tracked=False)), "b")))

    assert activities.nodes["a"].state.is_active
    go(activities, "continue")
    assert activities.nodes["a"].state.attempt_count == 0
    assert activities.nodes["a"].state.objectives == {}


@pytest.mark.parametrize(
    ("delivery", "known", "expected"),
    [
        pytest.param(DeliveryControls(), {}, (True, True), id="silence means done"),
        pytest.param(DeliveryControls(), {"satisfied": False}, (True, False), id="what content said stands"),
        pytest.param(DeliveryControls(), {"completed": False}, (False, True), id="likewise"),
        pytest.param(DeliveryControls(completion_set_by_content=True), {}, (None, True), id="content sets completion"),
        pytest.param(
            DeliveryControls(objective_set_by_content=True), {}, (True, None), id="content sets the objective"
        ),
    ],
)
def test_what_content_left_unsaid_is_said_for_it(delivery, known, expected):
    activities = start(tree(cluster("root", leaf("a", delivery=delivery), "b")))
    node = activities.nodes["a"]
    for name, value in known.items():
        setattr(objectives.local(node, node.primary), name, value)

    go(activities, "continue")

    assert (
        objectives.is_completed(activities, node, node.primary),
        objectives.is_satisfied(activities, node, node.primary),
    ) == expected


def test_nothing_is_said_for_what_is_suspended():
    activities = start(tree(cluster("root", "a", "b")))
    activities.nodes["a"].state.is_suspended = True

    go(activities, "continue")

    assert activities.nodes["a"].state.objectives == {}


def test_content_that_said_unknown_has_said_something():
    activities = start(tree(cluster("root", "a", "b")))
    activities.nodes["a"].state.holds_back_success = activities.nodes["a"].state.holds_back_completion = True

    go(activities, "continue")

    assert activities.nodes["a"].state.objectives == {}


@pytest.mark.parametrize("uses_current", [True, False])
def test_a_new_attempt_on_a_cluster_sets_what_its_children_reached_aside(uses_current):
    control = ControlModes(
        flow=True,
        use_current_attempt_objective_info=uses_current,
        use_current_attempt_progress_info=uses_current,
    )
    activities = start(tree(cluster("root", cluster("one", cluster("two", "a"), "b", control=control), "c")))
    for _ in range(2):
        go(activities, "continue")

    go(activities, "choice", "b")

    state = activities.nodes["a"].state
    assert (state.stale_objectives, state.stale_progress) == (uses_current, uses_current)
    assert not activities.nodes["b"].state.stale_objectives


@pytest.mark.parametrize(
    ("limits", "is_enforced", "is_violated"),
    [
        pytest.param({"attempt_limit": 1}, False, True, id="attempts"),
        pytest.param({"attempt_limit": 2}, True, False, id="attempts left"),
        pytest.param({"end_time_limit": "2026-01-01"}, True, True, id="too late"),
        pytest.param({"end_time_limit": "2026-01-01"}, False, False, id="too late, but not enforced"),
        pytest.param({"activity_absolute_duration_limit": "PT5M"}, True, True, id="too long"),
        pytest.param({"activity_absolute_duration_limit": "PT15M"}, True, False, id="not too long"),
    ],
)
def test_limit_conditions(limits, is_enforced, is_violated):
    child = leaf("a", limits=LimitConditions(**limits))
    activities = tree(cluster("root", child, "b"), now=NOW, enforce_time_limits=False)
    start(activities)
    activities.now = NOW + timedelta(minutes=10)
    go(activities, "continue")
    activities.enforce_time_limits = is_enforced

    assert limit_conditions_check(activities, activities.nodes["a"]) is is_violated


@pytest.mark.parametrize("state", ["is_active", "is_suspended"])
def test_limits_are_for_new_attempts(state):
    activities = tree(cluster("root", leaf("a", limits=LimitConditions(attempt_limit=0))))
    setattr(activities.nodes["a"].state, state, True)

    assert not limit_conditions_check(activities, activities.nodes["a"])


def test_what_is_not_tracked_has_no_limits():
    untracked = leaf("a", delivery=DeliveryControls(tracked=False), limits=LimitConditions(attempt_limit=0))
    activities = tree(cluster("root", untracked))

    assert not limit_conditions_check(activities, activities.nodes["a"])


def test_without_a_current_activity_there_is_nothing_to_terminate():
    activities = tree(cluster("root", "a"))

    terminate_descendent_attempts(activities, activities.root)

    assert activities.root.state.objectives == {}


def test_the_status_by_measure_is_decided_when_the_attempt_ends():
    primary = Objective("p", satisfied_by_measure=True, min_normalized_measure=0.5)
    activities = start(tree(cluster("root", leaf("a", primary=primary), "b", control=FLOW)))
    node = activities.nodes["a"]

    go(activities, "continue")

    assert objectives.is_satisfied(activities, node, node.primary) is None
