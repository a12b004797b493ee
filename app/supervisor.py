"""`stoa serve`: starts database, web and worker, watches them, and stops all of it in the right order."""

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import click

from app import server
from core import migrations, postgres
from core.config import Config
from core.errors import Unavailable

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 25
"""Seconds that web and worker get to finish what they are doing."""


@contextmanager
def running_database(settings: Config) -> Iterator[str]:
    """Answer the database's URL; start the embedded server for this long when it is not running yet."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    embedded = postgres.Server(settings.home)
    if embedded.is_running():
        yield embedded.address()
        return
    url = embedded.start()
    try:
        yield url
    finally:
        embedded.stop()


def serve(settings: Config, announce: Any, prepare: Any) -> int:
    """Run everything until Ctrl-C, SIGTERM, or until a part dies; answer the exit code.

    `prepare(url)` runs on the migrated database before the web starts, `announce()` when pages answer.
    """
    with _only_one(settings):
        _refuse_busy_port(settings)
        with running_database(settings) as url:
            migrations.migrate(url)
            prepare(url)
            children = _start(settings)
            try:
                return _watch(settings, children, announce)
            finally:
                _stop(children)


@contextmanager
def _only_one(settings: Config) -> Iterator[None]:
    with (settings.home / "serve.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unavailable(
                f"Stoa already runs from {settings.home}. Stop it first, or set STOA_HOME and PORT for a second one."
            ) from None
        yield


def _refuse_busy_port(settings: Config) -> None:
    for address in settings.bind:
        host, _, port = address.rpartition(":")
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        if address.startswith("unix:"):
            continue
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host.strip("[]"), int(port)))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise Unavailable(f"Port {port} is taken. Choose another, like PORT={int(port) + 1}.") from None


def _start(settings: Config) -> dict[str, subprocess.Popen[bytes]]:
    metrics = settings.home / "metrics"
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir()
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(metrics), "STOA_HOME": str(settings.home)}
    commands = {
        "web": [sys.executable, "-m", "gunicorn", *server.gunicorn_arguments(settings)],
        "worker": [sys.executable, "-m", "app", "worker"],
    }
    return {
        name: subprocess.Popen(  # noqa: S603 - our own programs
            command, cwd=ROOT, env=environment, start_new_session=True, preexec_fn=_die_with_parent
        )
        for name, command in commands.items()
    }


def _die_with_parent() -> None:
    """After a kill -9 of the supervisor nothing of it may linger on the port (Linux: PR_SET_PDEATHSIG)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _watch(settings: Config, children: dict[str, subprocess.Popen[bytes]], announce: Any) -> int:
    asked: list[int] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ask)
    announced = False
    while not asked:
        for name, child in children.items():
            if child.poll() is not None:
                click.echo(f"The {name} process ended with code {child.returncode}; stopping.", err=True)
                return 1
        if not announced and _answers(settings):
            announce()
            announced = True
        time.sleep(0.05 if not announced else 0.3)
    click.echo("\nStopping: finishing what is running …", err=True)
    return 0


def _answers(settings: Config) -> bool:
    host = settings.bind[0]
    if host.startswith("unix:"):
        return True
    try:
        with urlopen(f"http://{host}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _stop(children: dict[str, subprocess.Popen[bytes]]) -> None:
    for child in children.values():
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + PATIENCE
    for name, child in children.items():
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            click.echo(f"The {name} process did not end in {PATIENCE} s and was killed.", err=True)
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
