"""Visits that do not count: looking back after the end, looking around before the beginning; and the log of calls."""

import pytest
from sqlalchemy import func, select

from core.errors import BadRequest, NotFound
from lrs.services import statements as lrs
from scorm_player.scorm.sequencing.definition import (
    ControlModes,
    Edition,
    Objective,
)
from scorm_player.services import preview, registrations, runtime
from scorm_player.tables import Registration, ScormItemState
from tests.scorm_player.playing import NOW, course, gated, launched, registered, sco, sent

FOURTH = {"edition": Edition.FOURTH}
ACTOR = {"objectType": "Agent", "account": {"homePage": "http://localhost", "name": "ana"}}


def record(db, registration):
    """Everything that is for the record: the registration's row, the data, the statements."""
    db.expire_all()
    row = db.scalars(select(Registration).where(Registration.id == registration)).one()
    states = db.scalars(select(ScormItemState).where(ScormItemState.registration_id == registration)).all()
    return (
        row.completion,
        row.success,
        row.score_scaled,
        row.total_seconds,
        row.activity_tree,
        row.last_activity_at,
        [(state.attempt_number, state.cmi, state.is_suspended) for state in states],
        len(lrs.by_registration(db, registration)),
    )


def previewed(db, cast, *activities, **more):
    """A preview of a course of these activities, opened by ben: its registration, and what opened."""
    registration = preview.open_preview(db, course(db, *activities, **FOURTH, **more), cast.ben, NOW)
    opened, _, _ = preview.launch_preview(db, registration, cast.ben, "Ben", NOW, strict=False)
    return registration, opened


def lines(db, cast, registration):
    """The preview's outline by title: status, and whether it can be opened."""
    return {
        item.title: (item.status, item.is_enabled) for item in preview.outline(db, registration, cast.ben, NOW).items
    }


@pytest.fixture
def completed(db, cast):
    registration = registered(db, cast.ana, sco("one"), sco("two"), **FOURTH)
    launch = launched(db, registration)
    done = (("cmi.completion_status", "completed"), ("cmi.suspend_data", "mine"), ("cmi.score.scaled", "0.9"))
    sent(db, launch, 1, *done, ("cmi.success_status", "passed"), initialized=True)
    led = runtime.navigate(db, launch.session_id, "continue", now=NOW)
    sent(db, led, 1, *done, ("cmi.success_status", "passed"), initialized=True)
    runtime.navigate(db, led.session_id, "exitAll", now=NOW)
    assert registrations.summary(db, registration).completion == "completed"
    return registration


def test_looking_back_shows_the_data_and_changes_nothing(db, completed):
    before = record(db, completed)

    launch = launched(db, completed, mode="review")
    values = launch.document["values"]
    assert (values["cmi.mode"], values["cmi.credit"], values["cmi.suspend_data"]) == ("review", "no-credit", "mine")
    sent(db, launch, 1, ("cmi.suspend_data", "spoiled"), ("cmi.score.scaled", "0"), initialized=True, seconds=600)
    led = runtime.navigate(db, launch.session_id, "continue", now=NOW)
    assert led.document["title"] == "Two"
    assert led.document["values"]["cmi.suspend_data"] == "mine"
    sent(db, led, 1, ("cmi.completion_status", "incomplete"), initialized=True, terminated=True)
    back = runtime.navigate(db, led.session_id, "previous", now=NOW)
    assert back.document["values"]["cmi.suspend_data"] == "spoiled"  # as this visit has left it
    runtime.navigate(db, back.session_id, "exitAll", now=NOW)

    assert record(db, completed) == before


def test_looking_back_begins_anew_each_time_with_what_is_recorded(db, completed):
    first = launched(db, completed, mode="review")
    sent(db, first, 1, ("cmi.suspend_data", "spoiled"), initialized=True)

    again = launched(db, completed, mode="review")

    assert again.document["values"]["cmi.suspend_data"] == "mine"


