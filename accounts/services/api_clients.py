"""Programs that act for an organization over REST and SCIM: their tokens, scopes and rate.

A token is `stoa_<prefix>_<secret>`. The prefix finds the client, the secret is compared with a keyed hash.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from accounts.permissions import PERMISSIONS, SIGNED_IN
from accounts.store import api_clients as store
from accounts.tables import ApiClient
from core import audit
from core.db import Session, uuid7
from core.errors import Conflict, Forbidden, Invalid, NotFound, Problem

SCIM = "scim"
"""The scope that lets a client keep people and groups as another system has them; who grants it may write people."""

PERSONAL = frozenset({SIGNED_IN, "learn", "api_client.manage"})
"""What people do themselves; no program does it for them, and none makes other programs."""

SCOPES = tuple(sorted({*PERMISSIONS.keys() - PERSONAL, SCIM}))
"""Everything a client can be granted."""

RATE = 600
"""Calls a minute, unless said otherwise."""

_TOKEN = re.compile(r"stoa_([0-9a-f]{12})_([A-Za-z0-9_-]{40,64})")
_MINUTE = timedelta(minutes=1)


class State(StrEnum):
    """Whether a client is let in."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Listed:
    """A client as its page shows it: all but the secret."""

    id: UUID
    label: str
    key_prefix: str
    scopes: tuple[str, ...]
    rate_per_minute: int
    state: State
    created_at: datetime
    created_by: UUID
    rotated_at: datetime | None
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True)
class Issued:
    """A client and its token, which is told this once."""

    id: UUID
    token: str


@dataclass(frozen=True)
class Let:
    """What became of a call: let in, or why not. `wait` is in seconds, when there were too many calls."""

    client: Listed | None
    reason: str = ""
    wait: int = 0


def grantable(permissions: Iterable[str]) -> list[str]:
    """Return the scopes that somebody with these permissions can grant: nobody grants more than they have."""
    held = set(permissions)
    return [scope for scope in SCOPES if scope in held or (scope == SCIM and "people.write" in held)]


