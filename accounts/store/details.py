"""Queries on profiles, custom fields, external ids and deputies."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import or_, select

from accounts.tables import CustomField, Deputy, ExternalId, User, UserProfile
from core.db import Session

PERSON = "person"


def profile(session: Session, user_id: UUID, *, lock: bool = False) -> UserProfile | None:
    """Return what the organization keeps about a person."""
    query = select(UserProfile).where(UserProfile.user_id == user_id)
    return session.scalar(query.with_for_update() if lock else query)


def profiles_sealed_otherwise(session: Session, key_id: str, limit: int) -> list[UserProfile]:
    """Return some profiles that another key sealed, locked."""
    query = select(UserProfile).where(UserProfile.key_id != key_id).order_by(UserProfile.id).limit(limit)
    return list(session.scalars(query.with_for_update()))


def users_sealed_otherwise(session: Session, key_id: str, limit: int) -> list[User]:
    """Return some people of the organization whose second factor another key sealed, locked."""
    query = select(User).where(User.mfa_secret.is_not(None), User.mfa_key_id != key_id).order_by(User.id).limit(limit)
    return list(session.scalars(query.with_for_update()))


def custom_fields(session: Session) -> list[CustomField]:
    """Return the organization's own fields, archived ones too, in their order."""
    return list(session.scalars(select(CustomField).order_by(CustomField.sort_order, CustomField.label)))


def external_ids(session: Session, user_id: UUID) -> list[ExternalId]:
    """Return what other systems call a person."""
    query = select(ExternalId).where(ExternalId.entity_type == PERSON, ExternalId.entity_id == user_id)
    return list(session.scalars(query.order_by(ExternalId.source_system, ExternalId.external_id)))


def people_by_external_id(session: Session, system: str, external_ids: Sequence[str]) -> dict[str, UUID]:
    """Return the people that another system knows by these ids, by id there."""
    query = select(ExternalId.external_id, ExternalId.entity_id).where(
        ExternalId.entity_type == PERSON,
        ExternalId.source_system == system,
        ExternalId.external_id.in_(external_ids),
    )
    return {row[0]: row[1] for row in session.execute(query)}


def deputies(session: Session, user_id: UUID) -> list[Deputy]:
    """Return who stands in for a person, the latest first."""
    query = select(Deputy).where(Deputy.user_id == user_id).order_by(Deputy.from_on.desc(), Deputy.id)
    return list(session.scalars(query))


def represented_by(session: Session, deputy_id: UUID, today: date) -> list[UUID]:
    """Return for whom a person stands in on a day."""
    query = (
        select(Deputy.user_id)
        .where(
            Deputy.deputy_id == deputy_id,
            Deputy.from_on <= today,
            or_(Deputy.until_on.is_(None), Deputy.until_on >= today),
        )
        .distinct()
    )
    return sorted(session.scalars(query))
