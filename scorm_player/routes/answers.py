"""What packages answer over REST."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from core import rest


class PackagesWanted(rest.Paging):
    """Which packages are asked for."""

    q: str = Field("", max_length=100, description="In the title.")


class ImportAnswer(rest.Answer):
    """What became of an upload; `findings` name file, line, rule and remedy.

    `sha256` is empty while the pieces of an upload wait to be put together.
    """

    id: UUID
    state: str
    file_name: str
    sha256: str
    size_bytes: int
    job_id: UUID | None
    package_version_id: UUID | None
    created_at: datetime
    finished_at: datetime | None
    findings: list[dict[str, Any]]


class UploadAnswer(rest.Answer):
    """An upload that comes in pieces; with the last one `import_id` is there: what becomes of the package."""

    id: UUID
    file_name: str
    size_bytes: int
    offset_bytes: int
    fingerprint: str
    import_id: UUID | None
    created_at: datetime
    expires_at: datetime


class PackageVersionAnswer(rest.Answer):
    """One upload of a package, never changed after it is ready."""

    id: UUID
    package_id: UUID
    sequence: int
    state: str
    title: str
    description: str | None
    language: str | None
    estimated_minutes: int | None
    sha256: str
    file_count: int
    uncompressed_bytes: int
    finding_count: int
    ready_at: datetime


class PackageAnswer(rest.Answer):
    """A package with versions: in lists the newest alone."""

    id: UUID
    title: str
    standard: str
    identifier: str
    activity_iri: str
    created_at: datetime
    versions: list[PackageVersionAnswer]


class Report(rest.Answer):
    """What was found in a version."""

    state: str
    findings: list[dict[str, Any]]


class ItemAnswer(rest.Answer):
    """A node of a version's tree."""

    id: UUID
    parent_id: UUID | None
    identifier: str
    kind: str
    title: str | None
    activity_iri: str | None
    launch_path: str | None
    parameters: str | None
    is_visible: bool


class Items(rest.Answer):
    """A version's tree in document order."""

    items: list[ItemAnswer]
