"""The training room in a real browser: a course played to its certificate, and every page as its readers meet it."""

import io
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select
from werkzeug.serving import make_server

from app.commands import make_worker
from core import clock, config
from core.config import Config
from core.db import Database, Session
from core.files import Files
from core.tables import Job, JobState
from scorm_player.archive import Limits
from scorm_player.services import packages
from scorm_player.tables import LaunchSession, PackageSource
from tests.conftest import Cast, let_in
from tests.site.looking import complaints, faults
from tests.training import stage
from tests.training.stage import TASK, about, said
from tests.training.test_progress import passed
from tools import pack
from training.services import addresses, assignments
from training.services.rebuild import rebuild
from training.tables import Certificate, CourseEnrollment

pytestmark = pytest.mark.browser

EXPECTED = re.compile(
    r"^failed:|allow-scripts and allow-same-origin"
)  # an empty frame; our own sandbox, on its own origin
SAMPLES = Path(__file__).resolve().parents[2] / "packages"


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Config:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return config.load(
        {
            "STOA_HOME": str(tmp_path / "instance"),
            "DATABASE_URL": database_url,
            "PORT": str(port),
            "APP_ORIGIN": f"http://localhost:{port}",
            "CONTENT_ORIGIN": f"http://127.0.0.1:{port}",
        }
    )


@pytest.fixture
def address(settings: Config, app: Flask, database: Database) -> Iterator[str]:
    """The application in this process, with a worker beside it."""
    addresses.use(settings.app_origin)
    server = make_server("127.0.0.1", settings.port, app, threaded=True)
    worker = make_worker(settings, database)
    threads = [threading.Thread(target=server.serve_forever), threading.Thread(target=worker.run, args=(1,))]
    for thread in threads:
        thread.start()
    yield settings.app_origin
    worker.stop()
    server.shutdown()
    for thread in threads:
        thread.join()
    server.server_close()


@pytest.fixture
def open_page(browser: Browser, address: str, database: Database, cast: Cast) -> Iterator[Callable[..., Page]]:
    """Answer a page on which somebody is signed in; whatever the browser complains of fails the test."""
    contexts, heard = [], []

    def signed_in(name: str | None, width: int = 1280, scheme: str = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        heard.append(complaints(page))
        if name is not None:
            let_in(context, address, database, cast, name)
            page.goto(address + "/home")
        return page

    yield signed_in
    for context in contexts:
        context.close()
    assert [line for lines in heard for line in lines if not EXPECTED.search(line)] == []


def imported(session: Session, storage: Files, name: str) -> UUID:
    """Import a sample course as a worker would."""
    stored = storage.put(pack.pack(SAMPLES / name))
    upload = packages.receive(
        session, stored, file_name=f"{name}.zip", source=PackageSource.UPLOAD, home=stage.HOME, created_by=None,
        now=clock.now(),
    )  # fmt: skip
    with storage.open(stored.sha256) as kept:
        examined = packages.examine(io.BytesIO(kept.read()), Limits())
    return packages.accept(session, upload.id, examined, home=stage.HOME, now=clock.now()).id


def published(database: Database, cast: Cast, settings: Config, sample: str) -> stage.Course:
    with database.write(cast.northwind) as session:
        version = imported(session, Files(settings.storage_url), sample)
        course = stage.course(session, {"module_type": "package", "package_version_id": str(version)})
        assignments.assign(session, course_id=course.id, user_ids=[cast.ana], now=clock.now())
    return course


@pytest.mark.parametrize("width", [1280, 390])
def test_a_package_that_only_says_hello_is_played_to_its_certificate(open_page, database, cast, settings, width):
    published(database, cast, settings, "hello-scorm12")
    page = open_page("ana", width)

    page.get_by_role("button", name="Start").click()
    content = page.frame_locator("#stoa-content").frame_locator("iframe")
    expect(content.get_by_text("The session has begun.")).to_be_visible()
    page.locator("#stoa-exit").click()
    page.wait_for_url("**/learning")
    reload_until(page, "1 done.")
    with database.read(cast.northwind) as session:
        assert rebuild(session).differences == ()

    page.goto(page.url.replace("/learning", "/certificates"))
    page.get_by_role("link", name="Fire safety at work").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download PDF").click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")


PASS = """() => {
  const api = window.parent.API;
  api.LMSSetValue("cmi.core.score.raw", "90");
  api.LMSSetValue("cmi.core.lesson_status", "passed");
  return api.LMSCommit("");
}"""


def test_a_pass_shows_on_the_player_page_and_survives_a_replay(open_page, database, cast, settings):
    course = published(database, cast, settings, "fire-safety")
    page = open_page("ana")
    page.get_by_role("button", name="Start").click()
    expect(
        page.frame_locator("#stoa-content").frame_locator("iframe").get_by_role("button", name="Next")
    ).to_be_visible()
    item = next(frame for frame in page.frames if frame.url.endswith("index.html"))

    assert item.evaluate(PASS) == "true"

    expect(page.get_by_role("link", name="Show your certificate")).to_be_visible(timeout=10_000)
    expect(page.locator("#standing-now")).to_have_attribute("data-percent", "100")
    page.locator(".player-side summary").click()
    expect(page.locator(".player-here").get_by_label("Completed")).to_be_visible()
    page.get_by_role("link", name="Show your certificate").click()
    expect(page.get_by_text("with a score of 90 %")).to_be_visible()
    wait_for_the_worker(database, cast)
    with database.read(cast.northwind) as session:
        report = rebuild(session)
        enrollment = session.scalars(select(CourseEnrollment)).one()
    assert (report.differences, report.completions) == ((), 1)
    page.goto(page.url.split("/certificates")[0] + f"/learn/{enrollment.id}/{course.modules[0].id}")
    expect(page.locator("#stoa-saved")).to_have_text("Nothing is recorded")


