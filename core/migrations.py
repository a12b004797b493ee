"""Running the migrations, and telling whether the database has all of them."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, make_url, text

from core.db import Session

FOLDER = Path(__file__).resolve().parent.parent / "migrations"


def migrate(url: str) -> None:
    """Bring the database to the newest migration; does nothing when it is there already."""
    alembic = settings()
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    try:
        with engine.begin() as connection:
            # Two starting at once: the second waits here and finds nothing left to do.
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('stoa.migrate'))"))
            alembic.attributes["connection"] = connection
            command.upgrade(alembic, "head")
    finally:
        engine.dispose()


def is_current(session: Session) -> bool:
    """Tell whether the database has the newest migration."""
    found = session.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found == _head()


@cache
def _head() -> str | None:
    return ScriptDirectory.from_config(settings()).get_current_head()


def settings() -> AlembicConfig:
    """Return Alembic's configuration for our history."""
    alembic = AlembicConfig()
    alembic.set_main_option("script_location", str(FOLDER))
    alembic.set_main_option("path_separator", "os")
    return alembic
