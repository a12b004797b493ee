"""What moves between run-time data and activity state."""

from decimal import Decimal
from typing import Any

import pytest

from scorm_player.scorm import transfer, visit
from scorm_player.scorm.sequencing import objectives
from scorm_player.scorm.sequencing.definition import (
    CompletionThreshold,
    DataMap,
    DeliveryControls,
    Edition,
    LimitConditions,
    Objective,
    ObjectiveMap,
)
from scorm_player.scorm.sequencing.requests import NavigationRequest
from scorm_player.scorm.sequencing.state import ObjectiveState
from scorm_player.scorm.sequencing.tree import ActivityTree
from scorm_player.scorm.sequencing.validity import look_ahead
from tests.scorm_player.sequencing.trees import cluster, go, leaf, start, tree

MAIN, OTHER = Objective("main"), Objective("other")


def course(edition: Edition = Edition.FOURTH, **parts: Any) -> ActivityTree:
    """A course whose first activity is delivered; it has an objective that rolls up, and another."""
    activity = leaf("a", **{"primary": MAIN, "objectives": (OTHER,), **parts})
    return start(tree(cluster("root", activity, "b"), edition))


def session(activities: ActivityTree, **values: str) -> visit.Outcome:
    """What a session of the current activity ends with; keyword names stand for elements, `__` for a dot."""
    node = activities.current
    assert node is not None
    ids = {f"cmi.objectives.{n}.id": item.id for n, item in enumerate(transfer.objectives_of(activities, node))}
    given = {name.replace("__", "."): value for name, value in values.items()}
    return visit.end(transfer.item_of(activities, node), ids | given, terminated=True)


def taken_over(activities: ActivityTree, **values: str) -> ObjectiveState:
    """End a session that set all these values; answer what is known locally of the objective that rolls up."""
    outcome = session(activities, **values)
    transfer.take_over(activities, activities.nodes["a"], outcome, {name.replace("__", ".") for name in values})
    return activities.nodes["a"].state.objectives.get("", ObjectiveState())


# --- at launch --------------------------------------------------------------------------------------------------------


def test_the_sco_is_given_objective_identifiers_as_they_are_compared():
    """White space around and inside them, encoded or not, is collapsed (xs:anyURI)."""
    activities = course(primary=Objective(" ob%20j%20%201   "), objectives=())

    assert [given.id for given in transfer.objectives_of(activities, activities.nodes["a"])] == ["ob j 1"]
    state = taken_over(activities, cmi__objectives__0__success_status="passed")
    assert state.satisfied


def test_an_activity_that_is_not_tracked_is_suspended_like_others():
    """AM.1.1: that an activity is suspended is activity state, whatever of it is tracked."""
    activities = course(delivery=DeliveryControls(tracked=False))

    assert taken_over(activities, cmi__exit="suspend", cmi__success_status="passed") == ObjectiveState()
    assert activities.nodes["a"].state.is_suspended
    go(activities, "continue")
    again = go(activities, "previous")
    assert again.resumes
    assert not activities.nodes["a"].state.is_suspended


def test_the_manifest_tells_the_run_time_about_the_activity():
    activities = course(
        primary=Objective("main", satisfied_by_measure=True, min_normalized_measure=0.8),
        completion_threshold=CompletionThreshold(by_measure=True, min_progress_measure=0.75),
        limits=LimitConditions(attempt_absolute_duration_limit="PT1H"),
        time_limit_action="exit,message",
        data_from_lms="x=1",
    )

    assert transfer.item_of(activities, activities.nodes["a"]) == visit.Item(
        "2004", "4th", "x=1", "PT1H", "exit,message", "0.75", "0.8"
    )


def test_without_thresholds_the_run_time_hears_of_none():
    activities = course(Edition.SCORM_1_2, mastery_score=80.0)

    assert transfer.item_of(activities, activities.nodes["a"]) == visit.Item("1.2", "", mastery_score="80.0")


def test_objectives_are_given_with_what_their_maps_read():
    every = {name: True for name in ObjectiveMap.__dataclass_fields__ if name.startswith("read_")}
    activities = course(objectives=(Objective("other", maps=(ObjectiveMap("g", **every),)), Objective("third")))
    activities.state.global_objectives["g"] = ObjectiveState(False, -0.5, True, 0.25, 5, 0, 10)

    assert transfer.objectives_of(activities, activities.nodes["a"]) == [
        visit.Objective("main"),
        visit.Objective("other", "failed", "completed", "0.25", "-0.5", "5.0", "0.0", "10.0"),
        visit.Objective("third"),
    ]


def test_an_objective_without_identifier_is_not_given():
    assert transfer.objectives_of(tree(leaf("a")), tree(leaf("a")).root) == []


