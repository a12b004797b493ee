"""Roles: the organization's own ones, giving roles, and who holds what.

Nobody gives, takes away or makes a role that allows more than they may do themselves everywhere in the organization.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from accounts.errors import LastAdministrator, MoreThanOneHolds
from accounts.events import PersonChanged
from accounts.permissions import PERMISSIONS, ROLES, Kind, Reach, beyond
from accounts.services import people, reach
from accounts.services.people import Person
from accounts.store import members as member_store
from accounts.store import people as people_store
from accounts.store import reach as store
from accounts.store import units as unit_store
from accounts.tables import Role, RoleAssignment, RoleCode
from core import audit
from core.db import Session
from core.errors import Conflict, Invalid, NotFound, Problem
from core.events import publish

ASSIGNABLE = tuple(role for role in RoleCode if role not in (RoleCode.PLATFORM_ADMIN, RoleCode.INTEGRATION))
"""Built-in roles an organization gives; the others belong to the installation and to machines."""

_courses: Callable[[Session], dict[UUID, str]] = lambda _session: {}  # noqa: E731 - replaced by the wiring


def know_courses(listed: Callable[[Session], dict[UUID, str]]) -> None:
    """Say how the titles of the organization's courses, by id, are found; the catalog lies above this room."""
    global _courses
    _courses = listed


@dataclass(frozen=True)
class HeldRole:
    """A role given to somebody; both days are inclusive. `code` is empty for one of the organization's own."""

    id: UUID
    code: str
    name: str
    place: tuple[str, str] | None  # kind and name of the unit or course it is limited to
    from_on: date | None
    until_on: date | None
    is_held: bool


@dataclass(frozen=True)
class Described:
    """A role with what it allows; `code` names a built-in one, `id` one of the organization's own."""

    code: str
    id: UUID | None
    name: str
    description: str
    codes: dict[str, Reach]
    holders: int

    @property
    def value(self) -> str:
        """What forms call it."""
        return self.code or str(self.id)


def listed(session: Session) -> list[Described]:
    """Return every role of the organization, the built-in ones first."""
    counts = store.count_holders(session)
    built_in = [
        Described(role.value, None, role.value, "", dict(ROLES[role.value]), counts.get(role.value, 0))
        for role in ASSIGNABLE
    ]
    return built_in + [_described(row, counts) for row in store.own_roles(session)]


def get(session: Session, role_id: UUID) -> Described:
    """Return one of the organization's own roles. Raises NotFound."""
    return _described(_own(session, role_id), store.count_holders(session))


def _described(row: Role, counts: dict[str, int]) -> Described:
    codes = {code: Reach.ALL for code in row.permissions if code in PERMISSIONS}
    return Described("", row.id, row.name, row.description, codes, counts.get(str(row.id), 0))


def save(
    session: Session,
    role_id: UUID | None,
    *,
    name: str,
    description: str,
    codes: Iterable[str],
    by: UUID,
    may: Collection[str],
    now: datetime,
) -> UUID:
    """Make a role, or change one; `may` is what whoever does it may do everywhere.

    Raises Invalid with every field that is wrong, MoreThanOneHolds, NotFound.
    """
    row = _own(session, role_id, lock=True) if role_id else None
    wanted, problems = sorted(set(codes)), list[Problem]()
    if not name or not name.isprintable():
        problems.append(Problem("name", "A role needs a name, in one line."))
    elif store.name_is_taken(session, name, role_id):
        problems.append(Problem("name", "Another role has this name."))
    if not wanted or any(code not in PERMISSIONS for code in wanted):
        problems.append(Problem("codes", "Choose at least one permission from the list."))
    if problems:
        raise Invalid(problems=problems)
    old = sorted(row.permissions) if row else []
    require_within(wanted + [code for code in old if code in PERMISSIONS], may)
    if row is None:
        row = Role(name=name, description=description, permissions=wanted, created_at=now, created_by=by)
        session.add(row)
    else:
        row.name, row.description, row.permissions = name, description, wanted
    session.flush()
    audit.record(
        session,
        "role.changed" if role_id else "role.created",
        "role",
        row.id,
        old={"permissions": old} if role_id else None,
        new={"name": name, "permissions": wanted},
    )
    return row.id


