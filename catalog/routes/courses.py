"""Courses for those who make them: the list, the editor's page, facts, publishing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.services import people
from catalog.errors import CodeTaken
from catalog.routes import reading
from catalog.routes.blueprint import bp
from catalog.services import courses, modules, publishing
from catalog.services.modules import Module
from catalog.tables import CourseStatus, VersionState
from core import clock
from core.db import Session
from core.errors import Invalid, NotFound, Problem
from core.http import current_tenant, database, page_number, requires, searched
from scorm_player.services import packages
from scorm_player.services.packages import VersionSummary

FACTS = (
    "code", "title", "description", "language", "estimated_minutes", "is_certified", "validity_months", "passing_score",
)  # fmt: skip
NUMBERS = ("estimated_minutes", "validity_months", "passing_score")


@dataclass(frozen=True)
class Refused:
    """A form of the page that was refused: which one, what was in it, what is wrong with it."""

    form: str = ""
    values: Mapping[str, Any] | None = None
    problems: Sequence[Problem] = ()


@bp.get("/courses")
@requires("course.write")
def list_courses() -> ResponseReturnValue:
    """Show courses by title, searchable, by status."""
    search, number, status = searched(), page_number(), request.args.get("status", "")
    wanted = (CourseStatus(status),) if status in set(CourseStatus) else courses.OFFERED
    with database().read(current_tenant()) as session:
        found, total = courses.page(session, wanted, search, (number - 1) * reading.PAGE, reading.PAGE)
        counts = courses.counts(session, search)
        shown = [version_id for course in found if (version_id := course.draft_version_id or course.current_version_id)]
        sizes = courses.module_counts(session, shown)
    return render_template(
        "catalog/courses.html", courses=found, total=total, counts=counts, sizes=sizes, search=search,
        status=status if len(wanted) == 1 else "", page=number, pages=-(-total // reading.PAGE),
    )  # fmt: skip


@bp.get("/courses/new")
@requires("course.write")
def new_course() -> ResponseReturnValue:
    """Show the form for a new course."""
    return render_template("catalog/course_new.html", values={"language": "en"}, problems=())


@bp.post("/courses")
@requires("course.write")
def add_course() -> ResponseReturnValue:
    """Make a course and open its editor."""
    values = reading.fields(FACTS)
    try:
        with database().write(current_tenant()) as session:
            course = courses.create(session, _facts(values), now=clock.now())
    except (Invalid, CodeTaken) as error:
        return render_template("catalog/course_new.html", values=values, problems=error.problems), 422
    return redirect(url_for("catalog.show_course", course_id=course.id))


@bp.get("/courses/<uuid:course_id>")
@requires("course.write")
def show_course(course_id: UUID) -> ResponseReturnValue:
    """Show the editor: the draft, else what is published."""
    return editor(course_id)


@bp.get("/courses/<uuid:course_id>/versions/<uuid:version_id>")
@requires("course.write")
def show_version(course_id: UUID, version_id: UUID) -> ResponseReturnValue:
    """Show one version of a course."""
    return editor(course_id, version_id)


@bp.post("/courses/<uuid:course_id>")
@requires("course.write")
def edit_course(course_id: UUID) -> ResponseReturnValue:
    """Change the facts of a course, unless somebody else has meanwhile."""
    values = reading.fields((*FACTS, "row_version"))
    expected = int(values["row_version"]) if values["row_version"].isdecimal() else None
    facts = _facts({name: values[name] for name in FACTS})
    return submit(
        course_id, "facts", values, lambda session: courses.edit(session, course_id, facts, expected=expected), "facts"
    )


@bp.post("/courses/<uuid:course_id>/draft")
@requires("course.write")
def open_draft(course_id: UUID) -> ResponseReturnValue:
    """Open the next draft as a copy of what is published."""
    with database().write(current_tenant()) as session:
        version = publishing.new_draft(session, course_id, now=clock.now())
    flash(_("Version %(number)s is a copy to work on. Learners keep what they have.", number=version.version_number))
    return redirect(url_for("catalog.show_course", course_id=course_id))


@bp.post("/courses/<uuid:course_id>/draft/discard")
@requires("course.write")
def discard_draft(course_id: UUID) -> ResponseReturnValue:
    """Throw the draft of a published course away."""
    with database().write(current_tenant()) as session:
        publishing.discard_draft(session, course_id)
    flash(_("The draft was thrown away."))
    return redirect(url_for("catalog.show_course", course_id=course_id))


@bp.post("/courses/<uuid:course_id>/archive")
@requires("course.publish")
def archive_course(course_id: UUID) -> ResponseReturnValue:
    """Take a course out of the catalog."""
    with database().write(current_tenant()) as session:
        courses.archive(session, course_id, now=clock.now())
    flash(_("The course is archived. Who is taking it may finish."))
    return redirect(url_for("catalog.show_course", course_id=course_id))


@bp.post("/courses/<uuid:course_id>/restore")
@requires("course.publish")
def restore_course(course_id: UUID) -> ResponseReturnValue:
    """Bring an archived course back."""
    with database().write(current_tenant()) as session:
        course, retake = courses.restore(session, course_id), courses.retake(session, course_id)
    told = _("The course is back in the catalog.") if course.status == "published" else _("The course is back.")
    if retake is not None:
        told = f"{told} {_('Whoever still has to take it again is assigned it now.')}"
    flash(told, "ok")
    return redirect(url_for("catalog.show_course", course_id=course_id))


def submit(
    course_id: UUID, form: str, values: Mapping[str, Any], work: Callable[[Session], object], anchor: str | None = None
) -> ResponseReturnValue:
    """Do the work of a form of the editor and show the editor again; refused, with the form as it was filled in."""
    try:
        with database().write(current_tenant()) as session:
            work(session)
    except (Invalid, CodeTaken) as error:
        return editor(course_id, refused=Refused(form, values, error.problems)), 422
    return redirect(url_for("catalog.show_course", course_id=course_id, _anchor=anchor))


def editor(course_id: UUID, version_id: UUID | None = None, refused: Refused | None = None) -> str:
    """Return the editor's page for a version: the one asked for, else the draft, else what is published."""
    with database().read(current_tenant()) as session:
        course = courses.get(session, course_id)
        shown = version_id or course.draft_version_id or course.current_version_id
        if shown is None:
            raise NotFound("This course has no version.")
        version = courses.version(session, shown)
        if version.course_id != course_id:
            raise NotFound("There is no such version.")
        outline = courses.outline(session, shown)
        every_module = [module for section in outline for module in section.modules]
        is_draft = version.state == VersionState.DRAFT
        versions = courses.versions(session, course_id)
        offered = {package.id: package for package in packages.ready_versions(session)}
        publishers = [one.published_by for one in versions if one.published_by is not None]
        values: dict[str, Any] = {
            "course": course,
            "version": version,
            "outline": outline,
            "module_count": len(every_module),
            "is_draft": is_draft,
            "may_edit": is_draft and course.status != CourseStatus.ARCHIVED,
            "problems": publishing.problems(session, shown) if is_draft else [],
            "versions": versions,
            "names": people.named(session, publishers),
            "packages": _packages_of(session, every_module) | offered,
            "newest": {package.package_id: package for package in offered.values()},
            "offered": offered,
            "options": partial(_options, offered),
            "sources": modules.sources(session, clock.now()),
            "trust": modules.trust_of(session, every_module),
        }
    return render_template("catalog/course_edit.html", refused=refused or Refused(), **values)


def _packages_of(session: Session, every_module: Iterable[Module]) -> dict[UUID, VersionSummary]:
    used = {module.package_version_id for module in every_module if module.package_version_id is not None}
    return {version_id: packages.version(session, version_id) for version_id in used}


def _options(offered: Mapping[UUID, VersionSummary], kept: VersionSummary | None) -> list[tuple[UUID, str]]:
    """Return the packages to choose from, `kept` among them even when a newer version is offered."""
    choice = {kept.id: kept, **offered} if kept is not None else offered
    return [
        (package.id, _("%(title)s, version %(number)s", title=package.title, number=package.sequence))
        for package in choice.values()
    ]


def _facts(values: dict[str, Any]) -> dict[str, Any]:
    return reading.as_facts(values, numbers=NUMBERS, flags=("is_certified",))
