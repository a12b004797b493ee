"""Run-time data as xAPI statements."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from scorm_player import statements
from scorm_player.scorm.visit import Item, end

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
REGISTRATION = UUID("01890000-0000-7000-8000-000000000001")
ACTOR = {"objectType": "Agent", "account": {"homePage": "https://acme.example", "name": "7"}}


def source(standard="2004", **changes):
    return statements.Source(
        **{
            "standard": standard,
            "actor": ACTOR,
            "registration": REGISTRATION,
            "course_iri": "https://acme.example/packages/fire",
            "course_title": {"en": "Fire safety"},
            "sco_iri": "https://acme.example/packages/fire/item%201",
            "sco_title": {"en": "Exits"},
            "attempt": "a1",
        }
        | changes
    )


def told(values, standard="2004", said=None, stage=statements.Stage.OPEN, **changes):
    made = statements.changed(source(standard, **changes), values, {} if said is None else said, NOW, stage=stage)
    return [(statement["verb"]["id"].rpartition("/")[2], statement.get("result", {})) for statement in made]


def test_a_statement_carries_registration_profile_course_and_attempt():
    statement = statements.opened(source(), "ab-initio", NOW)

    assert statement["verb"]["id"] == "http://adlnet.gov/expapi/verbs/initialized"
    assert statement["object"]["id"] == "https://acme.example/packages/fire/item%201"
    assert statement["object"]["definition"]["type"] == "http://adlnet.gov/expapi/activities/lesson"
    assert statement["context"]["registration"] == str(REGISTRATION)
    activities = statement["context"]["contextActivities"]
    assert [a["id"] for a in activities["category"]] == ["https://w3id.org/xapi/scorm"]
    assert [a["id"] for a in activities["grouping"]] == [
        "https://acme.example/packages/fire",
        "https://acme.example/packages/fire/item%201?attemptId=a1",
    ]
    assert statement["timestamp"] == "2026-03-01T09:30:00.000Z"
    assert statements.opened(source(), "resume", NOW)["verb"]["id"].endswith("/resumed")


@pytest.mark.parametrize(
    ("values", "verbs"),
    [
        pytest.param({"cmi.completion_status": "completed"}, ["completed"], id="completed"),
        pytest.param({"cmi.success_status": "passed"}, ["passed"], id="passed"),
        pytest.param({"cmi.completion_status": "incomplete"}, [], id="incomplete says nothing"),
        pytest.param({"cmi.score.scaled": "0.5"}, ["scored"], id="scored"),
        pytest.param({"cmi.score.raw": "50"}, [], id="a raw score alone is no score of 2004"),
        pytest.param(
            {"cmi.score.scaled": "0.9", "cmi.scaled_passing_score": "0.8"}, ["passed", "scored"], id="passing score"
        ),
        pytest.param({"cmi.progress_measure": "0.25"}, ["progressed"], id="progress"),
        pytest.param({"cmi.comments_from_learner.0.comment": "Good"}, ["commented"], id="comment"),
        pytest.param({"cmi.suspend_data": "x", "cmi.location": "3"}, [], id="where the learner is"),
    ],
)
def test_what_values_of_2004_say(values, verbs):
    assert [verb for verb, _ in told(values)] == verbs


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param({"lesson_status": "completed"}, [("completed", {"completion": True})], id="completed"),
        pytest.param({"lesson_status": "passed"}, [("passed", {"success": True, "completion": True})], id="passed"),
        pytest.param(
            {"lesson_status": "failed"},
            [("failed", {"success": False, "completion": True})],
            id="a failing learner never says completed",
        ),
        pytest.param({"lesson_status": "browsed"}, [], id="browsed"),
        pytest.param(
            {"score.raw": "15", "score.min": "10", "score.max": "20"},
            [("scored", {"score": {"raw": 15, "min": 10, "max": 20, "scaled": 0.5}})],
            id="scaled within min and max",
        ),
        pytest.param(
            {"score.raw": "85"}, [("scored", {"score": {"raw": 85, "scaled": 0.85}})], id="scaled from percent"
        ),
    ],
)
def test_what_values_of_1_2_say(values, said):
    assert told({f"cmi.core.{name}": value for name, value in values.items()}, "1.2") == said


@pytest.mark.parametrize(
    ("status", "raw", "verbs"),
    [
        pytest.param("completed", None, [], id="completed waits for the end"),
        pytest.param("passed", None, [], id="passed without a score waits"),
        pytest.param("passed", "70", ["scored"], id="passed against the score waits"),
        pytest.param("passed", "80", ["passed", "scored"], id="passed, and the score agrees"),
        pytest.param("failed", "70", ["failed", "scored"], id="failed, and the score agrees"),
        pytest.param("failed", "90", ["scored"], id="failed against the score waits"),
    ],
)
def test_with_a_mastery_score_only_what_the_score_agrees_with_is_said_before_the_end(status, raw, verbs):
    values = {"cmi.core.lesson_status": status} | ({"cmi.core.score.raw": raw} if raw else {})

    assert sorted(verb for verb, _ in told(values, "1.2", mastery_score="80")) == sorted(verbs)


def test_with_a_mastery_score_the_end_says_what_was_decided():
    assert [
        v for v, _ in told({"cmi.core.lesson_status": "failed"}, "1.2", stage=statements.Stage.OVER, mastery_score="80")
    ] == ["failed"]


def test_the_same_values_are_told_once():
    said = {}
    values = {
        "cmi.completion_status": "completed",
        "cmi.score.scaled": "0.5",
        "cmi.comments_from_learner.0.comment": "a",
    }

    assert len(told(values, said=said)) == 3
    assert told(values, said=said) == []
    assert told(values | {"cmi.completion_status": "incomplete"}, said=said) == []
    assert told(values, said=said) == [], "completed is said once per attempt"
    assert [verb for verb, _ in told(values | {"cmi.score.scaled": "0.6"}, said=said)] == ["scored"]


def test_an_interaction_waits_for_its_result_and_is_told_whole():
    said = {}
    values = {
        "cmi.interactions.0.id": "q 1",
        "cmi.interactions.0.type": "choice",
        "cmi.interactions.0.description": "{lang=en}Which exit?",
        "cmi.interactions.0.correct_responses.0.pattern": "a[,]b",
        "cmi.interactions.0.learner_response": "a[,]c",
        "cmi.interactions.0.latency": "PT5.5S",
    }
    assert told(values, said=said) == []

    [statement] = statements.changed(source(), values | {"cmi.interactions.0.result": "incorrect"}, said, NOW)

    assert statement["verb"]["id"] == "http://adlnet.gov/expapi/verbs/responded"
    assert statement["object"] == {
        "objectType": "Activity",
        "id": "https://acme.example/packages/fire/item%201/interactions/q%201",
        "definition": {
            "type": "http://adlnet.gov/expapi/activities/cmi.interaction",
            "description": {"en": "Which exit?"},
            "interactionType": "choice",
            "correctResponsesPattern": ["a[,]b"],
            "choices": [{"id": "a"}, {"id": "b"}, {"id": "c"}],
        },
    }
    assert statement["result"] == {"response": "a[,]c", "success": False, "duration": "PT5.5S"}
    assert statement["context"]["contextActivities"]["parent"][0]["id"].endswith("/item%201")


def test_an_interaction_without_result_is_told_when_the_session_ends():
    values = {
        "cmi.interactions.0.id": "q",
        "cmi.interactions.0.type": "other",
        "cmi.interactions.0.learner_response": "x",
    }

    assert told(values, stage=statements.Stage.OVER) == [("responded", {"response": "x"})]


@pytest.mark.parametrize(
    ("kind", "response", "written"),
    [
        pytest.param("true-false", "t", "true", id="true"),
        pytest.param("choice", "{a,b}", "a[,]b", id="choice"),
        pytest.param("matching", "1.a,2.b", "1[.]a[,]2[.]b", id="matching"),
        pytest.param("fill-in", "so, this", "so, this", id="text stays text"),
    ],
)
def test_responses_of_1_2_are_written_as_xapi_does(kind, response, written):
    assert statements.as_xapi("1.2", kind, response) == written


def test_objectives_are_told_on_their_own_activity():
    values = {
        "cmi.objectives.0.id": "o1",
        "cmi.objectives.0.success_status": "failed",
        "cmi.objectives.0.score.scaled": "0.25",
        "cmi.objectives.1.id": "o2",
        "cmi.objectives.1.completion_status": "completed",
    }

    made = statements.changed(source(), values, {}, NOW)

    assert [(s["verb"]["id"].rpartition("/")[2], s["object"]["id"].rpartition("/")[2]) for s in made] == [
        ("scored", "o1"),
        ("failed", "o1"),
        ("completed", "o2"),
    ]


@pytest.mark.parametrize(
    ("values", "terminated", "verb", "result"),
    [
        pytest.param({"cmi.exit": "suspend"}, True, "suspended", {"duration": "PT0S"}, id="suspend"),
        pytest.param(
            {"cmi.completion_status": "completed", "cmi.score.scaled": "1", "cmi.session_time": "PT1H30M"},
            True,
            "terminated",
            {"duration": "PT1H30M", "completion": True, "score": {"scaled": 1}},
            id="terminate with what stands",
        ),
        pytest.param({}, False, "suspended", {"duration": "PT0S"}, id="closed window"),
    ],
)
def test_the_end_of_a_session(values, terminated, verb, result):
    statement = statements.closed(source(), end(Item(), values, terminated=terminated), NOW)

    assert statement["verb"]["id"].endswith(f"/{verb}")
    assert statement["result"] == result


def test_a_score_outside_its_own_bounds_loses_the_bounds():
    said = told({"cmi.core.score.raw": "120", "cmi.core.score.min": "0", "cmi.core.score.max": "100"}, "1.2")

    assert said == [("scored", {"score": {"raw": 120, "scaled": 1}})]


def test_the_course_as_a_whole_passes_with_score_and_time():
    statement = statements.course_changed(source(), "passed", {"scaled": 0.875}, Decimal("90.5"), NOW)

    assert statement["object"]["id"] == "https://acme.example/packages/fire"
    assert statement["result"] == {"success": True, "score": {"scaled": 0.875}, "duration": "PT1M30.5S"}
