"""The organization's units: a tree without loops, whose branches move as a whole; archived, never deleted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from accounts.services import people
from accounts.services.people import Person
from accounts.store import members as member_store
from accounts.store import people as people_store
from accounts.store import units as store
from accounts.tables import OrgUnit, OrgUnitType
from core import audit
from core.db import Session, uuid7
from core.errors import Conflict, Invalid, NotFound, Problem
from core.jobs import enqueue
from core.words import said

TYPES = tuple(OrgUnitType)
DEEPEST = 20
_STEP = 33
"""Characters a path grows by with each level."""


@dataclass(frozen=True)
class Unit:
    """A unit as pages show it. `depth` is 0 at the top; `people` are directly in it, `people_below` all in all."""

    id: UUID
    name: str
    code: str
    unit_type: str
    description: str | None
    parent_id: UUID | None
    manager_id: UUID | None
    path: str
    depth: int
    people: int
    people_below: int
    is_archived: bool


@dataclass(frozen=True)
class UnitPage:
    """A unit with its surroundings: the way down to it, the manager, the units directly below."""

    unit: Unit
    above: list[Unit]
    manager: Person | None
    children: list[Unit]


@dataclass(frozen=True)
class UnitMember:
    """A person of a unit; `unit` names the one they are directly in."""

    person: Person
    status: str
    unit: str
    position: str | None


def tree(session: Session, *, with_archived: bool = False, is_counted: bool = True) -> list[Unit]:
    """Return the units from the top down, each followed by those below it, siblings by name.

    Not `is_counted`, nobody is in them: counting is for who shows numbers.
    """
    rows = store.all_units(session)
    counts = store.people_count(session, "org_unit_id") if is_counted else {}
    children: dict[UUID | None, list[OrgUnit]] = {}
    for row in rows:
        if with_archived or row.archived_at is None:
            children.setdefault(row.parent_id, []).append(row)
    return list(_walk(None, children, counts, 0))


def _walk(
    parent_id: UUID | None, children: dict[UUID | None, list[OrgUnit]], counts: dict[UUID, int], depth: int
) -> Iterator[Unit]:
    for row in children.get(parent_id, []):
        below = list(_walk(row.id, children, counts, depth + 1))
        own = counts.get(row.id, 0)
        yield _described(row, depth, own, own + sum(unit.people for unit in below))
        yield from below


def _described(row: OrgUnit, depth: int, own: int, below: int) -> Unit:
    return Unit(
        row.id,
        row.name,
        row.code,
        row.unit_type.value,
        row.description,
        row.parent_id,
        row.manager_id,
        row.path,
        depth,
        own,
        below,
        row.archived_at is not None,
    )


def get(session: Session, unit_id: UUID) -> UnitPage:
    """Return a unit with what surrounds it. Raises NotFound."""
    units = {unit.id: unit for unit in tree(session, with_archived=True)}
    unit = units.get(unit_id)
    if unit is None:
        raise NotFound("There is no such unit.")
    above: list[Unit] = []
    parent = unit.parent_id
    while parent is not None:
        above.insert(0, units[parent])
        parent = units[parent].parent_id
    manager = people.named(session, [unit.manager_id]).get(unit.manager_id) if unit.manager_id else None
    return UnitPage(unit, above, manager, [other for other in units.values() if other.parent_id == unit_id])


def people_of(
    session: Session,
    unit_id: UUID,
    *,
    with_below: bool = True,
    on: date | None = None,
    offset: int = 0,
    limit: int = 50,
) -> tuple[list[UnitMember], int]:
    """Return who stands in a unit (and below it), or stood there at the end of an earlier day. Raises NotFound."""
    organization = people_store.organization(session)
    at = None
    if on is not None:
        at = datetime.combine(on + timedelta(days=1), time(), ZoneInfo(organization.default_timezone))
        at -= timedelta(microseconds=1)
    found, total = store.people_of(
        session, _row(session, unit_id).path, with_below=with_below, at=at, offset=offset, limit=limit
    )
    return [
        UnitMember(
            people.described(row.user, organization),
            row.status.value,
            row.unit.name,
            row.position.name if row.position else None,
        )
        for row in found
    ], total


def add(session: Session, now: datetime, **facts: str) -> UUID:
    """Add a unit with name, code, unit_type, description, parent_id and manager_email; answer its id.

    Raises Invalid with every field that is wrong.
    """
    member_store.lock_organization(session)
    problems, checked = _check(session, facts, None)
    if problems:
        raise Invalid(problems=problems)
    unit_id = uuid7()
    parent = checked.parent
    session.add(
        OrgUnit(
            id=unit_id,
            parent_id=parent.id if parent else None,
            unit_type=OrgUnitType(facts["unit_type"]),
            name=facts["name"],
            code=facts["code"],
            description=facts["description"] or None,
            manager_id=checked.manager_id,
            path=f"{parent.path if parent else ''}/{unit_id.hex}",
            created_at=now,
        )
    )
    session.flush()
    audit.record(session, "unit.added", "org_unit", unit_id, new=_shown(facts))
    return unit_id


def change(session: Session, unit_id: UUID, **facts: str) -> None:
    """Change a unit; with another `parent_id` it moves there with all that is below it. Raises NotFound, Invalid."""
    member_store.lock_organization(session)  # two moves that each close half a loop must not pass each other
    row = _row(session, unit_id)
    problems, checked = _check(session, facts, row)
    if problems:
        raise Invalid(problems=problems)
    old = {"name": row.name, "code": row.code, "parent_id": str(row.parent_id or ""), "manager_id": str(row.manager_id)}
    row.name, row.code, row.description = facts["name"], facts["code"], facts["description"] or None
    row.unit_type, row.manager_id = OrgUnitType(facts["unit_type"]), checked.manager_id
    parent = checked.parent
    if row.parent_id != (parent.id if parent else None):
        path = f"{parent.path if parent else ''}/{row.id.hex}"
        row.parent_id = parent.id if parent else None
        store.move_subtree(session, row.path, path)
        enqueue(session, "accounts.refresh_audiences", {})
    session.flush()
    audit.record(session, "unit.changed", "org_unit", unit_id, old=old, new=_shown(facts))


def archive(session: Session, unit_id: UUID, now: datetime, by: UUID) -> None:
    """Take a unit out of use. Raises NotFound, Conflict while people or units are in it."""
    member_store.lock_organization(session)
    row = _row(session, unit_id)
    if row.archived_at is not None:
        return
    if store.has_open_children(session, unit_id):
        raise Conflict("There are units below this one. Move or archive them first.")
    if store.people_count(session, "org_unit_id").get(unit_id):
        raise Conflict("There are people in this unit. Move them to another one first.")
    row.archived_at, row.archived_by = now, by
    audit.record(session, "unit.archived", "org_unit", unit_id)


def restore(session: Session, unit_id: UUID) -> None:
    """Take an archived unit back into use. Raises NotFound, Conflict while the unit above it is archived."""
    member_store.lock_organization(session)
    row = _row(session, unit_id)
    parent = store.find(session, row.parent_id) if row.parent_id else None
    if parent is not None and parent.archived_at is not None:
        raise Conflict(said("The unit above it, %(name)s, is archived. Restore that one first.", name=parent.name))
    row.archived_at = row.archived_by = None
    audit.record(session, "unit.restored", "org_unit", unit_id)


@dataclass(frozen=True)
class _Checked:
    parent: OrgUnit | None
    manager_id: UUID | None


def _check(session: Session, facts: dict[str, str], row: OrgUnit | None) -> tuple[list[Problem], _Checked]:
    problems = code_problems(facts["name"], facts["code"], 255)
    if facts["code"] and store.code_is_taken(session, OrgUnit, facts["code"], row.id if row else None):
        problems.append(Problem("code", "Another unit has this code, perhaps an archived one."))
    if facts["unit_type"] not in set(OrgUnitType):
        problems.append(
            Problem("unit_type", "There is no such kind of unit.", said("Use %(known)s.", known=", ".join(OrgUnitType)))
        )
    manager_id = member_store.user_id_by_email(session, facts["manager_email"]) if facts["manager_email"] else None
    if facts["manager_email"] and manager_id is None:
        problems.append(Problem("manager_email", "Nobody here has this e-mail."))
    parent = _parent(session, facts["parent_id"], row, problems)
    return problems, _Checked(parent, manager_id)


def _parent(session: Session, parent_id: str, row: OrgUnit | None, problems: list[Problem]) -> OrgUnit | None:
    if not parent_id:
        return None
    try:
        parent = store.find(session, UUID(parent_id))
    except ValueError:
        parent = None
    if parent is None:
        problems.append(Problem("parent_id", "There is no such unit."))
        return None
    if parent.archived_at is not None and (row is None or row.parent_id != parent.id):
        problems.append(Problem("parent_id", "This unit is archived.", "Restore it first, or choose another."))
    height = 1
    if row is not None:
        if f"{parent.path}/".startswith(f"{row.path}/"):
            problems.append(Problem("parent_id", "A unit cannot lie below itself.", "Choose one outside its branch."))
        height = (store.deepest_below(session, row.path) - len(row.path)) // _STEP + 1
    if len(parent.path) // _STEP + height > DEEPEST:
        problems.append(Problem("parent_id", said("A tree of units has at most %(deepest)s levels.", deepest=DEEPEST)))
    return parent


def code_problems(name: str, code: str, longest: int) -> list[Problem]:
    """Return what is wrong with the name and the code of a unit or a position."""
    problems = []
    for where, value, most in (("name", name, longest), ("code", code, 50)):
        if not value:
            problems.append(Problem(where, said("The %(where)s is missing.", where=where)))
        elif not value.isprintable() or len(value) > most:
            problems.append(
                Problem(
                    where, said("A %(where)s takes up to %(most)s characters, in one line.", where=where, most=most)
                )
            )
    return problems


def _row(session: Session, unit_id: UUID) -> OrgUnit:
    row = store.find(session, unit_id)
    if row is None:
        raise NotFound("There is no such unit.")
    return row


def _shown(facts: dict[str, str]) -> dict[str, str]:
    return {name: facts[name] for name in ("name", "code", "unit_type", "parent_id", "manager_email")}


def open_codes(session: Session, codes: Sequence[str]) -> dict[str, UUID]:
    """Return the units in use that have these codes, by code in small letters."""
    wanted = {code.lower() for code in codes}
    return {
        row.code.lower(): row.id
        for row in store.all_units(session)
        if row.archived_at is None and row.code.lower() in wanted
    }
