"""Credentials of LRS clients over REST."""

from uuid import UUID

from flask import Response, url_for
from flask.typing import ResponseReturnValue

from core import clock, rest
from core.errors import Invalid, Problem
from core.http import config, current_user, database, requires
from lrs.routes.answers import CredentialAnswer, CredentialMade, CredentialSent
from lrs.routes.blueprint import bp
from lrs.services import credentials


@bp.get("/api/v1/lrs/credentials")
@requires("lrs.admin")
@rest.operation(query=rest.Paging, answer=rest.Page[CredentialAnswer])
def api_list_credentials(query: rest.Paging) -> ResponseReturnValue:
    """Answer who may come in, newest first."""
    with database().read(current_user().organization_id) as session:
        found = [CredentialAnswer.model_validate(one) for one in credentials.page(session, clock.now())]
    return rest.cut(found, query)


@bp.post("/api/v1/lrs/credentials")
@requires("lrs.admin", critical=True)
@rest.operation(
    body=CredentialSent, answer=CredentialMade, status=201, headers={"Location": "Where the credential is."},
    example={"label": "Moodle of the nursing school", "scopes": ["statements/write"]},
)  # fmt: skip
def api_add_credential(body: CredentialSent) -> ResponseReturnValue:
    """Make a credential; its secret is in this answer alone."""
    caller, now = current_user(), clock.now()
    if body.expires_at is not None and body.expires_at.tzinfo is None:
        raise Invalid(problems=[Problem("expires_at", "Say which zone: 2027-01-01T00:00:00Z.")])
    with database().write(caller.organization_id) as session:
        made = credentials.issue(
            session, label=body.label, scopes=body.scopes, home_page=config().app_origin,
            hash_key=config().key("lrs"), now=now, expires_at=body.expires_at, origins=body.origins,
            rate=body.rate, created_by=caller.user_id,
        )  # fmt: skip
        shown = CredentialAnswer.model_validate(credentials.get(session, made.id, now))
    answer = CredentialMade(**shown.model_dump(), secret=made.secret)
    return rest.told(answer, 201, url_for("lrs.api_show_credential", credential_id=made.id))


@bp.get("/api/v1/lrs/credentials/<uuid:credential_id>")
@requires("lrs.admin")
@rest.operation(answer=CredentialAnswer)
def api_show_credential(credential_id: UUID) -> ResponseReturnValue:
    """Answer what a credential may do."""
    with database().read(current_user().organization_id) as session:
        return rest.told(CredentialAnswer.model_validate(credentials.get(session, credential_id, clock.now())))


@bp.delete("/api/v1/lrs/credentials/<uuid:credential_id>")
@requires("lrs.admin", critical=True)
@rest.operation(status=204)
def api_revoke_credential(credential_id: UUID) -> ResponseReturnValue:
    """End a credential for good."""
    with database().write(current_user().organization_id) as session:
        credentials.revoke(session, credential_id, clock.now())
    return Response(status=204)
