"""The run-time's speed: import, files of packages beside Flask's own, launch, sequencing, commits. Part of `bench.run`.

Sequencing, launch and commits are measured through the services, each in a durable transaction of its own, in one
process: what HTTP costs on top is in the rows of the store. Files go over HTTP from the front, and beside it from a
plain Flask application with `send_from_directory` under as many processes, turn by turn.
"""

import hashlib
import io
import itertools
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Flask, Response, send_from_directory

from accounts.services import people
from bench import load
from core import clock
from core.files import Files
from scorm_player.archive import Limits
from scorm_player.services import packages, registrations, runtime
from scorm_player.services.runtime import Batch, Launch, Learner
from scorm_player.tables import PackageSource

PAGE = "<!doctype html><title>Lesson</title><p>" + "Press the alarm, close the doors, leave the building. " * 250
PERSON = Learner("ana", "Tester, Ana")
CLIENTS = 4  # the stage's pool has four connections
MEGABYTE = 1 << 20


def measure(stage: Any, home: Path, seconds: float, say: Callable[[str], None]) -> None:
    """Measure and print; the web server of the stage is running."""
    say(f"load before: {os.getloadavg()[0]:.1f}")
    bench = _Bench(stage)
    importing(bench, say)
    for count in (30, 500):
        version_id = bench.imported(course(count))
        sequencing(bench, version_id, count, say)
        if count == 30:
            launching(bench, version_id, say)
            files(bench, version_id, home, seconds, say)
            commits(bench, version_id, seconds, say)
    say(f"load after: {os.getloadavg()[0]:.1f}")


class _Bench:
    """Packages and registrations in the stage's organization."""

    def __init__(self, stage: Any) -> None:
        self.stage, self.files = stage, Files(stage.settings.storage_url)
        with stage.database.read(stage.organization_id) as session:
            self.user_id: UUID = people.page(session, "", 0, 1)[0][0].user_id

    def imported(self, file: io.BytesIO) -> UUID:
        """Import a zip as the job does; answer the version's id."""
        stored = self.files.put(file)
        with self.stage.database.write(self.stage.organization_id) as session:
            upload = packages.receive(
                session, stored, file_name="c.zip", source=PackageSource.UPLOAD, home="http://localhost",
                created_by=None, now=clock.now(),
            ).id  # fmt: skip
        with self.files.open(stored.sha256) as kept:
            examined = packages.examine(kept, Limits())
        with self.stage.database.write(self.stage.organization_id) as session:
            return packages.accept(session, upload, examined, home="http://localhost", now=clock.now()).id

    def registered(self, version_id: UUID) -> UUID:
        """Register somebody for a version."""
        actor = {"objectType": "Agent", "account": {"homePage": "http://localhost", "name": "ana"}}
        with self.stage.database.write(self.stage.organization_id) as session:
            return registrations.register(
                session, user_id=self.user_id, package_version_id=version_id, actor=actor, now=clock.now()
            )

    def launched(self, registration_id: UUID) -> Launch:
        """Open what is next."""
        with self.stage.database.write(self.stage.organization_id) as session:
            return runtime.launch(session, registration_id, person=PERSON, now=clock.now())


