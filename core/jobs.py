"""Jobs: work that outlives a request. Enqueued in the caller's transaction, run by `stoa worker`.

A job is claimed with SKIP LOCKED under a lease, so that a dead worker's jobs come back; it is tried again
with growing pauses and, when its tries are used up, stays visible as failed. Handlers do nothing the second
time: a job may run twice when a worker dies between its last commit and its report.
"""

import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import structlog
from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from core import clock
from core.db import Database, Session
from core.files import Files
from core.logs import logger
from core.mail import Mailer
from core.tables import Job, JobSchedule, JobState

CHANNEL = "stoa_jobs"
LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 8
log = logger("core")


@dataclass
class Work:
    """What a handler is given: the parts it may use, whose work it is, and a way to tell how far it is."""

    database: Database
    files: Files
    mailer: Mailer
    organization_id: UUID | None
    job_id: UUID

    def write(self) -> AbstractContextManager[Session]:
        """Open a write transaction for the job's tenant."""
        return self.database.write(self.organization_id)

    def read(self) -> AbstractContextManager[Session]:
        """Open a read transaction for the job's tenant."""
        return self.database.read(self.organization_id)

    def progress(self, percent: int, note: str = "") -> None:
        """Tell whoever watches the job how far it is (0–100) and what it is doing; renews the lease."""
        with self.write() as session:
            values = {"progress_percent": max(0, min(100, percent)), "progress_note": note[:255]}
            session.execute(update(Job).where(Job.id == self.job_id).values(leased_until=clock.now() + LEASE, **values))


class Refused(Exception):
    """The work cannot be done however often it is tried; the message goes to whoever asked for it."""


Handler = Callable[..., Mapping[str, Any] | None]
"""Called as handler(work, **arguments); what it answers is kept as the job's result."""


@dataclass(frozen=True)
class Duty:
    """Something done again and again, for the whole installation: which handler, how often."""

    handler: str
    every: timedelta


def enqueue(
    session: Session,
    handler: str,
    arguments: Mapping[str, Any],
    *,
    subject: UUID | None = None,
    event_id: UUID | None = None,
    created_by: UUID | None = None,
    max_attempts: int = MAX_ATTEMPTS,
    run_at: datetime | None = None,
) -> UUID:
    """Add a job in the caller's transaction and answer its id; workers hear of it at commit. Not before `run_at`."""
    now = clock.now()
    job = Job(
        organization_id=session.info.get("organization_id"),
        handler=handler,
        arguments=dict(arguments),
        subject=subject,
        event_id=event_id,
        created_by=created_by,
        max_attempts=max_attempts,
        run_at=run_at or now,
        created_at=now,
    )
    session.add(job)
    session.flush()
    session.execute(text(f"SELECT pg_notify('{CHANNEL}', '')"))
    return job.id


def is_waiting(session: Session, handler: str, subject: UUID) -> bool:
    """Tell whether such a job waits to be run; one that runs already does not count: it may have looked before."""
    query = select(Job.id).where(Job.handler == handler, Job.subject == subject, Job.state == JobState.QUEUED)
    return session.scalar(query.limit(1)) is not None


def hurry(session: Session, handler: str, subject: UUID) -> None:
    """Let waiting jobs of a subject run now."""
    session.execute(
        update(Job)
        .where(Job.handler == handler, Job.subject == subject, Job.state == JobState.QUEUED)
        .values(run_at=clock.now())
    )
    session.execute(text(f"SELECT pg_notify('{CHANNEL}', '')"))


def find(session: Session, job_id: UUID) -> Job | None:
    """Return the tenant's job, if there is one."""
    return session.scalar(select(Job).where(Job.id == job_id))


def page(session: Session, state: JobState | None = None, limit: int = 100) -> list[Job]:
    """Return the tenant's newest jobs, optionally of one state."""
    query = select(Job).order_by(Job.seq.desc()).limit(limit)
    return list(session.scalars(query if state is None else query.where(Job.state == state)))


def latest(session: Session, handler: str) -> Job | None:
    """Return the tenant's job of this kind that was asked for last, if there is one."""
    query = select(Job).where(Job.handler == handler).order_by(Job.seq.desc()).limit(1)
    organization_id = session.info.get("organization_id")
    return session.scalar(query.where(Job.organization_id == organization_id))


