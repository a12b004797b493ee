"""A running Stoa (web and worker, own processes, own database) and a real Chromium."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, BrowserContext, Page

from app.commands import stoa
from core.db import Database
from tests.conftest import Cast, fill_sign_in, let_in

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}


@dataclass
class Live:
    """A running Stoa."""

    app: str
    content: str
    home: Path
    environment: dict[str, str]
    process: int

    def command(self, *arguments: str) -> str:
        """Run `stoa …` against it and answer what it printed."""
        result = CliRunner(env=self.environment).invoke(stoa, arguments)
        assert result.exit_code == 0, result.output
        return result.output

    def is_running(self) -> bool:
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return False
        return True


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[[dict[str, str], Path], int]]:
    """Start `stoa serve` with this environment and log; one process has read the application for all of them."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.browser.launcher"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as launcher:
        assert launcher.stdin
        assert launcher.stdout

        def launch(environment: dict[str, str], log: Path) -> int:
            print(json.dumps({"environment": environment, "log": str(log)}), file=launcher.stdin, flush=True)
            return int(launcher.stdout.readline())

        yield launch
        launcher.stdin.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@pytest.fixture
def live(launch: Callable[[dict[str, str], Path], int], database_url: str, tmp_path: Path) -> Iterator[Live]:
    """Stoa as `stoa serve` runs it, over a fresh copy of the prepared database."""
    port = _free_port()
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "STOA_HOME": str(tmp_path / "instance"),
        "PORT": str(port),
        "STOA_TEST": "1",
        "STOA_WORKERS": "1",
    }
    log = tmp_path / "server.log"
    process = launch(dict(environment), log)
    live = Live(f"http://localhost:{port}", f"http://127.0.0.1:{port}", tmp_path / "instance", environment, process)
    try:
        _wait_until_ready(live, log)
        yield live
    finally:
        os.kill(process, signal.SIGTERM)
        deadline = time.monotonic() + 30
        while live.is_running() and time.monotonic() < deadline:
            time.sleep(0.05)
    assert not live.is_running(), log.read_text()
    assert b"unexpected error" not in log.read_bytes(), log.read_text()


@pytest.fixture(params=list(SIZES))
def size(request: pytest.FixtureRequest) -> dict[str, int]:
    return SIZES[request.param]


@pytest.fixture
def new_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Open a browser profile of its own: another device, another person."""
    contexts: list[BrowserContext] = []

    def open_context(size: dict[str, int] = SIZES["desktop"]) -> BrowserContext:
        contexts.append(browser.new_context(viewport=size, reduced_motion="reduce"))
        return contexts[-1]

    yield open_context
    for context in contexts:
        context.close()


@pytest.fixture
def page_of(
    live: Live, new_context: Callable[..., BrowserContext], database: Database, cast: Cast
) -> Callable[..., Page]:
    """Answer a page on which this person is signed in; console errors and refused resources fail the test.

    `by_form` lets them sign in as people do, which the other stories take for granted.
    """
    problems: list[str] = []

    def signed_in(name: str, size: dict[str, int] = SIZES["desktop"], *, by_form: bool = False) -> Page:
        context = new_context(size)
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        if by_form:
            fill_sign_in(page, live.app, name)
        else:
            let_in(context, live.app, database, cast, name)
            page.goto(live.app + "/home")
        return page

    yield signed_in
    assert problems == []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(live: Live, log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if not live.is_running():
            break
        try:
            with urlopen(live.app + "/readyz", timeout=2) as answer:  # noqa: S310 - our own address
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.1)
    raise AssertionError("Stoa did not start:\n" + log.read_text())
