"""The activity tree: every activity in its place, with its definition and its state side by side."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from scorm_player.scorm.sequencing.definition import (
    Activity,
    ConditionName,
    CourseStructure,
    Edition,
    Objective,
    ObjectiveMap,
    RuleAction,
    Timing,
)
from scorm_player.scorm.sequencing.state import PRIMARY, ActivityState, ObjectiveState, SequencingState

NOTHING_KNOWN = ObjectiveState()


class LocalObjective:
    """One objective of an activity with its maps sorted by what they carry.

    `reads` names for a field of `ObjectiveState` the global objective it is read from, `writes` those it is written to.
    """

    __slots__ = ("definition", "key", "reads", "writes")

    def __init__(self, definition: Objective, key: str) -> None:
        self.definition = definition
        self.key = key
        self.reads: dict[str, str] = {}
        self.writes: dict[str, tuple[str, ...]] = {}
        for item in definition.maps:
            target = normalized(item.target)
            for name, reads, writes in _shared_fields(item):
                if reads:
                    self.reads.setdefault(name, target)
                if writes:
                    self.writes[name] = (*self.writes.get(name, ()), target)


def normalized(identifier: str) -> str:
    """Answer an objective's identifier as identifiers are compared: white space, encoded or not, collapsed."""
    return " ".join(identifier.replace("%20", " ").split()) if " " in identifier or "%" in identifier else identifier


def _shared_fields(item: ObjectiveMap) -> tuple[tuple[str, bool, bool], ...]:
    return (
        ("satisfied", item.read_satisfied_status, item.write_satisfied_status),
        ("measure", item.read_normalized_measure, item.write_normalized_measure),
        ("completed", item.read_completion_status, item.write_completion_status),
        ("progress_measure", item.read_progress_measure, item.write_progress_measure),
        ("raw_score", item.read_raw_score, item.write_raw_score),
        ("min_score", item.read_min_score, item.write_min_score),
        ("max_score", item.read_max_score, item.write_max_score),
    )


def _local_objectives(definition: Activity) -> dict[str, LocalObjective]:
    primary = definition.primary
    found = {PRIMARY: LocalObjective(primary, PRIMARY)}
    for objective in definition.objectives:
        key = normalized(objective.identifier or PRIMARY)
        if key != normalized(primary.identifier or PRIMARY):
            found.setdefault(key, LocalObjective(objective, key))
    return found


class Node:
    """One activity of the tree: its definition, its state, its neighbors.

    `children` are all of them in document order, `available` the selected ones in the order of this attempt (AM.1.1).
    `order` counts a preorder walk over the document, `depth` the ancestors.
    """

    __slots__ = (
        "available",
        "children",
        "control",
        "definition",
        "depth",
        "identifier",
        "is_leaf",
        "objectives",
        "order",
        "parent",
        "place",
        "state",
    )

    def __init__(
        self,
        definition: Activity,
        state: ActivityState,
        parent: "Node | None",
        objectives: dict[str, LocalObjective],
    ) -> None:
        self.definition = definition
        self.control = definition.control
        self.identifier = definition.identifier
        self.state = state
        self.parent = parent
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.is_leaf = not definition.children
        self.children: list[Node] = []
        self.available: list[Node] = []
        self.order = 0
        self.place = 0  # among the parent's available children, −1 when not selected
        self.objectives = objectives

    def __repr__(self) -> str:
        return f"<{self.identifier}>"

    @property
    def primary(self) -> LocalObjective:
        """The objective that contributes to rollup."""
        return self.objectives[PRIMARY]

    def shared(self) -> set[str]:
        """Answer the global objectives this activity writes to."""
        return {
            target
            for objective in self.objectives.values()
            for targets in objective.writes.values()
            for target in targets
        }

    def path(self) -> list["Node"]:
        """Answer the activities from this one up to the root, both included."""
        path: list[Node] = []
        node: Node | None = self
        while node is not None:
            path.append(node)
            node = node.parent
        return path

    def is_within(self, other: "Node") -> bool:
        """Tell whether this activity is `other` or one of its descendants."""
        node: Node | None = self
        while node is not None and node.depth >= other.depth:
            if node is other:
                return True
            node = node.parent
        return False

    def chooses_anew(self) -> bool:
        """Tell whether this cluster selects or reorders its children on each new attempt (SN 4.7)."""
        each = Timing.ON_EACH_NEW_ATTEMPT
        return self.definition.selection.timing is each or self.definition.randomization.timing is each

    def is_available(self) -> bool:
        """Tell whether this activity and all its ancestors are selected children of their parents."""
        return all(node.place >= 0 for node in self.path())

    def objective(self, identifier: str | None) -> LocalObjective:
        """Answer the objective a rule refers to; the one that rolls up when it names none, or one that is not here."""
        return (identifier and self.find_objective(identifier)) or self.objectives[PRIMARY]

    def find_objective(self, identifier: str) -> LocalObjective | None:
        """Answer the objective of this identifier; None when the activity has none."""
        name = normalized(identifier)
        if name == normalized(self.definition.primary.identifier or PRIMARY):
            return self.objectives[PRIMARY]
        return self.objectives.get(name)

    def everything(self) -> Iterator["Node"]:
        """Yield this activity and all its descendants, selected or not, in document order."""
        yield self
        for child in self.children:
            yield from child.everything()

    def walk(self) -> Iterator["Node"]:
        """Yield this activity and its available descendants, in the order of this attempt."""
        yield self
        for child in self.available:
            yield from child.walk()


