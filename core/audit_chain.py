"""The chain over the audit log: rows are sealed in the background, with a key that the database does not hold.

A seal holds a digest of who did what when, a salted digest of the values, and an HMAC over both, the row's place in the
chain and the seal before. Whoever can write to the database can change rows and digests, but makes no HMAC. Where each
chain ends is noted in a file outside the database, so that a shorter chain is missed. Writers know nothing of it (ADR).
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, func, insert, or_, select, text
from sqlalchemy.sql import ColumnElement, Select

from core.db import Session
from core.tables import AuditLog, AuditSeal

BATCH = 2_000
LATE = timedelta(days=1)
"""How long after its moment a row may still come in: the longest transaction that writes one."""

START = "0" * 64
KEPT = (
    "seq", "id", "organization_id", "created_at", "actor_id", "on_behalf_of_id", "action", "entity_type", "entity_id",
    "request_id", "api_client_id",
)  # fmt: skip
"""What of a row stays for good: who did what to which thing, and when."""

VALUES = ("subject_user_id", "old_values", "new_values", "details", "ip_address")
"""What of a row may be about persons; its digest is salted, so that nobody finds it by guessing."""


@dataclass(frozen=True)
class Finding:
    """Something wrong with the log: at which row, by its `seq` (None: with the log as a whole), and what."""

    seq: int | None
    what: str


@dataclass(frozen=True)
class Checked:
    """What a check found: how many rows are sealed, how many wait for their seal, and all that is wrong."""

    sealed: int
    waiting: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Head:
    """Where a chain ended when it was noted: how many seals it had, and the last one."""

    position: int
    seal: str


NOTHING = Head(0, START)
"""Where a chain ends in which nothing is sealed."""


@dataclass(frozen=True)
class Keeping:
    """What is kept outside the database: the keys, by their ids, of which the first seals; the folder of the heads."""

    keys: Mapping[str, bytes]
    folder: Path

    @property
    def key_id(self) -> str:
        """The id of the key that seals."""
        return next(iter(self.keys))

    def note(self, organization_id: UUID | None, head: Head, now: datetime) -> None:
        """Note where a chain ends now; the file is replaced as a whole."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        said = {
            "organization": str(organization_id), "position": head.position, "seal": head.seal,
            "noted_at": now.isoformat(), "key": self.key_id,
        }  # fmt: skip
        waiting = self._path(organization_id).with_suffix(f".{secrets.token_hex(4)}")
        waiting.write_text(json.dumps(said | {"signature": self._sign(self.keys[self.key_id], said)}))
        waiting.replace(self._path(organization_id))

    def noted(self, organization_id: UUID | None) -> Head | None:
        """Return where a chain ended when it was noted last; None when nothing is noted that one of the keys signed."""
        try:
            said = json.loads(self._path(organization_id).read_text())
            signature, key = str(said.pop("signature")), self.keys[said["key"]]
            if not hmac.compare_digest(signature, self._sign(key, said)) or said["organization"] != str(
                organization_id
            ):
                return None
            return Head(int(said["position"]), str(said["seal"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def organizations(self) -> list[UUID | None]:
        """Return whose chains have been noted."""
        names = sorted(path.stem for path in self.folder.glob("*.json"))
        return [None if name == _INSTALLATION else UUID(name) for name in names]

    def _path(self, organization_id: UUID | None) -> Path:
        return self.folder / f"{organization_id or _INSTALLATION}.json"

    def _sign(self, key: bytes, said: Mapping[str, Any]) -> str:
        return hmac.new(key, _plain(said), hashlib.sha256).hexdigest()


_INSTALLATION = "installation"
_keeping = Keeping({"none": b"not configured"}, Path("audit"))


def keeping(secrets_: list[bytes], folder: Path) -> Keeping:
    """Return what is kept outside the database; the first secret seals, the others still prove what they sealed."""
    keys = [hashlib.sha256(secret).digest() for secret in secrets_]
    return Keeping({hashlib.sha256(b"id:" + key).hexdigest()[:16]: key for key in keys}, folder)


def use(kept: Keeping) -> None:
    """Say what this process seals and checks with."""
    global _keeping
    _keeping = kept


def kept() -> Keeping:
    """Return what this process seals and checks with."""
    return _keeping


def seal(session: Session, by: Keeping, now: datetime) -> tuple[int, Head | None]:
    """Seal rows that have none, oldest first; answer how many, and where the chain ends now.

    The end is to be noted once this has been committed; it is None when what was noted before is not in the chain:
    that note is evidence, and stays. One process at a time seals a chain; another one answers 0 at once.
    """
    organization_id = session.info.get("organization_id")
    lock = text("SELECT pg_try_advisory_xact_lock(hashtextextended('audit:' || :id, 0))")
    if not session.scalar(lock, {"id": str(organization_id)}):
        return 0, None
    last = _last(session)
    at, before = (last.position, last.seal) if last is not None else (0, START)
    made = []
    for row in session.execute(_unsealed(session).order_by(AuditLog.seq, AuditLog.id).limit(BATCH)):
        at, salt = at + 1, secrets.token_bytes(16)
        core, values = core_digest(row), values_digest(row, salt)
        before = seal_of(by.keys[by.key_id], before, at, row.id, core, values)
        made.append(
            {
                "audit_id": row.id, "audit_seq": row.seq, "organization_id": organization_id, "position": at,
                "core_digest": core, "values_digest": values, "salt": salt, "seal": before,
                "key_id": by.key_id, "sealed_at": now,
            }
        )  # fmt: skip
    if not made:
        return 0, None
    noted = by.noted(organization_id)
    is_whole = last is None if noted is None else _holds(session, noted)
    session.execute(insert(AuditSeal), made)
    return len(made), Head(at, before) if is_whole else None


def check(session: Session, by: Keeping) -> Checked:
    """Hold the log against its chain: every row that was changed, deleted, moved, sealed anew or put in is named."""
    noted = by.noted(session.info.get("organization_id"))
    findings: list[Finding] = []
    at, before, noted_seal = 0, START, NOTHING.seal
    for row in _pairs(session):
        missing = row.position - at - 1
        if missing < 0:
            findings.append(Finding(row.audit_seq, "Another seal stands at the same place of the chain."))
            continue
        if missing:
            findings.append(Finding(row.audit_seq, f"Seals are missing before this row: {missing}."))
            before = ""
        at = row.position
        if wrong := _wrong(row, by, before):
            findings.append(Finding(row.audit_seq, wrong))
        before = row.seal
        if noted is not None and at == noted.position:
            noted_seal = row.seal
    if noted is None and at:
        findings.append(
            Finding(None, f"No end of this chain is noted in {by.folder}: nobody can tell what is missing.")
        )
    elif noted is not None and noted.position > at:
        findings.append(
            Finding(None, f"The end of the log was cut off: {noted.position - at} sealed rows are missing.")
        )
    elif noted is not None and noted_seal != noted.seal:
        findings.append(Finding(None, "This is not the chain whose end was noted: it was cut off and went on."))
    waiting = session.scalar(select(func.count()).select_from(_unsealed(session).subquery())) or 0
    findings += [
        Finding(seq, "This row has no seal and came in long after its moment: it was put in, or its seal taken away.")
        for seq in session.scalars(_never_sealed(session))
    ]
    return Checked(at, waiting, tuple(findings))


def end_of(session: Session) -> Head | None:
    """Return where the chain ends; None when nothing is sealed."""
    last = _last(session)
    return None if last is None else Head(last.position, last.seal)


def seal_of_row(session: Session, audit_id: UUID) -> AuditSeal | None:
    """Return the seal of one row; None while it waits."""
    return session.scalar(select(AuditSeal).where(_own(session, AuditSeal), AuditSeal.audit_id == audit_id))


def core_digest(row: Any) -> str:
    """Return the digest of what stays for good. What is null says nothing, so that new columns break no old digest."""
    said = {name: str(value) for name in KEPT if (value := getattr(row, name)) is not None}
    said["created_at"] = row.created_at.timestamp().hex()
    return hashlib.sha256(_plain(said)).hexdigest()


def values_digest(row: Any, salt: bytes) -> str:
    """Return the digest of what may be about persons, which nobody can guess without the salt."""
    return hashlib.sha256(salt + _plain({name: getattr(row, name) for name in VALUES})).hexdigest()


def seal_of(key: bytes, before: str, position: int, audit_id: UUID, core: str, values: str) -> str:
    """Return what binds a row to its place in the chain: an HMAC-SHA-256, in hexadecimal."""
    said = f"stoa-audit-1|{before}|{position}|{audit_id}|{core}|{values}"
    return hmac.new(key, said.encode(), hashlib.sha256).hexdigest()


def _wrong(row: Row[Any], by: Keeping, before: str) -> str:
    """Return what is wrong with one sealed row; `before` is the seal before it, empty when that is missing."""
    if row.id is None:
        return "This row was deleted."
    if core_digest(row) != row.core_digest:
        return "This row was changed."
    if values_digest(row, row.salt) != row.values_digest:
        return "The values of this row were changed."
    key = by.keys.get(row.key_id)
    if key is None:
        return f"It was sealed with the key {row.key_id}, which is not in STOA_AUDIT_KEYS."
    made = seal_of(key, before, row.position, row.audit_id, row.core_digest, row.values_digest)
    if before and not hmac.compare_digest(made, row.seal):
        return "Its seal does not fit: it was made without the key, or rows were put into another order."
    return ""


def _own(session: Session, table: type[AuditLog | AuditSeal]) -> ColumnElement[bool]:
    """The tenant's own rows, said so that an index serves; row-level security says it again."""
    return table.organization_id == session.info.get("organization_id")


def _last(session: Session) -> AuditSeal | None:
    return session.scalar(
        select(AuditSeal).where(_own(session, AuditSeal)).order_by(AuditSeal.position.desc()).limit(1)
    )


def _holds(session: Session, noted: Head) -> bool:
    query = select(AuditSeal.seal).where(_own(session, AuditSeal), AuditSeal.position == noted.position)
    return noted == NOTHING or session.scalar(query) == noted.seal


def _columns() -> list[Any]:
    return [getattr(AuditLog, name) for name in (*KEPT, *VALUES)]


def _has_seal() -> ColumnElement[bool]:
    return select(AuditSeal.audit_id).where(AuditSeal.audit_id == AuditLog.id).exists()


def _unsealed(session: Session) -> Select[Any]:
    """Rows that wait: after the last one sealed, and those before it whose transaction may have taken so long."""
    query = select(*_columns()).where(_own(session, AuditLog), ~_has_seal())
    last, highest = _last(session), _highest(session)
    if last is None:
        return query
    return query.where(or_(AuditLog.seq > highest, AuditLog.created_at > last.sealed_at - LATE))


def _never_sealed(session: Session) -> Select[Any]:
    last, highest = _last(session), _highest(session)
    query = select(AuditLog.seq).where(_own(session, AuditLog), ~_has_seal()).order_by(AuditLog.seq)
    if last is None:
        return query.where(AuditLog.seq < 0)
    return query.where(and_(AuditLog.seq <= highest, AuditLog.created_at <= last.sealed_at - LATE))


def _highest(session: Session) -> int:
    return session.scalar(select(func.max(AuditSeal.audit_seq)).where(_own(session, AuditSeal))) or 0


def _pairs(session: Session) -> Iterator[Row[Any]]:
    """Every seal in its order, with its row."""
    seals = [
        getattr(AuditSeal, name)
        for name in ("audit_id", "audit_seq", "position", "core_digest", "values_digest", "salt", "seal", "key_id")
    ]
    return iter(
        session.execute(
            select(*seals, *_columns())
            .outerjoin(AuditLog, AuditLog.id == AuditSeal.audit_id)
            .where(_own(session, AuditSeal))
            .order_by(AuditSeal.position),
            execution_options={"yield_per": 1000},
        )
    )


def _plain(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said, sort_keys=True, separators=(",", ":"), default=str).encode()
