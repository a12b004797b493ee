"""The second factor: codes of an authenticator (TOTP, RFC 6238: SHA-1, 6 digits, 30 s) and recovery codes.

The secret lies encrypted; recovery codes have 80 random bits, lie hashed and work once each.
"""

import base64
import hashlib
import hmac
import secrets
import struct
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote
from uuid import UUID

from accounts.permissions import ROLES, SIGNED_IN, beyond
from accounts.services import people, reach, sealing
from accounts.store import members, recovery_codes, sessions
from accounts.store import people as store
from accounts.store import reach as reach_store
from accounts.tables import Organization, RecoveryCode, User
from core import audit
from core.db import Session
from core.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from core.jobs import enqueue

STEP_SECONDS = 30
DRIFT = 1
RECOVERY_CODES = 10
EVERYBODY = "everybody"
WRONG = "This is not the code of now. Codes change every 30 seconds; is the clock of your phone right?"


@dataclass(frozen=True)
class Setup:
    """What an authenticator is told: as an address for its camera, and in letters to type."""

    uri: str
    secret: str


def begin(session: Session, user_id: UUID) -> Setup:
    """Make a secret that counts once a first code has confirmed it. Raises Conflict when one is in use."""
    user = _user(session, user_id)
    if user.mfa_enabled_at is not None:
        raise Conflict("The second factor is on already. Switch it off first.")
    if user.mfa_secret is None:
        user.mfa_secret = sealing.seal(secrets.token_bytes(20), user.id.bytes)
        user.mfa_key_id = sealing.key_id()
    return _setup(user, people.tenant(session).name)


def confirm(session: Session, user_id: UUID, code: str, now: datetime) -> list[str]:
    """Switch the second factor on with a first code, and answer the recovery codes: the only time they are shown.

    Raises Invalid, Conflict.
    """
    user = _user(session, user_id)
    if user.mfa_secret is None or user.mfa_enabled_at is not None:
        raise Conflict("Begin again: there is no second factor waiting for its first code.")
    if not _totp_fits(user, code, now):
        raise Invalid(problems=[Problem("code", WRONG)])
    user.mfa_enabled_at = now
    audit.record(session, "second_factor.enabled", "person", user.id, subject_user_id=user.id)
    return _new_recovery_codes(session, user, now)


def renew_recovery_codes(session: Session, user_id: UUID, now: datetime) -> list[str]:
    """Replace the recovery codes and answer the new ones. Raises NotFound while the second factor is off."""
    user = _user(session, user_id)
    if user.mfa_enabled_at is None:
        raise NotFound
    audit.record(session, "second_factor.codes_renewed", "person", user.id, subject_user_id=user.id)
    return _new_recovery_codes(session, user, now)


def switch_off(session: Session, user_id: UUID) -> None:
    """Switch the second factor off and forget secret and recovery codes."""
    user = _user(session, user_id)
    user.mfa_secret = user.mfa_key_id = user.mfa_enabled_at = user.mfa_last_step = None
    recovery_codes.forget(session, user.id)
    audit.record(session, "second_factor.disabled", "person", user.id, subject_user_id=user.id)


def required_of(session: Session) -> list[str]:
    """Return whom the organization asks for a second factor: codes of built-in roles, ids of own ones, "everybody"."""
    return list(store.organization(session).second_factor_for)


def is_lacking(organization: Organization, user: User, roles: Iterable[str]) -> bool:
    """Tell whether the organization asks somebody who holds these roles for a second factor they have not set up."""
    asked = organization.second_factor_for
    return user.mfa_enabled_at is None and (EVERYBODY in asked or not set(asked).isdisjoint(roles))


def require_of(session: Session, asked: Iterable[str], by: UUID) -> None:
    """Say of whom a second factor is asked. Raises Invalid, also when whoever says so has none themselves."""
    organization, wanted = store.organization(session), sorted(set(asked))
    known = {EVERYBODY, *ROLES, *(str(role.id) for role in reach_store.own_roles(session))}
    problems = []
    if not known.issuperset(wanted):
        problems.append(Problem("roles", "There is no such role."))
    if wanted and not is_on(session, by):
        problems.append(Problem("roles", "Set up your own second factor first, or you would lock yourself out here."))
    if problems:
        raise Invalid(problems=problems)
    old, organization.second_factor_for = list(organization.second_factor_for), wanted
    audit.record(
        session, "second_factor.required", "organization", organization.id, old={"roles": old}, new={"roles": wanted}
    )