class Memory:
    """Answers that hold while nothing in the tree changes, by the activity they are about.

    What a choice is asked on its way is the same for all activities of a part; so a look at all of them asks it once.
    """

    __slots__ = ("barred", "crossed", "entered", "left", "rules", "seen", "ways")

    def __init__(self) -> None:
        self.barred: dict[str, bool] = {}  # the activity, or one it lies in, is disabled or has had its attempts
        # By what the current activity is left up to: why it is not left so far, and what constrains whoever leaves it.
        self.crossed: dict[str, tuple[str | None, Node | None]] = {}
        self.entered: dict[str, str | None] = {}  # why a part is not reached from the current activity's place
        self.left: dict[str, str | None] = {}  # why the current activity is not left for what is in a part
        self.rules: dict[tuple[str, frozenset[RuleAction]], RuleAction | None] = {}
        self.seen: dict[str, str | None] = {}  # why the activity is out of sight of a choice
        self.ways: dict[str, str | None] = {}  # why a sibling of the current activity is not reached


class ActivityTree:
    """A course structure joined with a learner's state; the processes read and change the state through it.

    `now` is needed for time limits only, `generator` for selection and randomization. `enforce_time_limits` turns on
    the limit conditions on durations and dates, which SCORM leaves to the system (SN 3.5); attempt limits always hold.
    """

    def __init__(
        self,
        structure: CourseStructure,
        state: SequencingState,
        *,
        generator: random.Random | None = None,
        now: datetime | None = None,
        enforce_time_limits: bool = False,
    ) -> None:
        self.structure = structure
        self.state = state
        self.generator = generator or random.Random(0)  # noqa: S311  order of lessons, not a secret
        self.now = now
        self.enforce_time_limits = enforce_time_limits
        self.nodes: dict[str, Node] = {}
        self.readers: dict[str, list[Node]] = {}  # by global objective: activities that read it into what they roll up
        self.memory: Memory | None = None  # only while nothing changes
        self._grow(_plan_of(structure))
        self.root = self.nodes[structure.root.identifier]
        if is_single_activity(structure.root):
            self.root.control = replace(self.root.control, choice=False, flow=True)

    def _grow(self, plan: "_Plan") -> None:
        known, nodes = self.state.activities, self.nodes
        in_order: list[Node] = []
        for definition, above, objectives in plan.activities:
            identifier = definition.identifier
            state = known.get(identifier)
            if state is None:
                state = known[identifier] = ActivityState()
            parent = in_order[above] if in_order else None
            node = nodes[identifier] = Node(definition, state, parent, objectives)
            node.order = len(in_order)
            if parent is not None:
                node.place = len(parent.children)
                parent.children.append(node)
            in_order.append(node)
        for target, readers in plan.readers.items():
            self.readers[target] = [in_order[position] for position in readers]
        for node in in_order:
            if node.state.available_children is None:
                node.available = node.children
            else:
                self.restore_available(node)

    def restore_available(self, node: Node) -> None:
        """Take the available children of a cluster from its state."""
        chosen = node.state.available_children
        if chosen is None:
            node.available = node.children
        else:
            node.available = [self.nodes[identifier] for identifier in chosen if identifier in self.nodes]
            for child in node.children:
                child.place = -1
        for place, child in enumerate(node.available):
            child.place = place

    def copy(self) -> "ActivityTree":
        """Answer a tree with a state of its own, to try something out."""
        return ActivityTree(
            self.structure,
            self.state.copy(),
            generator=_same_numbers(self.generator),
            now=self.now,
            enforce_time_limits=self.enforce_time_limits,
        )

    @property
    def is_steady(self) -> bool:
        """Whether what content tells of its activity while it plays changes nothing of what may be asked for (SN 5.6).

        So it is where no rule asks what is known, and nothing else does: most courses are of that kind.
        """
        return _plan_of(self.structure).is_steady and not self.enforce_time_limits

    @property
    def is_fourth_edition(self) -> bool:
        """Progress rollup by measure, jump and `adlseq:mapInfo` came with the 4th Edition."""
        return self.structure.edition is Edition.FOURTH

    @property
    def current(self) -> Node | None:
        """The current activity (AM.1.2): the one delivered last, or where termination has moved to."""
        return self.nodes.get(self.state.current_activity or "")

    @current.setter
    def current(self, node: Node | None) -> None:
        self.state.current_activity = node.identifier if node else None

    @property
    def suspended(self) -> Node | None:
        """The suspended activity (AM.1.2): where Resume All goes on."""
        return self.nodes.get(self.state.suspended_activity or "")

    @suspended.setter
    def suspended(self, node: Node | None) -> None:
        self.state.suspended_activity = node.identifier if node else None

    def find(self, identifier: str | None) -> Node | None:
        return self.nodes.get(identifier or "")

    def set_available(self, node: Node, children: list[Node]) -> None:
        """Set the available children of a cluster, in their order."""
        node.state.available_children = [child.identifier for child in children]
        self.restore_available(node)

    def known_globally(self, target: str) -> ObjectiveState:
        """Answer the global objective of this name to be read; one of which nothing is known when there is none."""
        return self.state.global_objectives.get(target, NOTHING_KNOWN)

    def global_objective(self, target: str) -> ObjectiveState:
        """Answer the global objective of this name to be written; it comes into being when first asked for."""
        found = self.state.global_objectives.get(target)
        if found is None:
            found = self.state.global_objectives[target] = ObjectiveState()
        return found