def course(count: int, filling: int = 0, files_of: int = 1) -> io.BytesIO:
    """A package of SCORM 2004 with so many lessons in parts of ten, and so many files of noise beside them."""
    lessons = [f"s{number}" for number in range(count)]
    parts = [lessons[start : start + 10] for start in range(0, count, 10)]
    control = '<imsss:sequencing><imsss:controlMode choice="true" flow="true"/></imsss:sequencing>'
    items = "".join(
        f'<item identifier="p{number}"><title>Part {number}</title>'
        + "".join(f'<item identifier="{one}" identifierref="r-{one}"><title>{one}</title></item>' for one in part)
        + f"{control}</item>"
        for number, part in enumerate(parts)
    )
    resources = "".join(
        f'<resource identifier="r-{one}" type="webcontent" adlcp:scormType="sco" href="{one}.html">'
        f'<file href="{one}.html"/></resource>'
        for one in lessons
    )
    manifest = (
        f'<manifest identifier="bench-{count}-{filling}" version="1" xmlns="http://www.imsglobal.org/xsd/imscp_v1p1" '
        'xmlns:adlcp="http://www.adlnet.org/xsd/adlcp_v1p3" xmlns:imsss="http://www.imsglobal.org/xsd/imsss">'
        "<metadata><schema>ADL SCORM</schema><schemaversion>2004 4th Edition</schemaversion></metadata>"
        f'<organizations default="o"><organization identifier="o"><title>Bench</title>{items}{control}</organization>'
        f"</organizations><resources>{resources}</resources></manifest>"
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("imsmanifest.xml", manifest)
        for one in lessons:
            archive.writestr(f"{one}.html", PAGE)
        for number in range(files_of if filling else 0):
            archive.writestr(zipfile.ZipInfo(f"media/{number}.jpg"), os.urandom(filling // files_of))
    file.seek(0)
    return file


def importing(bench: _Bench, say: Callable[[str], None]) -> None:
    """300 MB in 5 000 files: the whole import beside hashing, checking every file and copying once."""
    file = course(10, 300 * MEGABYTE, 5000)
    started = time.perf_counter()
    hashlib.sha256(file.getbuffer()).digest()
    with zipfile.ZipFile(file) as archive:
        archive.testzip()
    copy = bench.stage.settings.home / "copy.zip"
    with copy.open("wb") as target:
        target.write(file.getbuffer())
        target.flush()
        os.fsync(target.fileno())
    floor = time.perf_counter() - started
    copy.unlink()
    file.seek(0)
    started = time.perf_counter()
    bench.imported(file)
    ours = time.perf_counter() - started
    say(f"import 300 MB, 5 000 files: {ours:.1f} s; hashed, checked and copied {floor:.1f} s: {ours / floor:.2f}")


def sequencing(bench: _Bench, version_id: UUID, count: int, say: Callable[[str], None]) -> None:
    """Terminate, then the next activity with all controls, and the outline of the page."""
    registration, database, tenant = bench.registered(version_id), bench.stage.database, bench.stage.organization_id
    opened, times, outlines, cpu = bench.launched(registration), list[float](), list[float](), list[float]()
    done = (("cmi.completion_status", "completed"), ("cmi.success_status", "passed"))
    for _ in range(20):
        with database.write(tenant) as session:
            batch = Batch(1, done, initialized=True, terminated=True)
            runtime.commit(session, opened.session_id, [batch], now=clock.now())
        started, used = time.perf_counter(), time.process_time()
        with database.write(tenant) as session:
            led = runtime.navigate(session, opened.session_id, "continue", now=clock.now())
        times.append(time.perf_counter() - started)
        cpu.append(time.process_time() - used)
        started = time.perf_counter()
        with database.read(tenant) as session:
            registrations.outline(session, registration)
        outlines.append(time.perf_counter() - started)
        assert isinstance(led, Launch)  # noqa: S101 - there is always a next one
        opened = led
    say(
        f"sequencing, {count} activities: next {_median(times):.1f} ms ({_median(cpu):.1f} ms of processor), "
        f"outline {_median(outlines):.1f} ms"
    )


def launching(bench: _Bench, version_id: UUID, say: Callable[[str], None]) -> None:
    """From the launch to the first byte of content."""
    times = []
    for _ in range(20):
        registration = bench.registered(version_id)
        started = time.perf_counter()
        opened = bench.launched(registration)
        asked = _get(bench, str(opened.document["url"]))
        load.run(bench.stage.settings.port, iter([asked]), clients=1, seconds=5)
        times.append(time.perf_counter() - started)
    say(f"launch to the first content: {_median(times):.1f} ms")


def files(bench: _Bench, version_id: UUID, home: Path, seconds: float, say: Callable[[str], None]) -> None:
    """One page of 14 kB, 16 connections, from the front and from `send_from_directory`, turn by turn."""
    folder, port = home / "plain", bench.stage.settings.port
    folder.mkdir()
    (folder / "s0.html").write_text(PAGE)
    with bench.stage.database.write(bench.stage.organization_id) as session:
        path = packages.content_path(session, version_id, clock.now())
    asked = _get(bench, f"{path}s0.html")
    with _plain(folder, port + 1, bench.stage.settings.workers) as other:
        plain = load.request("GET", "/s0.html", {"Host": "localhost"})
        ours = theirs = 0.0
        for _ in range(2):
            theirs = max(theirs, load.run(other, itertools.repeat(plain), clients=16, seconds=seconds).rate)
            ours = max(ours, load.run(port, itertools.repeat(asked), clients=16, seconds=seconds).rate)
    say(f"package files: {ours:,.0f}/s; send_from_directory {theirs:,.0f}/s: {ours / theirs:.1f}×")


def commits(bench: _Bench, version_id: UUID, seconds: float, say: Callable[[str], None]) -> None:
    """Commits of 4 kB, each durable, of as many learners as there are connections, through the service."""
    opened = [bench.launched(bench.registered(version_id)) for _ in range(CLIENTS)]
    ends_at, times = time.perf_counter() + seconds, list[float]()

    def play(launch: Launch) -> int:
        sequence = 0
        while time.perf_counter() < ends_at:
            sequence += 1
            data = (("cmi.suspend_data", f"{sequence:06}" * 680), ("cmi.location", str(sequence)))
            started = time.perf_counter()
            with bench.stage.database.write(bench.stage.organization_id) as session:
                runtime.commit(
                    session, launch.session_id, [Batch(sequence, data, initialized=sequence == 1)], now=clock.now()
                )
            times.append(time.perf_counter() - started)
        return sequence

    with ThreadPoolExecutor(CLIENTS) as pool:
        count = sum(pool.map(play, opened))
    slowest = 1000 * sorted(times)[int(len(times) * 0.99)]
    say(f"commits of 4 kB, {CLIENTS} learners, one process: {count / seconds:,.0f}/s, p99 {slowest:.0f} ms")


def _get(bench: _Bench, path: str) -> bytes:
    host = bench.stage.settings.content_host
    return load.request("GET", path, {"Host": host, "Accept-Encoding": "gzip"})


def _median(times: list[float]) -> float:
    return 1000 * sorted(times)[len(times) // 2]


@contextmanager
def _plain(folder: Path, port: int, workers: int) -> Iterator[int]:
    """Flask and nothing else, as many processes with eight threads each."""
    command = [
        sys.executable, "-m", "gunicorn", "-k", "gthread", "--threads", "8", "-w", str(workers),
        "-b", f"127.0.0.1:{port}", "bench.scorm:plain()",
    ]  # fmt: skip
    process = subprocess.Popen(command, env=os.environ | {"BENCH_FOLDER": str(folder)})  # noqa: S603
    try:
        asked = load.request("GET", "/s0.html", {"Host": "localhost"})
        for _ in range(100):
            try:
                if load.run(port, iter([asked]), clients=1, seconds=5).latencies:
                    break
            except OSError:
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def plain() -> Flask:
    """The peer: Flask's own way to serve a file."""
    app, folder = Flask("plain"), os.environ["BENCH_FOLDER"]

    @app.get("/<path:name>")
    def file(name: str) -> Response:
        return send_from_directory(folder, name)

    return app
