"""Sequencing behavior (SN 4.8; SB.2.1–SB.2.13): which activity comes next.

Nothing here changes the tree but `sequencing_request_process`; so all may be tried without being done.
"""

from dataclasses import dataclass
from enum import Enum

from scorm_player.scorm.sequencing.conditions import (
    HIDDEN_FROM_CHOICE,
    SKIPPED,
    STOP_FORWARD_TRAVERSAL,
    pre_condition_action,
)
from scorm_player.scorm.sequencing.prerequisites import are_prerequisites_met
from scorm_player.scorm.sequencing.requests import SequencingRequest
from scorm_player.scorm.sequencing.tree import ActivityTree, Node, common_ancestor, path_between
from scorm_player.scorm.sequencing.utility import check_activity, end_attempt, terminate_descendent_attempts


class Direction(Enum):
    """Which way a traversal goes through the tree."""

    FORWARD = 1
    BACKWARD = -1


@dataclass(frozen=True, slots=True)
class Step:
    """Where one step of a traversal leads (SB.2.1): the next activity and the direction to go on in, or why not."""

    activity: Node | None = None
    direction: Direction = Direction.FORWARD
    ends_session: bool = False
    exception: str | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """Where a flow stopped (SB.2.3), whether that activity can be delivered, and why not."""

    activity: Node
    is_deliverable: bool = False
    ends_session: bool = False
    exception: str | None = None


@dataclass(frozen=True, slots=True)
class SequencingResult:
    """The activity to deliver (SB.2.12), or the end of the session, or why there is neither.

    `reached`: a choice got there but found nothing to deliver; the current activity moves there (SB.2.9, step 14).
    """

    delivery: Node | None = None
    ends_session: bool = False
    exception: str | None = None
    reached: Node | None = None


def flow_tree_traversal(
    tree: ActivityTree,
    activity: Node,
    direction: Direction,
    consider_children: bool,
    previous_direction: Direction | None = None,
) -> Step:
    """SB.2.1: answer the next activity in the direction, without asking whether it may be entered.

    A backward traversal that skipped all the children of a forward-only cluster (`previous_direction` backward, at the
    last of them) leaves the cluster by its front.
    """
    siblings = activity.parent.available if activity.parent else [activity]
    if previous_direction is Direction.BACKWARD and activity is siblings[-1]:
        return _step_backward(siblings[0], consider_children, ignores_forward_only=True)
    if direction is Direction.FORWARD:
        return _step_forward(activity, consider_children)
    return _step_backward(activity, consider_children, ignores_forward_only=False)


def _step_forward(activity: Node, consider_children: bool) -> Step:
    """SB.2.1, step 3. Walking off the tree ends the session."""
    if consider_children and not activity.is_leaf:
        if not activity.available:
            return Step(exception="SB.2.1-2")
        return Step(activity.available[0])
    node = activity
    while node.parent is not None:
        if 0 <= node.place < len(node.parent.available) - 1:
            return Step(node.parent.available[node.place + 1])
        node = node.parent
    return Step(ends_session=True)


def _step_backward(activity: Node, consider_children: bool, *, ignores_forward_only: bool) -> Step:
    """SB.2.1, step 4. A forward-only cluster is entered at its first child, and then taken forward."""
    if activity.parent is None:
        return Step(exception="SB.2.1-3")
    if consider_children and not activity.is_leaf:
        if not activity.available:
            return Step(exception="SB.2.1-2")
        if activity.control.forward_only:
            return Step(activity.available[0], Direction.FORWARD)
        return Step(activity.available[-1], Direction.BACKWARD)
    node = activity
    while node.parent is not None:
        if node.parent.control.forward_only and not ignores_forward_only:
            return Step(exception="SB.2.1-4")
        if node.place > 0:
            return Step(node.parent.available[node.place - 1], Direction.BACKWARD)
        node, ignores_forward_only = node.parent, False
    return Step(exception="SB.2.1-3")


