"""`make bench`: the store's speed as ratios against PostgreSQL alone, in the same run, on the same machine.

Its own server, its own database, its own load; nothing leaves loopback. Each figure is taken A B A B: PostgreSQL alone
with the same rows and indexes, then Stoa, and again. The better of each pair is compared, so that a burst of other work
on the machine hurts neither side alone.
"""

import argparse
import base64
import itertools
import json
import math
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import psycopg

from accounts.services import organizations, people
from bench import load, processor, records, scorm, streams
from bench.fill import fill
from bench.statements import BUSY, HOME, VERBS, Maker
from core import clock, config, migrations, postgres
from core.config import Config
from core.db import Database
from lrs.services import credentials, statements
from lrs.services import queries as lrs_queries
from lrs.services.credentials import Caller
from lrs.store import statements as store
from lrs.xapi.statements import problems_of
from lrs.xapi.versions import Version

ROOT = Path(__file__).resolve().parent.parent
PGBENCH = "pgbench"
PASSWORD = "correct horse battery"  # noqa: S105 - of a database that lives for minutes


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)  # noqa: T201 - a command


class Stage:
    """A server of our own with one organization, one client and a web server."""

    def __init__(self, settings: Config, url: str) -> None:
        self.settings, self.url = settings, url
        self.database_pid = self.web_pid = 0
        migrations.migrate(url)
        self.database = Database(url, pool_size=4)
        with self.database.write(organizations.new_id()) as session:
            self.organization_id = organizations.create(
                session, name="Bench", slug="bench", code="BEN", now=clock.now()
            )
            people.add(
                session, email="cem@bench.example", first_name="Cem", last_name="B", roles=["org_admin"],
                password=PASSWORD, is_verified=True, now=clock.now(),
            )  # fmt: skip
        with self.database.write(self.organization_id) as session:
            made = credentials.issue(
                session, label="bench", scopes=["all"], home_page=settings.app_origin,
                hash_key=settings.key("lrs"), now=clock.now(),
            )  # fmt: skip
            self.caller = Caller(self.organization_id, credentials.authority_of(session, made.id))
        token = base64.b64encode(f"{made.key}:{made.secret}".encode()).decode()
        self.headers = {
            "Host": settings.app_host,
            "Authorization": f"Basic {token}",
            "X-Experience-API-Version": "1.0.3",
        }

    def posts(self, size: int, seed: int, most: int) -> Iterator[bytes]:
        """Requests made before the clock runs."""
        bodies = itertools.islice(Maker(seed).bodies(size), most)
        headers = self.headers | {"Content-Type": "application/json"}
        return iter([load.request("POST", "/xapi/statements", headers, body) for body in bodies])

    def get(self, **query: Any) -> bytes:
        """A GET of statements."""
        return load.request("GET", f"/xapi/statements?{urlencode(query)}", self.headers)

    def pgbench(self, size: int, clients: int, seconds: float) -> float:
        """Statements per second that PostgreSQL takes when nobody parses, checks or asks: the ceiling."""
        return self.pgbench_of(self._ceiling(size), clients, seconds) * size

    def pgbench_of(self, transaction: str, clients: int, seconds: float) -> float:
        """How often in a second PostgreSQL alone does this transaction."""
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write(transaction)
            script.flush()
            made = psycopg.conninfo.conninfo_to_dict(self.url)
            environment = os.environ | {
                "PGHOST": str(made["host"]), "PGUSER": str(made["user"]), "PGDATABASE": str(made["dbname"]),
                "PGPASSWORD": str(made.get("password", "")), "PGPORT": str(made.get("port", "5432")),
                "PGOPTIONS": f"-c role=stoa_app -c app.organization_id={self.organization_id}",
            }  # fmt: skip
            command = [
                str(_binary(PGBENCH)), "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", str(int(seconds)),
                "-f", script.name,
            ]  # fmt: skip
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
        rate = next(line for line in done.stdout.splitlines() if line.startswith("tps"))
        return float(rate.split("=")[1].split()[0])

    def _ceiling(self, size: int) -> str:
        """One transaction of the ceiling: the row and the keys that the store itself would write, nothing else."""
        incoming = statements.prepared(Maker(7).statement(), self.caller, Version.V1_0_3)
        assert incoming is not None  # noqa: S101 - a plain statement
        row = statements.rows_of(incoming)[0]
        text = row.text[4:].decode() + '2026-03-01T09:30:00.000000Z"}'
        quoted = text.replace("'", "''").replace(":", "\\u003a")
        kinds = [kind for _, kind in struct.iter_unpack(">ih", row.key_kinds)]
        keys = ", ".join(f"({number}, {kind})" for number, kind in enumerate(kinds))
        return f"""
WITH fresh AS (
  INSERT INTO xapi_statements (organization_id, id, stored, timestamp, actor, verb, activity, registration, authority,
      target, credential_id, is_voiding, voided, version, payload)
  SELECT '{self.organization_id}', gen_random_uuid(),
      clock_timestamp() + :client_id * interval '1 day' - interval '90 days' + n * interval '1 microsecond',
      now(), md5((random() * 5000)::int::text)::uuid, md5((random() * 6)::int::text)::uuid,
      md5((random() * 20000)::int::text)::uuid, md5((random() * 20000)::int::text)::uuid,
      '{UUID(bytes=row.authority[4:])}', null, null, false, false, '1.0.0', replace('{quoted}', '\\u003a', chr(58))
  FROM generate_series(1, {size}) n
  ON CONFLICT (organization_id, id) DO NOTHING RETURNING stored
)
INSERT INTO xapi_statement_keys (organization_id, id, kind, stored)
SELECT '{self.organization_id}', md5(k.number::text || (random() * 2000)::int::text)::uuid, k.kind, fresh.stored
FROM fresh CROSS JOIN (VALUES {keys}) AS k(number, kind) ON CONFLICT DO NOTHING;
"""  # noqa: S608 - our own values, for a database that lives for minutes

    def fill(self, count: int) -> None:
        """Put so many statements into the store before reading is measured, earlier than all that is there already."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute("SELECT min(stored) FROM xapi_statements").fetchone()
        first = row[0] if row is not None and row[0] is not None else clock.now()
        fill(self.database, self.url, self.caller, count, first)

    def disk(self) -> float:
        """Kilobytes per statement with keys and all indexes."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute(
                "SELECT (pg_total_relation_size('xapi_statements') + pg_total_relation_size('xapi_statement_keys')) "
                "/ 1024.0 / greatest(1, (SELECT reltuples FROM pg_class WHERE relname = 'xapi_statements'))"
            ).fetchone()
        return float(row[0]) if row else 0.0


