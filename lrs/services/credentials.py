"""Credentials of LRS clients: making, finding by key and secret, what their scopes allow."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from threading import Lock
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from core import audit
from core.db import Database, Session, organization_of, uuid7
from core.errors import Conflict, Forbidden, Invalid, Problem, Unauthorized
from lrs.services.building import account
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
    rate: int | None = None  # requests per minute; None: as the setting says, 0: any number

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


def issue(
    session: Session,
    *,
    label: str,
    scopes: Iterable[str],
    home_page: str,
    hash_key: bytes,
    now: datetime,
    key: str | None = None,
    secret: str | None = None,
    expires_at: datetime | None = None,
    origins: Iterable[str] = (),
    rate: int | None = None,
    created_by: UUID | None = None,
    is_secretless: bool = False,
) -> NewCredential:
    """Make a credential for a client that somebody set up by hand; its statements get an authority of their own.

    The authority is the account named like the key at `home_page`, which is `config.app_origin`. Raises as `create`.
    Without a secret nobody gets in by the key: something else opens it.
    """
    key = key or secrets.token_urlsafe(18)
    return create(
        session, label=label, scopes=scopes, authority=account(home_page, key, label), hash_key=hash_key, now=now,
        expires_at=expires_at, origins=origins, rate=rate, created_by=created_by, key=key, secret=secret,
        is_secretless=is_secretless,
    )  # fmt: skip


def create(
    session: Session,
    *,
    label: str,
    scopes: Iterable[str],
    authority: dict[str, Any],
    hash_key: bytes,
    now: datetime,
    expires_at: datetime | None = None,
    origins: Iterable[str] = (),
    agent: dict[str, Any] | None = None,
    registration: UUID | None = None,
    rate: int | None = None,
    created_by: UUID | None = None,
    key: str | None = None,
    secret: str | None = None,
    is_secretless: bool = False,
) -> NewCredential:
    """Make a credential, with a random key and secret unless they are given; `hash_key` is `config.key("lrs")`.

    `authority` is the Agent that will vouch for its statements. `agent` and `registration` limit it to one actor and
    registration. Raises Invalid naming every field that is wrong, Conflict when somebody has the key already.
    """
    granted, allowed = list(dict.fromkeys(scopes)), [origin.rstrip("/") for origin in origins]
    key = secrets.token_urlsafe(18) if key is None else key
    secret = secrets.token_urlsafe(30) if secret is None else secret
    problems = _problems(label, granted, allowed, authority, key, secret, expires_at, now) + rate_problems(rate)
    if problems:
        raise Invalid("This credential cannot be made.", problems=problems)
    if store.find_by_key(session, key) is not None:
        raise Conflict(f"The key {key} is taken.")
    row = Credential(
        id=uuid7(),
        key=key,
        secret_hash="" if is_secretless else _hash(hash_key, secret),
        label=label.strip(),
        scopes=granted,
        authority=authority,
        origins=allowed,
        agent=identifier(agent) if agent is not None else None,
        registration=registration,
        created_at=now,
        created_by=created_by,
        rate=rate,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    audit.record(session, "lrs_credential.created", "lrs_credential", row.id, details={"label": row.label})
    return NewCredential(row.id, key, secret)


def _problems(
    label: str,
    scopes: Sequence[str],
    origins: Iterable[str],
    authority: dict[str, Any],
    key: str,
    secret: str,
    expires_at: datetime | None,
    now: datetime,
) -> list[Problem]:
    """Everything that is wrong with what a credential shall be."""
    report = Report()
    authority_rule(report, "authority", authority)
    problems = [Problem(item.path, item.message, item.requirement) for item in report.problems]
    if not 0 < len(label.strip()) <= 150:
        problems.append(Problem("label", "Name whoever will use it, in at most 150 characters."))
    if not scopes:
        problems.append(Problem("scopes", "Choose at least one thing it may do."))
    known = [scope.value for scope in Scope]
    problems += [
        Problem("scopes", f"There is no scope {scope[:40]!r}.", f"Known are {', '.join(known)}.")
        for scope in scopes
        if scope not in known
    ]
    problems += [
        Problem("origins", f"{origin[:80]!r} is not an origin.", "It looks like https://app.example.org")
        for origin in origins
        if not _is_origin(origin)
    ]
    if not 0 < len(key) <= 64 or ":" in key or not key.isascii() or not key.isprintable():
        problems.append(Problem("key", "A key has 1 to 64 printable ASCII characters and no colon."))
    if not 0 < len(secret) <= 200 or not secret.isprintable():
        problems.append(Problem("secret", "A secret has 1 to 200 printable characters."))
    if expires_at is not None and expires_at <= now:
        problems.append(Problem("expires_on", "That day has passed."))
    return problems


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and text == f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        return False


HIGHEST_RATE = 1_000_000
"""Requests per minute."""


def rate_problems(rate: int | None) -> list[Problem]:
    """What is wrong with a number of requests per minute."""
    if rate is None or 0 <= rate <= HIGHEST_RATE:
        return []
    return [Problem("rate", f"Requests per minute are a number from 0 to {HIGHEST_RATE}; 0 sets no limit.")]


def set_rate(session: Session, credential_id: UUID, rate: int | None) -> None:
    """Let a credential make so many requests per minute; None: as the setting says. Raises NotFound, Invalid."""
    if problems := rate_problems(rate):
        raise Invalid("This is no rate.", problems=problems)
    row = store.get(session, credential_id)
    if row.rate != rate:
        audit.record(
            session, "lrs_credential.rate_changed", "lrs_credential", row.id, old={"rate": row.rate},
            new={"rate": rate}, details={"label": row.label},
        )  # fmt: skip
        row.rate = rate
    forget(row.key)


def revoke(session: Session, credential_id: UUID, now: datetime) -> None:
    """End a credential; within a few seconds no process lets it in. Raises NotFound."""
    row = store.get(session, credential_id)
    if row.revoked_at is None:
        row.revoked_at = now
        audit.record(session, "lrs_credential.revoked", "lrs_credential", row.id, details={"label": row.label})
    forget(row.key)


class State(StrEnum):
    """Whether a credential lets anybody in."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Summary:
    """A credential as its page shows it: all but the secret."""

    id: UUID
    key: str
    label: str
    scopes: tuple[str, ...]
    origins: tuple[str, ...]
    state: State
    is_limited: bool
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    has_secret: bool
    rate: int | None
    caller: Caller


