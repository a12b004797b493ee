"""Events: past-tense facts with ids, announced in the transaction that makes them true.

Rolled back, they were never said; committed, every listener hears them at least once, in order per subject.
Who listens is written in `app/wiring.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from core import clock, jobs
from core.db import Session
from core.tables import DomainEvent


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
    row = DomainEvent(
        event_type=type(event).__name__, occurred_at=clock.now(), subject=subject, payload=_plain(asdict(event))
    )
    session.add(row)
    session.flush()
    for handler in _listeners.get(type(event), ()):
        jobs.enqueue(session, handler, row.payload, subject=subject, event_id=row.id)
    return row.id


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
