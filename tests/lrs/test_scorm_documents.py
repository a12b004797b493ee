"""The documents of the xAPI SCORM profile as other clients of the store meet them: read, written beside, taken away."""

import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import select

from app import persons
from core import clock
from lrs.services import documents, personas
from lrs.services.credentials import Scope
from scorm_player import documents as scorm
from scorm_player.scorm.sequencing.definition import Edition
from scorm_player.services import registrations
from scorm_player.tables import ScormItemState
from tests.scorm_player.playing import COURSE, course, launched, sco, sent
from tests.waiting import until_somebody_waits
from training.rules.counting import actor_of
from training.services import addresses

SCO = f"{COURSE}/one"
NEW = {"If-None-Match": "*"}
STATE, ACTIVITY, AGENT = "activities/state", "activities/profile", "agents/profile"


class Lesson:
    """Ana's course of one lesson, played in transactions of its own."""

    def __init__(self, database, cast):
        self.database, self.tenant = database, cast.northwind
        addresses.use("http://localhost")
        personas.register(persons.find_member)
        self.actor = actor_of(cast.ana, "Ana Tester", addresses.home_page("northwind"))
        self.agent = json.dumps({name: self.actor[name] for name in ("objectType", "account")})
        with database.write(self.tenant) as session:
            version = course(session, sco("one", data_from_lms="chapter=1"), edition=Edition.FOURTH)
            self.registration = registrations.register(
                session, user_id=cast.ana, package_version_id=version, actor=self.actor, now=clock.now()
            )

    def opened(self):
        with self.database.write(self.tenant) as session:
            return launched(session, self.registration, clock.now())

    def sent(self, launch, sequence, *changes, **marks):
        with self.database.write(self.tenant) as session:
            return sent(session, launch, sequence, *changes, now=clock.now(), **marks)

    def played(self, *changes):
        self.sent(self.opened(), 1, *changes, ("cmi.exit", "suspend"), initialized=True, terminated=True)

    @property
    def attempt(self):
        with self.database.read(self.tenant) as session:
            return f"{SCO}?attemptId={session.scalars(select(ScormItemState.id)).one()}"

    def at(self, resource, document_id=None, activity=SCO, **more):
        """The query that names one of its documents; all of a place without `document_id`."""
        place = {STATE: {"activityId": activity, "agent": self.agent}, ACTIVITY: {"activityId": activity},
                 AGENT: {"agent": self.agent}}[resource]  # fmt: skip
        name = {"stateId" if resource == STATE else "profileId": document_id} if document_id else {}
        return {"path": resource, **place, **name, **more}


@pytest.fixture
def lesson(database, cast):
    return Lesson(database, cast)


def put(lrs, path, content, headers=None, **query):
    return lrs("PUT", path, query_string=query, json=content, headers=headers or {})


@pytest.mark.parametrize("version", ["1.0.3", "2.0.0"])
def test_a_client_reads_where_a_learner_stands(lrs, lesson, version):
    lesson.played(("cmi.suspend_data", "seen: ä"), ("cmi.location", "p3"))
    client = lrs.speaking(version)

    attempts = client.get(**lesson.at(STATE, scorm.ACTIVITY_STATE)).json["attempts"]
    attempt = client.get(**lesson.at(STATE, scorm.ATTEMPT_STATE, attempts[0]))
    place = client.get(**lesson.at(STATE, scorm.SUSPEND_DATA, attempts[0]))

    assert attempts == [lesson.attempt]
    assert (attempt.json["location"], attempt.json["mode"]) == ("p3", "normal")
    assert (place.text, place.headers["Content-Type"]) == ("seen: ä", "text/plain; charset=utf-8")
    assert client.get(**lesson.at(ACTIVITY, scorm.ACTIVITY_PROFILE)).json == {"launch_data": "chapter=1"}
    assert client.get(**lesson.at(AGENT, scorm.AGENT_PROFILE)).json == {
        "learner_id": "ana", "learner_name": "Tester, Ana",
    }  # fmt: skip
    assert sorted(client.get(**lesson.at(STATE, activity=attempts[0])).json) == sorted(
        [scorm.ATTEMPT_STATE, scorm.SUSPEND_DATA]
    )
    found = client.get("statements", activity=attempts[0], related_activities="true").json["statements"]
    assert [one["verb"]["id"].rpartition("/")[2] for one in found] == ["suspended", "initialized"]


def test_who_follows_since_sees_what_has_changed_and_nothing_else(lrs, lesson):
    lesson.played(("cmi.suspend_data", "p1"))
    read = clock.now().isoformat()

    assert lrs.get(**lesson.at(STATE, activity=lesson.attempt, since=read)).json == []
    lesson.played(("cmi.suspend_data", "p1"), ("cmi.location", "p2"))

    assert lrs.get(**lesson.at(STATE, activity=lesson.attempt, since=read)).json == [scorm.ATTEMPT_STATE]
    assert lrs.get(**lesson.at(STATE, since=read)).json == []