def reset(session: Session, user_id: UUID, reason: str, now: datetime, *, by: UUID, may: Collection[str]) -> None:
    """Switch somebody else's second factor off because phone and codes are lost; they are signed out and told.

    Not for oneself, not for somebody who may do more, not for somebody whom other organizations know as well.
    Raises Conflict, Forbidden, Invalid, NotFound.
    """
    user = _user(session, user_id)
    granted, _roles = reach.granted(session, user_id, now)
    if user_id == by:
        raise Conflict("Switch your own second factor off in your profile.")
    if beyond({*granted.everywhere, *granted.limited} - {SIGNED_IN}, may):
        raise Forbidden("This person may do more than you: somebody who may do as much resets their second factor.")
    if members.belongs_elsewhere(session, user_id):
        raise Conflict("Other organizations know this person too; an operator resets it: stoa reset-second-factor.")
    if user.mfa_enabled_at is None:
        raise Conflict("The second factor is off already.")
    if not reason:
        raise Invalid(problems=[Problem("reason", "Say why, for the audit log.")])
    take_off(session, user_id, reason, now)


def take_off(session: Session, user_id: UUID, reason: str, now: datetime) -> None:
    """Switch a second factor off in somebody's stead, end their sessions everywhere and write to them."""
    user = _user(session, user_id)
    user.mfa_secret = user.mfa_key_id = user.mfa_enabled_at = user.mfa_last_step = None
    recovery_codes.forget(session, user.id)
    sessions.end_everywhere(session, user_id, now)
    details = {"reason": reason}
    audit.record(session, "second_factor.reset", "person", user.id, subject_user_id=user.id, details=details)
    enqueue(session, "accounts.tell_second_factor_reset", {"user_id": str(user_id)}, created_by=None)


def is_on(session: Session, user_id: UUID) -> bool:
    """Tell whether signing in asks this person for a code."""
    user = store.find_user(session, user_id)
    return user is not None and user.mfa_enabled_at is not None


def left(session: Session, user_id: UUID) -> int:
    """Return how many recovery codes a person still has."""
    return recovery_codes.count_unused(session, user_id)


def fits(session: Session, user: User, code: str, now: datetime) -> bool:
    """Tell whether this is the person's code of now, or an unused recovery code, used up by this."""
    if user.mfa_enabled_at is None:
        return False
    if _totp_fits(user, code, now):
        return True
    row = recovery_codes.find_unused(session, user.id, _hash(code))
    if row is None:
        return False
    row.used_at = now
    audit.record(session, "second_factor.recovery_code_used", "person", user.id, subject_user_id=user.id)
    return True


def code_at(secret: bytes, step: int) -> str:
    """RFC 4226 §5.3: the six digits of a secret at one step."""
    digest = hmac.new(secret, struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number: int = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def _totp_fits(user: User, code: str, now: datetime) -> bool:
    """RFC 6238 §5.2: the code of now, of one step before or after, and later than the last one accepted."""
    given = "".join(code.split())
    if user.mfa_secret is None or len(given) != 6 or not (given.isascii() and given.isdecimal()):
        return False
    secret = sealing.unseal(user.mfa_secret, user.id.bytes, user.mfa_key_id)
    present = int(now.timestamp()) // STEP_SECONDS
    for step in range(present - DRIFT, present + DRIFT + 1):
        if step > (user.mfa_last_step or 0) and hmac.compare_digest(code_at(secret, step), given):
            user.mfa_last_step = step
            return True
    return False


def _new_recovery_codes(session: Session, user: User, now: datetime) -> list[str]:
    recovery_codes.forget(session, user.id)
    codes = []
    for _ in range(RECOVERY_CODES):
        letters = base64.b32encode(secrets.token_bytes(10)).decode().lower()
        codes.append("-".join(letters[start : start + 4] for start in range(0, 16, 4)))
    session.add_all(RecoveryCode(user_id=user.id, code_hash=_hash(code), created_at=now) for code in codes)
    session.flush()
    return codes


def _hash(code: str) -> str:
    return hashlib.sha256("".join(c for c in code.lower() if c.isalnum()).encode()).hexdigest()


def _setup(user: User, organization: str) -> Setup:
    if user.mfa_secret is None:
        raise NotFound
    secret = base64.b32encode(sealing.unseal(user.mfa_secret, user.id.bytes, user.mfa_key_id)).decode()
    issuer = f"Stoa {organization}".replace(":", " ")
    label = quote(f"{issuer}:{user.email}", safe="")
    uri = f"otpauth://totp/{label}?secret={secret}&issuer={quote(issuer, safe='')}&algorithm=SHA1&digits=6&period=30"
    return Setup(uri, " ".join(secret[start : start + 4] for start in range(0, len(secret), 4)))


def _user(session: Session, user_id: UUID) -> User:
    user = store.find_user(session, user_id, lock=True)
    if user is None:
        raise NotFound
    return user
