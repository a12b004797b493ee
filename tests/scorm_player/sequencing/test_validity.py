"""What could be done next: requests, table of contents, controls."""

import pytest

from scorm_player.scorm.sequencing.definition import ControlModes, Edition, HiddenControl, LimitConditions
from scorm_player.scorm.sequencing.requests import NavigationRequest
from scorm_player.scorm.sequencing.validity import look_ahead
from tests.scorm_player.sequencing.trees import cluster, exits, go, leaf, post, pre, rule, start, tree


def valid(outlook):
    return {str(request) for request in NavigationRequest if outlook.is_valid(request)}


def test_before_the_session():
    outlook = look_ahead(tree(cluster("root", "a", "b")))

    assert valid(outlook) == {"start"}
    assert outlook.is_valid(NavigationRequest.CHOICE, "b")
    assert not outlook.is_valid(NavigationRequest.CHOICE, "nowhere")


def test_at_the_first_activity():
    outlook = look_ahead(start(tree(cluster("root", "a", "b"))))

    assert valid(outlook) == {"continue", "exit", "exitAll", "abandon", "abandonAll", "suspendAll"}
    assert outlook.requests[NavigationRequest.PREVIOUS] == "SB.2.1-3"


def test_at_the_last_activity_continue_ends_the_course():
    activities = start(tree(cluster("root", "a", "b")))
    go(activities, "continue")

    assert {"continue", "previous"} <= valid(look_ahead(activities))


def test_continue_is_valid_towards_a_part_that_does_not_flow_while_the_learner_may_choose_there():
    """NB.2.1, step 4: the parent's flow makes Continue valid; what follows does not flow, so a choice decides."""
    part = cluster("part", "b", "c", control=ControlModes())
    activities = start(tree(cluster("root", "a", part)))

    assert look_ahead(activities).is_valid(NavigationRequest.CONTINUE)
    assert (go(activities, "continue").exception, go(activities, "choice", "c").exception) == ("SB.2.2-1", None)
    closed = cluster("part", "b", control=ControlModes(choice=False))
    blocked = start(tree(cluster("root", "a", closed, control=ControlModes(flow=True, choice=False))))
    assert not look_ahead(blocked).is_valid(NavigationRequest.CONTINUE)


def test_after_suspension():
    activities = start(tree(cluster("root", "a")))
    go(activities, "suspendAll")

    assert "resumeAll" in valid(look_ahead(activities))


def test_the_end_of_the_current_attempt_is_taken_into_account():
    next_ = leaf("b", rules=pre(rule("disabled", "satisfied")))
    activities = start(tree(cluster("root", leaf("a", rules=post(rule("retry", "completed"))), next_)))

    assert look_ahead(activities).is_valid(NavigationRequest.CONTINUE)


def test_when_the_end_of_the_attempt_fails_nothing_that_needs_it_is_valid():
    up = post(rule("exitParent", "always"))
    outlook = look_ahead(start(tree(cluster("root", leaf("a", rules=up), "b", rules=up))))

    assert outlook.requests[NavigationRequest.CONTINUE] == outlook.requests[NavigationRequest.EXIT] == "TB.2.3-4"
    assert outlook.is_valid(NavigationRequest.EXIT_ALL)


def test_there_is_nothing_to_suspend_where_nothing_has_begun():
    activities = tree(cluster("root", cluster("one", "a", control=ControlModes()), "b"))
    go(activities, "choice", "root")

    assert look_ahead(activities).requests[NavigationRequest.SUSPEND_ALL] == "TB.2.3-3"


def test_continue_into_what_is_disabled_is_not_valid():
    activities = start(tree(cluster("root", "a", leaf("b", rules=pre(rule("disabled", "always"))))))

    outlook = look_ahead(activities)

    assert outlook.requests[NavigationRequest.CONTINUE] == "SB.2.2-2"
    assert outlook.entry("b").reason == "The activity is disabled, or its attempts are used up."


@pytest.mark.parametrize(("edition", "expected"), [(Edition.FOURTH, True), (Edition.THIRD, False)])
def test_jumps(edition, expected):
    outlook = look_ahead(start(tree(cluster("root", "a", cluster("one", "b")), edition)))

    assert outlook.is_valid(NavigationRequest.JUMP, "b") is expected
    assert not outlook.is_valid(NavigationRequest.JUMP, "one")