def page(session: Session, now: datetime) -> list[Summary]:
    """The tenant's credentials that people made, newest first; those of single launches are not among them."""
    return [found for row in store.page(session) if not (found := _summary(session, row, now)).is_limited]


def listed(session: Session) -> list[Credential]:
    """All of the tenant's credentials, those of single launches too, newest first."""
    return store.page(session)


def get(session: Session, credential_id: UUID, now: datetime) -> Summary:
    """The tenant's credential. Raises NotFound."""
    return _summary(session, store.get(session, credential_id), now)


def authority_of(session: Session, credential_id: UUID) -> dict[str, Any]:
    """Who vouches for the statements of a credential. Raises NotFound."""
    return store.get(session, credential_id).authority


def labels(session: Session, ids: Iterable[UUID]) -> dict[UUID, str]:
    """What these credentials are called."""
    return store.labels(session, ids)


def _summary(session: Session, row: Credential, now: datetime) -> Summary:
    is_over = row.expires_at is not None and row.expires_at <= now
    state = State.REVOKED if row.revoked_at else State.EXPIRED if is_over else State.ACTIVE
    caller = _caller(session, row)
    return Summary(
        row.id, row.key, row.label, tuple(row.scopes), tuple(row.origins), state, caller.is_limited,
        row.created_at, row.expires_at, row.last_used_at, bool(row.secret_hash), row.rate, caller,
    )  # fmt: skip


