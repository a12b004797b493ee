"""The command line `stoa`."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import click

from accounts.services import organizations, people
from app import demo, server, supervisor, wiring
from core import clock, config, logs, mail, migrations
from core.config import Config, ConfigurationError
from core.db import Database
from core.errors import StoaError
from core.files import Files
from core.jobs import Worker


class FriendlyGroup(click.Group):
    """Says what is wrong in a sentence instead of a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; our own errors become messages and exit code 1."""
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            raise click.ClickException(str(error)) from None
        except StoaError as error:
            lines = [error.message, *(f"  {p.where}: {p.what} {p.remedy}" for p in error.problems)]
            raise click.ClickException("\n".join(lines)) from None


@click.group(cls=FriendlyGroup)
def stoa() -> None:
    """Stoa: catalog, SCORM player and Learning Record Store in one."""


@stoa.command()
def serve() -> None:
    """Run everything: database, web and worker. Ctrl-C stops it."""
    settings = config.load()
    logs.configure(json=settings.json_logs)

    def prepare(url: str) -> None:
        if settings.demo:
            database = Database(url, pool_size=2)
            demo.load(database, settings)
            database.close()

    def announce() -> None:
        click.echo(f"\nStoa is ready: {settings.app_origin}\n")
        if settings.demo:
            click.echo(demo.sign_ins())

    sys.exit(supervisor.serve(settings, announce, prepare))


@stoa.command()
@click.option("--threads", default=2, show_default=True, help="Jobs run at the same time.")
def worker(threads: int) -> None:
    """Run jobs until told to stop."""
    settings = config.load()
    logs.configure(json=settings.json_logs)
    if settings.test:
        clock.use_file(settings.home / "clock")
    wiring.connect(settings)
    database = server.connect(settings, application_name="stoa-worker", pool_size=threads + 2)
    job_worker = make_worker(settings, database)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: job_worker.stop())
    job_worker.run(threads)


@stoa.command()
def migrate() -> None:
    """Bring the database to the newest migration."""
    settings = config.load()
    with supervisor.running_database(settings) as url:
        migrations.migrate(url)
    click.echo("The database is up to date.")


@stoa.command("demo")
def load_demo() -> None:
    """Load the demo data, if it is not there yet."""
    with open_database() as (settings, database):
        demo.load(database, settings)
    click.echo(demo.sign_ins())


@stoa.command("create-admin")
@click.option("--email", required=True)
@click.option("--password", prompt=True, hide_input=True, confirmation_prompt=True)
@click.option("--first-name", default="Stoa", show_default=True)
@click.option("--last-name", default="Administrator", show_default=True)
@click.option("--organization", default="", help="Slug of the organization; without it the only one, or a new one.")
def create_admin(email: str, password: str, first_name: str, last_name: str, organization: str) -> None:
    """Create a person who may administer an organization."""
    with open_database() as (_settings, database):
        organization_id = _organization(database, organization)
        with database.write(organization_id) as session:
            people.add(
                session,
                email=email,
                first_name=first_name,
                last_name=last_name,
                roles=["org_admin"],
                password=password,
                is_verified=True,
                now=clock.now(),
            )
            name = people.tenant(session).name
    click.echo(f"{email} may now administer {name}.")


def make_worker(settings: Config, database: Database) -> Worker:
    """Return a worker with all handlers and duties."""
    return Worker(
        database,
        Files(settings.storage_url),
        mail.mailer(settings.smtp_url, settings.mail_from, settings.home / "mail"),
        wiring.JOBS,
        wiring.SCHEDULE,
    )


@contextmanager
def open_database() -> Iterator[tuple[Config, Database]]:
    """Open the configured database for a command; the embedded one is started when it is not running."""
    settings = config.load()
    logs.configure(json=settings.json_logs, level="WARNING")
    wiring.connect(settings)
    with supervisor.running_database(settings) as url:
        migrations.migrate(url)
        database = Database(url, pool_size=2, application_name="stoa-command")
        try:
            yield settings, database
        finally:
            database.close()


def _organization(database: Database, slug: str) -> UUID:
    """Return the organization a command is about: the named one, the first one, or a new one when there is none."""
    with database.read(None) as session:
        if slug:
            found = organizations.find_by_slug(session, slug)
            if found is None:
                raise click.ClickException(f"There is no organization {slug!r}.")
            return found
        existing = organizations.all_ids(session)
    if existing:
        return existing[0]
    organization_id = organizations.new_id()
    with database.write(organization_id) as session:
        organizations.create(session, name="My organization", slug="main", code="ORG", now=clock.now())
    return organization_id
