"""Pages that belong to no single room: the front door, the admin's job page, health and metrics."""

from uuid import UUID

import prometheus_client
from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from prometheus_client import multiprocess
from sqlalchemy import text

from accounts.permissions import SIGNED_IN
from app.job_words import WORDS
from core import audit, jobs
from core.errors import NotFound
from core.http import current_tenant, current_user, database, files, machine, public, requires, visitor
from core.migrations import is_current
from core.tables import JobState

bp = Blueprint("app", __name__)


@bp.get("/")
@public()
def index() -> ResponseReturnValue:
    """Lead to where this visitor starts."""
    if visitor() is None:
        return redirect(url_for("accounts.show_sign_in"))
    return redirect(url_for("app.home"))


@bp.get("/jobs")
@requires("organization.manage")
def list_jobs() -> ResponseReturnValue:
    """Show the organization's jobs: those that failed first ask for a decision."""
    state = request.args.get("state")
    wanted = JobState(state) if state in set(JobState) else None
    with database().read(current_tenant()) as session:
        rows = jobs.page(session, wanted)
        failed = len(jobs.page(session, JobState.FAILED))
    return render_template("app/jobs.html", jobs=rows, failed=failed, state=wanted, states=JobState, words=WORDS)


@bp.post("/jobs/<uuid:job_id>/retry")
@requires("organization.manage")
def retry_job(job_id: UUID) -> ResponseReturnValue:
    """Give a failed job new tries."""
    with database().write(current_tenant()) as session:
        if jobs.find(session, job_id) is None:
            raise NotFound
        jobs.retry(session, job_id)
        audit.record(session, "job.retried", "job", job_id)
    return redirect(url_for("app.list_jobs"))


@bp.get("/jobs/<uuid:job_id>/progress")
@requires(SIGNED_IN)
def job_progress(job_id: UUID) -> ResponseReturnValue:
    """Answer a fragment with how far a job is; whoever started it may look, and whoever manages."""
    person = current_user()
    with database().read(person.organization_id) as session:
        job = jobs.find(session, job_id)
    if job is None or (job.created_by != person.user_id and not person.may("organization.manage")):
        raise NotFound
    return render_template("app/job_progress.html", job=job)


@bp.get("/healthz")
@machine()
def healthz() -> ResponseReturnValue:
    """Answer as long as the process lives."""
    return {"status": "ok"}


@bp.get("/readyz")
@machine()
def readyz() -> ResponseReturnValue:
    """Answer 200 when database, migrations and storage are ready, else 503 naming what is not."""
    checks = {"database": False, "migrations": False, "storage": files().is_ready(), "row_level_security": False}
    with database().read(None) as session:
        checks["database"] = True
        checks["migrations"] = is_current(session)
        checks["row_level_security"] = not session.execute(
            text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        ).scalar()
    is_ready = all(checks.values())
    return {"status": "ready" if is_ready else "not ready", "checks": checks}, 200 if is_ready else 503


@bp.get("/metrics")
@machine()
def metrics() -> ResponseReturnValue:
    """Answer Prometheus metrics of all web processes of this node."""
    registry = prometheus_client.REGISTRY
    if current_app.extensions["stoa_multiprocess"]:
        registry = prometheus_client.CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(prometheus_client.generate_latest(registry), mimetype="text/plain")
