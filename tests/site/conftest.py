"""The style application running, and Chromium to look at it."""

import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from tests.site.style_app import make_app
from tools import translations


@pytest.fixture(scope="session")
def languages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the made-up languages, fresh from the templates and the code; made once for all test processes."""
    own = tmp_path_factory.getbasetemp()
    texts = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "translations"
    texts.mkdir(exist_ok=True)
    with (texts / "made").open("a+") as made:
        fcntl.flock(made, fcntl.LOCK_EX)  # whoever comes second waits for the first
        if made.tell() == 0:
            translations.make_pseudo(texts)
            made.write("yes")
    return texts


@pytest.fixture(scope="session")
def site(languages: Path) -> Iterator[str]:
    """The address of the running application, which also speaks the made-up languages."""
    server = make_server("localhost", 0, make_app(languages), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{server.port}"
    server.shutdown()
    thread.join()