def delete(session: Session, role_id: UUID, *, may: Collection[str]) -> None:
    """Delete one of the organization's own roles that nobody holds. Raises NotFound, Conflict, MoreThanOneHolds."""
    row = _own(session, role_id, lock=True)
    require_within([code for code in row.permissions if code in PERMISSIONS], may)
    if store.is_given(session, role_id):
        raise Conflict("Somebody still has this role. Take it away from them first.")
    organization = people_store.organization(session)
    if str(role_id) in organization.second_factor_for:
        organization.second_factor_for = [one for one in organization.second_factor_for if one != str(role_id)]
    session.delete(row)
    audit.record(session, "role.deleted", "role", role_id, old={"name": row.name, "permissions": row.permissions})


def places(session: Session) -> list[tuple[str, str, str]]:
    """Return what a role can be limited to, as (kind, id, name): units in use and courses."""
    units = [row for row in unit_store.all_units(session) if row.archived_at is None]
    found = [(Kind.UNIT.value, str(row.id), f"{row.name} ({row.code})") for row in units]
    courses = sorted(_courses(session).items(), key=lambda item: item[1])
    return found + [(Kind.COURSE.value, str(course_id), title) for course_id, title in courses]


def assign(
    session: Session,
    user_id: UUID,
    role: str,
    now: datetime,
    *,
    from_on: str = "",
    until_on: str = "",
    place: str = "",
    by: UUID,
    may: Collection[str],
) -> None:
    """Give somebody a role from and until a day (inclusive, organization's zone); again changes the days.

    `role` is the code of a built-in role or the id of another, `place` is empty or like "unit:<id>", "course:<id>".
    Raises NotFound, Invalid, MoreThanOneHolds, LastAdministrator.
    """
    problems: list[Problem] = []
    own = None if role in ASSIGNABLE else _find_own(session, role)
    if own is None and role not in ASSIGNABLE:
        problems.append(Problem("role", "There is no such role."))
    unit_id, course_id = _place(session, place, problems)
    first, last = _day(from_on, "from_on", problems), _day(until_on, "until_on", problems)
    if first and last and last < first:
        problems.append(Problem("until_on", "The last day lies before the first."))
    codes = ROLES[role] if own is None and not problems else dict.fromkeys(own.permissions if own else [], Reach.ALL)
    if place and not problems and not _narrows(codes, Kind.UNIT if unit_id else Kind.COURSE):
        problems.append(Problem("place", "Nothing this role allows can be limited to this. Give it everywhere."))
    if problems:
        raise Invalid(problems=problems)
    if people_store.find_membership(session, user_id) is None:
        raise NotFound("There is no such person.")
    require_within(codes, may)
    member_store.lock_organization(session)
    row = store.find_given(
        session, user_id, None if own else RoleCode(role), own.id if own else None, unit_id, course_id
    )
    was_alone = member_store.administrators(session, now) == {user_id}
    if row is None:
        row = RoleAssignment(
            user_id=user_id, role=None if own else RoleCode(role), role_id=own.id if own else None,
            org_unit_id=unit_id, course_id=course_id, created_at=now, created_by=by,
        )  # fmt: skip
        session.add(row)
    zone = ZoneInfo(people.tenant(session).timezone)
    row.valid_from = datetime.combine(first, time(), zone) if first else None
    row.valid_until = datetime.combine(last + timedelta(days=1), time(), zone) if last else None
    session.flush()
    if was_alone and not member_store.administrators(session, now):
        raise LastAdministrator
    facts = {"place": place or None, "from_on": from_on or None, "until_on": until_on or None}
    name = own.name if own else role
    audit.record(session, "role.assigned", "person", user_id, subject_user_id=user_id, new={"role": name, **facts})
    publish(session, PersonChanged(user_id, ["roles"]), subject=user_id)


def remove(session: Session, user_id: UUID, row_id: UUID, now: datetime, *, may: Collection[str]) -> None:
    """Take a role away. Raises NotFound, MoreThanOneHolds, LastAdministrator."""
    member_store.lock_organization(session)
    row = next((held for held in member_store.held_roles(session, user_id) if held.id == row_id), None)
    if row is None:
        raise NotFound
    own = store.find_role(session, row.role_id) if row.role_id else None
    require_within(reach.codes_of(row, own), may)
    was_alone = member_store.administrators(session, now) == {user_id}
    session.delete(row)
    session.flush()
    if was_alone and not member_store.administrators(session, now):
        raise LastAdministrator
    old = {"role": row.role.value if row.role else own.name if own else None, "place": _written(row)}
    audit.record(session, "role.removed", "person", user_id, subject_user_id=user_id, old=old)
    publish(session, PersonChanged(user_id, ["roles"]), subject=user_id)


