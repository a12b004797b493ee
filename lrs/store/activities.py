"""Canonical activity definitions in the database."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson

from core.db import Session, organization_of
from lrs.store import driver
from lrs.store.keys import key


def definitions(session: Session, iris: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The canonical definitions of these activities, as far as there are any."""
    return asked(session, iris)()


def asked(session: Session, iris: Iterable[str]) -> Callable[[], dict[str, dict[str, Any]]]:
    """Ask for the definitions of these activities now, take the answer later: both ways of a pipeline are used."""
    wanted = [key(iri) for iri in iris]
    if not wanted:
        return dict
    cursor = driver.cursor(session)
    cursor.execute(
        "SELECT iri, definition FROM xapi_activities WHERE organization_id = %b AND id = ANY (%b)",
        [organization_of(session), wanted],
        prepare=True,
    )
    return lambda: {iri: orjson.loads(definition) for iri, definition in cursor}


def dated(session: Session, iris: Iterable[str]) -> dict[str, tuple[datetime, dict[str, Any]]]:
    """The canonical definitions of these activities with the moment they were last changed, as far as there are any."""
    with driver.cursor(session) as cursor:
        cursor.execute(
            "SELECT iri, updated_at, definition FROM xapi_activities WHERE organization_id = %b AND id = ANY (%b)",
            [organization_of(session), [key(iri) for iri in iris]],
            prepare=True,
            binary=True,
        )
        return {iri: (updated_at, orjson.loads(definition)) for iri, updated_at, definition in cursor}


def save(session: Session, changed: Mapping[str, dict[str, Any]], now: datetime) -> None:
    """Write these definitions. Always in the same order, and only by who has the turn: nobody can deadlock."""
    iris = sorted(changed)
    with driver.cursor(session) as cursor:
        cursor.execute(
            """
            INSERT INTO xapi_activities (organization_id, id, iri, definition, updated_at)
            SELECT %b, n.id, n.iri, n.definition, %b
            FROM unnest(%b::uuid[], %b::text[], %b::text[]) AS n(id, iri, definition)
            ON CONFLICT (organization_id, id)
            DO UPDATE SET definition = excluded.definition, updated_at = excluded.updated_at
            """,
            [
                organization_of(session),
                now,
                [key(iri) for iri in iris],
                iris,
                [orjson.dumps(changed[iri]).decode() for iri in iris],
            ],
        )
