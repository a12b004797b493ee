"""Commits of many learners in one transaction: as if each had come alone, and none harmed by another."""

import asyncio
from decimal import Decimal
from types import SimpleNamespace
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import select

from accounts import login
from core import clock
from lrs.tables import Document
from scorm_player.scorm.sequencing.definition import Edition
from scorm_player.services import group_commit, registrations, runtime
from scorm_player.services.group_commit import Request, committer
from scorm_player.services.runtime import Batch
from scorm_player.store import answers
from scorm_player.store import registrations as registration_store
from scorm_player.store import runtime as runtime_store
from scorm_player.tables import LaunchSession
from tests import loops
from tests.scorm_player.playing import course, launched
from tests.scorm_player.test_playing import verbs


@pytest.fixture
def class_of(database, cast):
    """Answer so many learners with an open lesson each, whose commits may go together."""

    def opened(count):
        now = clock.now()
        with database.write(cast.northwind) as session:
            version = course(session, edition=Edition.FOURTH)
            token = login.open_session(session, cast.ana, now, ip_address="127.0.0.1", user_agent="test")
            found = []
            for number in range(count):
                actor = {"objectType": "Agent", "account": {"homePage": "http://localhost", "name": str(number)}}
                registration = registrations.register(
                    session, user_id=cast.ana, package_version_id=version, actor=actor, now=now
                )
                launch = launched(session, registration, now)
                found.append(SimpleNamespace(registration=registration, launch=launch, session_id=launch.session_id))
        browser = login.visitor_of(database, token)
        for one in found:
            one.browser = browser.session_id
        return found

    return opened


def values(session, learner):
    """What is kept of a learner's only lesson."""
    (state,) = runtime_store.newest_states(session, learner.registration).values()
    return runtime_store.data_of(state).values


def request(cast, learner, sequence, *changes, user_id=None, seconds=0, **marks):
    batch = Batch(sequence, changes, Decimal(seconds), **marks)
    return Request(cast.northwind, learner.browser, user_id or cast.ana, learner.session_id, [batch], sequence)


def commit(database, *requests):
    """Send requests that wait together; answer what each is told."""

    async def all_of_them():
        return await asyncio.gather(*[committer(database).submit(one) for one in requests])

    return loops.run(all_of_them())


def test_many_learners_are_kept_in_one_transaction_with_answers_time_and_statements(database, cast, class_of):
    learners = class_of(3)
    answer = [("cmi.interactions.0.id", "q1"), ("cmi.interactions.0.type", "choice"),
              ("cmi.interactions.0.learner_response", "a"), ("cmi.interactions.0.result", "correct")]  # fmt: skip

    told = commit(
        database,
        *[request(cast, one, 1, ("cmi.location", "p1"), seconds=5, initialized=True) for one in learners],
        request(cast, learners[0], 2, ("cmi.suspend_data", "x" * 4000), ("cmi.location", "p2"), seconds=4),
        request(cast, learners[1], 2, *answer),
    )

    assert [one.saved for one in told] == [1, 1, 1, 2, 2]
    with database.read(cast.northwind) as session:
        first, second, third = learners
        assert values(session, first)["cmi.suspend_data"] == "x" * 4000
        assert [values(session, one).get("cmi.location") for one in learners] == ["p2", "p1", "p1"]
        assert [registrations.summary(session, one.registration).total_seconds for one in learners] == [9, 5, 5]
        assert [row.identifier for row in answers.interactions(session, second.registration)] == ["q1"]
        assert verbs(session, second.registration) == [("initialized", "one"), ("responded", "q1")]
        assert verbs(session, third.registration) == [("initialized", "one")]
        opened = session.get(LaunchSession, (cast.northwind, third.session_id))
        assert opened.state == "initialized"
        assert opened.initialized_at is not None


def test_many_who_begin_together_get_their_documents_each_for_themselves(database, cast, class_of):
    learners = class_of(3)

    commit(database, *[request(cast, one, 1, initialized=True) for one in learners])
    before = documents_of(database, cast)
    commit(database, *[request(cast, one, 2, ("cmi.suspend_data", "p1")) for one in learners])

    names = ["activity-state", "agent-profile", "attempt-state"]
    assert sorted((row.agent[-1], row.document_id.rpartition("/")[2]) for row in before) == [
        (str(number), name) for number in range(3) for name in names
    ]
    assert [row.etag for row in documents_of(database, cast)] == [row.etag for row in before]


def documents_of(database, cast):
    with database.read(cast.northwind) as session:
        return list(session.scalars(select(Document).order_by(Document.id)))


