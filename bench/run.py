"""`make bench`: the store's speed as ratios against PostgreSQL alone, in the same run, on the same machine.

Its own server, its own database, its own load; nothing leaves loopback. Each figure is taken A B A B: PostgreSQL alone
with the same rows and indexes, then Stoa, and again. The better of each pair is compared, so that a burst of other work
on the machine hurts neither side alone.
"""

import argparse
import base64
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg

from accounts.services import organizations, people
from bench import load, streams
from bench.statements import BUSY, HOME, VERBS, Maker
from core import clock, config, migrations, postgres
from core.config import Config
from core.db import Database
from lrs.services import credentials, statements
from lrs.services.credentials import Caller
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
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write(self._ceiling(size))
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
        return float(rate.split("=")[1].split()[0]) * size

    def _ceiling(self, size: int) -> str:
        """One transaction of the ceiling: the row and the keys that the store itself would write, nothing else."""
        incoming = statements.prepared(Maker(7).statement(), self.caller, Version.V1_0_3)
        assert incoming is not None  # noqa: S101 - a plain statement
        row = statements.row_of(incoming, clock.now())
        quoted = row.payload.decode().replace("'", "''").replace(":", "\\u003a")
        keys = ", ".join(f"({number}, {int(kind)})" for number, (_, kind) in enumerate(row.keys))
        return f"""
WITH fresh AS (
  INSERT INTO xapi_statements (organization_id, id, stored, timestamp, actor, verb, activity, registration, authority,
      target, credential_id, is_voiding, voided, version, payload)
  SELECT '{self.organization_id}', gen_random_uuid(),
      clock_timestamp() + :client_id * interval '1 day' - interval '90 days' + n * interval '1 microsecond',
      now(), md5((random() * 5000)::int::text)::uuid, md5((random() * 6)::int::text)::uuid,
      md5((random() * 20000)::int::text)::uuid, md5((random() * 20000)::int::text)::uuid, '{row.authority}', null,
      null, false, false, '1.0.0', replace('{quoted}', '\\u003a', chr(58))
  FROM generate_series(1, {size}) n
  ON CONFLICT (organization_id, id) DO NOTHING RETURNING stored
)
INSERT INTO xapi_statement_keys (organization_id, id, kind, stored)
SELECT '{self.organization_id}', md5(k.number::text || (random() * 2000)::int::text)::uuid, k.kind, fresh.stored
FROM fresh CROSS JOIN (VALUES {keys}) AS k(number, kind) ON CONFLICT DO NOTHING;
"""  # noqa: S608 - our own values, for a database that lives for minutes

    def fill(self, count: int) -> None:
        """Store so many statements by the store's own service, in batches."""
        maker = Maker(3)
        for _ in range(count // 500):
            batch = [maker.statement() for _ in range(500)]
            with self.database.write(self.organization_id) as session:
                statements.store(session, batch, authority=self.caller.authority)
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


def _binary(name: str) -> Path:
    return next(path for path in Path(sys.prefix).rglob(f"pginstall18/bin/{name}"))


def statements_in(stage: Stage, seconds: float, clients: int, size: int) -> tuple[float, float, load.Result]:
    """Statements per second: PostgreSQL alone, Stoa; and Stoa's last run."""
    ceiling, ours, result = 0.0, 0.0, load.Result()
    for turn in range(2):
        ceiling = max(ceiling, stage.pgbench(size, clients, seconds))
        most = int(seconds * 9000 / size) + 200
        run = load.run(
            stage.settings.port, stage.posts(size, 100 * size + turn, most), clients=clients, seconds=seconds
        )
        refused = run.statuses[400]
        unexpected = {status: count for status, count in run.statuses.items() if status not in (200, 400)}
        if unexpected or (not refused and run.statuses[200] > 200):
            say(f"  UNEXPECTED: {dict(run.statuses)}")
        if run.rate * size > ours:
            ours, result = run.rate * size, run
    return ceiling, ours, result


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


@contextmanager
def web(settings: Config, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The web server as `make serve` starts it, without the worker beside it."""
    from app import server  # noqa: PLC0415 - it reads the environment

    command = [sys.executable, "-m", "gunicorn", *server.gunicorn_arguments(settings)]
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
    options.add_argument("--only", default="single,batch,read,streams")
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
            with web(settings, home) as process:
                if "single" in parts:
                    single(stage, chosen.seconds)
                if "batch" in parts:
                    batches(stage, chosen.seconds)
                if "read" in parts:
                    reading(stage, chosen.seconds, chosen.statements)
                if "streams" in parts:
                    streams.measure(stage, process.pid, chosen.seconds)
                say((home / "web.log").read_text()[-2000:])
            stage.database.close()
        finally:
            server.discard()


def single(stage: Stage, seconds: float) -> None:
    """POST one statement, 32 clients."""
    load.run(stage.settings.port, stage.posts(1, 1, 200), clients=4, seconds=2)
    ceiling, ours, run = statements_in(stage, seconds, 32, 1)
    say(
        f"POST one, 32 clients: PostgreSQL alone {ceiling:,.0f}/s, Stoa {ours:,.0f}/s = {100 * ours / ceiling:.0f} %; "
        f"p50 {run.percentile(50):.1f} p99 {run.percentile(99):.1f} ms; {dict(run.statuses)}"
    )


def batches(stage: Stage, seconds: float) -> None:
    """POST batches, 8 clients over the same activities."""
    for size in (50, 500):
        ceiling, ours, run = statements_in(stage, seconds, 8, size)
        say(
            f"POST {size}, 8 clients: PostgreSQL alone {ceiling:,.0f}/s, Stoa {ours:,.0f}/s = "
            f"{100 * ours / ceiling:.0f} %; p99 {run.percentile(99):.0f} ms; {dict(run.statuses)}"
        )


def reading(stage: Stage, seconds: float, count: int) -> None:
    """GET pages of 100, by every kind of filter, and how fast pages go out."""
    started = time.perf_counter()
    stage.fill(count)
    say(f"{count:,} statements in the store after {time.perf_counter() - started:.0f} s")
    for name, query in queries(stage).items():
        asked = stage.get(limit=100, **query)
        run = load.run(stage.settings.port, itertools.repeat(asked, 60), clients=1, seconds=20)
        say(f"GET 100, {name}: p50 {run.percentile(50):.1f} p95 {run.percentile(95):.1f} ms; {dict(run.statuses)}")
    run = load.run(stage.settings.port, itertools.repeat(stage.get(limit=100)), clients=8, seconds=seconds)
    say(f"GET pages of 100, 8 clients: {run.rate * 100:,.0f} statements/s, {run.octets / run.seconds / 1e6:.0f} MB/s")


if __name__ == "__main__":
    main()
