"""A course that does not start by itself: nothing is delivered until the learner has chosen, and nothing has begun."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select

from core.errors import Forbidden, NotFound
from lrs.services import statements as lrs
from scorm_player.errors import Superseded
from scorm_player.scorm.sequencing.definition import (
    Activity,
    ConditionName,
    ControlModes,
    Edition,
    RuleAction,
    RuleCondition,
    Selection,
    SequencingRule,
    SequencingRules,
    Timing,
)
from scorm_player.scorm.visit import Learner
from scorm_player.services import play, registrations, runtime, tickets
from scorm_player.store import registrations as store
from scorm_player.tables import LaunchSession, Registration, ScormItemState
from tests.scorm_player.playing import NOW, launched, registered, sco, sent

LATER = NOW + timedelta(minutes=5)
CHOICE = ControlModes(choice=True, flow=False)
DISABLED = SequencingRules(pre=(SequencingRule(RuleAction.DISABLED, (RuleCondition(ConditionName.ALWAYS),)),))


def waiting(db, user_id, *activities, **more):
    """Somebody's registration for a course to choose from."""
    return registered(db, user_id, *activities, edition=Edition.FOURTH, **{"control": CHOICE} | more)


def chosen(db, cast, page, target, now=NOW):
    return runtime.choose(db, page.document["ticket"], target, by=cast.ana, now=now)


def attempts(db, registration_id):
    """The learner's attempts by activity, as sequencing counts them."""
    registration = store.get(db, registration_id)
    tree = play.tree_of(db, registration, store.course(db, registration.package_version_id))
    return {name: node.state.attempt_count for name, node in tree.nodes.items()}


def test_start_delivers_nothing_without_flow_and_the_learner_is_asked(db, cast):
    registration = waiting(db, cast.ana, sco("one"), sco("two"))

    page = launched(db, registration)

    assert isinstance(page, runtime.Waiting)
    assert page.document["offers"]
    assert [item.is_enabled for item in registrations.outline(db, registration)] == [True, True]
    for table in (LaunchSession, ScormItemState):
        assert db.scalar(select(func.count()).select_from(table)) == 0
    assert lrs.by_registration(db, registration) == []
    assert attempts(db, registration) == {"course": 0, "one": 0, "two": 0}
    assert db.get(Registration, (db.info["organization_id"], registration)).started_at is None
    assert isinstance(launched(db, registration, LATER), runtime.Waiting), "loading the page again asks again"


def test_what_the_learner_chooses_is_delivered_and_its_attempt_begins(db, cast):
    registration = waiting(db, cast.ana, sco("one"), sco("two"))
    page = launched(db, registration)
    two = registrations.outline(db, registration)[1]

    opened = chosen(db, cast, page, str(two.item_id))

    assert opened.document["title"] == "Two"
    assert opened.document["values"]["cmi.entry"] == "ab-initio"
    assert attempts(db, registration) == {"course": 1, "one": 0, "two": 1}
    sent(db, opened, 1, ("cmi.completion_status", "completed"), initialized=True)
    assert {statement["verb"]["id"].rpartition("/")[2] for statement in lrs.by_registration(db, registration)} == {
        "initialized", "completed", "progressed",
    }  # fmt: skip


def test_what_may_not_be_chosen_is_refused_with_the_reason_and_the_page_goes_on_waiting(db, cast):
    registration = waiting(db, cast.ana, sco("one"), sco("two", rules=DISABLED))
    page = launched(db, registration)

    refused = chosen(db, cast, page, "two")

    assert refused == runtime.Refused("The activity is disabled, or its attempts are used up.")
    assert chosen(db, cast, page, "elsewhere") == runtime.Refused("There is no such activity.")
    assert attempts(db, registration)["course"] == 0
    assert chosen(db, cast, page, "one").document["title"] == "One"


def test_where_nothing_can_be_chosen_either_the_page_says_so(db, cast):
    page = launched(db, waiting(db, cast.ana, sco("one", rules=DISABLED), sco("two", is_visible=False)))

    assert not page.document["offers"]
    assert page.document["reason"]


def test_after_a_pause_the_course_goes_on_without_a_choice(db, cast):
    registration = waiting(db, cast.ana, sco("one"), sco("two"))
    opened = chosen(db, cast, launched(db, registration), "two")
    sent(db, opened, 1, ("cmi.location", "3"), ("cmi.exit", "suspend"), initialized=True)
    runtime.navigate(db, opened.session_id, "leave", now=NOW)

    again = launched(db, registration, LATER)

    assert again.document["values"]["cmi.location"] == "3"
    assert again.document["values"]["cmi.entry"] == "resume"


def test_when_the_attempt_has_ended_the_learner_is_asked_again(db, cast):
    registration = waiting(db, cast.ana, sco("one"), sco("two"))
    opened = chosen(db, cast, launched(db, registration), "two")
    assert runtime.navigate(db, opened.session_id, "exitAll", now=NOW) == runtime.Ended(suspended=False)

    again = launched(db, registration, LATER)

    assert isinstance(again, runtime.Waiting)
    assert chosen(db, cast, again, "two", LATER).document["values"]["cmi.entry"] == "ab-initio"
    assert attempts(db, registration) == {"course": 2, "one": 0, "two": 2}


