"""Puts the rooms together: factory, wiring, error pages, command line, home."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import flask_babel
from flask import Flask, redirect, request
from werkzeug.wrappers import Response

from app import errors, metrics, navigation, wiring
from app.static_files import StaticFiles
from app.translating import Translating, file_size
from app.unversioned import Unversioned
from core import clock, http
from core.config import Config
from core.db import Database
from core.translating import translated

ROOT = Path(__file__).resolve().parent.parent


def create_app(config: Config, database: Database) -> Flask:
    """Return the Flask application over an open database."""
    app = build()
    equip(app, config, database)
    return app


def build() -> Flask:
    """Return the application with all its views, before it knows its settings and its database."""
    app = Flask("stoa", root_path=str(ROOT), static_folder=None)
    app.jinja_environment = Translating
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(ROOT / "translations")
    app.config["SESSION_COOKIE_NAME"] = "stoa_flash"  # Flask's own session carries one-time messages, nothing else
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    metrics.watch(app)
    app.before_request(lead_to_the_application)
    app.before_request(http.recognize)
    app.after_request(http.secure)
    errors.register(app)
    StaticFiles(ROOT / "static").mount(app)
    wiring.register(app)
    app.wsgi_app = Unversioned(app.wsgi_app)  # type: ignore[method-assign]
    flask_babel.Babel(app, locale_selector=locale, timezone_selector=timezone)
    app.context_processor(navigation.template_values)
    app.jinja_env.globals["csrf_token"] = http.csrf_token
    app.jinja_env.filters["local_time"] = local_time
    app.jinja_env.filters["translated"] = translated
    app.jinja_env.filters["filesize"] = file_size
    return app


def equip(app: Flask, config: Config, database: Database) -> None:
    """Give a built application its settings and its database."""
    app.config["MAX_CONTENT_LENGTH"] = config.max_body
    app.config["SESSION_COOKIE_SECURE"] = config.is_https
    app.secret_key = config.key("flash")
    app.extensions["stoa"] = wiring.parts(config, database)
    if config.test:
        clock.use_file(config.home / "clock")
    wiring.connect(config)


def lead_to_the_application() -> Response | None:
    """Send somebody who opens the content host by hand to the application."""
    if request.path == "/" and request.host == http.config().content_host:
        return redirect(http.config().app_origin + "/")
    return None


def locale() -> str:
    """Return the language of this page: the person's, the organization's, else what the browser asks for."""
    if made_up := http.config().pseudo_locale:
        return made_up
    person = http.visitor()
    if person is not None and person.locale:
        return person.locale
    return request.accept_languages.best_match(["en"]) or "en"


def timezone() -> str:
    """Return the time zone of this page."""
    person = http.visitor()
    return person.timezone if person is not None else "UTC"


def local_time(instant: datetime) -> datetime:
    """Return an instant in the zone of whoever looks at it."""
    return instant.astimezone(ZoneInfo(timezone())) if instant.tzinfo else instant.replace(tzinfo=UTC)
