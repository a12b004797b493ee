"""The list of people: which ones, in which order, a page at a time or as a file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from accounts.services import people
from accounts.services.import_file import safe_cell
from accounts.services.people import Person
from accounts.store import listing as store
from accounts.store import people as people_store
from accounts.store.listing import Wanted
from accounts.tables import MembershipStatus, Organization, RoleCode
from core import audit
from core.db import Session

ORDERS = tuple(store.ORDERS)
ROLES = tuple(role.value for role in RoleCode)
HEADINGS = (
    "email", "first name", "last name", "employee id", "unit", "unit name", "position", "position name", "job title",
    "manager", "hired", "standing", "tags",
)  # fmt: skip
"""Of the exported file: the import takes it back as it is."""


@dataclass(frozen=True)
class ListedPerson:
    """A person as the list shows them."""

    person: Person
    status: str
    unit: str | None
    position: str | None
    employee_id: str | None
    manager: str | None
    hired_on: date | None


def wanted(
    *, search: str = "", status: str = "", unit: str = "", position: str = "", role: str = "", manager: str = "",
    audience: str = "",
) -> Wanted:  # fmt: skip
    """Return a filter made of texts; what is no standing, role or id is left out."""
    return Wanted(
        search,
        MembershipStatus(status) if status in set(MembershipStatus) else None,
        _id(unit),
        _id(position),
        role if role in ROLES else None,
        _id(manager),
        _id(audience),
    )


def page(
    session: Session,
    which: Wanted,
    now: datetime,
    *,
    order: str,
    descending: bool,
    offset: int,
    limit: int,
    counts: Mapping[str, int] | None = None,
) -> tuple[list[ListedPerson], int]:
    """Return one page of these people, and how many there are in all.

    `counts`, how many stand where within the same reach, saves counting again where nothing else is asked for.
    """
    organization = people_store.organization(session)
    rows = store.page(session, which, now, order=order, descending=descending, offset=offset, limit=limit)
    if counts is None or replace(which, status=None) != Wanted(within=which.within):
        total = store.count(session, which, now)
    elif which.status is not None:
        total = counts[which.status.value]
    else:
        total = sum(counts.values()) - counts[MembershipStatus.LEFT.value]
    return [_listed(row, organization) for row in rows], total


def ids(session: Session, which: Wanted, now: datetime) -> list[UUID]:
    """Return the ids of all these people."""
    return store.ids(session, which, now)


def exported(session: Session, which: Wanted, now: datetime, *, order: str, descending: bool) -> Iterator[list[str]]:
    """Return these people as the rows of a file, headings first; no cell can be taken for a formula."""
    audit.record(
        session,
        "people.exported",
        details={"filter": {k: str(v) for k, v in vars(which).items() if v and k != "within"}},
    )
    yield list(HEADINGS)
    for member, user, unit, position, manager in store.everybody(
        session, which, now, order=order, descending=descending
    ):
        cells = [
            user.email, user.first_name, user.last_name, member.employee_id, unit and unit.code, unit and unit.name,
            position and position.code, position and position.name, member.position_title, manager and manager.email,
            member.hired_on, member.status.value, ", ".join(member.tags),
        ]  # fmt: skip
        yield [safe_cell(str(cell)) if cell else "" for cell in cells]


def _listed(row: store.Line, organization: Organization) -> ListedPerson:
    member, user, unit, position, manager = row
    return ListedPerson(
        people.described(user, organization),
        member.status.value,
        unit.name if unit else None,
        position.name if position else member.position_title,
        member.employee_id,
        manager.display_name if manager else None,
        member.hired_on,
    )


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
