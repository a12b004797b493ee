"""Waiting for the moment at which one transaction waits for another."""

import time

from sqlalchemy import text

from core.db import Session


def until_somebody_waits(session: Session) -> None:
    """Return as soon as anybody of this database waits for a lock."""
    query = text(
        "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
        "WHERE NOT l.granted AND a.datname = current_database()"
    )
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        session.execute(text("SELECT pg_stat_clear_snapshot()"))
        if session.execute(query).scalar():
            return
        time.sleep(0.05)
    raise AssertionError("nobody waits")
