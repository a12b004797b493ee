"""The documents of the xAPI SCORM profile: what they say, when they are written, and when they are left alone."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import orjson
import pytest
from sqlalchemy import select

from lrs.services import documents as lrs
from lrs.services import statements as statement_service
from lrs.services.documents import Kind
from lrs.tables import Document
from scorm_player import documents
from scorm_player.scorm.sequencing.definition import CompletionThreshold, DataMap, Edition, LimitConditions
from scorm_player.scorm.visit import Item, Learner
from scorm_player.services import packages, playback, preview, registrations, repair, runtime
from scorm_player.services.repair import By
from scorm_player.statements import Source
from scorm_player.store import runtime as store
from scorm_player.tables import Registration, ScormItemState
from tests.scorm_player.playing import COURSE, NOW, PERSON, course, launched, registered, sco, sent

ONE = f"{COURSE}/one"
FOURTH = {"edition": Edition.FOURTH}
SUSPEND = ("cmi.exit", "suspend")
LATER = NOW + timedelta(hours=1)
STAFF = By({"objectType": "Agent", "account": {"homePage": "http://localhost", "name": "ben"}}, "Asked for by phone")


def actor(user_id):
    return {"objectType": "Agent", "account": {"homePage": "http://localhost", "name": str(user_id)}}


def enrolled(db, user_id, version):
    return registrations.register(db, user_id=user_id, package_version_id=version, actor=actor(user_id), now=NOW)


def attempt(db, registration, number=1):
    """The IRI of somebody's attempt on the only lesson."""
    query = select(ScormItemState.id).filter_by(registration_id=registration, attempt_number=number)
    return f"{ONE}?attemptId={db.scalars(query).one()}"


def state(db, user_id, state_id, activity=ONE):
    """A state document of somebody's: an object, or a text; None where there is none."""
    found = lrs.find(db, lrs.place(Kind.STATE, state_id, activity=activity, agent=actor(user_id)))
    if found is None:
        return None
    return orjson.loads(found.content) if found.content_type == "application/json" else found.content.decode()


def profile_of_activity(db, activity=ONE):
    found = lrs.find(db, lrs.place(Kind.ACTIVITY_PROFILE, documents.ACTIVITY_PROFILE, activity=activity))
    return found and orjson.loads(found.content)


def profile_of_agent(db, user_id):
    found = lrs.find(db, lrs.place(Kind.AGENT_PROFILE, documents.AGENT_PROFILE, agent=actor(user_id)))
    return found and orjson.loads(found.content)


def stamps(db):
    """Every document with its ETag and when it changed."""
    rows = db.execute(select(Document.id, Document.etag, Document.updated_at).order_by(Document.id))
    return [tuple(row) for row in rows]


# --- when they are written --------------------------------------------------------------------------------------------


def test_a_lesson_of_2004_is_suspended_resumed_and_passed(db, cast):
    registration = registered(
        db, cast.ana,
        sco("one", data_from_lms="chapter=1", time_limit_action="exit,message",
            limits=LimitConditions(attempt_absolute_duration_limit="PT1H30M"),
            completion_threshold=CompletionThreshold(by_measure=True, min_progress_measure=0.8)),
        **FOURTH,
    )  # fmt: skip
    first = launched(db, registration)
    assert stamps(db) == []  # nothing has begun before content says so

    sent(db, first, 1, initialized=True)

    this = attempt(db, registration)
    assert state(db, cast.ana, documents.ACTIVITY_STATE) == {"attempts": [this]}
    assert profile_of_activity(db) == {
        "completion_threshold": 0.8, "launch_data": "chapter=1", "max_time_allowed": 5400,
        "time_limit_action": "exit,message",
    }  # fmt: skip
    assert profile_of_agent(db, cast.ana) == {"learner_id": "ana"}
    assert state(db, cast.ana, documents.ATTEMPT_STATE, this) == {
        "credit": "credit", "mode": "normal", "total_time": "PT0S",
    }  # fmt: skip
    assert state(db, cast.ana, documents.SUSPEND_DATA, this) is None

    before = stamps(db)
    sent(db, first, 2, ("cmi.location", "p3"), ("cmi.suspend_data", "seen: p1, p2"), now=LATER)
    assert stamps(db) == before  # a plain commit writes none
    sent(db, first, 3, SUSPEND, ("cmi.session_time", "PT10M"), ("cmi.learner_preference.audio_level", "0.5"),
         terminated=True, now=LATER)  # fmt: skip

    assert state(db, cast.ana, documents.SUSPEND_DATA, this) == "seen: p1, p2"
    assert state(db, cast.ana, documents.ATTEMPT_STATE, this) == {
        "credit": "credit", "mode": "normal", "location": "p3", "preferences": {"audio_level": 0.5},
        "total_time": "PT10M",
    }  # fmt: skip

    before = stamps(db)
    again = launched(db, registration, now=LATER)
    sent(db, again, 1, initialized=True, now=LATER)
    assert stamps(db) == before  # the same attempt goes on: there is nothing to say
    sent(db, again, 2, ("cmi.success_status", "passed"), ("cmi.completion_status", "completed"),
         ("cmi.session_time", "PT5M"), terminated=True, now=LATER)  # fmt: skip

    assert state(db, cast.ana, documents.ATTEMPT_STATE, this)["total_time"] == "PT15M"
    assert state(db, cast.ana, documents.ACTIVITY_STATE) == {"attempts": [this]}


