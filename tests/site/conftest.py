"""The style application running, and Chromium to look at it."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import make_server

from tests.site.style_app import make_app
from tools import chromium, translations


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the running application, which also speaks the pseudo-locale."""
    texts = tmp_path_factory.mktemp("translations")
    translations.make_pseudo(texts)
    server = make_server("localhost", 0, make_app(texts), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{server.port}"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium that asks nobody but localhost."""
    quiet = ["no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking"]
    quiet += ["disable-component-update", "disable-sync"]
    path = chromium.find()
    if path is None:
        pytest.fail(f"There is no Chromium here. {chromium.ADVICE}")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=[f"--{flag}" for flag in quiet])
        yield started
        started.close()
