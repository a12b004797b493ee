"""A client of the LRS: credentials with any scopes, requests with its headers."""

import base64
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from core.config import Config
from core.db import Database
from lrs.services import credentials
from lrs.services.credentials import NewCredential, Scope
from tests.conftest import Cast
from tests.lrs.factories import agent


class Client:
    """Sends requests with one credential, in one version."""

    def __init__(self, app: Flask, credential: NewCredential, version: str = "1.0.3", mount: str = "/xapi") -> None:
        self.app, self.credential, self.version, self.mount = app, credential, version, mount

    def __call__(self, method: str, path: str, **options: Any) -> TestResponse:
        token = base64.b64encode(f"{self.credential.key}:{self.credential.secret}".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "X-Experience-API-Version": self.version}
        headers |= options.pop("headers", {})
        url = path if path.startswith("/") else f"{self.mount}/{path}"
        return self.app.test_client().open(
            url, method=method, headers={name: value for name, value in headers.items() if value is not None}, **options
        )

    def get(self, path: str, **query: Any) -> TestResponse:
        return self("GET", path, query_string=query or None)

    def post(self, *batch: Any) -> TestResponse:
        return self("POST", "statements", json=list(batch) if len(batch) != 1 else batch[0])

    def found(self, **query: Any) -> list[str]:
        """The ids that a query finds, all pages together."""
        answer = self.get("statements", **query)
        assert answer.status_code == 200, answer.text
        ids = [item["id"] for item in answer.json["statements"]]
        while answer.json["more"]:
            answer = self.get(answer.json["more"])
            assert answer.status_code == 200, answer.text
            ids += [item["id"] for item in answer.json["statements"]]
        return ids

    def speaking(self, version: str) -> "Client":
        return Client(self.app, self.credential, version, self.mount)


MakeClient = Callable[..., Client]


@pytest.fixture
def client_with(app: Flask, database: Database, settings: Config, cast: Cast) -> MakeClient:
    """Make a credential of Northwind, or of another organization, and answer its client."""

    def make(
        *scopes: Scope,
        authority: str = "lms",
        organization: UUID | None = None,
        origins: Iterable[str] = (),
        **limits: Any,
    ) -> Client:
        with database.write(organization or cast.northwind) as session:
            made = credentials.create(
                session, label="test", scopes=scopes or [Scope.ALL], authority=agent(authority), origins=origins,
                hash_key=settings.key("lrs"), now=datetime(2026, 3, 1, tzinfo=UTC), **limits,
            )  # fmt: skip
        return Client(app, made)

    return make


@pytest.fixture
def lrs(client_with: MakeClient) -> Client:
    """A client that may do everything."""
    return client_with()
