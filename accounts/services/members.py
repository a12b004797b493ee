"""People as members of an organization: facts, standing, reporting line, roles (`rules.md`, People)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from accounts.errors import AdministratorProtected, LastAdministrator
from accounts.events import PersonChanged, PersonJoined, PersonLeft
from accounts.services import custom_fields, people, roles
from accounts.services import reach as scopes
from accounts.services.people import Person
from accounts.services.roles import HeldRole
from accounts.store import links, sessions
from accounts.store import members as store
from accounts.store import people as people_store
from accounts.store import units as unit_store
from accounts.tables import Membership, MembershipStatus, RoleCode
from core import audit, clock
from core.db import Session
from core.errors import Conflict, Invalid, NotFound, Problem
from core.events import publish
from core.reach import Reach

STANDINGS = (MembershipStatus.ACTIVE, MembershipStatus.ON_LEAVE, MembershipStatus.SUSPENDED, MembershipStatus.LEFT)
"""Standings somebody can be given; invited is where people begin."""

MOST_TAGS = 50
_ADMINISTERS = (RoleCode.ORG_ADMIN, RoleCode.PLATFORM_ADMIN)
_OUTSIDE = (MembershipStatus.SUSPENDED, MembershipStatus.LEFT)


@dataclass(frozen=True)
class Listed:
    """A person in the list."""

    person: Person
    status: str
    position_title: str | None


@dataclass(frozen=True)
class Member:
    """All that the person's page shows."""

    person: Person
    status: str
    position_title: str | None
    employee_id: str | None
    unit: tuple[UUID, str] | None
    position: tuple[UUID, str] | None
    hired_on: date | None
    left_on: date | None
    manager: Person | None
    reports: list[Person]
    roles: list[HeldRole]
    joined_at: datetime
    last_sign_in_at: datetime | None
    is_email_verified: bool
    has_second_factor: bool
    belongs_elsewhere: bool
    history: list["Stretch"]
    custom: dict[str, str]
    tags: list[str]


@dataclass(frozen=True)
class Stretch:
    """Where somebody stood from one moment to another; the present one has no end."""

    unit: str | None
    position: str | None
    manager: str | None
    since: datetime
    until: datetime | None


def page(
    session: Session, search: str = "", status: str | None = None, offset: int = 0, limit: int = 50
) -> tuple[list[Listed], int]:
    """Return people by name with their standing, and how many there are; without `status` all who have not left."""
    organization = people_store.organization(session)
    wanted = MembershipStatus(status) if status else None
    users, total = people_store.page(session, search, offset, limit, wanted)
    rows = store.by_user(session, [user.id for user in users])
    return [
        Listed(people.described(user, organization), rows[user.id].status.value, rows[user.id].position_title)
        for user in users
    ], total


def counts(session: Session, within: Reach | None = None) -> dict[str, int]:
    """Return how many people stand where, by standing."""
    found = store.count_by_status(session, within)
    return {status.value: found.get(status, 0) for status in MembershipStatus}


def get(session: Session, user_id: UUID, now: datetime) -> Member:
    """Return a person of this organization. Raises NotFound."""
    user, row = people_store.find_user(session, user_id), people_store.find_membership(session, user_id)
    if user is None or row is None:
        raise NotFound("There is no such person.")
    organization = people_store.organization(session)
    unit = unit_store.find(session, row.org_unit_id) if row.org_unit_id else None
    position = unit_store.find_position(session, row.position_id) if row.position_id else None
    return Member(
        person=people.described(user, organization),
        status=row.status.value,
        position_title=row.position_title,
        employee_id=row.employee_id,
        unit=(unit.id, unit.name) if unit else None,
        position=(position.id, position.name) if position else None,
        hired_on=row.hired_on,
        left_on=row.left_on,
        manager=people.get(session, row.manager_id) if row.manager_id else None,
        reports=[people.described(report, organization) for report in store.reports(session, user_id)],
        roles=roles.of_person(session, user_id, now),
        joined_at=row.created_at,
        last_sign_in_at=user.last_login_at,
        is_email_verified=user.email_verified_at is not None,
        has_second_factor=user.mfa_enabled_at is not None,
        belongs_elsewhere=store.belongs_elsewhere(session, user_id),
        history=[_stretch(past) for past in unit_store.history(session, user_id)],
        custom=dict(row.custom_fields),
        tags=list(row.tags),
    )


