"""Objective progress with its maps (SN 3.10, 4.2.1): where local objectives and global ones meet.

Reading: a field with a read map is the global objective's. For satisfaction, measure and scores the global one replaces
the local one even while it is unknown; for completion and progress measure (4th Edition maps) the local one serves
until the global one is known. Writing: a field with write maps goes to the local objective and to every target.
"""

from scorm_player.scorm.sequencing.state import PRIMARY, ObjectiveState
from scorm_player.scorm.sequencing.tree import ActivityTree, LocalObjective, Node

PROGRESS = ("completed", "progress_measure")
PRECISION = 7  # significant decimal places of a real(10,7)


def local(node: Node, objective: LocalObjective) -> ObjectiveState:
    """Answer the local progress information of an objective; it comes into being when first asked for."""
    found = node.state.objectives.get(objective.key)
    if found is None:
        found = node.state.objectives[objective.key] = ObjectiveState()
    return found


def is_satisfied(tree: ActivityTree, node: Node, objective: LocalObjective, *, fresh: bool = False) -> bool | None:
    """Tell whether the objective is satisfied; None when unknown.

    An objective satisfied by measure knows nothing but its measure; one that rolls up waits for the end of the attempt
    when `measureSatisfactionIfActive` is false. `fresh` sees only what belongs to the parent's current attempt.
    """
    if objective.definition.satisfied_by_measure:
        if is_waiting_for_the_end(node, objective):
            return None
        measure = measure_of(tree, node, objective, fresh=fresh)
        return None if measure is None else measure >= objective.definition.min_normalized_measure
    target = objective.reads.get("satisfied")
    if target is not None:
        return tree.known_globally(target).satisfied
    found = _visible(node, objective, fresh and node.state.stale_objectives)
    return None if found is None else found.satisfied


def is_waiting_for_the_end(node: Node, objective: LocalObjective) -> bool:
    """Tell whether the measure may not decide yet (`adlseq:measureSatisfactionIfActive`, RB.1.2 a)."""
    waits = not node.definition.rollup.measure_satisfaction_if_active
    return waits and objective.key == PRIMARY and node.state.is_active


def measure_of(tree: ActivityTree, node: Node, objective: LocalObjective, *, fresh: bool = False) -> float | None:
    """Answer the normalized measure of the objective, −1…1; None when unknown."""
    target = objective.reads.get("measure")
    if target is not None:
        return tree.known_globally(target).measure
    found = _visible(node, objective, fresh and node.state.stale_objectives)
    return None if found is None else found.measure


def is_completed(tree: ActivityTree, node: Node, objective: LocalObjective, *, fresh: bool = False) -> bool | None:
    """Tell whether the objective, or for the one that rolls up the attempt, is completed; None when unknown."""
    if objective.key == PRIMARY and is_completed_by_measure(tree, node):
        amount = progress_measure_of(tree, node, objective, fresh=fresh)
        return None if amount is None else amount >= node.definition.completion_threshold.min_progress_measure
    target = objective.reads.get("completed")
    if target is not None and (known := tree.known_globally(target).completed) is not None:
        return known
    found = _visible(node, objective, fresh and node.state.stale_progress)
    return None if found is None else found.completed


def recorded_completion(tree: ActivityTree, node: Node, objective: LocalObjective) -> bool | None:
    """Tell the completion on record, maybe another activity's by another threshold; None when unknown."""
    target = objective.reads.get("completed")
    if target is not None and (known := tree.known_globally(target).completed) is not None:
        return known
    found = node.state.objectives.get(objective.key)
    return None if found is None else found.completed


def is_completed_by_measure(tree: ActivityTree, node: Node) -> bool:
    """Tell whether the progress measure alone decides completion (4th Edition, `completedByMeasure`)."""
    return tree.is_fourth_edition and node.definition.completion_threshold.by_measure


def progress_measure_of(
    tree: ActivityTree, node: Node, objective: LocalObjective, *, fresh: bool = False
) -> float | None:
    """Answer how much is completed, 0…1; None when unknown."""
    target = objective.reads.get("progress_measure")
    if target is not None and (known := tree.known_globally(target).progress_measure) is not None:
        return known
    found = _visible(node, objective, fresh and node.state.stale_progress)
    return None if found is None else found.progress_measure


