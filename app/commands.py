"""The command line `stoa`."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import click
from sqlalchemy.exc import NoResultFound

from accounts.services import organizations, people, personal_data, providers, second_factor
from app import demo, metrics, server, supervisor, wiring
from app.front import front
from core import audit, audit_chain, clock, config, logs, mail, migrations
from core.config import Config, ConfigurationError
from core.db import Database, Session
from core.errors import StoaError
from core.files import Files
from core.jobs import Worker
from lrs.services import credentials, export, imports, privacy, remotes
from lrs.services.browsing import Search
from scorm_player.services import packages, projection
from scorm_player.services.packages import PackageImport
from tools.pack import pack
from training.services import rebuild as training_rebuild


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

    os.environ["STOA_HOME"] = str(settings.home)

    def prepare(url: str) -> None:
        migrations.migrate(url)
        if settings.demo:
            database = Database(url, pool_size=2)
            demo.load(database, settings, make_worker(settings, database))
            database.close()

    def announce() -> None:
        click.echo(f"\nStoa is ready: {settings.app_origin}\n")
        if settings.demo:
            click.echo(demo.sign_ins())

    parts = {"web": server.Web(settings, front).run, "worker": lambda: run_worker(settings, threads=2)}
    sys.exit(supervisor.serve(settings, prepare, parts, announce))


@stoa.command()
def web() -> None:
    """Answer requests until told to stop; database and worker are somebody else's."""
    settings = config.load()
    logs.configure(json=settings.json_logs)
    metrics.share(settings.home / "metrics")
    server.Web(settings, front).run()


@stoa.command()
@click.option("--threads", default=2, show_default=True, help="Jobs run at the same time.")
def worker(threads: int) -> None:
    """Run jobs until told to stop."""
    settings = config.load()
    logs.configure(json=settings.json_logs)
    run_worker(settings, threads)


def run_worker(settings: Config, threads: int) -> None:
    """Run jobs in this process until it is told to stop."""
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
        demo.load(database, settings, make_worker(settings, database))
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
                shortest_password=people.SHORTEST_BY_OPERATOR,
                is_verified=True,
                now=clock.now(),
            )
            name = people.tenant(session).name
    click.echo(f"{email} may now administer {name}.")
    if len(password) < people.SHORTEST_PASSWORD:
        click.echo(
            f"This password is short: those that people choose have {people.SHORTEST_PASSWORD} characters.", err=True
        )


@stoa.command("reset-second-factor")
@click.option("--email", required=True)
@click.option("--reason", required=True, help="Goes into the audit log.")
@click.option("--organization", default="", help="Slug of one of their organizations; without it the first one.")
def reset_second_factor(email: str, reason: str, organization: str) -> None:
    """Switch off the second factor of somebody who has lost phone and codes."""
    with open_database() as (_settings, database), database.write(_organization(database, organization)) as session:
        user_id = people.ids_by_email(session, [email.lower()]).get(email.lower())
        if user_id is None:
            raise click.ClickException(f"There is nobody here with the e-mail {email}.")
        second_factor.take_off(session, user_id, reason, clock.now())
    click.echo(f"The second factor of {email} is off; they are signed out everywhere and will be told.")


@stoa.group()
def credential() -> None:
    """Credentials of LRS clients."""


@credential.command("create")
@click.option("--key", default=None, help="Made up when not given.")
@click.option("--secret", default=None, help="Made up when not given; shown once.")
@click.option("--scopes", default="all", show_default=True, help="Comma separated: " + ", ".join(credentials.Scope))
@click.option("--label", default="Command line", show_default=True)
@click.option("--organization", default="", help="Slug of the organization; without it the first one.")
def create_credential(key: str | None, secret: str | None, scopes: str, label: str, organization: str) -> None:
    """Create key and secret for a client that sends or reads xAPI statements."""
    with open_database() as (settings, database):
        with database.write(_organization(database, organization)) as session:
            made = credentials.issue(
                session,
                label=label,
                scopes=[scope.strip() for scope in scopes.split(",")],
                home_page=settings.app_origin,
                hash_key=settings.key("lrs"),
                now=clock.now(),
                key=key,
                secret=secret,
            )
        click.echo(f"endpoint  {settings.app_origin}/xapi/\nkey       {made.key}\nsecret    {made.secret}")


@stoa.command("import-package")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--organization", default="", help="Slug of the organization; without it the first one.")
def import_package(path: Path, organization: str) -> None:
    """Import a package: a zip, or a folder that is zipped first. Prints the report."""
    with open_database() as (settings, database):
        organization_id = _organization(database, organization)
        job_worker = make_worker(settings, database)
        if path.is_dir():
            source: BinaryIO | bytes = pack(path)
        else:
            source = path.open("rb")
        import_id = demo.import_zip(database, job_worker.files, settings, organization_id, path.name, source)
        upload = _finished_import(database, organization_id, import_id, job_worker)
    for finding in upload.report:
        where = f"{finding['file']}:{finding['line']}" if finding.get("line") else finding.get("file", "")
        click.echo(f"{finding['severity']:<8} {finding['rule']:<28} {where}  {finding['message']} {finding['remedy']}")
    click.echo(f"{path.name}: {upload.state.value}")
    if upload.package_version_id is None:
        raise SystemExit(1)