def test_a_lesson_of_1_2_has_them_too_and_one_attempt_however_often_it_is_entered(db, cast):
    lesson = sco("one", mastery_score=80, data_from_lms="x", time_limit_action="continue,no message",
                 limits=LimitConditions(attempt_absolute_duration_limit="0001:00:00"))  # fmt: skip
    registration = registered(db, cast.ana, lesson)
    for number in (1, 2):
        launch = launched(db, registration, now=NOW + timedelta(hours=number))
        sent(db, launch, 1, ("cmi.core.lesson_location", f"p{number}"), ("cmi.suspend_data", f"s{number}"),
             ("cmi.student_preference.audio", "-1"), ("cmi.core.exit", "suspend"),
             ("cmi.core.session_time", "00:02:30"), initialized=True, terminated=True,
             now=NOW + timedelta(hours=number))  # fmt: skip

    this = attempt(db, registration)
    assert state(db, cast.ana, documents.ACTIVITY_STATE) == {"attempts": [this]}
    assert state(db, cast.ana, documents.SUSPEND_DATA, this) == "s2"
    assert state(db, cast.ana, documents.ATTEMPT_STATE, this) == {
        "credit": "credit", "mode": "normal", "location": "p2", "preferences": {"audio_level": 0},
        "total_time": "PT5M",
    }  # fmt: skip
    assert profile_of_activity(db) == {
        "launch_data": "x", "max_time_allowed": 3600, "scaled_passing_score": 0.8,
        "time_limit_action": "continue,no message",
    }  # fmt: skip


def test_attempts_follow_one_another_also_in_another_registration(db, cast):
    version = course(db, **FOURTH)
    first = enrolled(db, cast.ana, version)
    for number in (1, 2):
        launch = launched(db, first, NOW + timedelta(minutes=number))
        sent(db, launch, 1, ("cmi.suspend_data", f"s{number}"), initialized=True, terminated=True)
        runtime.navigate(db, launch.session_id, "exitAll", now=NOW + timedelta(minutes=number))
    retake = enrolled(db, cast.ana, version)
    sent(db, launched(db, retake, LATER), 1, initialized=True, now=LATER)

    known = [attempt(db, first, 1), attempt(db, first, 2), attempt(db, retake)]
    assert state(db, cast.ana, documents.ACTIVITY_STATE) == {"attempts": known}
    assert [state(db, cast.ana, documents.SUSPEND_DATA, one) for one in known] == ["s1", "s2", None]


@pytest.mark.parametrize("leaving", ["closed", "superseded"])
def test_a_window_that_is_gone_leaves_its_place(db, cast, leaving):
    registration = registered(db, cast.ana, **FOURTH)
    launch = launched(db, registration)
    sent(db, launch, 1, ("cmi.suspend_data", "p7"), initialized=True, seconds=40)

    if leaving == "closed":
        runtime.commit(db, launch.session_id, [], closing=True, now=NOW)
    else:
        launched(db, registration, LATER)

    this = attempt(db, registration)
    assert state(db, cast.ana, documents.SUSPEND_DATA, this) == "p7"
    assert state(db, cast.ana, documents.ATTEMPT_STATE, this)["total_time"] == "PT40S"


def test_what_arrives_after_the_window_has_gone_is_in_them(db, cast):
    registration = registered(db, cast.ana, **FOURTH)
    launch = launched(db, registration)
    sent(db, launch, 1, ("cmi.suspend_data", "early"), initialized=True)
    runtime.commit(db, launch.session_id, [], closing=True, now=NOW)

    sent(db, launch, 2, ("cmi.suspend_data", "late"), now=NOW + timedelta(seconds=2))

    assert state(db, cast.ana, documents.SUSPEND_DATA, attempt(db, registration)) == "late"


def test_an_end_that_is_sent_twice_changes_nothing_the_second_time(db, cast):
    registration = registered(db, cast.ana, **FOURTH)
    launch = launched(db, registration)
    changes = [("cmi.suspend_data", "p7"), SUSPEND, ("cmi.session_time", "PT1M")]
    sent(db, launch, 1, *changes, initialized=True, terminated=True)
    before = stamps(db)

    sent(db, launch, 1, *changes, initialized=True, terminated=True, now=LATER)

    assert len(before) == 4  # no activity profile: the package says nothing that would be in it
    assert stamps(db) == before


