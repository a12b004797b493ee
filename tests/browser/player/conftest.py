"""The player in a real Chromium: an application with a page that plays, content that does what a test asks of it."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from uuid import UUID
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from flask import Flask, Response, render_template_string, request
from playwright.sync_api import BrowserContext, Frame, Locator, Page, expect
from werkzeug.serving import BaseWSGIServer, make_server

from app import build, equip
from core import clock, config
from core.db import Database
from core.http import current_tenant, database, in_touch_with_windows, requires
from scorm_player import archive
from scorm_player.scorm.sequencing.definition import Activity, Edition
from scorm_player.scorm.visit import Learner
from scorm_player.services import packages, registrations, runtime
from scorm_player.store import runtime as store
from scorm_player.tables import PackageSource
from tests.conftest import Cast, let_in
from tests.scorm_player.playing import NOW, registered, sco
from tests.scorm_player.zips import zipped

PLAYER = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Player</title>
<meta name="csrf-token" content="{{ csrf_token() }}">
<body><h1>Course</h1>{% include "scorm_player/player.html" %}
<nav id="stoa-outline">
{% for item in outline %}<button data-item="{{ item.item_id }}">{{ item.title }}</button>{% endfor %}
</nav>
<button data-request="exitAll">End</button><button data-request="suspendAll">Suspend</button>
"""

SCO = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Lesson</title><body><h1>Lesson</h1><script>
function find(name) {
  let at = window;
  for (let hops = 0; hops < 10; hops += 1) {
    if (at[name]) return at[name];
    if (!at.parent || at.parent === at) return null;
    at = at.parent;
  }
  return null;
}
// As drivers do: look for the one API, then for the other.
const api = find("API_1484_11") || find("API");
</script>"""


@dataclass
class Stage:
    """A running application, its database, what its content host serves, and how often each file is asked for."""

    app: Flask
    database: Database
    cast: Cast
    port: int
    pages: dict[str, str] = field(default_factory=lambda: dict.fromkeys(("one.html", "two.html"), SCO))
    server: BaseWSGIServer | None = None
    under_way: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def origin(self) -> str:
        return str(self.app.extensions["stoa"].config.app_origin)

    @property
    def content_origin(self) -> str:
        return str(self.app.extensions["stoa"].config.content_origin)

    def start(self) -> None:
        self.server = make_server("127.0.0.1", self.port, self.answer, threaded=True)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Stop listening, once what is under way is answered; idle connections of browsers are not waited for."""
        if self.server is not None:
            self.server.shutdown()
            self.server.socket.close()
            assert eventually(lambda: self.under_way == 0)
            self.server = None

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The application, counting."""
        with self.lock:
            self.under_way += 1
            self.asked[environ["PATH_INFO"].rpartition("/")[2]] += 1
        try:
            answer = self.app(environ, start_response)
            try:
                return [b"".join(answer)]
            finally:
                if hasattr(answer, "close"):
                    answer.close()  # as servers do, or files stay open
        finally:
            with self.lock:
                self.under_way -= 1

    def register(self, *activities: Activity, edition: Edition = Edition.FOURTH) -> UUID:
        zipped_pages = zipped(self.pages)
        index = archive.check(zipped_pages).index.to_bytes()
        stored = self.app.extensions["stoa"].files.put(zipped_pages.getvalue())
        chosen = activities or (sco("one"), sco("two"))
        with self.database.write(self.cast.northwind) as session:
            return registered(session, self.cast.ana, *chosen, edition=edition, sha256=stored.sha256, index=index)

    def registered_for(self, package: BytesIO) -> UUID:
        """Import a package as an upload would, and register ana for it."""
        stored = self.app.extensions["stoa"].files.put(package.getvalue())
        with self.database.write(self.cast.northwind) as session:
            upload = packages.receive(
                session,
                stored,
                file_name="course.zip",
                source=PackageSource.UPLOAD,
                home=self.origin,
                created_by=self.cast.ben,
                now=NOW,
            )
            examined = packages.examine(package, archive.Limits())
            version = packages.accept(session, upload.id, examined, home=self.origin, now=NOW)
            return registrations.register(
                session,
                user_id=self.cast.ana,
                package_version_id=version.id,
                actor={"objectType": "Agent", "account": {"homePage": self.origin, "name": "ana"}},
                now=NOW,
            )

    def let_in(self, context: BrowserContext, name: str) -> None:
        """Let this person be signed in in a browser profile."""
        let_in(context, self.origin, self.database, self.cast, name)

    def summary(self, registration: UUID) -> registrations.RegistrationSummary:
        with self.database.read(self.cast.northwind) as session:
            return registrations.summary(session, registration)

    def values(self, registration: UUID, title: str = "One") -> dict[str, str]:
        """The run-time data on the server."""
        with self.database.read(self.cast.northwind) as session:
            outline = registrations.outline(session, registration)
            item = next(item.item_id for item in outline if item.title == title)
            state = store.find_state(session, registration, item)
            return store.data_of(state).values if state else {}

    def unsent(self, registration: UUID) -> int:
        with self.database.read(self.cast.northwind) as session:
            return runtime.waiting_elsewhere(session, registration)


def mount_pages(app: Flask) -> None:
    """Mount the page that plays, and the one that leaving leads to."""

    @requires("learn")
    def play(registration: UUID) -> Response:
        with database().write(current_tenant()) as session:
            launch = runtime.launch(
                session,
                registration,
                person=Learner("learner-1", "Tester, Ana"),
                strict="strict" in request.args,
                now=clock.now(),
            )
            outline = registrations.outline(session, registration)
        page = render_template_string(PLAYER, launch=launch.document, outline=outline, return_url="/left")
        return in_touch_with_windows(page)

    @requires("learn")
    def left() -> str:
        return "<!doctype html><title>Left</title><h1>Left</h1>"

    app.add_url_rule("/play/<uuid:registration>", "test_play", play)
    app.add_url_rule("/left", "test_left", left)


DEFAULT_PAIR = ("localhost", "127.0.0.1")
SIBLINGS = ("app.localhost", "content.localhost")  # one site: cookies that are lax travel between them


@pytest.fixture(scope="session")
def with_pages() -> Flask:
    """The application's views and ours, registered once."""
    app = build()
    mount_pages(app)
    return app


