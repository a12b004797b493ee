"""Courses that say little, and learners who go away without a word: what is said for them, and what stays."""

from datetime import timedelta

import pytest

from lrs.services import statements as lrs
from scorm_player.errors import Superseded
from scorm_player.scorm.sequencing.definition import Edition
from scorm_player.services import registrations, reports, runtime
from scorm_player.tables import LaunchSession, SessionState
from tests.scorm_player.playing import COURSE, NOW, launched, registered, sco, sent

PROGRESS = "https://w3id.org/xapi/cmi5/result/extensions/progress"


def progressed(db, registration):
    """What has been said of the course's progress, as (scaled, percent), in order."""
    return [
        (said["result"]["score"]["scaled"], said["result"]["extensions"][PROGRESS])
        for said in lrs.by_registration(db, registration)
        if said["verb"]["id"].endswith("/progressed") and said["object"]["id"] == COURSE
    ]


def test_a_course_without_a_measure_says_progressed_as_its_parts_are_completed(db, cast):
    registration = registered(db, cast.ana, *(sco(name) for name in ("one", "two", "three", "four")))
    launch = launched(db, registration)
    for _ in range(3):
        done = (("cmi.core.lesson_status", "completed"), ("cmi.core.exit", ""))
        sent(db, launch, 1, *done, initialized=True, terminated=True)
        launch = runtime.navigate(db, launch.session_id, "continue", now=NOW)

    assert progressed(db, registration) == [(0.25, 25), (0.5, 50), (0.75, 75)]
    said = [one for one in lrs.by_registration(db, registration) if one["verb"]["id"].endswith("/progressed")]
    assert {one["context"]["registration"] for one in said} == {str(registration)}
    assert {one["actor"]["account"]["name"] for one in said} == {str(cast.ana)}


def test_the_share_of_completed_objectives_is_said_while_the_lesson_is_open(db, cast):
    registration = registered(db, cast.ana, sco("one"))
    launch = launched(db, registration)
    pages = [(f"cmi.objectives.{n}.id", f"page-{n}") for n in range(4)]
    sent(db, launch, 1, *pages, ("cmi.core.lesson_status", "incomplete"), initialized=True)
    sent(db, launch, 2, ("cmi.objectives.0.status", "completed"))
    sent(db, launch, 3, ("cmi.objectives.1.status", "completed"))
    sent(db, launch, 4, ("cmi.objectives.1.status", "completed"))  # no news

    assert progressed(db, registration) == [(0.25, 25), (0.5, 50)]


def test_progress_never_goes_back_and_the_end_is_said_as_completed_only(db, cast):
    registration = registered(db, cast.ana, sco("one"))
    launch = launched(db, registration)
    pages = [(f"cmi.objectives.{n}.id", f"page-{n}") for n in range(2)]
    sent(db, launch, 1, *pages, ("cmi.objectives.0.status", "completed"), initialized=True)
    sent(db, launch, 2, ("cmi.objectives.0.status", "not attempted"))
    sent(db, launch, 3, ("cmi.core.lesson_status", "completed"), terminated=True)

    assert progressed(db, registration) == [(0.5, 50)]
    said = [
        (one["verb"]["id"].rpartition("/")[2], one["object"]["id"]) for one in lrs.by_registration(db, registration)
    ]
    assert said.count(("completed", COURSE)) == 1


@pytest.mark.parametrize("edition", [Edition.SCORM_1_2, Edition.FOURTH])
def test_a_closed_tab_and_a_new_session_go_on_with_what_was_sent(db, cast, edition):
    registration = registered(db, cast.ana, sco("one"), edition=edition)
    place = "cmi.core.lesson_location" if edition is Edition.SCORM_1_2 else "cmi.location"
    entry = "cmi.core.entry" if edition is Edition.SCORM_1_2 else "cmi.entry"
    first = launched(db, registration)
    sent(db, first, 1, (place, "page 3"), ("cmi.suspend_data", "kept"), initialized=True, seconds=40,
         now=NOW + timedelta(seconds=40))  # fmt: skip
    # the tab is closed: neither Terminate nor a beacon arrives

    later = NOW + timedelta(hours=2)
    again = launched(db, registration, now=later)

    assert again.document["values"][entry] == "resume"
    assert again.document["values"][place] == "page 3"
    assert again.document["values"]["cmi.suspend_data"] == "kept"
    left = db.get(LaunchSession, (db.info["organization_id"], first.session_id))
    assert (left.state, left.ended_at) == (SessionState.SUPERSEDED, later)
    verbs = [one["verb"]["id"].rpartition("/")[2] for one in lrs.by_registration(db, registration)]
    assert verbs == ["initialized", "suspended"]
    said = next(one for one in lrs.by_registration(db, registration) if one["verb"]["id"].endswith("suspended"))
    assert said["result"]["duration"] == "PT40S"  # what was measured, not the two hours in between
    (item,) = [one for one in reports.history(db, registration).items if one.attempts]
    assert [(one.number, one.visits) for one in item.attempts] == [(1, 2)]
    with pytest.raises(Superseded):
        sent(db, first, 2, (place, "page 9"), now=later)


def test_an_abandoned_attempt_brings_nothing_with_it_and_the_next_one_begins_anew(db, cast):
    registration = registered(db, cast.ana, sco("one"), sco("two"), edition=Edition.FOURTH)
    launch = launched(db, registration)
    sent(db, launch, 1, ("cmi.completion_status", "completed"), ("cmi.location", "page 3"), initialized=True)
    runtime.navigate(db, launch.session_id, "abandonAll", now=NOW)

    again = launched(db, registration)

    assert again.document["values"]["cmi.entry"] == "ab-initio"
    assert "cmi.location" not in again.document["values"]
    assert registrations.summary(db, registration).completion != "completed"
