"""Launch, commit, end and navigate: what the run-time does with its rows, its statements and its learner."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import orjson
import pytest
from sqlalchemy import select, text

from core.errors import BadRequest, Forbidden, Gone, NotFound
from core.tables import DomainEvent
from lrs.services import statements as lrs
from scorm_player.errors import Superseded
from scorm_player.scorm.sequencing.definition import (
    Activity,
    ControlModes,
    DataMap,
    DeliveryControls,
    Edition,
    HiddenControl,
    Objective,
    ObjectiveMap,
)
from scorm_player.services import addresses, registrations, runtime
from scorm_player.services.runtime import Batch
from scorm_player.store import registrations as store
from scorm_player.tables import GlobalObjective, LaunchSession, Registration, ScormItemState
from tests.scorm_player.playing import COURSE, NOW, course, gated, launched, registered, sco, sent


def verbs(db, registration):
    """What has been said under a registration: (verb, last part of the activity), in order."""
    return [
        (s["verb"]["id"].rpartition("/")[2], s["object"]["id"].rpartition("/")[2])
        for s in lrs.by_registration(db, registration)
    ]


def values(db, launch):
    row = db.scalars(
        select(ScormItemState)
        .join(LaunchSession, LaunchSession.package_item_id == ScormItemState.package_item_id)
        .where(LaunchSession.id == launch.session_id)
        .order_by(ScormItemState.attempt_number.desc())
    ).first()
    return orjson.loads(row.cmi)["values"]


def test_a_lesson_of_1_2_played_to_its_end_completes_the_course(db, cast):
    registration = registered(db, cast.ana)
    launch = launched(db, registration)
    assert launch.document["values"]["cmi.core.entry"] == "ab-initio"
    assert launch.document["values"]["cmi.core.student_name"] == "Tester, Ana"
    assert launch.document["url"].endswith("/one.html")

    sent(db, launch, 1, initialized=True)
    sent(db, launch, 2, ("cmi.core.lesson_location", "3"), seconds=30, now=NOW + timedelta(seconds=30))
    done = sent(
        db,
        launch,
        3,
        ("cmi.core.score.raw", "90"),
        ("cmi.core.lesson_status", "passed"),
        ("cmi.core.session_time", "00:00:45"),
        terminated=True,
        seconds=15,
        now=NOW + timedelta(seconds=45),
    )

    assert done.has_ended
    summary = registrations.summary(db, registration)
    assert (summary.completion, summary.success) == ("completed", "passed")
    assert (summary.score_scaled, summary.score_raw, summary.progress_percent) == (0.9, 90.0, 100)
    assert summary.total_seconds == 45
    assert [item.status for item in registrations.outline(db, registration)] == ["passed"]
    said = verbs(db, registration)
    assert said[:2] == [("initialized", "one"), ("passed", "one")]
    assert ("terminated", "one") in said
    assert said[-2:] == [("completed", "fire"), ("passed", "fire")]


def test_a_learner_who_fails_a_lesson_of_1_2_never_completes_and_may_pass_later(db, cast):
    registration = registered(db, cast.ana, sco("one", mastery_score=80))
    launch = launched(db, registration)
    sent(db, launch, 1, initialized=True)

    sent(db, launch, 2, ("cmi.core.score.raw", "60"), ("cmi.core.lesson_status", "failed"))

    assert ("failed", "fire") in verbs(db, registration)
    assert "completed" not in {verb for verb, _ in verbs(db, registration)}
    assert [item.status for item in registrations.outline(db, registration)] == ["failed"]

    sent(db, launch, 3, ("cmi.core.score.raw", "90"), ("cmi.core.lesson_status", "passed"))

    assert verbs(db, registration)[-2:] == [("completed", "fire"), ("passed", "fire")]
    assert [item.status for item in registrations.outline(db, registration)] == ["passed"]


@pytest.mark.parametrize("status", ["completed", "passed"])
def test_a_window_closed_on_a_lesson_of_1_2_decides_nothing_that_the_mastery_score_denies(db, cast, status):
    registration = registered(db, cast.ana, sco("one", mastery_score=80))
    launch = launched(db, registration)
    sent(db, launch, 1, ("cmi.core.score.raw", "70"), ("cmi.core.lesson_status", status), initialized=True)

    runtime.commit(db, launch.session_id, [], closing=True, now=NOW)

    assert [item.status for item in registrations.outline(db, registration)] == ["in_progress"]
    assert {"completed", "passed"}.isdisjoint(verb for verb, _ in verbs(db, registration))

    sent(db, launched(db, registration), 1, initialized=True, terminated=True)

    assert [item.status for item in registrations.outline(db, registration)] == ["failed"]
    assert {"completed", "passed"}.isdisjoint(verb for verb, _ in verbs(db, registration))
    assert ("failed", "fire") in verbs(db, registration)


@pytest.mark.parametrize("sets", [None, "incomplete"])
@pytest.mark.parametrize("is_late", [True, False], ids=["unloaded", "next visit"])
def test_a_lesson_of_1_2_that_never_sets_its_status_is_completed_by_finish_though_its_window_was_closed_before(
    db, cast, sets, is_late
):
    registration = registered(db, cast.ana)
    launch = launched(db, registration)
    sent(db, launch, 1, *([("cmi.core.lesson_status", sets)] if sets else []), initialized=True)
    runtime.commit(db, launch.session_id, [], closing=True, now=NOW)
    if not is_late:
        launch = launched(db, registration, now=NOW + timedelta(minutes=1))
        assert launch.document["values"]["cmi.core.lesson_status"] == "incomplete"

    sent(db, launch, 2 if is_late else 1, terminated=True, now=NOW + timedelta(seconds=1))

    assert registrations.summary(db, registration).completion == ("incomplete" if sets else "completed")


@pytest.mark.parametrize(
    ("raw", "verb"), [("90", "passed"), ("70", "failed"), (None, "completed")], ids=["passed", "failed", "no score"]
)
def test_a_finish_that_comes_after_the_window_has_gone_decides_a_lesson_of_1_2(db, cast, raw, verb):
    registration = registered(db, cast.ana, sco("one", mastery_score=80))
    launch = launched(db, registration)
    scores = [("cmi.core.score.raw", raw)] if raw else []
    told = *scores, ("cmi.core.lesson_status", "completed"), ("cmi.core.session_time", "00:01:00")
    sent(db, launch, 1, *told, initialized=True)
    runtime.commit(db, launch.session_id, [], closing=True, now=NOW)
    assert [item.status for item in registrations.outline(db, registration)] == ["in_progress"]

    for _ in range(2):  # content that calls LMSFinish when its page is unloaded, and a repetition of what it sent
        batch = Batch(2, (), terminated=True)
        runtime.commit(db, launch.session_id, [batch], closing=True, now=NOW + timedelta(seconds=1))

    assert [item.status for item in registrations.outline(db, registration)] == [verb]
    assert verbs(db, registration).count((verb, "one")) == 1
    assert (verb, "fire") in verbs(db, registration)
    again = launched(db, registration, now=NOW + timedelta(minutes=1)).document["values"]
    assert (again["cmi.core.lesson_status"], again["cmi.core.entry"]) == (verb, "")
    assert again["cmi.core.total_time"] == "0000:01:00.00"


def test_what_is_sent_twice_is_applied_and_said_once(db, cast):
    registration = registered(db, cast.ana)
    launch = launched(db, registration)
    batches = [
        Batch(1, (), initialized=True),
        Batch(2, [("cmi.core.lesson_status", "completed")], Decimal(5)),
    ]

    for _ in range(3):
        done = runtime.commit(db, launch.session_id, batches, now=NOW + timedelta(minutes=1))

    assert done.saved == 2
    assert verbs(db, registration).count(("completed", "one")) == 1
    assert verbs(db, registration).count(("initialized", "one")) == 1
    assert registrations.summary(db, registration).total_seconds == 5


def test_behind_a_gap_nothing_is_applied_until_it_is_filled(db, cast):
    launch = launched(db, registered(db, cast.ana))

    assert sent(db, launch, 2, ("cmi.suspend_data", "second")).saved == 0
    assert "cmi.suspend_data" not in values(db, launch)
    first_then_second = [Batch(2, [("cmi.suspend_data", "second")]), Batch(1, [("cmi.suspend_data", "first")])]
    assert runtime.commit(db, launch.session_id, first_then_second, now=NOW).saved == 2

    assert values(db, launch)["cmi.suspend_data"] == "second"


def test_what_a_browser_may_not_set_is_not_set(db, cast):
    launch = launched(db, registered(db, cast.ana))

    sent(db, launch, 1, ("cmi.core.student_id", "ben"), ("cmi.core.lesson_status", "nonsense"), ("__proto__", "x"))

    assert values(db, launch)["cmi.core.student_id"] == "ana"
    assert "cmi.core.lesson_status" not in values(db, launch)


def test_measured_time_is_never_more_than_has_passed(db, cast):
    registration = registered(db, cast.ana)
    launch = launched(db, registration)

    sent(db, launch, 1, seconds=100_000, now=NOW + timedelta(minutes=10))

    assert registrations.summary(db, registration).total_seconds == 660


def test_time_and_data_of_a_crashed_window_are_there_at_the_next_launch(db, cast):
    registration = registered(db, cast.ana)
    first = launched(db, registration)
    sent(db, first, 1, initialized=True)
    sent(db, first, 2, ("cmi.suspend_data", "page=3"), seconds=600, now=NOW + timedelta(minutes=10))

    second = launched(db, registration, now=NOW + timedelta(days=1))

    assert second.document["values"]["cmi.core.entry"] == "resume"
    assert second.document["values"]["cmi.suspend_data"] == "page=3"
    assert second.document["values"]["cmi.core.total_time"] == "0000:10:00.00"
    assert second.document["values"]["cmi.core.lesson_status"] == "incomplete"
    assert ("suspended", "one") in verbs(db, registration)


def test_the_later_window_takes_over_and_the_earlier_one_writes_nothing_more(db, cast):
    registration = registered(db, cast.ana)
    first = launched(db, registration)
    sent(db, first, 1, ("cmi.suspend_data", "first"))
    second = launched(db, registration, now=NOW + timedelta(minutes=1))

    with pytest.raises(Superseded):
        sent(db, first, 2, ("cmi.suspend_data", "too late"))
    with pytest.raises(Superseded):
        runtime.navigate(db, first.session_id, "continue", now=NOW)

    assert values(db, second)["cmi.suspend_data"] == "first"


def test_a_repeat_that_comes_after_its_session_brings_nothing_and_is_told_what_is_saved(db, cast):
    registration = registered(db, cast.ana)
    first = launched(db, registration)
    sent(db, first, 1, ("cmi.suspend_data", "first"))
    second = launched(db, registration, now=NOW + timedelta(minutes=1))

    again = runtime.commit(db, first.session_id, [Batch(1, [("cmi.suspend_data", "other")])], now=NOW)

    assert (again.saved, again.applied) == (1, 0)
    assert values(db, second)["cmi.suspend_data"] == "first"
    with pytest.raises(Superseded):  # an empty one asks whether the window may go on
        runtime.commit(db, first.session_id, [], now=NOW)


def test_what_an_earlier_device_has_not_sent_is_known(db, cast):
    registration = registered(db, cast.ana)
    launch = launched(db, registration)

    runtime.commit(db, launch.session_id, [Batch(1, [("cmi.suspend_data", "x")])], announced=4, now=NOW)

    assert runtime.waiting_elsewhere(db, registration) == 3


def test_a_journal_is_replayed_under_a_launch_that_nobody_has_touched(db, cast):
    registration = registered(db, cast.ana)
    first = launched(db, registration)
    sent(db, first, 1, initialized=True)
    launched(db, registration, now=NOW + timedelta(minutes=1))

    batch = Batch(2, [("cmi.suspend_data", "from the journal"), ("cmi.core.lesson_status", "completed")])
    done = runtime.commit(db, first.session_id, [batch], replay=True, now=NOW + timedelta(minutes=1))

    assert done.applied == 1
    again = launched(db, registration, now=NOW + timedelta(minutes=2))
    assert again.document["values"]["cmi.suspend_data"] == "from the journal"
    assert ("completed", "fire") in verbs(db, registration)


def test_a_journal_is_not_merged_into_what_was_done_elsewhere_since(db, cast):
    registration = registered(db, cast.ana)
    first = launched(db, registration)
    second = launched(db, registration, now=NOW + timedelta(minutes=1))
    sent(db, second, 1, ("cmi.suspend_data", "elsewhere"), initialized=True)

    with pytest.raises(Superseded):
        runtime.commit(db, first.session_id, [Batch(1, [("cmi.suspend_data", "old")])], replay=True, now=NOW)

    assert values(db, second)["cmi.suspend_data"] == "elsewhere"


# --- closing ----------------------------------------------------------------------------------------------------------


def test_the_beacon_of_a_closing_window_is_applied_and_suspends(db, cast):
    registration = registered(db, cast.ana)
    launch = launched(db, registration)
    sent(db, launch, 1, initialized=True)

    runtime.close(db, launch.session_id, [Batch(2, [("cmi.suspend_data", "last")])], announced=2, now=NOW)

    assert values(db, launch)["cmi.suspend_data"] == "last"
    assert verbs(db, registration)[-1] == ("suspended", "one")
    assert registrations.summary(db, registration).completion != "completed"


def test_a_beacon_may_be_followed_by_another_for_a_moment_only(db, cast):
    launch = launched(db, registered(db, cast.ana))
    runtime.close(db, launch.session_id, [Batch(1, [("cmi.suspend_data", "1")])], announced=1, now=NOW)

    runtime.close(
        db, launch.session_id, [Batch(2, [("cmi.suspend_data", "2")])], announced=2, now=NOW + timedelta(seconds=5)
    )
    with pytest.raises(Gone):
        runtime.close(db, launch.session_id, [], announced=2, now=NOW + timedelta(seconds=11))

    assert values(db, launch)["cmi.suspend_data"] == "2"


def test_what_the_journal_brings_after_the_window_was_closed_still_counts(db, cast):
    registration = registered(db, cast.ana)
    launch = launched(db, registration)
    sent(db, launch, 1, initialized=True)
    runtime.close(db, launch.session_id, [], announced=2, now=NOW)

    done = sent(db, launch, 2, ("cmi.core.lesson_status", "completed"), now=NOW + timedelta(hours=2))

    assert done.saved == 2
    assert ("completed", "fire") in verbs(db, registration)
    assert verbs(db, registration).count(("suspended", "one")) == 1


def test_a_close_token_names_one_session_and_cannot_be_made_up(db, cast):
    launch = launched(db, registered(db, cast.ana))
    token = launch.document["close"]["token"]

    assert addresses.read_close_token(token) == (cast.northwind, launch.session_id)
    for forged in ("", "x", token[:-4] + "AAA=", "A" * len(token)):
        with pytest.raises(Forbidden):
            addresses.read_close_token(forged)


# --- several activities -----------------------------------------------------------------------------------------------


def test_a_course_of_several_lessons_is_walked_through_and_completed(db, cast):
    registration = registered(db, cast.ana, sco("one"), sco("two"))
    first = launched(db, registration)
    assert first.document["title"] == "One"
    assert first.document["navigation"]["next"] == {"enabled": True, "visible": True, "finishes": False}
    assert not first.document["navigation"]["previous"]["enabled"]
    sent(db, first, 1, ("cmi.core.lesson_status", "completed"), initialized=True, terminated=True)
    assert registrations.summary(db, registration).progress_percent == 50

    second = runtime.navigate(db, first.session_id, "continue", now=NOW)
    assert second.document["title"] == "Two"
    outline = registrations.outline(db, registration)
    assert [(item.title, item.status, item.is_current) for item in outline] == [
        ("One", "completed", False),
        ("Two", "in_progress", True),
    ]
    sent(db, second, 1, ("cmi.core.lesson_status", "completed"), initialized=True, terminated=True)

    assert registrations.summary(db, registration).completion == "completed"
    assert verbs(db, registration)[-1] == ("completed", "fire")
    assert runtime.navigate(db, second.session_id, "leave", now=NOW) == runtime.Ended(suspended=False)


def test_leaving_before_the_end_goes_on_where_it_was_left(db, cast):
    registration = registered(db, cast.ana, sco("one"), sco("two"))
    first = launched(db, registration)
    second = runtime.navigate(db, first.session_id, "choice", "two", now=NOW)
    sent(db, second, 1, ("cmi.suspend_data", "here"), initialized=True)

    assert runtime.navigate(db, second.session_id, "leave", now=NOW) == runtime.Ended(suspended=True)

    again = launched(db, registration, now=NOW + timedelta(days=1))
    assert again.document["title"] == "Two"
    assert again.document["values"]["cmi.suspend_data"] == "here"
    assert again.document["values"]["cmi.core.entry"] == "resume"


def test_an_item_may_be_chosen_at_launch(db, cast):
    registration = registered(db, cast.ana, sco("one"), sco("two"))
    [_, two] = registrations.outline(db, registration)

    assert launched(db, registration, item_id=two.item_id).document["title"] == "Two"


def test_choosing_another_item_at_launch_goes_on_with_the_suspended_attempt_on_the_course(db, cast):
    registration = registered(db, cast.ana, sco("one"), sco("two"), sco("three"), edition=Edition.FOURTH)
    [one, two, three] = registrations.outline(db, registration)
    first = launched(db, registration)
    sent(
        db, first, 1, ("cmi.completion_status", "completed"), ("cmi.exit", "normal"), initialized=True, terminated=True
    )
    second = runtime.navigate(db, first.session_id, "continue", now=NOW)
    sent(db, second, 1, ("cmi.suspend_data", "half"), ("cmi.exit", "suspend"), initialized=True)
    runtime.navigate(db, second.session_id, "leave", now=NOW)

    third = launched(db, registration, item_id=three.item_id)

    assert third.document["title"] == "Three"
    tree = orjson.loads(db.get(Registration, (cast.northwind, registration)).activity_tree)
    assert tree["activities"]["course"]["attempt_count"] == 1, "not the whole course anew"
    assert not tree["activities"]["one"].get("stale_progress"), "what was completed still counts"
    assert tree["activities"]["two"]["is_suspended"]
    sent(
        db, third, 1, ("cmi.completion_status", "completed"), ("cmi.exit", "normal"), initialized=True, terminated=True
    )
    again = runtime.navigate(db, third.session_id, "choice", str(two.item_id), now=NOW)
    assert again.document["values"]["cmi.entry"] == "resume"
    assert again.document["values"]["cmi.suspend_data"] == "half"
    assert one.is_enabled


def test_a_chapter_and_the_course_itself_are_chosen_like_a_lesson_where_the_manifest_lets_them(db, cast):
    flows, closed = ControlModes(choice=True, flow=True), ControlModes(choice=True, flow=False)
    chapters = [
        Activity(name, title=name.title(), control=control, children=(sco(f"{name}-one"), sco(f"{name}-two")))
        for name, control in (("first", flows), ("second", flows), ("shelf", closed))
    ]
    registration = registered(db, cast.ana, *chapters, edition=Edition.FOURTH)
    first = launched(db, registration)
    contents = registrations.contents(db, registration)
    chosen = {item.title: item for item in contents.items if not item.is_launchable}

    second = runtime.navigate(db, first.session_id, "choice", str(chosen["Second"].item_id), now=NOW)
    again = runtime.navigate(db, second.session_id, "choice", contents.whole, now=NOW)

    assert {title: item.is_enabled for title, item in chosen.items()} == {"First": True, "Second": True, "Shelf": False}
    assert second.document["title"] == "Second-One"
    assert again.document["title"] == "First-One"


@pytest.mark.parametrize(
    ("activities", "edition", "is_visible"),
    [
        pytest.param([sco("one"), sco("two")], Edition.FOURTH, True, id="several parts can be begun anew"),
        pytest.param([sco("one")], Edition.FOURTH, False, id="one part decides for itself"),
        pytest.param([sco("one"), sco("two")], Edition.SCORM_1_2, False, id="1.2 knows no attempts on a course"),
        pytest.param(
            [sco("one", hidden_controls=frozenset({HiddenControl.EXIT_ALL})), sco("two")],
            Edition.FOURTH,
            False,
            id="the manifest hides it",
        ),
    ],
)
def test_the_attempt_can_be_ended_where_that_means_something(db, cast, activities, edition, is_visible):
    first = launched(db, registered(db, cast.ana, *activities, edition=edition))

    assert first.document["navigation"]["end"]["visible"] is is_visible


def test_ending_the_attempt_begins_anew_and_leaving_does_not(db, cast):
    registration = registered(db, cast.ana, sco("one"), sco("two"), edition=Edition.FOURTH)
    first = launched(db, registration)
    second = runtime.navigate(db, first.session_id, "continue", now=NOW)

    assert runtime.navigate(db, second.session_id, "exitAll", now=NOW) == runtime.Ended(suspended=False)

    assert launched(db, registration, now=NOW + timedelta(days=1)).document["title"] == "One"


@pytest.mark.parametrize("statuses", [("incomplete", "unknown"), ("completed", "passed"), ("completed", "failed")])
def test_where_no_activity_contributes_to_rollup_the_record_is_what_the_scos_say(db, cast, statuses):
    """RB.1.4 rolls up the best of nothing; a record does not."""
    one = sco("one", delivery=DeliveryControls(tracked=False))
    registration = registered(db, cast.ana, one, edition=Edition.FOURTH)
    launch = launched(db, registration)

    sent(db, launch, 1, ("cmi.completion_status", statuses[0]), ("cmi.success_status", statuses[1]), initialized=True)

    summary = registrations.summary(db, registration)
    assert (summary.completion, summary.success) == statuses


def test_an_attempt_the_learner_ended_is_not_resumed_though_its_content_never_called_terminate(db, cast):
    registration = registered(db, cast.ana, sco("one"), sco("two"), edition=Edition.FOURTH)
    first = launched(db, registration)
    sent(db, first, 1, ("cmi.location", "3"), initialized=True)
    runtime.navigate(db, first.session_id, "exitAll", now=NOW)

    again = launched(db, registration, now=NOW + timedelta(days=1))

    assert again.document["values"]["cmi.entry"] == "ab-initio"
    assert "cmi.location" not in again.document["values"]


def test_an_item_with_unmet_prerequisites_cannot_be_opened_and_says_why(db, cast):
    registration = registered(db, cast.ana, sco("one"), sco("two", prerequisites="one"))
    [_, two] = registrations.outline(db, registration)
    assert not two.is_enabled

    page = launched(db, registration, item_id=two.item_id)

    assert page.document["refused"]
    assert page.document["reason"] == two.reason == "“One” must be finished first."
    assert page.document["offers"]


def test_content_says_where_it_wants_to_go(db, cast):
    registration = registered(db, cast.ana, sco("one"), sco("two"), edition=Edition.FOURTH)
    launch = launched(db, registration)
    assert launch.document["values"]["adl.nav.request_valid.continue"] == "true"

    done = sent(db, launch, 1, ("adl.nav.request", "continue"), initialized=True, terminated=True)

    assert done.follow == ("continue", None)
    led = runtime.navigate(db, launch.session_id, *done.follow, now=NOW)
    assert led.document["title"] == "Two"


@pytest.mark.parametrize("way_out", ["time-out", "logout"])
def test_content_that_ran_out_of_time_or_logs_out_ends_the_attempt(db, cast, way_out):
    """RTE 4.2.8: Exit All, whatever else it asked for, and its data are those of an attempt that is over."""
    registration = registered(db, cast.ana, sco("one"), sco("two"), edition=Edition.FOURTH)
    launch = launched(db, registration)

    done = sent(
        db, launch, 1, ("cmi.exit", way_out), ("cmi.location", "3"), ("adl.nav.request", "continue"),
        initialized=True, terminated=True,
    )  # fmt: skip

    assert done.follow == ("exitAll", None)
    assert runtime.navigate(db, launch.session_id, *done.follow, now=NOW) == runtime.Ended(suspended=False)
    again = launched(db, registration, now=NOW + timedelta(days=1)).document["values"]
    assert (again["cmi.entry"], "cmi.location" in again) == ("ab-initio", False)


def test_comments_of_1_2_grow_from_visit_to_visit_and_are_told_once(db, cast):
    registration = registered(db, cast.ana)
    first = launched(db, registration)
    for _ in range(2):  # the answer to the first one was lost
        sent(db, first, 1, ("cmi.comments", "Too fast. "), initialized=True)
    runtime.navigate(db, first.session_id, "leave", now=NOW)

    again = launched(db, registration, now=NOW + timedelta(days=1))
    assert again.document["values"]["cmi.comments"] == "Too fast. "
    sent(db, again, 1, ("cmi.comments", "Too fast. Too blue."), initialized=True)

    told = lrs.by_registration(db, registration)
    assert [s["result"]["response"] for s in told if s["verb"]["id"].endswith("/commented")] == [
        "Too fast. ",
        "Too fast. Too blue.",
    ]


def test_a_lesson_of_1_2_that_ran_out_of_time_leads_nowhere_by_itself(db, cast):
    launch = launched(db, registered(db, cast.ana, sco("one"), sco("two"), edition=Edition.SCORM_1_2))

    done = sent(db, launch, 1, ("cmi.core.exit", "time-out"), initialized=True, terminated=True)

    assert done.follow is None


def test_content_that_suspends_all_resumes_though_its_exit_was_normal(db, cast):
    """RTE 4.2.7: what counts is that the attempt was suspended."""
    registration = registered(db, cast.ana, sco("one"), sco("two"), edition=Edition.FOURTH)
    launch = launched(db, registration)
    wishes = [("cmi.suspend_data", "here"), ("cmi.exit", "normal"), ("adl.nav.request", "suspendAll")]
    done = sent(db, launch, 1, *wishes, initialized=True, terminated=True)
    runtime.navigate(db, launch.session_id, *done.follow, now=NOW)

    again = launched(db, registration, now=NOW + timedelta(days=1)).document["values"]

    assert (again["cmi.entry"], again["cmi.suspend_data"]) == ("resume", "here")


def test_a_request_that_leads_nowhere_is_refused_with_a_reason(db, cast):
    launch = launched(db, registered(db, cast.ana, sco("one"), sco("two")))

    led = runtime.navigate(db, launch.session_id, "previous", now=NOW)

    assert led.reason
    with pytest.raises(BadRequest):
        runtime.navigate(db, launch.session_id, "sideways", now=NOW)


def test_an_asset_is_seen_when_it_is_opened(db, cast):
    registration = registered(db, cast.ana, sco("page", is_sco=False))

    launch = launched(db, registration)

    assert launch.document["is_sco"] is False
    assert registrations.summary(db, registration).completion == "completed"
    assert registrations.summary(db, registration).success == "unknown"


def test_an_asset_that_communicates_all_the_same_is_heard(db, cast):
    """An asset need not look for the API (CAM 2.1.1), but the LMS has one wherever content is launched."""
    registration = registered(db, cast.ana, sco("page", is_sco=False), edition=Edition.FOURTH)
    launch = launched(db, registration)
    assert launch.document["table"]

    sent(db, launch, 1, ("cmi.score.scaled", "0.8"), ("cmi.success_status", "passed"), initialized=True)
    sent(db, launch, 2, terminated=True)

    summary = registrations.summary(db, registration)
    assert (summary.completion, summary.success, summary.score_scaled) == ("completed", "passed", 0.8)
    assert [verb for verb, _ in verbs(db, registration)].count("initialized") == 1


# --- SCORM 2004 -------------------------------------------------------------------------------------------------------


def test_a_new_attempt_of_2004_begins_afresh_and_what_was_reached_stays_reached(db, cast):
    registration = registered(db, cast.ana, edition=Edition.FOURTH)
    first = launched(db, registration)
    sent(
        db,
        first,
        1,
        ("cmi.success_status", "passed"),
        ("cmi.completion_status", "completed"),
        ("cmi.score.scaled", "0.9"),
        initialized=True,
        terminated=True,
    )
    runtime.navigate(db, first.session_id, "exitAll", now=NOW)

    second = launched(db, registration, now=NOW + timedelta(days=1))
    assert second.document["values"]["cmi.entry"] == "ab-initio"
    sent(db, second, 1, ("cmi.success_status", "failed"), ("cmi.score.scaled", "0.1"), terminated=True)

    summary = registrations.summary(db, registration)
    assert (summary.completion, summary.success, summary.score_scaled) == ("completed", "passed", 0.9)
    assert verbs(db, registration).count(("passed", "fire")) == 1
    assert ("failed", "fire") not in verbs(db, registration)


def test_silence_about_success_is_no_success(db, cast):
    registration = registered(db, cast.ana, edition=Edition.FOURTH)
    launch = launched(db, registration)

    sent(db, launch, 1, ("cmi.completion_status", "completed"), initialized=True, terminated=True)

    assert registrations.summary(db, registration).completion == "completed"
    assert registrations.summary(db, registration).success == "unknown"
    assert "passed" not in {verb for verb, _ in verbs(db, registration)}


def test_a_course_is_completed_while_its_window_is_still_open(db, cast):
    registration = registered(db, cast.ana, edition=Edition.FOURTH)
    launch = launched(db, registration)

    sent(db, launch, 1, ("cmi.completion_status", "completed"), ("cmi.success_status", "passed"), initialized=True)

    assert registrations.summary(db, registration).completion == "completed"
    assert verbs(db, registration)[-2:] == [("completed", "fire"), ("passed", "fire")]


def test_objectives_shared_by_all_packages_follow_the_learner(db, cast):
    shared = Objective("o", maps=(ObjectiveMap("everywhere", read_satisfied_status=True, write_satisfied_status=True),))
    registration = registered(db, cast.ana, sco("one", primary=shared), edition=Edition.FOURTH)
    launch = launched(db, registration)

    sent(db, launch, 1, ("cmi.success_status", "passed"), initialized=True, terminated=True)

    [row] = db.scalars(select(GlobalObjective))
    assert (row.user_id, row.objective, orjson.loads(row.state)) == (cast.ana, "everywhere", {"satisfied": True})


# --- what else must hold ----------------------------------------------------------------------------------------------


def test_data_shared_by_all_packages_follow_the_learner_into_the_next_registration(db, cast):
    version = course(db, sco("one", data_maps=(DataMap("notes"),)), edition=Edition.FOURTH)
    first, second, other = (
        registrations.register(db, user_id=who, package_version_id=version, actor={"mbox": "mailto:x@y.z"}, now=NOW)
        for who in (cast.ana, cast.ana, cast.ben)
    )
    launch = launched(db, first)

    sent(db, launch, 1, ("adl.data.0.store", "half\0way"), initialized=True, terminated=True)

    assert launched(db, second).document["values"]["adl.data.0.store"] == "half\0way"
    assert "adl.data.0.store" not in launched(db, other).document["values"]


def test_looking_around_says_and_counts_nothing(db, cast):
    registration = registered(db, cast.ana)
    launch = launched(db, registration, mode="browse")
    assert launch.document["values"]["cmi.core.credit"] == "no-credit"

    sent(db, launch, 1, ("cmi.core.lesson_status", "passed"), initialized=True, terminated=True, seconds=9)

    assert verbs(db, registration) == []
    assert registrations.summary(db, registration).completion == "unknown"
    assert registrations.summary(db, registration).total_seconds == 0


def test_a_change_that_counts_is_announced_and_a_bookmark_is_not(db, cast):
    registration = registered(db, cast.ana)
    launch = launched(db, registration)
    sent(db, launch, 1, ("cmi.suspend_data", "x"), initialized=True)
    sent(db, launch, 2, ("cmi.core.lesson_status", "incomplete"))
    sent(db, launch, 3, ("cmi.suspend_data", "y"))

    events = db.scalars(select(DomainEvent).where(DomainEvent.event_type == "RuntimeCommitted")).all()

    assert [event.payload["has_ended"] for event in events] == [False]
    assert events[0].payload["registration_id"] == str(registration)


def test_a_session_of_somebody_else_does_not_exist(db, cast):
    launch = launched(db, registered(db, cast.ana))

    runtime.require_own(db, launch.session_id, cast.ana)
    with pytest.raises(NotFound):
        runtime.require_own(db, launch.session_id, cast.ben)


def test_a_registration_of_another_tenant_does_not_exist(database, cast):
    with database.write(cast.northwind) as session:
        registration = registered(session, cast.ana)
        launch = launched(session, registration)

    with database.write(cast.acme) as session:
        with pytest.raises(NotFound):
            launched(session, registration)
        with pytest.raises(NotFound):
            sent(session, launch, 1)
        with pytest.raises(NotFound):
            registrations.summary(session, registration)


def test_the_statements_of_a_commit_are_stored_or_lost_with_it(database, cast):
    with database.write(cast.northwind) as session:
        registration = registered(session, cast.ana)
        launch = launched(session, registration)

    class Crash(Exception):
        pass

    with pytest.raises(Crash), database.write(cast.northwind) as session:
        sent(session, launch, 1, ("cmi.core.lesson_status", "passed"), initialized=True)
        raise Crash

    with database.read(cast.northwind) as session:
        assert verbs(session, registration) == []
        assert values(session, launch).get("cmi.core.lesson_status") is None


def test_requests_that_come_at_once_apply_each_batch_once(database, cast):
    with database.write(cast.northwind) as session:
        registration = registered(session, cast.ana)
        launch = launched(session, registration)
    batches = [Batch(n, [("cmi.suspend_data", str(n))], Decimal(1), initialized=n == 1) for n in range(1, 21)]

    def send(upto: int) -> int:
        with database.write(cast.northwind) as session:
            runtime.require_own(session, launch.session_id, cast.ana)
            return runtime.commit(
                session, launch.session_id, batches[:upto], announced=upto, now=NOW + timedelta(minutes=5)
            ).saved

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, [5, 10, 3, 20, 1, 15, 20, 7]))

    assert max(answers) == 20
    with database.read(cast.northwind) as session:
        assert values(session, launch)["cmi.suspend_data"] == "20"
        assert registrations.summary(session, registration).total_seconds == 20
        assert verbs(session, registration).count(("initialized", "one")) == 1


def test_two_windows_that_open_at_once_leave_one_that_writes(database, cast):
    with database.write(cast.northwind) as session:
        registration = registered(session, cast.ana)

    def opened(_: int) -> runtime.Launch:
        with database.write(cast.northwind) as session:
            return launched(session, registration)

    with ThreadPoolExecutor(4) as pool:
        launches = list(pool.map(opened, range(4)))

    writing = 0
    for launch in launches:
        with contextlib.suppress(Superseded), database.write(cast.northwind) as session:
            sent(session, launch, 1, ("cmi.suspend_data", "mine"))
            writing += 1
    assert writing == 1


def test_what_a_course_says_is_read_once(db, cast):
    version = course(db)
    known = store.course(db, version)
    db.execute(text("UPDATE package_versions SET manifest = '{}' WHERE id = :id"), {"id": version})

    assert store.course(db, version) is known
    assert known.iris["course"] == COURSE


def test_what_an_activity_says_of_itself_opens_and_closes_ways_while_it_plays(db, cast):
    """SN 5.6, RTE 4.4: asked again after a commit; content that never ends by itself needs the player's Next."""
    registration = registered(db, cast.ana, *gated(), edition=Edition.FOURTH)
    launch = launched(db, registration)

    failed = sent(db, launch, 1, ("cmi.success_status", "failed"), initialized=True)
    assert not failed.navigation["next"]["enabled"]
    assert failed.valid["adl.nav.request_valid.continue"] == "false"
    assert [item.is_enabled for item in registrations.outline(db, registration)] == [True, False]
    bookmark = sent(db, launch, 2, ("cmi.location", "4"))
    assert bookmark.navigation is None, "a bookmark leads nowhere else"

    passed = sent(db, launch, 3, ("cmi.success_status", "passed"))

    assert passed.navigation["next"]["enabled"]
    assert passed.valid["adl.nav.request_valid.continue"] == "true"
    assert passed.valid["adl.nav.request_valid.choice.{target=two}"] == "true"
    assert [item.is_enabled for item in registrations.outline(db, registration)] == [True, True]
    assert runtime.navigate(db, launch.session_id, "continue", now=NOW).document["title"] == "Two"


