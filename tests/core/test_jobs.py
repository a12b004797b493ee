"""Events and jobs: announced with the change or not at all, in order, again after a failure, dead ones visible."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text, update

from core import clock, events, jobs
from core.files import Files
from core.jobs import Duty, Refused, Worker
from core.mail import PrintedMail
from core.tables import DomainEvent, Job, JobState


@dataclass(frozen=True)
class DoorOpened(events.Event):
    """A made-up fact."""

    door_id: UUID


class Heard(list):
    def __call__(self, work, **arguments):
        self.append(arguments)


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def worker(database, tmp_path, heard):
    events.listen({DoorOpened: ["test.hear"]})
    files, mail = Files(f"file:{tmp_path / 'files'}"), PrintedMail(tmp_path / "mail", "x@y.example")
    return Worker(database, files, mail, {"test.hear": heard}, {})


def test_an_event_reaches_its_listener_after_the_commit(database, cast, worker, heard):
    door = uuid4()
    with database.write(cast.northwind) as session:
        events.publish(session, DoorOpened(door))
        assert worker.run_until_idle() == 0

    assert worker.run_until_idle() == 1
    assert heard == [{"door_id": str(door)}]


def test_an_event_of_a_transaction_that_fails_was_never_said(database, cast, worker, heard):
    with pytest.raises(ZeroDivisionError), database.write(cast.northwind) as session:
        events.publish(session, DoorOpened(uuid4()))
        raise ZeroDivisionError

    assert worker.run_until_idle() == 0
    with database.read(cast.northwind) as session:
        assert session.scalars(select(DomainEvent)).all() == []


def test_a_failing_job_is_tried_again_later_and_in_the_end_waits_for_a_person(database, cast, worker):
    def fail(work):
        raise RuntimeError("no ink")

    worker.handlers = {"test.fail": fail}
    with database.write(cast.northwind) as session:
        job_id = jobs.enqueue(session, "test.fail", {}, max_attempts=2)

    assert worker.run_one()
    assert not worker.run_one(), "the second try must wait"
    _make_due(database, cast)
    assert worker.run_one()

    with database.read(cast.northwind) as session:
        job = jobs.find(session, job_id)
    assert (job.state, job.attempts, job.error) == (JobState.FAILED, 2, "RuntimeError: no ink")


def test_a_refusal_is_final_at_once(database, cast, worker):
    def refuse(work):
        raise Refused("this is no zip")

    worker.handlers = {"test.refuse": refuse}
    with database.write(cast.northwind) as session:
        job_id = jobs.enqueue(session, "test.refuse", {})
    worker.run_until_idle()

    with database.read(cast.northwind) as session:
        assert jobs.find(session, job_id).error == "this is no zip"


def test_deliveries_of_one_subject_stay_in_order_while_an_earlier_one_waits(database, cast, worker, heard):
    subject, calls = uuid4(), []

    def hear(work, door_id):
        calls.append(door_id)
        if len(calls) == 1:
            raise RuntimeError("first try fails")

    worker.handlers = {"test.hear": hear}
    first, second = uuid4(), uuid4()
    for door in (first, second):
        with database.write(cast.northwind) as session:
            events.publish(session, DoorOpened(door), subject=subject)

    assert worker.run_until_idle() == 1
    _make_due(database, cast)
    worker.run_until_idle()

    assert calls == [str(first), str(first), str(second)]


def test_the_job_of_a_dead_worker_comes_back_when_its_lease_has_run_out(database, cast, worker, heard):
    with database.write(cast.northwind) as session:
        job_id = jobs.enqueue(session, "test.hear", {})
    with database.write(None) as session:
        session.execute(
            text("SELECT * FROM claim_job(:now, :lease, :handlers)"),
            {"now": clock.now(), "lease": clock.now() - timedelta(seconds=1), "handlers": ["test.hear"]},
        )

    assert worker.run_until_idle() == 1
    with database.read(cast.northwind) as session:
        assert jobs.find(session, job_id).state is JobState.SUCCEEDED


def test_a_job_that_kills_its_worker_every_time_is_given_up(database, cast, worker, heard):
    with database.write(cast.northwind) as session:
        job_id = jobs.enqueue(session, "test.hear", {}, max_attempts=1)
    with database.write(cast.northwind) as session:
        session.execute(
            update(Job).values(state=JobState.RUNNING, attempts=1, leased_until=clock.now() - timedelta(seconds=1))
        )

    worker.run_until_idle()

    assert heard == []
    with database.read(cast.northwind) as session:
        assert jobs.find(session, job_id).state is JobState.FAILED


def test_a_job_works_for_its_own_tenant_and_others_cannot_see_it(database, cast, worker):
    tenants = []
    worker.handlers = {"test.tenant": lambda work: tenants.append(work.organization_id)}
    with database.write(cast.northwind) as session:
        job_id = jobs.enqueue(session, "test.tenant", {})
    with database.read(cast.acme) as session:
        assert jobs.find(session, job_id) is None

    worker.run_until_idle()

    assert tenants == [cast.northwind]


def test_a_duty_runs_once_however_many_workers_look(database, worker, heard):
    worker.schedule = {"daily": Duty("test.hear", timedelta(days=1))}
    start = clock.now()
    worker.start_duties(start)
    for _ in range(3):
        worker.start_duties(start + timedelta(days=1, minutes=1))

    assert worker.run_until_idle() == 1


def test_progress_can_be_read_while_the_job_runs(database, cast, worker):
    seen = []

    def count(work):
        work.progress(40, "Reading files")
        with database.read(cast.northwind) as session:
            job = jobs.find(session, work.job_id)
            seen.append((job.state, job.progress_percent, job.progress_note))
        return {"read": 12}

    worker.handlers = {"test.count": count}
    with database.write(cast.northwind) as session:
        job_id = jobs.enqueue(session, "test.count", {})
    worker.run_until_idle()

    assert seen == [(JobState.RUNNING, 40, "Reading files")]
    with database.read(cast.northwind) as session:
        assert jobs.find(session, job_id).result == {"read": 12}


def _make_due(database, cast):
    with database.write(cast.northwind) as session:
        session.execute(update(Job).where(Job.state == JobState.QUEUED).values(run_at=clock.now()))
