"""What other rooms do with the store, inside their own transactions."""

import hashlib
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import orjson
import pytest
from sqlalchemy import text

from core.errors import Conflict, Forbidden, NotFound
from lrs.errors import InvalidStatements
from lrs.services import building, documents, hooks, statements
from lrs.services.building import verbs
from tests.lrs.factories import agent, statement, voiding

LMS = agent("lms")


def test_a_room_stores_statements_in_its_own_transaction(db):
    registration = uuid4()
    made = building.statement(
        building.account("http://northwind.example", "7", "Ana"),
        verbs.COMPLETED,
        building.activity("http://courses.example/1", name="One", type=verbs.COURSE_TYPE),
        timestamp=datetime(2026, 3, 1, tzinfo=UTC),
        registration=registration,
        result={"completion": True, "duration": building.duration(3661.5)},
        category=[building.activity(verbs.SCORM_CATEGORY, type=verbs.PROFILE_TYPE)],
    )

    (statement_id,) = statements.store(db, [made], authority=LMS)

    kept = statements.get(db, statement_id)
    assert kept["authority"] == LMS
    assert kept["result"]["duration"] == "PT1H1M1.5S"
    assert statements.by_registration(db, registration) == [kept]
    with pytest.raises(NotFound):
        statements.get(db, uuid4())


def test_rolled_back_is_never_stored(database, cast):
    one = statement()

    with pytest.raises(Conflict), database.write(cast.northwind) as session:
        statements.store(session, [one], authority=LMS)
        raise Conflict

    with database.read(cast.northwind) as session:
        assert statements.find(session, UUID(one["id"])) is None


def test_a_room_is_told_every_problem_of_what_it_stores(db):
    with pytest.raises(InvalidStatements) as refusal:
        statements.store(db, [statement(verb={"id": "x"}, actor={})], authority=LMS)

    assert [problem.where for problem in refusal.value.problems] == ["statements[0].actor", "statements[0].verb.id"]


def test_the_whole_store_is_read_in_the_order_it_was_stored(db):
    batch = [statement() for _ in range(7)]
    void = voiding(batch[2]["id"])
    statements.store(db, batch, authority=LMS)
    statements.store(db, [void], authority=LMS)

    read = list(statements.in_stored_order(db, size=3))

    expected = [UUID(item["id"]) for item in [*batch, void]]
    assert [item.id for item in read] == expected
    assert [item.id for item in read if item.voided] == [expected[2]]
    assert [item.id for item in statements.in_stored_order(db, after=read[3].stored)] == expected[4:]
    assert statements.is_voided(db, UUID(batch[2]["id"]))


def test_hooks_refuse_before_and_follow_after_in_the_same_transaction(db):
    seen: list[str] = []

    def refuse_failed(session, batch, caller):
        if any(item.get("verb") == {"id": verbs.FAILED} for item in batch):
            raise Forbidden("not now")

    def follow(session, batch, caller):
        seen.extend(item["id"] for item in batch)
        if batch[0]["verb"]["id"] == verbs.PASSED:
            statements.store(session, [statement("satisfied")], authority=LMS)

    hooks.register(before_store=[refuse_failed], after_store=[follow])
    try:
        with pytest.raises(Forbidden):
            statements.store(db, [statement(verb={"id": verbs.FAILED}, actor="not even valid")], authority=LMS)
        (passed,) = statements.store(db, [statement(verb={"id": verbs.PASSED})], authority=LMS)
    finally:
        hooks.register()

    read = list(statements.in_stored_order(db))
    assert [item.payload["verb"]["id"].rpartition("/")[2] for item in read] == ["passed", "satisfied"]
    assert seen == [str(passed), str(read[1].id)]
    assert read[0].stored < read[1].stored


def test_a_follower_misses_nothing_behind_a_writer_held_open(database, cast):
    """One writer keeps its transaction open; the next waits, and a reader sees both in order, never the later alone."""
    slow, quick = statement(), statement()
    holds, may_commit, seen = threading.Event(), threading.Event(), []

    def write_slowly() -> None:
        with database.write(cast.northwind) as session:
            statements.store(session, [slow], authority=LMS)
            holds.set()
            may_commit.wait(10)

    def write_quickly() -> None:
        holds.wait(10)
        with database.write(cast.northwind) as session:
            statements.store(session, [quick], authority=LMS)

    writers = [threading.Thread(target=write_slowly), threading.Thread(target=write_quickly)]
    for writer in writers:
        writer.start()
    holds.wait(10)
    position = None
    deadline = time.monotonic() + 20
    while len(seen) < 2 and time.monotonic() < deadline:
        with database.read(cast.northwind) as session:
            for item in statements.in_stored_order(session, after=position):
                seen.append(str(item.id))
                position = item.stored
        if time.monotonic() > deadline - 19:
            may_commit.set()
        time.sleep(0.05)
    for writer in writers:
        writer.join()

    assert seen == [slow["id"], quick["id"]]