@stoa.command("verify-domain")
@click.argument("domain")
@click.option("--organization", required=True, help="Slug of the organization.")
def verify_domain(domain: str, organization: str) -> None:
    """Vouch that an e-mail domain is an organization's own: its identity providers are believed about these e-mails."""
    with open_database() as (_settings, database):
        with database.read(None) as session:
            organization_id = people.place_by_slug(session, organization)
        if organization_id is None:
            raise click.ClickException(f"There is no organization {organization}.")
        with database.write(organization_id) as session:
            providers.verify_domain(session, domain)
    click.echo(f"{domain} counts as {organization}'s own.")


@stoa.command("rotate-keys")
def rotate_keys() -> None:
    """Seal every encrypted value with the first of STOA_SEALING_KEYS, in batches, while Stoa is running."""
    profiles = second_factors = others = receipts = 0
    with open_database() as (_settings, database):
        with database.read(None) as session:
            ids = organizations.all_ids(session)
        for organization_id in ids:
            while True:
                with database.write(organization_id) as session:
                    done = personal_data.rotate(session)
                profiles, second_factors = profiles + done.profiles, second_factors + done.second_factors
                if not done.profiles and not done.second_factors:
                    break
            with database.write(organization_id) as session:
                others += remotes.seal_anew(session) + providers.seal_anew(session)
                receipts += privacy.seal_anew(session)
    click.echo(
        f"Sealed anew: {profiles} profiles, {second_factors} second factors, {others} secrets of record stores "
        f"and identity providers, {receipts} receipts. Earlier keys may be taken away now."
    )


@stoa.group("audit")
def audit_group() -> None:
    """The audit log and its chain."""


@audit_group.command("verify")
@click.option("--organization", default="", help="Slug of the organization; without it all of them.")
def verify_audit_log(organization: str) -> None:
    """Name every entry that was changed, deleted, moved, put in or sealed anew; exit code 1 when there is one."""
    wrong = 0
    with open_database() as (_settings, database):
        kept = audit_chain.kept()
        for organization_id in _chains(database, organization):
            with database.read(organization_id) as session:
                found = audit_chain.check(session, kept)
                name = _name_of(session, organization_id)
            for finding in found.findings:
                click.echo(f"  {'the log' if finding.seq is None else f'entry {finding.seq}'}: {finding.what}")
            wrong += len(found.findings)
            click.echo(
                f"{name}: {found.sealed} entries sealed, {found.waiting} waiting for their seal, "
                f"{len(found.findings)} findings"
            )
    raise SystemExit(1 if wrong else 0)


@audit_group.command("accept")
@click.option("--organization", required=True, help="Slug of the organization, or “installation”.")
@click.option("--reason", required=True, help="Like “restored the backup of 3 March”; goes into the log.")
def accept_audit_log(organization: str, reason: str) -> None:
    """Take the chain as it is now for whole, after a restore; what was noted before goes into the log."""
    with open_database() as (_settings, database):
        kept = audit_chain.kept()
        organization_id = None if organization == "installation" else _organization(database, organization)
        with database.write(organization_id) as session:
            end, noted = audit_chain.end_of(session), kept.noted(organization_id)
            told = {"reason": reason, "noted": noted and noted.position, "end": end and end.position}
            audit.record(session, "audit.head_accepted", "audit_log", details=told)
        kept.note(organization_id, end or audit_chain.NOTHING, clock.now())
    click.echo(f"The chain ends at number {end.position if end else 0}, and is taken for whole from here.")


def _chains(database: Database, slug: str) -> list[UUID | None]:
    """Return whose chains a command is about: one, or all there are and all that were ever noted."""
    if slug:
        return [_organization(database, slug)]
    with database.read(None) as session:
        known = organizations.all_ids(session)
    return [None, *known, *(one for one in audit_chain.kept().organizations() if one is not None and one not in known)]


def _name_of(session: Session, organization_id: UUID | None) -> str:
    if organization_id is None:
        return "The installation"
    try:
        return people.tenant(session).name
    except NoResultFound:
        return f"Organization {organization_id}, which is gone"


@stoa.group()
def statements() -> None:
    """Statements out to a file, and in from one."""


