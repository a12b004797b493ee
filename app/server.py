"""The web process: its application, and gunicorn's settings for it."""

import os
from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from app import create_app
from core import config, logs, postgres
from core.config import Config
from core.db import Database


def application() -> Flask:
    """Return the application for this process, over the configured database."""
    settings = config.load()
    logs.configure(json=settings.json_logs)
    return create_app(settings, connect(settings, application_name="stoa-web"))


def database_url(settings: Config) -> str:
    """Return the database's URL: the configured one, or that of the embedded server as its instance folder says."""
    return settings.database_url or postgres.Server(settings.home).address()


def connect(settings: Config, *, application_name: str, pool_size: int | None = None) -> Database:
    """Open the pool of this process."""
    return Database(database_url(settings), pool_size=pool_size or settings.threads, application_name=application_name)


def gunicorn_arguments(settings: Config) -> list[str]:
    """Return gunicorn's command line: event loops that hold the connections, with Flask in threads behind them."""
    binds = [argument for address in settings.bind for argument in ("--bind", address)]
    return [
        *binds,
        "--workers", str(settings.workers),
        "--worker-class", "app.front.Worker",
        "--keep-alive", "30",
        "--timeout", "120",
        "--graceful-timeout", "20",
        "--max-requests", "1000000",  # statements alone can be thousands in a second
        "--max-requests-jitter", "100000",
        "--worker-tmp-dir", "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp",  # noqa: S108 - heartbeat only
        "--no-control-socket",
        "--forwarded-allow-ips", ",".join(settings.proxies),  # nobody, unless the operator names proxies
        "--log-level", "warning",
    ]  # fmt: skip


class Web(BaseApplication):  # type: ignore[misc]  # it brings no types
    """gunicorn, begun from Python rather than from its command line."""

    def __init__(self, settings: Config, load: Callable[[], Any]) -> None:
        self._arguments = gunicorn_arguments(settings)
        self._load = load
        super().__init__()

    def load_config(self) -> None:
        """Take over the settings, as gunicorn does with its command line."""
        for name, value in vars(self.cfg.parser().parse_args(self._arguments)).items():
            if value is not None and name != "args":
                self.cfg.set(name.lower(), value)

    def load(self) -> Any:
        """Answer the application of a web process that has just begun."""
        return self._load()
