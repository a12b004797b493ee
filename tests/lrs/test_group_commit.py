import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from core import clock
from core.errors import Unavailable
from lrs.errors import StatementConflict
from lrs.services import group_commit, statements
from lrs.services.credentials import Caller
from lrs.services.group_commit import Committer, Overloaded
from lrs.store import statements as store
from lrs.xapi.versions import Version
from tests.lrs.factories import activity, agent, statement, voiding


@pytest.fixture
def caller(cast):
    return Caller(cast.northwind, agent("lms"))


@pytest.fixture
def others(cast):
    return Caller(cast.acme, agent("lms"))


def ready(caller, *batch):
    return statements.prepared(list(batch), caller, Version.V1_0_3)


@pytest.fixture
def held(database, cast):
    """Lets requests wait: somebody else has Northwind's turn until the test lets go."""
    release, holds = threading.Event(), threading.Event()

    def hold():
        with database.write(cast.northwind) as session:
            statements.take_turn(session)
            holds.set()
            release.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    holds.wait(10)
    yield release
    release.set()
    holder.join()


def transactions(database, organization_id):
    """How many transactions the stored statements came in."""
    with database.read(organization_id) as session:
        return session.execute(text("SELECT count(DISTINCT xmin::text) FROM xapi_statements")).scalar()


def test_requests_that_wait_together_share_one_transaction(database, caller, held):
    committer = Committer(database)
    batch = [statement() for _ in range(8)]

    waiting = [committer.submit(ready(caller, item)) for item in batch]
    held.set()

    assert [str(future.result(10).ids[0]) for future in waiting] == [item["id"] for item in batch]
    assert transactions(database, caller.organization_id) == 1


def test_the_order_of_arrival_is_the_order_of_stored(database, caller, held):
    committer = Committer(database)
    batch = [statement() for _ in range(5)]
    waiting = [committer.submit(ready(caller, item)) for item in batch]
    held.set()
    moments = [future.result(10).consistent_through for future in waiting]

    with database.read(caller.organization_id) as session:
        read = list(statements.in_stored_order(session))
    assert [str(item.id) for item in read] == [item["id"] for item in batch]
    assert max(item.stored for item in read) <= min(moments)


def test_a_conflict_fails_alone(database, caller, held):
    committer = Committer(database)
    taken = statement()
    held.set()
    committer.submit(ready(caller, taken)).result(10)

    first = committer.submit(ready(caller, statement()))
    bad = committer.submit(ready(caller, taken | {"actor": agent("ben")}))
    last = committer.submit(ready(caller, statement()))

    assert isinstance(bad.exception(10), StatementConflict)
    assert first.exception(10) is None
    assert last.exception(10) is None


def test_a_batch_in_conflict_leaves_nothing_and_its_neighbors_stay(database, caller, held):
    committer = Committer(database)
    taken, fresh, neighbor = statement(), statement(), statement()
    earlier = committer.submit(ready(caller, taken))
    bad = committer.submit(ready(caller, fresh, taken | {"actor": agent("ben")}))
    good = committer.submit(ready(caller, neighbor))
    held.set()

    assert earlier.exception(10) is None
    assert isinstance(bad.exception(10), StatementConflict)
    assert good.exception(10) is None
    with database.read(caller.organization_id) as session:
        ids = {str(item.id) for item in statements.in_stored_order(session)}
    assert ids == {taken["id"], neighbor["id"]}


def test_the_same_statement_twice_at_once_is_stored_once(database, caller, held):
    committer = Committer(database)
    same = statement()
    waiting = [committer.submit(ready(caller, same)) for _ in range(3)]
    held.set()

    assert [str(future.result(10).ids[0]) for future in waiting] == [same["id"]] * 3
    with database.read(caller.organization_id) as session:
        assert len(list(statements.in_stored_order(session))) == 1


def test_tenants_never_share_a_transaction(database, caller, others, held):
    committer = Committer(database)
    waiting = [committer.submit(ready(whose, statement())) for whose in (caller, others, caller, others)]
    held.set()
    for future in waiting:
        future.result(10)

    assert transactions(database, caller.organization_id) == 1
    assert transactions(database, others.organization_id) == 1


def test_definitions_of_a_group_are_merged_in_order(database, caller, held):
    committer = Committer(database)
    named = [activity(name={"en": "Old"}), activity(name={"en": "New"}), activity(description={"en": "Long"})]
    waiting = [committer.submit(ready(caller, statement(object=item))) for item in named]
    held.set()
    for future in waiting:
        future.result(10)

    with database.read(caller.organization_id) as session:
        known = session.execute(text("SELECT definition::jsonb FROM xapi_activities")).scalar()
    assert known == {"name": {"en": "New"}, "description": {"en": "Long"}}


def test_what_another_process_said_of_an_activity_in_between_is_kept(database, caller):
    here, there = Committer(database), Committer(database)
    for committer, said in (
        (here, {"name": {"en": "First"}}),
        (here, {"name": {"es": "Primero"}}),
        (there, {"description": {"en": "Long"}}),
        (here, {"name": {"en": "Second"}}),
        (there, {"name": {"es": "Segundo"}}),
    ):
        committer.submit(ready(caller, statement(object=activity(**said)))).result(10)

    with database.read(caller.organization_id) as session:
        known = session.execute(text("SELECT definition::jsonb FROM xapi_activities")).scalar()
    assert known == {"name": {"en": "Second", "es": "Segundo"}, "description": {"en": "Long"}}


