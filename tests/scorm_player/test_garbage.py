"""Content that sends what makes no sense: its values are kept or refused, and the learner's way goes on."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import orjson
import pytest

from core.errors import BadRequest
from lrs.services import statements as lrs
from lrs.xapi.versions import Version
from scorm_player import answers, statements
from scorm_player.scorm.manifest.model import Metadata
from scorm_player.scorm.runtime import apply
from scorm_player.scorm.sequencing.definition import Edition
from scorm_player.scorm.visit import Item, Learner, begin, end
from scorm_player.services import registrations
from scorm_player.services.taking import batch_of
from scorm_player.store import registrations as store
from tests.scorm_player import odd_calls
from tests.scorm_player.playing import NOW, launched, registered, sent

ENDLESS = "9" * 400


@pytest.mark.parametrize(
    ("element", "value"),
    [
        pytest.param("cmi.core.session_time", f"{ENDLESS}:00:00", id="hours without end"),
        pytest.param("cmi.core.session_time", "99999999:00:00", id="the hours of ten thousand years"),
        pytest.param("cmi.core.score.raw", ENDLESS, id="a score beyond all numbers"),
        pytest.param("cmi.core.score.raw", f"-{ENDLESS}", id="a score below all numbers"),
        pytest.param("cmi.core.score.max", "9" * 30, id="a score beyond whole numbers"),
        pytest.param("cmi.interactions.0.latency", f"{ENDLESS}:00:00", id="a latency without end"),
        pytest.param("cmi.interactions.0.weighting", ENDLESS, id="a weighting beyond all numbers"),
        pytest.param("cmi.objectives.0.score.raw", ENDLESS, id="an objective's score beyond all numbers"),
        pytest.param(f"cmi.interactions.{ENDLESS}.id", "x", id="an index beyond all numbers"),
        pytest.param("cmi.interactions.-1.id", "x", id="an index below zero"),
    ],
)
def test_a_lesson_of_1_2_comes_to_its_end_whatever_it_sends(db, cast, element, value):
    registration = registered(db, cast.ana)
    launch = launched(db, registration)
    records = [("cmi.interactions.0.id", "q"), ("cmi.interactions.0.result", "correct"), ("cmi.objectives.0.id", "o")]
    sent(db, launch, 1, initialized=True)

    sent(db, launch, 2, *records, (element, value), ("cmi.interactions.0.student_response", "a"))
    done = sent(db, launch, 3, ("cmi.core.lesson_status", "passed"), terminated=True)

    assert done.has_ended
    assert registrations.summary(db, registration).completion == "completed"
    assert launched(db, registration, now=NOW + timedelta(minutes=1)).document["values"]


@pytest.mark.parametrize(
    ("element", "value"),
    [
        pytest.param("cmi.session_time", f"PT{ENDLESS}H", id="hours without end"),
        pytest.param("cmi.session_time", "P99999999Y", id="a hundred million years"),
        pytest.param("cmi.score.raw", ENDLESS, id="a score beyond all numbers"),
        pytest.param("cmi.score.scaled", f"0.{'3' * 400}", id="a score of 400 digits"),
        pytest.param("cmi.interactions.0.latency", f"PT{ENDLESS}S", id="a latency without end"),
        pytest.param("cmi.interactions.0.learner_response", ENDLESS, id="an answer beyond all numbers"),
        pytest.param("cmi.interactions.0.timestamp", "0001-01-01T00:00:00+14", id="a moment before all moments"),
        pytest.param("cmi.interactions.0.description", "{lang=zz-xx-yy}x", id="a language nobody has a tag for"),
        pytest.param("cmi.objectives.0.description", "{lang=en-a}x", id="a tag that breaks off"),
        pytest.param("cmi.learner_preference.audio_level", ENDLESS, id="louder than anything"),
        pytest.param("adl.nav.request", "{target=nowhere}choice", id="a way that leads nowhere"),
    ],
)
def test_a_sco_of_2004_comes_to_its_end_whatever_it_sends(db, cast, element, value):
    registration = registered(db, cast.ana, edition=Edition.FOURTH)
    launch = launched(db, registration)
    records = [
        ("cmi.interactions.0.id", "q"),
        ("cmi.interactions.0.type", "numeric"),
        ("cmi.interactions.0.result", "correct"),
        ("cmi.interactions.0.learner_response", "1"),
        ("cmi.objectives.0.id", "o"),
        ("cmi.objectives.0.success_status", "passed"),
    ]
    sent(db, launch, 1, initialized=True)

    sent(db, launch, 2, *records, (element, value))
    done = sent(db, launch, 3, ("cmi.completion_status", "completed"), terminated=True)

    assert done.has_ended
    assert registrations.summary(db, registration).completion == "completed"


def test_the_time_of_many_sessions_without_end_fits_into_the_total(db, cast):
    registration = registered(db, cast.ana)

    for visit in range(12):
        now = NOW + timedelta(minutes=visit)
        launch = launched(db, registration, now=now)
        sent(db, launch, 1, initialized=True, now=now)
        values = ("cmi.core.session_time", f"{ENDLESS}:00:00"), ("cmi.core.exit", "suspend")
        assert sent(db, launch, 2, *values, terminated=True, now=now).has_ended

    total = launched(db, registration, now=NOW + timedelta(hours=1)).document["values"]["cmi.core.total_time"]
    assert total == "9999:46:39.00"


@pytest.mark.parametrize(
    ("language", "tag"),
    [("de", "de"), ("en_US", "en-US"), ("German", "German"), ("en, de", "und"), ("e", "und"), ("x-none", "und")],
)
def test_a_course_is_told_whatever_its_metadata_call_its_language(db, cast, monkeypatch, language, tag):
    registration = registered(db, cast.ana)
    course = store.course(db, registrations.summary(db, registration).package_version_id)
    manifest = replace(course.manifest, metadata=Metadata(language=language))
    monkeypatch.setattr(store, "course", lambda *_: replace(course, manifest=manifest))
    launch = launched(db, registration)

    sent(db, launch, 1, ("cmi.core.lesson_status", "completed"), initialized=True)

    names = [s["object"]["definition"]["name"] for s in lrs.by_registration(db, registration)]
    assert names
    assert {key for name in names for key in name} == {tag}


@pytest.mark.parametrize(
    "batch",
    [
        pytest.param(None, id="nothing"),
        pytest.param([], id="a list"),
        pytest.param("1", id="a text"),
        pytest.param({}, id="no number"),
        pytest.param({"sequence": 1 << 31}, id="a number no window counts to"),
        pytest.param({"sequence": 1, "seconds": "NaN"}, id="no time at all"),
        pytest.param({"sequence": 1, "seconds": "Infinity"}, id="all the time there is"),
        pytest.param({"sequence": 1, "changes": [["cmi.location"]]}, id="an element without value"),
        pytest.param({"sequence": 1, "changes": 5}, id="changes that are none"),
    ],
)
def test_what_is_no_batch_is_refused_as_such(batch):
    with pytest.raises(BadRequest):
        batch_of(batch)


@pytest.mark.parametrize(
    "session", list(odd_calls.sessions()), ids=lambda s: f"{s.standard} {s.edition} strict={s.strict}"
)
def test_no_calls_make_a_session_stumble_and_what_is_told_of_them_can_be_stored(session):
    source = statements.Source(
        standard=session.standard,
        actor={"objectType": "Agent", "account": {"homePage": "http://x.example", "name": "ana"}},
        registration=UUID(int=1),
        course_iri="http://x.example/course",
        course_title={"en": "Course"},
        sco_iri="http://x.example/course/sco",
        sco_title={"en": "SCO"},
        attempt="1",
    )

    replayed = session.runtime()
    assert not apply(replayed, session.changes)
    outcome = end(Item(session.standard, session.edition), session.left, terminated=True, strict=session.strict)
    told = [
        *statements.changed(source, outcome.values, {}, NOW, stage=statements.Stage.OVER),
        statements.closed(source, outcome, NOW),
        statements.course_changed(source, "passed", outcome.score, outcome.seconds, NOW),
    ]

    assert replayed.values == session.left
    assert len(told) > 5
    assert not lrs.problems_of(told, Version.V1_0_3)
    assert orjson.dumps(told)
    assert answers.interactions(session.standard, outcome.values)
    assert answers.objectives(session.standard, outcome.values)
    assert begin(Item(session.standard, session.edition), Learner("1", "Ana"), previous=outcome.values).values
