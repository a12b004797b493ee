"""Recognizing a program by the token it sends: `Authorization: Bearer stoa_…`."""

from accounts.permissions import SIGNED_IN
from accounts.services import api_clients, people
from core import clock
from core.db import Database
from core.errors import TooMany, Unauthorized
from core.http import Visitor


def client_of(database: Database, token: str, hash_key: bytes) -> Visitor:
    """Return who calls with this token: the client, in the name of whoever made it, with the client's scopes alone.

    Raises Unauthorized, TooMany with the seconds to wait.
    """
    found = api_clients.split(token)
    place = None
    if found is not None:
        with database.read(None) as session:
            place = api_clients.organization_of_prefix(session, found[0])
    if found is None or place is None:
        raise Unauthorized("This token is not known here.")
    client_id, organization_id = place
    with database.write(organization_id) as session:
        answer = api_clients.let_in(session, client_id, found[1], hash_key=hash_key, now=clock.now())
        organization = people.tenant(session)
    if answer.wait:
        error = TooMany(answer.reason)
        error.retry_after = answer.wait
        raise error
    if answer.client is None:
        raise Unauthorized(answer.reason)
    return Visitor(
        user_id=answer.client.created_by,
        organization_id=organization_id,
        session_id=client_id,
        name=answer.client.label,
        permissions=frozenset({SIGNED_IN, *answer.client.scopes}),
        organization_name=organization.name,
        locale=organization.locale,
        timezone=organization.timezone,
        client_id=client_id,
    )
