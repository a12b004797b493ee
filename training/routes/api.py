"""Training over REST: assignments, enrollments and their progress, completions, certificates."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Response, jsonify, url_for
from flask.typing import ResponseReturnValue

from core import clock
from core.errors import Invalid, Problem
from core.http import current_tenant, current_user, database, page_number, requires, searched
from training.routes import reading
from training.routes.blueprint import bp
from training.routes.reading import PAGE
from training.rules.assignments import Standing
from training.rules.certificates import CertificateStanding
from training.services import assignments, certificates, completions, enrollments, learning
from training.services.assignments import AssignmentLine
from training.services.certificates import Shown
from training.store.assignments import Filter


@bp.get("/api/v1/training/assignments")
@requires("progress.read")
def api_list_assignments() -> ResponseReturnValue:
    """Answer assignments, those due first: `standing`, `course`, `person`, `page` (50 at a time)."""
    now, number, person = clock.now(), page_number(), reading.identifier("person")
    wanted = Filter(
        reading.word("standing", Standing), reading.identifier("course"), None if person is None else [person]
    )
    with database().read(current_tenant()) as session:
        lines, total = assignments.page(session, wanted, now, (number - 1) * PAGE, PAGE)
    return _listed([_assignment(line) for line in lines], total, number)


@bp.post("/api/v1/training/assignments")
@requires("assignment.create")
def api_assign() -> ResponseReturnValue:
    """Give a course to people: {"course_id", "user_ids": [...], "due_on": "2026-12-31" or null}."""
    given = reading.body()
    course_id = reading.as_id(given.get("course_id"))
    people, due = given.get("user_ids"), given.get("due_on")
    problems = []
    if course_id is None:
        problems.append(Problem("course_id", "This is missing, or not an id."))
    if not isinstance(people, list):
        problems.append(Problem("user_ids", "This is a list of ids."))
    if not isinstance(due, str | None):
        problems.append(Problem("due_on", "This is a day like 2026-12-31, or null."))
    if problems or course_id is None or not isinstance(people, list):
        raise Invalid(problems=problems)
    chosen, day = reading.ids(people, "user_ids"), reading.day(due or "", "due_on")
    with database().write(current_tenant()) as session:
        done = assignments.assign(
            session,
            course_id=course_id,
            user_ids=chosen,
            due=day,
            now=clock.now(),
            assigned_by=current_user().user_id,
        )
    answer = {"created": done.created, "already_open": done.already}
    told = {name: {str(person): str(one) for person, one in ids.items()} for name, ids in answer.items()}
    return jsonify(told | {"valid": sorted(str(person) for person in done.valid)}), 201 if done.created else 200


@bp.get("/api/v1/training/assignments/<uuid:assignment_id>")
@requires("progress.read")
def api_show_assignment(assignment_id: UUID) -> ResponseReturnValue:
    """Answer one assignment."""
    with database().read(current_tenant()) as session:
        return jsonify(_assignment(assignments.line(session, assignment_id, clock.now())))


@bp.post("/api/v1/enrollments")
@requires("learn")
def api_enroll() -> ResponseReturnValue:
    """Enroll oneself in a course: {"course_id"}; an open enrollment is answered as it is."""
    course_id = reading.as_id(reading.body().get("course_id"))
    if course_id is None:
        raise Invalid(problems=[Problem("course_id", "This is missing, or not an id.")])
    with database().write(current_tenant()) as session:
        enrollment = enrollments.start(session, course_id, current_user().user_id, clock.now())
    response = jsonify(id=str(enrollment.id))
    response.status_code = 201
    response.headers["Location"] = url_for("training.api_show_progress", enrollment_id=enrollment.id)
    return response


@bp.get("/api/v1/enrollments/<uuid:enrollment_id>/progress")
@requires("learn")
def api_show_progress(enrollment_id: UUID) -> ResponseReturnValue:
    """Answer how far one is in one's own enrollment, module by module."""
    with database().read(current_tenant()) as session:
        enrollment = enrollments.accessible(session, enrollment_id, current_user().user_id)
        lines = learning.modules(session, enrollment)
    return jsonify(
        id=str(enrollment.id),
        course_id=str(enrollment.course_id),
        course_version_id=str(enrollment.course_version_id),
        cycle_number=enrollment.cycle_number,
        status=enrollment.status.value,
        progress_percent=float(enrollment.progress_percent),
        started_at=_moment(enrollment.started_at),
        completed_at=_moment(enrollment.completed_at),
        modules=[
            {
                "id": str(line.id),
                "title": line.title,
                "status": line.status.value,
                "progress_percent": float(line.percent),
                "is_required": line.is_required,
            }
            for line in lines
        ],
    )


