# ruff: noqa: S608 - queries are put together from constants of this module; values are always parameters
"""Counting statements in the database, within a time limit."""

from dataclasses import dataclass
from typing import Any

import psycopg

from core.db import Session, organization_of
from lrs.store import driver
from lrs.store.statements import Filter, Selection

_GROUPS = {
    "time": "date_trunc(%(bucket)s, s.stored AT TIME ZONE %(zone)s)",
    "verb": "s.verb",
    "activity": "s.activity",
    "person": "s.actor",
}
# Only statements with a result are read as JSON, each once: for the others the answer is known.
_RESULT = """
    SELECT CASE json_typeof(j.score -> 'scaled') WHEN 'number' THEN (j.score ->> 'scaled')::float8 END AS scaled,
        j.success
    FROM json_to_record(CASE WHEN strpos(s.payload, '"result":') > 0 THEN s.payload::json -> 'result' END)
        AS j(score json, success text)
"""


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
    conditions = [
        "s.organization_id = %(org)s",
        "NOT s.voided",
        f"{group} IS NOT NULL",
        *_where(session, selection, values),
    ]
    order = "1 DESC" if by == "time" else "2 DESC, 1"
    # By group and person first: that can be done by several processes at once, and nobody sorts all statements.
    query = f"""
        WITH counted AS (
            SELECT g.key, sum(g.count)::bigint AS count, count(g.actor) AS persons,
                sum(g.scaled) / nullif(sum(g.scores), 0)::float8 AS scaled,
                sum(g.passed)::float8 / nullif(sum(g.judged), 0)::float8 AS success, max(g.sample) AS sample
            FROM (
                SELECT {group} AS key, s.actor, count(*) AS count, max(s.stored) AS sample,
                    sum(r.scaled) AS scaled, count(r.scaled) AS scores,
                    count(*) FILTER (WHERE r.success = 'true') AS passed,
                    count(*) FILTER (WHERE r.success IN ('true', 'false')) AS judged
                FROM xapi_statements s LEFT JOIN LATERAL ({_RESULT}) r ON true WHERE {" AND ".join(conditions)}
                GROUP BY 1, 2
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


def _where(session: Session, selection: Selection, values: dict[str, Any]) -> list[str]:
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
        columns = [f"s.{column} = ANY(%(keys{number})s)" for column in item.columns]
        by_key = _key_rows(item, number)
        if by_key and _is_there(session, by_key, values):  # each way by its own index
            ways = [
                "SELECT w.stored FROM xapi_statements w WHERE w.organization_id = %(org)s "
                f"AND w.{column} = ANY(%(keys{number})s)"
                for column in item.columns
            ]
            found.append(f"s.stored IN ({' UNION ALL '.join([*ways, by_key])})")
        else:
            found.append(f"({' OR '.join(columns)})")
    return found


def _key_rows(item: Filter, number: int) -> str:
    if not item.kinds:
        return ""
    kinds = ", ".join(str(int(kind)) for kind in item.kinds)
    return (
        "SELECT k.stored FROM xapi_statement_keys k WHERE k.organization_id = %(org)s "
        f"AND k.id = ANY(%(keys{number})s) AND k.kind IN ({kinds})"
    )


def _is_there(session: Session, rows: str, values: dict[str, Any]) -> bool:
    with driver.cursor(session) as cursor:
        cursor.execute(f"SELECT EXISTS ({rows})", values, prepare=False)
        found = cursor.fetchone()
    return bool(found and found[0])
