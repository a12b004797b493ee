"""What the LRS announces."""

from dataclasses import dataclass
from uuid import UUID

from core.events import Event


@dataclass(frozen=True)
class StatementsStored(Event):
    """New statements are in the store: one event per transaction, none for what is sent a second time.

    The event's subject is the registration, where all of them have the same one.
    """

    statement_ids: list[UUID]


@dataclass(frozen=True)
class PersonsMerged(Event):
    """Somebody said that identifiers are one person's. The event's subject is the person."""

    merge_id: UUID


@dataclass(frozen=True)
class PersonsSeparated(Event):
    """A merge of persons has been undone. The event's subject is the person they had been."""

    merge_id: UUID