def test_what_a_client_keeps_in_them_stays_and_its_stale_etag_is_refused(lrs, lesson):
    theirs = f"{SCO}?attemptId=paper"
    assert (
        put(lrs, content={"attempts": [theirs], "note": "x"}, **lesson.at(STATE, scorm.ACTIVITY_STATE)).status_code
        == 204
    )
    tag = lrs.get(**lesson.at(STATE, scorm.ACTIVITY_STATE)).headers["ETag"]

    lesson.played()

    found = lrs.get(**lesson.at(STATE, scorm.ACTIVITY_STATE))
    assert found.json == {"attempts": [theirs, lesson.attempt], "note": "x"}
    stale = put(lrs, content={"attempts": []}, headers={"If-Match": tag}, **lesson.at(STATE, scorm.ACTIVITY_STATE))
    assert stale.status_code == 412
    fresh = {"If-Match": found.headers["ETag"]}
    assert (
        put(lrs, content={"attempts": []}, headers=fresh, **lesson.at(STATE, scorm.ACTIVITY_STATE)).status_code == 204
    )
    lesson.played()
    assert lrs.get(**lesson.at(STATE, scorm.ACTIVITY_STATE)).json == {"attempts": [lesson.attempt]}


def test_a_client_that_writes_at_the_same_moment_loses_nothing_and_neither_does_the_learner(lrs, lesson, cast):
    where = documents.place(documents.Kind.STATE, scorm.ACTIVITY_STATE, activity=SCO, agent=json.loads(lesson.agent))
    launch = lesson.opened()

    with ThreadPoolExecutor(1) as another:
        with lesson.database.write(cast.northwind) as session:
            documents.post(session, where, b'{"attempts":["http://x.example/a"]}', "application/json", now=clock.now())
            begins = another.submit(lesson.sent, launch, 1, initialized=True)
            until_somebody_waits(session)
        assert begins.result(10).saved == 1

    assert lrs.get(**lesson.at(STATE, scorm.ACTIVITY_STATE)).json == {
        "attempts": ["http://x.example/a", lesson.attempt]
    }


@pytest.mark.parametrize("theirs", ["of another learner", "of another registration"])
def test_content_with_a_launch_token_sees_none_of_them(lesson, client_with, theirs):
    lesson.played(("cmi.suspend_data", "p1"))
    other = {"objectType": "Agent", "account": {"homePage": "http://localhost/o/northwind", "name": str(uuid4())}}
    actor = other if theirs == "of another learner" else json.loads(lesson.agent)
    token = client_with(Scope.STATE, Scope.PROFILE, agent=actor, registration=uuid4())

    for document_id, activity in ((scorm.ACTIVITY_STATE, SCO), (scorm.SUSPEND_DATA, lesson.attempt)):
        assert token.get(**lesson.at(STATE, document_id, activity)).status_code == 403
        assert put(token, content={}, **lesson.at(STATE, document_id, activity)).status_code == 403
    assert put(token, content={}, headers=NEW, **lesson.at(ACTIVITY, scorm.ACTIVITY_PROFILE)).status_code == 403
    if theirs == "of another learner":
        assert token.get(**lesson.at(AGENT, scorm.AGENT_PROFILE)).status_code == 403


@pytest.mark.parametrize("act", ["export", "delete", "pseudonymize"])
def test_a_persons_records_hold_them(lrs, lesson, sign_in, run_jobs, act):
    lesson.played(("cmi.suspend_data", "p1"))
    admin = sign_in("cem")

    page = admin.post(
        "/lrs/privacy", data={"person": "ana@northwind.example", "act": act, "reason": "A letter"}
    ).location
    run_jobs()
    assert admin.post(page + "/confirm").status_code == 302
    run_jobs()

    kept = [(STATE, scorm.ACTIVITY_STATE, SCO), (STATE, scorm.ATTEMPT_STATE, lesson.attempt),
            (STATE, scorm.SUSPEND_DATA, lesson.attempt), (AGENT, scorm.AGENT_PROFILE, SCO)]  # fmt: skip
    answers = {lrs.get(**lesson.at(*one)).status_code for one in kept}
    if act == "export":
        with admin.get(page + "/file") as answer, zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
            told = json.loads(archive.read("documents.json"))
            place = next(one for one in told if one["document_id"] == scorm.SUSPEND_DATA)
            assert sorted(one["document_id"] for one in told) == sorted(one[1] for one in kept)
            assert archive.read(place["file"]) == b"p1"
    assert answers == {200 if act == "export" else 404}
    assert lrs.get(**lesson.at(ACTIVITY, scorm.ACTIVITY_PROFILE)).status_code == 200  # it is about nobody