@pytest.mark.parametrize("edition", [Edition.FOURTH, Edition.SCORM_1_2])
def test_looking_back_keeps_no_place_of_its_own_and_touches_none(db, cast, edition):
    """RTE 4.2.14, mode review: what a visit sets is for that visit. It opens where the record has left each part."""
    location = "cmi.core.lesson_location" if edition is Edition.SCORM_1_2 else "cmi.location"
    status = "cmi.core.lesson_status" if edition is Edition.SCORM_1_2 else "cmi.completion_status"
    exit_ = "cmi.core.exit" if edition is Edition.SCORM_1_2 else "cmi.exit"
    registration = registered(db, cast.ana, sco("one"), sco("two"), edition=edition)
    launch = launched(db, registration)
    sent(db, launch, 1, (location, "page 7"), (status, "completed"), initialized=True, terminated=True)
    led = runtime.navigate(db, launch.session_id, "continue", now=NOW)
    sent(db, led, 1, (location, "page 9"), (status, "completed"), initialized=True, terminated=True)
    runtime.navigate(db, led.session_id, "leave", now=NOW)
    before = record(db, registration)

    for _ in range(2):
        back = launched(db, registration, mode="review")
        assert (back.document["title"], back.document["values"][location]) == ("One", "page 7")
        sent(db, back, 1, (location, "page 1"), (exit_, "suspend"), initialized=True, terminated=True)
        on = runtime.navigate(db, back.session_id, "continue", now=NOW)
        assert on.document["values"][location] == "page 9"
        assert isinstance(runtime.navigate(db, on.session_id, "suspendAll", now=NOW), runtime.Ended)

    assert record(db, registration) == before


def test_a_preview_plays_the_sequencing_and_leaves_no_record(db, cast):
    version = course(db, sco("one", objectives=(), primary=Objective("p")), sco("two"), **FOURTH)
    registration = preview.open_preview(db, version, cast.ben, NOW)
    assert preview.open_preview(db, version, cast.ben, NOW) == registration
    before = record(db, registration)

    launch, _, played = preview.launch_preview(db, registration, cast.ben, "Ben", NOW, strict=True)
    assert played == version
    assert (launch.document["mode"], launch.document["strict"], launch.document["log"]) == ("browse", True, True)
    sent(db, launch, 1, ("cmi.completion_status", "completed"), initialized=True, terminated=True)
    led = runtime.navigate(db, launch.session_id, "continue", now=NOW)

    assert led.document["title"] == "Two"
    assert record(db, registration) == before
    assert db.scalar(select(func.count()).select_from(ScormItemState)) == 0


def test_a_preview_is_its_authors_own(db, cast):
    version = course(db, sco("one"), **FOURTH)
    registration = preview.open_preview(db, version, cast.ben, NOW)
    learning = registrations.register(db, user_id=cast.ana, package_version_id=version, actor={}, now=NOW)

    with pytest.raises(NotFound):
        preview.launch_preview(db, registration, cast.cem, "Cem", NOW, strict=False)
    with pytest.raises(NotFound):
        preview.launch_preview(db, learning, cast.ana, "Ana", NOW, strict=False)


def test_calls_are_kept_only_where_somebody_has_asked_for_them(db, cast):
    registration = registered(db, cast.ana, sco("one"), **FOURTH)
    launch = launched(db, registration)
    call = ["2026-03-02T09:00:00.000Z", "SetValue", ["cmi.location", "3"], "true", "0"]
    preview.keep_calls(db, launch.session_id, [call])
    assert preview.log(db, registration).sessions == []

    preview.log_calls(db, registration, True)
    again = launched(db, registration)
    assert again.document["keep_log"]
    preview.keep_calls(db, again.session_id, [call])
    preview.keep_calls(db, again.session_id, [["2026-03-02T09:00:01.000Z", "GetValue", ["cmi.x"], "", "401"]])

    (session,) = preview.log(db, registration).sessions
    assert preview.as_text(session).splitlines() == [
        '2026-03-02T09:00:00.000Z SetValue("cmi.location", "3") = "true" [0]',
        '2026-03-02T09:00:01.000Z GetValue("cmi.x") = "" [401]',
    ]
    with pytest.raises(BadRequest):
        preview.keep_calls(db, again.session_id, [{"method": "SetValue"}])


def test_a_log_ends_at_its_limit(db, cast, monkeypatch):
    registration = registered(db, cast.ana, sco("one"), **FOURTH)
    preview.log_calls(db, registration, True)
    launch = launched(db, registration)
    monkeypatch.setattr(preview, "MOST_LOG", 300)
    for _ in range(20):
        preview.keep_calls(db, launch.session_id, [["2026-03-02T09:00:00.000Z", "Commit", [""], "true", "0"]])

    (session,) = preview.log(db, registration).sessions
    assert 0 < len(session.calls) < 5


