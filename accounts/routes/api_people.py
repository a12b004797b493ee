"""People over REST: the list, one person, joining, changing, standing, roles."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from flask import Response, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field

from accounts.routes.blueprint import bp
from accounts.services import listing, members, people, roles
from accounts.services.members import Member
from core import clock, rest
from core.db import Session
from core.errors import Conflict, Forbidden
from core.http import current_user, database, requires

TAG = "people"
LINE = r"^[^\x00-\x1f\x7f]*$"
Standing = Literal["active", "on_leave", "suspended", "left"]


class PeopleWanted(rest.Paging):
    """Which people are asked for."""

    q: str = Field("", max_length=100, description="In name or e-mail.")
    status: Literal["", "invited", "active", "suspended", "on_leave", "left"] = ""
    unit: UUID | None = Field(None, description="In this unit or below it.")
    position: UUID | None = None
    role: str = Field("", max_length=40)
    manager: UUID | None = None
    audience: UUID | None = None
    sort: Literal["name", "-name"] = "name"


class ListedPerson(rest.Answer):
    """A person as lists tell."""

    id: UUID
    name: str
    email: str
    status: str
    unit: str | None
    position: str | None
    employee_id: str | None
    manager: str | None
    hired_on: date | None


class HeldRole(rest.Answer):
    """A role given to somebody; both days are inclusive."""

    code: str = Field(description="Of a built-in role; empty for one of the organization's own.")
    name: str
    place: list[str] | None = Field(description="Kind and name of the unit or course it is limited to.")
    from_on: date | None
    until_on: date | None
    is_held: bool


class Named(rest.Answer):
    """Something by id and name."""

    id: UUID
    name: str


class FullPerson(rest.Answer):
    """All that the organization knows of a person, but for personal data."""

    id: UUID
    name: str
    first_name: str
    last_name: str
    email: str
    status: str
    position_title: str | None
    employee_id: str | None
    unit: Named | None
    position: Named | None
    manager: Named | None
    hired_on: date | None
    left_on: date | None
    joined_at: datetime
    roles: list[HeldRole]
    tags: list[str]
    custom: dict[str, str]


class NewPerson(rest.Sent):
    """Somebody who joins. They get a letter and choose their password themselves."""

    email: str = Field(max_length=254)
    first_name: str = Field(min_length=1, max_length=99, pattern=LINE)
    last_name: str = Field(min_length=1, max_length=99, pattern=LINE)


class PersonChange(rest.Sent):
    """What shall be otherwise; what is not named stays, null or an empty text takes away."""

    first_name: str | None = Field(None, max_length=99, pattern=LINE)
    last_name: str | None = Field(None, max_length=99, pattern=LINE)
    position_title: str | None = Field(None, max_length=100, pattern=LINE)
    employee_id: str | None = Field(None, max_length=100, pattern=LINE)
    hired_on: date | None = None
    manager_email: str | None = Field(None, max_length=254)
    org_unit_id: UUID | None = None
    position_id: UUID | None = None
    tags: list[str] | None = Field(None, max_length=50)
    custom: dict[str, str] = Field(default_factory=dict, description="Values of own fields by code.")


class StandingSent(rest.Sent):
    """Where somebody stands from now on."""

    status: Standing


class RoleDays(rest.Sent):
    """From and until when a role is held, both inclusive."""

    from_on: date | None = None
    until_on: date | None = None


@bp.get("/api/v1/people")
@requires("people.read")
@rest.operation(query=PeopleWanted, answer=rest.Page[ListedPerson], tag=TAG)
def api_list_people(query: PeopleWanted) -> ResponseReturnValue:
    """Answer people by name; without a status those who have not left."""
    texts = {
        name: str(getattr(query, name) or "") for name in ("status", "unit", "position", "role", "manager", "audience")
    }
    which = listing.wanted(search=query.q, **texts)
    with database().read(current_user().organization_id) as session:
        found, total = listing.page(
            session, which, clock.now(), order="name", descending=query.sort == "-name", offset=query.offset,
            limit=query.limit,
        )  # fmt: skip
    items = [
        ListedPerson(
            id=one.person.user_id, name=one.person.name, email=one.person.email, status=one.status, unit=one.unit,
            position=one.position, employee_id=one.employee_id, manager=one.manager, hired_on=one.hired_on,
        )
        for one in found
    ]  # fmt: skip
    return rest.listed(items, total, query)


@bp.post("/api/v1/people")
@requires("people.write")
@rest.operation(
    body=NewPerson, answer=FullPerson, status=201, tag=TAG, headers={"Location": "Where the person is."},
    example={"email": "dana@example.org", "first_name": "Dana", "last_name": "Ito"},
)  # fmt: skip
def api_add_person(body: NewPerson) -> ResponseReturnValue:
    """Let somebody join as a learner; a letter invites them."""
    with database().write(current_user().organization_id) as session:
        user_id = people.add(
            session, email=body.email, first_name=body.first_name, last_name=body.last_name, roles=["learner"],
            invite=True, now=clock.now(),
        )  # fmt: skip
        return rest.told(_person(session, user_id), 201, url_for("accounts.api_show_person", user_id=user_id))


@bp.get("/api/v1/people/<uuid:user_id>")
@requires("people.read")
@rest.operation(answer=FullPerson, tag=TAG, headers={"ETag": "For If-Match."})
def api_show_person(user_id: UUID) -> ResponseReturnValue:
    """Answer a person."""
    with database().read(current_user().organization_id) as session:
        return rest.told(_person(session, user_id))


@bp.patch("/api/v1/people/<uuid:user_id>")
@requires("people.write")
@rest.operation(body=PersonChange, answer=FullPerson, tag=TAG, errors=(409, 412), example={"employee_id": "E-117"})
def api_change_person(user_id: UUID, body: PersonChange) -> ResponseReturnValue:
    """Change what the organization knows of a person; the name of somebody known elsewhere too stays theirs."""
    now = clock.now()
    with database().write(current_user().organization_id) as session:
        rest.require_match(_person(session, user_id))
        member = members.get(session, user_id, now)
        facts = _facts(member)
        for name in body.model_fields_set - {"custom", "tags"}:
            value = getattr(body, name)
            facts[name] = "" if value is None else str(value)
        if "tags" in body.model_fields_set:
            facts["tags"] = ", ".join(body.tags or ())
        members.change(session, user_id, custom=body.custom, now=now, **facts)
        session.flush()
        return rest.told(_person(session, user_id))


@bp.post("/api/v1/people/<uuid:user_id>/standing")
@requires("people.write")
@rest.operation(body=StandingSent, answer=FullPerson, tag=TAG, example={"status": "on_leave"})
def api_set_standing(user_id: UUID, body: StandingSent) -> ResponseReturnValue:
    """Say where a person stands now: leaving ends sessions and open assignments; coming back takes them up again."""
    caller = current_user()
    if user_id == caller.user_id:
        raise Conflict("Somebody else must change your own standing.")
    with database().write(caller.organization_id) as session:
        may = caller.may("roles.assign")
        members.set_standing(session, user_id, body.status, clock.now(), may_assign_roles=may)
        session.flush()
        return rest.told(_person(session, user_id))


@bp.put("/api/v1/people/<uuid:user_id>/roles/<role>")
@requires("roles.assign", critical=True)
@rest.operation(body=RoleDays, answer=FullPerson, tag=TAG, errors=(409,), example={"until_on": "2027-12-31"})
def api_assign_role(user_id: UUID, role: str, body: RoleDays) -> ResponseReturnValue:
    """Give somebody a role in the whole organization, or change its days: a code, or the id of an own role."""
    caller = current_user()
    _not_oneself(user_id)
    with database().write(caller.organization_id) as session:
        roles.assign(
            session, user_id, role, clock.now(), from_on=str(body.from_on or ""), until_on=str(body.until_on or ""),
            by=caller.user_id, may=caller.permissions,
        )  # fmt: skip
        session.flush()
        return rest.told(_person(session, user_id))


@bp.delete("/api/v1/people/<uuid:user_id>/roles/<role>")
@requires("roles.assign", critical=True)
@rest.operation(status=204, tag=TAG, errors=(409,))
def api_remove_role(user_id: UUID, role: str) -> ResponseReturnValue:
    """Take a role away."""
    _not_oneself(user_id)
    with database().write(current_user().organization_id) as session:
        row_id = roles.given_everywhere(session, user_id, role)
        roles.remove(session, user_id, row_id, clock.now(), may=current_user().permissions)
    return Response(status=204)


def _not_oneself(user_id: UUID) -> None:
    """A program gives no roles to the person in whose name it acts: its scopes end where they were granted."""
    caller = current_user()
    if caller.client_id is not None and caller.user_id == user_id:
        raise Forbidden("An API client changes no roles of whoever made it.")


def _facts(member: Member) -> dict[str, str]:
    """What is known of a person, as `members.change` takes it."""
    return {
        "first_name": member.person.first_name,
        "last_name": member.person.last_name,
        "position_title": member.position_title or "",
        "employee_id": member.employee_id or "",
        "hired_on": str(member.hired_on or ""),
        "manager_email": member.manager.email if member.manager else "",
        "org_unit_id": str(member.unit[0]) if member.unit else "",
        "position_id": str(member.position[0]) if member.position else "",
        "tags": ", ".join(member.tags),
    }


def _person(session: Session, user_id: UUID) -> FullPerson:
    one = members.get(session, user_id, clock.now())
    return FullPerson(
        id=one.person.user_id,
        name=one.person.name,
        first_name=one.person.first_name,
        last_name=one.person.last_name,
        email=one.person.email,
        status=one.status,
        position_title=one.position_title,
        employee_id=one.employee_id,
        unit=Named(id=one.unit[0], name=one.unit[1]) if one.unit else None,
        position=Named(id=one.position[0], name=one.position[1]) if one.position else None,
        manager=Named(id=one.manager.user_id, name=one.manager.name) if one.manager else None,
        hired_on=one.hired_on,
        left_on=one.left_on,
        joined_at=one.joined_at,
        roles=[HeldRole.model_validate(role) for role in one.roles],
        tags=one.tags,
        custom=one.custom,
    )
