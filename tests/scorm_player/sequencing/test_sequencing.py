"""SB.2.1–SB.2.13: which activity comes next."""

import pytest

from scorm_player.scorm.sequencing.definition import (
    ConstrainedChoice,
    ControlModes,
    Edition,
    LimitConditions,
    Selection,
    Timing,
)
from scorm_player.scorm.sequencing.requests import SequencingRequest
from scorm_player.scorm.sequencing.sequencing import (
    Direction,
    choice_activity_traversal,
    choice_flow,
    find_next,
    sequencing_request_process,
)
from tests.scorm_player.sequencing.trees import cluster, go, leaf, pre, rule, start, tree

ALWAYS_SKIP = pre(rule("skip", "always"))
FORWARD_ONLY = ControlModes(flow=True, forward_only=True)


def at(activities, identifier):
    """Make an activity the current one, as if it had been delivered and had ended."""
    activities.current = activities.nodes[identifier]
    return activities


def found(activities, request, target=None):
    """What a sequencing request leads to: an identifier, an exception, or the end of the session."""
    result = find_next(activities, SequencingRequest(request), activities.find(target))
    if result.delivery is not None:
        return result.delivery.identifier
    return "end" if result.ends_session and not result.exception else result.exception


# --- flow -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        pytest.param(cluster("root", cluster("one", "a"), "b"), "a", id="into the first cluster"),
        pytest.param(cluster("root", leaf("a", rules=ALWAYS_SKIP), "b"), "b", id="past what is skipped"),
        pytest.param(cluster("root", cluster("one", "a", rules=ALWAYS_SKIP), "b"), "b", id="past a cluster skipped"),
        pytest.param(cluster("root", leaf("a", rules=ALWAYS_SKIP)), "end", id="everything skipped"),
        pytest.param(
            cluster("root", leaf("a", rules=pre(rule("disabled", "always"))), "b"), "SB.2.2-2", id="not past disabled"
        ),
        pytest.param(
            cluster("root", leaf("a", limits=LimitConditions(attempt_limit=0))), "SB.2.2-2", id="no attempts allowed"
        ),
        pytest.param(cluster("root", "a", "b", control=ControlModes()), "SB.2.2-1", id="no flow"),
        pytest.param(
            cluster("root", cluster("one", "a", control=ControlModes()), "b"), "SB.2.2-1", id="no flow further in"
        ),
        pytest.param(leaf("root"), "root", id="a course of one activity"),
    ],
)
def test_start_flows_into_the_course(root, expected):
    assert found(tree(root), "start") == expected


def test_a_cluster_without_available_children_cannot_be_entered():
    activities = tree(cluster("root", cluster("one", "a", selection=Selection(Timing.ONCE, 0)), "b"))
    activities.set_available(activities.nodes["one"], [])

    assert found(activities, "start") == "SB.2.1-2"
    assert found(at(activities, "b"), "previous") == "SB.2.1-2"


@pytest.mark.parametrize(
    ("current", "request_", "expected"),
    [
        ("a", "continue", "b"),
        ("b", "continue", "c"),
        ("d", "continue", "end"),
        ("two", "continue", "end"),
        ("b", "previous", "a"),
        ("c", "previous", "b"),
        ("a", "previous", "SB.2.1-3"),
        ("root", "previous", "SB.2.1-3"),
        ("root", "continue", "end"),
    ],
)
def test_continue_and_previous_walk_over_the_leaves(current, request_, expected):
    activities = at(tree(cluster("root", cluster("one", "a", "b"), cluster("two", "c", "d"))), current)

    assert found(activities, request_) == expected


@pytest.mark.parametrize("request_", ["continue", "previous"])
def test_flow_must_be_on_around_the_current_activity(request_):
    activities = at(tree(cluster("root", cluster("one", "a", "b", control=ControlModes()), "c")), "a")

    assert found(activities, request_) == {"continue": "SB.2.7-2", "previous": "SB.2.8-2"}[request_]


def test_a_forward_only_cluster_is_entered_backward_at_its_first_child():
    activities = at(tree(cluster("root", cluster("one", "a", "b", control=FORWARD_ONLY), "c")), "c")

    assert found(activities, "previous") == "a"


