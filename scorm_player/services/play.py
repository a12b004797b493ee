"""Between the run-time's rows and sequencing: loading a learner's tree, keeping it, and what stands for the course."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import orjson

from core.db import Session
from scorm_player.scorm import transfer, visit
from scorm_player.scorm.sequencing import objectives, scope
from scorm_player.scorm.sequencing.definition import Edition
from scorm_player.scorm.sequencing.requests import TerminationRequest
from scorm_player.scorm.sequencing.rollup import overall_rollup
from scorm_player.scorm.sequencing.state import SequencingState
from scorm_player.scorm.sequencing.termination import termination_request_process
from scorm_player.scorm.sequencing.tree import ActivityTree, Node, Trial
from scorm_player.scorm.sequencing.validity import Outlook, look_ahead
from scorm_player.store import runtime as store
from scorm_player.store.registrations import Course
from scorm_player.tables import Completion, Registration, Success


@dataclass(frozen=True)
class Standing:
    """What the course as a whole has come to: statuses, progress 0 … 1 and score, as far as they are known."""

    completion: Completion
    success: Success
    progress: float | None
    score: Mapping[str, float]


def tree_of(
    session: Session,
    registration: Registration,
    course: Course,
    now: datetime | None = None,
    seed: int | None = None,
) -> ActivityTree:
    """Load the learner's tree. What all packages share is the learner's own, whatever this one remembers.

    `seed`: chance that comes out the same again, for a tree that is loaded once more without having been kept.
    """
    state = SequencingState.from_json(orjson.loads(registration.activity_tree or "{}"))
    if registration.user_id is not None:
        names, stores = scope.objective_names(course.structure), scope.data_names(course.structure)
        brought = store.global_objectives(session, registration.user_id, names) if names else {}
        data = store.shared_data(session, registration.user_id, stores) if stores else {}
        scope.put_in(course.structure, state, brought, data)
    chance = random.Random(seed)  # noqa: S311  order of lessons, not a secret
    return ActivityTree(course.structure, state, now=now, generator=chance)


def keep(
    session: Session,
    registration: Registration,
    course: Course,
    tree: ActivityTree,
    now: datetime,
    *,
    counts: bool = True,
) -> None:
    """Store the learner's tree, and apart from it, when it `counts`, what outlives this course."""
    registration.activity_tree = text_of(tree)
    if counts:
        keep_shared(session, registration, course, tree, now)


def text_of(tree: ActivityTree) -> str:
    """Return a learner's tree as it is stored."""
    return orjson.dumps(tree.state.to_json()).decode()


def keep_shared(
    session: Session, registration: Registration, course: Course, tree: ActivityTree, now: datetime
) -> None:
    """Store what outlives this course."""
    if registration.user_id is None:
        return
    taken_along, data = scope.take_out(course.structure, tree.state)
    store.save_global_objectives(session, registration.user_id, taken_along, now)
    store.save_shared_data(session, registration.user_id, data, now)


def outlook(tree: ActivityTree, item: visit.Item, data: store.Data | None) -> Outlook:
    """Tell what may be asked for now (SN 5.6).

    `data` are the run-time data of the current activity while its session is open: what they say counts as if the
    session ended now. None when it has ended: then the tree knows.
    """
    if data is None or tree.current is None:
        return look_ahead(tree)
    outcome = visit.end(item, data.values, terminated=False, strict=data.strict, ended_by_learner=True)
    return transfer.outlook_with(tree, outcome, data.set_by_content)


def standing(
    tree: ActivityTree,
    node: Node,
    *,
    has_ended: bool,
    told: Mapping[str, tuple[Completion, Success]],
    begun: Mapping[str, float],
) -> Standing:
    """Tell what the course comes to with what `node` has told so far; that is tried out, and the tree stays as it is.

    When the SCO's session `has_ended` for good, its attempt is taken as ended too: what the SCO left unsaid, the end
    of an attempt says (UP.4), and nobody can tell that the window will not be closed now. `told` is what single
    activities have said of themselves, by identifier. Sequencing takes silence about success for satisfaction, and
    rolls up the best where no activity contributes (RB.1.4); a record must not: without a word of success by some SCO
    nobody has passed, and where nothing contributes, what the SCOs say decides.

    Progress is the root's own measure where there is one, else the mean of its single activities: 1 for a completed
    one, and for others what they have told of themselves, which `begun` has by identifier.
    """
    with Trial(tree, node):
        if has_ended and tree.current is not None and tree.current.state.is_active:
            termination_request_process(tree, TerminationRequest.EXIT)
        overall_rollup(tree, node)
        return _standing(tree, told, begun)


def _standing(
    tree: ActivityTree, told: Mapping[str, tuple[Completion, Success]], begun: Mapping[str, float]
) -> Standing:
    root = tree.root
    completed = objectives.is_completed(tree, root, root.primary)
    satisfied = objectives.is_satisfied(tree, root, root.primary)
    leaves = [leaf for leaf in root.walk() if leaf.is_leaf]
    said = [told.get(leaf.identifier, (Completion.UNKNOWN, Success.UNKNOWN)) for leaf in leaves]
    if not any(_contributes(leaf, "progress_completion") for leaf in leaves):
        completed = all(completion is Completion.COMPLETED for completion, _ in said)
    if not any(_contributes(leaf, "objective_satisfied") for leaf in leaves):
        passed = {success for _, success in said}
        satisfied = True if passed == {Success.PASSED} else False if Success.FAILED in passed else None
    success_was_told = any(success is not Success.UNKNOWN for _, success in told.values())
    done = [
        1.0 if objectives.is_completed(tree, leaf, leaf.primary) else begun.get(leaf.identifier, 0.0) for leaf in leaves
    ]
    measured = objectives.progress_measure_of(tree, root, root.primary)
    return Standing(
        Completion.UNKNOWN if completed is None else Completion.COMPLETED if completed else Completion.INCOMPLETE,
        Success.UNKNOWN
        if satisfied is None or not success_was_told
        else Success.PASSED
        if satisfied
        else Success.FAILED,
        1.0 if completed else measured if measured is not None else sum(done) / len(leaves) if leaves else None,
        _score(tree, leaves),
    )


def _contributes(leaf: Node, flag: str) -> bool:
    """Whether anything of a single activity can reach the root by rollup; `flag` is a field of `Rollup`."""
    below_the_root = leaf.path()[:-1] or [leaf]
    return all(node.definition.delivery.tracked and getattr(node.definition.rollup, flag) for node in below_the_root)


def _score(tree: ActivityTree, leaves: list[Node]) -> dict[str, float]:
    """The course's score: the root's measure, rolled up; a course of one activity has that one's raw score, too."""
    score: dict[str, float] = {}
    measure = objectives.measure_of(tree, tree.root, tree.root.primary)
    only = leaves[0] if len(leaves) == 1 else None
    if measure is None and only is not None:
        measure = objectives.measure_of(tree, only, only.primary)
    if measure is not None:
        score["scaled"] = measure
    if only is not None:
        for name in ("raw", "min", "max"):
            known = objectives.score_of(tree, only, only.primary, f"{name}_score")
            if known is not None:
                score[name] = known
    return score


def is_1_2(course: Course) -> bool:
    """Whether the package is of SCORM 1.2, which keeps an item's data from visit to visit whatever its exit said."""
    return course.structure.edition is Edition.SCORM_1_2


def rounded(value: float | None, places: int) -> Decimal | None:
    """Return a number as its column keeps it."""
    return None if value is None else Decimal(str(round(value, places)))
