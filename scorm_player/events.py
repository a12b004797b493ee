"""What the packages and the run-time announce."""

from dataclasses import dataclass
from uuid import UUID

from core.events import Event


@dataclass(frozen=True)
class PackageImported(Event):
    """A new version of a package is ready to be played. Not announced when the same bytes come again."""

    package_id: UUID
    package_version_id: UUID


@dataclass(frozen=True)
class PackageRefused(Event):
    """An upload could not be accepted; the import's report says why."""

    import_id: UUID
    rule: str


@dataclass(frozen=True)
class RuntimeCommitted(Event):
    """Something that counts has changed in a registration: a status, a score, progress, or a session has ended."""

    registration_id: UUID
    item_id: UUID
    session_id: UUID
    has_ended: bool