def test_a_group_ends_as_the_same_commits_one_by_one(database, cast, class_of):
    together, alone = class_of(2)
    sendings = [
        [("cmi.location", "1"), ("cmi.interactions.0.id", "q"), ("adl.nav.request", "continue")],
        [("cmi.suspend_data", "a"), ("cmi.comments_from_learner.0.comment", "hm"), ("cmi.nonsense", "1")],
        [("cmi.suspend_data", "b"), ("cmi.learner_preference.audio_level", "2"), ("cmi.interactions.0.type", "other")],
    ]

    for number, changes in enumerate(sendings, 1):
        told = commit(database, request(cast, together, number, *changes, initialized=number == 1))
        assert told[0].saved == number
        with database.write(cast.northwind) as session:
            batch = Batch(number, changes, initialized=number == 1)
            runtime.commit(session, alone.session_id, [batch], announced=number, now=clock.now())

    with database.read(cast.northwind) as session:
        assert values(session, together) == values(session, alone)
        assert verbs(session, together.registration) == verbs(session, alone.registration)


@pytest.fixture
def careful(monkeypatch):
    """Whether a group went through a session, each time one did."""
    gone = []
    careful = group_commit._commit_together
    monkeypatch.setattr(group_commit, "_commit_together", lambda *given: (gone.append(True), careful(*given))[1])
    return gone


def test_places_over_the_wire_end_as_the_same_commits_one_by_one(database, cast, class_of, careful):
    together, alone = class_of(2)
    sendings = [
        [("cmi.suspend_data", "ä" * 3000), ("cmi.location", "1")],
        [("cmi.exit", "suspend"), ("cmi.session_time", "PT5S"), ("cmi.location", "no " * 2000)],
        [],
        [("cmi.suspend_data", ""), ("cmi.exit", "nonsense")],
    ]

    for number, changes in enumerate(sendings, 1):
        told = commit(database, request(cast, together, number, *changes, seconds=1.25))
        assert told[0].saved == number
        with database.write(cast.northwind) as session:
            batch = Batch(number, changes, Decimal("1.25"))
            runtime.commit(session, alone.session_id, [batch], announced=number, now=clock.now())

    assert not careful
    with database.read(cast.northwind) as session:
        assert values(session, together) == values(session, alone)
        one, other = (session.get(LaunchSession, (cast.northwind, each.session_id)) for each in (together, alone))
        assert (one.seconds, one.last_sequence, one.announced_sequence) == (other.seconds, 4, 4)
        assert one.seconds == registrations.summary(session, together.registration).total_seconds == Decimal("5.00")


def test_among_places_only_those_are_kept_that_are_somebodys_own(database, cast, class_of, careful):
    good, foreign, gone, over, superseded = class_of(5)
    with database.write(cast.northwind) as session:
        runtime.navigate(session, over.session_id, "leave", now=clock.now())
        launched(session, superseded.registration, clock.now())

    told = commit(
        database,
        request(cast, good, 1, ("cmi.location", "p1")),
        request(cast, foreign, 1, ("cmi.location", "p1"), user_id=cast.ben),
        request(cast, SimpleNamespace(browser=gone.browser, session_id=uuid4()), 1, ("cmi.location", "p1")),
        request(cast, over, 1, ("cmi.location", "p1")),
        request(cast, superseded, 1, ("cmi.location", "p1")),
        request(cast, good, 2, ("cmi.location", "p2")),
    )

    assert not careful
    assert [one and one.saved for one in told] == [1, None, None, None, None, 2]
    with database.read(cast.northwind) as session:
        assert values(session, good)["cmi.location"] == "p2"
        assert "cmi.location" not in values(session, foreign)


def test_where_something_else_follows_from_a_place_it_is_told_as_ever(database, cast, class_of, careful):
    """The first commit of a session tells what it was opened with."""
    (learner,) = class_of(1)
    with database.write(cast.northwind) as session:
        (state,) = runtime_store.newest_states(session, learner.registration).values()
        data = runtime_store.data_of(state)
        data.values |= {"cmi.interactions.0.id": "q1", "cmi.interactions.0.type": "other"}
        data.values |= {"cmi.interactions.0.learner_response": "a", "cmi.interactions.0.result": "correct"}
        state.cmi = data.text()

    told = commit(database, request(cast, learner, 1, ("cmi.location", "p1"), seconds=2))

    assert (careful, told[0].saved) == ([True], 1)
    with database.read(cast.northwind) as session:
        assert verbs(session, learner.registration) == [("responded", "q1")]
        assert registrations.summary(session, learner.registration).total_seconds == 2


def test_places_that_the_wire_cannot_keep_go_the_way_of_all_others(database, cast, class_of, careful, monkeypatch):
    learners = class_of(2)

    def breaks(*_):
        raise psycopg.OperationalError("the connection to the database is lost")

    with monkeypatch.context() as patch:
        patch.setattr(group_commit.store, "keep_at_once", breaks)
        told = commit(database, *[request(cast, one, 1, ("cmi.location", "p1"), seconds=3) for one in learners])
    again = commit(database, request(cast, learners[0], 2, ("cmi.location", "p2")))

    assert careful == [True]
    assert [one.saved for one in told + again] == [1, 1, 2]
    with database.read(cast.northwind) as session:
        assert [registrations.summary(session, one.registration).total_seconds for one in learners] == [3, 3]


