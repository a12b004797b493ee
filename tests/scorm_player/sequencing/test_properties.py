"""Whatever the course and the requests: the tree stays valid, the state keeps its answers, looking changes nothing."""

import json
import os
import random
from collections.abc import Collection
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scorm_player.scorm import transfer, visit
from scorm_player.scorm.sequencing.definition import CourseStructure
from scorm_player.scorm.sequencing.delivery import delivery_request_process
from scorm_player.scorm.sequencing.navigation import navigation_request_process
from scorm_player.scorm.sequencing.overall import Outcome, begin_session, overall_sequencing
from scorm_player.scorm.sequencing.requests import EXCEPTIONS, NavigationRequest, TerminationRequest
from scorm_player.scorm.sequencing.rollup import overall_rollup
from scorm_player.scorm.sequencing.selection import prepare_clusters
from scorm_player.scorm.sequencing.sequencing import find_next
from scorm_player.scorm.sequencing.state import SequencingState
from scorm_player.scorm.sequencing.termination import TerminationResult, suspendable, termination_request_process
from scorm_player.scorm.sequencing.tree import ActivityTree
from scorm_player.scorm.sequencing.validity import Entry, Outlook, look_ahead
from scorm_player.services import play
from tests.scorm_player.sequencing.trees import courses, steadied

EXAMPLES = int(os.environ.get("STOA_FUZZ", "20"))
thorough = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

# What content may set; the objective it may or may not have is the second record.
VALUES: dict[str, st.SearchStrategy[str]] = {
    "cmi.completion_status": st.sampled_from(["completed", "incomplete", "not attempted", "unknown"]),
    "cmi.success_status": st.sampled_from(["passed", "failed", "unknown"]),
    "cmi.progress_measure": st.sampled_from(["0.0", "0.5", "1.0"]),
    "cmi.score.scaled": st.sampled_from(["-1.0", "0.25", "1.0"]),
    "cmi.exit": st.sampled_from(["suspend", "normal"]),
    "cmi.objectives.0.success_status": st.sampled_from(["passed", "failed", "unknown"]),
    "cmi.objectives.1.score.scaled": st.sampled_from(["-1.0", "0.75"]),
    "cmi.objectives.1.completion_status": st.sampled_from(["completed", "unknown"]),
}
contents = st.fixed_dictionaries({}, optional=VALUES)
steps = st.lists(
    st.tuples(st.sampled_from(list(NavigationRequest)), st.integers(0, 60), contents), min_size=1, max_size=12
)


def load(course: CourseStructure, state: SequencingState, seed: int = 1) -> ActivityTree:
    return ActivityTree(course, state, generator=random.Random(seed))  # noqa: S311 lessons, no secret


def take(tree: ActivityTree, request: NavigationRequest, number: int, values: dict[str, str]) -> Outcome:
    """Let the content, where one is running, set its values and end; then ask for the request."""
    target = list(tree.nodes)[number % len(tree.nodes)]
    if tree.current is None or not tree.current.state.is_active:
        return overall_sequencing(tree, request, target)
    found = transfer.conclude(tree, ended(tree, values, terminated=True), values.keys(), (request, target))
    assert found is not None
    return found


def ended(tree: ActivityTree, values: dict[str, str], terminated: bool) -> visit.Outcome:
    """What the session of the current activity has told when it ends with these values."""
    current = tree.current
    assert current is not None
    given = {f"cmi.objectives.{index}.id": item.id for index, item in enumerate(transfer.objectives_of(tree, current))}
    item = transfer.item_of(tree, current)
    return visit.end(item, given | values, terminated=terminated, ended_by_learner=not terminated)


def check(tree: ActivityTree, outcome: Outcome) -> None:
    """Assert what must be true of a tree after every request."""
    active = {node for node in tree.nodes.values() if node.state.is_active}
    current, suspended = tree.current, tree.suspended
    assert active <= set(current.path() if current else ())
    assert all(node.parent is None or node.parent in active for node in active)
    if outcome.delivered is not None:
        assert current is outcome.delivered
        assert current.is_leaf
        assert active == set(current.path())
        assert current.is_available()
        assert suspended is None
    if outcome.ends_session:
        assert current is None
    if suspended is not None:
        assert all(node.state.is_suspended for node in suspended.path() if node.definition.delivery.tracked)
    assert outcome.exception is None or outcome.exception in EXCEPTIONS
    for node in tree.nodes.values():
        assert len({id(child) for child in node.available}) == len(node.available)
        assert set(node.available) <= set(node.children)
        assert bool(node.available) is bool(node.children)


def seen(tree):
    """What may be asked for, and the table of contents, which is made when asked for."""
    outlook = look_ahead(tree)
    return outlook, outlook.contents


@thorough
@given(courses(), steps)
def test_any_sequence_of_requests_leaves_a_valid_tree(course, requests):
    tree = load(course, SequencingState())
    for request, number, values in requests:
        check(tree, take(tree, request, number, values))
    check(tree, begin_session(tree))


@thorough
@given(courses(), steps)
def test_a_state_that_went_through_json_gives_the_same_answers(course, requests):
    tree = load(course, SequencingState())
    for seed, (request, number, values) in enumerate(requests):
        text = json.dumps(tree.state.to_json())
        twin = load(course, SequencingState.from_json(json.loads(text)), seed)
        tree = load(course, tree.state, seed)
        assert json.dumps(twin.state.to_json()) == text
        assert seen(twin) == seen(tree)
        assert told(take(twin, request, number, values)) == told(take(tree, request, number, values))
        assert twin.state.to_json() == tree.state.to_json()


