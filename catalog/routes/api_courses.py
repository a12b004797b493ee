"""Courses and their versions over REST."""

from dataclasses import asdict
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Response, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from catalog import rules
from catalog.routes import reading
from catalog.routes.answers import CourseAnswer, CoursesWanted, VersionAnswer, Versions, WholeVersion
from catalog.routes.blueprint import bp
from catalog.routes.publishing import require_assigning
from catalog.services import courses, publishing
from catalog.services.courses import Course, CourseVersion, Section
from catalog.services.modules import Module
from catalog.tables import CourseStatus
from core import clock, rest
from core.http import current_tenant, current_user, database, requires

CHANGES: rules.Schema = {**rules.COURSE, "required": []}


@bp.get("/api/v1/courses")
@requires("course.write")
@rest.operation(query=CoursesWanted, answer=rest.Page[CourseAnswer])
def api_list_courses(query: CoursesWanted) -> ResponseReturnValue:
    """Answer courses by title."""
    wanted = (CourseStatus(query.status),) if query.status else tuple(CourseStatus)
    with database().read(current_tenant()) as session:
        found, total = courses.page(session, wanted, query.q, query.offset, query.limit)
    return rest.listed([described(course) for course in found], total, query)


@bp.post("/api/v1/courses")
@requires("course.write")
@rest.operation(body=rules.COURSE, answer=CourseAnswer, status=201, example={"code": "FIRE-1", "title": "Fire safety"})
def api_add_course() -> ResponseReturnValue:
    """Make a course."""
    facts = reading.body({"type": "object"})
    with database().write(current_tenant()) as session:
        course = courses.create(session, facts, now=clock.now())
    response = _answer(course)
    response.status_code = 201
    response.headers["Location"] = url_for("catalog.api_show_course", course_id=course.id)
    return response


@bp.get("/api/v1/courses/<uuid:course_id>")
@requires("course.write")
@rest.operation(answer=CourseAnswer, headers={"ETag": "For If-Match."})
def api_show_course(course_id: UUID) -> ResponseReturnValue:
    """Answer a course, its ETag for If-Match."""
    with database().read(current_tenant()) as session:
        return _answer(courses.get(session, course_id))


@bp.patch("/api/v1/courses/<uuid:course_id>")
@requires("course.write")
@rest.operation(body=CHANGES, answer=CourseAnswer, errors=(409, 412), example={"title": "Fire and smoke"})
def api_edit_course(course_id: UUID) -> ResponseReturnValue:
    """Change some facts of a course; with If-Match only as it was read."""
    changes = reading.body(CHANGES)
    with database().write(current_tenant()) as session:
        return _answer(courses.edit(session, course_id, changes, expected=reading.expected_version()))


@bp.delete("/api/v1/courses/<uuid:course_id>")
@requires("course.publish")
@rest.operation(status=204, errors=(409,))
def api_archive_course(course_id: UUID) -> ResponseReturnValue:
    """Archive a course; nothing is deleted."""
    with database().write(current_tenant()) as session:
        courses.archive(session, course_id, now=clock.now())
    return "", 204


@bp.post("/api/v1/courses/<uuid:course_id>/restore")
@requires("course.publish")
@rest.operation(answer=CourseAnswer)
def api_restore_course(course_id: UUID) -> ResponseReturnValue:
    """Bring an archived course back."""
    with database().write(current_tenant()) as session:
        return _answer(courses.restore(session, course_id))


@bp.get("/api/v1/courses/<uuid:course_id>/versions")
@requires("course.write")
@rest.operation(answer=Versions)
def api_list_versions(course_id: UUID) -> ResponseReturnValue:
    """Answer the versions of a course, newest first."""
    with database().read(current_tenant()) as session:
        courses.get(session, course_id)
        return jsonify(items=[described(version) for version in courses.versions(session, course_id)])


@bp.post("/api/v1/courses/<uuid:course_id>/versions")
@requires("course.write")
@rest.operation(answer=VersionAnswer, status=201)
def api_open_draft(course_id: UUID) -> ResponseReturnValue:
    """Open the next draft as a copy of what is published, or answer the open one."""
    with database().write(current_tenant()) as session:
        version = publishing.new_draft(session, course_id, now=clock.now())
    return jsonify(described(version)), 201


@bp.delete("/api/v1/courses/<uuid:course_id>/versions/draft")
@requires("course.write")
@rest.operation(status=204, errors=(409,))
def api_discard_draft(course_id: UUID) -> ResponseReturnValue:
    """Throw the draft of a published course away."""
    with database().write(current_tenant()) as session:
        publishing.discard_draft(session, course_id)
    return "", 204


@bp.post("/api/v1/courses/<uuid:course_id>/versions/publish")
@requires("course.publish")
@rest.operation(
    body=rules.PUBLISHING, answer=VersionAnswer, errors=(403, 409),
    example={"change_note": "Second edition", "for_people": "retake", "due_on": "2027-03-31"},
)  # fmt: skip
def api_publish_course(course_id: UUID) -> ResponseReturnValue:
    """Give the draft to learners, and say what that means for people of earlier versions.

    Without `for_people` whoever has begun stays on their version. A retake asks for `assignment.create`, too. People
    are looked after by a job; GET /versions/{version_id}/people tells how far it is.
    """
    facts = reading.body(rules.PUBLISHING) if request.content_length else {}
    require_assigning(course_id, facts.get("for_people"))
    by = current_user().user_id
    with database().write(current_tenant()) as session:
        version = publishing.publish(session, course_id, by=by, now=clock.now(), **facts)
    return jsonify(described(version))


@bp.get("/api/v1/versions/<uuid:version_id>")
@requires("course.write")
@rest.operation(answer=WholeVersion, tag="courses")
def api_show_version(version_id: UUID) -> ResponseReturnValue:
    """Answer a version with its sections and modules, and what keeps it from being published."""
    with database().read(current_tenant()) as session:
        version = courses.version(session, version_id)
        outline = [described(section) for section in courses.outline(session, version_id)]
        problems = publishing.problems(session, version_id) if version.state == "draft" else []
    return jsonify(described(version) | {"sections": outline, "problems": [vars(problem) for problem in problems]})


def described(thing: Course | CourseVersion | Section | Module) -> dict[str, Any]:
    """Return one of the catalog's things as JSON can hold it."""
    return {name: _plain(value) for name, value in asdict(thing).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list | tuple):
        return [{name: _plain(item) for name, item in member.items()} for member in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def _answer(course: Course) -> Response:
    response = jsonify(described(course))
    response.headers["ETag"] = f'"{course.row_version}"'
    return response
