"""Credentials of LRS clients: making, finding by key and secret, what their scopes allow."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from threading import Lock
from typing import Any
from uuid import UUID

from core import audit
from core.db import Database, Session, organization_of, uuid7
from core.errors import Forbidden, Invalid, Problem, Unauthorized
from lrs.store import credentials as store
from lrs.tables import Credential
from lrs.xapi.actors import authority as authority_rule
from lrs.xapi.actors import identifier
from lrs.xapi.problems import Report


class Scope(StrEnum):
    """What a credential may do (Communication 4.2)."""

    STATEMENTS_WRITE = "statements/write"
    STATEMENTS_READ_MINE = "statements/read/mine"
    STATEMENTS_READ = "statements/read"
    STATE = "state"
    DEFINE = "define"
    PROFILE = "profile"
    ALL_READ = "all/read"
    ALL = "all"


@dataclass(frozen=True)
class Caller:
    """Who is talking to the LRS: the tenant, the authority its statements get, and what it may do.

    With `agent` or `registration` it is limited to that actor or registration: the credential of one launch.
    """

    organization_id: UUID
    authority: dict[str, Any]
    scopes: frozenset[str] = frozenset({Scope.ALL})
    credential_id: UUID | None = None
    agent: str | None = None
    registration: UUID | None = None
    origins: frozenset[str] = frozenset()

    def may(self, *scopes: Scope) -> bool:
        """Whether one of these scopes, or `all`, was granted."""
        return Scope.ALL in self.scopes or any(scope in self.scopes for scope in scopes)

    def require(self, *scopes: Scope) -> None:
        """Raises Forbidden when none of these scopes was granted."""
        if not self.may(*scopes):
            raise Forbidden(f"This credential lacks the scope {' or '.join(scopes)}.")

    @property
    def may_define(self) -> bool:
        """Whether its statements may change canonical activity definitions; content under a launch never may."""
        return self.may(Scope.DEFINE) and not self.is_limited

    @property
    def is_limited(self) -> bool:
        """Whether it is bound to one actor or registration."""
        return self.agent is not None or self.registration is not None

    @property
    def reads_only_mine(self) -> bool:
        """Whether it sees only statements of its own authority."""
        return not self.may(Scope.STATEMENTS_READ, Scope.ALL_READ)


@dataclass(frozen=True)
class NewCredential:
    """A credential just made. The secret is shown this once."""

    id: UUID
    key: str
    secret: str


def create(
    session: Session,
    *,
    label: str,
    scopes: Iterable[Scope],
    authority: dict[str, Any],
    hash_key: bytes,
    now: datetime,
    expires_at: datetime | None = None,
    origins: Iterable[str] = (),
    agent: dict[str, Any] | None = None,
    registration: UUID | None = None,
    created_by: UUID | None = None,
) -> NewCredential:
    """Make a key and a secret for a client; `hash_key` is `config.key("lrs")`.

    `authority` is the Agent that will vouch for its statements. `agent` and `registration` limit it to one actor and
    registration. Raises Invalid when the authority is no Agent or there is no scope.
    """
    report = Report()
    authority_rule(report, "authority", authority)
    problems = [Problem(item.path, item.message, item.requirement) for item in report.problems]
    granted = [Scope(scope) for scope in scopes]
    if not granted:
        problems.append(Problem("scopes", "name at least one"))
    if problems:
        raise Invalid("This credential cannot be made.", problems=problems)
    key, secret = secrets.token_urlsafe(18), secrets.token_urlsafe(30)
    row = Credential(
        id=uuid7(),
        key=key,
        secret_hash=_hash(hash_key, secret),
        label=label[:150],
        scopes=[scope.value for scope in granted],
        authority=authority,
        origins=list(origins),
        agent=identifier(agent) if agent is not None else None,
        registration=registration,
        created_at=now,
        created_by=created_by,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    audit.record(session, "lrs_credential.created", "lrs_credential", row.id, details={"label": label})
    return NewCredential(row.id, key, secret)


def revoke(session: Session, credential_id: UUID, now: datetime) -> None:
    """End a credential; within a few seconds no process lets it in. Raises NotFound."""
    row = store.get(session, credential_id)
    if row.revoked_at is None:
        row.revoked_at = now
        audit.record(session, "lrs_credential.revoked", "lrs_credential", row.id, details={"label": row.label})
    forget(row.key)


def listed(session: Session) -> list[Credential]:
    """The tenant's credentials, newest first."""
    return store.page(session)


def caller_of(database: Database, key: str, secret: str, *, hash_key: bytes, now: datetime) -> Caller:
    """Who has this key and secret. Raises Unauthorized, not saying which of the two is wrong.

    What was found is remembered for two seconds, so a busy client costs no look-up and a revoked one is out in time.
    """
    given = _hash(hash_key, secret)
    entry = _recall(database, key)
    if entry is None:
        entry = _look_up(database, key, now)
        _remember(database, key, entry)
    if not hmac.compare_digest(entry.secret_hash, given) or entry.caller is None:
        raise Unauthorized("Key and secret are not known here.")
    if entry.expires_at is not None and entry.expires_at <= now:
        raise Unauthorized("This credential has expired.")
    return entry.caller


def forget(key: str) -> None:
    """Let this process look the credential up again."""
    with _lock:
        for known in [known for known in _recent if known[1] == key]:
            del _recent[known]


@dataclass(frozen=True)
class _Entry:
    secret_hash: str
    caller: Caller | None
    expires_at: datetime | None


_REMEMBERED_FOR = 2.0  # seconds
_NOBODY = _Entry("", None, None)
_USED_EVERY = 300  # seconds between two notes of the last use
_recent: dict[tuple[str, str], tuple[float, _Entry]] = {}
_lock = Lock()


def _look_up(database: Database, key: str, now: datetime) -> _Entry:
    with database.read(None) as session:
        found = store.find_by_key(session, key)
    if found is None:
        return _NOBODY
    credential_id, organization_id = found
    with database.write(organization_id) as session:
        row = store.find(session, credential_id)
        if row is None or row.revoked_at is not None:
            return _NOBODY
        if row.last_used_at is None or (now - row.last_used_at).total_seconds() > _USED_EVERY:
            store.touch(session, credential_id, now)
        return _Entry(row.secret_hash, _caller(session, row), row.expires_at)


def _caller(session: Session, row: Credential) -> Caller:
    return Caller(
        organization_id=organization_of(session),
        authority=row.authority,
        scopes=frozenset(row.scopes),
        credential_id=row.id,
        agent=row.agent,
        registration=row.registration,
        origins=frozenset(row.origins),
    )


def _recall(database: Database, key: str) -> _Entry | None:
    known = _recent.get((database.url, key))
    return known[1] if known is not None and known[0] > time.monotonic() else None


def _remember(database: Database, key: str, entry: _Entry) -> None:
    with _lock:
        if len(_recent) > 10_000:
            _recent.clear()
        _recent[database.url, key] = (time.monotonic() + _REMEMBERED_FOR, entry)


def _hash(hash_key: bytes, secret: str) -> str:
    return hmac.new(hash_key, secret.encode(), hashlib.sha256).hexdigest()
