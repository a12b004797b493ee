"""What a learner takes along from course to course."""

import pytest

from scorm_player.scorm.sequencing import scope
from scorm_player.scorm.sequencing.definition import CourseStructure, DataMap, Objective, ObjectiveMap
from scorm_player.scorm.sequencing.state import ObjectiveState, SequencingState
from tests.scorm_player.sequencing.trees import cluster, go, leaf, start, tree

MAPPED = Objective("p", maps=(ObjectiveMap("g%201", write_satisfied_status=True),))
ROOT = cluster("root", leaf("a", primary=MAPPED, data_maps=(DataMap("d"),)), "b")


@pytest.mark.parametrize(("is_system_wide", "expected"), [(True, ({"g 1"}, {"d"})), (False, (set(), set()))])
def test_the_names_a_course_shares(is_system_wide, expected):
    structure = CourseStructure(
        ROOT, objectives_global_to_system=is_system_wide, shared_data_global_to_system=is_system_wide
    )

    assert (scope.objective_names(structure), scope.data_names(structure)) == expected


def test_what_is_put_in_can_be_taken_out_again():
    structure, state = CourseStructure(ROOT), SequencingState()
    brought = {"g 1": ObjectiveState(satisfied=True), "elsewhere": ObjectiveState(satisfied=False)}

    scope.put_in(structure, state, brought, {"d": "x", "elsewhere": "y"})

    assert scope.take_out(structure, state) == ({"g 1": ObjectiveState(satisfied=True)}, {"d": "x"})
    assert state.global_objectives["g 1"] is not brought["g 1"]


def own():
    activities = start(tree(ROOT, objectives_global_to_system=False, shared_data_global_to_system=False))
    activities.state.shared_data["d"] = "x"
    return activities


def test_what_belongs_to_the_course_alone_ends_with_it():
    activities = own()
    go(activities, "exitAll")

    assert activities.state.global_objectives == {}
    assert activities.state.shared_data == {}


def test_it_stays_while_the_course_is_suspended():
    activities = own()
    go(activities, "continue")
    go(activities, "suspendAll")

    assert activities.state.global_objectives == {"g 1": ObjectiveState(satisfied=True)}
    assert activities.state.shared_data == {"d": "x"}


def test_what_is_shared_system_wide_stays():
    activities = start(tree(ROOT))
    activities.state.shared_data["d"] = "x"
    go(activities, "exitAll")

    assert activities.state.global_objectives == {"g 1": ObjectiveState(satisfied=True)}
    assert activities.state.shared_data == {"d": "x"}
