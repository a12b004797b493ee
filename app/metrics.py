"""Prometheus metrics of the web edge: how many requests, how long they took."""

import os
import shutil
import time
from pathlib import Path

from flask import Flask, Response, request
from prometheus_client import Counter, Histogram, values

REQUESTS = Counter("stoa_requests", "Requests answered", ["endpoint", "method", "status"])
SECONDS = Histogram(
    "stoa_request_seconds",
    "Time to answer a request",
    ["endpoint"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)


def share(folder: Path) -> None:
    """Let the processes forked from this one count into an emptied folder, so that any of them can tell the sum."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]  # it chose when it was imported


def count(endpoint: str, method: str, status: int) -> None:
    """Count a request that was answered without Flask."""
    child = _children.get((endpoint, method, status))
    if child is None:
        child = _children[endpoint, method, status] = REQUESTS.labels(endpoint, method, status)
    child.inc()


_children: dict[tuple[str, str, int], Counter] = {}  # to find one by its labels costs more than to count


def watch(app: Flask) -> None:
    """Count and time every request of this application."""
    app.extensions["stoa_multiprocess"] = "PROMETHEUS_MULTIPROC_DIR" in os.environ
    app.before_request(_start)
    app.after_request(_count)


def _start() -> None:
    request.environ["stoa.started"] = time.perf_counter()


def _count(response: Response) -> Response:
    endpoint = request.endpoint or "none"
    REQUESTS.labels(endpoint, request.method, response.status_code).inc()
    SECONDS.labels(endpoint).observe(time.perf_counter() - request.environ["stoa.started"])
    return response