def test_shared_data_are_given_with_what_they_hold():
    activities = course(data_maps=(DataMap("d", write_shared_data=False), DataMap("e")))
    activities.state.shared_data["d"] = "x"

    assert transfer.shared_data_of(activities, activities.nodes["a"]) == [
        visit.SharedData("d", "x", readable=True, writable=False),
        visit.SharedData("e"),
    ]


def test_what_may_be_asked_for_is_told_as_true_and_false():
    told = transfer.navigation_of(look_ahead(course()))

    assert told["adl.nav.request_valid.continue"] == "true"
    assert told["adl.nav.request_valid.previous"] == "false"
    assert told["adl.nav.request_valid.choice.{target=b}"] == "true"
    assert told["adl.nav.request_valid.jump.{target=root}"] == "false"


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1.0"), (0.8, "0.8"), (-0.25, "-0.25"), (0.0000001, "0.0000001"), (100.0, "100.0"), (1 / 3, "0.3333333")],
)
def test_reals(value, text):
    assert transfer.real(value) == text


# --- at Terminate -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "known"),
    [
        pytest.param({"cmi__completion_status": "completed"}, {"completed": True}, id="completed"),
        pytest.param({"cmi__completion_status": "incomplete"}, {"completed": False}, id="incomplete"),
        pytest.param({"cmi__completion_status": "not attempted"}, {"completed": False}, id="not attempted"),
        pytest.param({"cmi__completion_status": "unknown"}, {}, id="completion unknown"),
        pytest.param({"cmi__success_status": "passed"}, {"satisfied": True}, id="passed"),
        pytest.param({"cmi__success_status": "failed"}, {"satisfied": False}, id="failed"),
        pytest.param({"cmi__success_status": "unknown"}, {}, id="success unknown"),
        pytest.param({"cmi__score__scaled": "0.5"}, {"measure": 0.5}, id="scaled score"),
        pytest.param(
            {"cmi__score__raw": "5", "cmi__score__min": "0", "cmi__score__max": "10"},
            {"raw_score": 5.0, "min_score": 0.0, "max_score": 10.0},
            id="raw score",
        ),
        pytest.param({"cmi__progress_measure": "0.5"}, {"progress_measure": 0.5}, id="progress"),
        pytest.param({}, {}, id="nothing"),
    ],
)
def test_the_sco_s_own_values_are_those_of_the_objective_that_rolls_up(values, known):
    assert taken_over(course(), **values) == ObjectiveState(**known)


@pytest.mark.parametrize(
    ("values", "known"),
    [
        ({"success_status": "passed"}, {"satisfied": True}),
        ({"completion_status": "completed"}, {"completed": True}),
        ({"completion_status": "unknown"}, {}),
        ({"score__scaled": "0.5"}, {"measure": 0.5}),
        ({"score__raw": "5", "score__min": "0", "score__max": "9"}, {"raw_score": 5, "min_score": 0, "max_score": 9}),
        ({"progress_measure": "0.5"}, {"progress_measure": 0.5}),
    ],
)
@pytest.mark.parametrize(("index", "key"), [(0, ""), (1, "other")], ids=["rolls up", "does not"])
def test_records_of_objectives_are_taken_over(values, known, index, key):
    activities = course()

    taken_over(activities, **{f"cmi__objectives__{index}__{name}": value for name, value in values.items()})

    assert activities.nodes["a"].state.objectives.get(key, ObjectiveState()) == ObjectiveState(**known)


def test_the_record_prevails_for_success_and_the_sco_s_own_status_for_completion():
    known = taken_over(
        course(),
        cmi__success_status="passed",
        cmi__objectives__0__success_status="failed",
        cmi__completion_status="completed",
        cmi__objectives__0__completion_status="incomplete",
    )

    assert (known.satisfied, known.completed) == (False, True)


def test_what_the_sco_was_given_and_left_alone_is_no_news():
    activities = course()
    outcome = session(activities, cmi__objectives__1__success_status="passed")

    transfer.take_over(activities, activities.nodes["a"], outcome, set())

    assert activities.nodes["a"].state.objectives == {}


def test_objectives_that_the_sco_made_up_stay_with_the_sco():
    activities = course()

    taken_over(activities, cmi__objectives__2__id="mine", cmi__objectives__2__success_status="passed")

    assert set(activities.nodes["a"].state.objectives) <= {""}


def test_saying_unknown_takes_back_what_others_wrote():
    both = ObjectiveMap("g", write_satisfied_status=True, write_completion_status=True)
    activities = course(objectives=(Objective("other", maps=(both,)),))
    activities.state.global_objectives["g"] = ObjectiveState(satisfied=True, completed=True)

    taken_over(
        activities, cmi__objectives__1__success_status="unknown", cmi__objectives__1__completion_status="unknown"
    )

    assert activities.state.global_objectives["g"] == ObjectiveState()


