"""What other systems call our people: one key per system and person's record there, never given twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.store import details as store
from accounts.store import members as member_store
from accounts.store import people as people_store
from accounts.tables import ExternalId
from core import audit
from core.db import Session
from core.errors import Invalid, NotFound, Problem
from core.words import said


@dataclass(frozen=True)
class Known:
    """A person's key in another system."""

    id: UUID
    system: str
    external_id: str


def of_person(session: Session, user_id: UUID) -> list[Known]:
    """Return what other systems call a person."""
    return [Known(row.id, row.source_system, row.external_id) for row in store.external_ids(session, user_id)]


def find_people(session: Session, system: str, external_ids: Sequence[str]) -> dict[str, UUID]:
    """Return the people that a system knows by these ids, by id there."""
    return store.people_by_external_id(session, system, external_ids)


def add(session: Session, user_id: UUID, system: str, external_id: str, now: datetime, by: UUID | None) -> None:
    """Note that a system knows a person by this id. Raises NotFound, Invalid when somebody else has it."""
    if people_store.find_membership(session, user_id) is None:
        raise NotFound("There is no such person.")
    member_store.lock_organization(session)
    problems = []
    for where, text, most in (("source_system", system, 60), ("external_id", external_id, 255)):
        if not text or not text.isprintable() or len(text) > most:
            problems.append(Problem(where, said("This takes 1 to %(most)s characters, in one line.", most=most)))
    holder = store.people_by_external_id(session, system, [external_id]).get(external_id)
    if holder is not None and holder != user_id:
        problems.append(Problem("external_id", said("%(system)s knows somebody else by this id.", system=system)))
    if problems:
        raise Invalid(problems=problems)
    if holder is None:
        row = ExternalId(
            source_system=system,
            entity_type=store.PERSON,
            entity_id=user_id,
            external_id=external_id,
            created_at=now,
            created_by=by,
        )
        session.add(row)
        session.flush()
        new = {"system": system, "external_id": external_id}
        audit.record(session, "external_id.added", "person", user_id, subject_user_id=user_id, new=new)


def remove(session: Session, user_id: UUID, row_id: UUID) -> None:
    """Forget a person's key in another system. Raises NotFound."""
    row = next((row for row in store.external_ids(session, user_id) if row.id == row_id), None)
    if row is None:
        raise NotFound("There is no such id.")
    session.delete(row)
    old = {"system": row.source_system, "external_id": row.external_id}
    audit.record(session, "external_id.removed", "person", user_id, subject_user_id=user_id, old=old)
