"""xAPI Profiles and their concepts in the database."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from core.db import Session, organization_of, uuid7
from core.errors import NotFound
from lrs.store.keys import key
from lrs.tables import ProfileConcept, XapiProfile
from lrs.xapi.profiles import Profile


def save(session: Session, profile: Profile, document: dict[str, object], by: UUID | None, now: datetime) -> UUID:
    """Write a Profile in place of the one with its IRI, and its concepts; answer its id."""
    profile_id, organization_id = key(profile.id), organization_of(session)
    values = {
        "organization_id": organization_id, "id": profile_id, "iri": profile.id, "version_iri": profile.version,
        "labels": dict(profile.labels), "document": document, "imported_at": now, "imported_by": by,
    }  # fmt: skip
    query = insert(XapiProfile).values(values)
    session.execute(query.on_conflict_do_update(index_elements=["organization_id", "id"], set_=values))
    session.execute(delete(ProfileConcept).where(ProfileConcept.profile_id == profile_id))
    rows = [
        {
            "organization_id": organization_id, "id": uuid7(), "profile_id": profile_id, "concept": key(one.iri),
            "iri": one.iri, "kind": one.kind, "labels": dict(one.labels),
        }
        for one in profile.concepts
    ]  # fmt: skip
    if rows:
        session.execute(insert(ProfileConcept), rows)
    return profile_id


def page(session: Session) -> list[XapiProfile]:
    """The tenant's Profiles, by IRI."""
    return list(session.scalars(select(XapiProfile).order_by(XapiProfile.iri)))


def get(session: Session, profile_id: UUID) -> XapiProfile:
    """The tenant's Profile. Raises NotFound."""
    row = session.scalar(select(XapiProfile).where(XapiProfile.id == profile_id))
    if row is None:
        raise NotFound("There is no such profile.")
    return row


def remove(session: Session, profile_id: UUID) -> None:
    """Let a Profile go, and its concepts."""
    session.execute(delete(XapiProfile).where(XapiProfile.id == profile_id))


def labels(session: Session, iris: Iterable[str]) -> dict[str, dict[str, str]]:
    """What Profiles call these verbs, activity types and activities, by IRI."""
    wanted = [key(iri) for iri in iris]
    if not wanted:
        return {}
    query = select(ProfileConcept.iri, ProfileConcept.labels).where(
        ProfileConcept.organization_id == organization_of(session), ProfileConcept.concept.in_(wanted)
    )
    return {iri: found for iri, found in session.execute(query.order_by(ProfileConcept.id)) if found}