@bp.get("/api/v1/training/completions")
@requires("progress.read")
def api_list_completions() -> ResponseReturnValue:
    """Answer the ledger, newest first: `page` (50 at a time)."""
    number = page_number()
    with database().read(current_tenant()) as session:
        rows, total = completions.page(session, (number - 1) * PAGE, PAGE)
    items = [
        {
            "id": str(row.id),
            "user_id": str(row.user_id),
            "course_id": str(row.course_id),
            "course_version_id": str(row.course_version_id),
            "enrollment_id": str(row.course_enrollment_id),
            "cycle_number": row.cycle_number,
            "completed_at": _moment(row.completed_at),
            "recorded_at": _moment(row.recorded_at),
            "final_score": None if row.final_score is None else float(row.final_score),
            "is_passed": row.is_passed,
            "time_spent_seconds": row.time_spent_seconds,
            "method": row.completion_method.value,
            "valid_until": row.valid_until.isoformat() if row.valid_until else None,
            "evidence": row.evidence,
            "voided_at": _moment(row.voided_at),
        }
        for row in rows
    ]
    return _listed(items, total, number)


@bp.get("/api/v1/training/certificates")
@requires("certificate.read")
def api_list_certificates() -> ResponseReturnValue:
    """Answer the register, newest first: `standing`, `q`, `page` (50 at a time)."""
    number = page_number()
    with database().read(current_tenant()) as session:
        standing = reading.word("standing", CertificateStanding)
        found, total = certificates.page(session, clock.now(), standing, searched(), (number - 1) * PAGE, PAGE)
    return _listed([_certificate(one) for one in found], total, number)


@bp.get("/api/v1/training/certificates/<uuid:certificate_id>")
@requires("signed_in")
def api_show_certificate(certificate_id: UUID) -> ResponseReturnValue:
    """Answer a certificate to its holder and to whoever may read all."""
    person = current_user()
    with database().read(person.organization_id) as session:
        shown = certificates.accessible(
            session, certificate_id, person.user_id, clock.now(), may_read_all=person.may("certificate.read")
        )
    return jsonify(_certificate(shown))


@bp.post("/api/v1/training/certificates/<uuid:certificate_id>/revoke")
@requires("certificate.revoke")
def api_revoke_certificate(certificate_id: UUID) -> ResponseReturnValue:
    """Take a certificate back: {"reason"}."""
    reason, person = reading.body().get("reason"), current_user()
    with database().write(person.organization_id) as session:
        text = reason if isinstance(reason, str) else ""
        certificates.revoke(session, certificate_id, text, clock.now(), by=person.user_id)
    return "", 204


def _assignment(line: AssignmentLine) -> dict[str, Any]:
    return {
        "id": str(line.id),
        "user_id": str(line.person.user_id),
        "name": line.person.name,
        "course_id": str(line.course.id),
        "course_title": line.course.title,
        "standing": line.standing.value,
        "due_at": _moment(line.due_at),
        "assigned_at": _moment(line.assigned_at),
        "completed_at": _moment(line.completed_at),
        "progress_percent": float(line.percent),
        "enrollment_id": str(line.enrollment_id) if line.enrollment_id else None,
    }


def _certificate(shown: Shown) -> dict[str, Any]:
    return {
        "id": str(shown.id),
        "number": shown.number,
        "user_id": str(shown.user_id),
        "completion_id": str(shown.completion_id),
        "holder": shown.data["holder"],
        "title": shown.data["title"],
        "issued_at": _moment(shown.issued_at),
        "expires_on": shown.expires_on.isoformat() if shown.expires_on else None,
        "standing": shown.standing.value,
        "verification_url": shown.url,
    }


def _listed(items: Sequence[dict[str, Any]], total: int, number: int) -> Response:
    return jsonify(items=items, total=total, page=number, page_size=PAGE)


def _moment(at: Any) -> str | None:
    return at.isoformat() if at is not None else None
