"""What accounts announces about people."""

from dataclasses import dataclass
from uuid import UUID

from core.events import Event


@dataclass(frozen=True)
class PersonJoined(Event):
    """Somebody became a member of the organization, or came back; invited people count from the invitation on."""

    user_id: UUID


@dataclass(frozen=True)
class PersonChanged(Event):
    """A member's standing changed: `fields` names what (status, position, unit, reporting line, roles, name)."""

    user_id: UUID
    fields: list[str]


@dataclass(frozen=True)
class PersonLeft(Event):
    """Somebody left the organization: signed out everywhere, unable to come back in; the records stay."""

    user_id: UUID


@dataclass(frozen=True)
class AudienceChanged(Event):
    """So many people entered and left an audience; `accounts.services.audiences.members` knows who."""

    audience_id: UUID
    entered: int
    left: int
