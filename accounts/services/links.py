"""One-time links: an invitation, a forgotten password, the proof of an e-mail, the step between password and code.

A token has 256 random bits, works once and not for long; the newest of a purpose makes the earlier ones useless.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from accounts.errors import LinkExpired
from accounts.events import PersonChanged
from accounts.services import entrances, passwords, people
from accounts.store import links as store
from accounts.store import people as people_store
from accounts.tables import MembershipStatus, OneTimeToken, TokenPurpose, User
from core import audit
from core.db import Session
from core.errors import NotFound
from core.events import publish
from core.jobs import enqueue

LIFETIMES = {
    TokenPurpose.INVITATION: timedelta(days=14),
    TokenPurpose.EMAIL_VERIFICATION: timedelta(days=2),
    TokenPurpose.PASSWORD_RESET: timedelta(hours=1),
    TokenPurpose.SECOND_FACTOR: timedelta(minutes=10),
    TokenPurpose.ORGANIZATION_CHOICE: timedelta(minutes=10),
    TokenPurpose.PROVIDER_LINK: timedelta(hours=1),
}
RESETS_PER_HOUR = 3


@dataclass(frozen=True)
class Invitation:
    """What the page behind an invitation shows.

    Somebody known elsewhere has a password already; where an identity provider is demanded nobody needs one.
    """

    email: str
    name: str
    organization: str
    needs_password: bool


def issue(session: Session, user_id: UUID, purpose: TokenPurpose, now: datetime, **payload: str) -> str:
    """Answer a new token for a person of this organization; it is stored nowhere, its hash is."""
    store.retire(session, user_id, now, purpose)
    token = secrets.token_urlsafe(32)
    row = OneTimeToken(
        user_id=user_id,
        purpose=purpose,
        token_hash=_hash(token),
        payload=payload,
        created_at=now,
        expires_at=now + LIFETIMES[purpose],
    )
    session.add(row)
    session.flush()
    return token


def organization_of(session: Session, token: str) -> UUID:
    """Return which organization a token belongs to; the transaction needs no tenant. Raises LinkExpired."""
    found = store.organization_of(session, _hash(token))
    if found is None:
        raise LinkExpired
    return found


def holder(session: Session, token: str, purpose: TokenPurpose, now: datetime) -> UUID:
    """Return whose token this is, without using it. Raises LinkExpired."""
    return _open(session, token, purpose, now)[1].id


def payload(session: Session, token: str, purpose: TokenPurpose, now: datetime) -> dict[str, str]:
    """Return what was given along when the token was made. Raises LinkExpired."""
    return dict(_open(session, token, purpose, now)[0].payload)


def use(session: Session, token: str, purpose: TokenPurpose, now: datetime) -> UUID:
    """Use a token up and answer whose it was. Raises LinkExpired."""
    return _use(session, token, purpose, now)[1].id


def invite(session: Session, user_id: UUID) -> None:
    """Have the invitation sent, again if need be. Raises NotFound for anybody who has not been invited."""
    membership = people_store.find_membership(session, user_id)
    if membership is None or membership.status is not MembershipStatus.INVITED:
        raise NotFound("This person has no open invitation.")
    enqueue(session, "accounts.send_invitation", {"user_id": str(user_id)})
    audit.record(session, "invitation.sent", "person", user_id, subject_user_id=user_id)


def ask_for_verification(session: Session, user_id: UUID) -> None:
    """Have a letter sent that proves the person's e-mail."""
    enqueue(session, "accounts.send_verification", {"user_id": str(user_id)})
    audit.record(session, "email.verification_asked", "person", user_id, subject_user_id=user_id)


def ask_for_reset(session: Session, email: str) -> None:
    """Have a forgotten password's letter sent, if anybody has this e-mail.

    The job finds out: known and unknown addresses take the same way and the same time. The transaction has no tenant.
    """
    enqueue(session, "accounts.answer_reset_request", {"email": email.strip().lower()})