@pytest.fixture
def stage(
    request: pytest.FixtureRequest, with_pages: Flask, database: Database, database_url: str, cast: Cast, tmp_path: Path
) -> Iterator[Stage]:
    """The application on the default pair of hosts, or on the pair the test names (indirect parameter)."""
    app_host, content_host = getattr(request, "param", DEFAULT_PAIR)
    probe = make_server("127.0.0.1", 0, lambda *_: [])
    port = probe.port
    probe.server_close()
    settings = config.load(
        {
            "STOA_HOME": str(tmp_path / "instance"),
            "DATABASE_URL": database_url,
            "PORT": str(port),
            "APP_ORIGIN": f"http://{app_host}:{port}",
            "CONTENT_ORIGIN": f"http://{content_host}:{port}",
            "STOA_TEST": "1",
        }
    )
    equip(with_pages, settings, database)
    made = Stage(with_pages, database, cast, port)
    made.start()
    yield made
    made.stop()


@dataclass
class Lesson:
    """The content in the player's frame."""

    page: Page

    @property
    def frame(self) -> Frame:
        """The frame of the content that is showing now, once it has found its API."""
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            for frame in self.page.frames:
                if frame.parent_frame and frame.parent_frame.parent_frame and frame.url.endswith(".html"):
                    return frame
            self.page.wait_for_timeout(20)
        raise AssertionError(f"no content is showing: {[frame.url for frame in self.page.frames]}")

    def shows(self, name: str, seconds: float = 10) -> bool:
        """Wait until this page of the content is showing; answer whether it came to be."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if any(frame.url.endswith(f"/{name}") for frame in self.page.frames):
                return True
            self.page.wait_for_timeout(50)
        return False

    def call(self, method: str, *arguments: str) -> str:
        """Call a method of the API as the content would."""
        frame = self.frame
        frame.wait_for_function("typeof api === 'object'")
        return str(frame.evaluate("([method, given]) => api[method](...given)", [method, list(arguments)]))

    def set(self, element: str, value: str) -> None:
        assert self.call("SetValue", element, value) == "true", self.call("GetLastError")

    def saved(self, state: str = "saved", timeout: float = 15_000) -> None:
        self.page.wait_for_selector(f"#stoa-saved[data-state={state}]", timeout=timeout)


@pytest.fixture
def sit_down(stage: Stage, new_context: Callable[..., BrowserContext]) -> Callable[[], BrowserContext]:
    """Answer a browser profile in which ana is signed in: one of her devices."""

    def signed_in() -> BrowserContext:
        context = new_context()
        stage.let_in(context, "ana")
        return context

    return signed_in


@pytest.fixture
def play(stage: Stage) -> Callable[[BrowserContext, UUID], Lesson]:
    """Open a registration in the player."""

    def opened(context: BrowserContext, registration: UUID, query: str = "") -> Lesson:
        page = context.new_page()
        page.goto(f"{stage.origin}/play/{registration}{query}")
        return Lesson(page)

    return opened


def eventually(what: Callable[[], bool], seconds: float = 10) -> bool:
    """Wait until it is so; answer whether it came to be."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.05)
    return what()


def shows(locator: Locator, text: str, seconds: float = 20) -> None:
    """Wait until content shows this text.

    Each look is a new one: one that was under way in a frame while the player put another activity into its place
    never ends.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return expect(locator).to_have_text(text, timeout=1500)
        except AssertionError:
            if time.monotonic() > deadline:
                raise
