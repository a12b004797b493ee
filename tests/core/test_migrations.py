from alembic import command
from sqlalchemy import create_engine, make_url

from core import migrations


def test_the_migrations_lead_to_exactly_the_tables(database_url):
    settings = migrations.settings()
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))

    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.check(settings)
    engine.dispose()


def test_migrating_twice_changes_nothing(database_url, database):
    migrations.migrate(database_url)

    with database.read(None) as session:
        assert migrations.is_current(session)
