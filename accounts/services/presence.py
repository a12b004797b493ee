"""Who is still signed in, asked for many browsers at once."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from accounts.store import sessions
from core.db import Session


def signed_in(session: Session, session_ids: Sequence[UUID], now: datetime) -> set[UUID]:
    """Return those browser sessions of this organization that have neither been ended nor expired."""
    return sessions.live_ones(session, session_ids, now)
