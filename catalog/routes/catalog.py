"""The catalog as learners see it: what there is, and one course."""

from uuid import UUID

from flask import render_template
from flask.typing import ResponseReturnValue

from catalog.routes.blueprint import bp
from catalog.services import courses
from catalog.tables import CourseStatus
from core.errors import NotFound
from core.http import current_tenant, database, page_number, requires, searched

PAGE = 24


@bp.get("/catalog")
@requires("catalog.browse")
def browse() -> ResponseReturnValue:
    """Show what there is to learn, searchable."""
    search, number = searched(), page_number()
    with database().read(current_tenant()) as session:
        found, total = courses.page(session, (CourseStatus.PUBLISHED,), search, (number - 1) * PAGE, PAGE)
        shown = [course.current_version_id for course in found if course.current_version_id is not None]
        sizes = courses.module_counts(session, shown)
    return render_template(
        "catalog/catalog.html", courses=found, total=total, sizes=sizes, search=search, page=number,
        pages=-(-total // PAGE),
    )  # fmt: skip


@bp.get("/catalog/<uuid:course_id>")
@requires("catalog.browse")
def show_in_catalog(course_id: UUID) -> ResponseReturnValue:
    """Show a course: what it is about, what it holds, what can be done with it."""
    with database().read(current_tenant()) as session:
        course = courses.in_catalog(session, course_id)
        if course.current_version_id is None:
            raise NotFound("There is no such course.")
        outline = courses.outline(session, course.current_version_id)
    module_count = sum(len(section.modules) for section in outline)
    return render_template("catalog/course.html", course=course, outline=outline, module_count=module_count)
