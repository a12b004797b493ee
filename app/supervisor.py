"""`stoa serve`: starts database, web and worker, watches them, and stops all of it in the right order."""

import contextlib
import ctypes
import errno
import fcntl
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.context import ForkProcess
from typing import IO
from urllib.error import URLError
from urllib.request import urlopen

import click

from app import metrics
from core import postgres
from core.config import Config
from core.errors import Unavailable

PATIENCE = 25
"""Seconds that web and worker get to finish what they are doing."""
_fork = get_context("fork")


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


def serve(
    settings: Config,
    prepare: Callable[[str], None],
    parts: dict[str, Callable[[], object]],
    announce: Callable[[], None],
) -> int:
    """Run everything until Ctrl-C, SIGTERM, or until a part dies; answer the exit code.

    `prepare(url)` runs on the database before the parts start, `announce()` when pages answer. Preparation and parts
    are processes forked from this one: what all of them import is read once. This process itself never opens the
    database, so that nothing of a connection, a thread or a lock is inherited.
    """
    with _only_one(settings) as lock, running_database(settings) as url:
        preparation = _forked("preparation", lambda: prepare(url), lock)
        preparation.join()
        if preparation.exitcode:
            return preparation.exitcode
        metrics.share(settings.home / "metrics")
        children = [_forked(name, part, lock) for name, part in parts.items()]
        try:
            return _watch(settings, children, announce)
        finally:
            _stop(children)


@contextmanager
def _only_one(settings: Config) -> Iterator[IO[str]]:
    with (settings.home / "serve.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unavailable(
                f"Stoa already runs from {settings.home}. Stop it first, or set STOA_HOME and PORT for a second one."
            ) from None
        _refuse_busy_port(settings)
        yield lock


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


def _forked(name: str, run: Callable[[], object], lock: IO[str]) -> ForkProcess:
    """Start a process that runs this, in a session of its own, and does not outlive this one."""

    def begin() -> None:
        os.setsid()
        _die_with_parent()
        lock.close()  # the parent alone keeps a second Stoa out of the folder
        run()

    process = _fork.Process(target=begin, name=name)
    process.start()
    return process


def _die_with_parent() -> None:
    """After a kill -9 of the supervisor nothing of it may linger on the port (Linux: PR_SET_PDEATHSIG)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _watch(settings: Config, children: list[ForkProcess], announce: Callable[[], None]) -> int:
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: asked.append(number))
    announced = False
    while not asked:
        for child in children:
            if child.exitcode is not None:
                click.echo(f"The {child.name} process ended with code {child.exitcode}; stopping.", err=True)
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


def _stop(children: list[ForkProcess]) -> None:
    for child in children:
        if child.is_alive():
            child.terminate()
    deadline = time.monotonic() + PATIENCE
    for child in children:
        child.join(max(0.1, deadline - time.monotonic()))
        if child.exitcode is None:
            click.echo(f"The {child.name} process did not end in {PATIENCE} s and was killed.", err=True)
            os.killpg(child.pid or 0, signal.SIGKILL)
            child.join()
