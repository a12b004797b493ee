"""The list of people, and adding one."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.errors import AlreadyMember
from accounts.routes.blueprint import bp
from accounts.services import people
from core import clock
from core.errors import Invalid, Problem
from core.http import current_tenant, current_user, database, form, page_number, requires, searched

PAGE = 50
OFFERED_ROLES = ("learner", "content_author", "training_admin", "compliance_officer", "auditor", "org_admin")


@bp.get("/people")
@requires("people.read")
def list_people() -> ResponseReturnValue:
    """Show people by name, searchable, fifty at a time."""
    search, number = searched(), page_number()
    with database().read(current_tenant()) as session:
        found, total = people.page(session, search, (number - 1) * PAGE, PAGE)
    return render_template(
        "accounts/people.html", people=found, total=total, search=search, page=number, pages=-(-total // PAGE)
    )


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


def _offered_roles() -> tuple[str, ...]:
    """Return the roles this visitor may give: who may not assign roles adds learners only."""
    return OFFERED_ROLES if current_user().may("roles.assign") else OFFERED_ROLES[:1]
