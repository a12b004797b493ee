"""Interactions and objectives as rows for reports: written with the data they follow from, and made anew from them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import delete, select

from core.sheets import as_csv
from scorm_player import answers
from scorm_player.scorm.sequencing.definition import Edition
from scorm_player.services import projection, registrations, reports, runtime
from scorm_player.tables import ScormInteraction, ScormObjective
from tests.scorm_player.playing import NOW, launched, registered, sco, sent

BEN = {"objectType": "Agent", "account": {"homePage": "http://localhost", "name": "ben"}}
QUESTION = (
    ("cmi.interactions.0.id", "q1"),
    ("cmi.interactions.0.type", "choice"),
    ("cmi.interactions.0.objectives.0.id", "topic"),
    ("cmi.interactions.0.timestamp", "2026-03-02T09:00:05Z"),
    ("cmi.interactions.0.correct_responses.0.pattern", "a[,]c"),
    ("cmi.interactions.0.description", "Which two?"),
)


def answered(response: str, result: str, latency: str = "PT4.5S") -> tuple[tuple[str, str], ...]:
    return (
        *QUESTION,
        ("cmi.interactions.0.learner_response", response),
        ("cmi.interactions.0.result", result),
        ("cmi.interactions.0.latency", latency),
    )


def rows(db, table):
    return list(db.scalars(select(table).order_by(table.registration_id, table.attempt_number, table.n)))


@pytest.fixture
def lesson(db, cast):
    registration = registered(db, cast.ana, sco("one"), edition=Edition.FOURTH)
    launch = launched(db, registration)
    sent(db, launch, 1, initialized=True)
    return registration, launch


def test_an_answer_becomes_a_row_and_a_changed_one_replaces_it(db, lesson):
    _, launch = lesson
    sent(db, launch, 2, *answered("a[,]b", "incorrect"))
    sent(db, launch, 3, ("cmi.interactions.0.learner_response", "a[,]c"), ("cmi.interactions.0.result", "correct"))

    (row,) = rows(db, ScormInteraction)
    assert (row.identifier, row.interaction_type, row.description) == ("q1", "choice", "Which two?")
    assert (row.learner_response, row.result, row.correct_responses) == ("a[,]c", "correct", ["a[,]c"])
    assert (row.latency_seconds, row.objectives) == (Decimal("4.50"), ["topic"])
    assert row.occurred_at == datetime(2026, 3, 2, 9, 0, 5, tzinfo=UTC)


def test_what_is_sent_twice_leaves_one_row_per_record(db, lesson):
    _, launch = lesson
    objective = (("cmi.objectives.0.id", "topic"), ("cmi.objectives.0.success_status", "passed"))
    for _ in range(2):
        sent(db, launch, 2, *answered("a", "incorrect"), *objective)

    assert len(rows(db, ScormInteraction)) == 1
    (reached,) = rows(db, ScormObjective)
    assert (reached.identifier, reached.success_status, reached.completion_status) == ("topic", "passed", None)


def test_a_preview_leaves_no_row(db, cast):
    launch = launched(db, registered(db, cast.ana, sco("one"), edition=Edition.FOURTH), mode="browse")
    sent(db, launch, 1, *answered("a", "incorrect"), initialized=True)

    assert rows(db, ScormInteraction) == rows(db, ScormObjective) == []


def test_rows_that_were_lost_come_back_from_the_run_time_data(db, lesson):
    _, launch = lesson
    sent(db, launch, 2, *answered("a[,]c", "correct"), ("cmi.objectives.0.id", "topic"))
    before = [(row.n, row.identifier, row.result, row.latency_seconds) for row in rows(db, ScormInteraction)]
    db.execute(delete(ScormInteraction))
    db.execute(delete(ScormObjective))

    rebuilt = projection.rebuild(db)

    assert (rebuilt.attempts, rebuilt.interactions, rebuilt.objectives) == (1, 1, 1)
    db.expire_all()
    assert [(row.n, row.identifier, row.result, row.latency_seconds) for row in rows(db, ScormInteraction)] == before


def test_a_question_is_analyzed_over_everybody_or_over_some(db, cast):
    first = registered(db, cast.ana, sco("one"), edition=Edition.FOURTH)
    version = registrations.summary(db, first).package_version_id
    second = registrations.register(db, user_id=cast.ben, package_version_id=version, actor=BEN, now=NOW)
    for registration, response, result, latency in (
        (first, "a[,]c", "correct", "PT2S"),
        (second, "b", "incorrect", "PT4S"),
    ):
        launch = launched(db, registration)
        sent(db, launch, 1, *answered(response, result, latency), initialized=True)

    (question,) = reports.analysis(db, version)
    assert (question.question.answers, question.correct_share, question.question.seconds) == (2, 0.5, 3)
    assert {(a.response, a.result, a.count) for a in question.answers} == {
        ("a[,]c", "correct", 1),
        ("b", "incorrect", 1),
    }
    (only,) = reports.analysis(db, version, [second])
    assert (only.question.answers, only.correct_share) == (1, 0.0)
    assert [row["response"] for row in reports.answer_rows([only])] == ["b"]


def test_the_history_tells_every_attempt_with_its_score_answers_and_comments(db, lesson):
    registration, launch = lesson
    sent(
        db,
        launch,
        2,
        *answered("a", "incorrect"),
        ("cmi.score.scaled", "0.25"),
        ("cmi.score.raw", "25"),
        ("cmi.success_status", "failed"),
        ("cmi.completion_status", "completed"),
        ("cmi.comments_from_learner.0.comment", "What is c?"),
        ("cmi.session_time", "PT90S"),
        terminated=True,
        seconds=90,
        now=NOW + timedelta(seconds=90),
    )
    runtime.navigate(db, launch.session_id, "exitAll", now=NOW + timedelta(minutes=2))
    again = launched(db, registration, now=NOW + timedelta(minutes=5))
    sent(db, again, 1, *answered("a[,]c", "correct"), initialized=True)

    history = reports.history(db, registration)

    (item,) = [one for one in history.items if one.attempts]
    assert history.is_open
    assert [(one.number, one.status, one.visits) for one in item.attempts] == [(1, "failed", 1), (2, "in_progress", 1)]
    assert item.attempts[0].score == {"scaled": 0.25, "raw": 25.0}
    assert item.attempts[0].seconds == 90
    assert [comment.text for comment in item.attempts[0].comments] == ["What is c?"]
    assert [one.learner_response for one in item.attempts[1].interactions] == ["a[,]c"]


def test_scorm_1_2_says_wrong_and_tells_a_time_of_day_only():
    values = {
        "cmi.interactions.0.id": "q\0",
        "cmi.interactions.0.time": "09:00:05",
        "cmi.interactions.0.student_response": "t",
        "cmi.interactions.0.result": "wrong",
        "cmi.interactions.0.latency": "0000:00:07.50",
        "cmi.objectives.0.id": "o",
        "cmi.objectives.0.status": "passed",
        "cmi.objectives.0.score.raw": "80",
    }

    (row,) = answers.interactions("1.2", values)
    (objective,) = answers.objectives("1.2", values)

    assert (row["identifier"], row["learner_response"], row["result"]) == ("q\ufffd", "t", "wrong")
    assert (row["occurred_at"], row["latency_seconds"]) == (None, Decimal("7.50"))
    assert (objective["completion_status"], objective["success_status"]) == ("completed", "passed")
    assert objective["score_scaled"] == Decimal("0.8")


def test_a_response_that_looks_like_a_formula_is_only_text_in_a_spreadsheet():
    file = as_csv(["response", "n"], [{"response": "=1+1", "n": -1}, {"response": "ä, b", "n": 2}])

    assert file.decode("utf-8-sig").splitlines() == ["response,n", "'=1+1,-1", '"ä, b",2']


def test_two_tabs_write_one_row_per_record(db, lesson):
    registration, launch = lesson
    runtime.commit(db, launch.session_id, [runtime.Batch(2, answered("a", "incorrect")), runtime.Batch(3, ())], now=NOW)
    other = launched(db, registration)
    sent(db, other, 1, ("cmi.interactions.0.learner_response", "c"), initialized=True)

    assert [row.learner_response for row in rows(db, ScormInteraction)] == ["c"]
