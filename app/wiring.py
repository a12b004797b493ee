"""Who listens to what, which jobs there are, what is done regularly: the one place that knows all rooms."""

from datetime import timedelta

from flask import Flask

from accounts import login
from accounts.routes import bp as accounts_routes
from app import duties
from app.pages import bp as app_pages
from core import events, jobs
from core.config import Config
from core.db import Database
from core.files import Files
from core.http import Parts

LISTENERS: events.Listeners = {}

JOBS: dict[str, jobs.Handler] = {
    "app.sweep_files": duties.sweep_files,
    "app.tidy_jobs": duties.tidy_jobs,
}

SCHEDULE: dict[str, jobs.Duty] = {
    "sweep_files": jobs.Duty("app.sweep_files", timedelta(hours=6)),
    "tidy_jobs": jobs.Duty("app.tidy_jobs", timedelta(hours=1)),
}

BLUEPRINTS = (app_pages, accounts_routes)


def connect() -> None:
    """Tell the lower rooms what they need from the higher ones."""
    events.listen(LISTENERS)


def parts(config: Config, database: Database) -> Parts:
    """Return what the application is made of."""
    return Parts(config=config, database=database, files=Files(config.storage_url), visitor_of=login.visitor_of)


def register(app: Flask) -> None:
    """Mount the views of all rooms."""
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
