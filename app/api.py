"""What the REST interface says of itself and of whoever asks: its document, a readable page, jobs, oneself."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, jsonify, render_template
from flask.typing import ResponseReturnValue

from accounts.permissions import SIGNED_IN
from core import jobs, rest
from core.errors import NotFound
from core.http import config, current_user, database, public, requires

bp = Blueprint("api", __name__)


class Me(rest.Answer):
    """Who asks: a person, or a program in the name of one."""

    user_id: UUID
    api_client_id: UUID | None
    name: str
    organization_id: UUID
    organization: str
    permissions: list[str]


class JobAnswer(rest.Answer):
    """A piece of work that outlives the call that asked for it."""

    id: UUID
    handler: str
    state: str
    progress_percent: int
    progress_note: str
    created_at: datetime
    finished_at: datetime | None
    result: dict[str, Any]
    error: str | None


@bp.get("/api/v1/openapi.json")
@public()
@rest.operation(answer={"type": "object"}, tag="about")
def openapi() -> ResponseReturnValue:
    """Answer this document: what every call takes and answers."""
    return jsonify(rest.describe(config().app_origin))


@bp.get("/api/docs")
@public()
def show_docs() -> ResponseReturnValue:
    """Show the document in a form to be read."""
    document = rest.describe(config().app_origin)
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            groups.setdefault(call["tags"][0], []).append({"method": method.upper(), "path": path, **call})
    return render_template("app/api.html", groups=dict(sorted(groups.items())), document=document)


@bp.get("/api/v1/me")
@requires(SIGNED_IN)
@rest.operation(answer=Me, tag="about")
def me() -> ResponseReturnValue:
    """Answer who asks, and what they may do."""
    person = current_user()
    answer = Me(
        user_id=person.user_id, api_client_id=person.client_id, name=person.name,
        organization_id=person.organization_id, organization=person.organization_name,
        permissions=sorted(person.permissions),
    )  # fmt: skip
    return jsonify(rest.plain(answer))


@bp.get("/api/v1/jobs/<uuid:job_id>")
@requires(SIGNED_IN)
@rest.operation(answer=JobAnswer, tag="jobs")
def show_job(job_id: UUID) -> ResponseReturnValue:
    """Answer how far a job is, to whoever asked for it and to whoever manages the organization."""
    person = current_user()
    with database().read(person.organization_id) as session:
        job = jobs.find(session, job_id)
    if job is None or (job.created_by != person.user_id and not person.may("organization.manage")):
        raise NotFound("There is no such job.")
    return jsonify(rest.plain(JobAnswer.model_validate(job)))
