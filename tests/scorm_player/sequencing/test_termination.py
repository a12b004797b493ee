"""TB.2.1–TB.2.3: how attempts end, and what the rules make of it."""

import pytest

from scorm_player.scorm.sequencing.definition import SequencingRules
from scorm_player.scorm.sequencing.requests import SequencingRequest, TerminationRequest
from scorm_player.scorm.sequencing.termination import termination_request_process
from tests.scorm_player.sequencing.trees import cluster, exits, go, leaf, post, rule, start, tree


def terminate(activities, request):
    result = termination_request_process(activities, TerminationRequest(request))
    return result.exception or result.sequencing


def test_exit_ends_the_activity_alone():
    activities = start(tree(cluster("root", "a", "b")))

    assert terminate(activities, "exit") is None
    assert not activities.nodes["a"].state.is_active
    assert activities.root.state.is_active
    assert activities.current is activities.nodes["a"]


def test_the_highest_exit_rule_that_holds_ends_its_activity():
    done = exits(rule("exit", "completed"))
    activities = start(
        tree(cluster("root", cluster("out", cluster("in", "a", rules=done), rules=exits(rule("exit", "always"))), "b"))
    )

    terminate(activities, "exit")

    assert activities.current is activities.nodes["out"]
    assert not activities.nodes["in"].state.is_active
    assert not activities.nodes["out"].state.is_active


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("retry", SequencingRequest.RETRY),
        ("continue", SequencingRequest.CONTINUE),
        ("previous", SequencingRequest.PREVIOUS),
    ],
)
def test_a_post_condition_rule_asks_for_what_comes_next(action, expected):
    activities = start(tree(cluster("root", leaf("a", rules=post(rule(action, "always"))), "b")))

    assert terminate(activities, "exit") is expected


def test_post_condition_rules_do_not_apply_to_what_is_suspended():
    activities = start(tree(cluster("root", leaf("a", rules=post(rule("retry", "always"))), "b")))
    activities.nodes["a"].state.is_suspended = True

    assert terminate(activities, "exit") is None


def test_exit_parent_climbs_and_asks_the_parent_s_rules():
    up, again = post(rule("exitParent", "always")), post(rule("retry", "always"))
    activities = start(tree(cluster("root", cluster("in", leaf("a", rules=up), rules=again), "b")))

    assert terminate(activities, "exit") is SequencingRequest.RETRY
    assert activities.current is activities.nodes["in"]


def test_the_root_has_no_parent_to_exit():
    up = post(rule("exitParent", "always"))
    activities = start(tree(cluster("root", leaf("a", rules=up), rules=up)))

    assert terminate(activities, "exit") == "TB.2.3-4"


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        pytest.param("exitAll", SequencingRequest.EXIT, id="exit all ends the session"),
        pytest.param("retryAll", SequencingRequest.RETRY, id="retry all begins again"),
    ],
)
def test_a_rule_can_end_everything(action, expected):
    activities = start(tree(cluster("root", cluster("in", leaf("a", rules=post(rule(action, "always")))), "b")))

    assert terminate(activities, "exit") is expected
    assert activities.current is activities.root
    assert not any(node.state.is_active for node in activities.nodes.values())


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        pytest.param("continue", SequencingRequest.EXIT, id="nothing comes after the root"),
        pytest.param("retry", SequencingRequest.RETRY, id="but it can be retried"),
    ],
)
def test_when_the_root_exits_the_session_ends_unless_it_is_retried(action, expected):
    rules = SequencingRules(post=(rule(action, "always"),), exit=(rule("exit", "always"),))
    activities = start(tree(cluster("root", "a", "b", rules=rules)))

    assert terminate(activities, "exit") is expected


def test_exit_all_ends_what_is_active():
    activities = start(tree(cluster("root", cluster("in", "a"), "b")))

    assert terminate(activities, "exitAll") is SequencingRequest.EXIT
    assert not any(node.state.is_active for node in activities.nodes.values())


def test_exit_all_of_a_course_whose_root_has_ended_changes_nothing():
    activities = start(tree(cluster("root", "a", rules=exits(rule("exit", "always")))))
    terminate(activities, "exit")

    assert terminate(activities, "exitAll") is SequencingRequest.EXIT
    assert activities.current is activities.root


def test_suspend_all_remembers_the_place():
    activities = start(tree(cluster("root", cluster("in", "a"), "b")))

    assert terminate(activities, "suspendAll") is SequencingRequest.EXIT
    assert activities.suspended is activities.nodes["a"]
    assert all(node.state.is_suspended for node in activities.nodes["a"].path())
    assert not any(node.state.is_active for node in activities.nodes.values())


def test_suspend_all_after_an_activity_has_ended_suspends_its_parent():
    activities = start(tree(cluster("root", cluster("in", "a"), "b")))
    terminate(activities, "exit")

    terminate(activities, "suspendAll")

    assert activities.suspended is activities.nodes["in"]


def test_there_is_nothing_to_suspend_once_the_root_has_ended():
    activities = start(tree(cluster("root", "a")))
    terminate(activities, "exitAll")

    assert terminate(activities, "suspendAll") == "TB.2.3-3"


def test_an_abandoned_attempt_brings_nothing():
    activities = start(tree(cluster("root", "a", "b")))

    assert terminate(activities, "abandon") is None
    assert terminate(activities, "abandon") == "TB.2.3-2"
    assert activities.root.state.objectives == {}


def test_abandon_all_ends_everything_without_rollup():
    activities = start(tree(cluster("root", cluster("in", "a"), "b")))

    assert terminate(activities, "abandonAll") is SequencingRequest.EXIT
    assert activities.current is activities.root
    assert not any(node.state.is_active for node in activities.nodes.values())
    assert activities.root.state.objectives == {}


def test_what_has_not_begun_or_has_ended_cannot_be_terminated():
    activities = tree(cluster("root", "a"))

    assert terminate(activities, "exit") == "TB.2.3-1"
    start(activities)
    terminate(activities, "exit")
    assert terminate(activities, "exit") == "TB.2.3-2"


def test_exit_parent_is_for_rules_alone():
    assert terminate(start(tree(cluster("root", "a"))), "exitParent") == "TB.2.3-7"


def test_retrying_the_root_forgets_what_the_course_shares_within_itself():
    again = post(rule("retryAll", "always"))
    activities = start(
        tree(
            cluster("root", leaf("a", rules=again)),
            objectives_global_to_system=False,
            shared_data_global_to_system=False,
        )
    )
    activities.global_objective("g").satisfied = True
    activities.state.shared_data["d"] = "x"

    go(activities, "exit")

    assert activities.state.global_objectives == {}
    assert activities.state.shared_data == {}
