"""Why a lesson cannot be opened, as learners read it in the outline: prerequisites of SCORM 1.2 in words."""

import pytest

from core import words
from core.translating import translated
from scorm_player.scorm.sequencing.definition import Edition
from scorm_player.services import registrations, runtime
from tests.scorm_player.playing import NOW, launched, registered, sco, sent

LESSONS = ("one", "two", "three", "four")


def told(db, cast, script, **statuses):
    """What the outline says of a lesson with this script, after others have told these lesson statuses."""
    chapter = sco("chapter", children=tuple(map(sco, LESSONS)))
    registration = registered(
        db, cast.ana, sco("start"), chapter, sco("last", prerequisites=script), edition=Edition.SCORM_1_2
    )
    launch = launched(db, registration)
    for identifier, status in statuses.items():
        launch = runtime.navigate(db, launch.session_id, "choice", identifier, now=NOW)
        sent(db, launch, 1, ("cmi.core.lesson_status", status), initialized=True, terminated=True)
    [last] = [item for item in registrations.outline(db, registration) if item.title == "Last"]
    assert last.is_enabled is (last.reason is None)
    return last.reason


@pytest.mark.parametrize(
    ("script", "statuses", "reason"),
    [
        pytest.param("one", {}, "“One” must be finished first.", id="one lesson"),
        pytest.param("one", {"one": "completed"}, None, id="which was finished"),
        pytest.param("one&two", {}, "All of these must be finished first: “One”, “Two”.", id="all"),
        pytest.param("one&two", {"one": "passed"}, "“Two” must be finished first.", id="all but one"),
        pytest.param("one|two", {}, "One of these must be finished first: “One”, “Two”.", id="any"),
        pytest.param(
            "2*{one,two,three}", {"one": "passed"},
            "2 of these must be finished first: “One”, “Two”, “Three”.", id="some of a set",
        ),
        pytest.param("one=passed", {"one": "failed"}, "“One” must be passed first.", id="passed"),
        pytest.param('one="c"', {}, "“One” must be completed first.", id="a letter for a status"),
        pytest.param("one=f", {}, "This is open only while “One” is failed.", id="for those who failed"),
        pytest.param("one<>p", {"one": "passed"}, "This is closed while “One” is passed.", id="not for who passed"),
        pytest.param("~one", {"one": "passed"}, "This is closed once “One” is finished.", id="until it is finished"),
        pytest.param("~~one", {}, "“One” must be finished first.", id="not not"),
        pytest.param(
            "one & (two | three=passed)", {},
            "“One” must be finished first. “Two” must be finished first. Or: “Three” must be passed first.",
            id="a mixture",
        ),
        pytest.param(
            "~(one & two)", {"one": "passed", "two": "passed"},
            "What was done in other parts keeps this one closed.", id="what no sentence says",
        ),
        pytest.param("chapter", {}, "“Chapter” must be finished first.", id="a chapter"),
        pytest.param("one & nowhere", {}, "“One” must be finished first.", id="beside one that is not there"),
    ],
)  # fmt: skip
def test_the_outline_names_what_has_to_be_done_before(db, cast, script, statuses, reason):
    assert told(db, cast, script, **statuses) == reason


def test_of_very_many_lessons_the_first_few_are_named(db, cast):
    lessons = [f"l{number}" for number in range(40)]
    registration = registered(db, cast.ana, *map(sco, lessons), sco("last", prerequisites="&".join(lessons)))

    reason = registrations.outline(db, registration)[-1].reason

    assert reason == "All of these must be finished first: “L0”, “L1”, “L2”, “L3”, “L4”, “L5”, …."


def test_what_a_lesson_lies_in_may_wait_too(db, cast):
    part = sco("part", children=(sco("inner"),), prerequisites="one")
    registration = registered(db, cast.ana, sco("one"), part)
    launch = launched(db, registration)

    led = runtime.navigate(db, launch.session_id, "choice", "inner", now=NOW)

    assert led.reason == "“One” must be finished first."


def test_a_sentence_in_a_sentence_is_translated_with_it(app):
    inner = words.said("“%(title)s” must be finished first.", title="100 %")
    with app.test_request_context():
        assert translated(words.said("%(one)s Or: %(other)s", one=inner, other=inner)).count("100 %") == 2