def test_the_outline_of_a_preview_stands_where_the_preview_stands(db, cast):
    registration, opened = previewed(db, cast, *gated())
    assert lines(db, cast, registration)["One"] == ("in_progress", True)

    sent(db, opened, 1, ("cmi.success_status", "failed"), initialized=True, terminated=True)
    led = runtime.navigate(db, opened.session_id, "continue", now=NOW)
    assert not isinstance(led, runtime.Launch), "the second part waits for the first to be passed"
    assert lines(db, cast, registration) == {"One": ("failed", True), "Two": ("not_started", False)}

    again = runtime.navigate(db, opened.session_id, "choice", "one", now=NOW)
    sent(db, again, 1, ("cmi.success_status", "passed"), initialized=True)
    assert lines(db, cast, registration)["One"][0] == "passed"
    led = runtime.navigate(db, again.session_id, "continue", now=NOW)

    assert led.document["title"] == "Two"
    assert lines(db, cast, registration) == {"One": ("passed", True), "Two": ("in_progress", True)}
    with pytest.raises(NotFound):
        preview.outline(db, registration, cast.ana, NOW)


@pytest.mark.parametrize(
    ("raw", "status", "shown"),
    [("70", "completed", "in_progress"), ("70", "passed", "in_progress"), ("90", "passed", "passed")],
)
def test_a_window_that_was_closed_stands_in_a_preview_as_it_stands_for_learners(db, cast, raw, status, shown):
    """A lesson of 1.2 with a mastery score: its end decides, and there was none."""
    told = (("cmi.core.score.raw", raw), ("cmi.core.lesson_status", status))
    lessons = (sco("one", mastery_score=80.0), sco("two"))
    version = course(db, *lessons, edition=Edition.SCORM_1_2)
    trying = preview.open_preview(db, version, cast.ben, NOW)
    tried, _, _ = preview.launch_preview(db, trying, cast.ben, "Ben", NOW, strict=False)
    learning = registrations.register(db, user_id=cast.ana, package_version_id=version, actor=ACTOR, now=NOW)
    learned = launched(db, learning)

    for launch in (tried, learned):
        sent(db, launch, 1, *told, initialized=True)
        runtime.close(db, launch.session_id, [], announced=1, now=NOW)

    assert lines(db, cast, trying)["One"][0] == shown
    assert registrations.outline(db, learning)[0].status == shown


def test_the_course_itself_can_be_chosen_in_a_preview_where_learners_can(db, cast):
    parts = (sco("one"), sco("two"))
    trying, opened = previewed(db, cast, *parts)
    assert preview.outline(db, trying, cast.ben, NOW).whole == "course"
    led = runtime.navigate(db, opened.session_id, "continue", now=NOW)

    again = runtime.navigate(db, led.session_id, "choice", "course", now=NOW)

    assert again.document["title"] == "One"


def test_an_asset_that_was_opened_in_a_preview_is_seen(db, cast):
    registration, _ = previewed(db, cast, sco("one", is_sco=False), sco("two"))

    assert lines(db, cast, registration)["One"][0] == "completed"
    assert record(db, registration)[-2:] == ([], 0)


def test_a_new_attempt_in_a_preview_begins_as_learners_begin_it(db, cast):
    _, opened = previewed(db, cast, sco("one"), sco("two"))
    sent(db, opened, 1, ("cmi.completion_status", "completed"), initialized=True, terminated=True)
    second = runtime.navigate(db, opened.session_id, "continue", now=NOW)

    again = runtime.navigate(db, second.session_id, "previous", now=NOW)

    assert again.document["values"]["cmi.entry"] == "ab-initio"
    assert "cmi.completion_status" not in again.document["values"]


def test_a_preview_that_is_opened_again_begins_anew(db, cast):
    registration, opened = previewed(db, cast, sco("one"), sco("two"), control=ControlModes(choice=True, flow=False))
    led = runtime.choose(db, opened.document["ticket"], "one", by=cast.ben, now=NOW)
    sent(db, led, 1, ("cmi.success_status", "passed"), initialized=True)

    preview.launch_preview(db, registration, cast.ben, "Ben", NOW, strict=False)

    assert lines(db, cast, registration)["One"] == ("not_started", True)
