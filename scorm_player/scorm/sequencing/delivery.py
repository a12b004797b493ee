"""Delivery behavior (SN 4.9; DB.1.1, DB.2, DB.2.1): whether an activity may be delivered, and what begins with it."""

from scorm_player.scorm.sequencing.prerequisites import are_prerequisites_met
from scorm_player.scorm.sequencing.tree import ActivityTree, Node, common_ancestor, path_between
from scorm_player.scorm.sequencing.utility import check_activity, terminate_descendent_attempts


def delivery_request_process(tree: ActivityTree, activity: Node) -> str | None:
    """DB.1.1: answer the exception that keeps the activity from being delivered; None when it may be.

    Unmet prerequisites of SCORM 1.2, of which the book knows nothing, are an exception of their own.
    """
    if not activity.is_leaf:
        return "DB.1.1-1"
    if not _is_barred(tree, activity):
        return None
    return "DB.1.1-3" if all(are_prerequisites_met(tree, node) for node in activity.path()) else "prerequisites"


def _is_barred(tree: ActivityTree, activity: Node) -> bool:
    """DB.1.1, step 4: whether the activity or one it lies in may not be attempted; remembered while only looking."""
    if tree.memory is None:
        return any(check_activity(tree, node) for node in activity.path())
    known = tree.memory.barred.get(activity.identifier)
    if known is None:
        around = activity.parent
        known = (around is not None and _is_barred(tree, around)) or check_activity(tree, activity)
        tree.memory.barred[activity.identifier] = known
    return known


def content_delivery_environment(tree: ActivityTree, activity: Node) -> str | None:
    """DB.2: begin the attempts that delivering the activity needs; answer the exception when that cannot be."""
    if tree.current is not None and tree.current.state.is_active:
        return "DB.2-1"
    if activity is not tree.suspended:
        clear_suspended_activity(tree, activity)
    terminate_descendent_attempts(tree, activity)
    for node in reversed(activity.path()):
        if not node.state.is_active:
            _begin_or_resume(tree, node)
            node.state.is_active = True
    tree.current = activity
    tree.suspended = None
    return None


def clear_suspended_activity(tree: ActivityTree, activity: Node) -> None:
    """DB.2.1: something else is delivered, so the suspended activity is no longer so, nor what it alone suspends."""
    suspended = tree.suspended
    if suspended is None:
        return
    ancestor = common_ancestor(activity, suspended)
    for node in [*path_between(suspended, ancestor), ancestor]:
        if node.is_leaf or not any(child.state.is_suspended for child in node.available):
            node.state.is_suspended = False
    tree.suspended = None


def _begin_or_resume(tree: ActivityTree, node: Node) -> None:
    """DB.2, step 5.1.1: a suspended attempt goes on; otherwise a new one begins with nothing known."""
    state = node.state
    if not node.definition.delivery.tracked:
        state.is_suspended = False
        return
    state.stale_objectives = state.stale_progress = False
    if state.is_suspended:
        state.is_suspended = False
        return
    state.attempt_count += 1
    state.objectives.clear()
    state.holds_back_success = state.holds_back_completion = False
    state.attempt_started_at = tree.now.isoformat() if tree.now else None
    state.attempt_experienced_duration = 0.0
    control = node.control
    for child in node.children:
        _grow_stale(child, control.use_current_attempt_objective_info, control.use_current_attempt_progress_info)


def _grow_stale(node: Node, objectives: bool, progress: bool) -> None:
    """SN 3.2.5, 3.2.6: what children have reached in an earlier attempt on their parent does not count in this one."""
    if node.state.objectives:
        node.state.stale_objectives |= objectives
        node.state.stale_progress |= progress
    control = node.control
    for child in node.children:
        _grow_stale(
            child,
            objectives and control.use_current_attempt_objective_info,
            progress and control.use_current_attempt_progress_info,
        )
