"""Personal data an organization keeps about a person; what is sensitive lies encrypted, bound to its row and column."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from accounts.services import sealing
from accounts.store import details as store
from accounts.store import people as people_store
from accounts.tables import User, UserProfile
from core import audit
from core.db import Session, organization_of
from core.errors import Invalid, NotFound, Problem

SEALED = ("phone", "address", "postal_code", "date_of_birth", "emergency_contact", "emergency_phone")
PLAIN = ("city", "state", "country")
FIELDS = dict.fromkeys(SEALED, 500) | {"city": 100, "state": 100, "country": 2}
"""Every field and how many characters it takes."""
BATCH = 200


@dataclass(frozen=True)
class Rotated:
    """What `rotate` has sealed anew."""

    profiles: int
    second_factors: int


def get(session: Session, user_id: UUID) -> dict[str, str]:
    """Return a person's data, opened; what is unknown is empty. Raises NotFound for nobody of this organization."""
    _require_member(session, user_id)
    row = store.profile(session, user_id)
    if row is None:
        return dict.fromkeys(FIELDS, "")
    opened = {name: _open(row, name) for name in SEALED}
    return opened | {name: getattr(row, name) or "" for name in PLAIN}


def look(session: Session, user_id: UUID) -> dict[str, str]:
    """Return another person's data and write down that it was looked at. Raises NotFound."""
    found = get(session, user_id)
    audit.record(session, "personal_data.read", "person", user_id, subject_user_id=user_id)
    return found


def save(session: Session, user_id: UUID, values: dict[str, str], now: datetime) -> None:
    """Keep these values; the audit log says which changed, never what they are. Raises NotFound, Invalid."""
    _require_member(session, user_id)
    _check(values, now.date())
    row = store.profile(session, user_id, lock=True)
    old = dict.fromkeys(FIELDS, "") if row is None else get(session, user_id)
    changed = sorted(name for name in FIELDS if old[name] != values[name])
    if not changed:
        return
    if row is None:
        row = UserProfile(organization_id=organization_of(session), user_id=user_id)
        session.add(row)
    for name in SEALED:
        value = values[name].encode()
        setattr(row, name, sealing.seal(value, _place(row, name)) if value else None)
    for name in PLAIN:
        setattr(row, name, values[name] or None)
    row.key_id, row.updated_at = sealing.key_id(), now
    session.flush()
    audit.record(
        session, "personal_data.changed", "person", user_id, subject_user_id=user_id, details={"fields": changed}
    )


def rotate(session: Session) -> Rotated:
    """Seal a batch of this organization's secrets with the present key; nothing is left when it answers zero twice."""
    key_id = sealing.key_id()
    profiles = store.profiles_sealed_otherwise(session, key_id, BATCH)
    for row in profiles:
        for name in SEALED:
            if value := _open(row, name):
                setattr(row, name, sealing.seal(value.encode(), _place(row, name)))
        row.key_id = key_id
    users = store.users_sealed_otherwise(session, key_id, BATCH)
    for user in users:
        _seal_second_factor(user, key_id)
    session.flush()
    return Rotated(len(profiles), len(users))


def _seal_second_factor(user: User, key_id: str) -> None:
    if user.mfa_secret is not None:
        secret = sealing.unseal(user.mfa_secret, user.id.bytes, user.mfa_key_id)
        user.mfa_secret, user.mfa_key_id = sealing.seal(secret, user.id.bytes), key_id


def _open(row: UserProfile, name: str) -> str:
    sealed = getattr(row, name)
    return "" if sealed is None else sealing.unseal(sealed, _place(row, name), row.key_id).decode()


def _place(row: UserProfile, name: str) -> bytes:
    """Say where a value belongs: table, column, organization and person."""
    return f"user_profiles.{name}:{row.organization_id}:{row.user_id}".encode()


def _check(values: dict[str, str], today: date) -> None:
    problems = []
    if values["date_of_birth"]:
        try:
            born = date.fromisoformat(values["date_of_birth"])
        except ValueError:
            problems.append(Problem("date_of_birth", "This is not a day.", "Write it like 1990-03-31."))
        else:
            if not date(1900, 1, 1) <= born <= today:
                problems.append(Problem("date_of_birth", "Nobody was born on this day who could work here."))
    for name in ("phone", "emergency_phone"):
        if values[name] and not re.fullmatch(r"\+?[0-9 ()/.\-]{4,40}", values[name]):
            problems.append(Problem(name, "This is not a telephone number.", "Write it like +49 30 123456."))
    if values["country"] and not re.fullmatch(r"[A-Z]{2}", values["country"]):
        problems.append(Problem("country", "This is not a country's code.", "Use two capital letters, such as DE."))
    if problems:
        raise Invalid(problems=problems)


def _require_member(session: Session, user_id: UUID) -> None:
    if people_store.find_membership(session, user_id) is None:
        raise NotFound("There is no such person.")