def _stretch(past: unit_store.Past) -> Stretch:
    return Stretch(
        past.unit.name if past.unit else None,
        past.position.name if past.position else None,
        past.manager.display_name if past.manager else None,
        past.placement.since,
        past.placement.until,
    )


def change(
    session: Session,
    user_id: UUID,
    *,
    first_name: str,
    last_name: str,
    position_title: str,
    employee_id: str,
    hired_on: str,
    manager_email: str,
    org_unit_id: str = "",
    position_id: str = "",
    custom: Mapping[str, str] | None = None,
    tags: str = "",
    now: datetime,
) -> None:
    """Change what the organization knows of a person. Empty texts mean nothing is known.

    `tags` are separated by commas; `custom` holds values of the organization's own fields, by code; those it
    does not name stay.

    Another unit, position or manager begins a new stretch of the person's history.

    The name belongs to the person and is left alone when another organization knows them too. Raises NotFound, Invalid
    with every field that is wrong: an employee id twice, a manager who is nobody here or stands below the person.
    """
    row = _membership(session, user_id)
    store.lock_organization(session)  # two changes that each close half a loop must not pass each other
    user = people_store.find_user(session, user_id, lock=True)
    if user is None:
        raise NotFound("There is no such person.")
    keeps_name = store.belongs_elsewhere(session, user_id)
    problems = [] if keeps_name else people.name_problems(first_name, last_name)
    day = _day(hired_on, "hired_on", problems)
    manager_id = _manager(session, user_id, manager_email, problems)
    if employee_id and store.employee_id_is_taken(session, employee_id, user_id):
        problems.append(Problem("employee_id", "Somebody else has this employee id."))
    unit_id = _unit(session, org_unit_id, row, problems)
    place_id = _position(session, position_id, row, problems)
    values, wrong = custom_fields.merged(custom_fields.listed(session), row.custom_fields, custom or {})
    problems += wrong
    for where, given in (("position_title", position_title), ("employee_id", employee_id)):
        if not given.isprintable():
            problems.append(Problem(where, "Write it in one line."))
    labels = list_of_tags(tags, problems)
    if problems:
        raise Invalid(problems=problems)
    new: dict[str, object] = {
        "position_title": position_title or None,
        "employee_id": employee_id or None,
        "hired_on": day,
        "manager_id": manager_id,
        "org_unit_id": unit_id,
        "position_id": place_id,
        "custom_fields": values,
        "tags": labels,
    }
    old: dict[str, object] = {name: getattr(row, name) for name in new}
    row.position_title, row.employee_id, row.hired_on = position_title or None, employee_id or None, day
    row.manager_id, row.org_unit_id, row.position_id = manager_id, unit_id, place_id
    row.custom_fields, row.tags = values, labels
    if not keeps_name:
        old["name"], new["name"] = user.display_name, f"{first_name} {last_name}"
        user.first_name, user.last_name, user.display_name = first_name, last_name, f"{first_name} {last_name}"
    changed = [name for name in new if old[name] != new[name]]
    if changed:
        unit_store.note_placements(session, [user_id], now)
        _note_change(session, user_id, changed, old, new)


def set_standing(session: Session, user_id: UUID, status: str, now: datetime, *, may_assign_roles: bool) -> None:
    """Say where a person stands now; who is suspended or left is signed out here and cannot come back in.

    Leaving hands the reports over to the manager's manager. Raises NotFound, Conflict, LastAdministrator,
    AdministratorProtected.
    """
    if status not in STANDINGS:
        raise Invalid(problems=[Problem("status", "There is no such standing.")])
    new, row = MembershipStatus(status), _membership(session, user_id)
    old = row.status
    if old is new:
        return
    if old is MembershipStatus.INVITED and new is not MembershipStatus.LEFT:
        raise Conflict("They have not accepted the invitation yet. It can only be withdrawn.")
    store.lock_organization(session)
    if not may_assign_roles and any(r.role in _ADMINISTERS for r in store.held_roles(session, user_id)):
        raise AdministratorProtected
    if new in _OUTSIDE and store.administrators(session, now) == {user_id}:
        raise LastAdministrator
    row.status = new
    row.left_on = None
    if new in _OUTSIDE:
        sessions.end_here(session, user_id, now)
        links.retire(session, user_id, now)
    if new is MembershipStatus.LEFT:
        _leave(session, row, now)
        publish(session, PersonLeft(user_id), subject=user_id)
    elif old is MembershipStatus.LEFT:
        unit_store.note_placements(session, [user_id], now)
        publish(session, PersonJoined(user_id), subject=user_id)
    else:
        publish(session, PersonChanged(user_id, ["status"]), subject=user_id)
    action = {MembershipStatus.LEFT: "person.left"}.get(new, "person.standing_changed")
    audit.record(
        session,
        action,
        "person",
        user_id,
        subject_user_id=user_id,
        old={"status": old.value},
        new={"status": new.value},
    )