def flow_activity_traversal(tree: ActivityTree, activity: Node, direction: Direction) -> Flow:
    """SB.2.2: go on from the activity, past what is skipped and into clusters, to one that can be delivered or not.

    The book recurses; here each turn of the loop is one of its calls. In SCORM 1.2 unmet prerequisites skip; where
    nothing but what they bar is left, the course is not at its end.
    """
    previous: Direction | None = None
    is_barred = False
    while True:
        if activity.parent is not None and not activity.parent.control.flow:
            return Flow(activity, exception="SB.2.2-1")
        waits = not are_prerequisites_met(tree, activity)
        if waits or pre_condition_action(tree, activity, SKIPPED):
            is_barred = is_barred or waits
            step = flow_tree_traversal(tree, activity, direction, False, previous)
            if step.activity is None and step.ends_session and is_barred:
                return Flow(activity, exception="prerequisites")
            if step.activity is None:
                return Flow(activity, ends_session=step.ends_session, exception=step.exception)
            if previous is Direction.BACKWARD and step.direction is Direction.BACKWARD:
                direction, previous = Direction.BACKWARD, None
        elif check_activity(tree, activity):
            return Flow(activity, exception="SB.2.2-2")
        elif activity.is_leaf:
            return Flow(activity, is_deliverable=True)
        else:
            step = flow_tree_traversal(tree, activity, direction, True)
            if step.activity is None:
                return Flow(activity, ends_session=step.ends_session, exception=step.exception)
            turns = direction is Direction.BACKWARD and step.direction is Direction.FORWARD
            direction, previous = (Direction.FORWARD, Direction.BACKWARD) if turns else (direction, None)
        activity = step.activity


def flow(tree: ActivityTree, activity: Node, direction: Direction, consider_children: bool) -> Flow:
    """SB.2.3: take one step away from the activity and go on until something can be delivered."""
    step = flow_tree_traversal(tree, activity, direction, consider_children)
    if step.activity is None:
        return Flow(activity, ends_session=step.ends_session, exception=step.exception)
    return flow_activity_traversal(tree, step.activity, direction)


def choice_activity_traversal(tree: ActivityTree, activity: Node, direction: Direction) -> str | None:
    """SB.2.4: answer the exception that keeps a choice from passing the activity; None when it may pass."""
    if direction is Direction.FORWARD:
        return "SB.2.4-1" if pre_condition_action(tree, activity, STOP_FORWARD_TRAVERSAL) else None
    if activity.parent is None:
        return "SB.2.4-3"
    return "SB.2.4-2" if activity.parent.control.forward_only else None


def start_sequencing_request(tree: ActivityTree) -> SequencingResult:
    """SB.2.5: flow into the tree from its root."""
    if tree.current is not None:
        return SequencingResult(exception="SB.2.5-1")
    if tree.root.is_leaf:
        return SequencingResult(tree.root)
    return _delivered_by(flow(tree, tree.root, Direction.FORWARD, True))


def resume_all_sequencing_request(tree: ActivityTree) -> SequencingResult:
    """SB.2.6: deliver the suspended activity."""
    if tree.current is not None:
        return SequencingResult(exception="SB.2.6-1")
    if tree.suspended is None:
        return SequencingResult(exception="SB.2.6-2")
    return SequencingResult(tree.suspended)


def continue_sequencing_request(tree: ActivityTree) -> SequencingResult:
    """SB.2.7: flow forward from the current activity."""
    if tree.current is None:
        return SequencingResult(exception="SB.2.7-1")
    if tree.current.parent is not None and not tree.current.parent.control.flow:
        return SequencingResult(exception="SB.2.7-2")
    return _delivered_by(flow(tree, tree.current, Direction.FORWARD, False))


def previous_sequencing_request(tree: ActivityTree) -> SequencingResult:
    """SB.2.8: flow backward from the current activity."""
    if tree.current is None:
        return SequencingResult(exception="SB.2.8-1")
    if tree.current.parent is not None and not tree.current.parent.control.flow:
        return SequencingResult(exception="SB.2.8-2")
    return _delivered_by(flow(tree, tree.current, Direction.BACKWARD, False))


def choice_sequencing_request(tree: ActivityTree, target: Node | None) -> SequencingResult:
    """SB.2.9: reach the target through the tree, and flow into it when it is a cluster."""
    if target is None:
        return SequencingResult(exception="SB.2.9-1")
    exception = _choice_exception(tree, target) or _way_exception(tree, target)
    if exception:
        return SequencingResult(exception=exception)
    if target.is_leaf:
        return SequencingResult(target)
    inside = flow(tree, target, Direction.FORWARD, True)
    if inside.is_deliverable:
        return SequencingResult(inside.activity)
    return SequencingResult(exception="SB.2.9-9", reached=target)


def _choice_exception(tree: ActivityTree, target: Node) -> str | None:
    """SB.2.9, steps 2–4: every activity on the way must be there and in sight, and choice be allowed."""
    exception = _sight_exception(tree, target)
    if exception is None and target.parent is not None and not target.parent.control.choice:
        return "SB.2.9-4"
    return exception