def _binary(name: str) -> Path:
    return next(path for path in Path(sys.prefix).rglob(f"pginstall18/bin/{name}"))


@dataclass
class Compared:
    """Statements per second and processor milliseconds per statement, beside PostgreSQL alone.

    What the servers use is counted apart from what those who send use: pgbench, and the load generator.
    """

    ceiling: float
    rate: float
    ceiling_cost: float
    cost: float
    run: load.Result
    ceiling_sending: float = math.inf
    sending: float = math.inf

    def __str__(self) -> str:
        statuses = {status: count for status, count in self.run.statuses.items() if status}
        return (
            f"PostgreSQL alone {self.ceiling:,.0f}/s, Stoa {self.rate:,.0f}/s = "
            f"{100 * self.rate / self.ceiling:.0f} %; "
            f"processor {self.ceiling_cost:.2f} and {self.cost:.2f} ms each, "
            f"sending {self.ceiling_sending:.2f} and {self.sending:.2f}; "
            f"p50 {self.run.percentile(50):.1f} p99 {self.run.percentile(99):.1f} ms; {statuses}; load {_load()}"
        )


def _load() -> str:
    return f"{os.getloadavg()[0]:.0f}"


def statements_in(stage: Stage, seconds: float, clients: int, size: int) -> Compared:
    """Compare PostgreSQL alone with Stoa, turn by turn."""
    found = Compared(0, 0, math.inf, math.inf, load.Result())
    for turn in range(2):
        before, sent = processor.seconds(stage.database_pid), _of_children()
        alone = stage.pgbench(size, clients, seconds)
        found.ceiling_sending = min(found.ceiling_sending, 1000 * (_of_children() - sent) / (alone * seconds))
        cost = 1000 * (processor.seconds(stage.database_pid) - before) / (alone * seconds)
        found.ceiling, found.ceiling_cost = max(found.ceiling, alone), min(found.ceiling_cost, cost)
        requests = stage.posts(size, 100 * size + turn, int(seconds * 9000 / size) + 200)
        before = processor.seconds(stage.database_pid) + processor.seconds(stage.web_pid)
        sent = time.process_time()
        run = load.run(stage.settings.port, requests, clients=clients, seconds=seconds)
        used = processor.seconds(stage.database_pid) + processor.seconds(stage.web_pid) - before
        unexpected = {status: count for status, count in run.statuses.items() if status not in (200, 400)}
        if unexpected or (not run.statuses[400] and run.statuses[200] > 200):
            say(f"  UNEXPECTED: {dict(run.statuses)}")
        stored = max(1, run.statuses[200] * size)
        found.cost = min(found.cost, 1000 * used / stored)
        found.sending = min(found.sending, 1000 * (time.process_time() - sent) / stored)
        if run.rate * size > found.rate:
            found.rate, found.run = run.rate * size, run
    return found


