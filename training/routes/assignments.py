"""Who must learn what by when: the list with its filters, and assigning."""

from dataclasses import dataclass
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from accounts.permissions import Kind
from accounts.services import people, reach
from catalog.services import courses
from core import clock
from core.db import Session
from core.errors import Invalid, NotFound, Problem
from core.http import current_tenant, current_user, database, form, page_number, requires, searched
from training.errors import NotPublished
from training.routes import reading
from training.routes.blueprint import bp
from training.routes.reading import PAGE
from training.rules.assignments import Standing, due_on
from training.services import assignments
from training.services.assignments import Assigned
from training.store.assignments import Filter

OFFERED_PEOPLE = 500


@dataclass(frozen=True)
class Values:
    """What the assign form holds."""

    course_id: UUID | None
    user_ids: frozenset[UUID]
    due_on: str
    search: str = ""


@bp.get("/assignments")
@requires("progress.read", limited=True)
def list_assignments() -> ResponseReturnValue:
    """Show assignments, those due first at the top; filters stand in the address."""
    standing, course_id = reading.word("standing", Standing), reading.identifier("course")
    search, number = searched(), page_number()
    now, within = clock.now(), reading.within("progress.read")
    with database().read(current_tenant()) as session:
        wanted = Filter(standing, course_id, _people_matching(session, search), within)
        lines, total = assignments.page(session, wanted, now, (number - 1) * PAGE, PAGE)
        counts = assignments.counts(session, now, within)
        course = _course(session, course_id)
        zone = people.tenant(session).timezone
        cancellable = reading.cancellable(session, lines)
    return render_template(
        "training/assignments.html",
        lines=lines,
        cancellable=cancellable,
        total=total,
        counts=counts,
        standing=standing,
        standings=Standing,
        course=course,
        search=search,
        page=number,
        pages=-(-total // PAGE),
        today=clock.day_in(zone, now),
        due_days={line.id: clock.day_in(zone, line.due_at) for line in lines},
    )


@bp.get("/assignments/new")
@requires("assignment.create", limited=True)
def new_assignment() -> ResponseReturnValue:
    """Show the form: which course, to whom, until when."""
    chosen = frozenset(filter(None, (reading.as_id(text) for text in request.args.getlist("person"))))
    values = Values(reading.identifier("course"), chosen, "", searched())
    return _form(values, ())


@bp.post("/assignments")
@requires("assignment.create", limited=True)
def assign() -> ResponseReturnValue:
    """Give a course to the chosen people."""
    given = form({"course_id": 36, "due_on": 10})
    course_id = reading.as_id(given["course_id"])
    try:
        chosen = reading.ids(request.form.getlist("user_ids"), "user_ids")
        due = reading.day(given["due_on"], "due_on")
        if course_id is None:
            raise Invalid(problems=[Problem("course_id", "No course is chosen.", "Choose what is to be learned.")])
        with database().write(current_tenant()) as session:
            done = assignments.assign(
                session,
                course_id=course_id,
                user_ids=chosen,
                due=due,
                now=clock.now(),
                assigned_by=current_user().user_id,
                within=reading.within("assignment.create"),
            )
    except Invalid as error:
        problems = error.problems
    except NotPublished as error:
        problems = (Problem("course_id", error.message),)
    else:
        flash(_told(done), "ok" if done.created else "warn")
        return redirect(url_for("training.list_assignments", course=course_id))
    people_ids = frozenset(filter(None, (reading.as_id(text) for text in request.form.getlist("user_ids"))))
    return _form(Values(course_id, people_ids, given["due_on"]), problems), 422


def _form(values: Values, problems: tuple[Problem, ...]) -> str:
    now = clock.now()
    with database().read(current_tenant()) as session:
        offered, reached = courses.published(session), reading.within("assignment.create")
        if reached is not None and reached.things:
            if {kind for kind, _id in current_user().where("assignment.create") or ()} == {Kind.COURSE}:
                offered = [course for course in offered if course.id in reached.things]
            reached = None  # in their own courses anybody, so everybody can be chosen
        found, total = people.page(session, values.search, 0, OFFERED_PEOPLE, reached)
        missing = {one for one in values.user_ids if reach.covers(session, reached, one)}
        missing -= {person.user_id for person in found}
        found = [*people.named(session, list(missing)).values(), *found]
        today = clock.day_in(people.tenant(session).timezone, now)
    return render_template(
        "training/assign.html",
        values=values,
        problems=problems,
        courses=offered,
        people=found,
        total=total,
        today=today,
        usual=due_on(today),
    )


def _told(done: Assigned) -> str:
    parts = [ngettext("Assigned to %(num)s person.", "Assigned to %(num)s people.", len(done.created))]
    if done.already:
        parts.append(ngettext("%(num)s had it open already.", "%(num)s had it open already.", len(done.already)))
    if done.valid:
        text = ngettext("%(num)s holds a valid completion.", "%(num)s hold a valid completion.", len(done.valid))
        parts.append(text)
    return " ".join(parts) if done.created or len(parts) > 1 else _("Nobody was assigned.")


def _people_matching(session: Session, search: str) -> list[UUID] | None:
    if not search:
        return None
    found, _total = people.page(session, search, 0, 1000)
    return [person.user_id for person in found]


def _course(session: Session, course_id: UUID | None) -> courses.Course | None:
    if course_id is None:
        return None
    try:
        return courses.get(session, course_id)
    except NotFound:
        return None
