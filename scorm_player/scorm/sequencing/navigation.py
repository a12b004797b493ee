"""Navigation behavior (SN 4.4; NB.2.1): what a navigation request means in the present state, if anything."""

from dataclasses import dataclass

from scorm_player.scorm.sequencing.requests import NavigationRequest, SequencingRequest, TerminationRequest
from scorm_player.scorm.sequencing.tree import ActivityTree, Node, common_ancestor, path_between


@dataclass(frozen=True, slots=True)
class NavigationResult:
    """The requests that a valid navigation request turns into, or the exception that makes it invalid."""

    termination: TerminationRequest | None = None
    sequencing: SequencingRequest | None = None
    target: Node | None = None
    exception: str | None = None


def navigation_request_process(
    tree: ActivityTree, request: NavigationRequest, target: str | None = None
) -> NavigationResult:
    """NB.2.1: translate a navigation request into a termination and a sequencing request."""
    match request:
        case NavigationRequest.START:
            return _start(tree)
        case NavigationRequest.RESUME_ALL:
            return _resume_all(tree)
        case NavigationRequest.CONTINUE:
            return _continue(tree)
        case NavigationRequest.PREVIOUS:
            return _previous(tree)
        case NavigationRequest.CHOICE:
            return choice_navigation_request(tree, tree.find(target))
        case NavigationRequest.JUMP:
            return jump_navigation_request(tree, tree.find(target))
        case NavigationRequest.EXIT:
            return _end_current(tree, TerminationRequest.EXIT)
        case NavigationRequest.ABANDON:
            return _end_current(tree, TerminationRequest.ABANDON)
        case NavigationRequest.EXIT_ALL:
            return _end_all(tree, TerminationRequest.EXIT_ALL)
        case NavigationRequest.ABANDON_ALL:
            return _end_all(tree, TerminationRequest.ABANDON_ALL)
        case NavigationRequest.SUSPEND_ALL:
            return _end_all(tree, TerminationRequest.SUSPEND_ALL)
    return NavigationResult(exception="NB.2.1-7")  # forward and backward are not of SCORM


def _start(tree: ActivityTree) -> NavigationResult:
    if tree.current is not None:
        return NavigationResult(exception="NB.2.1-1")
    return NavigationResult(sequencing=SequencingRequest.START)


def _resume_all(tree: ActivityTree) -> NavigationResult:
    if tree.current is not None:
        return NavigationResult(exception="NB.2.1-1")
    if tree.suspended is None:
        return NavigationResult(exception="NB.2.1-3")
    return NavigationResult(sequencing=SequencingRequest.RESUME_ALL)


def _continue(tree: ActivityTree) -> NavigationResult:
    if tree.current is None:
        return NavigationResult(exception="NB.2.1-2")
    parent = tree.current.parent
    if parent is None or not parent.control.flow:
        return NavigationResult(exception="NB.2.1-4")
    return NavigationResult(_exit_if_active(tree), SequencingRequest.CONTINUE)


def _previous(tree: ActivityTree) -> NavigationResult:
    if tree.current is None:
        return NavigationResult(exception="NB.2.1-2")
    parent = tree.current.parent
    if parent is None:
        return NavigationResult(exception="NB.2.1-6")
    if not parent.control.flow or parent.control.forward_only:
        return NavigationResult(exception="NB.2.1-5")
    return NavigationResult(_exit_if_active(tree), SequencingRequest.PREVIOUS)


def choice_navigation_request(tree: ActivityTree, target: Node | None) -> NavigationResult:
    """NB.2.1, step 7: a choice of this activity."""
    exception = choice_navigation_exception(tree, tree.current, target)
    if exception:
        return NavigationResult(exception=exception)
    return NavigationResult(_exit_if_active(tree), SequencingRequest.CHOICE, target)


def choice_navigation_exception(tree: ActivityTree, current: Node | None, target: Node | None) -> str | None:
    """Answer why a choice of this activity is not valid, `current` being the current one; None when it is."""
    if target is None:
        return "NB.2.1-11"
    if target.parent is not None and not target.parent.control.choice:
        return "NB.2.1-10"
    return None if current is None else _choice_exit_exception(tree, current, target)


def _choice_exit_exception(tree: ActivityTree, current: Node, target: Node) -> str | None:
    """NB.2.1, steps 7.1.1.2 and 7.1.1.3: nothing that is active and forbids it may be left by choice.

    That depends on the part the target lies in; while only looking it is remembered for it.
    """
    part = target.parent
    if tree.memory is None or part is None or current.is_within(target):
        return _held_by(current, target)
    if part.identifier not in tree.memory.left:
        tree.memory.left[part.identifier] = _held_by(current, target)
    return tree.memory.left[part.identifier]


def _held_by(current: Node, target: Node) -> str | None:
    leaving = [current]
    if target.parent is not current.parent:
        leaving += path_between(current, common_ancestor(current, target))[1:]
    if any(activity.state.is_active and not activity.control.choice_exit for activity in leaving):
        return "NB.2.1-8"
    return None


def jump_navigation_request(tree: ActivityTree, target: Node | None) -> NavigationResult:
    """NB.2.1, step 14: a jump to this activity (4th Edition)."""
    exception = jump_navigation_exception(tree, tree.current, target)
    if exception:
        return NavigationResult(exception=exception)
    return NavigationResult(_exit_if_active(tree), SequencingRequest.JUMP, target)


def jump_navigation_exception(tree: ActivityTree, current: Node | None, target: Node | None) -> str | None:
    """Answer why a jump to this activity is not valid, `current` being the current one; None when it is."""
    if not tree.is_fourth_edition:
        return "NB.2.1-13"
    if current is None:
        return "NB.2.1-2"
    return "NB.2.1-11" if target is None or target.place < 0 else None


def _end_current(tree: ActivityTree, termination: TerminationRequest) -> NavigationResult:
    if tree.current is None:
        return NavigationResult(exception="NB.2.1-2")
    if not tree.current.state.is_active:
        return NavigationResult(exception="NB.2.1-12")
    return NavigationResult(termination, SequencingRequest.EXIT)


def _end_all(tree: ActivityTree, termination: TerminationRequest) -> NavigationResult:
    if tree.current is None:
        return NavigationResult(exception="NB.2.1-2")
    return NavigationResult(termination, SequencingRequest.EXIT)


def _exit_if_active(tree: ActivityTree) -> TerminationRequest | None:
    return TerminationRequest.EXIT if tree.current and tree.current.state.is_active else None
