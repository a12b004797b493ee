"""Persons and their identifiers in the database."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from core.db import Session, organization_of, uuid7
from lrs.store.keys import joined_key, key
from lrs.tables import PersonIdentifier, PersonMerge, XapiPerson


def lock(session: Session) -> None:
    """Let one change of the tenant's persons wait for the other, and for all who `hold` them as they are."""
    session.execute(select(func.pg_advisory_xact_lock(_number(session))))


def hold(session: Session) -> None:
    """Let changes of the tenant's persons wait until this transaction ends."""
    session.execute(select(func.pg_advisory_xact_lock_shared(_number(session))))


def _number(session: Session) -> int:
    return int.from_bytes(joined_key("persons", organization_of(session)).bytes[:8], "big", signed=True)


def person_id(session: Session, identifier_key: UUID) -> UUID | None:
    """Which person has an identifier."""
    return session.scalar(select(PersonIdentifier.person_id).where(PersonIdentifier.id == identifier_key))


def identifiers(session: Session, person_id: UUID) -> list[str]:
    """All identifiers of a person, in a lasting order."""
    query = select(PersonIdentifier.identifier).where(PersonIdentifier.person_id == person_id)
    return list(session.scalars(query.order_by(PersonIdentifier.created_at, PersonIdentifier.identifier)))


def add_person(session: Session, now: datetime) -> UUID:
    """Make a person without identifiers."""
    row = XapiPerson(id=uuid7(), created_at=now)
    session.add(row)
    session.flush()
    return row.id


def put(session: Session, person_id: UUID, found: Sequence[str], now: datetime) -> None:
    """Give identifiers to a person, whoever had them."""
    rows = [
        {
            "organization_id": organization_of(session),
            "id": key(identifier),
            "identifier": identifier,
            "person_id": person_id,
            "created_at": now,
        }
        for identifier in found
    ]
    query = insert(PersonIdentifier)
    same = [PersonIdentifier.organization_id, PersonIdentifier.id]
    query = query.on_conflict_do_update(index_elements=same, set_={"person_id": query.excluded.person_id})
    session.execute(query, rows)


def drop(session: Session, found: Sequence[str]) -> None:
    """Let identifiers stand for themselves again."""
    session.execute(delete(PersonIdentifier).where(PersonIdentifier.id.in_(list(map(key, found)))))


def find_merge(session: Session, merge_id: UUID) -> PersonMerge | None:
    """The tenant's merge with this id."""
    return session.get(PersonMerge, (organization_of(session), merge_id))


def merges(session: Session, limit: int) -> list[PersonMerge]:
    """The newest merges."""
    return list(
        session.scalars(select(PersonMerge).order_by(PersonMerge.merged_at.desc(), PersonMerge.id).limit(limit))
    )