def test_within_a_forward_only_cluster_there_is_no_way_back():
    activities = at(tree(cluster("root", "x", cluster("one", "a", "b", control=FORWARD_ONLY))), "b")

    assert found(activities, "previous") == "SB.2.1-4"


def test_a_forward_only_cluster_whose_children_are_all_skipped_is_left_by_its_front():
    skipped = cluster("one", leaf("a", rules=ALWAYS_SKIP), leaf("b", rules=ALWAYS_SKIP), control=FORWARD_ONLY)

    assert found(at(tree(cluster("root", "x", skipped, "c")), "c"), "previous") == "x"
    assert found(at(tree(cluster("root", skipped, "c")), "c"), "previous") == "SB.2.1-3"


def test_backward_flow_passes_over_what_is_skipped():
    activities = at(tree(cluster("root", "a", leaf("b", rules=ALWAYS_SKIP), "c")), "c")

    assert found(activities, "previous") == "a"


def test_continue_from_an_activity_that_was_not_selected_goes_on_after_its_parent():
    activities = at(tree(cluster("root", cluster("one", "a", "b"), "c")), "b")
    activities.set_available(activities.nodes["one"], [activities.nodes["a"]])

    assert found(activities, "continue") == "c"


# --- choice -----------------------------------------------------------------------------------------------------------

STOP = pre(rule("stopForwardTraversal", "always"))


def parts(**one):
    return cluster("root", cluster("one", "a", "b", "c", **one), cluster("two", "d", "e"), "f")


@pytest.mark.parametrize(
    ("current", "target", "expected"),
    [
        pytest.param(None, "e", "e", id="no session yet"),
        pytest.param(None, "root", "a", id="the whole course"),
        pytest.param("a", "a", "a", id="the current activity again"),
        pytest.param("a", "c", "c", id="a sibling ahead"),
        pytest.param("c", "a", "a", id="a sibling behind"),
        pytest.param("one", "b", "b", id="down from the current cluster"),
        pytest.param("b", "one", "a", id="up to the cluster around"),
        pytest.param("b", "root", "a", id="up to the root"),
        pytest.param("b", "e", "e", id="across, ahead"),
        pytest.param("e", "b", "b", id="across, behind"),
        pytest.param("a", "two", "d", id="a cluster flows to its first leaf"),
        pytest.param("a", "nowhere", "SB.2.9-1", id="no such activity"),
    ],
)
def test_choice_reaches_its_target(current, target, expected):
    activities = tree(parts())
    if current:
        at(activities, current)

    assert found(activities, "choice", target) == expected


@pytest.mark.parametrize(
    ("rules", "current", "target", "expected"),
    [
        pytest.param(STOP, "one", "two", "SB.2.4-1", id="a sibling ahead of what stops"),
        pytest.param(STOP, "two", "one", None, id="not behind it"),
        pytest.param(STOP, "root", "b", "SB.2.4-1", id="not into what stops"),
        pytest.param(STOP, None, "b", "SB.2.4-1", id="not from outside"),
        pytest.param(pre(rule("hiddenFromChoice", "always")), "f", "b", "SB.2.9-3", id="hidden with its parent"),
    ],
)
def test_rules_on_the_way_block_a_choice(rules, current, target, expected):
    activities = tree(parts(rules=rules))
    if current:
        at(activities, current)

    assert (found(activities, "choice", target) == expected) if expected else found(activities, "choice", target)


def test_only_the_first_activity_that_stops_is_named():
    activities = at(tree(cluster("root", leaf("a", rules=STOP), "b", leaf("c", rules=STOP), "d")), "a")

    assert [found(activities, "choice", target) for target in "bcd"] == ["SB.2.4-1"] * 3