def wait_for_the_worker(database: Database, cast: Cast) -> None:
    """Leaving a course says one thing more: it has still to arrive, and to be counted."""
    deadline = time.monotonic() + 20
    is_playing = select(LaunchSession).where(LaunchSession.ended_at.is_(None))
    is_waiting = select(Job).where(Job.state.in_([JobState.QUEUED, JobState.RUNNING]))
    while time.monotonic() < deadline:
        with database.read(cast.northwind) as session:
            if session.scalars(is_playing).first() is None and session.scalars(is_waiting).first() is None:
                return
        time.sleep(0.2)
    raise AssertionError("what leaving the course says has not been counted")


def reload_until(page: Page, words: str) -> None:
    """Reload until the worker has counted what was just stored."""
    deadline = time.monotonic() + 10
    while words not in page.content() and time.monotonic() < deadline:
        page.wait_for_timeout(250)
        page.reload()
    expect(page.get_by_text(words)).to_be_visible()


def test_the_end_of_a_course_appears_on_the_player_page_without_a_reload(open_page, database, cast):
    with database.write(cast.northwind) as session:
        course = stage.course(session, stage.external_module(), code="TASK")
    page = open_page("ana")
    page.goto(page.url.replace("/home", f"/catalog/{course.id}"))
    page.get_by_role("button", name="Enroll and start").click()
    expect(page.get_by_role("heading", name="Practical task")).to_be_visible()

    with database.write(cast.northwind) as session:
        stage.store_as(session, course.app, said("completed", TASK, actor=about(cast.ana, home=home_of(page))))

    expect(page.get_by_role("link", name="Show your certificate")).to_be_visible(timeout=10_000)


def home_of(page: Page) -> str:
    return re.match(r"https?://[^/]+", page.url)[0] + "/o/northwind"


@pytest.fixture
def full(database: Database, cast: Cast, settings: Config) -> SimpleNamespace:
    """Everything there is to see: due, overdue, begun, done, certified, refused."""
    home = f"{settings.app_origin}/o/northwind"
    addresses.use(settings.app_origin)
    now = clock.now()
    with database.write(cast.northwind) as session:
        fire = stage.course(session, estimated_minutes=20)
        played = imported(session, Files(settings.storage_url), "fire-safety")
        module = {"module_type": "package", "package_version_id": str(played)}
        gas = stage.course(session, module, code="GAS", title="Working with gas")
        task = stage.course(
            session,
            stage.external_module(),
            stage.package_module(session, "lift"),
            code="LIFT",
            title="Manual handling refresher",
        )
        everybody = [cast.ana, cast.ben, cast.cem]
        assignments.assign(session, course_id=gas.id, user_ids=everybody, now=now - timedelta(days=100))
        assignments.assign(
            session, course_id=task.id, user_ids=everybody, now=now, due=(now + timedelta(days=3)).date()
        )
        _, registration = stage.playing(session, fire, cast.ana, now)
        own = [statement | {"actor": about(cast.ana, home=home)} for statement in passed(cast.ana, registration)]
        stage.progress.record(session, stage.store_own(session, *own), now)
        _, registration = stage.playing(session, gas, cast.ana, now)
        item = next(iter(packages.launchable_iris(session, played)))
        one = said(
            "progressed", item, actor=about(cast.ana, home=home), registration=registration, score={"scaled": 0.46}
        )
        strange = said("passed", TASK, actor=about(cast.ana, home=home))
        stage.progress.record(session, stage.store_own(session, one), now)
        stage.progress.record(session, stage.store_as(session, stage.credential(session, "A stranger"), strange), now)
        certificate = session.scalars(select(Certificate)).one()
        enrollment = session.scalars(select(CourseEnrollment).where(CourseEnrollment.course_id == gas.id)).one()
    return SimpleNamespace(certificate=certificate, enrollment=enrollment, gas=gas, task=task)


LEARNER = ("/home", "/learning", "/certificates", "/certificates/{c.id}", "/learn/{e.id}")
STAFF = ("/home", "/assignments", "/assignments/new", "/certificates/register", "/certificates/{c.id}",
         "/evidence/{c.completion_id}", "/evidence/uncounted")  # fmt: skip
PUBLIC = ("/verify", "/verify/{c.verification_code}")


def test_every_page_is_readable_by_everybody(open_page, address, full):
    found = {}
    for name, paths in (("ana", LEARNER), ("cem", STAFF), (None, PUBLIC)):
        page = open_page(name)
        for path in paths:
            page.goto(address + path.format(c=full.certificate, e=full.enrollment))
            page.wait_for_load_state("networkidle") if "/learn/" not in path else page.wait_for_timeout(500)
            if wrong := faults(page):
                found[f"{name} {path}"] = wrong
    assert found == {}
