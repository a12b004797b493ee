"""A small application that has only the templates, and Chromium to look at them."""

import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from babel import Locale
from flask import Flask, Response, flash, render_template, request
from flask_babel import Babel, get_locale
from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import make_server

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = "/usr/bin/chromium"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ERRORS = (400, 403, 404, 410, 413, 429, 500, 503)

LEARN = [("Home", "home"), ("Catalog", "catalog"), ("Calendar", "calendar"), ("Certificates", "certificate")]
TEAM = [("Overview", "team"), ("Approvals", "check"), ("Reports", "report")]


def make_app() -> Flask:
    """The templates under the strict policy, in the language that ?lang names."""
    app = Flask("stoa", root_path=str(ROOT))
    app.config.update(SECRET_KEY="for tests", BABEL_TRANSLATION_DIRECTORIES=str(ROOT / "translations"))
    Babel(app, locale_selector=lambda: request.args.get("lang", "en"))
    app.jinja_env.globals["csrf_token"] = lambda: "a-token-of-the-tests"

    @app.context_processor
    def context() -> dict[str, object]:
        def entries(named: list[tuple[str, str]], current: str = "") -> list[dict[str, object]]:
            return [
                {"label": name, "url": f"#{name}", "icon": icon, "current": name == current, "count": None}
                for name, icon in named
            ]

        person = {
            "name": "Ana Navarro",
            "initials": "AN",
            "organization": "Northwind Care",
            "entries": [{"label": "Your profile", "url": "#profile", "icon": "person"}],
            "sign_out_url": "/sign-out",
        }
        navigation = [{"label": None, "entries": entries(LEARN, "Home")}, {"label": "Team", "entries": entries(TEAM)}]
        return {"navigation": navigation, "person": person, "locale": get_locale() or Locale("en")}

    @app.get("/")
    def styleguide() -> str:
        if "flash" in request.args:
            flash("The package is ready.", "ok")
        return render_template(
            "site/styleguide.html", today=date(2026, 11, 22), soon=date(2026, 11, 27), late=date(2026, 11, 19)
        )

    @app.get("/error/<int:code>")
    def error(code: int) -> str:
        return render_template(f"errors/{code}.html", request_id="01JD-4F2K", retry_after=20 if code == 429 else None)

    @app.post("/upload")
    def upload() -> str:
        flash(f"Received {len(request.files['package'].read())} bytes with {request.form['csrf_token']}.", "ok")
        return render_template("errors/404.html")

    @app.post("/fragment")
    def fragment() -> str:
        return f"<p id='seen'>{request.headers.get('X-CSRF-Token', 'none')}</p>"

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        return response

    return app


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The address of the running application."""
    server = make_server("localhost", 0, make_app(), threaded=True)
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
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[f"--{flag}" for flag in quiet])
        yield chromium
        chromium.close()
