"""Passwords: what is asked of one, and storing it."""

from datetime import datetime
from uuid import UUID

from accounts.services import people
from accounts.store import links, sessions
from accounts.tables import TokenPurpose, User
from core.db import Session
from core.errors import Invalid, Problem
from core.jobs import enqueue
from core.words import said


def check(password: str, email: str, where: str = "password") -> None:
    """Refuse a password that is too short or easily guessed from the account itself. Raises Invalid."""
    if len(password) < people.SHORTEST_PASSWORD:
        what: str = said("A password needs at least %(count)s characters.", count=people.SHORTEST_PASSWORD)
    elif password.lower() in (email, email.partition("@")[0]):
        what = "The e-mail is the first thing anybody would try."
    elif len(set(password)) < 4:
        what = "This is the same few characters again and again."
    else:
        return
    raise Invalid(problems=[Problem(where, what)])


def store(session: Session, user: User, password: str, now: datetime, *, keep_session: UUID | None = None) -> None:
    """Set a person's password and end their sessions in every organization, but for the one that asked."""
    had_one = user.password_hash is not None
    user.password_hash = people.hasher.hash(password)
    session.flush()
    links.retire(session, user.id, now, TokenPurpose.PASSWORD_RESET)
    sessions.end_everywhere(session, user.id, now, keep_session)
    if had_one:
        enqueue(session, "accounts.tell_password_changed", {"user_id": str(user.id)})
