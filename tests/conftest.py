"""The common ground of all tests: one PostgreSQL per run, a fresh copy of a prepared database for whatever commits."""

import gc
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
import werkzeug.test
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from psycopg import sql
from sqlalchemy import QueuePool, delete, make_url
from werkzeug.test import stream_encode_multipart

from accounts import login
from accounts.services import api_clients, organizations, people
from app import build, equip, wiring
from app.commands import make_worker
from core import audit, clock, config, events, migrations, postgres
from core.config import Config
from core.db import Database, Session
from core.http import csrf_for
from core.tables import DomainEvent
from lrs.services import refusals
from tests.fresh_database import FreshDatabase
from tools import chromium

PASSWORD = "correct horse battery"
WITHOUT = (
    "SpareRendererForSitePerProcess",  # a renderer kept in reserve: each page would cost the start of another process
    "AvoidCorsURLLoaderRestartOnRedirect", "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable", "HttpsUpgrades", "MediaRouter", "NetworkTimeServiceQuerying",
    "OptimizationHints", "PaintHolding", "ThirdPartyStoragePartitioning",
)  # fmt: skip
"""What of Chromium is off: this takes the place of Playwright's own list, which the others are from."""
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", f"--disable-features={','.join(WITHOUT)}",
)  # fmt: skip
SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


@dataclass(frozen=True)
class Cast:
    """The people of the stories: Northwind's ana (learner), ben (training administrator), cem (administrator),
    and zoe, who administers Acme and must see nothing of Northwind.
    """

    northwind: UUID
    acme: UUID
    ana: UUID
    ben: UUID
    cem: UUID
    zoe: UUID


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no process is left alone with one of them at the end."""
    work: Counter[Path] = Counter()
    for item in items:
        is_long = item.get_closest_marker("browser") or item.get_closest_marker("slow")
        work[item.path] += 30 if is_long else 1
    items.sort(key=lambda item: -work[item.path])


@pytest.fixture(scope="session", autouse=True)
def _quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What costs every test the same and proves nothing twice: strong password hashes, compiling the templates.

    And looking for garbage among what the whole run needs: modules, and all tests.
    """
    gc.collect()
    gc.freeze()
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    folder = Path(tempfile.gettempdir()) / "stoa-test-templates"
    folder.mkdir(mode=0o700, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(people, "hasher", cheap)
        patch.setattr(login, "hasher", cheap)
        # werkzeug's test client keeps large uploads in a file that it leaves open
        patch.setattr(werkzeug.test, "stream_encode_multipart", partial(stream_encode_multipart, use_tempfile=False))
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": FileSystemBytecodeCache(str(folder))})
        yield


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The database server: TEST_DATABASE_URL, or an embedded one that lives as long as this run."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
        return
    if url := os.environ.get("STOA_TEST_SERVER"):  # started by the run's first process for all of them
        yield url
        return
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="stoa-test-"))
        server = postgres.Server(
            Path(home), {"fsync": "off", "autovacuum": "off", "shared_buffers": "128MB", "max_connections": "300"}
        )
        stack.callback(server.discard)
        yield server.start()


@pytest.fixture(scope="session")
def template(server_url: str, _quick: None) -> Iterator[tuple[str, Cast]]:
    """A migrated database with two organizations and their people, to be copied; one for all processes of a run.

    The first of them that wants it makes it while the others wait, and the last one drops it.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid4().hex)[:10]
    name = f"stoa_template_{run}"
    with psycopg.connect(server_url, autocommit=True) as door:
        door.execute("SELECT pg_advisory_lock_shared(hashtext(%s))", [f"{run} in use"])
        door.execute("SELECT pg_advisory_lock(hashtext(%s))", [f"{run} in the making"])
        if door.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            door.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            migrations.migrate(_url(server_url, name))
            database = Database(_url(server_url, name), pool_size=1)
            cast = _people(database)
            database.close()
        else:
            cast = _people_there(_url(_superuser(server_url), name))
        door.execute("SELECT pg_advisory_unlock(hashtext(%s))", [f"{run} in the making"])
        yield name, cast
        door.execute("SELECT pg_advisory_unlock_shared(hashtext(%s))", [f"{run} in use"])
        (is_last,) = door.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [f"{run} in use"]).fetchone() or (False,)
        if is_last:
            _drop(server_url, name)


@pytest.fixture(scope="session")
def cast(template: tuple[str, Cast]) -> Cast:
    return template[1]


@pytest.fixture(scope="session")
def own_database(server_url: str, template: tuple[str, Cast]) -> Iterator[FreshDatabase]:
    """This process's copy of the template, for what commits; one test after the other has it."""
    name = f"stoa_test_{uuid4().hex[:10]}"
    _administer(
        server_url,
        sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template[0])),
    )
    fresh = FreshDatabase(_url(server_url, name), _url(_superuser(server_url), name))
    fresh.remember()
    yield fresh
    _drop(server_url, name)


