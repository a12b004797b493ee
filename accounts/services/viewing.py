"""Looking at the application as somebody else sees it: for a while, with a reason, changing nothing, audited."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from accounts.permissions import SIGNED_IN, beyond
from accounts.services import people, reach
from accounts.store import sessions
from core import audit
from core.db import Session
from core.errors import Conflict, Forbidden, Invalid, Problem

PERMISSION = "people.view_as"
LASTS = timedelta(minutes=30)


def may_see_as(own: Collection[str], everywhere: Iterable[str], limited: Iterable[str]) -> bool:
    """Tell whether somebody with `own` permissions may look as somebody with these: never as one who may do more."""
    return PERMISSION in own and not beyond({*everywhere, *limited} - {SIGNED_IN}, own)


def begin(
    session: Session, session_id: UUID, user_id: UUID, reason: str, now: datetime, *, by: UUID, may: Collection[str]
) -> str:
    """Let a browser look as somebody else for half an hour; answer their name.

    Raises Conflict for oneself and for people who may not enter, Forbidden for one who may do more, Invalid without a
    reason, NotFound.
    """
    person = people.get(session, user_id)
    if user_id == by:
        raise Conflict("You see the application as yourself already.")
    if people.status(session, user_id) not in ("active", "on_leave"):
        raise Conflict("This person cannot enter at present, so there is nothing they would see.")
    granted, _roles = reach.granted(session, user_id, now)
    if not may_see_as(may, granted.everywhere, granted.limited):
        raise Forbidden("This person may do more than you, so you cannot look as them.")
    if not reason:
        raise Invalid(problems=[Problem("reason", "Say why, for the audit log.")])
    sessions.view_as(session, session_id, user_id, now + LASTS)
    told = {"reason": reason, "until": (now + LASTS).isoformat()}
    audit.record(session, "view_as.started", "auth_session", session_id, subject_user_id=user_id, details=told)
    return person.name


def end(session: Session, session_id: UUID, user_id: UUID) -> None:
    """Let a browser look as its own person again."""
    sessions.view_as(session, session_id, None, None)
    audit.record(session, "view_as.ended", "auth_session", session_id, subject_user_id=user_id)