def _of_children() -> float:
    """Processor seconds of this process's children that have ended."""
    spent = os.times()
    return spent.children_user + spent.children_system


def queries(stage: Stage) -> dict[str, dict[str, Any]]:
    """The filters that are measured, by name: hot and rare keys, single and together."""
    hot = json.dumps({"account": {"homePage": HOME, "name": "learner1"}})
    cold = json.dumps({"account": {"homePage": HOME, "name": "learner4321"}})
    return {
        "no filter": {},
        "ascending (oldest first)": {"ascending": "true"},
        "busy person": {"agent": hot},
        "rare person": {"agent": cold},
        "busy person, related": {"agent": hot, "related_agents": "true"},
        "frequent verb": {"verb": VERBS + "experienced"},
        "rare verb": {"verb": VERBS + "rare"},
        "course, related": {"activity": "https://courses.example/1", "related_activities": "true"},
        "rare course, related": {"activity": "https://courses.example/1900", "related_activities": "true"},
        "busy registration": {"registration": str(BUSY)},
        "busy registration + rare verb": {"registration": str(BUSY), "verb": VERBS + "rare"},
        "busy person + busy registration + verb": {"agent": hot, "registration": str(BUSY), "verb": VERBS + "passed"},
    }


def combinations() -> Iterator[dict[str, Any]]:
    """Every filter with every other, each busy or rare: two hundred queries."""
    hot, cold, teacher = (
        json.dumps({"account": {"homePage": HOME, "name": name}}) for name in ("learner1", "learner4321", "teacher1")
    )
    people = [{}, {"agent": hot}, {"agent": cold}, {"agent": hot, "related_agents": "true"}]
    people.append({"agent": teacher, "related_agents": "true"})
    verbs = [{}, {"verb": VERBS + "passed"}, {"verb": VERBS + "rare"}]
    courses = ("https://courses.example/1", "https://courses.example/1900", "https://w3id.org/xapi/scorm")
    activities = [{}, {"activity": "https://courses.example/1/item1"}]
    activities += [{"activity": course, "related_activities": "true"} for course in courses]
    registrations = [{}, {"registration": str(BUSY)}]
    for chosen in itertools.product(people, verbs, activities, registrations):
        query = {name: value for part in chosen for name, value in part.items()}
        yield query
        yield query | {"ascending": "true"}


