"""One's own account: name, language, time zone, password, the browsers one is signed in with."""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import available_timezones

from accounts import login
from accounts.services import passwords, people
from accounts.store import people as store
from accounts.store import sessions
from accounts.tables import User
from core import audit
from core.db import Session
from core.errors import Invalid, NotFound, Problem

LANGUAGES = {"en": "English"}
"""Languages the interface is translated into."""


@dataclass(frozen=True)
class Profile:
    """What a person may know and change of themselves. Language and zone are empty when the organization's count."""

    email: str
    first_name: str
    last_name: str
    locale: str
    timezone: str
    is_email_verified: bool
    has_second_factor: bool


@dataclass(frozen=True)
class Browser:
    """A browser signed in as somebody."""

    id: UUID
    device: str
    ip_address: str
    since: datetime
    seen: datetime


def get(session: Session, user_id: UUID) -> Profile:
    """Return a person's own data."""
    user = _user(session, user_id)
    return Profile(
        user.email,
        user.first_name,
        user.last_name,
        user.locale or "",
        user.timezone or "",
        user.email_verified_at is not None,
        user.mfa_enabled_at is not None,
    )


def zones() -> list[str]:
    """Return the time zones one may choose, by name."""
    return sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))


def change(session: Session, user_id: UUID, *, first_name: str, last_name: str, locale: str, timezone: str) -> None:
    """Change one's own data. Raises Invalid naming every field that is wrong."""
    problems = people.name_problems(first_name, last_name)
    if locale and locale not in LANGUAGES:
        problems.append(Problem("locale", "Stoa does not speak this language yet."))
    if timezone and timezone not in available_timezones():
        problems.append(Problem("timezone", "There is no such time zone."))
    if problems:
        raise Invalid(problems=problems)
    user = _user(session, user_id)
    given = {"first_name": first_name, "last_name": last_name, "locale": locale or None, "timezone": timezone or None}
    old = {name: getattr(user, name) for name in given}
    for name, value in given.items():
        setattr(user, name, value)
    user.display_name = f"{first_name} {last_name}"
    if old != given:
        changed = [name for name in given if old[name] != given[name]]
        audit.record(
            session, "profile.changed", "person", user_id, subject_user_id=user_id,
            old={name: old[name] for name in changed}, new={name: given[name] for name in changed},
        )  # fmt: skip


def change_password(session: Session, user_id: UUID, new: str, now: datetime, *, keep_session: UUID) -> None:
    """Set one's own password, whose present one has just been checked; ends all sessions but this one."""
    user = _user(session, user_id)
    passwords.check(new, user.email, "new_password")
    passwords.store(session, user, new, now, keep_session=keep_session)
    user.failed_logins, user.locked_until = 0, None
    audit.record(session, "password.changed", "person", user_id, subject_user_id=user_id)


def browsers(session: Session, user_id: UUID, now: datetime) -> list[Browser]:
    """Return the browsers a person is signed in with, the latest used first."""
    return [
        Browser(row.id, device(row.user_agent or ""), row.ip_address or "", row.created_at, row.last_activity_at)
        for row in sessions.of_person(session, user_id, now, now - login.IDLE)
    ]


def sign_out_browser(session: Session, user_id: UUID, session_id: UUID, now: datetime) -> None:
    """End one of one's own sessions. Raises NotFound for anybody else's."""
    if not any(row.id == session_id for row in sessions.of_person(session, user_id, now, now - login.IDLE)):
        raise NotFound
    sessions.revoke(session, session_id, now)
    audit.record(session, "session.revoked", "auth_session", session_id, subject_user_id=user_id)


def sign_out_others(session: Session, user_id: UUID, now: datetime, *, keep: UUID) -> None:
    """End all of one's sessions but one, in every organization."""
    sessions.end_everywhere(session, user_id, now, keep)
    audit.record(session, "session.others_revoked", "auth_session", keep, subject_user_id=user_id)


def device(user_agent: str) -> str:
    """Return what a person recognizes of a browser's name for itself: "Firefox, Linux"; empty for one nobody knows."""
    browsers = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
    systems = (
        ("iPhone|iPad", "iOS"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS", "macOS"), ("Linux", "Linux")
    )  # fmt: skip
    browser = next((name for sign, name in browsers if f"{sign}/" in user_agent), "")
    system = next((name for sign, name in systems if re.search(sign, user_agent)), "")
    return ", ".join(filter(None, (browser, system)))


def _user(session: Session, user_id: UUID) -> User:
    user = store.find_user(session, user_id)
    if user is None:
        raise NotFound
    return user
