"""Repairs for a learner who is stuck. Not of the book: whoever calls them has a reason, and writes it down."""

from scorm_player.scorm.sequencing import objectives
from scorm_player.scorm.sequencing.rollup import overall_rollup
from scorm_player.scorm.sequencing.state import ActivityState
from scorm_player.scorm.sequencing.tree import ActivityTree, Node


def release(tree: ActivityTree) -> None:
    """Close the session and clear the suspended activity: the next launch starts anew, with all that is tracked."""
    tree.current = tree.suspended = None
    for node in tree.nodes.values():
        node.state.is_active = node.state.is_suspended = False


def reset(tree: ActivityTree, node: Node) -> None:
    """Forget everything about the activity and what is below it, and roll up what remains; it must not be active."""
    for activity in node.everything():
        activity.state = tree.state.activities[activity.identifier] = ActivityState()
        if tree.suspended is activity:
            tree.suspended = None
        tree.restore_available(activity)
    if node.parent is not None:
        overall_rollup(tree, node.parent)


def suspend(tree: ActivityTree, node: Node) -> None:
    """Make the activity the suspended one, as if the learner had left it just now: the next launch goes on there."""
    release(tree)
    tree.suspended = node
    for activity in node.path():
        activity.state.attempt_count = max(activity.state.attempt_count, 1)
        activity.state.is_suspended = True


def set_status(tree: ActivityTree, node: Node, *, completed: bool | None = None, satisfied: bool | None = None) -> None:
    """Set what somebody has decided about the activity, and roll it up; None leaves that status as it is."""
    if completed is not None:
        objectives.set_completed(tree, node, node.primary, completed)
    if satisfied is not None:
        objectives.set_satisfied(tree, node, node.primary, satisfied)
    overall_rollup(tree, node)