def test_the_ways_that_are_open_when_content_has_ended_are_told_with_its_end(db, cast):
    launch = launched(db, registered(db, cast.ana, *gated(), edition=Edition.FOURTH))

    ended = sent(db, launch, 1, ("cmi.success_status", "failed"), initialized=True, terminated=True)

    assert ended.has_ended
    assert not ended.navigation["next"]["enabled"]


def test_where_no_rule_asks_for_a_status_the_ways_stay_as_they_were_told_at_the_launch(db, cast):
    launch = launched(db, registered(db, cast.ana, sco("one"), sco("two"), edition=Edition.FOURTH))

    done = sent(db, launch, 1, ("cmi.success_status", "failed"), initialized=True)
    ended = sent(db, launch, 2, ("cmi.exit", "suspend"), terminated=True)

    assert (done.navigation, done.valid, ended.navigation) == (None, None, None)
    assert launch.document["navigation"]["next"]["enabled"]
    assert launch.document["values"]["adl.nav.request_valid.choice.{target=two}"] == "true"


@pytest.mark.parametrize(
    ("edition", "exit_", "follow"),
    [
        pytest.param(Edition.FOURTH, "time-out", ("exitAll", None), id="2004 time-out"),
        pytest.param(Edition.FOURTH, "logout", ("exitAll", None), id="2004 logout"),
        pytest.param(Edition.FOURTH, "normal", None, id="2004 normal"),
        pytest.param(Edition.SCORM_1_2, "logout", ("suspendAll", None), id="1.2 logout leaves the course"),
        pytest.param(Edition.SCORM_1_2, "time-out", None, id="1.2 time-out leaves the lesson"),
    ],
)
def test_how_content_exits_may_lead_out_of_the_course(db, cast, edition, exit_, follow):
    """RTE 4.2.8; RTE 1.2, cmi.core.exit. The answer is the same when the window has to ask again."""
    element = "cmi.core.exit" if edition is Edition.SCORM_1_2 else "cmi.exit"
    launch = launched(db, registered(db, cast.ana, sco("one"), sco("two"), edition=edition))
    last = {"initialized": True, "terminated": True}

    assert sent(db, launch, 1, (element, exit_), **last).follow == follow
    assert sent(db, launch, 1, (element, exit_), **last).follow == follow