def test_what_is_out_of_the_ordinary_goes_its_own_way_and_harms_nobody(database, cast, class_of):
    good, ended, foreign, graded, gone = class_of(5)

    told = commit(
        database,
        request(cast, good, 1, ("cmi.location", "p1")),
        request(cast, ended, 1, ("cmi.location", "p1"), terminated=True),
        request(cast, foreign, 1, ("cmi.location", "p1"), user_id=cast.ben),
        request(cast, graded, 1, ("cmi.location", "p1")),
        request(cast, graded, 2, ("cmi.score.scaled", "0.9")),
        request(cast, SimpleNamespace(browser=gone.browser, session_id=uuid4()), 1, ("cmi.location", "p1")),
        request(cast, SimpleNamespace(browser=uuid4(), session_id=gone.session_id), 1, ("cmi.location", "p1")),
    )

    assert told[0].saved == 1
    assert told[1:] == [None] * 6
    with database.read(cast.northwind) as session:
        assert values(session, good)["cmi.location"] == "p1"
        assert [values(session, one).get("cmi.location") for one in (ended, foreign, graded, gone)] == [None] * 4


def test_repeated_and_missing_batches_are_told_how_far_it_is_saved(database, cast, class_of):
    (learner,) = class_of(1)

    told = commit(
        database,
        request(cast, learner, 1, ("cmi.location", "p1"), seconds=3),
        request(cast, learner, 1, ("cmi.location", "p1"), seconds=3),
        request(cast, learner, 3, ("cmi.location", "p3")),
        request(cast, learner, 2, ("cmi.location", "p2")),
    )

    assert [(one.saved, one.applied) for one in told] == [(1, 1), (1, 0), (1, 0), (2, 1)]
    with database.read(cast.northwind) as session:
        assert values(session, learner)["cmi.location"] == "p2"
        assert registrations.summary(session, learner.registration).total_seconds == 3
        assert session.get(LaunchSession, (cast.northwind, learner.session_id)).announced_sequence == 3


def test_nobody_waits_for_a_learner_whose_course_is_being_changed(database, cast, class_of):
    free, held = class_of(2)

    with database.write(cast.northwind) as session:
        registration_store.get(session, held.registration, lock=True)
        told = commit(database, *[request(cast, one, 1, ("cmi.location", "p1")) for one in (free, held)])

    assert told[0].saved == 1
    assert told[1] is None


def test_a_group_that_cannot_be_written_leaves_nothing_and_everybody_is_sent_on(database, cast, class_of, monkeypatch):
    learners = class_of(2)

    def fails(*_, **__):
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(group_commit.lrs, "store", fails)
        told = commit(database, *[request(cast, one, 1, ("cmi.location", "p"), initialized=True) for one in learners])
    again = commit(database, *[request(cast, one, 1, ("cmi.location", "p"), initialized=True) for one in learners])

    assert told == [None, None]
    assert [one.saved for one in again] == [1, 1], "the next group has a good connection"
    with database.read(cast.northwind) as session:
        assert verbs(session, learners[0].registration) == [("initialized", "one")]


def test_one_whose_evaluation_fails_is_left_out(database, cast, class_of, monkeypatch):
    good, bad = class_of(2)
    take = group_commit.take

    def stumbles(sitting, batches, announced):
        if sitting.launched.id == bad.session_id:
            raise RuntimeError("a value nobody thought of")
        return take(sitting, batches, announced)

    monkeypatch.setattr(group_commit, "take", stumbles)
    told = commit(database, *[request(cast, one, 1, ("cmi.location", "p1")) for one in (good, bad)])

    assert told[0].saved == 1
    assert told[1] is None


def test_who_has_signed_out_commits_nothing_more(database, cast, class_of, monkeypatch):
    monkeypatch.setattr(group_commit, "SECONDS_SIGNED_IN", 0.0)
    (learner,) = class_of(1)
    assert commit(database, request(cast, learner, 1, ("cmi.location", "p1")))[0].saved == 1

    with database.write(cast.northwind) as session:
        login.close_session(session, learner.browser, clock.now())

    assert commit(database, request(cast, learner, 2, ("cmi.location", "p2"))) == [None]


def test_tenants_never_share_a_transaction(database, cast, class_of):
    (learner,) = class_of(1)
    other = Request(cast.acme, learner.browser, cast.zoe, learner.session_id, [Batch(1, [("cmi.location", "x")])], 1)

    told = commit(database, other, request(cast, learner, 1, ("cmi.location", "p1")))

    assert told[0] is None
    assert told[1].saved == 1
