"""NB.2.1: which navigation requests mean something, and what."""

import pytest

from scorm_player.scorm.sequencing.definition import ControlModes, Edition
from scorm_player.scorm.sequencing.navigation import navigation_request_process
from scorm_player.scorm.sequencing.requests import EXCEPTIONS, NavigationRequest, SequencingRequest, TerminationRequest
from tests.scorm_player.sequencing.trees import cluster, go, start, tree

EXIT, SUSPEND = TerminationRequest.EXIT, TerminationRequest.SUSPEND_ALL


def course(**root):
    return tree(cluster("root", cluster("one", "a", "b"), cluster("two", "c"), "d", **root))


def asked(activities, request, target=None):
    result = navigation_request_process(activities, NavigationRequest(request), target)
    return result.exception or (result.termination, result.sequencing)


@pytest.mark.parametrize(
    ("request_", "target", "expected"),
    [
        ("start", None, (None, SequencingRequest.START)),
        ("choice", "c", (None, SequencingRequest.CHOICE)),
        ("choice", "nowhere", "NB.2.1-11"),
        ("resumeAll", None, "NB.2.1-3"),
        ("continue", None, "NB.2.1-2"),
        ("previous", None, "NB.2.1-2"),
        ("jump", "c", "NB.2.1-2"),
        ("exit", None, "NB.2.1-2"),
        ("abandon", None, "NB.2.1-2"),
        ("exitAll", None, "NB.2.1-2"),
        ("abandonAll", None, "NB.2.1-2"),
        ("suspendAll", None, "NB.2.1-2"),
        ("forward", None, "NB.2.1-7"),
        ("backward", None, "NB.2.1-7"),
    ],
)
def test_before_the_session_begins(request_, target, expected):
    assert asked(course(), request_, target) == expected


@pytest.mark.parametrize(
    ("request_", "target", "expected"),
    [
        ("start", None, "NB.2.1-1"),
        ("resumeAll", None, "NB.2.1-1"),
        ("continue", None, (EXIT, SequencingRequest.CONTINUE)),
        ("previous", None, (EXIT, SequencingRequest.PREVIOUS)),
        ("choice", "d", (EXIT, SequencingRequest.CHOICE)),
        ("choice", "root", (EXIT, SequencingRequest.CHOICE)),
        ("jump", "c", (EXIT, SequencingRequest.JUMP)),
        ("jump", "nowhere", "NB.2.1-11"),
        ("exit", None, (EXIT, SequencingRequest.EXIT)),
        ("abandon", None, (TerminationRequest.ABANDON, SequencingRequest.EXIT)),
        ("exitAll", None, (TerminationRequest.EXIT_ALL, SequencingRequest.EXIT)),
        ("abandonAll", None, (TerminationRequest.ABANDON_ALL, SequencingRequest.EXIT)),
        ("suspendAll", None, (SUSPEND, SequencingRequest.EXIT)),
    ],
)
def test_while_an_activity_is_delivered(request_, target, expected):
    assert asked(start(course()), request_, target) == expected


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("exit", "NB.2.1-12"),
        ("abandon", "NB.2.1-12"),
        ("continue", (None, SequencingRequest.CONTINUE)),
        ("previous", (None, SequencingRequest.PREVIOUS)),
        ("suspendAll", (SUSPEND, SequencingRequest.EXIT)),
    ],
)
def test_after_the_activity_has_ended(request_, expected):
    activities = start(course())
    go(activities, "exit")

    assert asked(activities, request_) == expected


def test_a_suspended_session_can_be_resumed():
    activities = start(course())
    go(activities, "suspendAll")

    assert asked(activities, "resumeAll") == (None, SequencingRequest.RESUME_ALL)


@pytest.mark.parametrize(
    ("control", "request_", "expected"),
    [
        pytest.param(ControlModes(flow=False), "continue", "NB.2.1-4", id="no flow, no continue"),
        pytest.param(ControlModes(flow=False), "previous", "NB.2.1-5", id="no flow, no previous"),
        pytest.param(ControlModes(flow=True, forward_only=True), "previous", "NB.2.1-5", id="forward only"),
        pytest.param(ControlModes(choice=False), "choice", "NB.2.1-10", id="no choice"),
    ],
)
def test_the_control_modes_of_the_parent_decide(control, request_, expected):
    activities = tree(cluster("root", cluster("one", "a", "b", control=control), "d"))
    go(activities, "jump", "a")
    activities.current = activities.nodes["b"]

    assert asked(activities, request_, "a") == expected


def test_nothing_comes_before_or_after_the_whole_course():
    activities = course()
    activities.current = activities.root

    assert asked(activities, "previous") == "NB.2.1-6"
    assert asked(activities, "continue") == "NB.2.1-4"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param("d", "NB.2.1-8", id="leaves the cluster that may not be left"),
        pytest.param("b", (EXIT, SequencingRequest.CHOICE), id="stays within it"),
        pytest.param("one", (EXIT, SequencingRequest.CHOICE), id="the cluster itself"),
    ],
)
def test_choice_exit_keeps_the_learner_inside(target, expected):
    inside = ControlModes(flow=True, choice_exit=False)
    activities = start(tree(cluster("root", cluster("one", "a", "b", control=inside), "d")))

    assert asked(activities, "choice", target) == expected


def test_choice_exit_of_the_activity_itself_counts_too():
    activities = start(tree(cluster("root", cluster("one", "a"), "d")))
    activities.current.control = ControlModes(choice_exit=False)

    assert asked(activities, "choice", "d") == "NB.2.1-8"


def test_only_the_4th_edition_jumps():
    assert asked(start(tree(cluster("root", "a", "b"), Edition.THIRD)), "jump", "b") == "NB.2.1-13"


def test_an_activity_that_was_not_selected_is_no_target_of_a_jump():
    activities = start(course())
    activities.set_available(activities.nodes["two"], [])

    assert asked(activities, "jump", "c") == "NB.2.1-11"


def test_every_exception_has_words():
    assert all(words.endswith(".") for words in EXCEPTIONS.values())
