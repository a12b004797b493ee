"""Canonical activity definitions in the database."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg.pq.abc import PGresult

from core.db import Session, organization_of
from core.wire import UUID_TYPE, Packed, Prepared, Texts, Uuids, Wire, element, read_moment
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


def ask_dated(wire: Wire, organization_id: UUID, iris: Collection[str]) -> None:
    """Let the question what is known of these activities go with the next journey; `dated` reads its answer."""
    wire.send(DATED, org=organization_id.bytes, ids=Uuids.of([key(iri) for iri in iris]).data)


DATED = Prepared(
    "SELECT iri, updated_at, definition FROM xapi_activities WHERE organization_id = %(org)b AND id = ANY (%(ids)b)",
    org=UUID_TYPE,
    ids=Uuids.oid,
)


def dated(result: PGresult) -> dict[str, tuple[datetime, dict[str, Any]]]:
    """The canonical definitions of activities with the moment they were last changed, as far as there are any."""
    found = {}
    for row in range(result.ntuples):
        iri, updated_at, definition = (result.get_value(row, column) or b"" for column in range(3))
        found[iri.decode()] = read_moment(updated_at), orjson.loads(definition)
    return found


def save(session: Session, changed: Mapping[str, dict[str, Any]], now: datetime) -> None:
    """Write these definitions. Always in the same order, and only by who has the turn: nobody can deadlock."""
    iris = sorted(changed)
    with driver.cursor(session) as cursor:
        cursor.execute(
            _SAVE.format("%(now)b"),
            {"org": organization_of(session), "now": now, **_arrays(changed, iris)},
            prepare=True,
        )


def save_on(wire: Wire, organization_id: UUID, changed: Mapping[str, dict[str, Any]], statement_id: UUID) -> None:
    """Let the same go with the next journey, dated by when this statement was stored: no two changes share a date."""
    arrays = {name: array.data for name, array in _arrays(changed, sorted(changed)).items()}
    wire.send(SAVE, org=organization_id.bytes, statement_id=statement_id.bytes, **arrays)


def _arrays(changed: Mapping[str, dict[str, Any]], iris: Sequence[str]) -> dict[str, Packed]:
    return {
        "ids": Uuids.of([key(iri) for iri in iris]),
        "iris": Texts.of(iris),
        "definitions": Texts(b"".join([element(orjson.dumps(changed[iri])) for iri in iris]), len(iris)),
    }


_SAVE = """
    INSERT INTO xapi_activities (organization_id, id, iri, definition, updated_at)
    SELECT %(org)b, n.id, n.iri, n.definition, {}
    FROM unnest(%(ids)b, %(iris)b, %(definitions)b) AS n(id, iri, definition)
    ON CONFLICT (organization_id, id)
    DO UPDATE SET definition = excluded.definition, updated_at = excluded.updated_at
"""
SAVE = Prepared(
    _SAVE.format("(SELECT stored FROM xapi_statements WHERE organization_id = %(org)b AND id = %(statement_id)b)"),
    org=UUID_TYPE,
    statement_id=UUID_TYPE,
    ids=Uuids.oid,
    iris=Texts.oid,
    definitions=Texts.oid,
)