@pytest.fixture
def database_url(own_database: FreshDatabase, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database as it comes out of the migrations, with the cast of the stories in it."""
    monkeypatch.setattr(refusals, "_allowance", refusals._Allowance())  # remembered by the database's address
    return own_database.begin()


@pytest.fixture(scope="session")
def kept_databases() -> Iterator[dict[str, Database]]:
    """What one test after the other uses: the statements that SQLAlchemy has compiled are good for all of them."""
    kept: dict[str, Database] = {}
    yield kept
    for database in kept.values():
        database.close()


@pytest.fixture
def database(database_url: str, kept_databases: dict[str, Database]) -> Iterator[Database]:
    """The database of this test; none of its connections is the next one's."""
    database = kept_databases.pop(database_url, None) or Database(database_url, pool_size=4)
    yield database
    if _is_idle(database):
        database.engine.dispose()
        kept_databases[database_url] = database
    else:
        database.close()


def _is_idle(database: Database) -> bool:
    """Whether all connections have been given back, or are within a second."""
    pool = database.engine.pool
    assert isinstance(pool, QueuePool)
    for _ in range(100):
        if not pool.checkedout():
            return True
        time.sleep(0.01)
    return False


@pytest.fixture(scope="session")
def rolled_back(server_url: str, template: tuple[str, Cast]) -> Iterator[Database]:
    name = f"stoa_rollback_{uuid4().hex[:10]}"
    _administer(
        server_url,
        sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template[0])),
    )
    database = Database(_url(server_url, name), pool_size=2)
    yield database
    database.close()
    _drop(server_url, name)


@pytest.fixture
def db(rolled_back: Database, cast: Cast) -> Iterator[Session]:
    """A session of Northwind whose effects vanish after the test."""

    class Undo(Exception):
        pass

    try:
        with rolled_back.write(cast.northwind) as session:
            yield session
            raise Undo
    except Undo:
        pass


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Config:
    return config.load(
        {
            "STOA_HOME": str(tmp_path / "instance"),
            "DATABASE_URL": database_url,
            "APP_ORIGIN": "http://localhost",
            "CONTENT_ORIGIN": "http://127.0.0.1",
            "STOA_TEST": "1",
        }
    )


@pytest.fixture(scope="session")
def built() -> Flask:
    """The application's views, registered once: compiling their addresses takes longer than most tests."""
    return build()


