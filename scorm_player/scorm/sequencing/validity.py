"""What could be done next, tried out and not done: validity of requests, table of contents, the player's controls.

`adl.nav.request_valid.*` (SN 5.6, RTE 4.4) and the outline ask what a request would lead to if it were made now. So the
current attempt is ended on a copy of the tree, and from there every request looks for its activity without changing
anything.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cached_property

from scorm_player.scorm.sequencing import objectives
from scorm_player.scorm.sequencing.conditions import HIDDEN_FROM_CHOICE, pre_condition_action
from scorm_player.scorm.sequencing.definition import HiddenControl
from scorm_player.scorm.sequencing.delivery import delivery_request_process
from scorm_player.scorm.sequencing.navigation import (
    NavigationResult,
    choice_navigation_exception,
    jump_navigation_exception,
    navigation_request_process,
)
from scorm_player.scorm.sequencing.prerequisites import Script, unmet
from scorm_player.scorm.sequencing.requests import EXCEPTIONS, NavigationRequest, TerminationRequest
from scorm_player.scorm.sequencing.selection import needs_preparation, prepare_clusters
from scorm_player.scorm.sequencing.sequencing import (
    SequencingResult,
    choice_sequencing_request,
    find_next,
    jump_sequencing_request,
)
from scorm_player.scorm.sequencing.termination import TerminationResult, suspendable, termination_request_process
from scorm_player.scorm.sequencing.tree import ActivityTree, Memory, Node, Trial


@dataclass(frozen=True, slots=True)
class Entry:
    """One activity in the table of contents.

    `exception`: why it cannot be chosen, None when it can; `lacks`: the prerequisites of SCORM 1.2, where it is those.
    `is_visible`: False for items the manifest or a rule hides.
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
    lacks: Script | None = None

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
    `hidden`: controls the manifest wants not to be shown while the current activity is delivered. `asks`: Continue
    leads to a part that does not flow, where the learner chooses what is next; so it is valid, and delivers nothing.
    `finishes`: Continue leads past the last activity, which ends the course's attempt.
    The table of contents is made when first asked for, so before anything changes in the tree.
    """

    requests: dict[NavigationRequest, str | None]
    choices: dict[str, str | None]
    jumps: dict[str, str | None]
    list_contents: Callable[[], list[Entry]] = field(repr=False, compare=False)
    hidden: frozenset[HiddenControl] = field(default_factory=frozenset)
    asks: bool = False
    finishes: bool = False
    has_several: bool = True  # single activities in this attempt

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
        return self.delivers(request) or (self.asks and request is NavigationRequest.CONTINUE)

    def delivers(self, request: NavigationRequest) -> bool:
        """Tell whether the request delivers something or ends the session."""
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

    def has_contents(self, besides: Collection[str] = ()) -> bool:
        """Tell whether there is anything to choose in the table of contents, `besides` these activities."""
        return any(
            entry.is_visible and entry.is_selectable and entry.depth > 0 and entry.identifier not in besides
            for entry in self.contents
        )

    def only(self) -> str | None:
        """Return the one activity that there is to see, where there is one alone and it may be chosen."""
        seen = [entry for entry in self.contents if entry.is_visible and entry.depth > 0]
        return seen[0].identifier if len(seen) == 1 and seen[0].is_selectable else None


def look_ahead(tree: ActivityTree) -> Outlook:
    """Try out every request; the tree stays as it is.

    First what is asked of the state as it is (NB.2.1), then, with the current attempt ended, what each request finds.
    """
    navigation = _navigation(tree)
    current = tree.current
    hidden = current.definition.hidden_controls if current else frozenset()
    if current is None:
        ahead = tree.copy() if needs_preparation(tree) else tree
        if ahead is not tree:
            prepare_clusters(ahead)
        return _found(tree, ahead, navigation, TerminationResult(), hidden)
    if not current.state.is_active:
        return _found(tree, tree, navigation, TerminationResult(), hidden)
    with Trial(tree):
        ended = termination_request_process(tree, TerminationRequest.EXIT)
        return _found(tree, tree, navigation, ended, hidden)


@dataclass(frozen=True, slots=True)
class _Navigation:
    """What NB.2.1 makes of every request in the present state; for choices and jumps the exceptions."""

    requests: dict[NavigationRequest, NavigationResult]
    choices: dict[str, str | None]
    jumps: dict[str, str | None]
    cannot_suspend: bool
    current: Node | None


def _navigation(tree: ActivityTree) -> _Navigation:
    tree.memory = Memory()
    current = tree.current
    try:
        return _Navigation(
            {request: navigation_request_process(tree, request) for request in _WITHOUT_TARGET},
            {name: choice_navigation_exception(tree, current, node) for name, node in tree.nodes.items()},
            {name: jump_navigation_exception(tree, current, node) for name, node in tree.nodes.items()},
            suspendable(tree) is None,
            current,
        )
    finally:
        tree.memory = None


def _found(
    tree: ActivityTree,
    ahead: ActivityTree,
    navigation: _Navigation,
    ended: TerminationResult,
    hidden: frozenset[HiddenControl],
) -> Outlook:
    """What each request finds in `ahead`, where the current attempt has ended; the contents are those of `tree`."""
    ahead.memory = Memory()
    try:
        requests = {request: _request_exception(ahead, request, navigation, ended) for request in _WITHOUT_TARGET}
        choices = {
            name: exception or _exception_of(ahead, choice_sequencing_request(ahead, ahead.nodes[name]))
            for name, exception in navigation.choices.items()
        }
        jumps = {
            name: exception or _exception_of(ahead, jump_sequencing_request(ahead, ahead.nodes[name]))
            for name, exception in navigation.jumps.items()
        }
        onward = ended.sequencing or navigation.requests[NavigationRequest.CONTINUE].sequencing
        is_valid = requests[NavigationRequest.CONTINUE] is None
        finishes = is_valid and onward is not None and find_next(ahead, onward).ends_session
        order = [node.identifier for node in ahead.root.walk()]
        has_several = sum(ahead.nodes[name].is_leaf for name in order) > 1
    finally:
        ahead.memory = None
    asks = requests[NavigationRequest.CONTINUE] == "SB.2.2-1" and any(
        exception is None and tree.nodes[name] not in (tree.root, navigation.current)
        for name, exception in choices.items()
    )
    return Outlook(
        requests, choices, jumps, lambda: _contents(tree, order, choices), hidden, asks, finishes, has_several
    )


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
    ahead: ActivityTree, request: NavigationRequest, navigation: _Navigation, ended: TerminationResult
) -> str | None:
    """`ended`: how the current attempt ends; what rules ask for then goes before what the learner asked for."""
    means = navigation.requests[request]
    if means.exception or means.sequencing is None:
        return means.exception
    if request is NavigationRequest.SUSPEND_ALL and navigation.cannot_suspend:
        return "TB.2.3-3"
    if request in _ENDING:
        return None
    return ended.exception or _exception_of(ahead, find_next(ahead, ended.sequencing or means.sequencing))


def _exception_of(ahead: ActivityTree, result: SequencingResult) -> str | None:
    """Why what was found is not delivered, or nothing was found; None when it is, or the session ends."""
    if result.delivery is not None:
        return delivery_request_process(ahead, result.delivery)
    return None if result.ends_session else result.exception


def _contents(tree: ActivityTree, order: list[str], choices: dict[str, str | None]) -> list[Entry]:
    current, hidden, entries = tree.current, set[str](), list[Entry]()
    for name in order:  # what holds an activity comes before it
        node = tree.nodes[name]
        above = node.parent.identifier if node.parent else None
        if above in hidden or pre_condition_action(tree, node, HIDDEN_FROM_CHOICE):
            hidden.add(name)
        entries.append(_entry(tree, node, node is current, name in hidden, choices[name]))
    return entries


def _entry(tree: ActivityTree, node: Node, is_current: bool, is_hidden: bool, exception: str | None) -> Entry:
    return Entry(
        identifier=node.identifier,
        title=node.definition.title,
        depth=node.depth,
        parent=node.parent.identifier if node.parent else None,
        is_leaf=node.is_leaf,
        is_visible=node.definition.is_visible and not is_hidden,
        is_current=is_current,
        is_active=node.state.is_active,
        is_suspended=node.state.is_suspended,
        is_attempted=node.state.attempt_count > 0,
        completed=objectives.is_completed(tree, node, node.primary),
        satisfied=objectives.is_satisfied(tree, node, node.primary),
        exception=exception,
        lacks=unmet(tree, node) if exception == "prerequisites" else None,
    )