def caller_of(database: Database, key: str, secret: str, *, hash_key: bytes, now: datetime) -> Caller:
    """Who has this key and secret. Raises Unauthorized, not saying which of the two is wrong.

    What was found is remembered for two seconds, so a busy client costs no look-up and a revoked one is out in time.
    """
    given = _hash(hash_key, secret)
    entry = _recall(database, key)
    if entry is None:
        entry = _look_up(database, key, now)
        _remember(database, key, entry)
    is_right = hmac.compare_digest(entry.secret_hash, given) or _is_pass(hash_key, key, secret, now)
    if not is_right or entry.caller is None:
        raise Unauthorized("Key and secret are not known here.")
    if entry.expires_at is not None and entry.expires_at <= now:
        raise Unauthorized("This credential has expired.")
    if not entry.is_noted:
        _remember(database, key, replace(entry, is_noted=True))
        with database.write(entry.caller.organization_id) as session:
            store.touch(session, entry.caller.credential_id, now)
    return entry.caller


def note_use(database: Database, credential: Summary, now: datetime) -> None:
    """Note that a credential is in use, to the minute."""
    last = credential.last_used_at
    if last is None or (now - last).total_seconds() >= _USED_EVERY:
        with database.write(credential.caller.organization_id) as session:
            store.touch(session, credential.id, now)


def short_pass(hash_key: bytes, key: str, now: datetime) -> str:
    """What opens a credential in place of its secret for 30 seconds: for tests of one whose secret nobody knows.

    Only who has the installation's key can make one, and it is of no use for another credential.
    """
    until = int(now.timestamp()) + _PASS_SECONDS
    return f"{_PASS}{until}.{_hash(hash_key, f'{_PASS}{until}.{key}')}"


def _is_pass(hash_key: bytes, key: str, secret: str, now: datetime) -> bool:
    until, _, signature = secret.removeprefix(_PASS).partition(".")
    if not secret.startswith(_PASS) or not until.isdecimal() or len(until) > 12 or not signature.isascii():
        return False
    is_right = hmac.compare_digest(_hash(hash_key, f"{_PASS}{until}.{key}"), signature)
    return is_right and now.timestamp() < int(until) <= now.timestamp() + 2 * _PASS_SECONDS


def remembered(database: Database, key: str, secret: str, *, hash_key: bytes, now: datetime) -> Caller | None:
    """Who has this key and secret, if that is known without asking the database; else None, whatever the reason."""
    entry = _recall(database, key)
    if entry is None or entry.caller is None or not entry.is_noted:
        return None
    is_over = entry.expires_at is not None and entry.expires_at <= now
    return None if is_over or not hmac.compare_digest(entry.secret_hash, _hash(hash_key, secret)) else entry.caller


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
    is_noted: bool = True  # whether the database knows of the last use, to the minute


_PASS = "self-test."  # noqa: S105 - how one begins
_PASS_SECONDS = 30
_REMEMBERED_FOR = 2.0  # seconds
_NOBODY = _Entry("", None, None)
_USED_EVERY = 60  # seconds between two notes of the last use
_recent: dict[tuple[str, str], tuple[float, _Entry]] = {}
_lock = Lock()


def _look_up(database: Database, key: str, now: datetime) -> _Entry:
    with database.read(None) as session:
        found = store.find_by_key(session, key)
    if found is None:
        return _NOBODY
    credential_id, organization_id = found
    with database.read(organization_id) as session:
        row = store.find(session, credential_id)
        if row is None or row.revoked_at is not None:
            return _NOBODY
        entry = _Entry(row.secret_hash, _caller(session, row), row.expires_at)
        is_fresh = row.last_used_at is not None and (now - row.last_used_at).total_seconds() < _USED_EVERY
    return entry if is_fresh else replace(entry, is_noted=False)


def _caller(session: Session, row: Credential) -> Caller:
    return Caller(
        organization_id=organization_of(session),
        authority=row.authority,
        scopes=frozenset(row.scopes),
        credential_id=row.id,
        agent=row.agent,
        registration=row.registration,
        origins=frozenset(row.origins),
        rate=row.rate,
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
    """What is kept of a secret: HMAC-SHA256. Those worked out last are remembered, though not the secrets."""
    name = hashlib.blake2b(hash_key + b"\0" + secret.encode(), digest_size=32, key=_NAMES).digest()
    found = _hashes.get(name)
    if found is None:
        if len(_hashes) >= _HASHES:
            _hashes.clear()
        found = _hashes[name] = hmac.digest(hash_key, secret.encode(), "sha256").hex()
    return found


_NAMES = secrets.token_bytes(32)
_HASHES = 1000
_hashes: dict[bytes, str] = {}
