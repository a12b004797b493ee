"""Rollup (SN 4.6; RB.1.1–RB.1.5): what is known of children becomes known of their parent."""

from scorm_player.scorm.sequencing import objectives
from scorm_player.scorm.sequencing.conditions import SKIPPED, combined, evaluate, pre_condition_action
from scorm_player.scorm.sequencing.definition import (
    ChildActivitySet,
    ConditionName,
    RollupAction,
    RollupCondition,
    RollupConsideration,
    RollupRule,
)
from scorm_player.scorm.sequencing.tree import ActivityTree, Node

DEFAULT_RULES = {
    RollupAction.SATISFIED: RollupRule(RollupAction.SATISFIED, (RollupCondition(ConditionName.SATISFIED),)),
    RollupAction.NOT_SATISFIED: RollupRule(
        RollupAction.NOT_SATISFIED, (RollupCondition(ConditionName.OBJECTIVE_STATUS_KNOWN),)
    ),
    RollupAction.COMPLETED: RollupRule(RollupAction.COMPLETED, (RollupCondition(ConditionName.COMPLETED),)),
    RollupAction.INCOMPLETE: RollupRule(
        RollupAction.INCOMPLETE, (RollupCondition(ConditionName.ACTIVITY_PROGRESS_KNOWN),)
    ),
}
OPPOSITE = {
    RollupAction.SATISFIED: RollupAction.NOT_SATISFIED,
    RollupAction.NOT_SATISFIED: RollupAction.SATISFIED,
    RollupAction.COMPLETED: RollupAction.INCOMPLETE,
    RollupAction.INCOMPLETE: RollupAction.COMPLETED,
}


def overall_rollup(tree: ActivityTree, node: Node) -> None:
    """RB.1.5: roll up from the activity to the root, and wherever a global objective that these write to is read.

    Deepest clusters first, each once (SN 4.6.4: an activity that reads a global objective into what it rolls up counts
    as changed with it, so its ancestors follow).
    """
    path = node.path()
    affected = {id(activity): activity for activity in path}
    for target in {target for activity in path for target in activity.shared()}:
        for reader in tree.readers.get(target, ()):
            affected |= {id(activity): activity for activity in reader.path()[1:]}
    for activity in sorted(affected.values(), key=lambda each: (-each.depth, each.order)):
        roll_up(tree, activity)


def roll_up(tree: ActivityTree, node: Node) -> None:
    """RB.1.5, step 3, for one activity. Nothing is recorded of one that is not tracked."""
    if not node.definition.delivery.tracked:
        return
    if not node.is_leaf:
        measure_rollup(tree, node)
        if tree.is_fourth_edition:
            completion_measure_rollup(tree, node)
    objective_rollup(tree, node)
    activity_progress_rollup(tree, node)


def measure_rollup(tree: ActivityTree, cluster: Node) -> None:
    """RB.1.1 a: set the cluster's measure to the weighted mean of its tracked children's.

    A child with no measure yet still counts by its weight, so a half-done course does not look like a finished one.
    A measure stands until the child has a newer one, also through a new attempt on the cluster.
    """
    total, counted, is_known = 0.0, 0.0, False
    for child in _tracked(cluster):
        weight = child.definition.rollup.objective_measure_weight
        counted += weight
        measure = objectives.measure_of(tree, child, child.primary)
        if measure is not None:
            total += measure * weight
            is_known = True
    objectives.set_measure(tree, cluster, cluster.primary, total / counted if is_known and counted > 0 else None)


def completion_measure_rollup(tree: ActivityTree, cluster: Node) -> None:
    """RB.1.1 b: set the cluster's progress measure to the weighted mean of its tracked children's (4th Edition)."""
    total, counted, is_known = 0.0, 0.0, False
    for child in _tracked(cluster):
        weight = child.definition.completion_threshold.progress_weight
        counted += weight
        amount = objectives.progress_measure_of(tree, child, child.primary, fresh=True)
        if amount is not None:
            total += amount * weight
            is_known = True
    mean = total / counted if is_known and counted > 0 else None
    objectives.set_progress_measure(tree, cluster, cluster.primary, mean)


def objective_rollup(tree: ActivityTree, node: Node) -> None:
    """RB.1.2: by measure where the objective says so, by rules otherwise."""
    if node.primary.definition.satisfied_by_measure:
        objective_rollup_using_measure(tree, node)
    elif not node.is_leaf:
        objective_rollup_using_rules(tree, node)


def objective_rollup_using_measure(tree: ActivityTree, node: Node) -> None:
    """RB.1.2 a: the measure decides the status whenever it is asked for; here the global objectives learn of it."""
    objectives.publish_status(tree, node, node.primary)


