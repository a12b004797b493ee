"""Organizations one may enter, and how: each says whether the password is enough there."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.store import members as member_store
from accounts.store import people as people_store
from accounts.store import providers as store
from core.db import Session


@dataclass(frozen=True)
class Way:
    """An identity provider as the sign-in page offers it."""

    id: UUID
    name: str


@dataclass(frozen=True)
class Entrance:
    """An organization as somebody who is about to enter it sees it."""

    organization_id: UUID
    name: str
    slug: str
    ways: tuple[Way, ...]
    takes_password: bool


def general(session: Session) -> Entrance:
    """Return what the organization offers to everybody."""
    organization = people_store.organization(session)
    ways = tuple(Way(row.id, row.name) for row in store.active(session))
    return Entrance(
        organization.id, organization.name, organization.slug, ways, not (organization.requires_provider and ways)
    )


def find(session: Session) -> Entrance | None:
    """Return what the organization offers, if there is one and it is in use."""
    organization = people_store.find_organization(session)
    return general(session) if organization is not None and organization.is_active else None


def of_person(session: Session, user_id: UUID, now: datetime) -> Entrance:
    """Return what the organization offers to one of its people: an administrator's password always opens.

    That is the way out when the provider is gone or set up wrongly.
    """
    found = general(session)
    if found.takes_password or user_id not in member_store.administrators(session, now):
        return found
    return Entrance(found.organization_id, found.name, found.slug, found.ways, takes_password=True)
