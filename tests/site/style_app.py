"""A small application that has only the templates: the style page, the error pages, an upload."""

from datetime import date
from pathlib import Path

from babel import Locale
from flask import Flask, Response, flash, redirect, render_template, render_template_string, request
from flask.typing import ResponseReturnValue
from flask_babel import Babel, get_locale

ROOT = Path(__file__).resolve().parents[2]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ERRORS = (400, 403, 404, 410, 413, 429, 500, 503)

UPLOAD = """{% extends "site/layout.html" %}{% import "site/macros.html" as ui %}{% block content %}
{{ ui.page_head("Upload") }}{% call ui.form("/upload", upload=true) %}{{ ui.file_upload("package", "Package") }}
{{ ui.button("Upload") }}{% endcall %}{% endblock %}"""
RECEIVED = """{% extends "site/layout.html" %}{% block content %}<h1 tabindex="-1">Received</h1>{% endblock %}"""

FEW = """{% extends "site/layout.html" %}{% import "site/macros.html" as ui %}{% block content %}
{% call ui.page_head("Few") %}
{% if false %}{{ ui.button("Not for you") }}{% endif %}
{% endcall %}{% endblock %}"""

LEARN = [("Home", "home"), ("Catalog", "catalog"), ("Calendar", "calendar"), ("Certificates", "certificate")]
TEAM = [("Overview", "team"), ("Approvals", "check"), ("Reports", "report")]


def entries(named: list[tuple[str, str]], current: str = "") -> list[dict[str, object]]:
    return [
        {"label": name, "url": f"#{name}", "icon": icon, "current": name == current, "count": None}
        for name, icon in named
    ]


def make_app(translations: Path = ROOT / "translations") -> Flask:
    """The templates under the strict policy, in the language that ?lang names."""
    app = Flask("stoa", root_path=str(ROOT))
    app.config.update(SECRET_KEY="for tests", BABEL_TRANSLATION_DIRECTORIES=str(translations))
    Babel(app, locale_selector=lambda: request.args.get("lang", "en"))
    app.jinja_env.globals["csrf_token"] = lambda: "a-token-of-the-tests"

    @app.context_processor
    def context() -> dict[str, object]:
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

    @app.route("/upload", methods=["GET", "POST"])
    def upload() -> ResponseReturnValue:
        if request.method == "POST":
            flash(f"Received {len(request.files['package'].read())} bytes with {request.form['csrf_token']}.", "ok")
            return redirect("/received")
        return render_template_string(UPLOAD)

    @app.get("/received")
    def received() -> str:
        return render_template_string(RECEIVED)

    @app.get("/few")
    def few() -> str:
        rail = [{"label": None, "entries": entries(LEARN[:1])}, {"label": "Team", "entries": entries(TEAM)}]
        return render_template_string(FEW, navigation=rail)

    @app.get("/content")
    def content() -> str:
        return "<h1 tabindex='-1'>Another page</h1>"

    @app.post("/fragment")
    def fragment() -> str:
        return f"<p id='seen'>{request.headers.get('X-CSRF-Token', 'none')}</p>"

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        return response

    return app
