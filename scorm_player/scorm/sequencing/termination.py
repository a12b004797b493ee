"""Termination behavior (SN 4.5; TB.2.1–TB.2.3): ending attempts, and what the rules make of it."""

from dataclasses import dataclass

from scorm_player.scorm.sequencing.conditions import sequencing_rules_check
from scorm_player.scorm.sequencing.definition import RuleAction
from scorm_player.scorm.sequencing.requests import SequencingRequest, TerminationRequest
from scorm_player.scorm.sequencing.rollup import overall_rollup
from scorm_player.scorm.sequencing.scope import forget_own
from scorm_player.scorm.sequencing.tree import ActivityTree, Node
from scorm_player.scorm.sequencing.utility import end_attempt, terminate_descendent_attempts

EXIT_ACTIONS = frozenset({RuleAction.EXIT})
POST_CONDITION_ACTIONS = {
    RuleAction.RETRY: (None, SequencingRequest.RETRY),
    RuleAction.CONTINUE: (None, SequencingRequest.CONTINUE),
    RuleAction.PREVIOUS: (None, SequencingRequest.PREVIOUS),
    RuleAction.EXIT_PARENT: (TerminationRequest.EXIT_PARENT, None),
    RuleAction.EXIT_ALL: (TerminationRequest.EXIT_ALL, None),
    RuleAction.RETRY_ALL: (TerminationRequest.EXIT_ALL, SequencingRequest.RETRY),
}


@dataclass(frozen=True, slots=True)
class TerminationResult:
    """The sequencing request that termination asks for instead of the pending one, or why the request was invalid."""

    sequencing: SequencingRequest | None = None
    exception: str | None = None


def sequencing_exit_action_rules(tree: ActivityTree, current: Node) -> Node:
    """TB.2.1: end the attempt on the highest ancestor whose exit rules say so; answer the new current activity."""
    for activity in reversed(current.path()[1:]):
        if sequencing_rules_check(tree, activity, activity.definition.rules.exit, EXIT_ACTIONS):
            terminate_descendent_attempts(tree, activity)
            end_attempt(tree, activity)
            tree.current = activity
            return activity
    return current


def sequencing_post_condition_rules(
    tree: ActivityTree, current: Node
) -> tuple[TerminationRequest | None, SequencingRequest | None]:
    """TB.2.2: answer the termination and the sequencing request that the post-condition rules ask for."""
    if current.state.is_suspended:
        return None, None
    action = sequencing_rules_check(tree, current, current.definition.rules.post, POST_CONDITION_ACTIONS)
    return POST_CONDITION_ACTIONS[action] if action else (None, None)


def termination_request_process(tree: ActivityTree, request: TerminationRequest) -> TerminationResult:
    """TB.2.3: end the attempt on the current activity, and on those that end with it."""
    current = tree.current
    if current is None:
        return TerminationResult(exception="TB.2.3-1")
    match request:
        case TerminationRequest.EXIT:
            return _exit(tree, current)
        case TerminationRequest.EXIT_ALL:
            return _exit_all(tree, current, None)
        case TerminationRequest.SUSPEND_ALL:
            return _suspend_all(tree, current)
        case TerminationRequest.ABANDON:
            return _abandon(tree, current)
        case TerminationRequest.ABANDON_ALL:
            return _abandon_all(tree, current)
    return TerminationResult(exception="TB.2.3-7")  # exit parent is for rules alone


def _exit(tree: ActivityTree, current: Node) -> TerminationResult:
    """TB.2.3, step 3: exit the activity, then climb as far as exit and post-condition rules say."""
    if not current.state.is_active:
        return TerminationResult(exception="TB.2.3-2")
    end_attempt(tree, current)
    current = sequencing_exit_action_rules(tree, current)
    while True:
        termination, sequencing = sequencing_post_condition_rules(tree, current)
        if termination is TerminationRequest.EXIT_ALL:
            return _exit_all(tree, current, sequencing)
        if termination is not TerminationRequest.EXIT_PARENT:
            break
        if current.parent is None:
            return TerminationResult(exception="TB.2.3-4")
        current = current.parent
        tree.current = current
        end_attempt(tree, current)
    if current is tree.root:
        return _end_of_the_root(tree, sequencing)
    return TerminationResult(sequencing)


def _exit_all(tree: ActivityTree, current: Node, sequencing: SequencingRequest | None) -> TerminationResult:
    """TB.2.3, step 4: end every attempt; a retry that a rule asked for goes on from the root."""
    if current.state.is_active:
        end_attempt(tree, current)
    if current is not tree.root:
        terminate_descendent_attempts(tree, tree.root)
        end_attempt(tree, tree.root)
    tree.current = tree.root
    return _end_of_the_root(tree, sequencing)


def _end_of_the_root(tree: ActivityTree, sequencing: SequencingRequest | None) -> TerminationResult:
    """TB.2.3, steps 3.3.5.1 and 4.5: with the root the session ends, but for a retry of it.

    A retry begins the course anew, also with what it shares among its own activities only.
    """
    if sequencing is not SequencingRequest.RETRY:
        return TerminationResult(SequencingRequest.EXIT)
    forget_own(tree)
    return TerminationResult(SequencingRequest.RETRY)


def _suspend_all(tree: ActivityTree, current: Node) -> TerminationResult:
    """TB.2.3, step 5: suspend the current activity and its ancestors, to be resumed at the same place."""
    suspended = suspendable(tree)
    if suspended is None:
        return TerminationResult(exception="TB.2.3-3")
    if suspended is current:
        overall_rollup(tree, current)
    tree.suspended = suspended
    for activity in suspended.path():
        activity.state.is_active = False
        activity.state.is_suspended = True
    tree.current = tree.root
    return TerminationResult(SequencingRequest.EXIT)


def suspendable(tree: ActivityTree) -> Node | None:
    """TB.2.3, steps 5.1 and 5.2: answer what Suspend All would suspend; the parent of an activity that has ended."""
    current = tree.current
    if current is None or current.state.is_active or current.state.is_suspended:
        return current
    return current.parent


def _abandon(tree: ActivityTree, current: Node) -> TerminationResult:
    """TB.2.3, step 6: end the attempt; what the content reported is not taken over, so nothing rolls up."""
    if not current.state.is_active:
        return TerminationResult(exception="TB.2.3-2")
    current.state.is_active = False
    return TerminationResult()


def _abandon_all(tree: ActivityTree, current: Node) -> TerminationResult:
    """TB.2.3, step 7: end every attempt; what the content reported is not taken over, so nothing rolls up."""
    for activity in current.path():
        activity.state.is_active = False
    tree.current = tree.root
    return TerminationResult(SequencingRequest.EXIT)