def test_a_connection_that_breaks_costs_nobody_their_statement(database, caller):
    committer = Committer(database)
    committer.submit(ready(caller, statement())).result(10)
    with database.write(None) as session:
        session.execute(text("RESET ROLE"))
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    sent = [statement() for _ in range(3)]

    for item in sent:
        committer.submit(ready(caller, item)).result(10)

    with database.read(caller.organization_id) as session:
        stored = [str(item.id) for item in statements.in_stored_order(session)]
    assert stored[1:] == [item["id"] for item in sent]


def test_a_voiding_statement_that_came_first_reaches_a_member_of_a_group(lrs, database, caller):
    target = statement()
    lrs.post(voiding(target["id"]))

    Committer(database).submit(ready(caller, target)).result(10)

    assert lrs.get("statements", voidedStatementId=target["id"]).status_code == 200


@pytest.mark.parametrize(
    "limits", [{"registration": None, "agent": "mbox|mailto:ana@northwind.example"}], ids=["a launch's credential"]
)
def test_what_more_than_its_own_rules_look_at_goes_alone(cast, limits):
    limited = Caller(cast.northwind, agent("lms"), **limits)

    assert ready(limited, statement()) is None
    assert ready(Caller(cast.northwind, agent("lms")), voiding(statement()["id"])) is None


def test_too_much_waiting_is_refused_at_once(database, caller, held, monkeypatch):
    monkeypatch.setattr(group_commit, "WAITING", 3)
    committer = Committer(database)
    waiting = [committer.submit(ready(caller, statement())) for _ in range(3)]

    with pytest.raises(Overloaded) as refusal:
        committer.submit(ready(caller, statement()))
    held.set()

    assert isinstance(refusal.value, Unavailable)
    assert refusal.value.retry_after
    assert [future.exception(10) for future in waiting] == [None] * 3


def test_the_thread_starts_again_after_it_went_idle(database, caller, monkeypatch):
    monkeypatch.setattr(group_commit, "_IDLE", 0.01)
    committer = Committer(database)

    for _ in range(3):
        committer.submit(ready(caller, statement())).result(10)
        thread = committer._thread
        if thread is not None:
            thread.join(5)
            assert not thread.is_alive()


def test_many_clients_at_once_over_the_same_activities_meet_no_error(lrs):
    def send(_number):
        return lrs.post(*[statement(object=activity("shared", name={"en": "Same"})) for _ in range(5)]).status_code

    with ThreadPoolExecutor(8) as clients:
        assert set(clients.map(send, range(40))) == {200}
    assert len(lrs.found(activity="http://courses.example/shared")) == 200


def test_a_follower_misses_nothing_while_two_processes_store(database, caller, cast):
    sent, followed, is_over = [], [], threading.Event()

    def send(committer):
        batch = [statement(object=activity(str(number % 3), name={"en": str(number)})) for number in range(20)]
        for item in batch:
            committer.submit(ready(caller, item)).result(20)
        sent.extend(item["id"] for item in batch)

    def follow():
        position = None
        while True:
            was_over = is_over.is_set()
            with database.read(cast.northwind) as session:
                page = list(statements.in_stored_order(session, position))
            followed.extend(page)
            position = page[-1].stored if page else position
            if was_over:
                return

    follower = threading.Thread(target=follow)
    follower.start()
    processes = [Committer(database), Committer(database)]
    with ThreadPoolExecutor(6) as clients:
        list(clients.map(send, processes * 3))
    is_over.set()
    follower.join(30)

    assert {str(item.id) for item in followed} == set(sent)
    assert [item.stored for item in followed] == sorted({item.stored for item in followed})


@pytest.fixture
def ending(database, cast, caller):
    """Somebody whose rows are written and stamped an hour ahead; the test says when the disk has confirmed them."""
    first = ready(caller, statement())
    release, waits = threading.Event(), threading.Event()

    def end_slowly():
        rows = statements.rows_of(first)
        with database.wire(statements.WIRE) as wire:
            store.take_short_turn(wire, cast.northwind)
            store.insert_all(wire, cast.northwind, rows, clock.now() + timedelta(hours=1))
            wire.exchange()
            store.end_turn(wire, cast.northwind, rows, [])
            wire.exchange()
            waits.set()
            release.wait(10)
            wire.commit()
            wire.exchange()

    holder = threading.Thread(target=end_slowly)
    holder.start()
    waits.wait(10)
    yield first.statements[0].id, release
    release.set()
    holder.join()


def test_nobody_is_seen_before_who_was_stamped_earlier_and_a_clock_set_back_does_no_harm(database, caller, ending):
    earlier, release = ending
    waiting = Committer(database).submit(ready(caller, statement()))
    with pytest.raises(TimeoutError):
        waiting.result(0.3)
    with database.read(caller.organization_id) as session:
        assert list(statements.in_stored_order(session)) == []
        consistent = statements.consistent_through(session)
    release.set()
    later = waiting.result(10).ids[0]

    with database.read(caller.organization_id) as session:
        stored = {item.id: item.stored for item in statements.in_stored_order(session)}
    assert list(stored) == [earlier, later]
    assert consistent < min(stored.values())