@contextmanager
def web(settings: Config, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The web server as `make serve` starts it, without the worker beside it."""
    command = [sys.executable, "-m", "app", "web"]
    with (home / "web.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=log, stderr=log)  # noqa: S603
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{settings.port}/healthz", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=5)
    options.add_argument("--statements", type=int, default=100_000, help="rows in the store before reading is measured")
    options.add_argument("--port", type=int, default=8459)
    options.add_argument(
        "--only", default="prepare,single,batch,together,read,streams,scorm", help="parts; also records, at the end"
    )
    options.add_argument("--minute", type=float, default=60, help="seconds that eight clients store at the same time")
    chosen = options.parse_args()
    parts = set(chosen.only.split(","))
    with tempfile.TemporaryDirectory(prefix="stoa-bench-") as folder:
        home = Path(folder)
        os.environ.update(STOA_HOME=str(home / "instance"), PORT=str(chosen.port), STOA_DEMO="0")
        settings = config.load()
        server = postgres.Server(settings.home)
        url = server.start()
        try:
            stage = Stage(settings, url)
            stage.database_pid = int((server.data / "postmaster.pid").read_text().split()[0])
            with web(settings, home) as process:
                stage.web_pid = process.pid
                if "prepare" in parts:
                    preparing(stage)
                if "single" in parts:
                    single(stage, chosen.seconds)
                if "batch" in parts:
                    batches(stage, chosen.seconds)
                if "together" in parts:
                    together(stage, chosen.minute)
                if "read" in parts:
                    reading(stage, chosen.seconds, chosen.statements)
                if "records" in parts:
                    if "read" not in parts:
                        stage.fill(chosen.statements)
                    records.measure(stage, say)
                if "streams" in parts:
                    streams.measure(stage, process.pid, chosen.seconds)
                if "scorm" in parts:
                    scorm.measure(stage, home, chosen.seconds, say)
                say((home / "web.log").read_text()[-2000:])
            stage.database.close()
        finally:
            server.discard()


def single(stage: Stage, seconds: float) -> None:
    """POST one statement, 32 clients."""
    load.run(stage.settings.port, stage.posts(1, 1, 200), clients=4, seconds=2)
    say(f"POST one, 32 clients: {statements_in(stage, seconds, 32, 1)}")


def batches(stage: Stage, seconds: float) -> None:
    """POST batches, 8 clients over the same activities."""
    for size in (50, 500):
        say(f"POST {size}, 8 clients: {statements_in(stage, seconds, 8, size)}")


def together(stage: Stage, seconds: float) -> None:
    """Eight clients, batches of 50, the same few activities: nobody may fail."""
    requests = stage.posts(50, 5, int(seconds * 9000 / 50) + 200)
    run = load.run(stage.settings.port, requests, clients=8, seconds=seconds)
    errors = sum(count for status, count in run.statuses.items() if status not in (200, 400))
    rate = f"{run.rate * 50:,.0f}/s, {errors} errors; p99 {run.percentile(99):.0f} ms"
    say(f"8 clients, 50 each, {seconds:.0f} s: {rate}; {dict(run.statuses)}; load {_load()}")


def preparing(stage: Stage) -> None:
    """Processor time of a statement before it waits for its turn."""
    bodies = list(itertools.islice(Maker(5).bodies(1, invalid=0), 2000))
    parsed = [json.loads(body) for body in bodies]
    checked = _best(lambda: [problems_of(item) for item in parsed]) / len(parsed)
    ready = _best(lambda: [statements.prepared(item, stage.caller, Version.V1_0_3) for item in parsed]) / len(parsed)
    say(f"every rule {1e6 * checked:.0f} µs, rules and row {1e6 * ready:.0f} µs of one core; load {_load()}")


def _best(work: Callable[[], object]) -> float:
    best = math.inf
    for _ in range(5):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best


def reading(stage: Stage, seconds: float, count: int) -> None:
    """GET pages of 100, by every kind of filter, and how fast pages go out."""
    started = time.perf_counter()
    stage.fill(count)
    say(f"{count:,} statements after {time.perf_counter() - started:.0f} s, {stage.disk():.2f} kB each on disk")
    for name, query in queries(stage).items():
        asked = stage.get(limit=100, **query)
        run = load.run(stage.settings.port, itertools.repeat(asked, 60), clients=1, seconds=20)
        say(f"GET 100, {name}: p50 {run.percentile(50):.1f} p95 {run.percentile(95):.1f} ms; {dict(run.statuses)}")
    every(stage)
    deep(stage)
    pages, decoded = load.Result(), load.Result()
    for _ in range(2):
        for route, better in (({}, pages), ({"format": "ids"}, decoded)):
            asked = stage.get(limit=100, **route)
            run = load.run(stage.settings.port, itertools.repeat(asked), clients=8, seconds=seconds)
            if run.latencies and (not better.latencies or run.rate > better.rate):
                better.__dict__.update(run.__dict__)
    say(
        f"GET pages of 100, 8 clients: {pages.rate * 100:,.0f} statements/s, "
        f"{pages.octets / pages.seconds / 1e6:.0f} MB/s; "
        f"{decoded.rate * 100:,.0f}/s where each is decoded and encoded; load {_load()}"
    )
    say(f"web processes: {processor.memory(stage.web_pid):.0f} MB (PSS)")


def every(stage: Stage) -> None:
    """Every combination of filters, oldest and newest first."""
    asked = [stage.get(limit=100, **query) for query in combinations()]
    for item in asked:  # once before, so that the disk is not what is measured
        load.run(stage.settings.port, iter([item]), clients=1, seconds=60)
    best = []
    for item in asked:
        run = load.run(stage.settings.port, itertools.repeat(item, 5), clients=1, seconds=60)
        best.append((run.percentile(50), run.percentile(0)))
    middle, low = (sorted(column) for column in zip(*best, strict=True))
    say(
        f"{len(asked)} combinations of filters: median {middle[len(middle) // 2]:.1f}, 95 % within "
        f"{middle[len(middle) * 95 // 100]:.1f}, worst {middle[-1]:.1f} ms; by their quickest answer "
        f"{low[len(low) // 2]:.1f}, {low[len(low) * 95 // 100]:.1f}, {low[-1]:.1f} ms; load {_load()}"
    )


def deep(stage: Stage) -> None:
    """`more` half-way through everything."""
    with stage.database.read(stage.organization_id) as session:
        first, last = (
            store.page(session, store.Selection(ascending=is_ascending), 1)[0].stored for is_ascending in (True, False)
        )
    position = lrs_queries.first(lrs_queries.Query(limit=100))
    middle = replace(position, selection=replace(position.selection, after=first + (last - first) / 2))
    asked = load.request("GET", f"/xapi/statements/more/{lrs_queries.token(middle)}", stage.headers)
    run = load.run(stage.settings.port, itertools.repeat(asked, 60), clients=1, seconds=20)
    say(f"more, half-way through: p50 {run.percentile(50):.1f} p95 {run.percentile(95):.1f} ms; {dict(run.statuses)}")


if __name__ == "__main__":
    main()
