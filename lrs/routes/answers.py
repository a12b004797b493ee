"""What the Learning Record Store's calls beside xAPI answer."""

from datetime import datetime
from typing import Any
from uuid import UUID

from core import rest


class Groups(rest.Answer):
    """Counts of statements."""

    by: str
    bucket: str
    zone: str
    since: datetime | None
    groups: list[dict[str, Any]]


class ImportState(rest.Answer):
    """How far an import of statements is, and the first lines it refused."""

    id: UUID
    file: str
    state: str
    lines: int
    stored: int
    known: int
    refused: int
    error: str | None
    refusals: list[dict[str, Any]]


class CredentialAnswer(rest.Answer):
    """Who may send statements, all but the secret."""

    id: UUID
    key: str
    label: str
    scopes: list[str]
    origins: list[str]
    state: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    rate: int | None


class CredentialSent(rest.Sent):
    """A client of the LRS and what it may do."""

    label: str
    scopes: list[str]
    origins: list[str] = []
    expires_at: datetime | None = None
    rate: int | None = None


class CredentialMade(CredentialAnswer):
    """A credential just made: its secret is told this once."""

    secret: str
