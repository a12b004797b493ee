"""Repairs of what somebody plays under an enrollment: who may, for whom, and when the ledger stands against it."""

from datetime import datetime
from uuid import UUID

from accounts.services import people
from core.db import Session
from core.errors import Conflict, Forbidden, Invalid
from scorm_player.services import repair
from scorm_player.services.repair import By, Kind
from training.rules.counting import actor_of
from training.services import addresses, attempts
from training.services.attempts import PersonsAttempts
from training.store import completions as completion_store


class InTheLedger(Conflict):
    """The completion is recorded; what it rests on is not taken away from under it."""

    title = "This course is completed and recorded"


def with_registration(session: Session, enrollment_id: UUID, registration_id: UUID, by: UUID) -> PersonsAttempts:
    """Return the enrollment whose registration is to be repaired. Raises NotFound, Forbidden for one's own."""
    found = attempts.with_registration(session, enrollment_id, registration_id)
    if found.person.user_id == by:
        raise Forbidden("Nobody repairs their own records. Ask somebody else who may.")
    return found


def apply(
    session: Session,
    enrollment_id: UUID,
    registration_id: UUID,
    kind: Kind,
    *,
    item_id: UUID | None = None,
    place_id: UUID | None = None,
    word: str = "",
    reason: str,
    by: UUID,
    now: datetime,
) -> None:
    """Repair a registration, in the name of a person and with their reason.

    Raises NotFound, Forbidden for one's own, InTheLedger when a recorded completion rests on what would be set aside.
    """
    found = with_registration(session, enrollment_id, registration_id, by)
    if kind is Kind.RESET and completion_store.find_live(session, found.enrollment.id) is not None:
        raise InTheLedger("Its statements are evidence now. To take the course again, assign it again.")
    person, tenant = people.get(session, by), people.tenant(session)
    who = By(actor_of(person.user_id, person.name, addresses.home_page(tenant.slug)), reason)
    match kind:
        case Kind.RELEASE:
            repair.release(session, registration_id, who, now)
        case Kind.RESET:
            repair.reset(session, registration_id, item_id, who, now)
        case Kind.RESTORE if place_id is not None:
            repair.restore(session, registration_id, place_id, who, now)
        case Kind.STATUS if item_id is not None:
            repair.set_status(session, registration_id, item_id, word, who, now)
        case Kind.REPLAY:
            repair.replay(session, registration_id, who, now)
        case _:
            raise Invalid("Choose what this is about.")
