"""Is anything lost? Statements are sent while processes are killed, and far more of them than can be taken.

python -m bench.hard_times    prints what was acknowledged, what is there afterwards, and what overload costs
"""

import argparse
import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
from sqlalchemy import make_url

from bench import load
from bench.processor import memory_of
from core import postgres

KEY = "Basic " + base64.b64encode(b"bench:bench-secret").decode()
HEADERS = {"X-Experience-API-Version": "1.0.3", "Content-Type": "application/json", "Authorization": KEY}


@dataclass
class Clients:
    """People who send batches, one after the other, whatever happens to the server; what was acknowledged is kept."""

    url: str
    size: int
    number: int
    acknowledged: list[str] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send for as long as the block lasts."""
        threads = [threading.Thread(target=self._send) for _ in range(self.number)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _send(self) -> None:
        with httpx.Client(timeout=20, headers=HEADERS) as client:
            while not self._stop.is_set():
                batch = [_statement() for _ in range(self.size)]
                try:
                    answer = client.post(f"{self.url}/xapi/statements", content=json.dumps(batch))
                except httpx.HTTPError:
                    self.answers[0] += 1
                    time.sleep(0.05)
                    continue
                self.answers[answer.status_code] += 1
                if answer.status_code == 200:
                    self.acknowledged += [item["id"] for item in batch]


def _statement() -> dict[str, object]:
    return {
        "id": str(uuid4()),
        "actor": {"account": {"homePage": "https://people.example", "name": f"p{time.monotonic_ns() % 50}"}},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/experienced"},
        "object": {"id": f"https://courses.example/{time.monotonic_ns() % 7}"},
    }


def say(line: str) -> None:
    """Tell a result as soon as it is there."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class House:
    """`stoa serve` over its own embedded database, which is killed and begins again."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port, self.url = home, port, f"http://127.0.0.1:{port}"
        self._log = (home / "serve.log").open("ab")
        self.process: subprocess.Popen[bytes] | None = None

    def begin(self) -> float:
        """Start it; answer the seconds until it was ready."""
        environment = os.environ | {
            "STOA_HOME": str(self.home / "instance"), "PORT": str(self.port), "STOA_DEMO": "0", "STOA_WORKERS": "2",
        }  # fmt: skip
        started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app", "serve"], env=environment, stdout=self._log, stderr=self._log
        )
        while time.monotonic() < started + 120:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/readyz", headers={"Host": f"localhost:{self.port}"}).status_code == 200:
                    return time.monotonic() - started
            time.sleep(0.05)
        raise SystemExit((self.home / "serve.log").read_text())

    def command(self, *arguments: str) -> None:
        """Run a command against it."""
        environment = os.environ | {"STOA_HOME": str(self.home / "instance"), "PORT": str(self.port)}
        subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "app", *arguments], env=environment, check=True, capture_output=True
        )

    def parts(self) -> list[int]:
        """The processes below the supervisor, web processes among them."""
        return _below(self.process.pid) if self.process else []

    def kill_parts(self) -> None:
        """`kill -9` of web and worker; the supervisor ends by itself then."""
        for number in self.parts():
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)

    def kill_web(self) -> None:
        """`kill -9` of the processes that answer; gunicorn starts new ones."""
        for number in self.parts():
            if self.process and _parent(number) != self.process.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)

    def kill_database(self) -> None:
        """`kill -9` of every process of the database."""
        data = postgres.Server(self.home / "instance").data
        main = int((data / "postmaster.pid").read_text().split()[0])
        for number in (*_below(main), main):
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)

    def kill_all(self) -> None:
        """`kill -9` of everything at one moment."""
        parts = self.parts()
        if self.process:
            self.process.kill()
        for number in parts:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        self.kill_database()
        self.end()

    def end(self) -> None:
        """Stop what is left of it."""
        if self.process:
            self.process.terminate()
            self.process.wait(60)

    def stored(self, ids: list[str]) -> Counter[str]:
        """How often each of these statements is in the store."""
        address = make_url(postgres.Server(self.home / "instance").address())
        superuser = address.set(username=postgres.SUPERUSER, password=None)  # sees all tenants
        with psycopg.connect(superuser.render_as_string(hide_password=False)) as connection:
            rows = connection.execute(
                "SELECT s.id::text FROM xapi_statements s WHERE s.id = ANY(%s::uuid[])", (ids,)
            ).fetchall()
        return Counter(row[0] for row in rows)


def _parent(number: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _below(top: int) -> list[int]:
    parents = {int(found.name): _parent(int(found.name)) for found in Path("/proc").glob("[0-9]*")}
    below = [top]
    for number in below:
        below += [child for child, parent in parents.items() if parent == number]
    return below[1:]


def killed(house: House, what: str, kill: Callable[[], None], *, again: bool, times: int) -> None:
    """Kill something again and again while four clients send; then look for every acknowledged statement."""
    clients = Clients(house.url, size=20, number=4)
    with clients.sending():
        for _ in range(times):
            time.sleep(2)
            kill()
            if again:
                house.end()
                house.begin()
        time.sleep(1)
    found = house.stored(clients.acknowledged)
    missing = sum(1 for one in clients.acknowledged if one not in found)
    twice = sum(1 for count in found.values() if count > 1)
    say(
        f"{what}, {times} times: {len(clients.acknowledged):,} acknowledged, {missing} missing, {twice} twice; "
        f"answers {dict(clients.answers)}"
    )


def overload(house: House, seconds: float) -> None:
    """Ten times as many connections as answer well, with batches of 50: who is answered how, in how much memory."""

    def requests() -> Iterator[bytes]:
        while True:
            body = json.dumps([_statement() for _ in range(50)]).encode()
            yield load.request("POST", "/xapi/statements", {"Host": f"127.0.0.1:{house.port}", **HEADERS}, body)

    for clients in (8, 32, 320):
        run = load.run(house.port, requests(), clients=clients, seconds=seconds)
        memory = memory_of(house.parts())
        say(
            f"{clients} connections of 50: {run.rate * 50:,.0f} statements/s, p99 {run.percentile(99):.0f} ms, "
            f"answers {dict(run.statuses)}, {memory:.0f} MB of all processes but the database's",
        )


def main() -> None:
    """Run all of it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=8461)
    options.add_argument("--times", type=int, default=5)
    options.add_argument("--seconds", type=float, default=10)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="stoa-bench-") as folder:
        house = House(Path(folder), chosen.port)
        say(f"first start {house.begin():.1f} s")
        house.command("credential", "create", "--key", "bench", "--secret", "bench-secret", "--scopes", "all")
        try:
            killed(house, "kill -9 of the web processes", house.kill_web, again=False, times=chosen.times)
            killed(house, "kill -9 of web and worker", house.kill_parts, again=True, times=chosen.times)
            killed(house, "kill -9 of the database", house.kill_database, again=True, times=chosen.times)
            killed(house, "kill -9 of everything", house.kill_all, again=True, times=chosen.times)
            overload(house, chosen.seconds)
            house.end()
            say(f"a later start {house.begin():.1f} s")
        finally:
            house.end()
            postgres.Server(Path(folder) / "instance").discard()


if __name__ == "__main__":
    main()
