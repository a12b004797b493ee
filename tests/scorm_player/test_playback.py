"""The playback policy: what each option changes, and where it comes from."""

import pytest

from core.errors import Invalid
from scorm_player import policy
from scorm_player.scorm.sequencing.definition import Edition
from scorm_player.services import packages, play, playback, registrations, repair, runtime
from scorm_player.store import registrations as store
from tests.scorm_player.playing import NOW, launched, registered, sco, sent

FOURTH = Edition.FOURTH


@pytest.fixture
def played(db, cast):
    """Register ana for a course under these settings of its package; answer the registration."""

    def register(settings, *activities, edition=Edition.SCORM_1_2):
        registration = registered(db, cast.ana, *(activities or (sco("one"),)), edition=edition)
        version = registrations.summary(db, registration).package_version_id
        package = packages.version(db, version).package_id
        playback.change(db, package, settings, now=NOW)
        return registration

    return register


def finished(db, registration, *changes):
    """Play a lesson to its end; answer what the next visit opens with."""
    launch = launched(db, registration)
    sent(db, launch, 1, *changes, initialized=True, terminated=True)
    return launched(db, registration).document["values"]


@pytest.mark.parametrize(("empty_exit", "entry"), [("normal", ""), ("suspend", "resume")])
def test_what_an_exit_without_a_word_means(db, played, empty_exit, entry):
    registration = played({"empty_exit": empty_exit})

    assert finished(db, registration, ("cmi.core.lesson_status", "incomplete"))["cmi.core.entry"] == entry


@pytest.mark.parametrize("silent_finish", ["completed", "incomplete"])
def test_what_finish_without_a_status_means(db, played, silent_finish):
    registration = played({"silent_finish": silent_finish})

    values = finished(db, registration, ("cmi.core.lesson_location", "3"))

    assert values["cmi.core.lesson_status"] == silent_finish
    assert (registrations.summary(db, registration).completion == "completed") is (silent_finish == "completed")


@pytest.mark.parametrize(("mastery_decides", "success"), [(True, "failed"), (False, "passed")])
def test_whether_the_score_or_the_status_decides(db, played, mastery_decides, success):
    registration = played({"mastery_decides": mastery_decides}, sco("one", mastery_score=80))
    judged = (("cmi.core.score.raw", "60"), ("cmi.core.lesson_status", "passed"))
    launch = launched(db, registration)
    assert launch.document["values"]["cmi.student_data.mastery_score"] == "80.0"  # the content reads it either way

    sent(db, launch, 1, *judged, initialized=True, terminated=True)

    assert registrations.summary(db, registration).success == success


@pytest.mark.parametrize(("suspend_data", "left"), [("keep", "page=3"), ("clear_when_completed", None)])
def test_when_suspend_data_are_cleared(db, played, suspend_data, left):
    registration = played({"suspend_data": suspend_data})
    unfinished = finished(db, registration, ("cmi.suspend_data", "page=3"), ("cmi.core.lesson_status", "incomplete"))
    assert unfinished["cmi.suspend_data"] == "page=3"

    done = finished(db, registration, ("cmi.core.lesson_status", "completed"))

    assert done.get("cmi.suspend_data") == left


@pytest.mark.parametrize(("window", "new_window"), [("auto", False), ("frame", False), ("own", True)])
def test_where_it_plays_and_how_large(db, played, window, new_window):
    launch = launched(db, played({"window": window, "window_width": 1024, "window_height": 700}))

    assert launch.document["new_window"] is new_window
    assert launch.document["window_features"] == "width=1024,height=700"


def test_how_many_attempts_there_are(db, played):
    registration = played({"attempts": 2}, edition=FOURTH)
    for _ in range(2):
        launch = launched(db, registration)
        sent(db, launch, 1, ("cmi.success_status", "failed"), ("cmi.exit", "normal"), initialized=True, terminated=True)
        runtime.navigate(db, launch.session_id, "exitAll", now=NOW)

    page = launched(db, registration)

    assert isinstance(page, runtime.Waiting)
    assert page.document["reason"] == "All attempts on “One” are used up (allowed: 2)."
    assert page.document["refused"]
    assert not page.document["offers"], "there is nothing else in this course"
    [one] = registrations.outline(db, registration)
    assert (one.status, one.is_enabled, one.reason) == ("failed", False, page.document["reason"])


def used_up(db, registration):
    """Play the first of two parts once and end the course: its only attempt is used up."""
    launch = launched(db, registration)
    sent(db, launch, 1, ("cmi.success_status", "failed"), ("cmi.exit", "normal"), initialized=True, terminated=True)
    runtime.navigate(db, launch.session_id, "exitAll", now=NOW)
    return launched(db, registration)


def test_where_the_first_part_may_not_begin_again_the_learner_chooses_another(db, cast, played):
    registration = played({"attempts": 1}, sco("one"), sco("two"), edition=FOURTH)

    page = used_up(db, registration)

    assert (page.document["refused"], page.document["offers"]) == (True, True)
    [one, two] = registrations.outline(db, registration)
    assert (one.is_enabled, two.is_enabled, two.reason) == (False, True, None)
    again = runtime.choose(db, page.document["ticket"], str(one.item_id), by=cast.ana, now=NOW)
    assert again == runtime.Refused(page.document["reason"])
    opened = runtime.choose(db, page.document["ticket"], str(two.item_id), by=cast.ana, now=NOW)
    assert opened.document["title"] == "Two"


