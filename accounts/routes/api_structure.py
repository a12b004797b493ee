"""Units, positions, audiences and roles over REST."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from flask import Response, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field

from accounts.permissions import ROLES
from accounts.routes.api_people import LINE
from accounts.routes.blueprint import bp
from accounts.services import audiences, positions, units
from core import clock, rest
from core.db import Session
from core.http import current_user, database, requires


class Archivable(rest.Paging):
    """Which of the things are asked for."""

    archived: bool = Field(False, description="Those out of use too.")


class Unit(rest.Answer):
    """A part of the organization. `people_below` counts those of its branches too."""

    id: UUID
    name: str
    code: str
    unit_type: str
    description: str | None
    parent_id: UUID | None
    manager_id: UUID | None
    depth: int
    people: int
    people_below: int
    is_archived: bool


class UnitSent(rest.Sent):
    """A unit as it shall be. When it is changed, what is not named stays."""

    name: str = Field("", max_length=255, pattern=LINE)
    code: str = Field("", max_length=50, pattern=LINE)
    unit_type: Literal["organization", "division", "department", "team", "site", "location"] = "department"
    description: str = Field("", max_length=5000)
    parent_id: UUID | None = None
    manager_email: str = Field("", max_length=254)


class Position(rest.Answer):
    """What people do."""

    id: UUID
    name: str
    code: str
    description: str | None
    people: int
    is_archived: bool


class PositionSent(rest.Sent):
    """A position as it shall be. When it is changed, what is not named stays."""

    name: str = Field("", max_length=150, pattern=LINE)
    code: str = Field("", max_length=50, pattern=LINE)
    description: str = Field("", max_length=5000)


class AudienceAnswer(rest.Answer):
    """A named set of people, said by a rule."""

    id: UUID
    name: str
    description: str | None
    rule: dict[str, Any]
    member_count: int
    refreshed_at: datetime | None
    is_archived: bool


class AudienceSent(rest.Sent):
    """An audience as it shall be."""

    name: str = Field(min_length=1, max_length=150, pattern=LINE)
    description: str = Field("", max_length=5000)
    rule: dict[str, Any] = Field(description="A group of conditions: see the guide to people.")


class RuleSent(rest.Sent):
    """A rule to be tried."""

    rule: dict[str, Any]


class MembersWanted(rest.Paging):
    """Who was in it when."""

    as_of: date | None = Field(None, description="At the end of this day; without it now.")


class AudienceMember(rest.Answer):
    """Somebody in an audience, and since when."""

    user_id: UUID
    name: str
    email: str
    since: datetime


class PreviewAnswer(rest.Answer):
    """Who a rule would find: how many, and the first by name."""

    count: int
    sample: list[str]


class Role(rest.Answer):
    """A role and what it lets people do."""

    code: str
    permissions: list[str]


RULE = {"all": [{"field": "status", "op": "is", "value": ["active"]}]}


@bp.get("/api/v1/org-units")
@requires("people.read")
@rest.operation(query=Archivable, answer=rest.Page[Unit], tag="organization")
def api_list_units(query: Archivable) -> ResponseReturnValue:
    """Answer the tree of units, each after the one above it."""
    with database().read(current_user().organization_id) as session:
        found = [Unit.model_validate(one) for one in units.tree(session, with_archived=query.archived)]
    return rest.cut(found, query)


@bp.post("/api/v1/org-units")
@requires("people.write")
@rest.operation(
    body=UnitSent, answer=Unit, status=201, tag="organization", headers={"Location": "Where the unit is."},
    example={"name": "Nursing", "code": "NUR"},
)  # fmt: skip
def api_add_unit(body: UnitSent) -> ResponseReturnValue:
    """Add a unit."""
    with database().write(current_user().organization_id) as session:
        unit_id = units.add(session, clock.now(), **_texts(body))
        return rest.told(_unit(session, unit_id), 201, url_for("accounts.api_show_unit", unit_id=unit_id))


@bp.get("/api/v1/org-units/<uuid:unit_id>")
@requires("people.read")
@rest.operation(answer=Unit, tag="organization", headers={"ETag": "For If-Match."})
def api_show_unit(unit_id: UUID) -> ResponseReturnValue:
    """Answer a unit."""
    with database().read(current_user().organization_id) as session:
        return rest.told(_unit(session, unit_id))


@bp.patch("/api/v1/org-units/<uuid:unit_id>")
@requires("people.write")
@rest.operation(body=UnitSent, answer=Unit, tag="organization", errors=(409, 412), example={"name": "Nursing"})
def api_change_unit(unit_id: UUID, body: UnitSent) -> ResponseReturnValue:
    """Change a unit; another parent moves the whole branch."""
    with database().write(current_user().organization_id) as session:
        found = units.get(session, unit_id)
        rest.require_match(Unit.model_validate(found.unit))
        facts = {
            "name": found.unit.name,
            "code": found.unit.code,
            "unit_type": found.unit.unit_type,
            "description": found.unit.description or "",
            "parent_id": str(found.unit.parent_id or ""),
            "manager_email": found.manager.email if found.manager else "",
        }
        units.change(session, unit_id, **facts | _texts(body, body.model_fields_set))
        return rest.told(_unit(session, unit_id))


@bp.delete("/api/v1/org-units/<uuid:unit_id>")
@requires("people.write")
@rest.operation(status=204, tag="organization", errors=(409,))
def api_archive_unit(unit_id: UUID) -> ResponseReturnValue:
    """Archive a unit that nobody is in."""
    with database().write(current_user().organization_id) as session:
        units.archive(session, unit_id, clock.now(), current_user().user_id)
    return Response(status=204)


@bp.get("/api/v1/positions")
@requires("people.read")
@rest.operation(query=Archivable, answer=rest.Page[Position], tag="organization")
def api_list_positions(query: Archivable) -> ResponseReturnValue:
    """Answer the positions by name."""
    with database().read(current_user().organization_id) as session:
        found = [Position.model_validate(one) for one in positions.listed(session, with_archived=query.archived)]
    return rest.cut(found, query)


@bp.post("/api/v1/positions")
@requires("people.write")
@rest.operation(
    body=PositionSent, answer=Position, status=201, tag="organization", headers={"Location": "Where the position is."},
    example={"name": "Nurse", "code": "NURSE"},
)  # fmt: skip
def api_add_position(body: PositionSent) -> ResponseReturnValue:
    """Add a position."""
    with database().write(current_user().organization_id) as session:
        position_id = positions.add(session, clock.now(), **_texts(body))
        found = Position.model_validate(positions.get(session, position_id))
        return rest.told(found, 201, url_for("accounts.api_show_position", position_id=position_id))


@bp.get("/api/v1/positions/<uuid:position_id>")
@requires("people.read")
@rest.operation(answer=Position, tag="organization", headers={"ETag": "For If-Match."})
def api_show_position(position_id: UUID) -> ResponseReturnValue:
    """Answer a position."""
    with database().read(current_user().organization_id) as session:
        return rest.told(Position.model_validate(positions.get(session, position_id)))


@bp.patch("/api/v1/positions/<uuid:position_id>")
@requires("people.write")
@rest.operation(body=PositionSent, answer=Position, tag="organization", errors=(409, 412), example={"name": "Nurse"})
def api_change_position(position_id: UUID, body: PositionSent) -> ResponseReturnValue:
    """Change a position."""
    with database().write(current_user().organization_id) as session:
        found = positions.get(session, position_id)
        rest.require_match(Position.model_validate(found))
        facts = {"name": found.name, "code": found.code, "description": found.description or ""}
        positions.change(session, position_id, **facts | _texts(body, body.model_fields_set))
        return rest.told(Position.model_validate(positions.get(session, position_id)))


@bp.delete("/api/v1/positions/<uuid:position_id>")
@requires("people.write")
@rest.operation(status=204, tag="organization", errors=(409,))
def api_archive_position(position_id: UUID) -> ResponseReturnValue:
    """Archive a position that nobody holds."""
    with database().write(current_user().organization_id) as session:
        positions.archive(session, position_id, clock.now(), current_user().user_id)
    return Response(status=204)


@bp.get("/api/v1/audiences")
@requires("people.read")
@rest.operation(query=Archivable, answer=rest.Page[AudienceAnswer])
def api_list_audiences(query: Archivable) -> ResponseReturnValue:
    """Answer the audiences by name."""
    with database().read(current_user().organization_id) as session:
        found = [AudienceAnswer.model_validate(one) for one in audiences.listed(session, with_archived=query.archived)]
    return rest.cut(found, query)


@bp.post("/api/v1/audiences")
@requires("people.write")
@rest.operation(
    body=AudienceSent, answer=AudienceAnswer, status=201, headers={"Location": "Where the audience is."},
    example={"name": "Everybody here", "rule": RULE},
)  # fmt: skip
def api_add_audience(body: AudienceSent) -> ResponseReturnValue:
    """Keep an audience and let its people enter."""
    caller = current_user()
    with database().write(caller.organization_id) as session:
        found = audiences.add(
            session, name=body.name, description=body.description, rule=body.rule, now=clock.now(), by=caller.user_id
        )
        answer = AudienceAnswer.model_validate(audiences.get(session, found))
    return rest.told(answer, 201, url_for("accounts.api_show_audience", audience_id=found))


@bp.post("/api/v1/audiences/preview")
@requires("people.read")
@rest.operation(body=RuleSent, answer=PreviewAnswer, example={"rule": RULE})
def api_preview_audience(body: RuleSent) -> ResponseReturnValue:
    """Tell whom a rule would find today; nothing is kept."""
    with database().read(current_user().organization_id) as session:
        found = audiences.preview(session, body.rule, clock.now())
    return rest.plain(PreviewAnswer(count=found.count, sample=[person.name for person in found.sample])), 200


@bp.get("/api/v1/audiences/<uuid:audience_id>")
@requires("people.read")
@rest.operation(answer=AudienceAnswer, headers={"ETag": "For If-Match."})
def api_show_audience(audience_id: UUID) -> ResponseReturnValue:
    """Answer an audience with its rule."""
    with database().read(current_user().organization_id) as session:
        return rest.told(AudienceAnswer.model_validate(audiences.get(session, audience_id)))


@bp.put("/api/v1/audiences/<uuid:audience_id>")
@requires("people.write")
@rest.operation(
    body=AudienceSent, answer=AudienceAnswer, errors=(409, 412), example={"name": "Everybody here", "rule": RULE}
)
def api_change_audience(audience_id: UUID, body: AudienceSent) -> ResponseReturnValue:
    """Change an audience and let people enter and leave."""
    with database().write(current_user().organization_id) as session:
        rest.require_match(AudienceAnswer.model_validate(audiences.get(session, audience_id)))
        audiences.change(
            session, audience_id, name=body.name, description=body.description, rule=body.rule, now=clock.now()
        )
        return rest.told(AudienceAnswer.model_validate(audiences.get(session, audience_id)))


@bp.delete("/api/v1/audiences/<uuid:audience_id>")
@requires("people.write")
@rest.operation(status=204)
def api_archive_audience(audience_id: UUID) -> ResponseReturnValue:
    """Take an audience out of use; everybody leaves it."""
    with database().write(current_user().organization_id) as session:
        audiences.set_archived(session, audience_id, clock.now(), current_user().user_id, archived=True)
    return Response(status=204)


@bp.get("/api/v1/audiences/<uuid:audience_id>/members")
@requires("people.read")
@rest.operation(query=MembersWanted, answer=rest.Page[AudienceMember])
def api_audience_members(audience_id: UUID, query: MembersWanted) -> ResponseReturnValue:
    """Answer who is in an audience, or was on a day."""
    with database().read(current_user().organization_id) as session:
        found, total = audiences.members(session, audience_id, on=query.as_of, offset=query.offset, limit=query.limit)
    items = [
        AudienceMember(user_id=one.person.user_id, name=one.person.name, email=one.person.email, since=one.since)
        for one in found
    ]
    return rest.listed(items, total, query)


@bp.get("/api/v1/roles")
@requires("people.read")
@rest.operation(query=rest.Paging, answer=rest.Page[Role], tag="organization")
def api_list_roles(query: rest.Paging) -> ResponseReturnValue:
    """Answer the roles and what each lets people do."""
    return rest.cut([Role(code=code, permissions=sorted(held)) for code, held in ROLES.items()], query)


def _unit(session: Session, unit_id: UUID) -> Unit:
    return Unit.model_validate(units.get(session, unit_id).unit)


def _texts(body: rest.Sent, only: set[str] | None = None) -> dict[str, str]:
    """A body as the services take it: texts, empty for what is not known."""
    given = body.model_dump(mode="json")
    return {name: value or "" for name, value in given.items() if only is None or name in only}