def _sight_exception(tree: ActivityTree, activity: Node) -> str | None:
    """SB.2.9, step 3, from the root down to the activity; remembered while only looking."""
    known: dict[str, str | None] = tree.memory.seen if tree.memory else {}
    if activity.identifier not in known:
        exception = _sight_exception(tree, activity.parent) if activity.parent is not None else None
        if exception is None and activity.place < 0:
            exception = "SB.2.9-2"
        if exception is None and pre_condition_action(tree, activity, HIDDEN_FROM_CHOICE):
            exception = "SB.2.9-3"
        known[activity.identifier] = exception
    return known[activity.identifier]


def _way_exception(tree: ActivityTree, target: Node) -> str | None:
    """SB.2.9, steps 5–11: the five ways to the target, and what may block each."""
    current = tree.current or tree.root
    if current is target:
        return None
    if current.parent is target.parent:
        return _way_among_siblings(tree, current, target)
    ancestor = common_ancestor(current, target)
    if current is ancestor:
        return _way_down(tree, ancestor, target)
    if target is ancestor:
        return _way_up(current, target)
    return _way_across(tree, current, target, ancestor)


def _way_among_siblings(tree: ActivityTree, current: Node, target: Node) -> str | None:
    """SB.2.9, step 8: walk from the current activity towards a sibling."""
    siblings = current.parent.available if current.parent else []
    direction = Direction.FORWARD if target.place > current.place else Direction.BACKWARD
    known: dict[str, str | None] = tree.memory.ways if tree.memory else {}
    place, exception = target.place, None
    while place != current.place and siblings[place].identifier not in known:
        place -= direction.value
    if place != current.place:
        exception = known[siblings[place].identifier]
    while place != target.place:
        exception = exception or choice_activity_traversal(tree, siblings[place], direction)
        place += direction.value
        known[siblings[place].identifier] = exception
    return exception


def _way_down(tree: ActivityTree, ancestor: Node, target: Node) -> str | None:
    """SB.2.9, steps 9 and 11.8: walk from an ancestor down to the target, activating what is on the way.

    The target itself is not asked; so what is found for the part it lies in is remembered while only looking.
    """
    part = target.parent or target
    known: dict[str, str | None] = tree.memory.entered if tree.memory else {}
    if part.identifier not in known:
        known[part.identifier] = _entering_exception(tree, ancestor, part)
    return known[part.identifier]


def _entering_exception(tree: ActivityTree, ancestor: Node, part: Node) -> str | None:
    for activity in reversed([*path_between(part, ancestor), ancestor]):
        exception = choice_activity_traversal(tree, activity, Direction.FORWARD)
        if exception:
            return exception
        if activity is not ancestor and _prevents_activation(activity):
            return "SB.2.9-6"
    return None


def _prevents_activation(activity: Node) -> bool:
    return activity.definition.constrained_choice.prevent_activation and not activity.state.is_active


def _way_up(current: Node, target: Node) -> str | None:
    """SB.2.9, step 10: everything on the way up to the target ends, if it lets itself be left.

    Whether the current activity itself does, NB.2.1 has asked; one that has ended holds nobody.
    """
    leaving = path_between(current, target)[1:]
    return "SB.2.9-7" if any(not activity.control.choice_exit for activity in leaving) else None


def _way_across(tree: ActivityTree, current: Node, target: Node, ancestor: Node) -> str | None:
    """SB.2.9, step 11: leave one part of the tree for another, within what constrained choice allows.

    Constrained choice is a matter of parts: of a single activity it says nothing.
    """
    exception, constrained = _leaving(tree, current, ancestor)
    if exception:
        return exception
    if constrained is not None and not _is_near(tree, constrained, target):
        return "SB.2.9-8"
    if _comes_after(target, current, ancestor):
        return _way_down(tree, ancestor, target)
    entering = path_between(target, ancestor)
    return "SB.2.9-6" if any(_prevents_activation(activity) for activity in entering) else None


def _leaving(tree: ActivityTree, current: Node, ancestor: Node) -> tuple[str | None, Node | None]:
    """SB.2.9, steps 11.3 and 11.5: why the parts around the current activity are not left up to the ancestor, and which
    of them constrains the choice; remembered while only looking.
    """
    known: dict[str, tuple[str | None, Node | None]] = tree.memory.crossed if tree.memory else {}
    if ancestor.identifier not in known:
        leaving = path_between(current, ancestor)[1:]
        exception = "SB.2.9-7" if any(not activity.control.choice_exit for activity in leaving) else None
        constrained = (node for node in leaving if node.definition.constrained_choice.constrain_choice)
        known[ancestor.identifier] = exception, next(constrained, None)
    return known[ancestor.identifier]