def test_suspend_data_that_content_takes_back_is_gone(db, cast):
    registration = registered(db, cast.ana, **FOURTH)
    for number, text in enumerate(["p7", ""]):
        launch = launched(db, registration, NOW + timedelta(hours=number))
        sent(db, launch, 1, ("cmi.suspend_data", text), SUSPEND, initialized=True, terminated=True)

    assert state(db, cast.ana, documents.SUSPEND_DATA, attempt(db, registration)) is None


def test_a_place_that_was_put_back_is_told_when_the_lesson_goes_on(db, cast):
    registration = registered(db, cast.ana, **FOURTH)
    for number in (1, 2):
        moment = NOW + timedelta(hours=number)
        launch = launched(db, registration, moment)
        sent(db, launch, 1, ("cmi.suspend_data", f"s{number}"), SUSPEND, initialized=True, terminated=True, now=moment)
    first = next(one for one in store.snapshots(db, registration) if one.suspend_data == "s1")
    moment = NOW + timedelta(hours=3)

    repair.restore(db, registration, first.id, STAFF, moment)
    sent(db, launched(db, registration, moment), 1, initialized=True, now=moment)

    assert state(db, cast.ana, documents.SUSPEND_DATA, attempt(db, registration)) == "s1"


def test_a_preview_a_review_and_content_that_never_speaks_write_none(db, cast):
    version = course(db, **FOURTH)
    looking = preview.open_preview(db, version, cast.ben, NOW)
    launch, _, _ = preview.launch_preview(db, looking, cast.ben, "Ben", NOW, strict=False)
    sent(db, launch, 1, ("cmi.suspend_data", "x"), SUSPEND, initialized=True, terminated=True)
    silent, done = (enrolled(db, cast.ana, version) for _ in range(2))
    runtime.navigate(db, launched(db, silent).session_id, "exitAll", now=NOW)
    assert stamps(db) == []

    sent(db, launched(db, done), 1, ("cmi.completion_status", "completed"), initialized=True, terminated=True)
    before = stamps(db)
    again = launched(db, done, LATER, mode="review")
    sent(db, again, 1, ("cmi.location", "p9"), SUSPEND, initialized=True, terminated=True, now=LATER)

    assert len(before) == 3
    assert stamps(db) == before


def test_they_come_and_go_with_the_event_that_they_tell_of(database, cast):
    with database.write(cast.northwind) as session:
        registration = registered(session, cast.ana, **FOURTH)
        launch = launched(session, registration)

    with pytest.raises(RuntimeError, match="power cut"), database.write(cast.northwind) as session:
        sent(session, launch, 1, ("cmi.suspend_data", "p7"), SUSPEND, initialized=True, terminated=True)
        raise RuntimeError("power cut")

    with database.read(cast.northwind) as session:
        assert stamps(session) == []
        assert statement_service.by_registration(session, registration) == []


# --- what they say ----------------------------------------------------------------------------------------------------


def test_data_stores_are_documents_that_the_attempt_points_to(db, cast):
    maps = (DataMap("notes"), DataMap("given", write_shared_data=False))
    registration = registered(db, cast.ana, sco("one", data_maps=maps), **FOURTH)
    store.save_shared_data(db, cast.ana, {"given": "by another course, which has told it"}, NOW)
    launch = launched(db, registration)
    sent(db, launch, 1, ("adl.data.0.store", "remember the exits"), SUSPEND, initialized=True, terminated=True)

    told = state(db, cast.ana, documents.ATTEMPT_STATE, attempt(db, registration))["adl_data"]

    assert [one["stateId"] for one in told] == ["notes", "given"]
    assert all(one.keys() == {"activityId", "agent", "stateId"} and one["agent"] == actor(cast.ana) for one in told)
    found = [state(db, cast.ana, one["stateId"], one["activityId"]) for one in told]
    assert found == ["remember the exits", None]


def test_data_stores_of_one_course_alone_are_apart_for_each_registration():
    source = made(name="Ana")

    own, shared = (
        documents.data_store(source, "notes", None),
        documents.data_store(source, "notes", "http://x.example/"),
    )

    assert own["activityId"] == f"{COURSE}?registration={UUID(int=7)}"
    assert (shared["activityId"], shared["agent"]) == ("http://x.example/", actor("ana"))


@pytest.mark.parametrize(
    ("actor_says", "told"),
    [
        pytest.param({"name": "Ana Tester"}, "Tester, Ana", id="statements name the learner"),
        pytest.param({}, None, id="statements name nobody"),
    ],
)
def test_the_learners_name_is_told_where_statements_tell_it(actor_says, told):
    assert documents.agent_profile(made(**actor_says), PERSON) == {"learner_id": "ana", "learner_name": told}


