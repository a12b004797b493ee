"""The style application running, and Chromium to look at it."""

import threading
from collections.abc import Iterator

import pytest
from werkzeug.serving import make_server

from tests.site.style_app import make_app
from tools import translations


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
