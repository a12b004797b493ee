"""A session that opens is written in one statement: itself, its data, its registration, and the session it follows.

On the driver's own cursor: it is part of every launch and of every step from activity to activity, and four rows that
SQLAlchemy writes one after the other cost more than all of sequencing. Rows that are known to the session are told what
has been written, so that nobody writes it again.
"""

from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import TupleRow
from sqlalchemy.orm import make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value

from core.db import Session, organization_of
from scorm_player.tables import LaunchSession, Registration, ScormItemState, SessionState

_OPEN = """
    WITH kept AS (
        INSERT INTO scorm_item_states (organization_id, id, registration_id, package_item_id, attempt_number, cmi,
            is_suspended, completion, success, total_seconds, started_at, updated_at)
        VALUES (%(org)b, %(kept)b, %(enrolled)b, %(item)b, %(attempt)b, %(cmi)b,
            false, 'unknown', 'unknown', 0, %(now)b, %(now)b)
        ON CONFLICT (organization_id, id) DO UPDATE SET cmi = excluded.cmi, updated_at = excluded.updated_at
    ), enrolled AS (
        UPDATE registrations SET activity_tree = %(tree)b, started_at = coalesce(started_at, %(now)b),
            last_activity_at = %(now)b
        WHERE organization_id = %(org)b AND id = %(enrolled)b
    ), followed AS (
        UPDATE launch_sessions SET state = 'superseded' WHERE organization_id = %(org)b AND id = %(followed)b
    )
    INSERT INTO launch_sessions (organization_id, id, registration_id, package_item_id, attempt_number, mode, state,
        launched_at, last_sequence, announced_sequence, seconds)
    VALUES (%(org)b, %(opened)b, %(enrolled)b, %(item)b, %(attempt)b, %(mode)b, 'launched', %(now)b, 0, 0, 0)
"""


def keep(
    session: Session,
    launched: LaunchSession,
    state: ScormItemState,
    cmi: str,
    registration: Registration,
    tree: str,
    follows: LaunchSession | None,
    now: datetime,
) -> None:
    """Write a session that opens at `now`, with the run-time data and the tree it opens with.

    `launched` is new; `state` is new or goes on. `follows`: the session that it takes the place of, if one does.
    """
    session.flush()  # what was changed before is written before
    connection: psycopg.Connection[TupleRow] | Any = session.connection().connection.driver_connection
    psycopg.Cursor(connection).execute(
        _OPEN,
        {
            "org": organization_of(session),
            "opened": launched.id,
            "kept": state.id,
            "enrolled": registration.id,
            "followed": follows.id if follows is not None else None,
            "item": launched.package_item_id,
            "attempt": launched.attempt_number,
            "mode": launched.mode.value,
            "cmi": cmi,
            "tree": tree,
            "now": now,
        },
        prepare=True,
    )
    set_committed_value(registration, "activity_tree", tree)
    set_committed_value(registration, "started_at", registration.started_at or now)
    set_committed_value(registration, "last_activity_at", now)
    if follows is not None:
        set_committed_value(follows, "state", SessionState.SUPERSEDED)
    set_committed_value(state, "cmi", cmi)
    set_committed_value(state, "updated_at", now)
    for row in (launched, state):
        if row.organization_id is None:  # not known to the session
            row.organization_id = organization_of(session)
            make_transient_to_detached(row)
            session.add(row)