def test_consistent_through_stays_behind_a_writer_held_open(database, cast):
    with database.write(cast.northwind) as session:
        statements.store(session, [statement()], authority=LMS)
    holds, may_commit = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with database.write(cast.northwind) as session:
            statements.store(session, [statement()], authority=LMS)
            holds.set()
            may_commit.wait(10)

    writer = threading.Thread(target=write_slowly)
    writer.start()
    holds.wait(10)
    with database.read(cast.northwind) as session:
        from_read = statements.consistent_through(session)
    may_commit.set()
    writer.join()

    with database.read(cast.northwind) as session:
        *_, last = statements.in_stored_order(session)
        assert from_read < last.stored
        assert statements.consistent_through(session) > last.stored


def test_statements_are_changed_and_deleted_only_in_the_name_of_a_run(database, cast):
    with database.write(cast.northwind) as session:
        statements.store(session, [statement()], authority=LMS)

    for command in ("UPDATE xapi_statements SET payload = '{}'", "DELETE FROM xapi_statements"):
        with pytest.raises(Exception, match="only in the name of a run"), database.write(cast.northwind) as session:
            session.execute(text(command))


def test_a_room_writes_and_reads_documents(db):
    where = documents.place(
        documents.Kind.STATE, "LMS.LaunchData", activity="http://courses.example/1", agent=agent(), registration=uuid4()
    )
    moment = datetime(2026, 3, 1, tzinfo=UTC)

    documents.put(db, where, b'{"launchMode":"Normal"}', "application/json", now=moment)
    documents.put(db, where, b'{"launchMode":"Browse"}', "application/json", now=moment)

    found = documents.get(db, where)
    assert (found.content, found.updated_at) == (b'{"launchMode":"Browse"}', moment)
    assert (
        documents.find(db, documents.place(documents.Kind.STATE, "x", activity="http://x.example/", agent=agent()))
        is None
    )


WHERE = documents.place(
    documents.Kind.STATE, "https://x.example/list", activity="http://courses.example/1", agent=agent()
)
REVISION = documents.Revision(WHERE, {"a": 1, "gone": None}, {"items": ["x", "y"]})
MOMENT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "content_type", "after"),
    [
        pytest.param(None, "", {"a": 1, "items": ["x", "y"]}, id="none yet"),
        pytest.param(b'{"a":0,"b":[2],"gone":3}', "application/json", {"a": 1, "b": [2], "items": ["x", "y"]},
                     id="what others say stays"),
        pytest.param(b'{"items":["z","x"]}', "application/json; charset=utf-8", {"items": ["z", "x", "y"], "a": 1},
                     id="new items come last, each once"),
        pytest.param(b'{"items":7}', "application/json", {"items": ["x", "y"], "a": 1}, id="no list gives way to one"),
        pytest.param(b'[1]', "application/json", {"a": 1, "items": ["x", "y"]}, id="no object gives way to one"),
        pytest.param(b'{"b":2}', "text/plain", {"a": 1, "items": ["x", "y"]}, id="no JSON gives way to an object"),
    ],
)  # fmt: skip
def test_what_a_room_has_to_say_is_merged_into_a_document(db, before, content_type, after):
    if before is not None:
        documents.put(db, WHERE, before, content_type, now=MOMENT)

    documents.revise(db, [REVISION], MOMENT)

    found = documents.get(db, WHERE)
    assert (orjson.loads(found.content), found.content_type) == (after, "application/json")
    assert found.etag == f'"{hashlib.sha1(found.content, usedforsecurity=False).hexdigest()}"'


def test_a_document_that_says_so_already_is_left_alone_and_one_that_changes_moves_on(db):
    documents.put(db, WHERE, b'{ "items": ["y", "x"], "a": 1 }', "application/json", now=MOMENT)
    documents.revise(db, [REVISION], MOMENT + timedelta(hours=1))
    assert documents.get(db, WHERE).content == b'{ "items": ["y", "x"], "a": 1 }'
    assert documents.get(db, WHERE).updated_at == MOMENT

    documents.revise(db, [documents.Revision(WHERE, {"a": 2})], MOMENT - timedelta(hours=1))

    assert documents.listed(db, WHERE, since=MOMENT)[0] == [WHERE.document_id], "a clock behind hides no change"


def test_two_that_speak_of_one_document_are_both_heard(db):
    documents.revise(db, [documents.Revision(WHERE, members={"items": [one]}) for one in "xyx"], MOMENT)

    assert orjson.loads(documents.get(db, WHERE).content) == {"items": ["x", "y"]}


def test_a_text_of_a_room_comes_changes_and_goes_and_nothing_is_begun_for_nothing(db):
    for text_of_it, content in (("ä\0", "ä\0".encode()), ("b", b"b"), (None, None), ("", None)):
        documents.revise(db, [documents.Text(WHERE, text_of_it)], MOMENT)
        found = documents.find(db, WHERE)
        assert (found and found.content) == content

    documents.revise(db, [documents.Revision(WHERE, {"gone": None})], MOMENT)
    assert documents.find(db, WHERE) is None
    documents.put(db, WHERE, b"somebody's", "text/plain", now=MOMENT)
    documents.revise(db, [documents.Revision(WHERE, {"gone": None})], MOMENT)
    assert documents.get(db, WHERE).content == b"somebody's"


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "PT0S"), (0.004, "PT0S"), (59.999, "PT1M"), (61, "PT1M1S"), (3600, "PT1H"), (0.25, "PT0.25S"), (-5, "PT0S")],
)
def test_durations_are_written_to_the_hundredth(seconds, written):
    assert building.duration(seconds) == written
