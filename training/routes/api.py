"""Training over REST: assignments, enrollments and their progress, completions, certificates."""

from typing import Any
from uuid import UUID

from flask import jsonify, url_for
from flask.typing import ResponseReturnValue

from core import clock, rest
from core.http import current_tenant, current_user, database, requires
from training.routes import reading
from training.routes.answers import (
    Assigned,
    AssignmentAnswer,
    AssignmentSent,
    AssignmentsWanted,
    Cancellation,
    Cancellations,
    CancelledAnswer,
    CertificateAnswer,
    CertificatesWanted,
    CompletionAnswer,
    EnrollmentSent,
    Made,
    Progress,
    Revocation,
)
from training.routes.blueprint import bp
from training.services import assignments, cancelling, certificates, completions, enrollments, learning
from training.services.assignments import AssignmentLine
from training.services.certificates import Shown
from training.store.assignments import Filter


@bp.get("/api/v1/training/assignments")
@requires("progress.read", limited=True)
@rest.operation(query=AssignmentsWanted, answer=rest.Page[AssignmentAnswer], tag="assignments")
def api_list_assignments(query: AssignmentsWanted) -> ResponseReturnValue:
    """Answer assignments, those due first at the top."""
    now = clock.now()
    people, within = None if query.person is None else [query.person], reading.within("progress.read")
    wanted = Filter(query.standing, query.course, people, within)
    with database().read(current_tenant()) as session:
        lines, total = assignments.page(session, wanted, now, query.offset, query.limit)
    return rest.listed([_assignment(line) for line in lines], total, query)


@bp.post("/api/v1/training/assignments")
@requires("assignment.create", limited=True)
@rest.operation(body=AssignmentSent, answer=Assigned, status=201, tag="assignments")
def api_assign(body: AssignmentSent) -> ResponseReturnValue:
    """Give a course to people; who has it open already keeps that one."""
    with database().write(current_tenant()) as session:
        done = assignments.assign(
            session,
            course_id=body.course_id,
            user_ids=body.user_ids,
            due=body.due_on,
            now=clock.now(),
            assigned_by=current_user().user_id,
            within=reading.within("assignment.create"),
        )
    answer = Assigned(created=done.created, already_open=done.already, valid=sorted(done.valid))
    return jsonify(rest.plain(answer)), 201


@bp.get("/api/v1/training/assignments/<uuid:assignment_id>")
@requires("progress.read", limited=True)
@rest.operation(answer=AssignmentAnswer, tag="assignments")
def api_show_assignment(assignment_id: UUID) -> ResponseReturnValue:
    """Answer one assignment."""
    with database().read(current_tenant()) as session:
        return jsonify(
            _assignment(assignments.line(session, assignment_id, clock.now(), reading.within("progress.read")))
        )


@bp.post("/api/v1/training/assignments/<uuid:assignment_id>/cancel")
@requires("assignment.create", limited=True)
@rest.operation(
    body=Cancellation, answer=AssignmentAnswer, errors=(409,), tag="assignments", example={"reason": "Wrong course"}
)
def api_cancel_assignment(assignment_id: UUID, body: Cancellation) -> ResponseReturnValue:
    """Cancel an assignment; it stays on record. Not one's own, nor what is completed; a second time changes nothing."""
    now, within = clock.now(), reading.within("assignment.create")
    with database().write(current_tenant()) as session:
        by = current_user().user_id
        cancelling.cancel_one(session, assignment_id, body.reason, now, by=by, within=within)
        return jsonify(_assignment(assignments.line(session, assignment_id, now, within)))


@bp.post("/api/v1/training/assignments/cancel")
@requires("assignment.create", limited=True)
@rest.operation(body=Cancellations, answer=CancelledAnswer, errors=(409,), tag="assignments")
def api_cancel_assignments(body: Cancellations) -> ResponseReturnValue:
    """Cancel several assignments: those that are open; if one is not there, or one's own, none."""
    with database().write(current_tenant()) as session:
        done = cancelling.cancel(
            session,
            body.assignment_ids,
            body.reason,
            clock.now(),
            by=current_user().user_id,
            within=reading.within("assignment.create"),
        )
    answer = CancelledAnswer(
        cancelled=list(done.cancelled), already_cancelled=list(done.already), completed=list(done.completed)
    )
    return jsonify(rest.plain(answer))


@bp.post("/api/v1/enrollments")
@requires("learn")
@rest.operation(body=EnrollmentSent, answer=Made, status=201)
def api_enroll(body: EnrollmentSent) -> ResponseReturnValue:
    """Enroll oneself in a course; an open enrollment is answered as it is."""
    with database().write(current_tenant()) as session:
        enrollment = enrollments.start(session, body.course_id, current_user().user_id, clock.now())
    response = jsonify(id=str(enrollment.id))
    response.status_code = 201
    response.headers["Location"] = url_for("training.api_show_progress", enrollment_id=enrollment.id)
    return response


@bp.get("/api/v1/enrollments/<uuid:enrollment_id>/progress")
@requires("learn")
@rest.operation(answer=Progress)
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
@requires("progress.read", limited=True)
@rest.operation(query=rest.Paging, answer=rest.Page[CompletionAnswer], tag="completions")
def api_list_completions(query: rest.Paging) -> ResponseReturnValue:
    """Answer the ledger, newest first."""
    with database().read(current_tenant()) as session:
        rows, total = completions.page(session, query.offset, query.limit, reading.within("progress.read"))
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
    return rest.listed(items, total, query)


@bp.get("/api/v1/training/certificates")
@requires("certificate.read", limited=True)
@rest.operation(query=CertificatesWanted, answer=rest.Page[CertificateAnswer], tag="certificates")
def api_list_certificates(query: CertificatesWanted) -> ResponseReturnValue:
    """Answer the register, newest first."""
    with database().read(current_tenant()) as session:
        within = reading.within("certificate.read")
        found, total = certificates.page(
            session, clock.now(), query.standing, query.q, query.offset, query.limit, within
        )
    return rest.listed([_certificate(one) for one in found], total, query)


@bp.get("/api/v1/training/certificates/<uuid:certificate_id>")
@requires("signed_in")
@rest.operation(answer=CertificateAnswer, tag="certificates")
def api_show_certificate(certificate_id: UUID) -> ResponseReturnValue:
    """Answer a certificate to its holder and to whoever may read all."""
    person = current_user()
    with database().read(person.organization_id) as session:
        shown = certificates.accessible(
            session, certificate_id, person.user_id, clock.now(), within=reading.within("certificate.read")
        )
    return jsonify(_certificate(shown))


@bp.post("/api/v1/training/certificates/<uuid:certificate_id>/revoke")
@requires("certificate.revoke")
@rest.operation(body=Revocation, status=204, tag="certificates", example={"reason": "Issued to the wrong person"})
def api_revoke_certificate(certificate_id: UUID, body: Revocation) -> ResponseReturnValue:
    """Take a certificate back."""
    person = current_user()
    with database().write(person.organization_id) as session:
        certificates.revoke(session, certificate_id, body.reason, clock.now(), by=person.user_id)
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
        "cancelled_at": _moment(line.taken_back.at if line.taken_back else None),
        "cancelled_by": str(line.taken_back.by.user_id) if line.taken_back and line.taken_back.by else None,
        "cancel_reason": line.taken_back.reason if line.taken_back else None,
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


def _moment(at: Any) -> str | None:
    return at.isoformat() if at is not None else None