@statements.command("export")
@click.option(
    "--layout", type=click.Choice([layout.value for layout in export.Layout]), default="ndjson", show_default=True
)
@click.option("--output", type=click.File("wb", lazy=False), default="-", help="A file; without it standard output.")
@click.option("--person", default="", help="E-mail address, or account as home page|name.")
@click.option("--verb", default="", help="A word like completed, or an IRI.")
@click.option("--activity", default="", help="An IRI; also where it is the context.")
@click.option("--registration", default="", help="A UUID.")
@click.option("--since", default="", help="Stored after this day or moment, in UTC.")
@click.option("--until", default="", help="Stored until this day or moment, in UTC.")
@click.option("--credential", default="", help="The id of a credential.")
@click.option("--organization", default="", help="Slug of the organization; without it the first one.")
def export_statements(layout: str, output: BinaryIO, organization: str, **filters: str) -> None:
    """Write statements that the filters find, oldest first: ndjson, csv, or zip with attachments."""
    search = Search(**filters)
    with open_database() as (settings, database):
        organization_id = _organization(database, organization)
        with database.write(organization_id) as session:
            selection = export.plan(session, search)
            asked = {name: text for name, text in filters.items() if text}
            audit.record(session, "statements.exported", details={"layout": layout, "filters": asked, "by": "command"})
        storage = Files(settings.storage_url)
        for piece in export.stream(database, storage, organization_id, selection, export.Layout(layout)):
            output.write(piece)


@statements.command("import")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--organization", default="", help="Slug of the organization; without it the first one.")
def import_statements(path: Path, organization: str) -> None:
    """Take in a file of statements, NDJSON or a zip of an export; refused lines are listed."""
    with open_database() as (settings, database):
        organization_id = _organization(database, organization)
        job_worker = make_worker(settings, database)
        with path.open("rb") as file:
            stored = job_worker.files.put(file)
        with database.write(organization_id) as session:
            credential_id = imports.own_credential(
                session, home_page=settings.app_origin, hash_key=settings.key("lrs"), now=clock.now()
            )
            import_id = imports.start(
                session, stored, file_name=path.name, credential_id=credential_id, created_by=None, now=clock.now()
            ).id
        done = imports.run(
            database, job_worker.files, organization_id, import_id, progress=lambda *_: None, now=clock.now()
        )
        with database.read(organization_id) as session:
            for refusal in imports.refusals(session, import_id, 1000):
                for problem in refusal.problems:
                    click.echo(f"line {refusal.line}: {problem['path']} {problem['message']} {problem['requirement']}")
    click.echo(f"{path.name}: {done.stored} stored, {done.known} here already, {done.refused} refused")
    if done.error:
        raise click.ClickException(done.error)
    raise SystemExit(1 if done.refused else 0)


@stoa.group()
def rebuild() -> None:
    """Compare records with what they follow from."""


@rebuild.command("training")
@click.option("--organization", default="", help="Slug of the organization; without it all of them.")
def rebuild_training(organization: str) -> None:
    """Replay the statements and report every difference to the training records; writes nothing."""
    different = 0
    with open_database() as (_settings, database):
        if organization:
            ids = [_organization(database, organization)]
        else:
            with database.read(None) as session:
                ids = organizations.all_ids(session)
        for organization_id in ids:
            with database.read(organization_id) as session:
                name = people.tenant(session).name
                report = training_rebuild.rebuild(session)
            for difference in report.differences:
                click.echo(f"  {difference}")
            different += len(report.differences)
            click.echo(
                f"{name}: {report.statements} statements replayed, {report.counted} counted, {report.enrollments} "
                f"enrollments, {report.completions} completions, {len(report.differences)} differences"
            )
    raise SystemExit(1 if different else 0)


@rebuild.command("scorm")
@click.option("--organization", default="", help="Slug of the organization; without it all of them.")
def rebuild_scorm(organization: str) -> None:
    """Make the rows of interactions and objectives anew from the run-time data they follow from."""
    with open_database() as (_settings, database):
        if organization:
            ids = [_organization(database, organization)]
        else:
            with database.read(None) as session:
                ids = organizations.all_ids(session)
        for organization_id in ids:
            with database.write(organization_id) as session:
                name = people.tenant(session).name
                made = projection.rebuild(session)
            click.echo(
                f"{name}: {made.attempts} attempts, {made.interactions} interactions, {made.objectives} objectives"
            )


def _finished_import(database: Database, organization_id: UUID, import_id: UUID, job_worker: Worker) -> PackageImport:
    """Wait until the import is over, doing it here when no worker is running."""
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        ran = job_worker.run_one()
        with database.read(organization_id) as session:
            upload = packages.import_of(session, import_id)
        if upload.finished_at is not None:
            return upload
        if not ran:
            time.sleep(0.2)
    raise click.ClickException("The import did not finish within ten minutes; see the page Jobs.")


def make_worker(settings: Config, database: Database) -> Worker:
    """Return a worker with all handlers and duties."""
    return Worker(
        database,
        Files(settings.storage_url),
        mail.mailer(settings.smtp_url, settings.mail_from, settings.home / "mail"),
        wiring.JOBS,
        wiring.SCHEDULE,
        wiring.SIGNALS,
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
