"""How many requests a credential may make: refused with 429, counted once for all processes."""

import multiprocessing
import time
from uuid import uuid4

import pytest

from core import clock
from lrs.services import credentials, rates
from lrs.services.credentials import Caller
from tests.lrs.factories import statement


@pytest.fixture
def count(tmp_path, monkeypatch, settings):
    """A count of its own, and a clock that a test moves."""
    moment = [1000.0]
    monkeypatch.setattr(rates.time, "monotonic", lambda: moment[0])
    rates.use(tmp_path, 0)
    yield moment
    rates.use(settings.home, 0)


def caller(rate):
    return Caller(uuid4(), {}, credential_id=uuid4(), rate=rate)


def taken(who, tries):
    """How many of so many requests were let through."""
    passed = 0
    for _ in range(tries):
        try:
            rates.take(who)
        except rates.TooFast:
            continue
        passed += 1
    return passed


def test_ten_seconds_worth_come_at_once_then_one_after_the_other(count):
    who = caller(60)

    assert taken(who, 100) == 10
    count[0] += 1
    assert taken(who, 100) == 1
    count[0] += 600
    assert taken(who, 100) == 10


def test_who_is_refused_is_told_how_long_to_wait(count):
    who = caller(3)
    rates.take(who)

    with pytest.raises(rates.TooFast) as refusal:
        rates.take(who)

    assert refusal.value.retry_after == 20
    count[0] += 20
    rates.take(who)


def test_credentials_are_counted_apart_and_what_is_given_back_is_free(count):
    one, other = caller(6), caller(6)

    assert taken(one, 5) == 1
    assert taken(other, 5) == 1
    rates.give_back(one)
    assert taken(one, 5) == 1


def test_without_a_rate_nothing_is_counted_and_the_setting_holds_for_who_has_none(count, tmp_path):
    assert taken(caller(0), 500) == 500
    rates.use(tmp_path, 60)
    assert taken(caller(None), 500) == 10
    assert taken(caller(0), 500) == 500


def test_a_clock_that_began_anew_locks_nobody_out(count):
    who = caller(60)
    taken(who, 100)

    count[0] = 5.0

    assert taken(who, 100) == 10


def _take(folder, who, results):
    rates.use(folder, 0)
    results.put(taken(who, 400))


def test_processes_share_one_count(tmp_path, settings):
    who = caller(600)
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    began = time.monotonic()
    processes = [context.Process(target=_take, args=(tmp_path, who, results)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    passed = sum(results.get() for _ in processes)

    earned = 10 * (time.monotonic() - began)  # while they ran, at ten a second
    assert 100 <= passed <= 101 + earned
    rates.use(settings.home, 0)


def test_a_busy_client_is_refused_and_a_page_lets_it_do_more(sign_in, client_with):
    slow = client_with(rate=6)
    assert slow.post(statement()).status_code == 200

    answer = slow.post(statement())

    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 10
    assert "6 requests per minute" in answer.json["detail"]
    cem, page = sign_in("cem"), f"/lrs/credentials/{slow.credential.id}"
    assert cem.post(f"{page}/rate", data={"rate": "0"}).status_code == 302
    assert "any number" in cem.get(page).text
    assert slow.post(statement()).status_code == 200
    assert cem.post(f"{page}/rate", data={"rate": "-5"}).status_code == 422


def test_a_rate_that_makes_no_sense_is_refused(db, settings):
    with pytest.raises(credentials.Invalid) as refusal:
        credentials.issue(
            db, label="LMS", scopes=["all"], home_page=settings.app_origin, hash_key=settings.key("lrs"),
            now=clock.now(), rate=10_000_000,
        )  # fmt: skip

    assert [problem.where for problem in refusal.value.problems] == ["rate"]
