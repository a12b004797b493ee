"""The activity tree: places, paths, copies."""

import random

import pytest

from scorm_player.scorm.sequencing.definition import ControlModes
from scorm_player.scorm.sequencing.state import SequencingState
from scorm_player.scorm.sequencing.tree import ActivityTree, common_ancestor, path_between
from tests.scorm_player.sequencing.trees import cluster, leaf, start, tree


@pytest.fixture
def activities():
    return tree(cluster("root", cluster("one", "a", "b"), cluster("two", "c")))


@pytest.mark.parametrize(
    ("one", "other", "ancestor"),
    [
        ("a", "b", "one"),
        ("a", "c", "root"),
        ("a", "one", "one"),
        ("one", "a", "one"),
        ("a", "a", "a"),
        ("root", "c", "root"),
    ],
)
def test_common_ancestor(activities, one, other, ancestor):
    assert common_ancestor(activities.nodes[one], activities.nodes[other]) is activities.nodes[ancestor]


def test_paths(activities):
    a, one, root = (activities.nodes[name] for name in ("a", "one", "root"))

    assert a.path() == [a, one, root]
    assert path_between(a, root) == [a, one]
    assert path_between(a, a) == []
    assert a.is_within(one)
    assert not one.is_within(a)
    assert not activities.nodes["c"].is_within(one)
    assert repr(a) == "<a>"


def test_an_activity_that_is_not_here_is_not_found(activities):
    assert activities.find("a") is activities.nodes["a"]
    assert activities.find("nowhere") is None
    assert activities.find(None) is None


def test_a_state_from_another_version_of_the_course_keeps_what_still_fits(activities):
    activities.set_available(activities.nodes["one"], list(activities.nodes["one"].children))
    activities.current = activities.nodes["b"]

    changed = ActivityTree(tree(cluster("root", cluster("one", "a", "new"))).structure, activities.state)

    assert [node.identifier for node in changed.nodes["one"].available] == ["a"]
    assert changed.current is None


def test_a_copy_goes_its_own_way_with_the_same_luck():
    activities = start(tree(cluster("root", "a", "b"), generator=random.Random(5)))  # noqa: S311 lessons, no secret
    before = activities.state.copy()
    twin = activities.copy()

    assert twin.generator.random() == activities.generator.random()
    twin.current = twin.nodes["b"]
    twin.nodes["a"].state.attempt_count = 9
    assert activities.state == before


@pytest.mark.parametrize(
    ("root", "flows"),
    [
        pytest.param(cluster("root", "a", control=ControlModes()), True, id="one activity that says nothing"),
        pytest.param(cluster("root", "a", "b", control=ControlModes()), False, id="two activities"),
        pytest.param(cluster("root", cluster("one", "a"), control=ControlModes()), False, id="one cluster"),
        pytest.param(
            cluster("root", "a", control=ControlModes(choice=False)), False, id="no choice, so it says something"
        ),
        pytest.param(leaf("root", control=ControlModes()), False, id="nothing but a root"),
    ],
)
def test_a_single_activity_starts_by_itself(root, flows):
    assert tree(root).root.control.flow is flows


def test_what_has_not_been_touched_takes_no_room_in_the_state(activities):
    assert activities.state.to_json()["activities"] == {}
    assert SequencingState.from_json({}) == SequencingState()
