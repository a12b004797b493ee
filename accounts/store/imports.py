"""Queries on imports: what a whole file needs to know, asked at once, and what it changes, written at once."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select, text, update

from accounts.tables import (
    ExternalId,
    Membership,
    PeopleImport,
    PeopleImportChange,
    RoleAssignment,
    User,
)
from core.db import Session, organization_of, uuid7

Known = Row[Any]
"""One member: ids, e-mail, name and everything an import may change."""


def everybody(session: Session) -> Sequence[Known]:
    """Return every member with what an import may change."""
    query = select(
        Membership.id,
        Membership.user_id,
        User.email,
        User.first_name,
        User.last_name,
        Membership.employee_id,
        Membership.org_unit_id,
        Membership.position_id,
        Membership.manager_id,
        Membership.position_title,
        Membership.hired_on,
        Membership.tags,
        Membership.custom_fields,
        Membership.status,
    ).join(User, User.id == Membership.user_id)
    return list(session.execute(query))


def known_elsewhere(session: Session, emails: Sequence[str]) -> dict[str, UUID]:
    """Return who has these e-mails in whatever organization (ids, nothing else)."""
    query = text("SELECT email, user_by_email(email) AS id FROM unnest(CAST(:emails AS text[])) AS email")
    return {row.email: row.id for row in session.execute(query, {"emails": list(emails)}) if row.id is not None}


def belonging_elsewhere(session: Session, user_ids: Sequence[UUID]) -> set[UUID]:
    """Return those of these people who belong to another organization too: their names are theirs."""
    query = text("SELECT person FROM unnest(CAST(:people AS uuid[])) AS person WHERE belongs_elsewhere(person, :here)")
    return set(session.execute(query, {"people": list(user_ids), "here": organization_of(session)}).scalars())


def add_people(
    session: Session,
    users: Sequence[Mapping[str, Any]],
    members: Sequence[Mapping[str, Any]],
    roles: Sequence[Mapping[str, Any]],
) -> None:
    """Insert new people, their memberships and roles."""
    here = {"organization_id": organization_of(session)}
    for table, rows, tenant in ((User, users, {}), (Membership, members, here), (RoleAssignment, roles, here)):
        if rows:
            session.execute(insert(table), [{"id": uuid7(), **tenant, **row} for row in rows])


def change_people(session: Session, users: Sequence[Mapping[str, Any]], members: Sequence[Mapping[str, Any]]) -> None:
    """Change people and memberships, each named by its id; rows with the same columns go together."""
    here = {"organization_id": organization_of(session)}
    for table, rows, tenant in ((User, users, {}), (Membership, members, here)):
        groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for row in rows:
            groups.setdefault(tuple(sorted(row)), []).append({**tenant, **row})
        for group in groups.values():
            session.execute(update(table), group)
    session.expire_all()


def release_employee_ids(session: Session, member_ids: Sequence[UUID]) -> None:
    """Take these members' employee ids away, so that the new ones cannot meet the old ones of others."""
    session.execute(
        update(Membership)
        .where(Membership.id.in_(member_ids))
        .values(employee_id=None)
        .execution_options(synchronize_session=False)
    )


def add_external_ids(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert ids of other systems."""
    if rows:
        session.execute(
            insert(ExternalId), [{"organization_id": organization_of(session), "id": uuid7(), **row} for row in rows]
        )


def forget_external_id(session: Session, user_id: UUID, system: str, external_id: str) -> None:
    """Delete one id of another system."""
    row = session.scalar(
        select(ExternalId).where(
            ExternalId.entity_id == user_id,
            ExternalId.source_system == system,
            ExternalId.external_id == external_id,
        )
    )
    if row is not None:
        session.delete(row)


def note_changes(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write down what an import made of people."""
    if rows:
        here = organization_of(session)
        session.execute(insert(PeopleImportChange), [{"organization_id": here, "id": uuid7(), **row} for row in rows])


def changes(session: Session, import_id: UUID) -> list[PeopleImportChange]:
    """Return what an import made of people, by row."""
    query = select(PeopleImportChange).where(PeopleImportChange.import_id == import_id)
    return list(session.scalars(query.order_by(PeopleImportChange.row_number, PeopleImportChange.id)))


def find(session: Session, import_id: UUID, *, lock: bool = False) -> PeopleImport | None:
    """Return the organization's import."""
    query = select(PeopleImport).where(PeopleImport.id == import_id)
    return session.scalar(query.with_for_update() if lock else query)


def recent(session: Session, limit: int = 50) -> list[PeopleImport]:
    """Return the latest imports."""
    return list(session.scalars(select(PeopleImport).order_by(PeopleImport.id.desc()).limit(limit)))
