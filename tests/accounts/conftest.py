"""What the tests of accounts share: letters, and browsers in which nobody is signed in."""

import email
import email.policy
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core.config import Config
from tests.conftest import PASSWORD


@dataclass
class Letter:
    to: str
    subject: str
    text: str

    @property
    def path(self) -> str:
        """The path and query of the link inside."""
        found = re.search(r"http://localhost(/\S+)", self.text)
        assert found, self.text
        return found[1]


class Browser:
    """A browser whose forms are accepted, whoever is signed in."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()

    def get(self, path: str, **options):
        return self.client.get(path, **options)

    def post(self, path: str, data: dict[str, str] | None = None, *, form: str = ""):
        page = self.client.get(form or path, follow_redirects=True).text
        found = re.search(r'name="csrf-token" content="([0-9a-f]+)"', page)
        assert found, page
        return self.client.post(path, data=(data or {}) | {"csrf_token": found[1]})

    def sign_in(self, address: str, password: str = PASSWORD):
        return self.post("/sign-in", {"email": address, "password": password})


@pytest.fixture
def browser(app: Flask) -> Callable[[], Browser]:
    """Open a browser in which nobody is signed in."""
    return lambda: Browser(app)


@pytest.fixture
def letters(settings: Config, run_jobs: Callable[[], int]) -> Callable[[], list[Letter]]:
    """Send what is waiting and answer all letters, oldest first."""

    def sent() -> list[Letter]:
        run_jobs()
        return [_read(path) for path in sorted((settings.home / "mail").glob("*.eml"))]

    return sent


def _read(path: Path) -> Letter:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    body = message.get_body()
    assert body is not None
    return Letter(str(message["To"]), str(message["Subject"]), body.get_content())
