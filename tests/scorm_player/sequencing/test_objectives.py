"""SN 3.10: local objectives, global objectives, and the maps between them."""

import pytest

from scorm_player.scorm.sequencing import objectives
from scorm_player.scorm.sequencing.definition import CompletionThreshold, Objective, ObjectiveMap
from scorm_player.scorm.sequencing.state import ObjectiveState
from tests.scorm_player.sequencing.trees import cluster, leaf, tree

FIELDS = {
    "satisfied": ("satisfied_status", True),
    "measure": ("normalized_measure", 0.5),
    "completed": ("completion_status", True),
    "progress_measure": ("progress_measure", 0.5),
    "raw_score": ("raw_score", 5.0),
    "min_score": ("min_score", 1.0),
    "max_score": ("max_score", 10.0),
}


def activity(*maps, **parts):
    """A tree with one activity `a`, and its objective with these maps."""
    activities = tree(cluster("root", leaf("a", objectives=(Objective("local", maps=maps),), **parts), "b"))
    node = activities.nodes["a"]
    return activities, node, node.objective("local")


def set_field(activities, node, objective, name, value):
    setters = {
        "satisfied": objectives.set_satisfied,
        "measure": objectives.set_measure,
        "completed": objectives.set_completed,
        "progress_measure": objectives.set_progress_measure,
    }
    if name in setters:
        setters[name](activities, node, objective, value)
    else:
        objectives.set_score(activities, node, objective, name, value)


def get_field(activities, node, objective, name):
    getters = {
        "satisfied": objectives.is_satisfied,
        "measure": objectives.measure_of,
        "completed": objectives.is_completed,
        "progress_measure": objectives.progress_measure_of,
    }
    if name in getters:
        return getters[name](activities, node, objective)
    return objectives.score_of(activities, node, objective, name)


@pytest.mark.parametrize("name", FIELDS)
def test_a_write_map_takes_its_field_and_no_other_to_the_global_objective(name):
    flag, value = FIELDS[name]
    activities, node, objective = activity(ObjectiveMap("g", **{f"write_{flag}": True}))

    for each, (_, one) in FIELDS.items():
        set_field(activities, node, objective, each, one)

    assert activities.state.global_objectives == {"g": ObjectiveState(**{name: value})}


@pytest.mark.parametrize("name", FIELDS)
def test_a_read_map_brings_its_field_and_no_other(name):
    flag, value = FIELDS[name]
    activities, node, objective = activity(ObjectiveMap("g", **{f"read_{flag}": True}))
    activities.state.global_objectives["g"] = ObjectiveState(**{each: one for each, (_, one) in FIELDS.items()})

    found = {each: get_field(activities, node, objective, each) for each in FIELDS}

    assert found == {each: value if each == name else None for each in FIELDS}


@pytest.mark.parametrize("name", FIELDS)
def test_what_is_not_mapped_is_local(name):
    activities, node, objective = activity()

    set_field(activities, node, objective, name, FIELDS[name][1])

    assert get_field(activities, node, objective, name) == FIELDS[name][1]
    assert activities.state.global_objectives == {}


@pytest.mark.parametrize(
    ("name", "stands"),
    [("satisfied", False), ("measure", False), ("raw_score", False), ("completed", True), ("progress_measure", True)],
)
def test_while_the_global_objective_is_unknown_the_local_one_serves_for_completion_only(name, stands):
    flag, value = FIELDS[name]
    activities, node, objective = activity(ObjectiveMap("g", **{f"read_{flag}": True}))

    set_field(activities, node, objective, name, value)

    assert get_field(activities, node, objective, name) == (value if stands else None)


def test_several_targets_are_written_and_the_first_is_read():
    maps = (
        ObjectiveMap("g1", read_satisfied_status=True, write_satisfied_status=True),
        ObjectiveMap("g2", read_satisfied_status=True, write_satisfied_status=True),
    )
    activities, node, objective = activity(*maps)
    objectives.set_satisfied(activities, node, objective, True)
    activities.global_objective("g2").satisfied = False

    assert activities.global_objective("g1").satisfied is True
    assert objectives.is_satisfied(activities, node, objective) is True


def test_nothing_known_takes_nothing_back():
    activities, node, objective = activity(ObjectiveMap("g", write_normalized_measure=True))
    activities.global_objective("g").measure = 0.5

    objectives.set_measure(activities, node, objective, None)

    assert activities.global_objective("g").measure == 0.5


def test_forgetting_takes_back_even_what_another_activity_wrote():
    both = ObjectiveMap("g", write_satisfied_status=True, write_completion_status=True)
    activities, node, objective = activity(both)
    activities.global_objective("g").satisfied = activities.global_objective("g").completed = True

    objectives.forget_satisfied(activities, node, objective)
    objectives.forget_completed(activities, node, objective)

    assert activities.global_objective("g") == ObjectiveState()


def test_where_a_measure_decides_nobody_else_sets_or_forgets_the_status():
    primary = Objective("p", satisfied_by_measure=True, min_normalized_measure=0.5)
    threshold = CompletionThreshold(by_measure=True, min_progress_measure=0.5)
    activities, node, _ = activity(primary=primary, completion_threshold=threshold)
    objectives.set_measure(activities, node, node.primary, 0.7)
    objectives.set_progress_measure(activities, node, node.primary, 0.7)

    for value in (False, None):
        objectives.set_satisfied(activities, node, node.primary, value)
        objectives.set_completed(activities, node, node.primary, value)
    objectives.forget_satisfied(activities, node, node.primary)
    objectives.forget_completed(activities, node, node.primary)

    assert objectives.is_satisfied(activities, node, node.primary) is True
    assert objectives.is_completed(activities, node, node.primary) is True


def test_completion_on_record_is_the_global_one_else_the_local_one():
    activities, node, objective = activity(ObjectiveMap("g", read_completion_status=True))

    assert objectives.recorded_completion(activities, node, objective) is None
    objectives.set_completed(activities, node, objective, False)
    assert objectives.recorded_completion(activities, node, objective) is False
    activities.global_objective("g").completed = True
    assert objectives.recorded_completion(activities, node, objective) is True


@pytest.mark.parametrize(
    "spelling", ["obj 1", "  obj%201 ", "obj  1", "%20obj%20%201%20"], ids=["plain", "encoded", "doubled", "all"]
)
def test_identifiers_are_compared_with_white_space_collapsed(spelling):
    activities = tree(cluster("root", leaf("a", objectives=(Objective("obj%201"),), primary=Objective("main"))))
    node = activities.nodes["a"]

    assert node.objective(spelling) is node.objectives["obj 1"]


def test_a_rule_that_names_no_objective_or_one_that_is_not_here_means_the_one_that_rolls_up():
    activities = tree(cluster("root", leaf("a", primary=Objective("main"))))
    node = activities.nodes["a"]

    assert node.objective(None) is node.objective("main") is node.objective("elsewhere") is node.primary
    assert node.find_objective("elsewhere") is None


def test_a_second_objective_of_the_same_identifier_or_of_none_does_not_replace_the_one_that_rolls_up():
    primary = Objective("main", satisfied_by_measure=True)
    activities = tree(cluster("root", leaf("a", primary=primary, objectives=(Objective(), Objective("main")))))

    assert activities.nodes["a"].primary.definition is primary
    assert activities.nodes["a"].objective("main").definition is primary