def _comes_after(one: Node, other: Node, ancestor: Node) -> bool:
    """Tell whether `one` comes after `other` in a preorder walk of this attempt; `ancestor` is what holds both."""
    return _part_of(one, ancestor).place > _part_of(other, ancestor).place


def _part_of(activity: Node, ancestor: Node) -> Node:
    """Answer the child of the ancestor that is or holds the activity."""
    while activity.parent is not None and activity.parent is not ancestor:
        activity = activity.parent
    return activity


def _is_near(tree: ActivityTree, constrained: Node, target: Node) -> bool:
    """SB.2.9, step 11.5: constrained choice leaves what comes next in either direction, and what is in that."""
    is_after = _comes_after(target, constrained, common_ancestor(target, constrained))
    direction = Direction.FORWARD if is_after else Direction.BACKWARD
    considered = choice_flow(constrained, direction)
    return target is considered or target is constrained or target.is_within(considered)


def choice_flow(constrained: Node, direction: Direction) -> Node:
    """SB.2.9.1: answer the activity one step away in the direction; the activity itself at the end of the tree."""
    return choice_flow_tree_traversal(constrained, direction) or constrained


def choice_flow_tree_traversal(activity: Node, direction: Direction) -> Node | None:
    """SB.2.9.2: answer the next activity in the direction, at this level or above; None at the end of the tree."""
    node = activity
    while node.parent is not None:
        place = node.place + direction.value
        if 0 <= place < len(node.parent.available):
            return node.parent.available[place]
        node = node.parent
    return None


def retry_sequencing_request(tree: ActivityTree) -> SequencingResult:
    """SB.2.10: begin the activity that has just ended again."""
    current = tree.current
    if current is None:
        return SequencingResult(exception="SB.2.10-1")
    if current.state.is_active or current.state.is_suspended:
        return SequencingResult(exception="SB.2.10-2")
    if current.is_leaf:
        return SequencingResult(current)
    inside = flow(tree, current, Direction.FORWARD, True)
    if inside.is_deliverable:
        return SequencingResult(inside.activity)
    return SequencingResult(ends_session=inside.ends_session, exception="SB.2.10-3")


def exit_sequencing_request(tree: ActivityTree) -> SequencingResult:
    """SB.2.11: the session ends when the attempt on the root has."""
    if tree.current is None:
        return SequencingResult(exception="SB.2.11-1")
    if tree.current.state.is_active:
        return SequencingResult(exception="SB.2.11-2")
    return SequencingResult(ends_session=tree.current is tree.root)


def jump_sequencing_request(tree: ActivityTree, target: Node | None) -> SequencingResult:
    """SB.2.13: deliver the target, past choice control and rules on the way (4th Edition)."""
    if tree.current is None or target is None:
        return SequencingResult(exception="SB.2.13-1")
    return SequencingResult(target)


def sequencing_request_process(
    tree: ActivityTree, request: SequencingRequest, target: Node | None = None
) -> SequencingResult:
    """SB.2.12: process the request, and put into effect what it says about attempts that end by it."""
    result = find_next(tree, request, target)
    if result.reached is not None:
        _move_to(tree, result.reached)
    if result.ends_session and tree.current is not None:
        terminate_descendent_attempts(tree, tree.root)
        if tree.root.state.is_active:
            end_attempt(tree, tree.root)
        tree.current = tree.root
    return result


def find_next(tree: ActivityTree, request: SequencingRequest, target: Node | None = None) -> SequencingResult:
    """Answer what the request would lead to, changing nothing."""
    match request:
        case SequencingRequest.START:
            return start_sequencing_request(tree)
        case SequencingRequest.RESUME_ALL:
            return resume_all_sequencing_request(tree)
        case SequencingRequest.CONTINUE:
            return continue_sequencing_request(tree)
        case SequencingRequest.PREVIOUS:
            return previous_sequencing_request(tree)
        case SequencingRequest.CHOICE:
            return choice_sequencing_request(tree, target)
        case SequencingRequest.JUMP:
            return jump_sequencing_request(tree, target)
        case SequencingRequest.RETRY:
            return retry_sequencing_request(tree)
    return exit_sequencing_request(tree)


def _move_to(tree: ActivityTree, reached: Node) -> None:
    """SB.2.9, step 14: the target was reached; what lies behind ends, and the current activity moves there."""
    if tree.current is not None:
        ancestor = common_ancestor(tree.current, reached)
        terminate_descendent_attempts(tree, ancestor)
        end_attempt(tree, ancestor)
    tree.current = reached


def _delivered_by(found: Flow) -> SequencingResult:
    if found.is_deliverable:
        return SequencingResult(found.activity)
    return SequencingResult(ends_session=found.ends_session, exception=found.exception)
