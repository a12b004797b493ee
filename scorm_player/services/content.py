"""The files of a version, read by whoever knows its unguessable path."""

from dataclasses import dataclass
from time import monotonic
from uuid import UUID

from core.db import Database
from core.errors import NotFound
from scorm_player.archive import Index
from scorm_player.services.shelf import Shelf
from scorm_player.store import packages as store

SECONDS_UNTIL_ASKED_AGAIN = 5.0
"""For so long a revoked path still reads: the price of not asking the database for every image of a page."""


@dataclass(frozen=True)
class Content:
    """What a reading path leads to: the zip in storage, and where each file's bytes lie in it."""

    sha256: str
    index: Index


@dataclass(frozen=True)
class Owner:
    """Whose version a capability belongs to, and when that was last asked."""

    organization_id: UUID
    version_id: UUID
    asked_at: float


_owners: Shelf[Owner] = Shelf(4096)
_contents: Shelf[Content] = Shelf(128)


def content_of(database: Database, capability: str) -> Content:
    """Return what a reading path leads to. Raises NotFound when it leads nowhere, or no longer."""
    owner = _owners.get(capability, lambda: ask(database, capability))
    if monotonic() - owner.asked_at > SECONDS_UNTIL_ASKED_AGAIN:
        _owners.forget(capability)
        owner = _owners.get(capability, lambda: ask(database, capability))
    return _contents.get((owner.organization_id, owner.version_id), lambda: load(database, owner))


def remembered(capability: str) -> Content | None:
    """Return what a reading path leads to if that was asked a moment ago; None sends to `content_of`."""
    owner = _owners.find(capability)
    if owner is None or monotonic() - owner.asked_at > SECONDS_UNTIL_ASKED_AGAIN:
        return None
    return _contents.find((owner.organization_id, owner.version_id))


def ask(database: Database, capability: str) -> Owner:
    """Look the capability up before the tenant is known. Raises NotFound."""
    with database.read(None) as session:
        found = store.version_by_capability(session, capability)
    if found is None:
        raise NotFound("This address leads to no course, or no longer.")
    return Owner(*found, asked_at=monotonic())


def load(database: Database, owner: Owner) -> Content:
    """Read a version's index."""
    with database.read(owner.organization_id) as session:
        version = store.get_version(session, owner.version_id)
        return Content(version.sha256, Index.from_bytes(version.member_index))
