"""Help for a learner who is stuck: what each repair does to the data, to the statements, and to the next launch."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from core.errors import Invalid, NotFound
from core.tables import AuditLog
from lrs.services import statements as lrs
from scorm_player.errors import Superseded
from scorm_player.scorm.sequencing.definition import Edition
from scorm_player.services import registrations, repair, reports, runtime
from scorm_player.services.repair import By
from scorm_player.store import registrations as store
from tests.scorm_player.playing import NOW, launched, registered, sco, sent

BEN = By({"objectType": "Agent", "account": {"homePage": "http://localhost", "name": "ben"}}, "The phone broke.")
LATER = NOW + timedelta(hours=1)
BOTH = pytest.mark.parametrize("edition", [Edition.SCORM_1_2, Edition.FOURTH], ids=["1.2", "2004"])


def element(edition, name):
    return f"cmi.core.{name}" if edition is Edition.SCORM_1_2 else f"cmi.{name}"


def visit(db, registration, edition, data, *more, now=NOW, **launch):
    """One visit that leaves with this suspend data."""
    opened = launched(db, registration, now, **launch)
    leaving = (("cmi.suspend_data", data), *more, (element(edition, "exit"), "suspend"))
    sent(db, opened, 1, *leaving, initialized=True, terminated=True, seconds=30, now=now)
    return opened


def item(db, registration, identifier="one"):
    return store.course(db, store.get(db, registration).package_version_id).item_ids[identifier]


def verbs(db, registration):
    return [s["verb"]["display"]["en"] for s in lrs.by_registration(db, registration)]


@BOTH
def test_an_earlier_place_can_be_gone_back_to_and_that_be_undone(db, cast, edition):
    registration = registered(db, cast.ana, sco("one"), sco("two"), edition=edition)
    for number in range(7):
        visit(db, registration, edition, f"page {number}", now=NOW + timedelta(minutes=number))
    places = repair.condition(db, registration, LATER).places
    assert [place.size for place in places] == [6] * 5
    assert [place.is_current for place in places] == [True, False, False, False, False]

    repair.restore(db, registration, places[-1].id, BEN, LATER)

    opened = launched(db, registration, LATER)
    assert opened.document["values"]["cmi.suspend_data"] == "page 2"
    assert opened.document["values"][element(edition, "entry")] == "resume"
    newest = repair.condition(db, registration, LATER).places[0]
    repair.restore(db, registration, newest.id, BEN, LATER)
    assert launched(db, registration, LATER).document["values"]["cmi.suspend_data"] == "page 6"


@BOTH
def test_a_lesson_begun_again_opens_as_new_and_what_it_said_is_void(db, cast, edition):
    registration = registered(db, cast.ana, sco("one"), sco("two"), edition=edition)
    done = "lesson_status" if edition is Edition.SCORM_1_2 else "completion_status"
    opened = visit(db, registration, edition, "page 9", (element(edition, done), "completed"))
    assert "completed" in verbs(db, registration)
    before = registrations.summary(db, registration)

    repair.reset(db, registration, item(db, registration), BEN, LATER)

    said = verbs(db, registration)
    assert "completed" not in said
    assert {"repaired", "voided", "initialized"} <= set(said)
    ends = [
        s for s in lrs.by_registration(db, registration) if s["verb"]["display"]["en"] in ("suspended", "terminated")
    ]
    assert [end["result"] for end in ends] == [{"duration": "PT30S"}]
    after = registrations.summary(db, registration)
    assert (before.progress_percent, after.progress_percent) == (50, 0)
    assert after.total_seconds == before.total_seconds
    again = launched(db, registration, LATER, item_id=item(db, registration))
    assert again.document["values"][element(edition, "entry")] == "ab-initio"
    assert "cmi.suspend_data" not in again.document["values"]
    attempts = next(line for line in reports.history(db, registration).items if line.title == "One").attempts
    assert [(one.number, one.is_set_aside) for one in attempts] == [(1, True), (2, False)]
    with pytest.raises(Superseded):
        sent(db, opened, 2, ("cmi.suspend_data", "late"), now=LATER)


def test_a_whole_course_begun_again_forgets_what_it_came_to(db, cast):
    registration = registered(db, cast.ana, sco("one"), sco("two"))
    opened, passed = launched(db, registration), (("cmi.core.score.raw", "90"), ("cmi.core.lesson_status", "passed"))
    sent(db, opened, 1, *passed, initialized=True, terminated=True)
    second = runtime.navigate(db, opened.session_id, "continue", now=NOW)
    sent(db, second, 1, *passed, initialized=True, terminated=True)
    assert registrations.summary(db, registration).completion == "completed"

    repair.reset(db, registration, None, BEN, LATER)

    summary = registrations.summary(db, registration)
    assert (summary.completion, summary.success, summary.score_scaled) == ("unknown", "unknown", None)
    assert summary.attempt_number == 2
    assert not {"completed", "passed", "scored"} & set(verbs(db, registration))
    with pytest.raises(Invalid):
        repair.reset(db, registration, None, BEN, LATER)


@BOTH
def test_a_status_set_by_hand_says_who_and_why_and_completes_the_course(db, cast, edition):
    registration = registered(db, cast.ana, edition=edition)

    repair.set_status(db, registration, item(db, registration), "passed", BEN, NOW)

    summary = registrations.summary(db, registration)
    assert (summary.completion, summary.success) == ("completed", "passed")
    said = [s for s in lrs.by_registration(db, registration) if s["verb"]["display"]["en"] in ("completed", "passed")]
    assert {s["object"]["id"].rpartition("/")[2] for s in said} == {"one", "fire"}
    assert all(s["context"]["instructor"]["account"] == BEN.actor["account"] for s in said)
    assert all(s["result"]["extensions"][repair.REASON] == BEN.reason for s in said)
    assert repair.condition(db, registration, LATER).unsaid == 0
    with pytest.raises(Invalid):
        repair.set_status(db, registration, item(db, registration), "brilliant", BEN, NOW)


def test_a_cleared_pause_starts_at_the_beginning_with_all_that_is_tracked(db, cast):
    registration = registered(db, cast.ana, sco("one"), sco("two"), edition=Edition.FOURTH)
    visit(db, registration, Edition.FOURTH, "x", ("cmi.completion_status", "completed"))
    visit(db, registration, Edition.FOURTH, "y", item_id=item(db, registration, "two"))
    assert repair.condition(db, registration, LATER).suspended_at == "Two"

    repair.release(db, registration, BEN, LATER)

    assert repair.condition(db, registration, LATER).suspended_at is None
    assert launched(db, registration, LATER).document["title"] == "One"
    assert registrations.summary(db, registration).progress_percent == 50


@BOTH
def test_what_the_store_lacks_is_said_again_with_its_own_time(db, cast, edition):
    registration = registered(db, cast.ana, edition=edition)
    done = "lesson_status" if edition is Edition.SCORM_1_2 else "completion_status"
    visit(
        db, registration, edition, "end", (element(edition, done), "completed"), (element(edition, "score.raw"), "80")
    )
    assert repair.condition(db, registration, LATER).unsaid == 0
    lost = next(
        s
        for s in lrs.by_registration(db, registration)
        if s["object"]["id"].endswith("/one") and s["verb"]["display"]["en"] == "completed"
    )
    void = {
        **lost,
        "id": None,
        "verb": {"id": repair.VOIDED},
        "object": {"objectType": "StatementRef", "id": lost["id"]},
    }
    lrs.store(db, [{name: void[name] for name in ("actor", "verb", "object")}], authority=dict(BEN.actor))
    assert repair.condition(db, registration, LATER).unsaid == 1

    assert repair.replay(db, registration, BEN, LATER) == 1

    assert repair.condition(db, registration, LATER).unsaid == 0
    again = [
        s
        for s in lrs.by_registration(db, registration)
        if s["object"].get("id") == lost["object"]["id"] and s["verb"] == lost["verb"]
    ]
    assert [s["timestamp"] for s in again] == ["2026-03-02T09:00:00.000Z"]
    entry = db.scalars(select(AuditLog).where(AuditLog.action == "registration.repaired")).one()
    assert entry.details == {"kind": "replay", "item": None, "reason": BEN.reason, "voided": 0, "count": 1}


def test_a_place_of_somebody_else_cannot_be_restored(db, cast):
    anas = registered(db, cast.ana)
    visit(db, anas, Edition.SCORM_1_2, "secret")
    place = repair.condition(db, anas, LATER).places[0]
    bens = registrations.register(
        db, user_id=cast.ben, package_version_id=store.get(db, anas).package_version_id, actor=dict(BEN.actor), now=NOW
    )
    with pytest.raises(NotFound):
        repair.restore(db, bens, place.id, BEN, LATER)