def given_everywhere(session: Session, user_id: UUID, role: str) -> UUID:
    """Return the id under which somebody was given a role for the whole organization. Raises NotFound."""
    own = None if role in ASSIGNABLE else _find_own(session, role)
    if own is None and role not in ASSIGNABLE:
        raise NotFound("There is no such role.")
    code = None if own else RoleCode(role)
    row = store.find_given(session, user_id, code, own.id if own else None, None, None)
    if row is None:
        raise NotFound("They do not have this role for the whole organization.")
    return row.id


def of_person(session: Session, user_id: UUID, now: datetime) -> list[HeldRole]:
    """Return the roles given to a person, whether or not they hold now."""
    return _told(session, member_store.held_roles(session, user_id), now)


def holders(session: Session, now: datetime) -> list[tuple[Person, HeldRole]]:
    """Return who has been given which role, by name; plain learners aside."""
    rows = store.holders(session)
    organization = people_store.organization(session)
    told = _told(session, [row for row, _user in rows], now)
    return [(people.described(user, organization), held) for (_row, user), held in zip(rows, told, strict=True)]


def _told(session: Session, rows: Sequence[RoleAssignment], now: datetime) -> list[HeldRole]:
    zone = ZoneInfo(people.tenant(session).timezone)
    names = {row.id: row.name for row in store.own_roles(session)}
    units = store.unit_names(session, [row.org_unit_id for row in rows if row.org_unit_id])
    courses = _courses(session) if any(row.course_id for row in rows) else {}
    found = []
    for row in rows:
        place = None
        if row.org_unit_id:
            place = (Kind.UNIT.value, units.get(row.org_unit_id, "?"))
        elif row.course_id:
            place = (Kind.COURSE.value, courses.get(row.course_id, "?"))
        until = None if row.valid_until is None else (row.valid_until.astimezone(zone) - timedelta(seconds=1)).date()
        is_held = (row.valid_from is None or row.valid_from <= now) and (
            row.valid_until is None or row.valid_until > now
        )
        since = row.valid_from.astimezone(zone).date() if row.valid_from else None
        code = row.role.value if row.role else ""
        name = code or (names.get(row.role_id, "?") if row.role_id else "?")
        found.append(HeldRole(row.id, code, name, place, since, until, is_held))
    return found


def require_within(codes: Iterable[str], may: Collection[str]) -> None:
    """Raise MoreThanOneHolds where this is more than somebody may do themselves everywhere."""
    if more := beyond(codes, may):
        raise MoreThanOneHolds(f"This allows more than you may do yourself: {', '.join(more)}.")


def _narrows(codes: Iterable[str], kind: Kind) -> bool:
    return any(kind in PERMISSIONS[code].limits for code in codes if code in PERMISSIONS)


def _place(session: Session, place: str, problems: list[Problem]) -> tuple[UUID | None, UUID | None]:
    """Return (unit, course) of a place written like "unit:<id>"."""
    if not place:
        return None, None
    kind, _colon, text = place.partition(":")
    known = {(found[0], found[1]) for found in places(session)}
    if (kind, text) not in known:
        problems.append(Problem("place", "There is no such unit or course in use."))
        return None, None
    return (UUID(text), None) if kind == Kind.UNIT else (None, UUID(text))


def _written(row: RoleAssignment) -> str | None:
    return next((f"{kind}:{place_id}" for kind, place_id in reach.places_of(row)), None)


def _own(session: Session, role_id: UUID, *, lock: bool = False) -> Role:
    row = store.find_role(session, role_id, lock=lock)
    if row is None:
        raise NotFound("There is no such role.")
    return row


def _find_own(session: Session, text: str) -> Role | None:
    try:
        return store.find_role(session, UUID(text))
    except ValueError:
        return None


def _day(text: str, where: str, problems: list[Problem]) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        problems.append(Problem(where, "This is not a day.", "Write it like 2026-03-31."))
        return None
