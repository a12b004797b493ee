"""Answers kept under the key a caller gave with its call, so that the same call is done once (Idempotency-Key)."""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from core import sealing
from core.db import Session, organization_of, uuid7
from core.tables import ApiReply

KEPT = timedelta(hours=24)
STUCK = timedelta(minutes=5)
"""How long a call may run before its key is free again: its process has died."""


@dataclass(frozen=True)
class Known:
    """An earlier call with the same key; without a `status` it is still running."""

    is_same: bool
    status: int | None
    body: str
    headers: dict[str, str]


def claim(session: Session, caller: UUID, key: str, request_hash: str, now: datetime) -> Known | None:
    """Take a key for a call that begins, or answer the call that has it; of two at once one gets it."""
    session.execute(
        delete(ApiReply).where(
            ApiReply.caller_id == caller,
            ApiReply.key == key,
            (ApiReply.created_at < now - KEPT) | (ApiReply.status.is_(None) & (ApiReply.created_at < now - STUCK)),
        )
    )
    taken = session.execute(
        insert(ApiReply)
        .values(
            organization_id=organization_of(session), id=uuid7(), caller_id=caller, key=key,
            request_hash=request_hash, body="", headers={}, created_at=now,
        )
        .on_conflict_do_nothing()
        .returning(ApiReply.id)
    ).one_or_none()  # fmt: skip
    if taken is not None:
        return None
    row = session.scalars(select(ApiReply).where(ApiReply.caller_id == caller, ApiReply.key == key)).one()
    body = "" if row.status is None else _opened(row.body, caller, key)
    return Known(row.request_hash == request_hash, row.status, body, dict(row.headers))


def keep(session: Session, caller: UUID, key: str, status: int, body: str, headers: dict[str, str]) -> None:
    """Keep what a call was answered, encrypted: some answers hold a secret that is shown once."""
    session.execute(
        update(ApiReply)
        .where(ApiReply.caller_id == caller, ApiReply.key == key)
        .values(status=status, body=_sealed(body, caller, key), headers=headers)
    )


def release(session: Session, caller: UUID, key: str) -> None:
    """Free the key of a call that was refused: nothing was done, so it may be made again."""
    session.execute(delete(ApiReply).where(ApiReply.caller_id == caller, ApiReply.key == key))


def forget_old(session: Session, now: datetime) -> None:
    """Forget the answers of more than a day ago."""
    session.execute(delete(ApiReply).where(ApiReply.created_at < now - KEPT))


def _sealed(body: str, caller: UUID, key: str) -> str:
    return f"{sealing.key_id()}.{b64encode(sealing.seal(body.encode(), _owner(caller, key))).decode()}"


def _opened(kept: str, caller: UUID, key: str) -> str:
    sealed_by, _, sealed = kept.partition(".")
    return sealing.unseal(b64decode(sealed), _owner(caller, key), sealed_by).decode()


def _owner(caller: UUID, key: str) -> bytes:
    return f"api_replies {caller} {key}".encode()
