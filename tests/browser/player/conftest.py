"""The player in a real Chromium: an application with a page that plays, content that does what a test asks of it."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import orjson
import pytest
from flask import Flask, Response, render_template_string
from playwright.sync_api import Browser, BrowserContext, Frame, Page
from werkzeug.serving import BaseWSGIServer, make_server

from app import create_app
from core import clock, config
from core.db import Database
from core.http import content, current_tenant, database, requires
from scorm_player.scorm.runtime import Learner
from scorm_player.scorm.sequencing.definition import Activity, Edition
from scorm_player.services import registrations, runtime
from scorm_player.store import runtime as store
from tests.conftest import PASSWORD, Cast
from tests.scorm_player.playing import registered, sco

PLAYER = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Player</title>
<meta name="csrf-token" content="{{ csrf_token() }}">
<body><h1>Course</h1>{% include "scorm_player/player.html" %}
<nav id="stoa-outline">{% for item in outline %}<button data-item="{{ item.item_id }}">{{ item.title }}</button>{% endfor %}</nav>
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
    """A running application, its database, what its content host serves, and how often it is asked."""

    app: Flask
    database: Database
    cast: Cast
    port: int
    pages: dict[str, str] = field(default_factory=lambda: dict.fromkeys(("one.html", "two.html"), SCO))
    server: BaseWSGIServer | None = None

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    def start(self) -> None:
        self.server = make_server("127.0.0.1", self.port, self.app, threaded=True)
        self.server.daemon_threads = False  # type: ignore[attr-defined]  # so that closing waits for what is under way
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def register(self, *activities: Activity, edition: Edition = Edition.FOURTH) -> UUID:
        with self.database.write(self.cast.northwind) as session:
            return registered(session, self.cast.ana, *(activities or (sco("one"), sco("two"))), edition=edition)

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


def test_pages(stage: Callable[[], Stage], app: Flask) -> None:
    """Mount the page that plays and the content that is played."""

    @requires("learn")
    def play(registration: UUID) -> str:
        with database().write(current_tenant()) as session:
            launch = runtime.launch(session, registration, person=Learner("ana", "Tester, Ana"), now=clock.now())
            outline = registrations.outline(session, registration)
        return render_template_string(PLAYER, launch=launch.document, outline=outline, return_url="/left")

    @requires("learn")
    def left() -> str:
        return "<!doctype html><title>Left</title><h1>Left</h1>"

    @content()
    def member(capability: str, name: str) -> Response:
        page = stage().pages.get(name)
        return Response(page or "missing", status=200 if page else 404, mimetype="text/html")

    app.add_url_rule("/play/<uuid:registration>", "test_play", play)
    app.add_url_rule("/left", "test_left", left)
    app.add_url_rule("/p/<capability>/<path:name>", "test_member", member)


test_pages.__test__ = False  # type: ignore[attr-defined]


@pytest.fixture
def stage(database_url: str, database: Database, cast: Cast, tmp_path: Path) -> Iterator[Stage]:
    probe = make_server("127.0.0.1", 0, lambda *_: [])
    port = probe.port
    probe.server_close()
    settings = config.load(
        {"STOA_HOME": str(tmp_path / "instance"), "DATABASE_URL": database_url, "PORT": str(port), "STOA_TEST": "1"}
    )
    app = create_app(settings, database)
    made = Stage(app, database, cast, port)
    test_pages(lambda: made, app)
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
        page = context.new_page()
        page.goto(f"{stage.origin}/sign-in")
        page.get_by_label("E-mail").fill("ana@northwind.example")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{stage.origin}/home")
        page.close()
        return context

    return signed_in


@pytest.fixture
def play(stage: Stage) -> Callable[[BrowserContext, UUID], Lesson]:
    """Open a registration in the player."""

    def opened(context: BrowserContext, registration: UUID) -> Lesson:
        page = context.new_page()
        page.goto(f"{stage.origin}/play/{registration}")
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


__all__ = ["Browser", "Lesson", "Stage", "eventually", "orjson"]
