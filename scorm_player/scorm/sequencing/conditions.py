"""Conditions and sequencing rules (SN 3.4; UP.2, UP.2.1): three answers, because tracking may not know yet."""

from collections.abc import Iterable

from scorm_player.scorm.sequencing import objectives
from scorm_player.scorm.sequencing.definition import (
    Combination,
    ConditionName,
    RollupCondition,
    RuleAction,
    RuleCondition,
    SequencingRule,
)
from scorm_player.scorm.sequencing.durations import moment, seconds
from scorm_player.scorm.sequencing.tree import ActivityTree, Node

SKIPPED = frozenset({RuleAction.SKIP})
DISABLED = frozenset({RuleAction.DISABLED})
HIDDEN_FROM_CHOICE = frozenset({RuleAction.HIDDEN_FROM_CHOICE})
STOP_FORWARD_TRAVERSAL = frozenset({RuleAction.STOP_FORWARD_TRAVERSAL})


def pre_condition_action(tree: ActivityTree, node: Node, actions: frozenset[RuleAction]) -> RuleAction | None:
    """UP.2 for the pre-condition rules; remembered while the tree is only looked at."""
    rules = node.definition.rules.pre
    if not rules:
        return None
    if tree.memory is None:
        return sequencing_rules_check(tree, node, rules, actions)
    key = (node.identifier, actions)
    if key not in tree.memory.rules:
        tree.memory.rules[key] = sequencing_rules_check(tree, node, rules, actions)
    return tree.memory.rules[key]


def sequencing_rules_check(
    tree: ActivityTree, node: Node, rules: Iterable[SequencingRule], actions: Iterable[RuleAction]
) -> RuleAction | None:
    """UP.2: answer the action of the first rule with one of `actions` that applies; None when none does."""
    for rule in rules:
        if rule.action in actions and sequencing_rule_check(tree, node, rule):
            return rule.action
    return None


def sequencing_rule_check(tree: ActivityTree, node: Node, rule: SequencingRule) -> bool | None:
    """UP.2.1: tell whether the rule applies; None when that cannot be known, or it has no conditions."""
    return combined([evaluate(tree, node, condition) for condition in rule.conditions], rule.combination)


def combined(answers: list[bool | None], combination: Combination) -> bool | None:
    """Combine the answers of conditions; None when there are none, or an unknown one decides."""
    if not answers:
        return None
    if combination is Combination.ALL:
        if False in answers:
            return False
        return None if None in answers else True
    if True in answers:
        return True
    return None if None in answers else False


def evaluate(
    tree: ActivityTree, node: Node, condition: RuleCondition | RollupCondition, *, fresh: bool = False
) -> bool | None:
    """Evaluate one condition against the activity's tracking information (SN 3.4.2); negating unknown is unknown.

    `fresh`: see only what was recorded during the parent's current attempt (rollup conditions).
    """
    answer = _answer(tree, node, condition, fresh)
    return not answer if condition.negated and answer is not None else answer


def _answer(tree: ActivityTree, node: Node, condition: RuleCondition | RollupCondition, fresh: bool) -> bool | None:
    if not node.definition.delivery.tracked and condition.name in _TRACKED:
        return None if condition.name in _UNKNOWABLE else False
    reference = condition.referenced_objective if isinstance(condition, RuleCondition) else None
    objective = node.objective(reference)
    finished = objective if tree.is_fourth_edition else node.primary  # before, only the activity could be completed
    match condition.name:
        case ConditionName.ALWAYS:
            return True
        case ConditionName.SATISFIED:
            return objectives.is_satisfied(tree, node, objective, fresh=fresh)
        case ConditionName.OBJECTIVE_STATUS_KNOWN:
            return objectives.is_satisfied(tree, node, objective, fresh=fresh) is not None
        case ConditionName.OBJECTIVE_MEASURE_KNOWN:
            return objectives.measure_of(tree, node, objective, fresh=fresh) is not None
        case ConditionName.OBJECTIVE_MEASURE_GREATER_THAN:
            measure = objectives.measure_of(tree, node, objective, fresh=fresh)
            return None if measure is None else measure > _threshold(condition)
        case ConditionName.OBJECTIVE_MEASURE_LESS_THAN:
            measure = objectives.measure_of(tree, node, objective, fresh=fresh)
            return None if measure is None else measure < _threshold(condition)
        case ConditionName.COMPLETED:
            return objectives.is_completed(tree, node, finished, fresh=fresh)
        case ConditionName.ACTIVITY_PROGRESS_KNOWN:
            return objectives.is_completed(tree, node, finished, fresh=fresh) is not None
        case ConditionName.ATTEMPTED:
            return node.state.attempt_count > 0
        case ConditionName.ATTEMPT_LIMIT_EXCEEDED:
            return is_attempt_limit_reached(node)
        case ConditionName.TIME_LIMIT_EXCEEDED:
            return is_time_limit_exceeded(tree, node)
    return is_outside_available_time_range(tree, node)


_UNKNOWABLE = frozenset(
    {
        ConditionName.SATISFIED,
        ConditionName.OBJECTIVE_MEASURE_GREATER_THAN,
        ConditionName.OBJECTIVE_MEASURE_LESS_THAN,
        ConditionName.COMPLETED,
    }
)
_TRACKED = _UNKNOWABLE | {
    ConditionName.OBJECTIVE_STATUS_KNOWN,
    ConditionName.OBJECTIVE_MEASURE_KNOWN,
    ConditionName.ACTIVITY_PROGRESS_KNOWN,
}


def _threshold(condition: RuleCondition | RollupCondition) -> float:
    return condition.measure_threshold if isinstance(condition, RuleCondition) else 0.0


def is_attempt_limit_reached(node: Node) -> bool:
    """Tell whether the activity has had all the attempts its limit allows."""
    limit = node.definition.limits.attempt_limit
    return limit is not None and node.state.attempt_count >= limit


def is_time_limit_exceeded(tree: ActivityTree, node: Node) -> bool:
    """UP.1, steps 4–7: tell whether a duration has reached its limit."""
    limits, state = node.definition.limits, node.state
    age = attempt_age(tree, node)
    durations = (
        (state.activity_absolute_duration + age, limits.activity_absolute_duration_limit),
        (state.activity_experienced_duration, limits.activity_experienced_duration_limit),
        (age, limits.attempt_absolute_duration_limit),
        (state.attempt_experienced_duration, limits.attempt_experienced_duration_limit),
    )
    return any(_has_reached(duration, limit) for duration, limit in durations)


def is_outside_available_time_range(tree: ActivityTree, node: Node) -> bool:
    """UP.1, steps 8–9: tell whether it is too early or too late for the activity; False when the time is not known."""
    limits, now = node.definition.limits, tree.now
    begin, end = moment(limits.begin_time_limit), moment(limits.end_time_limit)
    return now is not None and ((begin is not None and now < begin) or (end is not None and now > end))


def attempt_age(tree: ActivityTree, node: Node) -> float:
    """Answer how long ago the current attempt began, in seconds; 0 when that is not known."""
    began = moment(node.state.attempt_started_at)
    if tree.now is None or began is None:
        return 0.0
    return (tree.now - began).total_seconds()


def _has_reached(duration: float, limit: str | None) -> bool:
    allowed = seconds(limit)
    return allowed is not None and duration >= allowed
