"""Why requests of clients were refused: noted by the edge, shown to administrators, forgotten after some days."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from uuid import UUID

from core.db import Database, Session
from core.errors import StoaError
from lrs.services.credentials import Caller
from lrs.store import refusals as store
from lrs.tables import Refusal

__all__ = ["Refusal"]

KEPT_FOR = timedelta(days=7)
KEPT = 5000
"""The most that are kept per organization."""

EXCERPT = 2000
_PROBLEMS = 20
_BURST, _PER_SECOND = 40.0, 2.0


class _Allowance:
    """How many may be noted: a broken client that sends thousands must not fill disk and time with its failures."""

    def __init__(self) -> None:
        self._left: dict[tuple[str, UUID], tuple[float, float]] = {}
        self._lock = Lock()

    def take(self, whose: tuple[str, UUID]) -> bool:
        """Whether this one may be noted."""
        now = time.monotonic()
        with self._lock:
            left, at = self._left.get(whose, (_BURST, now))
            left = min(_BURST, left + (now - at) * _PER_SECOND)
            self._left[whose] = (max(left - 1, 0) if left >= 1 else left, now)
        return left >= 1


_allowance = _Allowance()


@dataclass(frozen=True)
class Request:
    """What was asked: enough to find the fault, not enough to keep what nobody should."""

    method: str
    path: str
    body: bytes = b""


def note(database: Database, caller: Caller, request: Request, error: StoaError, now: datetime) -> None:
    """Keep one refusal, in a transaction of its own; in a flood only some (40 at once, then 2 a second)."""
    if not _allowance.take((database.url, caller.organization_id)):
        return
    problems = [{"path": item.where, "message": item.what, "requirement": item.remedy} for item in error.problems]
    with database.write(caller.organization_id) as session:
        store.add(
            session,
            {
                "at": now,
                "credential_id": caller.credential_id,
                "method": request.method[:10],
                "path": _text(request.path)[:300],
                "status": error.status,
                "message": _text(error.message)[:2000],
                "problems": [
                    {name: _text(found)[:500] for name, found in item.items()} for item in problems[:_PROBLEMS]
                ],
                "excerpt": _text(request.body[:EXCERPT].decode("utf-8", "replace")),
            },
            keep=KEPT,
        )


def _text(found: str) -> str:
    """What PostgreSQL takes as text."""
    return found.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def page(
    session: Session,
    now: datetime,
    *,
    credential_id: UUID | None = None,
    before: datetime | None = None,
    limit: int = 50,
) -> Sequence[Refusal]:
    """The newest refusals that are still kept."""
    return store.page(session, credential_id, now - KEPT_FOR, before, limit)


def forget(session: Session, now: datetime) -> int:
    """Delete what has been kept long enough, in every organization; answer how many."""
    return store.forget(session, now - KEPT_FOR)