def test_the_table_of_contents_tells_place_and_state():
    activities = start(tree(cluster("root", cluster("one", "a", "b"), "c")))
    go(activities, "continue")

    contents = look_ahead(activities).contents

    assert [(entry.identifier, entry.depth, entry.parent, entry.is_leaf) for entry in contents] == [
        ("root", 0, None, False),
        ("one", 1, "root", False),
        ("a", 2, "one", True),
        ("b", 2, "one", True),
        ("c", 1, "root", True),
    ]
    a, b = contents[2], contents[3]
    assert (a.is_attempted, a.completed, a.satisfied, a.is_current, a.is_active) == (True, True, True, False, False)
    assert (b.is_attempted, b.completed, b.satisfied, b.is_current, b.is_active) == (True, None, None, True, True)
    assert (a.title, a.is_suspended, a.reason) == ("A", False, None)


@pytest.mark.parametrize(
    "hidden",
    [
        pytest.param({"is_visible": False}, id="by the item"),
        pytest.param({"rules": pre(rule("hiddenFromChoice", "always"))}, id="by a rule"),
    ],
)
def test_hidden_activities(hidden):
    outlook = look_ahead(tree(cluster("root", leaf("a", **hidden), "b")))

    assert not outlook.entry("a").is_visible
    assert outlook.entry("a").is_selectable is ("is_visible" in hidden)
    assert outlook.has_contents()


def test_a_rule_hides_what_is_below_it_too():
    hidden = cluster("one", "a", rules=pre(rule("hiddenFromChoice", "always")))

    assert not look_ahead(tree(cluster("root", hidden, "b"))).entry("a").is_visible


def test_without_choice_there_is_nothing_to_choose():
    outlook = look_ahead(start(tree(cluster("root", "a", "b", control=ControlModes(choice=False, flow=True)))))

    assert not outlook.has_contents()
    assert outlook.entry("b").exception == "NB.2.1-10"
    with pytest.raises(KeyError):
        outlook.entry("nowhere")


def test_activities_that_were_not_selected_are_not_in_the_table_of_contents():
    activities = start(tree(cluster("root", "a", "b")))
    activities.set_available(activities.root, [activities.nodes["a"]])

    outlook = look_ahead(activities)

    assert [entry.identifier for entry in outlook.contents] == ["root", "a"]
    assert outlook.choices["b"] == "SB.2.9-2"


def test_a_course_that_does_not_start_by_itself_offers_what_is_in_sight():
    hidden = leaf("a", is_visible=False)
    outlook = look_ahead(tree(cluster("root", hidden, cluster("one", "b"), "c", control=ControlModes())))

    assert not outlook.is_valid(NavigationRequest.START)
    assert outlook.has_contents()
    assert not look_ahead(tree(cluster("root", hidden, control=ControlModes()))).has_contents()


def test_controls_the_manifest_hides():
    child = leaf("a", hidden_controls=frozenset({HiddenControl.CONTINUE}))
    outlook = look_ahead(start(tree(cluster("root", child, "b"))))

    assert not outlook.shows(HiddenControl.CONTINUE)
    assert outlook.shows(HiddenControl.PREVIOUS)
    assert outlook.is_valid(NavigationRequest.CONTINUE)


@pytest.mark.parametrize(
    ("parts", "is_steady"),
    [
        pytest.param({}, True, id="no rules"),
        pytest.param({"rules": pre(rule("hiddenFromChoice", "always"))}, True, id="a rule that always holds"),
        pytest.param({"rules": pre(rule("disabled", "satisfied"))}, False, id="a rule that asks for a status"),
        pytest.param({"rules": pre(rule("skip", "always", "not completed"))}, False, id="one of two conditions asks"),
        pytest.param({"rules": post(rule("continue", "always"))}, False, id="a post-condition: not while suspended"),
        pytest.param({"rules": exits(rule("exit", "always"))}, False, id="an exit rule"),
        pytest.param({"limits": LimitConditions(attempt_limit=2)}, False, id="an attempt limit: not while suspended"),
        pytest.param({"prerequisites": "a"}, False, id="prerequisites"),
    ],
)
def test_where_what_content_tells_may_change_what_may_be_asked_for(parts, is_steady):
    assert tree(cluster("root", "a", leaf("b", **parts))).is_steady is is_steady


def test_where_time_is_limited_what_may_be_asked_for_may_change():
    assert not tree(cluster("root", "a", "b"), enforce_time_limits=True).is_steady
