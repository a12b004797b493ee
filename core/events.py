"""Events: past-tense facts with ids, announced in the transaction that makes them true.

Rolled back, they were never said; committed, every listener hears them at least once, in order per subject.
Who listens is written in `app/wiring.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import psycopg

from core import clock, jobs
from core.db import Session, organization_of, uuid7
from core.wire import INTEGER, MOMENT, TEXT, UUID_TYPE, Prepared, Texts, Uuids, Wire, integer, moment


@dataclass(frozen=True)
class Event:
    """Something that has happened. Fields are ids, words and numbers, never rows or requests."""


Listeners = Mapping[type[Event], Sequence[str]]
_listeners: dict[type[Event], tuple[str, ...]] = {}


def listen(listeners: Listeners) -> None:
    """Say which handlers hear which events; called once, by the wiring."""
    _listeners.clear()
    _listeners.update({event: tuple(handlers) for event, handlers in listeners.items()})


def publish(session: Session, event: Event, subject: UUID | None = None) -> UUID:
    """Write the event and one delivery per listener in the caller's transaction; answer the event's id.

    Deliveries of events with the same `subject` reach a listener one after the other.
    """
    event_id, now = uuid7(), clock.now()
    payload = _payload(event).decode()
    handlers = _listeners.get(type(event), ())
    session.flush()
    # The driver's own connection: publishing is part of every stored statement and rides in its pipeline.
    driver: psycopg.Connection[Any] | Any = session.connection().connection.driver_connection
    driver.execute(
        _PUBLISH if handlers else _NOTE,
        {
            "organization_id": organization_of(session),
            "id": event_id,
            "event_type": type(event).__name__,
            "now": now,
            "subject": subject,
            "payload": payload,
            "handlers": list(handlers),
            "jobs": [uuid7() for _ in handlers],
            "max_attempts": jobs.MAX_ATTEMPTS,
        },
        prepare=True,
    )
    return event_id


def publish_on(wire: Wire, organization_id: UUID, event: Event, subject: UUID | None = None) -> None:
    """Let what `publish` does go with the next journey of a wire that has PUBLISH: one statement."""
    handlers = _listeners.get(type(event), ())
    wire.send(
        PUBLISH,
        organization_id=organization_id.bytes,
        id=uuid7().bytes,
        event_type=type(event).__name__.encode(),
        now=moment(clock.now()),
        subject=subject.bytes if subject else None,
        payload=_payload(event),
        handlers=Texts.of(handlers).data,
        jobs=Uuids.of([uuid7() for _ in handlers]).data,
        max_attempts=integer(jobs.MAX_ATTEMPTS),
    )


def _payload(event: Event) -> bytes:
    return orjson.dumps(event, option=orjson.OPT_NON_STR_KEYS)


_NOTE = """
    INSERT INTO domain_events (organization_id, id, event_type, occurred_at, subject, payload)
    VALUES (%(organization_id)s, %(id)s, %(event_type)s, %(now)s, %(subject)s, CAST(%(payload)s AS jsonb))
"""
_PUBLISH = f"""
    WITH said AS ({_NOTE}), delivered AS (
        INSERT INTO jobs (id, organization_id, handler, arguments, subject, event_id, state, attempts, max_attempts,
            run_at, created_at, progress_percent, progress_note, result)
        SELECT job.id, %(organization_id)s, job.handler, CAST(%(payload)s AS jsonb), %(subject)s, %(id)s, 'queued', 0,
            %(max_attempts)s, %(now)s, %(now)s, 0, '', '{{}}'
        FROM unnest(%(jobs)s::uuid[], %(handlers)s::text[]) AS job(id, handler)
    )
    SELECT pg_notify('{jobs.CHANNEL}', '')
"""  # noqa: S608 - constants of this module
PUBLISH = Prepared(
    _PUBLISH,
    organization_id=UUID_TYPE,
    id=UUID_TYPE,
    event_type=TEXT,
    now=MOMENT,
    subject=UUID_TYPE,
    payload=TEXT,
    handlers=Texts.oid,
    jobs=Uuids.oid,
    max_attempts=INTEGER,
)
