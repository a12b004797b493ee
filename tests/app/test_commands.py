"""What whoever runs an installation does at its command line."""

import pytest
from click.testing import CliRunner

from app.commands import stoa


@pytest.fixture
def run(settings, database_url):
    """Run a command on this test's database."""
    environment = {
        "STOA_HOME": str(settings.home), "DATABASE_URL": database_url,
        "APP_ORIGIN": "http://localhost", "CONTENT_ORIGIN": "http://127.0.0.1",
    }  # fmt: skip
    settings.home.mkdir(exist_ok=True)
    return lambda *arguments: CliRunner(env=environment).invoke(stoa, arguments)


@pytest.mark.parametrize("password", ["operator", "a password of many words"])
def test_somebody_made_at_the_command_line_signs_in_and_administers(run, app, password):
    made = run("create-admin", "--email", "opal@northwind.example", "--password", password)

    assert made.exit_code == 0, made.output
    assert ("This password is short" in made.output) is (password == "operator")
    browser = app.test_client()
    page = browser.get("/sign-in").text
    token = page.split('name="csrf-token" content="')[1].split('"')[0]
    given = {"email": "opal@northwind.example", "password": password, "csrf_token": token}
    assert browser.post("/sign-in", data=given).status_code == 302
    assert browser.get("/people").status_code == 200


def test_a_password_that_anybody_guesses_is_refused_there_too(run):
    made = run("create-admin", "--email", "opal@northwind.example", "--password", "short")

    assert made.exit_code != 0
    assert "at least 8 characters" in made.output