def test_a_lesson_that_logged_the_learner_out_is_entered_again_and_not_resumed(db, cast):
    """RTE 1.2, cmi.core.entry; the course goes on with that lesson, which keeps its data."""
    registration = registered(db, cast.ana, sco("one"), sco("two"))
    launch = launched(db, registration)
    led = runtime.navigate(db, launch.session_id, "continue", now=NOW)
    place = (("cmi.core.lesson_location", "3"), ("cmi.core.exit", "logout"))
    done = sent(db, led, 1, *place, initialized=True, terminated=True)
    assert runtime.navigate(db, led.session_id, *done.follow, now=NOW) == runtime.Ended(suspended=True)

    again = launched(db, registration).document

    assert (again["title"], again["values"]["cmi.core.entry"]) == ("Two", "")
    assert again["values"]["cmi.core.lesson_location"] == "3"


@pytest.mark.parametrize("edition", [Edition.FOURTH, Edition.SCORM_1_2])
def test_the_step_past_the_last_part_is_called_what_it_is(db, cast, edition):
    """SB.2.1: walking off the tree ends the attempt."""
    launch = launched(db, registered(db, cast.ana, sco("one"), sco("two"), edition=edition))
    assert not launch.document["navigation"]["next"]["finishes"]

    last = runtime.navigate(db, launch.session_id, "continue", now=NOW)

    assert last.document["navigation"]["next"]["finishes"]
    assert isinstance(runtime.navigate(db, last.session_id, "continue", now=NOW), runtime.Ended)


def test_next_does_not_end_a_course_whose_later_parts_wait_for_this_one(db, cast):
    registration = registered(db, cast.ana, sco("one"), sco("two", prerequisites="one"))
    launch = launched(db, registration)

    sent(db, launch, 1, ("cmi.core.lesson_status", "incomplete"), initialized=True)
    ended = sent(db, launch, 2, terminated=True)
    assert not ended.navigation["next"]["enabled"]
    led = runtime.navigate(db, launch.session_id, "continue", now=NOW)

    assert (led.reason, led.offers) == ("“One” must be finished first.", True)
