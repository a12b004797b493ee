"""What outlives a registration (SN 3.10, CAM 5.1.1): global objectives and shared data of a learner across packages.

Whoever keeps them for the learner asks which names a course knows, puts their values in, and takes them out after.
"""

from collections.abc import Mapping

from scorm_player.scorm.sequencing.definition import CourseStructure
from scorm_player.scorm.sequencing.state import ObjectiveState, SequencingState
from scorm_player.scorm.sequencing.tree import ActivityTree, mapped_names


def objective_names(structure: CourseStructure) -> frozenset[str]:
    """Answer the global objectives that the course shares with others; none when they are its own."""
    return mapped_names(structure)[0] if structure.objectives_global_to_system else frozenset()


def data_names(structure: CourseStructure) -> frozenset[str]:
    """Answer the data stores that the course shares with others; none when they are its own."""
    return mapped_names(structure)[1] if structure.shared_data_global_to_system else frozenset()


def put_in(
    structure: CourseStructure,
    state: SequencingState,
    objectives: Mapping[str, ObjectiveState],
    data: Mapping[str, str],
) -> None:
    """Set in the state what the learner has brought along; names the course does not know are left alone."""
    for name in objective_names(structure) & objectives.keys():
        state.global_objectives[name] = objectives[name].copy()
    for name in data_names(structure) & data.keys():
        state.shared_data[name] = data[name]


def take_out(structure: CourseStructure, state: SequencingState) -> tuple[dict[str, ObjectiveState], dict[str, str]]:
    """Answer the objectives and the data that the learner takes along."""
    objectives = {name: state.global_objectives[name].copy() for name in _both(structure, state)}
    data = {name: state.shared_data[name] for name in sorted(data_names(structure) & state.shared_data.keys())}
    return objectives, data


def forget_own(tree: ActivityTree) -> None:
    """Forget the global objectives and shared data that belong to this course alone: an attempt on it has ended.

    A suspended course keeps them until it has been resumed and ended for good.
    """
    if tree.root.state.is_suspended:
        return
    if not tree.structure.objectives_global_to_system:
        tree.state.global_objectives.clear()
    if not tree.structure.shared_data_global_to_system:
        tree.state.shared_data.clear()


def _both(structure: CourseStructure, state: SequencingState) -> list[str]:
    return sorted(objective_names(structure) & state.global_objectives.keys())