def reset_for(session: Session, user_id: UUID, now: datetime) -> str | None:
    """Return a token to set a new password with, or nothing after three letters within the hour."""
    recent = store.made_since(session, user_id, TokenPurpose.PASSWORD_RESET, now - timedelta(hours=1))
    user = people_store.find_user(session, user_id)
    if user is None or recent >= RESETS_PER_HOUR:
        return None
    audit.record(session, "password.reset_asked", "person", user_id, subject_user_id=user_id)
    return issue(session, user_id, TokenPurpose.PASSWORD_RESET, now, password=_mark(user))


def invitation(session: Session, token: str, now: datetime) -> Invitation:
    """Return what an invitation says. Raises LinkExpired."""
    user = _open(session, token, TokenPurpose.INVITATION, now)[1]
    needs_password = user.password_hash is None and entrances.of_person(session, user.id, now).takes_password
    return Invitation(user.email, user.display_name, people.tenant(session).name, needs_password)


def accept(session: Session, token: str, password: str, now: datetime) -> UUID:
    """Accept an invitation: proves the e-mail, sets the password of somebody new, opens the door. Answers who it is.

    Raises LinkExpired, Invalid with what is wrong with the password.
    """
    _row, user = _use(session, token, TokenPurpose.INVITATION, now)
    membership = people_store.find_membership(session, user.id)
    if membership is None or membership.status is not MembershipStatus.INVITED:
        raise LinkExpired
    if user.password_hash is None and entrances.of_person(session, user.id, now).takes_password:
        passwords.check(password, user.email)
        passwords.store(session, user, password, now)
    user.email_verified_at = user.email_verified_at or now
    membership.status = MembershipStatus.ACTIVE
    audit.record(session, "invitation.accepted", "person", user.id, subject_user_id=user.id)
    publish(session, PersonChanged(user.id, ["status"]), subject=user.id)
    return user.id


def check_reset(session: Session, token: str, now: datetime) -> None:
    """Raise LinkExpired unless a new password may be set by this link."""
    row, user = _open(session, token, TokenPurpose.PASSWORD_RESET, now)
    if row.payload.get("password") != _mark(user):
        raise LinkExpired


def reset(session: Session, token: str, password: str, now: datetime) -> None:
    """Set a new password by a letter's link; ends every session of the person. Raises LinkExpired, Invalid."""
    row, user = _use(session, token, TokenPurpose.PASSWORD_RESET, now)
    if row.payload.get("password") != _mark(user):
        raise LinkExpired  # the password was changed meanwhile, perhaps from another organization
    passwords.check(password, user.email)
    user.failed_logins, user.locked_until = 0, None
    user.email_verified_at = user.email_verified_at or now
    passwords.store(session, user, password, now)
    audit.record(session, "password.reset", "person", user.id, subject_user_id=user.id)


def email_to_verify(session: Session, token: str, now: datetime) -> str:
    """Return which e-mail a link proves. Raises LinkExpired."""
    _row, user = _open(session, token, TokenPurpose.EMAIL_VERIFICATION, now)
    return user.email


def verify(session: Session, token: str, now: datetime) -> None:
    """Note that a person owns the e-mail the link was sent to. Raises LinkExpired."""
    row, user = _use(session, token, TokenPurpose.EMAIL_VERIFICATION, now)
    if row.payload.get("email") != user.email:
        raise LinkExpired
    user.email_verified_at = now
    audit.record(session, "email.verified", "person", user.id, subject_user_id=user.id)


def _open(session: Session, token: str, purpose: TokenPurpose, now: datetime) -> tuple[OneTimeToken, User]:
    row = store.find_open(session, _hash(token), purpose, now)
    return _with_holder(session, row)


def _use(session: Session, token: str, purpose: TokenPurpose, now: datetime) -> tuple[OneTimeToken, User]:
    row, user = _with_holder(session, store.find_open_locked(session, _hash(token), purpose, now))
    row.used_at = now
    return row, user


def _with_holder(session: Session, row: OneTimeToken | None) -> tuple[OneTimeToken, User]:
    user = None if row is None else people_store.find_user(session, row.user_id)
    if row is None or user is None or not user.is_active:
        raise LinkExpired
    return row, user


def _mark(user: User) -> str:
    """Return something that changes with the password, and tells nothing of it."""
    return hashlib.sha256((user.password_hash or "").encode()).hexdigest()[:16]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