@pytest.mark.parametrize(
    ("control", "current", "target", "expected"),
    [
        pytest.param(ControlModes(choice=False), "f", "a", "SB.2.9-4", id="no choice among the target's siblings"),
        pytest.param(FORWARD_ONLY, "c", "a", "SB.2.4-2", id="no way back in a forward-only cluster"),
        pytest.param(ControlModes(flow=True, choice_exit=False), "a", "root", "SB.2.9-7", id="not up out of it"),
        pytest.param(ControlModes(flow=True, choice_exit=False), "a", "e", "SB.2.9-7", id="not across out of it"),
        pytest.param(ControlModes(), "f", "one", "SB.2.9-9", id="a cluster that does not flow delivers nothing"),
    ],
)
def test_control_modes_block_a_choice(control, current, target, expected):
    assert found(at(tree(parts(control=control)), current), "choice", target) == expected


def test_an_activity_that_was_not_selected_cannot_be_chosen():
    activities = tree(parts())
    activities.set_available(activities.nodes["one"], [activities.nodes["a"]])

    assert found(activities, "choice", "b") == "SB.2.9-2"


@pytest.mark.parametrize(
    ("current", "target", "expected"),
    [
        pytest.param(None, "b", "SB.2.9-6", id="from outside"),
        pytest.param("d", "b", "SB.2.9-6", id="from behind it"),
        pytest.param("f", "one", "a", id="the cluster itself, from a sibling"),
        pytest.param("a", "b", "b", id="inside it"),
    ],
)
def test_prevent_activation_keeps_choice_from_entering(current, target, expected):
    activities = tree(parts(constrained_choice=ConstrainedChoice(prevent_activation=True)))
    if current:
        at(activities, current)
    if current == "a":
        activities.nodes["one"].state.is_active = True

    assert found(activities, "choice", target) == expected


def test_prevent_activation_counts_ahead_as_well():
    two = cluster("two", "d", "e", constrained_choice=ConstrainedChoice(prevent_activation=True))
    activities = at(tree(cluster("root", cluster("one", "a"), two)), "a")

    assert found(activities, "choice", "e") == "SB.2.9-6"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param("d", "d", id="inside the next part"),
        pytest.param("c", "c", id="inside its own part"),
        pytest.param("z", "z", id="inside the part before"),
        pytest.param("f", "SB.2.9-8", id="beyond the next part"),
        pytest.param("y", "SB.2.9-8", id="beyond the part before"),
    ],
)
def test_constrained_choice_leaves_what_is_near(target, expected):
    near = ConstrainedChoice(constrain_choice=True)
    one = cluster("one", "b", "c", constrained_choice=near)
    activities = at(
        tree(cluster("root", cluster("w", "y"), cluster("x", "z"), one, cluster("two", "d"), cluster("three", "f"))),
        "b",
    )

    assert found(activities, "choice", target) == expected


def test_constrained_choice_at_the_end_of_the_course_leaves_its_own_part():
    near = ConstrainedChoice(constrain_choice=True)
    inner = cluster("inner", "b", constrained_choice=near)
    activities = at(tree(cluster("root", cluster("outer", "a", inner), "x")), "b")

    assert found(activities, "choice", "a") == "a"
    assert found(activities, "choice", "x") == "x"
    alone = at(tree(cluster("root", "x", cluster("outer", inner))), "b")
    assert found(alone, "choice", "inner") == "b"
    assert found(at(tree(cluster("root", cluster("outer", inner, "c"))), "b"), "choice", "c") == "c"


def test_constrained_choice_of_a_single_activity_says_nothing():
    """SB.2.9, step 11: the path is that of the parts that are left; the current activity is none of them."""
    single = leaf("b", constrained_choice=ConstrainedChoice(constrain_choice=True))
    activities = at(tree(cluster("root", cluster("one", single, "c"), "x", "y")), "b")

    assert found(activities, "choice", "y") == "y"


@pytest.mark.parametrize(("target", "expected"), [("one", "a"), ("root", "a"), ("x", "x")])
def test_an_activity_that_has_ended_does_not_hold_the_learner_though_its_choice_exit_is_off(target, expected):
    """NB.2.1, step 7.1.1.2 asks the current activity, and only while it is active; SB.2.9 asks the parts above it."""
    held = leaf("a", control=ControlModes(choice_exit=False))
    activities = at(tree(cluster("root", cluster("one", held, "c"), "x")), "a")

    assert found(activities, "choice", target) == expected


