"""Utility processes that the others share (SN appendix C; UP.1, UP.3–UP.5). UP.2 stands with the conditions."""

from scorm_player.scorm.sequencing import objectives
from scorm_player.scorm.sequencing.conditions import (
    DISABLED,
    attempt_age,
    is_attempt_limit_reached,
    is_outside_available_time_range,
    is_time_limit_exceeded,
    pre_condition_action,
)
from scorm_player.scorm.sequencing.prerequisites import are_prerequisites_met
from scorm_player.scorm.sequencing.rollup import overall_rollup
from scorm_player.scorm.sequencing.selection import prepare_next_attempt
from scorm_player.scorm.sequencing.tree import ActivityTree, Node, common_ancestor, path_between


def limit_conditions_check(tree: ActivityTree, node: Node) -> bool:
    """UP.1: tell whether a new attempt on the activity would violate one of its limits."""
    if not node.definition.delivery.tracked or node.state.is_active or node.state.is_suspended:
        return False
    if is_attempt_limit_reached(node):
        return True
    if not tree.enforce_time_limits:
        return False
    return is_time_limit_exceeded(tree, node) or is_outside_available_time_range(tree, node)


def terminate_descendent_attempts(tree: ActivityTree, node: Node) -> None:
    """UP.3: end the attempts between the current activity and what it has in common with `node`, both left out."""
    if tree.current is None:
        return
    for activity in path_between(tree.current, common_ancestor(tree.current, node))[1:]:
        end_attempt(tree, activity)


def end_attempt(tree: ActivityTree, node: Node) -> None:
    """UP.4: end the attempt on the activity, say for content what it left unsaid, and roll up."""
    if node.is_leaf:
        _complete_tracking(tree, node)
    else:
        node.state.is_suspended = any(child.state.is_suspended for child in node.available)
    was_active = node.state.is_active
    if was_active and not node.state.is_suspended:
        _stop_the_clock(tree, node)
    node.state.is_active = False
    overall_rollup(tree, node)
    if was_active and not node.state.is_suspended:
        prepare_next_attempt(tree, node)


def _complete_tracking(tree: ActivityTree, node: Node) -> None:
    """UP.4, step 1: content that says nothing has completed and satisfied its activity.

    Content that said "unknown" in so many words has said something.
    """
    delivery, state, primary = node.definition.delivery, node.state, node.primary
    if not delivery.tracked or state.is_suspended:
        return
    says_completion = delivery.completion_set_by_content or state.holds_back_completion
    if not says_completion and objectives.is_completed(tree, node, primary) is None:
        objectives.set_completed(tree, node, primary, True)
    says_success = delivery.objective_set_by_content or state.holds_back_success
    if not says_success and objectives.is_satisfied(tree, node, primary) is None:
        objectives.set_satisfied(tree, node, primary, True)


def _stop_the_clock(tree: ActivityTree, node: Node) -> None:
    node.state.activity_absolute_duration += attempt_age(tree, node)
    node.state.attempt_started_at = None


def check_activity(tree: ActivityTree, node: Node) -> bool:
    """UP.5: tell whether the activity is disabled or a new attempt would violate one of its limits."""
    if pre_condition_action(tree, node, DISABLED) is not None or limit_conditions_check(tree, node):
        return True
    return not are_prerequisites_met(tree, node)