def test_time_counts_for_the_attempt_and_for_the_activity():
    activities = course()
    for _ in range(2):
        taken_over(activities, cmi__session_time="PT1M30S")

    state = activities.nodes["a"].state
    assert (state.attempt_experienced_duration, state.activity_experienced_duration) == (180.0, 180.0)
    assert transfer.total_seconds(activities, activities.nodes["a"]) == Decimal(180)


def test_a_suspended_session_suspends_the_activity():
    activities = course()
    taken_over(activities, cmi__exit="suspend")

    assert activities.nodes["a"].state.is_suspended


def test_an_activity_that_is_not_tracked_records_nothing_but_shared_data():
    activities = course(delivery=DeliveryControls(tracked=False), data_maps=(DataMap("d"), DataMap("e", True, False)))

    taken_over(
        activities,
        cmi__success_status="passed",
        adl__data__0__id="d",
        adl__data__0__store="x",
        adl__data__1__id="e",
        adl__data__1__store="y",
    )

    assert activities.nodes["a"].state.objectives == {}
    assert activities.state.shared_data == {"d": "x"}


@pytest.mark.parametrize(
    ("exit_", "asked", "expected"),
    [
        ("normal", "_none_", None),
        ("normal", "continue", (NavigationRequest.CONTINUE, None)),
        ("normal", "suspendAll", (NavigationRequest.SUSPEND_ALL, None)),
        ("normal", "{target=b}choice", (NavigationRequest.CHOICE, "b")),
        ("normal", "{target=b}jump", (NavigationRequest.JUMP, "b")),
        ("time-out", "continue", (NavigationRequest.EXIT_ALL, None)),
        ("logout", "_none_", (NavigationRequest.EXIT_ALL, None)),
    ],
)
def test_what_the_content_asks_for(exit_, asked, expected):
    outcome = session(course(), cmi__exit=exit_, adl__nav__request=asked)

    assert transfer.navigation_request(outcome) == expected


def test_a_session_is_concluded_as_the_content_asks():
    activities = course()
    outcome = session(activities, adl__nav__request="continue", cmi__success_status="failed")

    found = transfer.conclude(activities, outcome, {"cmi.success_status"})

    assert found is not None
    assert found.delivered is activities.nodes["b"]
    assert objectives.is_satisfied(activities, activities.nodes["a"], activities.nodes["a"].primary) is False


def test_what_the_learner_asks_for_goes_before():
    activities = course()
    outcome = session(activities, adl__nav__request="exitAll")

    found = transfer.conclude(activities, outcome, set(), (NavigationRequest.CONTINUE, None))

    assert found is not None
    assert found.delivered is activities.nodes["b"]


def test_without_a_request_the_activity_stays_current():
    activities = course()

    assert transfer.conclude(activities, session(activities), set()) is None
    assert activities.current is activities.nodes["a"]


@pytest.mark.parametrize("request_", [NavigationRequest.ABANDON, NavigationRequest.ABANDON_ALL])
def test_an_abandoned_attempt_brings_nothing(request_):
    activities = course()
    outcome = session(activities, cmi__success_status="passed")

    transfer.conclude(activities, outcome, {"cmi.success_status"}, (request_, None))

    assert activities.nodes["a"].state.objectives == {}


def test_without_a_current_activity_only_the_request_counts():
    activities = course()
    outcome = session(activities)
    transfer.conclude(activities, outcome, set(), (NavigationRequest.EXIT_ALL, None))

    found = transfer.conclude(activities, outcome, set(), (NavigationRequest.START, None))

    assert found is not None
    assert found.delivered is activities.nodes["a"]


def test_after_a_commit_the_outlook_counts_with_what_was_said():
    activities = course()
    before = activities.state.copy()

    outlook = transfer.outlook_with(
        activities, session(activities, cmi__completion_status="incomplete"), {"cmi.completion_status"}
    )

    assert outlook.entry("a").completed is False
    assert activities.state == before


def test_the_outlook_of_a_closed_session_takes_nothing_over():
    activities = course()
    outcome = session(activities, cmi__completion_status="incomplete")
    transfer.conclude(activities, outcome, set(), (NavigationRequest.EXIT_ALL, None))

    assert transfer.outlook_with(activities, outcome, {"cmi.completion_status"}).entry("a").completed is False


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param("passed", (True, True), id="passed"),
        pytest.param("failed", (True, False), id="failed"),
        pytest.param("completed", (True, None), id="completed says nothing of success"),
        pytest.param("incomplete", (False, None), id="incomplete"),
    ],
)
def test_a_scorm_1_2_lesson_status_is_taken_over(status, expected):
    activities = course(Edition.SCORM_1_2, primary=Objective(), objectives=())
    outcome = session(activities, cmi__core__lesson_status=status)

    transfer.conclude(activities, outcome, {"cmi.core.lesson_status"}, (NavigationRequest.CONTINUE, None))

    node = activities.nodes["a"]
    assert (
        objectives.is_completed(activities, node, node.primary),
        objectives.is_satisfied(activities, node, node.primary),
    ) == expected