class Trial:
    """What is only tried out: on leaving, the tree is as it was, down to its chance.

    Before it begins, all that may change gets copies of its state when content tells something of the current
    activity, its attempt is ended and all is rolled up (TB.2.3; UP.4 for the way up from the current activity, RB.1.5
    for the way up from whoever reads a global objective). The same of `another` activity, where one is tried out, too.
    That is far less than a copy of the tree.
    """

    def __init__(self, tree: ActivityTree, another: Node | None = None) -> None:
        self._tree = tree
        self._ends = [node for node in (tree.current, another) if node is not None]
        self._global_objectives = tree.state.global_objectives
        self._shared_data = tree.state.shared_data
        self._places = (tree.state.current_activity, tree.state.suspended_activity)
        self._states: list[tuple[Node, ActivityState]] = []
        self._children: list[tuple[Node, list[Node], list[int]]] = []
        self._chance: tuple[Any, ...] | None = None

    def __enter__(self) -> None:
        tree, state = self._tree, self._tree.state
        touched = {node.order: node for end in self._ends for node in end.path()}
        for node in touched.values():
            if node.chooses_anew():
                self._chance = self._chance or tree.generator.getstate()
                self._children.append((node, node.available, [child.place for child in node.children]))
        for reader in {id(reader): reader for readers in tree.readers.values() for reader in readers}.values():
            touched.update((node.order, node) for node in reader.path())
        for node in touched.values():
            self._states.append((node, node.state))
            node.state = state.activities[node.identifier] = node.state.copy()
        state.global_objectives = {name: known.copy() for name, known in self._global_objectives.items()}
        state.shared_data = dict(self._shared_data)

    def __exit__(self, *_: object) -> None:
        tree, state = self._tree, self._tree.state
        for node, kept in self._states:
            node.state = state.activities[node.identifier] = kept
        for node, available, places in self._children:
            node.available = available
            for child, place in zip(node.children, places, strict=True):
                child.place = place
        if self._chance is not None:
            tree.generator.setstate(self._chance)
        state.global_objectives, state.shared_data = self._global_objectives, self._shared_data
        state.current_activity, state.suspended_activity = self._places


