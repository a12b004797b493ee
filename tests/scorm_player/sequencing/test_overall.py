"""OP.1: from a request to what follows from it."""

import pytest

from scorm_player.scorm.sequencing.definition import ControlModes, Edition
from scorm_player.scorm.sequencing.overall import begin_session, close_session
from tests.scorm_player.sequencing.trees import cluster, exits, go, leaf, post, pre, rule, start, tree


def test_a_request_that_means_nothing_changes_nothing():
    activities = start(tree(cluster("root", "a", "b")))
    before = activities.state.copy()

    outcome = go(activities, "resumeAll")

    assert outcome.was_refused
    assert outcome.reason == "The session has already begun."
    assert activities.state == before


def test_a_course_is_played_from_beginning_to_end():
    activities = tree(cluster("root", cluster("one", "a", "b"), "c"))

    played = [go(activities, "start"), *(go(activities, "continue") for _ in range(3))]

    assert [outcome.delivered and outcome.delivered.identifier for outcome in played] == ["a", "b", "c", None]
    assert played[-1].ends_session
    assert played[-1].reason is None
    assert activities.current is None


def test_a_rule_puts_its_own_request_in_the_learner_s_place():
    activities = start(tree(cluster("root", leaf("a", rules=post(rule("retry", "always"))), "b")))

    assert go(activities, "choice", "b").delivered is activities.nodes["a"]


def test_what_is_found_but_not_allowed_is_not_delivered():
    activities = start(tree(cluster("root", "a", leaf("b", rules=pre(rule("disabled", "always"))))))

    outcome = go(activities, "choice", "b")

    assert outcome.exception == "DB.1.1-3"
    assert activities.current is activities.nodes["a"]
    assert not activities.current.state.is_active


def test_termination_that_fails_ends_the_matter():
    up = post(rule("exitParent", "always"))
    activities = start(tree(cluster("root", leaf("a", rules=up), "b", rules=up)))

    outcome = go(activities, "continue")

    assert outcome.exception == "TB.2.3-4"
    assert not outcome.was_refused


def test_exit_of_one_activity_leaves_the_session_open():
    activities = start(tree(cluster("root", "a", "b")))

    outcome = go(activities, "exit")

    assert (outcome.delivered, outcome.ends_session, outcome.exception) == (None, False, None)
    assert go(activities, "continue").delivered is activities.nodes["b"]


def test_an_exit_rule_on_the_root_ends_the_session():
    activities = start(tree(cluster("root", "a", "b", rules=exits(rule("exit", "always")))))

    assert go(activities, "continue").ends_session
    assert activities.current is None


def test_a_session_begins_where_it_was_suspended():
    activities = start(tree(cluster("root", "a", "b")))
    go(activities, "continue")
    go(activities, "suspendAll")

    assert begin_session(activities).delivered is activities.nodes["b"]


def test_a_suspended_part_cannot_be_delivered_so_the_course_starts():
    activities = start(tree(cluster("root", cluster("one", "a", "b"))))
    go(activities, "exit")
    go(activities, "suspendAll")

    assert begin_session(activities).delivered is activities.nodes["a"]


def test_a_session_that_was_left_without_a_word_goes_on_where_it_was():
    activities = start(tree(cluster("root", "a", "b")))
    go(activities, "continue")

    outcome = begin_session(activities)

    assert outcome.delivered is activities.nodes["b"]
    assert outcome.resumes
    assert activities.nodes["b"].state.attempt_count == 1


def test_a_session_that_never_delivered_anything_just_closes():
    activities = tree(cluster("root", cluster("one", "a", control=ControlModes()), "b"))
    go(activities, "choice", "root")
    assert activities.current is activities.root

    close_session(activities)

    assert activities.current is None


def test_a_course_to_choose_from_waits_for_the_learner():
    activities = tree(cluster("root", "a", "b", control=ControlModes()))

    outcome = begin_session(activities)

    assert (outcome.delivered, outcome.exception) == (None, "SB.2.2-1")
    assert go(activities, "choice", "b").delivered is activities.nodes["b"]


def test_a_course_of_one_activity_starts_by_itself():
    activities = tree(cluster("root", "a", control=ControlModes()))

    assert begin_session(activities).delivered is activities.nodes["a"]


@pytest.mark.parametrize("edition", list(Edition))
def test_every_edition_plays(edition):
    activities = tree(cluster("root", "a", "b"), edition)

    assert begin_session(activities).delivered is activities.nodes["a"]
    assert go(activities, "continue").delivered is activities.nodes["b"]
