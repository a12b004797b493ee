import re
import socket
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest
from werkzeug.serving import make_server

from core import clock
from core.errors import Conflict, Invalid
from lrs.routes import credentials as pages
from lrs.services import credentials
from tests.lrs.conftest import Client
from tests.lrs.factories import statement


@pytest.fixture
def public(app, monkeypatch):
    """The application on a socket, at the address that it believes to have."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield _public(app, f"http://127.0.0.1:{server.port}", monkeypatch)
    server.shutdown()
    thread.join()
    server.server_close()


def _public(app, origin, monkeypatch):
    settings = replace(app.extensions["stoa"].config, app_origin=origin)
    monkeypatch.setattr(pages, "config", lambda: settings)
    return origin


NOW = datetime(2026, 3, 1, tzinfo=UTC)


def issue(session, settings, **more):
    options = {"label": "LMS", "scopes": ["all"], "home_page": settings.app_origin, "now": NOW} | more
    return credentials.issue(session, hash_key=settings.key("lrs"), **options)


def test_a_given_key_and_secret_let_a_client_in(app, database, settings, cast):
    with database.write(cast.northwind) as session:
        made = issue(session, settings, key="K", secret="S")

    assert (made.key, made.secret) == ("K", "S")
    assert Client(app, made).post(statement()).status_code == 200


def test_a_key_is_given_once_in_all_organizations(database, settings, cast):
    with database.write(cast.acme) as session:
        issue(session, settings, key="shared")

    with database.write(cast.northwind) as session, pytest.raises(Conflict):
        issue(session, settings, key="shared")


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        pytest.param({"scopes": []}, "scopes", id="no scope"),
        pytest.param({"scopes": ["everything"]}, "scopes", id="an unknown scope"),
        pytest.param({"label": "  "}, "label", id="no label"),
        pytest.param({"origins": ["https://a.example/path"]}, "origins", id="a page is no origin"),
        pytest.param({"origins": ["app.example"]}, "origins", id="a host is no origin"),
        pytest.param({"key": "a:b"}, "key", id="a colon in the key"),
        pytest.param({"key": "k" * 65}, "key", id="a long key"),
        pytest.param({"secret": "line\nbreak"}, "secret", id="a line break in the secret"),
        pytest.param({"expires_at": NOW - timedelta(days=1)}, "expires_on", id="expired before it was made"),
    ],
)
def test_a_credential_that_makes_no_sense_is_refused(db, settings, wrong, where):
    with pytest.raises(Invalid) as refusal:
        issue(db, settings, **wrong)

    assert [problem.where for problem in refusal.value.problems] == [where]


def test_the_last_use_is_noted_once_a_minute(app, database, settings, cast, lrs):
    lrs.get("statements")
    with database.read(cast.northwind) as session:
        (first,) = credentials.page(session, clock.now())
    credentials.forget(lrs.credential.key)
    lrs.get("statements")
    with database.read(cast.northwind) as session:
        (again,) = credentials.page(session, clock.now())

    assert first.last_used_at is not None
    assert again.last_used_at == first.last_used_at


class TestPages:
    """What an administrator sees and does."""

    def add(self, browser, **more):
        return browser.post("/lrs/credentials", data={"label": "Moodle", "scopes": ["all"]} | more)

    def test_the_secret_is_shown_once_and_works(self, app, sign_in):
        cem = sign_in("cem")

        page = self.add(cem)

        assert page.status_code == 201
        assert page.headers["Cache-Control"] == "private, no-store"
        key = re.search(r'id="key" value="([^"]+)"', page.text)[1]
        secret = re.search(r'id="secret" value="([^"]+)"', page.text)[1]
        client = Client(app, credentials.NewCredential(None, key, unquote(secret)))
        assert client.post(statement()).status_code == 200
        listed = cem.get("/lrs/credentials").text
        assert "Moodle" in listed
        assert key in listed
        assert secret not in listed
        address = re.search(r'href="(/lrs/credentials/[0-9a-f-]{36})"', listed)[1]
        assert secret not in cem.get(address).text

    def test_every_wrong_field_is_named_and_what_was_entered_stays(self, sign_in):
        page = self.add(sign_in("cem"), label="", expires_on="2020-01-01", origins="nonsense https://ok.example")

        assert page.status_code == 422
        for complaint in ("Name whoever will use it", "That day has passed", "is not an origin"):
            assert complaint in page.text
        assert "https://ok.example" in page.text

    def test_the_self_test_asks_by_the_public_address(self, sign_in, lrs, public):
        page = sign_in("cem").post(f"/lrs/credentials/{lrs.credential.id}/test").text

        assert page.count("Works") == 6, page
        assert len(lrs.found(activity=f"{public}/lrs/self-test")) == 1

    def test_the_self_test_says_what_the_scopes_keep_it_from(self, sign_in, client_with, public):
        reader = client_with("statements/read")

        page = sign_in("cem").post(f"/lrs/credentials/{reader.credential.id}/test").text

        assert "Does not work" in page
        assert "statements/write" in page

    def test_the_self_test_tries_scripts_of_named_and_of_other_origins(self, sign_in, client_with, public):
        held = client_with(origins=["https://app.example"])

        page = sign_in("cem").post(f"/lrs/credentials/{held.credential.id}/test").text

        assert "Scripts of https://app.example may use it, those of other origins are refused." in page

    def test_the_self_test_says_when_nobody_answers(self, sign_in, lrs, app, monkeypatch):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        _public(app, f"http://127.0.0.1:{port}", monkeypatch)

        page = sign_in("cem").post(f"/lrs/credentials/{lrs.credential.id}/test").text

        assert "cannot be reached" in page
        assert "Clients elsewhere may reach it" in page

    def test_a_revoked_credential_is_refused_and_says_so(self, sign_in, lrs):
        cem = sign_in("cem")

        answer = cem.post(f"/lrs/credentials/{lrs.credential.id}/revoke")

        assert answer.status_code == 302
        assert "Revoked" in cem.get(answer.location).text
        assert lrs.get("statements").status_code == 401

    def test_snippets_carry_the_key_and_stay_what_they_are(self, sign_in, database, settings, cast):
        with database.write(cast.northwind) as session:
            made = issue(session, settings, key="ENDPOINT&\"<b>'")

        page = sign_in("cem").get(f"/lrs/credentials/{made.id}").text

        assert "http://localhost/xapi/statements" in page
        assert "<b>" not in page
        assert "ENDPOINT&amp;&#34;&lt;b&gt;&#39;:SECRET" in page

    def test_another_organizations_credential_is_not_there(self, sign_in, lrs):
        zoe = sign_in("zoe")

        assert lrs.credential.key not in zoe.get("/lrs/credentials").text
        assert zoe.get(f"/lrs/credentials/{lrs.credential.id}").status_code == 404
        assert zoe.post(f"/lrs/credentials/{lrs.credential.id}/revoke").status_code == 404
        assert zoe.post(f"/lrs/credentials/{lrs.credential.id}/test").status_code == 404

    def test_a_learner_has_no_business_here(self, sign_in):
        ana = sign_in("ana")

        assert ana.get("/lrs/credentials").status_code == 403
        assert self.add(ana).status_code == 403