class _Plan:
    """What all trees of a structure have in common: worked out once, for most requests grow two of them.

    `activities` in document order, each with the position of its parent and its objectives; `readers` by position;
    `targets` and `stores` are the names of global objectives and data stores that anything is mapped to; `is_steady`
    as of `ActivityTree`.
    """

    __slots__ = ("activities", "is_steady", "readers", "stores", "structure", "targets")

    def __init__(self, structure: CourseStructure) -> None:
        self.structure = structure
        self.activities: list[tuple[Activity, int, dict[str, LocalObjective]]] = []
        self.readers: dict[str, list[int]] = {}
        self._add(structure.root, -1)
        every = [activity for activity, _, _ in self.activities]
        maps = [item for activity in every for objective in _objectives(activity) for item in objective.maps]
        self.targets = frozenset(normalized(item.target) for item in maps)
        self.stores = frozenset(item.target for activity in every for item in activity.data_maps)
        self.is_steady = not any(_asks_what_is_known(activity) for activity in every)

    def _add(self, definition: Activity, above: int) -> None:
        position, objectives = len(self.activities), _local_objectives(definition)
        self.activities.append((definition, above, objectives))
        for target in objectives[PRIMARY].reads.values():
            self.readers.setdefault(target, []).append(position)
        for child in definition.children:
            self._add(child, position)


def _asks_what_is_known(activity: Activity) -> bool:
    """Tell whether an activity's rules, limit or prerequisites (1.2) may come out otherwise by what content tells.

    What exit and post-condition rules lead to depends also on whether the attempt is suspended, as limits do.
    """
    rules = activity.rules
    asks = any(condition.name is not ConditionName.ALWAYS for rule in rules.pre for condition in rule.conditions)
    leads = bool(rules.post or rules.exit or activity.prerequisites)
    return asks or leads or activity.limits.attempt_limit is not None


_KEPT_PLANS = 200
_plans: dict[int, _Plan] = {}


def _objectives(activity: Activity) -> tuple[Objective, ...]:
    return (activity.primary, *activity.objectives)


def mapped_names(structure: CourseStructure) -> tuple[frozenset[str], frozenset[str]]:
    """Answer the global objectives and the data stores that activities of the course are mapped to."""
    plan = _plan_of(structure)
    return plan.targets, plan.stores


def _plan_of(structure: CourseStructure) -> _Plan:
    """Answer a structure's plan. It is known by identity: to compare structures would take longer than to make one."""
    plan = _plans.get(id(structure))
    if plan is None or plan.structure is not structure:
        if len(_plans) >= _KEPT_PLANS:
            _plans.clear()
        plan = _plans[id(structure)] = _Plan(structure)
    return plan


def is_single_activity(root: Activity) -> bool:
    """Tell whether a course is one activity that says nothing of how to reach it: it starts by itself."""
    return len(root.children) == 1 and not root.children[0].children and root.control.choice and not root.control.flow


def common_ancestor(one: Node, other: Node) -> Node:
    """Answer the deepest activity that holds both; one of the two itself when it holds the other."""
    upper, lower = one, other
    while upper is not lower:
        if upper.depth > lower.depth:
            upper, lower = lower, upper
        if lower.parent is None:
            break
        lower = lower.parent
    return lower


def path_between(lower: Node, upper: Node) -> list[Node]:
    """Answer the activities from `lower` up to `upper`, `lower` included and `upper` not."""
    path: list[Node] = []
    node: Node | None = lower
    while node is not None and node is not upper:
        path.append(node)
        node = node.parent
    return path


def _same_numbers(generator: random.Random) -> random.Random:
    twin = random.Random()  # noqa: S311  order of lessons, not a secret
    twin.setstate(generator.getstate())
    return twin