def objective_rollup_using_rules(tree: ActivityTree, cluster: Node) -> None:
    """RB.1.2 b: not satisfied first, then satisfied, which prevails."""
    for action in (RollupAction.NOT_SATISFIED, RollupAction.SATISFIED):
        if rollup_rule_check(tree, cluster, action):
            objectives.set_satisfied(tree, cluster, cluster.primary, action is RollupAction.SATISFIED)


def activity_progress_rollup(tree: ActivityTree, node: Node) -> None:
    """RB.1.3: by measure where the completion threshold says so, by rules otherwise."""
    if objectives.is_completed_by_measure(tree, node):
        activity_progress_rollup_using_measure(tree, node)
    elif not node.is_leaf:
        activity_progress_rollup_using_rules(tree, node)


def activity_progress_rollup_using_measure(tree: ActivityTree, node: Node) -> None:
    """RB.1.3 a: the progress measure decides whenever it is asked for; here the global objectives learn of it."""
    objectives.publish_completion(tree, node, node.primary)


def activity_progress_rollup_using_rules(tree: ActivityTree, cluster: Node) -> None:
    """RB.1.3 b: incomplete first, then completed, which prevails."""
    for action in (RollupAction.INCOMPLETE, RollupAction.COMPLETED):
        if rollup_rule_check(tree, cluster, action):
            objectives.set_completed(tree, cluster, cluster.primary, action is RollupAction.COMPLETED)


def rollup_rule_check(tree: ActivityTree, cluster: Node, action: RollupAction) -> bool:
    """RB.1.4: tell whether a rule with this action applies; the default rule when there is none of its kind."""
    kind = {action, OPPOSITE[action]}
    rules = [rule for rule in cluster.definition.rollup.rules if rule.action in kind] or [DEFAULT_RULES[action]]
    return any(rule.action is action and _applies(tree, cluster, rule) for rule in rules)


def _applies(tree: ActivityTree, cluster: Node, rule: RollupRule) -> bool:
    """RB.1.4, steps 1.2.2–1.2.8. "All" and "none" hold when no child counts: nothing speaks against them."""
    answers = [
        evaluate_rollup_conditions(tree, child, rule)
        for child in _tracked(cluster)
        if check_child_for_rollup(tree, child, rule.action)
    ]
    positive = answers.count(True)
    match rule.child_activity_set:
        case ChildActivitySet.ALL:
            return positive == len(answers)
        case ChildActivitySet.ANY:
            return positive > 0
        case ChildActivitySet.NONE:
            return answers.count(False) == len(answers)
        case ChildActivitySet.AT_LEAST_COUNT:
            return positive >= rule.minimum_count
    return bool(answers) and positive / len(answers) >= rule.minimum_percent


def evaluate_rollup_conditions(tree: ActivityTree, child: Node, rule: RollupRule) -> bool | None:
    """RB.1.4.1: tell whether the child meets the rule's conditions; None when that cannot be known."""
    answers = [evaluate(tree, child, condition, fresh=True) for condition in rule.conditions]
    return combined(answers, rule.combination)


def check_child_for_rollup(tree: ActivityTree, child: Node, action: RollupAction) -> bool:
    """RB.1.4.2: tell whether the child counts for this action."""
    rollup = child.definition.rollup
    counts, consideration = _CONSIDERED[action]
    return getattr(rollup, counts) and _is_considered(tree, child, getattr(rollup, consideration))


_CONSIDERED = {  # by action: which fields of `Rollup` say whether a child counts at all, and when
    RollupAction.SATISFIED: ("objective_satisfied", "required_for_satisfied"),
    RollupAction.NOT_SATISFIED: ("objective_satisfied", "required_for_not_satisfied"),
    RollupAction.COMPLETED: ("progress_completion", "required_for_completed"),
    RollupAction.INCOMPLETE: ("progress_completion", "required_for_incomplete"),
}


def _is_considered(tree: ActivityTree, child: Node, consideration: RollupConsideration) -> bool:
    match consideration:
        case RollupConsideration.ALWAYS:
            return True
        case RollupConsideration.IF_ATTEMPTED:
            return child.state.attempt_count > 0
        case RollupConsideration.IF_NOT_SUSPENDED:
            return child.state.attempt_count > 0 and not child.state.is_suspended
    return pre_condition_action(tree, child, SKIPPED) is None


def _tracked(cluster: Node) -> list[Node]:
    return [child for child in cluster.available if child.definition.delivery.tracked]