def test_an_activity_that_ends_by_itself_leaves_the_learner_to_choose_what_is_next(db, cast):
    registration = waiting(db, cast.ana, sco("one"), sco("two"))
    opened = chosen(db, cast, launched(db, registration), "one")
    done = sent(db, opened, 1, ("adl.nav.request", "exit"), initialized=True, terminated=True)

    led = runtime.navigate(db, opened.session_id, *done.follow, now=NOW)

    assert isinstance(led, runtime.Between)
    assert led.offers
    assert led.navigation["next"] == {"enabled": False, "visible": False, "finishes": False}
    assert runtime.navigate(db, opened.session_id, "choice", "two", now=NOW).document["title"] == "Two"


@pytest.mark.parametrize("leaves", [True, False])
def test_between_two_activities_the_course_may_be_left_and_its_attempt_goes_on(db, cast, leaves):
    registration = waiting(db, cast.ana, sco("one"), sco("two"))
    opened = chosen(db, cast, launched(db, registration), "one")
    sent(db, opened, 1, ("cmi.completion_status", "completed"), initialized=True, terminated=True)
    runtime.navigate(db, opened.session_id, "exit", now=NOW)
    if leaves:
        assert runtime.navigate(db, opened.session_id, "leave", now=NOW) == runtime.Ended(suspended=True)

    page = launched(db, registration, LATER)
    assert isinstance(page, runtime.Waiting)
    two = chosen(db, cast, page, "two", LATER)
    sent(db, two, 1, ("cmi.completion_status", "completed"), initialized=True, terminated=True, now=LATER)
    runtime.navigate(db, two.session_id, "exitAll", now=LATER)

    assert attempts(db, registration) == {"course": 1, "one": 1, "two": 1}
    assert registrations.summary(db, registration).completion == "completed"


def test_a_page_that_was_opened_before_takes_over_when_something_is_chosen_on_it(db, cast):
    registration = waiting(db, cast.ana, sco("one"), sco("two"))
    here, there = launched(db, registration), launched(db, registration)
    first = chosen(db, cast, there, "one")
    sent(db, first, 1, ("cmi.location", "5"), initialized=True)

    second = chosen(db, cast, here, "two", LATER)

    assert second.document["title"] == "Two"
    with pytest.raises(Superseded):
        sent(db, first, 2, ("cmi.location", "6"), now=LATER)


def test_a_choice_is_made_by_the_learner_whose_course_it_is(db, cast):
    page = launched(db, waiting(db, cast.ana, sco("one"), sco("two")))

    with pytest.raises(NotFound):
        runtime.choose(db, page.document["ticket"], "one", by=cast.ben, now=NOW)
    for forged in ("", "é", "x" * 80, page.document["ticket"][:-4] + "AAAA"):
        with pytest.raises(Forbidden):
            runtime.choose(db, forged, "one", by=cast.ana, now=NOW)


def test_a_ticket_says_how_what_is_chosen_is_opened(db, cast):
    registration = waiting(db, cast.ana, sco("one"), sco("two"))
    page = launched(db, registration, mode="review", strict=True)

    opened = chosen(db, cast, page, "one")

    assert (opened.document["mode"], opened.document["strict"]) == ("review", True)
    sent(db, opened, 1, ("cmi.location", "3"), initialized=True)
    assert lrs.by_registration(db, registration) == []
    assert store.get(db, registration).activity_tree is None


def test_a_visit_that_is_not_kept_offers_the_same_parts_when_one_is_chosen(db, cast):
    """SR.1: children are selected when the session begins, and the choice belongs to that session."""
    parts = tuple(sco(f"s{number}") for number in range(12))
    some = Activity("part", title="Part", children=parts, control=CHOICE, selection=Selection(Timing.ONCE, 2))
    registration = waiting(db, cast.ana, some)
    for _ in range(5):
        page = launched(db, registration, mode="browse")
        offered = [entry.identifier for entry in page.outlook.contents if entry.is_leaf]

        assert len(offered) == 2
        assert chosen(db, cast, page, offered[1]).document["title"] == offered[1].title()


def test_a_ticket_is_read_as_it_was_issued():
    given = tickets.Ticket(UUID(int=7), "browse", True, Learner("7", "Tester, Ána", {"language": "de"}), 1 << 47)

    assert tickets.read(tickets.issue(given)) == given


def test_where_there_is_one_thing_to_see_there_is_no_outline_so_the_page_is_told_what_to_open(db, cast):
    registration = waiting(db, cast.ana, sco("one"), sco("two", is_visible=False))
    page = launched(db, registration)
    assert page.document["only"] == "one"
    opened = chosen(db, cast, page, page.document["only"])
    sent(db, opened, 1, ("adl.nav.request", "exit"), initialized=True, terminated=True)

    led = runtime.navigate(db, opened.session_id, "exit", now=NOW)

    assert led.only == "one"
    assert runtime.navigate(db, opened.session_id, "choice", led.only, now=NOW).document["title"] == "One"
