"""What training announces."""

from dataclasses import dataclass
from uuid import UUID

from core.events import Event


@dataclass(frozen=True)
class AssignmentCreated(Event):
    """Somebody has been given something to learn. Not announced again for one that was open already."""

    assignment_id: UUID
    user_id: UUID


@dataclass(frozen=True)
class AssignmentCancelled(Event):
    """An obligation has ended without being met."""

    assignment_id: UUID
    user_id: UUID


@dataclass(frozen=True)
class ModuleProgressed(Event):
    """Somebody's state in a module has changed."""

    enrollment_id: UUID
    module_id: UUID
    user_id: UUID


@dataclass(frozen=True)
class CompletionRecorded(Event):
    """A completion has been written into the ledger."""

    completion_id: UUID
    user_id: UUID


@dataclass(frozen=True)
class CertificateIssued(Event):
    """A certificate has been issued; its PDF is yet to be rendered."""

    certificate_id: UUID


@dataclass(frozen=True)
class CertificateRevoked(Event):
    """A certificate no longer holds."""

    certificate_id: UUID
