"""Who of an organization has an xAPI identifier: the answer of the room that knows people, for the record store."""

from uuid import UUID

from accounts.services import people
from core.db import Session
from lrs.services.personas import Member
from training.services import addresses


def find_member(session: Session, identifier: str) -> Member | None:
    """The person behind an account of ours, or behind an e-mail address that they have proven to own."""
    kind, _, rest = identifier.partition("|")
    home_page = addresses.home_page(people.tenant(session).slug)
    user_id = None
    if kind == "mbox":
        user_id = people.find_by_verified_email(session, rest.removeprefix("mailto:"))
    elif kind == "account" and rest.startswith(home_page + "|"):
        user_id = _uuid(rest.removeprefix(home_page + "|"))
    person = people.named(session, [user_id]).get(user_id) if user_id is not None else None
    if user_id is None or person is None:
        return None
    identifiers = [f"account|{home_page}|{user_id}"]
    email = person.email
    if email and people.find_by_verified_email(session, email) == user_id:
        local, at_sign, domain = email.rpartition("@")
        identifiers.append(f"mbox|mailto:{local}{at_sign}{domain.lower()}")
    return Member(user_id, person.name, tuple(identifiers))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