def retry(session: Session, job_id: UUID) -> None:
    """Give a failed job a new set of tries."""
    session.execute(
        update(Job)
        .where(Job.id == job_id, Job.state == JobState.FAILED)
        .values(state=JobState.QUEUED, attempts=0, run_at=clock.now(), error=None)
    )
    session.execute(text(f"SELECT pg_notify('{CHANNEL}', '')"))


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many failed tries: 2 s, 4 s, 8 s … at most an hour."""
    return timedelta(seconds=min(2**attempts, 3600))


Signal = Callable[[Database, str], None]
"""Called with what was said on a channel of the database: quick, and for the same words about once a second at most."""


class Worker:
    """Runs jobs until told to stop; several may run at once, in threads and in processes."""

    def __init__(
        self,
        database: Database,
        files: Files,
        mailer: Mailer,
        handlers: Mapping[str, Handler],
        schedule: Mapping[str, Duty],
        signals: Mapping[str, Signal] | None = None,
    ) -> None:
        self.database = database
        self.files = files
        self.mailer = mailer
        self.handlers = handlers
        self.schedule = schedule
        self.signals = dict(signals or {})
        self._stop = threading.Event()
        self._wake = threading.Condition()
        self._running: set[UUID] = set()
        self._passed_on_at = 0.0

    def run(self, threads: int = 2) -> None:
        """Work until `stop()`: drains what is running, starts nothing new."""
        others = [threading.Thread(target=self._listen, daemon=True), threading.Thread(target=self._tick, daemon=True)]
        workers = [threading.Thread(target=self._loop) for _ in range(threads)]
        for thread in [*others, *workers]:
            thread.start()
        for thread in workers:
            thread.join()

    def stop(self) -> None:
        """Ask all threads to finish their present job and end."""
        self._stop.set()
        with self._wake:
            self._wake.notify_all()

    def run_until_idle(self, limit: int = 1000) -> int:
        """Run what is due now in this thread and answer how many jobs ran (for tests and commands)."""
        for count in range(limit):
            if not self.run_one():
                return count
        raise RuntimeError(f"still busy after {limit} jobs")

    def run_one(self) -> bool:
        """Claim one due job and run it; answer whether there was one."""
        now = clock.now()
        with self.database.write(None) as session:
            claimed = session.execute(
                text("SELECT job_id, organization_id FROM claim_job(:now, :lease, :handlers)"),
                {"now": now, "lease": now + LEASE, "handlers": list(self.handlers)},
            ).one_or_none()
        if claimed is None or claimed.job_id is None:
            return False
        self._run_claimed(claimed.job_id, claimed.organization_id)
        return True

    def _run_claimed(self, job_id: UUID, organization_id: UUID | None) -> None:
        with self.database.read(organization_id) as session:
            job = session.scalars(select(Job).where(Job.id == job_id)).one()
        work = Work(self.database, self.files, self.mailer, organization_id, job_id)
        if job.attempts > job.max_attempts:
            self._report(work, state=JobState.FAILED, error=job.error or "The worker died during this job every time.")
            return
        self._running.add(job_id)
        with structlog.contextvars.bound_contextvars(job=str(job_id), handler=job.handler):
            try:
                result = self.handlers[job.handler](work, **job.arguments)
            except Refused as refusal:
                self._report(work, state=JobState.FAILED, error=str(refusal))
            except Exception as problem:
                self._failed(work, job, problem)
            else:
                self._report(work, state=JobState.SUCCEEDED, result=dict(result or {}), progress_percent=100)
            finally:
                self._running.discard(job_id)

    def _failed(self, work: Work, job: Job, problem: Exception) -> None:
        log.exception("job failed", attempt=job.attempts)
        error = "".join(traceback.format_exception_only(problem)).strip()[:2000]
        if job.attempts >= job.max_attempts:
            self._report(work, state=JobState.FAILED, error=error)
        else:
            self._report(work, state=JobState.QUEUED, error=error, run_at=clock.now() + pause_after(job.attempts))

    def _report(self, work: Work, *, state: JobState, **values: Any) -> None:
        finished = None if state is JobState.QUEUED else clock.now()
        with work.write() as session:
            session.execute(
                update(Job)
                .where(Job.id == work.job_id)
                .values(state=state, leased_until=None, finished_at=finished, **values)
            )

    def _loop(self) -> None:
        while not self._stop.is_set():
            try:
                if self.run_one():
                    continue
            except DBAPIError:
                log.exception("database away; waiting")
            with self._wake:
                self._wake.wait(timeout=2)

    def _listen(self) -> None:
        said: set[tuple[str, str]] = set()
        while not self._stop.is_set():
            with suppress(psycopg.Error), psycopg.connect(_plain_url(self.database.url), autocommit=True) as connection:
                for channel in (CHANNEL, *self.signals):
                    connection.execute(f"LISTEN {channel}")
                while not self._stop.is_set():
                    for note in connection.notifies(timeout=1 if said else 5, stop_after=1):
                        if note.channel == CHANNEL:
                            with self._wake:
                                self._wake.notify_all()
                        else:
                            said.add((note.channel, note.payload))
                    if said and not self._is_too_soon():
                        self._pass_on(said)
                        said = set()
            self._stop.wait(1)

    def _is_too_soon(self) -> bool:
        """Whether what was said on channels was passed on within the last second."""
        if time.monotonic() - self._passed_on_at < 1:
            return True
        self._passed_on_at = time.monotonic()
        return False

    def _pass_on(self, said: set[tuple[str, str]]) -> None:
        for channel, payload in said:
            try:
                self.signals[channel](self.database, payload)
            except Exception:
                log.exception("signal failed", channel=channel)

    def _tick(self) -> None:
        while not self._stop.wait(5):
            try:
                self._renew_leases()
                self.start_duties(clock.now())
            except DBAPIError:
                log.exception("database away; waiting")

    def _renew_leases(self) -> None:
        if running := list(self._running):
            with self.database.write(None) as session:
                session.execute(
                    text("SELECT renew_leases(:jobs, :until)"), {"jobs": running, "until": clock.now() + LEASE}
                )

    def start_duties(self, now: datetime) -> None:
        """Enqueue every duty whose time has come, once, however many workers look."""
        with self.database.write(None) as session:
            for name, duty in self.schedule.items():
                session.execute(
                    insert(JobSchedule).values(name=name, next_run_at=now + duty.every).on_conflict_do_nothing()
                )
                taken = session.execute(
                    update(JobSchedule)
                    .where(JobSchedule.name == name, JobSchedule.next_run_at <= now)
                    .values(next_run_at=now + duty.every)
                    .returning(JobSchedule.name)
                )
                if taken.one_or_none():
                    enqueue(session, duty.handler, {})


def _plain_url(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)
