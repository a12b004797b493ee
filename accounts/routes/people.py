"""The list of people, adding one, and the page of each."""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.errors import AlreadyMember
from accounts.routes.blueprint import bp
from accounts.services import (
    audiences,
    custom_fields,
    deputies,
    external_ids,
    links,
    listing,
    members,
    people,
    positions,
    reach,
    roles,
    units,
    views,
)
from core import clock
from core.errors import Conflict, Invalid, Problem
from core.http import current_tenant, current_user, database, form, page_number, requires, searched
from core.reach import Reach

PAGE = 50
FILTERS = ("status", "unit", "position", "role", "manager", "audience")
COLUMNS = ("email", "unit", "position", "employee_id", "manager", "hired", "standing")
USUAL_COLUMNS = ("email", "unit", "position", "employee_id", "standing")
OFFERED_ROLES = ("learner", "content_author", "training_admin", "compliance_officer", "auditor", "org_admin")
FIELDS = {
    "first_name": 99,
    "last_name": 99,
    "position_title": 100,
    "employee_id": 100,
    "hired_on": 10,
    "manager_email": 254,
    "org_unit_id": 36,
    "position_id": 36,
    "tags": 3200,
}


@bp.get("/people")
@requires("people.read", limited=True)
def list_people() -> ResponseReturnValue:
    """Show people, filtered and sorted as the address says, fifty at a time."""
    number, now = page_number(), clock.now()
    given, order, descending = asked()
    reached = within()
    which = replace(listing.wanted(**given), within=reached)
    with database().read(current_tenant()) as session:
        counts = members.counts(session, reached)
        found, total = listing.page(
            session, which, now, order=order, descending=descending, offset=(number - 1) * PAGE, limit=PAGE,
            counts=counts,
        )  # fmt: skip
        known_units, known_positions = units.tree(session, is_counted=False), positions.listed(session)
        known_audiences = audiences.listed(session)
        known_views = views.listed(session, current_user().user_id)
        manager = people.named(session, [which.manager_id]).get(which.manager_id) if which.manager_id else None
    return render_template(
        "accounts/people.html",
        people=found,
        total=total,
        counts=counts,
        given=given,
        order=order,
        descending=descending,
        units=known_units,
        positions=known_positions,
        audiences=known_audiences,
        roles=roles.ASSIGNABLE,
        manager=manager,
        views=known_views,
        address=views.kept(request.args.to_dict(flat=False)),
        shown_columns=[name for name in COLUMNS if name in request.args.getlist("column")] or USUAL_COLUMNS,
        all_columns=COLUMNS,
        page=number,
        pages=-(-total // PAGE),
    )


@bp.get("/people.csv")
@requires("people.read", limited=True, critical=True)
def export_people() -> ResponseReturnValue:
    """Answer the people of the list, all of them, as a file that the import takes back."""
    given, order, descending = asked()
    storage, tenant, now, reached = database(), current_tenant(), clock.now(), within()

    def lines() -> Iterator[str]:
        text = io.StringIO()
        writer = csv.writer(text)
        yield "\ufeff"
        with storage.write(tenant) as session:
            for row in listing.exported(
                session, replace(listing.wanted(**given), within=reached), now, order=order, descending=descending
            ):
                writer.writerow(row)
                if text.tell() > 64 * 1024:
                    yield text.getvalue()
                    text.seek(0)
                    text.truncate()
        yield text.getvalue()

    return Response(lines(), mimetype="text/csv", headers={"Content-Disposition": 'attachment; filename="people.csv"'})


def asked() -> tuple[dict[str, str], str, bool]:
    """Return the filter, the order and its direction that the address asks for."""
    given = {name: request.args.get(name, "")[:100] for name in FILTERS}
    order = request.args.get("sort", "name")
    descending = order.startswith("-")
    order = order.removeprefix("-")
    return given | {"search": searched()}, order if order in listing.ORDERS else "name", descending


@bp.get("/people/new")
@requires("people.write")
def new_person() -> ResponseReturnValue:
    """Show the form for a new person."""
    return render_template("accounts/person_new.html", values={}, problems=(), roles=_offered_roles())


@bp.post("/people")
@requires("people.write")
def add_person() -> ResponseReturnValue:
    """Add a person with one role: invited by letter, or with a first password where there is no mail."""
    values = form({"email": 254, "first_name": 100, "last_name": 100, "role": 40, "password": 1000})
    try:
        role = values["role"] if values["role"] in _offered_roles() else "learner"
        with database().write(current_tenant()) as session:
            people.add(
                session,
                email=values["email"],
                first_name=values["first_name"],
                last_name=values["last_name"],
                roles=[role],
                password=values["password"] or None,
                invite=not values["password"],
                now=clock.now(),
            )
    except Invalid as error:
        problems = error.problems
    except AlreadyMember as error:
        problems = (Problem("email", error.message),)
    else:
        name = f"{values['first_name']} {values['last_name']}"
        flash(
            _("%(name)s was added.", name=name) if values["password"] else _("%(name)s was invited.", name=name), "ok"
        )
        return redirect(url_for("accounts.list_people"))
    page = render_template("accounts/person_new.html", values=values, problems=problems, roles=_offered_roles())
    return page, 422


@bp.get("/people/<uuid:user_id>")
@requires("people.read", limited=True)
def show_person(user_id: UUID) -> ResponseReturnValue:
    """Show a person: facts, reporting line, roles."""
    return person_page(user_id)


@bp.get("/people/<uuid:user_id>/edit")
@requires("people.write")
def edit_person(user_id: UUID) -> ResponseReturnValue:
    """Show the form with what the organization knows of a person."""
    return _edit_page(user_id)


@bp.post("/people/<uuid:user_id>/edit")
@requires("people.write")
def save_person(user_id: UUID) -> ResponseReturnValue:
    """Change what the organization knows of a person."""
    with database().read(current_tenant()) as session:
        shown = [field for field in custom_fields.listed(session) if current_user().may(field.permission)]
    values = form(FIELDS | {f"custom_{field.code}": custom_fields.LONGEST for field in shown})
    custom = {field.code: values[f"custom_{field.code}"] for field in shown}
    facts = {name: values[name] for name in FIELDS}
    try:
        with database().write(current_tenant()) as session:
            members.change(session, user_id, now=clock.now(), custom=custom, **facts)
    except Invalid as error:
        return _edit_page(user_id, values, error.problems), 422
    flash(_("Saved."), "ok")
    return redirect(url_for("accounts.show_person", user_id=user_id))


@bp.post("/people/<uuid:user_id>/standing")
@requires("people.write", critical=True)
def set_standing(user_id: UUID) -> ResponseReturnValue:
    """Say where a person stands: active, on leave, suspended, left."""
    if user_id == current_user().user_id:
        raise Conflict(_("Somebody else must change your own standing."))
    with database().write(current_tenant()) as session:
        may = current_user().may("roles.assign")
        members.set_standing(session, user_id, form({"status": 40})["status"], clock.now(), may_assign_roles=may)
    flash(_("Saved."), "ok")
    return redirect(url_for("accounts.show_person", user_id=user_id))


@bp.post("/people/<uuid:user_id>/invite")
@requires("people.write")
def invite_again(user_id: UUID) -> ResponseReturnValue:
    """Send the invitation once more; the earlier link stops working."""
    with database().write(current_tenant()) as session:
        links.invite(session, user_id)
    flash(_("A new letter is on its way; the link in the earlier one stops working."), "ok")
    return redirect(url_for("accounts.show_person", user_id=user_id))


@bp.post("/people/<uuid:user_id>/roles")
@requires("roles.assign", critical=True)
def assign_role(user_id: UUID) -> ResponseReturnValue:
    """Give a role, everywhere or for a unit or course, or change its days."""
    values, person = form({"role": 40, "place": 50, "from_on": 10, "until_on": 10}), current_user()
    try:
        with database().write(current_tenant()) as session:
            roles.assign(session, user_id, now=clock.now(), by=person.user_id, may=person.permissions, **values)
    except Invalid as error:
        return person_page(user_id, values, error.problems), 422
    flash(_("The role is given."), "ok")
    return redirect(url_for("accounts.show_person", user_id=user_id))


@bp.post("/people/<uuid:user_id>/roles/<uuid:row_id>/remove")
@requires("roles.assign", critical=True)
def remove_role(user_id: UUID, row_id: UUID) -> ResponseReturnValue:
    """Take a role away."""
    with database().write(current_tenant()) as session:
        roles.remove(session, user_id, row_id, clock.now(), may=current_user().permissions)
    flash(_("The role is taken away."), "ok")
    return redirect(url_for("accounts.show_person", user_id=user_id))


def person_page(user_id: UUID, values: dict[str, str] | None = None, problems: tuple[Problem, ...] = ()) -> str:
    """Return a person's page, perhaps with a form on it that was refused."""
    now = clock.now()
    with database().read(current_tenant()) as session:
        member = members.accessible(session, user_id, within(), now)
        stand_ins = deputies.of_person(session, user_id, now)
        found = audiences.of_person(session, user_id)
        foreign = external_ids.of_person(session, user_id)
        fields = [field for field in custom_fields.listed(session) if current_user().may_somewhere(field.permission)]
        offered = roles.listed(session) if current_user().may("roles.assign") else []
        places = roles.places(session) if offered else []
    return render_template(
        "accounts/person.html",
        member=member,
        values=values or {},
        problems=problems,
        stand_ins=stand_ins,
        audiences=found,
        external_ids=foreign,
        fields=fields,
        roles=offered,
        places=places,
        standings=[status for status in members.STANDINGS if status != member.status],
        is_self=user_id == current_user().user_id,
    )


def _edit_page(user_id: UUID, values: dict[str, str] | None = None, problems: tuple[Problem, ...] = ()) -> str:
    with database().read(current_tenant()) as session:
        member = members.get(session, user_id, clock.now())
        known_units, known_positions = units.tree(session, is_counted=False), positions.listed(session)
        fields = [field for field in custom_fields.listed(session) if current_user().may(field.permission)]
    stored = {
        "first_name": member.person.first_name,
        "last_name": member.person.last_name,
        "position_title": member.position_title or "",
        "employee_id": member.employee_id or "",
        "hired_on": str(member.hired_on or ""),
        "manager_email": member.manager.email if member.manager else "",
        "org_unit_id": member.unit[0] if member.unit else "",
        "position_id": member.position[0] if member.position else "",
        "tags": ", ".join(member.tags),
    } | {f"custom_{field.code}": member.custom.get(field.code, "") for field in fields}
    return render_template(
        "accounts/person_edit.html",
        member=member,
        values=values or stored,
        problems=problems,
        units=known_units,
        positions=known_positions,
        fields=fields,
    )


def within() -> Reach | None:
    """Return how far this visitor sees people."""
    return reach.of(current_user().where("people.read"))


def _offered_roles() -> tuple[str, ...]:
    """Return the roles this visitor may give: who may not assign roles adds learners only."""
    return OFFERED_ROLES if current_user().may("roles.assign") else OFFERED_ROLES[:1]