@thorough
@given(courses(), steps)
def test_looking_ahead_changes_nothing(course, requests):
    tree = load(course, SequencingState())
    for request, number, values in requests:
        before = tree.state.copy()
        first = seen(tree)
        assert tree.state == before
        assert seen(tree) == first
        take(tree, request, number, values)


@thorough
@given(courses(plain_ends=True), steps)
def test_what_is_said_to_be_valid_leads_somewhere_and_nothing_else_does(course, requests):
    tree = load(course, SequencingState())
    for request, number, _values in requests:
        target = list(tree.nodes)[number % len(tree.nodes)]
        outlook = look_ahead(tree)
        said = outlook.is_valid(request, target)
        done = overall_sequencing(tree, request, target)
        leads = done.delivered is not None or done.ends_session or (not done.exception and not done.was_refused)
        if request is NavigationRequest.CONTINUE and outlook.asks:
            assert done.exception == "SB.2.2-1"
            after = look_ahead(tree)
            assert any(entry.is_selectable and entry.depth for entry in after.contents), "the learner chooses"
        else:
            assert said is leads


@thorough
@given(courses(), steps)
def test_looking_ahead_at_everything_at_once_answers_what_each_request_tried_by_itself_does(course, requests):
    tree = load(course, SequencingState())
    for request, number, values in requests:
        outlook = look_ahead(tree)
        for single in NavigationRequest:
            if single in outlook.requests:
                assert outlook.requests[single] == tried(tree, single), single
        assert outlook.choices == {name: tried(tree, NavigationRequest.CHOICE, name) for name in tree.nodes}
        assert outlook.jumps == {name: tried(tree, NavigationRequest.JUMP, name) for name in tree.nodes}
        take(tree, request, number, values)


@thorough
@given(courses(), steps, st.booleans())
def test_what_is_tried_out_on_the_tree_itself_comes_out_as_on_a_copy_and_leaves_no_trace(course, requests, has_ended):
    """What content has told, for the outlook after a commit (SN 5.6) and for what the course has come to."""
    tree = load(course, SequencingState())
    for request, number, values in requests:
        node = list(tree.nodes.values())[number % len(tree.nodes)]
        before = tree.state.copy()
        standing = play.standing(tree, node, has_ended=has_ended, told={}, begun={})
        assert tree.state == before
        assert standing == standing_of(tree.copy(), node.identifier, has_ended)
        if tree.current is not None:
            told = ended(tree, values, terminated=False)
            outlook, copy = transfer.outlook_with(tree, told, values.keys()), tree.copy()
            assert (outlook, outlook.contents) == outlook_of(copy, told, values.keys())
            assert tree.state == before
        take(tree, request, number, values)


def standing_of(copy: ActivityTree, identifier: str, has_ended: bool) -> play.Standing:
    """What a course comes to, with a copy of the tree to spend."""
    if has_ended and copy.current is not None and copy.current.state.is_active:
        termination_request_process(copy, TerminationRequest.EXIT)
    overall_rollup(copy, copy.nodes[identifier])
    return play._standing(copy, {}, {})


def outlook_of(copy: ActivityTree, told: visit.Outcome, elements: Collection[str]) -> tuple[Outlook, list[Entry]]:
    """What may be asked for with what has been told, with a copy of the tree to spend."""
    assert copy.current is not None
    transfer.take_over(copy, copy.current, told, elements)
    return seen(copy)


@thorough
@given(courses().map(steadied), steps)
def test_in_a_steady_course_nothing_that_content_tells_changes_what_may_be_asked_for(course, requests):
    tree = load(course, SequencingState())
    assert tree.is_steady
    for request, number, values in requests:
        before = look_ahead(tree)
        current = tree.current
        if current is not None and current.state.is_active:
            for terminated in (True, False):
                told = ended(tree, values, terminated)
                assert transfer.outlook_with(tree, told, values.keys()) == before
                assert look_ahead(tree) == before, "it was only tried out"
            transfer.take_over(tree, current, ended(tree, values, terminated=True), values.keys())
            assert look_ahead(tree) == before
        take(tree, request, number, {})


def tried(tree: ActivityTree, request: NavigationRequest, target: str | None = None) -> str | None:
    """Why a request would lead nowhere: on a copy of the tree, with nothing remembered of other requests."""
    ahead = tree.copy()
    means = navigation_request_process(ahead, request, target)
    if means.exception or means.sequencing is None:
        return means.exception
    if request is NavigationRequest.SUSPEND_ALL and suspendable(ahead) is None:
        return "TB.2.3-3"
    if request in (
        NavigationRequest.EXIT_ALL, NavigationRequest.ABANDON, NavigationRequest.ABANDON_ALL,
        NavigationRequest.SUSPEND_ALL,
    ):  # fmt: skip
        return None
    ended = TerminationResult()
    if ahead.current is None:
        prepare_clusters(ahead)
    elif ahead.current.state.is_active:
        ended = termination_request_process(ahead, TerminationRequest.EXIT)
    sequencing, node = means.sequencing, means.target
    if target is None:
        if ended.exception:
            return ended.exception
        sequencing = ended.sequencing or sequencing
    found = find_next(ahead, sequencing, node)
    if found.delivery is not None:
        return delivery_request_process(ahead, found.delivery)
    return None if found.ends_session else found.exception


def told(outcome: Outcome) -> dict[str, Any]:
    """An outcome without the node, which belongs to one tree."""
    return {
        "delivered": outcome.delivered and outcome.delivered.identifier,
        "resumes": outcome.resumes,
        "ends": outcome.ends_session,
        "exception": outcome.exception,
        "refused": outcome.was_refused,
    }