def test_at_the_end_of_the_tree_choice_flow_stays_where_it_is():
    activities = tree(cluster("root", cluster("one", "a")))

    assert choice_flow(activities.nodes["one"], Direction.FORWARD) is activities.nodes["one"]
    assert choice_flow(activities.nodes["a"], Direction.BACKWARD) is activities.nodes["a"]


def test_a_choice_that_reaches_an_empty_part_moves_there_and_ends_what_lies_behind():
    activities = start(tree(cluster("root", cluster("one", "a"), cluster("two", "d", control=ControlModes()))))

    outcome = go(activities, "choice", "two")

    assert outcome.exception == "SB.2.9-9"
    assert activities.current is activities.nodes["two"]
    assert not any(node.state.is_active for node in activities.nodes.values())


def test_before_the_session_a_choice_of_an_empty_part_only_moves():
    activities = tree(cluster("root", "a", cluster("two", "d", control=ControlModes())))

    assert go(activities, "choice", "two").exception == "SB.2.9-9"
    assert activities.current is activities.nodes["two"]


def test_nothing_lies_behind_the_root():
    activities = tree(cluster("root", "a"))

    assert choice_activity_traversal(activities, activities.root, Direction.BACKWARD) == "SB.2.4-3"


# --- the others -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "before", "after"),
    [
        ("start", "a", "SB.2.5-1"),
        ("resumeAll", "a", "SB.2.6-1"),
        ("resumeAll", None, "SB.2.6-2"),
        ("continue", None, "SB.2.7-1"),
        ("previous", None, "SB.2.8-1"),
        ("retry", None, "SB.2.10-1"),
        ("exit", None, "SB.2.11-1"),
        ("jump", None, "SB.2.13-1"),
    ],
)
def test_requests_that_do_not_fit_the_session(request_, before, after):
    activities = tree(cluster("root", "a", "b"))
    if before:
        at(activities, before)

    assert found(activities, request_, "b") == after


def test_exit_ends_the_session_with_the_root_only():
    activities = start(tree(cluster("root", "a")))

    assert found(activities, "exit") == "SB.2.11-2"
    activities.current.state.is_active = False
    assert found(activities, "exit") is None
    at(activities, "root").root.state.is_active = False
    assert found(activities, "exit") == "end"


@pytest.mark.parametrize(
    ("current", "expected"),
    [
        pytest.param("a", "a", id="a leaf again"),
        pytest.param("one", "a", id="a cluster from its beginning"),
        pytest.param("two", "SB.2.10-3", id="a cluster that delivers nothing"),
    ],
)
def test_retry(current, expected):
    two = cluster("two", "d", control=ControlModes())

    assert found(at(tree(cluster("root", cluster("one", "a", "b"), two)), current), "retry") == expected


@pytest.mark.parametrize("state", ["is_active", "is_suspended"])
def test_what_has_not_ended_cannot_be_retried(state):
    activities = at(tree(cluster("root", "a")), "a")
    setattr(activities.current.state, state, True)

    assert found(activities, "retry") == "SB.2.10-2"


def test_a_jump_ignores_rules_and_modes_on_the_way():
    two = cluster("two", leaf("d", rules=ALWAYS_SKIP), control=ControlModes(choice=False), rules=STOP)

    assert found(at(tree(cluster("root", "a", two)), "a"), "jump", "d") == "d"


def test_walking_off_the_tree_ends_every_attempt():
    activities = start(tree(cluster("root", cluster("one", "a"))))
    activities.current.state.is_active = False

    result = sequencing_request_process(activities, SequencingRequest.CONTINUE)

    assert result.ends_session
    assert not any(node.state.is_active for node in activities.nodes.values())


def test_walking_off_the_tree_before_anything_was_delivered_ends_nothing():
    activities = tree(cluster("root", leaf("a", rules=ALWAYS_SKIP)))

    assert sequencing_request_process(activities, SequencingRequest.START).ends_session
    assert activities.current is None


def test_scorm_1_2_flows_past_activities_whose_prerequisites_are_not_met():
    activities = tree(cluster("root", leaf("a", prerequisites="b"), "b"), Edition.SCORM_1_2)

    assert found(activities, "start") == "b"
