"""Alembic's environment: one history for all rooms."""

from typing import Any

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import create_engine, make_url

from app.schema import METADATA
from core import config, postgres
from core.db import EnumText


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | bool:
    """Write plain SQL types into migrations: they must not change when the application's types do."""
    if kind == "type" and isinstance(item, EnumText):
        return "sa.String(length=40)"
    return False


def run() -> None:
    """Run on the connection given by `core.migrations`, or on the configured database."""
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _run_on(connection)
        return
    settings = config.load()
    url = settings.database_url or postgres.Server(settings.home).address()
    with create_engine(make_url(url).set(drivername="postgresql+psycopg")).begin() as own:
        _run_on(own)


def _run_on(connection: Any) -> None:
    context.configure(
        connection=connection, target_metadata=METADATA, render_item=render_item, compare_server_default=False
    )
    with context.begin_transaction():
        context.run_migrations()


run()