def test_of_an_attempt_that_was_refused_nothing_has_happened(db, played):
    registration = played({"attempts": 1}, sco("one"), sco("two"), edition=FOURTH)

    used_up(db, registration)
    launched(db, registration)

    found = store.get(db, registration)
    tree = play.tree_of(db, found, store.course(db, found.package_version_id))
    assert {name: node.state.attempt_count for name, node in tree.nodes.items()} == {"course": 1, "one": 1, "two": 0}
    assert tree.current is None


def test_a_repair_that_sets_an_attempt_aside_gives_it_back(db, played):
    registration = played({"attempts": 1}, sco("one"), sco("two"), edition=FOURTH)
    used_up(db, registration)
    who = {"objectType": "Agent", "account": {"homePage": "http://localhost", "name": "ben"}}
    [one, _] = registrations.outline(db, registration)

    repair.reset(db, registration, one.item_id, repair.By(who, "The network failed."), NOW)

    assert launched(db, registration).document["title"] == "One"


def test_an_attempt_that_was_left_may_be_resumed_however_many_there_are(db, played):
    registration = played({"attempts": 1}, edition=FOURTH)
    launch = launched(db, registration)
    sent(db, launch, 1, ("cmi.exit", "suspend"), initialized=True, terminated=True)
    runtime.navigate(db, launch.session_id, "suspendAll", now=NOW)

    assert launched(db, registration).document["values"]["cmi.entry"] == "resume"


def test_a_choice_that_would_be_one_attempt_too_many_is_refused_and_nothing_is_lost(db, played):
    registration = played({"attempts": 1}, sco("one"), sco("two"), edition=FOURTH)
    launch = launched(db, registration)
    sent(db, launch, 1, ("cmi.exit", "normal"), initialized=True, terminated=True)
    second = runtime.navigate(db, launch.session_id, "continue", now=NOW)
    sent(db, second, 1, ("cmi.completion_status", "completed"), ("cmi.exit", "normal"), initialized=True)

    refused = runtime.navigate(db, second.session_id, "previous", now=NOW)

    assert isinstance(refused, runtime.Refused)
    assert refused.reason == "All attempts on “One” are used up (allowed: 1)."
    assert not refused.offers, "there is nothing besides the part that was left"
    assert [item.status for item in registrations.outline(db, registration)] == ["completed", "completed"]


@pytest.mark.parametrize("strict", [True, False])
def test_whether_values_beyond_the_smallest_permitted_maximum_are_refused(db, played, strict):
    """SCORM 1.2, RTE 3.4.4: cmi.suspend_data holds 4 096 characters. Enrolled learners, not previews."""
    registration = played({"strict": strict})
    launch = launched(db, registration)
    assert launch.document["strict"] is strict, "the browser answers 405 to more"

    sent(db, launch, 1, ("cmi.suspend_data", "x" * 4097), ("cmi.core.lesson_location", "3"), initialized=True)
    sent(db, launch, 2, ("cmi.core.exit", "suspend"), terminated=True)

    kept = launched(db, registration).document["values"]
    assert kept["cmi.core.lesson_location"] == "3"
    assert len(kept.get("cmi.suspend_data", "")) == (0 if strict else 4097)


def test_a_step_inside_the_course_answers_as_strictly_as_the_launch(db, played):
    registration = played({"strict": True}, sco("one"), sco("two"))
    led = runtime.navigate(db, launched(db, registration).session_id, "continue", now=NOW)

    assert led.document["strict"]


@pytest.mark.parametrize("wrap_up", [True, False])
def test_whether_the_player_stays_on_a_last_page(db, played, wrap_up):
    assert launched(db, played({"wrap_up": wrap_up})).document["wrap_up"] is wrap_up


def test_a_package_overrides_the_organization_and_a_session_keeps_what_it_was_opened_with(db, played):
    registration = played({"attempts": 3})
    version_id = registrations.summary(db, registration).package_version_id
    playback.change(db, None, {"empty_exit": "suspend", "attempts": 1}, now=NOW)
    found = playback.of_package(db, packages.version(db, version_id).package_id)
    assert (found.empty_exit, found.attempts, found.silent_finish) == ("suspend", 3, "completed")

    launch = launched(db, registration)
    playback.change(db, None, {}, now=NOW)
    sent(db, launch, 1, ("cmi.core.lesson_status", "incomplete"), initialized=True, terminated=True)

    assert launched(db, registration).document["values"]["cmi.core.entry"] == "resume"


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        pytest.param({"empty_exit": "perhaps"}, "empty_exit", id="no such word"),
        pytest.param({"attempts": 0}, "attempts", id="none at all"),
        pytest.param({"window_width": 10}, "window_width", id="too small to see"),
        pytest.param({"colour": "red"}, "settings", id="no such setting"),
    ],
)
def test_settings_that_mean_nothing_are_refused_by_name(settings, where):
    with pytest.raises(Invalid) as refused:
        policy.check(settings)

    assert [problem.where for problem in refused.value.problems] == [where]


def test_every_option_has_its_place_in_the_schema_and_words_on_the_page():
    assert set(policy.SCHEMA["properties"]) == set(policy.as_settings(policy.Policy()))
