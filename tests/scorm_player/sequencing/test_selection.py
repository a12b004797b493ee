"""SR.1, SR.2: which children a cluster has in this attempt, and in which order."""

import random

import pytest

from scorm_player.scorm.sequencing import objectives
from scorm_player.scorm.sequencing.definition import Randomization, Selection, Timing
from scorm_player.scorm.sequencing.selection import prepare_clusters, prepare_next_attempt
from scorm_player.scorm.sequencing.state import SequencingState
from scorm_player.scorm.sequencing.tree import ActivityTree
from tests.scorm_player.sequencing.trees import cluster, go, start, tree

NAMES = [f"a{number}" for number in range(10)]


def course(**parts):
    return tree(cluster("root", *NAMES, **parts), generator=random.Random(7))  # noqa: S311 lessons, no secret


def available(activities):
    return [child.identifier for child in activities.root.available]


@pytest.mark.parametrize(
    ("selection", "count"),
    [
        pytest.param(Selection(), 10, id="never"),
        pytest.param(Selection(Timing.ONCE, 4), 4, id="four of ten"),
        pytest.param(Selection(Timing.ONCE, 40), 10, id="more than there are"),
        pytest.param(Selection(Timing.ONCE), 10, id="no count"),
        pytest.param(Selection(Timing.ON_EACH_NEW_ATTEMPT, 4), 4, id="on each new attempt"),
    ],
)
def test_children_are_selected_when_a_session_begins_and_keep_their_order(selection, count):
    activities = course(selection=selection)

    prepare_clusters(activities)

    assert len(available(activities)) == count
    assert available(activities) == sorted(available(activities))


@pytest.mark.parametrize(
    ("randomization", "is_shuffled"),
    [
        pytest.param(Randomization(), False, id="never"),
        pytest.param(Randomization(Timing.ONCE, True), True, id="once"),
        pytest.param(Randomization(Timing.ONCE, False), False, id="but not reordered"),
    ],
)
def test_children_are_shuffled(randomization, is_shuffled):
    activities = course(randomization=randomization)

    prepare_clusters(activities)

    assert (available(activities) != NAMES) is is_shuffled
    assert sorted(available(activities)) == NAMES


def test_once_means_once():
    activities = course(selection=Selection(Timing.ONCE, 4), randomization=Randomization(Timing.ONCE, True))
    prepare_clusters(activities)
    first = available(activities)

    prepare_clusters(activities)
    prepare_next_attempt(activities, activities.root)

    assert available(activities) == first


def test_on_each_new_attempt_they_are_chosen_again_when_one_ends():
    each = Timing.ON_EACH_NEW_ATTEMPT
    activities = course(selection=Selection(each, 4), randomization=Randomization(each, True))
    start(activities)
    first = available(activities)

    go(activities, "exitAll")

    assert available(activities) != first
    assert len(available(activities)) == 4


def test_the_children_of_the_attempt_that_ends_are_the_ones_that_roll_up():
    activities = course(selection=Selection(Timing.ON_EACH_NEW_ATTEMPT, 1))
    start(activities)

    go(activities, "exitAll")

    assert objectives.is_completed(activities, activities.root, activities.root.primary) is True


def test_nothing_changes_while_the_cluster_is_suspended():
    activities = course(selection=Selection(Timing.ON_EACH_NEW_ATTEMPT, 4))
    start(activities)
    first = available(activities)

    go(activities, "suspendAll")
    prepare_clusters(activities)

    assert available(activities) == first


def test_the_selection_survives_the_state():
    activities = course(selection=Selection(Timing.ONCE, 4))
    prepare_clusters(activities)

    again = ActivityTree(activities.structure, SequencingState.from_json(activities.state.to_json()))

    assert available(again) == available(activities)
    assert [node.identifier for node in again.root.walk()] == ["root", *available(activities)]
    assert not next(node for node in again.root.children if node not in again.root.available).is_available()
