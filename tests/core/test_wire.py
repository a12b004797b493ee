from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text

from core.db import ReadOnly
from core.errors import Forbidden
from core.wire import BIGINT, TEXT, UUID_TYPE, Prepared, Texts, bigint, moment, read_bigint, read_moment

TENANT = Prepared("SELECT current_setting('app.organization_id')")
DIVIDE = Prepared("SELECT 10 / %(by)b", by=BIGINT)
LOCK = Prepared("SELECT pg_advisory_lock(%(number)b)", number=BIGINT)
COUNT = Prepared("SELECT count(*) FROM memberships")
JOIN = Prepared("SELECT length(string_agg(found, '')) FROM unnest(%(texts)b) AS t(found)", texts=Texts.oid)
NAME = Prepared("UPDATE organizations SET name = %(name)b WHERE id = %(id)b RETURNING name", name=TEXT, id=UUID_TYPE)
ALL = (TENANT, DIVIDE, LOCK, COUNT, JOIN, NAME)


@pytest.fixture
def wire(database):
    with database.wire(ALL) as opened:
        yield opened


def value(result):
    return result.get_value(0, 0)


def test_one_journey_answers_each_statement_in_order(wire, cast):
    wire.begin(cast.northwind)
    wire.send(TENANT)
    wire.send(DIVIDE, by=bigint(5))
    wire.commit()

    _, _, tenant, tenth, _ = wire.exchange()

    assert value(tenant).decode() == str(cast.northwind)
    assert read_bigint(value(tenth)) == 2


def test_rows_of_other_tenants_do_not_exist(database, wire, cast):
    counts = {}
    for tenant in (cast.northwind, cast.acme):
        wire.begin(tenant)
        wire.send(COUNT)
        wire.commit()
        counts[tenant] = read_bigint(value(wire.exchange()[2]))
        with database.read(tenant) as session:
            assert counts[tenant] == session.execute(text("SELECT count(*) FROM memberships")).scalar()

    wire.send(COUNT)  # outside a transaction nobody is the tenant
    assert read_bigint(value(wire.exchange()[0])) == 0


def test_what_fails_undoes_all_of_its_transaction_and_the_wire_goes_on(database, wire, cast):
    wire.begin(cast.northwind)
    wire.send(LOCK, number=bigint(99))
    wire.send(NAME, name=b"Changed", id=cast.northwind.bytes)
    wire.send(DIVIDE, by=bigint(0))
    wire.send(COUNT)
    wire.commit()

    with pytest.raises(psycopg.errors.DivisionByZero):
        wire.exchange()
    wire.abandon()

    with database.write(cast.northwind) as session:
        assert session.execute(text("SELECT name FROM organizations")).scalar() != "Changed"
        assert session.execute(text("SELECT pg_try_advisory_xact_lock(99)")).scalar()
    wire.send(DIVIDE, by=bigint(2))
    assert read_bigint(value(wire.exchange()[0])) == 5


def test_reading_cannot_write(wire, cast):
    wire.begin(cast.northwind, is_reading=True)
    wire.send(NAME, name=b"Changed", id=cast.northwind.bytes)

    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        wire.exchange()


def test_more_than_the_connection_holds_at_once_arrives(wire):
    texts = ["é" * 50_000] * 200  # 20 MB

    wire.send(JOIN, texts=Texts.of(texts).data)

    assert int.from_bytes(value(wire.exchange()[0]), "big") == 10_000_000


@pytest.mark.parametrize("is_kept", [False, True], ids=["planned anew", "kept"])
def test_a_question_is_asked_with_its_values(wire, is_kept):
    ids, now = [uuid4(), uuid4()], datetime(2026, 3, 1, 9, 30, 0, 123, tzinfo=UTC)
    question = "SELECT %(now)b, %(ids)b, %(number)b + 1, %(id)b = ANY (%(ids)b)"
    for _ in range(2):
        wire.ask(question, {"now": now, "ids": ids, "number": 41, "id": ids[1]}, is_kept=is_kept)
        (found,) = wire.exchange()

        assert read_moment(found.get_value(0, 0)) == now
        assert all(one.bytes in found.get_value(0, 1) for one in ids)
        assert read_bigint(found.get_value(0, 2)) == 42
        assert found.get_value(0, 3) == b"\1"


def test_a_question_that_failed_before_it_was_kept_can_be_asked_again(wire):
    wire.send(DIVIDE, by=bigint(0))
    wire.ask("SELECT %(number)b", {"number": 7}, is_kept=True)
    with pytest.raises(psycopg.errors.DivisionByZero):
        wire.exchange()
    wire.abandon()

    wire.ask("SELECT %(number)b", {"number": 7}, is_kept=True)
    assert read_bigint(value(wire.exchange()[0])) == 7


def test_the_connection_goes_back_as_it_came(database, cast):
    with database.write(cast.northwind) as session:
        before = session.connection().connection.driver_connection
        before.execute("SELECT 1", prepare=True)
    with database.wire(ALL) as wire:
        wire.ask("SELECT 1", {}, is_kept=True)
        wire.exchange()

    with database.write(cast.northwind) as session:
        after = session.connection().connection.driver_connection
        left = after.execute("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'wire%'").fetchone()[0]
        assert after is before
        assert left == 0
        assert after.execute("SELECT 1", prepare=True).fetchone() == (1,)


def test_a_broken_connection_is_not_given_to_anybody(database, cast):
    with pytest.raises(psycopg.OperationalError), database.wire(ALL) as wire:
        with database.write(None) as session:
            pid = wire._pg.backend_pid
            session.execute(text("RESET ROLE"))
            session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        wire.send(COUNT)
        wire.exchange()

    for _ in range(5):
        with database.read(cast.northwind) as session:
            assert session.execute(text("SELECT 1")).scalar() == 1


def test_who_may_only_look_gets_no_wire(database):
    with pytest.raises(Forbidden), ReadOnly(database, "Look only.").wire(ALL):
        pass


def test_moments_keep_their_microseconds():
    for found in (datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)):
        assert read_moment(moment(found)) == found