def accessible(session: Session, user_id: UUID, reach: Reach | None, now: datetime) -> Member:
    """Return a person to somebody whose permission reaches so far. Raises NotFound for everybody else."""
    scopes.require(session, reach, user_id)
    return get(session, user_id, now)


def administrators(session: Session, now: datetime) -> list[UUID]:
    """Return who can administer the organization now."""
    return sorted(store.administrators(session, now))


def line_below(session: Session, user_id: UUID) -> list[UUID]:
    """Return everybody who reports to a person, directly or through others."""
    return store.line_below(session, user_id)


def _leave(session: Session, row: Membership, now: datetime) -> None:
    """Note the day, and let the reports answer to the manager's manager until somebody says better."""
    row.left_on = clock.day_in(people.tenant(session).timezone, now)
    handed_over = store.hand_reports_over(session, row.user_id, row.manager_id)
    unit_store.note_placements(session, [row.user_id, *handed_over], now)
    for report in handed_over:
        _note_change(session, report, ["manager_id"], {"manager_id": row.user_id}, {"manager_id": row.manager_id})


def _note_change(
    session: Session, user_id: UUID, changed: Sequence[str], old: dict[str, object], new: dict[str, object]
) -> None:
    def plain(values: dict[str, object]) -> dict[str, object]:
        shown = [name for name in changed if name != "custom_fields"]  # some of them are not for every reader
        return {name: None if values[name] is None else str(values[name]) for name in shown}

    audit.record(session, "person.changed", "person", user_id, subject_user_id=user_id, old=plain(old), new=plain(new))
    publish(session, PersonChanged(user_id, list(changed)), subject=user_id)


def _manager(session: Session, user_id: UUID, email: str, problems: list[Problem]) -> UUID | None:
    if not email:
        return None
    found = store.user_id_by_email(session, email.strip())
    if found is None:
        problems.append(Problem("manager_email", "Nobody here has this e-mail."))
    elif found == user_id or user_id in store.line_above(session, found):
        problems.append(
            Problem("manager_email", "This person reports to them already; the line would run in a circle.")
        )
    return found


def list_of_tags(text: str, problems: list[Problem]) -> list[str]:
    """Return the tags of a text, separated by commas, each once, in order of the alphabet."""
    tags = sorted({tag.strip() for tag in text.split(",") if tag.strip()})
    if len(tags) > MOST_TAGS or any(len(tag) > 60 or not tag.isprintable() for tag in tags):
        problems.append(Problem("tags", "At most 50 tags of 60 characters each, separated by commas."))
    return tags


def _unit(session: Session, unit_id: str, row: Membership, problems: list[Problem]) -> UUID | None:
    """Return the unit somebody is put into: one in use, or the one they are in already."""
    found = unit_store.find(session, UUID(unit_id)) if _is_id(unit_id) else None
    if found is not None and (found.archived_at is None or found.id == row.org_unit_id):
        return found.id
    if unit_id:
        problems.append(Problem("org_unit_id", "There is no such unit in use."))
    return None


def _position(session: Session, position_id: str, row: Membership, problems: list[Problem]) -> UUID | None:
    """Return the position somebody is given: one in use, or the one they hold already."""
    found = unit_store.find_position(session, UUID(position_id)) if _is_id(position_id) else None
    if found is not None and (found.archived_at is None or found.id == row.position_id):
        return found.id
    if position_id:
        problems.append(Problem("position_id", "There is no such position in use."))
    return None


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _day(text: str, where: str, problems: list[Problem]) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        problems.append(Problem(where, "This is not a day.", "Write it like 2026-03-31."))
        return None


def _membership(session: Session, user_id: UUID) -> Membership:
    row = store.find_locked(session, user_id)
    if row is None:
        raise NotFound("There is no such person.")
    return row