def issue(
    session: Session,
    *,
    label: str,
    scopes: Iterable[str],
    permissions: Iterable[str],
    hash_key: bytes,
    now: datetime,
    by: UUID,
    rate_per_minute: int | None = RATE,
    expires_at: datetime | None = None,
) -> Issued:
    """Make a client; `permissions` are those of `by`, who grants. Raises Invalid naming every field that is wrong."""
    granted, allowed = list(dict.fromkeys(scopes)), grantable(permissions)
    problems = []
    if not 0 < len(label) <= 150 or not label.isprintable():
        problems.append(Problem("label", "Name the program that will use it, in one line of at most 150 characters."))
    if not granted:
        problems.append(Problem("scopes", "Choose at least one thing it may do."))
    if any(scope not in allowed for scope in granted):
        problems.append(Problem("scopes", "You can grant only what you may do yourself."))
    if rate_per_minute is None or not 1 <= rate_per_minute <= 100_000:
        problems.append(Problem("rate_per_minute", "This takes a number from 1 to 100000."))
    if expires_at is not None and expires_at <= now:
        problems.append(Problem("expires_on", "That day has passed."))
    if problems:
        raise Invalid(problems=problems)
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    row = ApiClient(
        id=uuid7(),
        label=label,
        key_prefix=prefix,
        secret_hash=_hash(hash_key, secret),
        scopes=granted,
        rate_per_minute=rate_per_minute,
        created_at=now,
        created_by=by,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    new = {"label": label, "scopes": granted, "rate_per_minute": rate_per_minute}
    audit.record(session, "api_client.created", "api_client", row.id, new=new)
    return Issued(row.id, f"stoa_{prefix}_{secret}")


def rotate(session: Session, client_id: UUID, *, permissions: Iterable[str], hash_key: bytes, now: datetime) -> Issued:
    """Give a client another secret; the old one ends at once.

    Raises NotFound, Conflict when it is revoked, Forbidden when it may do what the one who asks may not.
    """
    row = _row(session, client_id)
    if row.revoked_at is not None:
        raise Conflict("A revoked client gets no new secret. Make another one.")
    if not set(row.scopes) <= set(grantable(permissions)):
        raise Forbidden("This client may do what you may not; you cannot hold its token.")
    secret = secrets.token_urlsafe(32)
    row.secret_hash, row.rotated_at = _hash(hash_key, secret), now
    audit.record(session, "api_client.rotated", "api_client", row.id, details={"label": row.label})
    return Issued(row.id, f"stoa_{row.key_prefix}_{secret}")


def revoke(session: Session, client_id: UUID, now: datetime) -> None:
    """End a client for good, from its next call on. Raises NotFound."""
    row = _row(session, client_id)
    if row.revoked_at is None:
        row.revoked_at = now
        audit.record(session, "api_client.revoked", "api_client", row.id, details={"label": row.label})


def listed(session: Session, now: datetime) -> list[Listed]:
    """Return the organization's clients, newest first."""
    return [_listed(row, now) for row in store.listed(session)]


def get(session: Session, client_id: UUID, now: datetime) -> Listed:
    """Return a client. Raises NotFound."""
    row = store.find(session, client_id)
    if row is None:
        raise NotFound("There is no such API client.")
    return _listed(row, now)


def labels(session: Session) -> dict[UUID, str]:
    """Return what the organization's clients are called, by id."""
    return store.labels(session)


def split(token: str) -> tuple[str, str] | None:
    """Return the prefix and the secret of a token, if it looks like one."""
    found = _TOKEN.fullmatch(token)
    return (found[1], found[2]) if found else None


def organization_of_prefix(session: Session, prefix: str) -> tuple[UUID, UUID] | None:
    """Return (client id, organization id) behind a prefix; the transaction needs no tenant."""
    return store.find_by_prefix(session, prefix)


def let_in(session: Session, client_id: UUID, secret: str, *, hash_key: bytes, now: datetime) -> Let:
    """Check a call's secret, end and rate, count it and note the use.

    A wrong secret is written into the audit log, at most once a minute for a client.
    """
    row = store.find(session, client_id, lock=True)
    if row is None or not hmac.compare_digest(row.secret_hash, _hash(hash_key, secret)):
        if row is not None and (row.refused_at is None or now - row.refused_at >= _MINUTE):
            row.refused_at = now
            audit.record(session, "api_client.refused", "api_client", row.id, details={"label": row.label})
        return Let(None, "This token is not known here.")
    described = _listed(row, now)
    if described.state is not State.ACTIVE:
        return Let(None, f"This API client is {described.state}.")
    if row.window_at is None or not timedelta(0) <= now - row.window_at < _MINUTE:
        row.window_at, row.window_calls = now, 0
    if row.window_calls >= row.rate_per_minute:
        wait = (_MINUTE - (now - row.window_at)).total_seconds()
        return Let(None, f"This API client may call {row.rate_per_minute} times a minute.", max(1, round(wait + 0.5)))
    row.window_calls += 1
    row.last_used_at = now
    return Let(described)


def _listed(row: ApiClient, now: datetime) -> Listed:
    is_over = row.expires_at is not None and row.expires_at <= now
    state = State.REVOKED if row.revoked_at else State.EXPIRED if is_over else State.ACTIVE
    return Listed(
        row.id, row.label, row.key_prefix, tuple(row.scopes), row.rate_per_minute, state, row.created_at,
        row.created_by, row.rotated_at, row.expires_at, row.last_used_at,
    )  # fmt: skip


def _row(session: Session, client_id: UUID) -> ApiClient:
    row = store.find(session, client_id, lock=True)
    if row is None:
        raise NotFound("There is no such API client.")
    return row


def _hash(key: bytes, secret: str) -> str:
    return hmac.new(key, secret.encode(), hashlib.sha256).hexdigest()