@pytest.fixture
def app(built: Flask, settings: Config, database: Database) -> Iterator[Flask]:
    """The application with this test's settings and database. What templates know is the next test's, too."""
    equip(built, settings, database)
    known = dict(built.jinja_env.globals)
    yield built
    assert built.jinja_env.globals == known, "a test left something behind for the templates of the tests after it"


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser in which nobody is signed in."""
    return app.test_client()


@pytest.fixture
def sign_in(app: Flask, cast: Cast) -> Callable[[str], FlaskClient]:
    """Answer a browser in which this person ("ana", "ben", "cem", "zoe") is signed in and whose forms are accepted."""

    def signed_in(name: str) -> FlaskClient:
        parts, client = app.extensions["stoa"], app.test_client()
        token = door_opened(parts.database, cast, name)
        client.set_cookie("stoa_session", token)
        client.environ_base["HTTP_X_CSRF_TOKEN"] = csrf_for(parts.config, token)
        return client

    return signed_in


def door_opened(database: Database, cast: Cast, name: str) -> str:
    """Answer the token of a new session of this person, as signing in makes one: the form has its own tests."""
    with database.write(cast.acme if name == "zoe" else cast.northwind) as session:
        user_id = people.ids_by_email(session, [address_of(name)])[address_of(name)]
        return login.open_session(session, user_id, clock.now(), ip_address="127.0.0.1", user_agent="")


def let_in(context: BrowserContext, origin: str, database: Database, cast: Cast, name: str) -> None:
    """Let this person be signed in at this origin, in a browser profile."""
    context.add_cookies([{"name": "stoa_session", "value": door_opened(database, cast, name), "url": origin}])


def fill_sign_in(page: Page, origin: str, name: str) -> None:
    """Sign in as people do, by the form."""
    page.goto(f"{origin}/sign-in")
    page.get_by_label("E-mail").fill(address_of(name))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{origin}/home")


def address_of(name: str) -> str:
    """Return what this person signs in with."""
    return f"{name}@{'acme' if name == 'zoe' else 'northwind'}.example"


@pytest.fixture
def program(app: Flask, database: Database, cast: Cast) -> FlaskClient:
    """A program of Northwind that may do everything a program may."""
    with database.write(cast.northwind) as session:
        made = api_clients.issue(
            session, label="All", scopes=api_clients.SCOPES, permissions=api_clients.SCOPES, now=clock.now(),
            hash_key=app.extensions["stoa"].config.key("accounts.api_clients"), by=cast.cem, rate_per_minute=100_000,
        )  # fmt: skip
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {made.token}"
    return client


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium that asks nobody but localhost; one for all tests of this process."""
    expect.set_options(timeout=15_000)  # what a page shows at once takes seconds where everything is busy
    path = chromium.find()
    if path is None:
        pytest.fail(f"There is no Chromium here. {chromium.ADVICE}")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def run_jobs(settings: Config, database: Database, app: Flask) -> Callable[[], int]:
    """Run every due job now and answer how many there were."""
    return make_worker(settings, database).run_until_idle


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_left() -> None:
    """Nobody listens from the test before, and what is done without a request is not said to be its last visitor's."""
    events.listen(wiring.LISTENERS)
    audit.origin.set(audit.Origin())


def _people(database: Database) -> Cast:
    moment = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
    ids = {}
    for name, slug, code in (("Northwind Care", "northwind", "NWC"), ("Acme Training", "acme", "ACME")):
        with database.write(organizations.new_id()) as session:
            ids[slug] = organizations.create(session, name=name, slug=slug, code=code, now=moment)
            members = {"zoe": "org_admin"} if slug == "acme" else _NORTHWIND
            for who, role in members.items():
                ids[who] = people.add(
                    session, email=f"{who}@{slug}.example", first_name=who.title(), last_name="Tester", roles=[role],
                    password=PASSWORD, is_verified=True, now=moment,
                )  # fmt: skip
            session.execute(delete(DomainEvent))  # the stories begin when everybody has joined
    return Cast(**ids)


def _people_there(superuser_url: str) -> Cast:
    """Answer whom another process of this run has put into the template."""
    query = "SELECT split_part(email, '@', 1), id FROM users UNION ALL SELECT slug, id FROM organizations"
    with psycopg.connect(superuser_url) as connection:
        return Cast(**dict(connection.execute(query).fetchall()))


_NORTHWIND = {"ana": "learner", "ben": "training_admin", "cem": "org_admin"}


def _url(server_url: str, name: str) -> str:
    return make_url(server_url).set(database=name, drivername="postgresql").render_as_string(hide_password=False)


def _superuser(server_url: str) -> str:
    """The embedded server lets its superuser in as the operating-system user; TEST_DATABASE_URL is one itself."""
    if "TEST_DATABASE_URL" in os.environ:
        return server_url
    url = make_url(server_url)
    return url.set(username=postgres.SUPERUSER, password=None).render_as_string(hide_password=False)


def _administer(server_url: str, command: sql.Composable) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(command)


def _drop(server_url: str, name: str) -> None:
    """Drop a database, also while the server's own vacuum is looking at it, which we may not end but can wait for."""
    command = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    for _ in range(50):
        try:
            _administer(server_url, command)
        except psycopg.errors.InsufficientPrivilege:
            time.sleep(0.2)
        else:
            return
    _administer(server_url, command)
