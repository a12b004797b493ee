"""A player in plain Python: the real run-time and the real sequencing, with a scripted learner instead of a browser."""

import json
from dataclasses import dataclass, field

from scorm_player.scorm import cmi, transfer, visit
from scorm_player.scorm import runtime as rt
from scorm_player.scorm.manifest.model import Manifest
from scorm_player.scorm.sequencing import scope
from scorm_player.scorm.sequencing.definition import CourseStructure
from scorm_player.scorm.sequencing.overall import Outcome, begin_session, overall_sequencing
from scorm_player.scorm.sequencing.requests import NavigationRequest
from scorm_player.scorm.sequencing.state import ObjectiveState, SequencingState
from scorm_player.scorm.sequencing.tree import ActivityTree, Node
from scorm_player.scorm.sequencing.validity import Outlook, look_ahead

LEARNER = visit.Learner("learner-1", "Ana Learner")


@dataclass
class Shared:
    """What the learner takes along from package to package."""

    objectives: dict[str, ObjectiveState] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)


@dataclass
class PlainPlayer:
    """Plays one package for one learner. Between any two steps the state goes through JSON, as in production."""

    manifest: Manifest
    shared: Shared = field(default_factory=Shared)
    strict: bool = True
    stored: str = field(default_factory=lambda: json.dumps(SequencingState().to_json()))
    kept: dict[str, cmi.Values] = field(default_factory=dict)  # run-time data of the current attempt, by activity
    delivered: str | None = None
    is_open: bool = False
    runtime: rt.Runtime | None = None
    outlook: Outlook | None = None
    set_by_content: set[str] = field(default_factory=set)

    @property
    def structure(self) -> CourseStructure:
        return self.manifest.organizations[0].structure

    @property
    def page(self) -> str:
        """The URL of what is delivered, with the item's parameters; empty when nothing is."""
        activity = self.tree().nodes[self.delivered].definition if self.delivered else None
        return (activity and self.manifest.url(activity)) or ""

    def tree(self) -> ActivityTree:
        state = SequencingState.from_json(json.loads(self.stored))
        scope.put_in(self.structure, state, self.shared.objectives, self.shared.data)
        return ActivityTree(self.structure, state)

    def store(self, tree: ActivityTree) -> None:
        self.stored = json.dumps(tree.state.to_json())
        objectives, data = scope.take_out(self.structure, tree.state)
        self.shared.objectives |= objectives
        self.shared.data |= data

    def launch(self, title: str | None = None) -> Outcome:
        """Open the package: resume what was suspended, else start, or choose the entry that the learner picked."""
        self.is_open = True
        tree = self.tree()
        if title is not None and tree.suspended is None:
            return self.navigate(NavigationRequest.CHOICE, self.identifier(title))
        return self._follow(tree, begin_session(tree))

    def identifier(self, title: str) -> str:
        """Find an activity by its title in the table of contents; the root by any title that mentions it."""
        activities = list(self.structure.root.walk())
        found = [activity for activity in activities if activity.title.strip() == title.strip()]
        return (found or activities)[0].identifier

    def navigate(self, request: NavigationRequest, target: str | None = None) -> Outcome:
        tree = self.tree()
        return self._follow(tree, overall_sequencing(tree, request, target))

    def _follow(self, tree: ActivityTree, outcome: Outcome) -> Outcome:
        self.store(tree)
        if outcome.delivered is not None:
            self._deliver(tree, outcome.delivered, outcome.resumes)
        elif not outcome.was_refused:
            self.delivered = self.runtime = None
        if outcome.ends_session:
            self.is_open = False
        self.outlook = look_ahead(self.tree())
        return outcome

    def _deliver(self, tree: ActivityTree, node: Node, resumes: bool) -> None:
        self.delivered = node.identifier
        self.outlook = look_ahead(tree)
        if not resumes:
            self.kept.pop(node.identifier, None)
        start = visit.begin(
            transfer.item_of(tree, node),
            LEARNER,
            previous=self.kept.get(node.identifier),
            suspended=resumes,
            objectives=transfer.objectives_of(tree, node),
            shared=transfer.shared_data_of(tree, node),
            navigation=transfer.navigation_of(self.outlook),
            total_seconds=transfer.total_seconds(tree, node),
        )
        self.set_by_content = set()
        self.runtime = rt.Runtime("2004", "4th", start.values, start.access, strict=self.strict)

    def call(self, method: str, element: str, value: str) -> str:
        """Make one API call as the content would."""
        assert self.runtime is not None
        match method:
            case "Initialize":
                return self.runtime.initialize("")
            case "GetValue":
                return self.runtime.get_value(element)
            case "SetValue":
                answer = self.runtime.set_value(element, value)
                if answer == "true":
                    self.set_by_content.add(element)
                return answer
            case "Commit":
                return self.runtime.commit("")
            case "Terminate":
                return self.runtime.terminate("")
        raise AssertionError(method)

    def finish(self, request: tuple[NavigationRequest, str | None] | None = None) -> Outcome | None:
        """Conclude the session after Terminate: take over its data, then navigate as learner or content asks."""
        assert self.runtime is not None
        tree = self.tree()
        node = tree.nodes[self.delivered or ""]
        outcome = visit.end(transfer.item_of(tree, node), self.runtime.values, terminated=True, strict=self.strict)
        found = transfer.conclude(tree, outcome, self.set_by_content, request)
        self.set_by_content = set()
        self.kept[node.identifier] = outcome.values
        self.store(tree)
        return self._follow(tree, found) if found else None
