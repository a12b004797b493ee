"""The run-time's speed: import, files of packages beside Flask's own, launch, sequencing, commits. Part of `bench.run`.

Sequencing and launch are measured through the services, each in a durable transaction of its own, in one process: what
HTTP costs on top is in the rows of the store. Commits and files go over HTTP to the front; beside them, turn by turn,
PostgreSQL alone, and a plain Flask application with `send_from_directory` under as many processes.
"""

import base64
import hashlib
import io
import itertools
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from flask import Flask, Response, send_from_directory

from accounts import login
from accounts.services import people
from bench import load, processor
from core import clock
from core.files import Files
from core.http import csrf_for, session_cookie
from scorm_player.archive import Limits
from scorm_player.services import packages, registrations, runtime
from scorm_player.services.runtime import Batch, Launch, Learner
from scorm_player.tables import LaunchSession, PackageSource

PAGE = "<!doctype html><title>Lesson</title><p>" + "Press the alarm, close the doors, leave the building. " * 250
PERSON = Learner("ana", "Tester, Ana")
CLIENTS = 32
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

    def signed_in(self, count: int) -> list[str]:
        """Open so many browser sessions; answer their tokens."""
        with self.stage.database.write(self.stage.organization_id) as session:
            return [
                login.open_session(session, self.user_id, clock.now(), ip_address="127.0.0.1", user_agent="bench")
                for _ in range(count)
            ]

    def launched(self, registration_id: UUID) -> Launch:
        """Open what is next."""
        with self.stage.database.write(self.stage.organization_id) as session:
            opened = runtime.launch(session, registration_id, person=PERSON, now=clock.now())
        assert isinstance(opened, Launch)  # noqa: S101 - the course starts by itself
        return opened


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
    """Commits of 4 kB, each durable, by 32 learners over HTTP; beside them PostgreSQL alone with the same rows."""
    port, stage = bench.stage.settings.port, bench.stage
    opened = [bench.launched(bench.registered(version_id)) for _ in range(CLIENTS)]
    ours, theirs = load.Result(), 0.0
    cookies = bench.signed_in(CLIENTS)
    ceiling = _ceiling(stage, [bench.launched(bench.registered(version_id)) for _ in range(CLIENTS)])
    sendings = [_Sendings(stage, launch, cookie) for launch, cookie in zip(opened, cookies, strict=True)]
    load.run_each(port, [iter([one.next()]) for one in sendings], seconds=30)  # Initialize, and everybody is known
    for _ in range(2):
        theirs = max(theirs, stage.pgbench_of(ceiling, CLIENTS, seconds))
        before = processor.seconds(stage.database_pid), processor.seconds(stage.web_pid)
        run = load.run_each(port, [one.again() for one in sendings], seconds=seconds)
        after = processor.seconds(stage.database_pid), processor.seconds(stage.web_pid)
        if set(run.statuses) != {200}:
            say(f"  UNEXPECTED: {dict(run.statuses)}")
        if not ours.latencies or run.rate > ours.rate:
            ours, cost = run, [1000 * (b - a) / len(run.latencies) for a, b in zip(before, after, strict=True)]
    with stage.database.read(stage.organization_id) as session:
        saved = [
            session.get_one(LaunchSession, (stage.organization_id, one.session_id)).last_sequence for one in opened
        ]
    lost = sum(one.answered - saved_up_to for one, saved_up_to in zip(sendings, saved, strict=True))
    say(
        f"commits of 4 kB, {CLIENTS} learners over HTTP: {ours.rate:,.0f}/s, p50 {ours.percentile(50):.0f} "
        f"p99 {ours.percentile(99):.0f} ms; PostgreSQL alone {theirs:,.0f}/s: {100 * ours.rate / theirs:.0f} %; "
        f"processor {cost[0]:.2f} ms in the database, {cost[1]:.2f} ms in the web server; "
        f"acknowledged and not there: {max(0, lost)}"
    )


class _Sendings:
    """One learner's commits, one after the other, as the player sends them."""

    def __init__(self, stage: Any, launch: Launch, cookie: str) -> None:
        self._path = f"/runtime/{launch.session_id}/commit"
        self._headers = {
            "Host": stage.settings.app_host,
            "Origin": stage.settings.app_origin,
            "Sec-Fetch-Site": "same-origin",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Cookie": f"{session_cookie(stage.settings)}={cookie}",
            "X-CSRF-Token": csrf_for(stage.settings, cookie),
        }
        self._sequence = 0
        self._body = b""

    def again(self) -> Iterator[bytes]:
        """From the one on that was made when time was up: it may or may not have been sent."""
        yield self._body
        while True:
            yield self.next()

    @property
    def answered(self) -> int:
        """How many have surely been answered: all but the last, which may be under way when time is up."""
        return self._sequence - 1

    def next(self) -> bytes:
        """The next one: 4 kB that do not compress to nothing, and where the learner is."""
        self._sequence += 1
        place = base64.b64encode(os.urandom(3000)).decode()
        changes = [["cmi.suspend_data", place], ["cmi.location", str(self._sequence)]]
        batch = {"sequence": self._sequence, "changes": changes, "seconds": 0.05, "initialized": self._sequence == 1}
        body = orjson.dumps({"batches": [batch], "last": self._sequence})
        self._body = load.request("POST", self._path, self._headers, body)
        return self._body


def _ceiling(stage: Any, opened: list[Launch]) -> str:
    """One commit of the ceiling: the three rows of a session written, with 4 kB of text; nobody reads or judges."""
    sessions = ",".join(f"'{launch.session_id}'" for launch in opened)
    return f"""
WITH l AS (
  UPDATE launch_sessions SET last_sequence = last_sequence, seconds = seconds, announced_sequence = announced_sequence
  WHERE organization_id = '{stage.organization_id}' AND id = (ARRAY[{sessions}]::uuid[])[:client_id + 1]
  RETURNING registration_id, package_item_id, attempt_number
), r AS (
  UPDATE registrations SET last_activity_at = now() FROM l
  WHERE organization_id = '{stage.organization_id}' AND registrations.id = l.registration_id
)
UPDATE scorm_item_states s SET updated_at = now(), cmi = '{{"values":"' || (
  SELECT string_agg(md5(n::text || random()::text), '') FROM generate_series(1, 125) n
) || '"}}' FROM l
WHERE s.organization_id = '{stage.organization_id}' AND s.registration_id = l.registration_id
  AND s.package_item_id = l.package_item_id AND s.attempt_number = l.attempt_number;
"""  # noqa: S608 - our own values, for a database that lives for minutes


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