def made(standard="2004", **more):
    return Source(standard, actor("ana") | more, UUID(int=7), COURSE, {}, ONE, {}, "a 1")


@pytest.mark.parametrize(
    ("standard", "values", "told"),
    [
        pytest.param("1.2", {"audio": "40", "speed": "20", "text": "1", "language": "de"},
                     {"audio_level": 40, "delivery_speed": 20, "audio_captioning": 1, "language": "de"}, id="1.2"),
        pytest.param("1.2", {"audio": "0", "speed": "0", "text": "0"}, {"audio_captioning": 0}, id="1.2, no change"),
        pytest.param("1.2", {"audio": "-1", "speed": "-50"}, {"audio_level": 0}, id="1.2, no sound, slower"),
        pytest.param("2004", {"audio_level": "0", "delivery_speed": "1.5", "audio_captioning": "-1"},
                     {"audio_level": 0, "delivery_speed": 1.5, "audio_captioning": -1}, id="2004"),
        pytest.param("2004", {"language": ""}, None, id="nothing"),
    ],
)  # fmt: skip
def test_preferences_are_told_within_the_ranges_of_the_profile(standard, values, told):
    base = "cmi.student_preference" if standard == "1.2" else "cmi.learner_preference"
    given = {f"{base}.{name}": value for name, value in values.items()}

    assert documents.attempt_state(made(standard), given, Decimal(0), [])["preferences"] == told


@pytest.mark.parametrize(
    ("standard", "values", "told"),
    [
        pytest.param("1.2", {"cmi.comments_from_lms": "Well done"}, [{"comment": "Well done"}], id="1.2"),
        pytest.param("2004", {"cmi.comments_from_lms.0.comment": "Well done", "cmi.comments_from_lms.0.location": "p1"},
                     [{"comment": "Well done", "location": "p1"}], id="2004"),
    ],
)  # fmt: skip
def test_comments_of_the_lms_are_told_while_there_are_any(standard, values, told):
    assert documents.attempt_state(made(standard), values, Decimal(0), [])["comments_from_lms"] == told
    assert "comments_from_lms" not in documents.attempt_state(made(standard), {}, Decimal(0), [])


@pytest.mark.parametrize(
    ("item", "told"),
    [
        pytest.param(Item(scaled_passing_score="-0.5"), {"scaled_passing_score": -0.5}, id="a score below zero"),
        pytest.param(Item(completion_threshold="1.0"), {"completion_threshold": 1}, id="a threshold of all"),
        pytest.param(Item(standard="1.2", mastery_score="150.0"), {}, id="a mastery score beyond 100"),
        pytest.param(Item(time_limit_action="explode"), {}, id="an action that no book knows"),
        pytest.param(Item(max_time_allowed="PT0.5S"), {"max_time_allowed": 0.5}, id="half a second"),
    ],
)
def test_an_activity_profile_holds_what_the_manifest_says_in_the_ranges_of_the_profile(item, told):
    assert {name: value for name, value in documents.activity_profile(item).items() if value is not None} == told


def test_a_mastery_score_is_told_whatever_decides_about_passing(db, cast):
    registration = registered(db, cast.ana, sco("one", mastery_score=80))
    version = registrations.summary(db, registration).package_version_id
    playback.change(db, packages.version(db, version).package_id, {"mastery_decides": False}, now=NOW)

    sent(db, launched(db, registration), 1, initialized=True)

    assert profile_of_activity(db) == {"scaled_passing_score": 0.8}


def test_what_no_package_says_any_more_is_not_in_the_activity_profile_and_what_others_say_stays(db, cast):
    where = lrs.place(Kind.ACTIVITY_PROFILE, documents.ACTIVITY_PROFILE, activity=ONE)
    lrs.put(db, where, b'{"launch_data":"old","https://x.example/room":"7"}', "application/json", now=NOW)

    sent(db, launched(db, registered(db, cast.ana, **FOURTH)), 1, initialized=True, now=LATER)

    assert profile_of_activity(db) == {"https://x.example/room": "7"}


def test_a_learner_is_known_by_a_new_name_from_the_next_visit_on(db, cast):
    registration = registered(db, cast.ana, **FOURTH)
    db.get(Registration, (cast.northwind, registration)).actor = actor(cast.ana) | {"name": "Ana Tester"}
    sent(db, launched(db, registration), 1, SUSPEND, initialized=True, terminated=True)
    assert profile_of_agent(db, cast.ana) == {"learner_id": "ana", "learner_name": "Tester, Ana"}

    renamed = runtime.launch(db, registration, person=Learner("ana", "Prüfer, Ana"), now=LATER)
    sent(db, renamed, 1, initialized=True, now=LATER)

    assert profile_of_agent(db, cast.ana)["learner_name"] == "Prüfer, Ana"
