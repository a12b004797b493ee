"""What could be done next, tried out and not done: validity of requests, table of contents, the player's controls.

`adl.nav.request_valid.*` (SN 5.6, RTE 4.4) and the outline ask what a request would lead to if it were made now. So the
current attempt is ended on a copy of the tree, and from there every request looks for its activity without changing
anything.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from scorm_player.scorm.sequencing import objectives
from scorm_player.scorm.sequencing.conditions import HIDDEN_FROM_CHOICE, pre_condition_action
from scorm_player.scorm.sequencing.definition import HiddenControl
from scorm_player.scorm.sequencing.delivery import delivery_request_process
from scorm_player.scorm.sequencing.navigation import navigation_request_process
from scorm_player.scorm.sequencing.requests import EXCEPTIONS, NavigationRequest, SequencingRequest, TerminationRequest
from scorm_player.scorm.sequencing.selection import prepare_clusters
from scorm_player.scorm.sequencing.sequencing import find_next
from scorm_player.scorm.sequencing.termination import TerminationResult, suspendable, termination_request_process
from scorm_player.scorm.sequencing.tree import ActivityTree, Memory, Node


@dataclass(frozen=True, slots=True)
class Entry:
    """One activity in the table of contents.

    `exception`: why it cannot be chosen, None when it can. `is_visible`: False for items the manifest or a rule hides.
    Statuses are as known now, None when unknown.
    """

    identifier: str
    title: str
    depth: int
    parent: str | None
    is_leaf: bool
    is_visible: bool
    is_current: bool
    is_active: bool
    is_suspended: bool
    is_attempted: bool
    completed: bool | None
    satisfied: bool | None
    exception: str | None = None

    @property
    def is_selectable(self) -> bool:
        """Whether choosing it would deliver something."""
        return self.exception is None

    @property
    def reason(self) -> str | None:
        """Why it cannot be chosen, in words for a person."""
        return EXCEPTIONS.get(self.exception) if self.exception else None


@dataclass(frozen=True)
class Outlook:
    """All that may be asked for in the present state.

    `requests`: exceptions by request, None for a valid one; choice and jump by target in `choices` and `jumps`.
    `hidden`: controls the manifest wants not to be shown while the current activity is delivered.
    The table of contents is made when first asked for, so before anything changes in the tree.
    """

    requests: dict[NavigationRequest, str | None]
    choices: dict[str, str | None]
    jumps: dict[str, str | None]
    list_contents: Callable[[], list[Entry]] = field(repr=False, compare=False)
    hidden: frozenset[HiddenControl] = field(default_factory=frozenset)

    @cached_property
    def contents(self) -> list[Entry]:
        """All activities of this attempt, in their order."""
        return self.list_contents()

    def is_valid(self, request: NavigationRequest, target: str | None = None) -> bool:
        """Tell whether the request, with its target for choice and jump, would lead somewhere."""
        if request is NavigationRequest.CHOICE:
            return self.choices.get(target or "", "unknown") is None
        if request is NavigationRequest.JUMP:
            return self.jumps.get(target or "", "unknown") is None
        return self.requests.get(request, "unknown") is None

    def entry(self, identifier: str) -> Entry:
        """Answer the entry of an activity. Raises KeyError for one that is not part of this attempt."""
        for entry in self.contents:
            if entry.identifier == identifier:
                return entry
        raise KeyError(identifier)

    def shows(self, control: HiddenControl) -> bool:
        """Tell whether the player shows this control, enabled or not."""
        return control not in self.hidden

    def has_contents(self) -> bool:
        """Tell whether there is anything to choose in the table of contents."""
        return any(entry.is_visible and entry.is_selectable and entry.depth > 0 for entry in self.contents)


def look_ahead(tree: ActivityTree) -> Outlook:
    """Try out every request; the tree stays as it is."""
    ahead = tree.copy()
    ended = TerminationResult()
    if ahead.current is None:
        prepare_clusters(ahead)
    elif ahead.current.state.is_active:
        ended = termination_request_process(ahead, TerminationRequest.EXIT)
    ahead.memory = Memory()
    requests = {request: _request_exception(tree, ahead, request, ended) for request in _WITHOUT_TARGET}
    choices = {identifier: _choice_exception(tree, ahead, identifier) for identifier in tree.nodes}
    if requests[NavigationRequest.CONTINUE] == "SB.2.2-1" and _may_choose_another(tree, choices):
        requests[NavigationRequest.CONTINUE] = None  # on to a part that does not flow: there the learner chooses
    jumps = {identifier: _jump_exception(tree, ahead, identifier) for identifier in tree.nodes}
    hidden = tree.current.definition.hidden_controls if tree.current else frozenset()
    return Outlook(requests, choices, jumps, lambda: _contents(tree, ahead, choices), hidden)


_WITHOUT_TARGET = (
    NavigationRequest.START,
    NavigationRequest.RESUME_ALL,
    NavigationRequest.CONTINUE,
    NavigationRequest.PREVIOUS,
    NavigationRequest.EXIT,
    NavigationRequest.EXIT_ALL,
    NavigationRequest.ABANDON,
    NavigationRequest.ABANDON_ALL,
    NavigationRequest.SUSPEND_ALL,
)
_ENDING = {
    NavigationRequest.EXIT_ALL,
    NavigationRequest.ABANDON,
    NavigationRequest.ABANDON_ALL,
    NavigationRequest.SUSPEND_ALL,
}


def _request_exception(
    tree: ActivityTree, ahead: ActivityTree, request: NavigationRequest, ended: TerminationResult
) -> str | None:
    """`ended`: how the current attempt ends; what rules ask for then goes before what the learner asked for."""
    navigation = navigation_request_process(tree, request)
    if navigation.exception or navigation.sequencing is None:
        return navigation.exception
    if request is NavigationRequest.SUSPEND_ALL and suspendable(tree) is None:
        return "TB.2.3-3"
    if request in _ENDING:
        return None
    return ended.exception or _outcome_exception(ahead, ended.sequencing or navigation.sequencing)


def _choice_exception(tree: ActivityTree, ahead: ActivityTree, identifier: str) -> str | None:
    navigation = navigation_request_process(tree, NavigationRequest.CHOICE, identifier)
    if navigation.exception:
        return navigation.exception
    return _outcome_exception(ahead, SequencingRequest.CHOICE, ahead.find(identifier))


def _jump_exception(tree: ActivityTree, ahead: ActivityTree, identifier: str) -> str | None:
    navigation = navigation_request_process(tree, NavigationRequest.JUMP, identifier)
    if navigation.exception:
        return navigation.exception
    return _outcome_exception(ahead, SequencingRequest.JUMP, ahead.find(identifier))


def _may_choose_another(tree: ActivityTree, choices: dict[str, str | None]) -> bool:
    here = (tree.root, tree.current)
    return any(exception is None and tree.nodes[identifier] not in here for identifier, exception in choices.items())


def _outcome_exception(ahead: ActivityTree, request: SequencingRequest, target: Node | None = None) -> str | None:
    result = find_next(ahead, request, target)
    if result.delivery is not None:
        return delivery_request_process(ahead, result.delivery)
    return None if result.ends_session else result.exception


def _contents(tree: ActivityTree, ahead: ActivityTree, choices: dict[str, str | None]) -> list[Entry]:
    tree.memory = Memory()
    try:
        return [_entry(tree, tree.nodes[node.identifier], choices[node.identifier]) for node in ahead.root.walk()]
    finally:
        tree.memory = None


def _entry(tree: ActivityTree, node: Node, exception: str | None) -> Entry:
    is_hidden = any(pre_condition_action(tree, activity, HIDDEN_FROM_CHOICE) for activity in node.path())
    return Entry(
        identifier=node.identifier,
        title=node.definition.title,
        depth=node.depth,
        parent=node.parent.identifier if node.parent else None,
        is_leaf=node.is_leaf,
        is_visible=node.definition.is_visible and not is_hidden,
        is_current=node is tree.current,
        is_active=node.state.is_active,
        is_suspended=node.state.is_suspended,
        is_attempted=node.state.attempt_count > 0,
        completed=objectives.is_completed(tree, node, node.primary),
        satisfied=objectives.is_satisfied(tree, node, node.primary),
        exception=exception,
    )