def score_of(tree: ActivityTree, node: Node, objective: LocalObjective, name: str) -> float | None:
    """Answer `raw_score`, `min_score` or `max_score` of the objective; None when unknown."""
    target = objective.reads.get(name)
    found = tree.known_globally(target) if target is not None else _visible(node, objective, False)
    value: float | None = getattr(found, name, None)
    return value


def _visible(node: Node, objective: LocalObjective, is_stale: bool) -> ObjectiveState | None:
    return None if is_stale else node.state.objectives.get(objective.key)


def set_satisfied(tree: ActivityTree, node: Node, objective: LocalObjective, value: bool | None) -> None:
    """Set the objective's status, unless its measure alone decides it."""
    if not objective.definition.satisfied_by_measure:
        _write(tree, node, objective, "satisfied", value)


def forget_satisfied(tree: ActivityTree, node: Node, objective: LocalObjective) -> None:
    """Make the status unknown here and in every global objective it is written to: content said so explicitly."""
    if not objective.definition.satisfied_by_measure:
        local(node, objective).satisfied = None
        for target in objective.writes.get("satisfied", ()):
            tree.global_objective(target).satisfied = None


def set_measure(tree: ActivityTree, node: Node, objective: LocalObjective, value: float | None) -> None:
    """Set the objective's measure; where that decides its status, the status goes to the global objectives too."""
    _write(tree, node, objective, "measure", None if value is None else round(value, PRECISION))
    publish_status(tree, node, objective)


def publish_status(tree: ActivityTree, node: Node, objective: LocalObjective) -> None:
    """Write to the global objectives the status that the measure decides (RB.1.2 a)."""
    if objective.definition.satisfied_by_measure and not is_waiting_for_the_end(node, objective):
        _write(tree, node, objective, "satisfied", is_satisfied(tree, node, objective))


def forget_completed(tree: ActivityTree, node: Node, objective: LocalObjective) -> None:
    """Make the completion unknown here and in every global objective it is written to: content said so explicitly."""
    if objective.key != PRIMARY or not is_completed_by_measure(tree, node):
        local(node, objective).completed = None
        for target in objective.writes.get("completed", ()):
            tree.global_objective(target).completed = None


def set_completed(tree: ActivityTree, node: Node, objective: LocalObjective, value: bool | None) -> None:
    """Set the completion status, unless the progress measure alone decides it."""
    if objective.key != PRIMARY or not is_completed_by_measure(tree, node):
        _write(tree, node, objective, "completed", value)


def set_progress_measure(tree: ActivityTree, node: Node, objective: LocalObjective, value: float | None) -> None:
    """Set the completion amount; where that decides completion, the status goes to the global objectives too."""
    _write(tree, node, objective, "progress_measure", None if value is None else round(value, PRECISION))
    publish_completion(tree, node, objective)


def publish_completion(tree: ActivityTree, node: Node, objective: LocalObjective) -> None:
    """Write to the global objectives the completion that the progress measure decides (RB.1.3 a)."""
    if objective.key == PRIMARY and is_completed_by_measure(tree, node):
        _write(tree, node, objective, "completed", is_completed(tree, node, objective))


def set_score(tree: ActivityTree, node: Node, objective: LocalObjective, name: str, value: float | None) -> None:
    """Set `raw_score`, `min_score` or `max_score`."""
    _write(tree, node, objective, name, value)


def _write(tree: ActivityTree, node: Node, objective: LocalObjective, name: str, value: bool | float | None) -> None:
    found = local(node, objective)
    if value is None and getattr(found, name) is None:
        return  # nothing was known here, so nothing is taken back from the others
    setattr(found, name, value)
    if name in PROGRESS:
        node.state.stale_progress = False
    else:
        node.state.stale_objectives = False
    for target in objective.writes.get(name, ()):
        setattr(tree.global_objective(target), name, value)
