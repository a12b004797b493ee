"""Signing in and out, and recognizing a browser: server-side sessions whose tokens are stored as hashes only."""

import hashlib
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from argon2.exceptions import VerifyMismatchError

from accounts.errors import SignInLocked, SignInRefused
from accounts.services import reach, second_factor, theme, viewing
from accounts.services.people import hasher
from accounts.store import people, sessions
from accounts.tables import AuthSession, MembershipStatus, User
from core import audit, clock
from core.db import Database, Session
from core.http import Visitor

LIFETIME = timedelta(days=14)
IDLE = timedelta(hours=12)
FREE_TRIES = 5


def waste_time(password: str) -> None:
    """Take as long as a real check, so that an unknown e-mail answers no sooner than a known one."""
    hasher.hash(password)


def password_matches(session: Session, user_id: UUID, password: str, now: datetime) -> bool:
    """Check a password; wrong ones count, and after five the account waits 1, 2, 4 … at most 15 minutes.

    Raises SignInLocked while it waits.
    """
    user = people.find_user(session, user_id, lock=True)
    if user is None or user.password_hash is None or not user.is_active:
        waste_time(password)
        return False
    if user.locked_until is not None and user.locked_until > now:
        raise SignInLocked
    try:
        hasher.verify(user.password_hash, password)
    except VerifyMismatchError:
        _count_wrong_try(session, user, now)
        return False
    if hasher.check_needs_rehash(user.password_hash):
        user.password_hash = hasher.hash(password)
    return True


def code_matches(session: Session, user_id: UUID, code: str, now: datetime) -> bool:
    """Check the second factor; wrong codes count together with wrong passwords. Raises SignInLocked while it waits."""
    user = people.find_user(session, user_id, lock=True)
    if user is None or not user.is_active:
        return False
    if user.locked_until is not None and user.locked_until > now:
        raise SignInLocked
    if second_factor.fits(session, user, code, now):
        return True
    _count_wrong_try(session, user, now)
    return False


def _count_wrong_try(session: Session, user: User, now: datetime) -> None:
    user.failed_logins += 1
    if user.failed_logins >= FREE_TRIES:
        pause = min(2 ** min(user.failed_logins - FREE_TRIES, 4), 15)
        user.locked_until = now + timedelta(minutes=pause)
    audit.record(session, "sign_in.refused", "person", user.id, subject_user_id=user.id)


def open_session(
    session: Session,
    user_id: UUID,
    now: datetime,
    *,
    ip_address: str,
    user_agent: str,
    provider_id: UUID | None = None,
    provider_session: str | None = None,
    proven_at: datetime | None = None,
) -> str:
    """Open a browser session and answer its token, which is kept nowhere else. Raises SignInRefused.

    `provider_id` says which identity provider vouched for the person: such a session stays in this organization.
    `proven_at` says when a password or code was given last, if it was not just now.
    """
    user = people.find_user(session, user_id, lock=True)
    if user is None:
        raise SignInRefused
    token = secrets.token_urlsafe(32)
    user.failed_logins, user.locked_until, user.last_login_at = 0, None, now
    row = AuthSession(
        user_id=user_id,
        token_hash=_hash(token),
        ip_address=ip_address[:45],
        user_agent=user_agent[:500],
        created_at=now,
        last_activity_at=now,
        expires_at=now + LIFETIME,
        proven_at=proven_at or now,
        provider_id=provider_id,
        provider_session=provider_session,
    )
    session.add(row)
    session.flush()
    audit.record(session, "sign_in.succeeded", "auth_session", row.id, by=user_id, subject_user_id=user_id)
    return token


def close_session(session: Session, session_id: UUID, now: datetime) -> None:
    """Sign a browser out."""
    sessions.revoke(session, session_id, now)
    audit.record(session, "sign_out", "auth_session", session_id)


def visitor_of(database: Database, token: str) -> Visitor | None:
    """Recognize a browser by its token: who it is, in which organization, with which permissions."""
    now = clock.now()
    with database.read(None) as session:
        found = sessions.organization_by_token(session, _hash(token))
    if found is None:
        return None
    session_id, organization_id, is_elsewhere = found
    with database.read(organization_id) as session:
        behind = sessions.behind(session, session_id, now)
        if behind is None or behind[0].last_activity_at + IDLE < now or not _may_enter(behind):
            return None
        visitor, row = replace(_visitor(session, behind, now), is_elsewhere=is_elsewhere), behind[0]
        if row.viewed_as is not None and row.viewed_until is not None and row.viewed_until > now:
            visitor = _seen_as(session, row, row.viewed_as, visitor, now)
        seen = row.last_activity_at
    if now - seen > timedelta(minutes=1):
        with database.write(organization_id) as session:
            sessions.touch(session, session_id, now)
    return visitor


def prove(database: Database, person: Visitor, given: str) -> str:
    """Take a password, or a code of the second factor, from somebody signed in; answer why not, or nothing.

    Wrong ones count as at the sign-in.
    """
    now = clock.now()
    code = "".join(given.split())
    try:
        with database.write(person.organization_id) as session:  # a wrong one is counted: commit
            is_code = len(code) == 6 and code.isdecimal() and second_factor.is_on(session, person.user_id)
            matches = code_matches if is_code else password_matches
            is_right = matches(session, person.user_id, given, now)
            if is_right:
                sessions.proven(session, person.session_id, now)
                origin = audit.Origin(person.user_id, audit.origin.get().ip_address, audit.origin.get().request_id)
                token = audit.origin.set(origin)
                audit.record(session, "identity.proven", "auth_session", person.session_id)
                session.flush()
                audit.origin.reset(token)
    except SignInLocked:
        return "Too many wrong passwords or codes. Wait a few minutes and try again."
    return "" if is_right else "This is not your password, nor a code that counts now."


def _may_enter(behind: sessions.Behind) -> bool:
    _row, user, membership, *_where = behind
    return user.is_active and membership.status in (MembershipStatus.ACTIVE, MembershipStatus.ON_LEAVE)


def _seen_as(session: Session, row: AuthSession, user_id: UUID, viewer: Visitor, now: datetime) -> Visitor:
    """Return who the browser looks as, as long as the viewer may; else the viewer."""
    behind = sessions.behind(session, row.id, now, seen_as=user_id)
    if behind is None or not _may_enter(behind):
        return viewer
    seen = _visitor(session, behind, now)
    if not viewing.may_see_as(viewer.permissions, seen.permissions, seen.limited):
        return viewer
    return replace(
        seen, viewer_id=viewer.user_id, viewer_name=viewer.name, locale=viewer.locale, lacks_second_factor=False,
        proven_at=None,
    )  # fmt: skip


def _visitor(session: Session, behind: sessions.Behind, now: datetime) -> Visitor:
    row, user, _membership, organization, look = behind
    granted, roles = reach.granted(session, user.id, now, timezone=organization.default_timezone)
    return Visitor(
        user_id=user.id,
        organization_id=row.organization_id,
        session_id=row.id,
        name=user.display_name,
        permissions=granted.everywhere,
        limited=granted.limited,
        places=granted.places,
        roles=frozenset(roles),
        organization_name=organization.name,
        locale=user.locale or organization.default_locale,
        timezone=user.timezone or organization.default_timezone,
        provider_id=row.provider_id,
        theme=theme.described(organization.id, look).mark,
        logo=look.logo_sha256 or "" if look else "",
        proven_at=row.proven_at,
        lacks_second_factor=row.provider_id is None and second_factor.is_lacking(organization, user, roles),
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
