"""How far somebody's permissions reach: roles as they are held now, the line of reporting, and checks of single things.

Services that show or change what belongs to people take `Reach | None`: None stands for the whole organization.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from accounts import permissions
from accounts.permissions import Granted, Held, Kind, Place
from accounts.services import people
from accounts.store import reach as store
from accounts.tables import Role, RoleAssignment
from core import clock
from core.db import Session
from core.errors import NotFound
from core.reach import Reach


def of(places: frozenset[Place] | None) -> Reach | None:
    """Return what lies in these places; None stands for everything."""
    if places is None:
        return None
    ids = {kind: {place_id for known, place_id in places if known == kind} for kind in Kind}
    return Reach(store.people_in(ids[Kind.REPORTS], ids[Kind.UNIT]), frozenset(ids[Kind.COURSE]))


def covers(session: Session, reach: Reach | None, user_id: UUID, thing: UUID | None = None) -> bool:
    """Tell whether a person, or a thing of theirs such as a course, lies within reach."""
    return reach is None or thing in reach.things or store.includes(session, reach.people, user_id)


def covers_all(session: Session, reach: Reach | None, user_ids: Sequence[UUID], thing: UUID | None = None) -> bool:
    """Tell whether all these people, or the thing of theirs, lie within reach."""
    return reach is None or thing in reach.things or store.count_among(session, reach.people, user_ids) == len(user_ids)


def require(session: Session, reach: Reach | None, user_id: UUID, thing: UUID | None = None) -> None:
    """Let nobody know what lies beyond their reach. Raises NotFound."""
    if not covers(session, reach, user_id, thing):
        raise NotFound("There is no such person.")


def granted(
    session: Session, user_id: UUID, now: datetime, *, timezone: str | None = None
) -> tuple[Granted, list[str]]:
    """Return what a person may do now and where, and the roles they hold: codes of built-in ones, ids of own ones.

    Whoever has reports, or stands in today for somebody who has, is a manager of these, without being given a role.
    `timezone` is the organization's, where it is known already.
    """
    rows = store.held(session, user_id, now)
    held = [Held(codes_of(row, role), places_of(row)) for row, role in rows]
    roles = {row.role.value if row.role is not None else str(row.role_id) for row, _role in rows}
    today = clock.day_in(timezone or people.tenant(session).timezone, now)
    if leads := store.managers_among(session, user_id, today):
        held.append(Held(permissions.ROLES["manager"], frozenset((Kind.REPORTS.value, leader) for leader in leads)))
        roles.add("manager")
    return permissions.of_roles(held), sorted(roles)


def codes_of(row: RoleAssignment, role: Role | None) -> dict[str, permissions.Reach]:
    """Return what a role that was given allows; what is no permission any more allows nothing."""
    if row.role is not None:
        return dict(permissions.ROLES[row.role.value])
    codes = role.permissions if role is not None else []
    return dict.fromkeys((code for code in codes if code in permissions.PERMISSIONS), permissions.Reach.ALL)


def places_of(row: RoleAssignment) -> frozenset[Place]:
    """Return the place a role was given for, if it was given for one."""
    if row.org_unit_id is not None:
        return frozenset({(Kind.UNIT.value, row.org_unit_id)})
    return frozenset() if row.course_id is None else frozenset({(Kind.COURSE.value, row.course_id)})
