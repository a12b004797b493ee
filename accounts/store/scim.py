"""Queries on what SCIM keeps."""

from collections.abc import Callable, Sequence
from typing import cast
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, delete, func, or_, select
from sqlalchemy.orm import aliased

from accounts.tables import Membership, MembershipStatus, OrgUnit, ScimUser, User, UserGroup, UserGroupMember
from core.db import Session

Line = Row[Membership, User, ScimUser | None, OrgUnit | None, User | None]


def people(
    session: Session,
    only: Sequence[UUID] | None = None,
    *,
    which: ColumnElement[bool] | None = None,
    offset: int = 0,
    limit: int | None = None,
) -> Sequence[Line]:
    """Return memberships that are not deleted for SCIM, with person, what was said, unit and manager, oldest first.

    `only` names some of them, `which` is a condition made of `fits`.
    """
    manager = aliased(User)
    query = (
        select(Membership, User, ScimUser, OrgUnit, manager)
        .join(User, User.id == Membership.user_id)
        .outerjoin(ScimUser, ScimUser.user_id == Membership.user_id)
        .outerjoin(OrgUnit, OrgUnit.id == Membership.org_unit_id)
        .outerjoin(manager, manager.id == Membership.manager_id)
        .where(ScimUser.removed_at.is_(None))
        .order_by(Membership.created_at, Membership.user_id)
    )
    if only is not None:
        query = query.where(Membership.user_id.in_(only))
    if which is not None:
        query = query.where(which)
    return cast("Sequence[Line]", session.execute(query.offset(offset).limit(limit)).all())


def count(session: Session) -> int:
    """Return how many memberships are not deleted for SCIM."""
    gone = select(ScimUser.user_id).where(ScimUser.removed_at.is_not(None))
    return session.scalar(select(func.count()).select_from(Membership).where(Membership.user_id.not_in(gone))) or 0


def fits(attribute: str, operator: str, value: object) -> ColumnElement[bool] | None:
    """Return a condition that holds at least for all whose attribute compares so; None where none can be said.

    Attributes in small letters. Capitals make no difference here: what a filter says exactly is for SCIM to apply.
    """
    if attribute == "active" and operator == "eq" and isinstance(value, bool):
        is_in = Membership.status.not_in([MembershipStatus.SUSPENDED, MembershipStatus.LEFT])
        return is_in if value else ~is_in
    texts = {"username": func.coalesce(ScimUser.user_name, User.email), "externalid": ScimUser.external_id}
    if attribute not in texts or not isinstance(value, str):
        return None
    text, wanted = func.lower(texts[attribute]), value.lower()
    ways: dict[str, Callable[[], ColumnElement[bool]]] = {
        "eq": lambda: text == wanted,
        "sw": lambda: text.startswith(wanted, autoescape=True),
        "ew": lambda: text.endswith(wanted, autoescape=True),
        "co": lambda: text.contains(wanted, autoescape=True),
    }
    return ways[operator]() if operator in ways else None


def all_of(conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    """Return that all of these hold."""
    return and_(*conditions)


def one_of(conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    """Return that at least one of these holds."""
    return or_(*conditions)


def said_of(session: Session, user_id: UUID) -> ScimUser | None:
    """Return what SCIM keeps of a member, also of one who was deleted there."""
    return session.scalar(select(ScimUser).where(ScimUser.user_id == user_id))


def holder(session: Session, user_name: str) -> UUID | None:
    """Return which member has this userName: by SCIM, or else by e-mail."""
    named = select(ScimUser.user_id).where(
        func.lower(ScimUser.user_name) == user_name.lower(), ScimUser.removed_at.is_(None)
    )
    other = (
        select(User.id)
        .join(Membership, Membership.user_id == User.id)
        .outerjoin(ScimUser, ScimUser.user_id == User.id)
        .where(User.email == user_name.lower(), ScimUser.id.is_(None))
    )
    return session.scalar(named) or session.scalar(other)


def by_external_id(session: Session, external_id: str) -> list[UUID]:
    """Return the members whom the other system knows by this id."""
    return list(session.scalars(select(ScimUser.user_id).where(ScimUser.external_id == external_id)))


def unit_named(session: Session, name: str) -> UUID | None:
    """Return the unit in use of this name, the oldest of several."""
    query = select(OrgUnit.id).where(OrgUnit.name == name, OrgUnit.archived_at.is_(None))
    return session.scalar(query.order_by(OrgUnit.created_at, OrgUnit.id).limit(1))


def groups(session: Session) -> list[UserGroup]:
    """Return the groups, oldest first."""
    return list(session.scalars(select(UserGroup).order_by(UserGroup.created_at, UserGroup.id)))


def find_group(session: Session, group_id: UUID) -> UserGroup | None:
    """Return a group."""
    return session.scalar(select(UserGroup).where(UserGroup.id == group_id))


def group_named(session: Session, name: str) -> UserGroup | None:
    """Return the group of this name."""
    return session.scalar(select(UserGroup).where(UserGroup.name == name))


def group_members(
    session: Session, only: UUID | None = None, of: Sequence[UUID] | None = None
) -> list[tuple[UUID, UUID, str]]:
    """Return (group id, person's id, name) of all who are in groups, or in one; of some people when they are named."""
    query = (
        select(UserGroupMember.group_id, User.id, User.display_name)
        .join(User, User.id == UserGroupMember.user_id)
        .order_by(UserGroupMember.id)
    )
    if only is not None:
        query = query.where(UserGroupMember.group_id == only)
    if of is not None:
        query = query.where(UserGroupMember.user_id.in_(of))
    rows = session.execute(query)
    return [(row[0], row[1], row[2]) for row in rows]


def set_members(session: Session, group_id: UUID, user_ids: Sequence[UUID]) -> None:
    """Let exactly these people be in a group."""
    session.execute(delete(UserGroupMember).where(UserGroupMember.group_id == group_id))
    session.add_all(UserGroupMember(group_id=group_id, user_id=user_id) for user_id in user_ids)
    session.flush()


def in_groups(group_ids: Sequence[UUID]) -> Select[UUID]:
    """Return the query for those in one of these groups."""
    return select(UserGroupMember.user_id).where(UserGroupMember.group_id.in_(group_ids))


def leave_groups(session: Session, user_id: UUID) -> None:
    """Take somebody out of all groups."""
    session.execute(delete(UserGroupMember).where(UserGroupMember.user_id == user_id))
