# ruff: noqa: S608 - queries are put together from constants of this module; values are always parameters
"""Counting statements in the database, within a time limit."""

from dataclasses import dataclass
from typing import Any

import psycopg

from core.db import Session, organization_of
from lrs.store import driver
from lrs.store.statements import Selection

_GROUPS = {
    "time": "date_trunc(%(bucket)s, s.stored AT TIME ZONE %(zone)s)",
    "verb": "s.verb",
    "activity": "s.activity",
    "person": "s.actor",
}
# Only statements with a result are read as JSON: for the others the answer is known.
_RESULT = "CASE WHEN strpos(s.payload, '\"result\":') > 0 THEN s.payload::jsonb -> 'result' END"


class TooSlow(Exception):
    """The count did not end within its time."""


@dataclass(frozen=True, slots=True)
class Row:
    """One group: its key (a moment of the zone, or a key), its figures, and the payload of one of its statements."""

    key: Any
    count: int
    persons: int
    average_scaled: float | None
    success_share: float | None
    sample: bytes


def rows(
    session: Session, selection: Selection, by: str, *, bucket: str, zone: str, limit: int, milliseconds: int
) -> list[Row]:
    """The groups with most statements, or all by time. Statements without the group's key are left out.

    Raises TooSlow.
    """
    values: dict[str, Any] = {
        "org": organization_of(session), "bucket": bucket, "zone": zone, "limit": limit,
    }  # fmt: skip
    group = _GROUPS[by]
    conditions = ["s.organization_id = %(org)s", "NOT s.voided", f"{group} IS NOT NULL", *_where(selection, values)]
    order = "1 DESC" if by == "time" else "count(*) DESC, 1"
    query = f"""
        WITH counted AS (
            SELECT g.key, count(*) AS count, count(DISTINCT g.actor) AS persons,
                avg(CASE WHEN jsonb_typeof(g.result #> '{{score,scaled}}') = 'number'
                    THEN (g.result #>> '{{score,scaled}}')::float8 END) AS scaled,
                avg(CASE g.result ->> 'success' WHEN 'true' THEN 1.0 WHEN 'false' THEN 0.0 END)::float8 AS success,
                max(g.stored) AS sample
            FROM (
                SELECT {group} AS key, s.actor, s.stored, {_RESULT} AS result
                FROM xapi_statements s WHERE {" AND ".join(conditions)}
            ) g
            GROUP BY 1 ORDER BY {order} LIMIT %(limit)s
        )
        SELECT c.key, c.count, c.persons, c.scaled, c.success, s.payload
        FROM counted c JOIN xapi_statements s ON s.organization_id = %(org)s AND s.stored = c.sample
        ORDER BY {"c.key" if by == "time" else "c.count DESC, c.key"}
    """
    with driver.payload_cursor(session) as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {int(milliseconds)}")
        cursor.execute("SET LOCAL jit = off")
        try:
            cursor.execute(query, values, binary=True, prepare=False)
        except psycopg.errors.QueryCanceled as error:
            raise TooSlow from error
        return [Row(*row) for row in cursor]


def _where(selection: Selection, values: dict[str, Any]) -> list[str]:
    found = []
    for name, sign, column, value in (
        ("since", ">", "stored", selection.since),
        ("until", "<=", "stored", selection.until),
        ("credential", "=", "credential_id", selection.credential_id),
        ("authority", "=", "authority", selection.authority),
    ):
        if value is not None:
            values[name] = value
            found.append(f"s.{column} {sign} %({name})s")
    for number, item in enumerate(selection.filters):
        values[f"keys{number}"] = list(item.keys)
        ways = [f"s.{column} = ANY(%(keys{number})s)" for column in item.columns]
        if item.kinds:
            kinds = ", ".join(str(int(kind)) for kind in item.kinds)
            ways.append(
                f"s.stored IN (SELECT k.stored FROM xapi_statement_keys k WHERE k.organization_id = %(org)s "
                f"AND k.id = ANY(%(keys{number})s) AND k.kind IN ({kinds}))"
            )
        found.append(f"({' OR '.join(ways)})")
    return found
