"""Many open event streams on one node: what they cost while nothing happens, how soon all of them hear."""

import asyncio
import http.cookiejar
import itertools
import re
import time
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING

from bench import load, processor
from bench.statements import Maker

if TYPE_CHECKING:
    from bench.run import Stage

STREAMS = 1000


def measure(stage: "Stage", pid: int, seconds: float) -> None:
    """Print pages per second without and with the streams, their idle cost, and the time until all have an event."""
    cookie = _signed_in(stage)
    page = load.request("GET", "/lrs/credentials", {"Host": stage.settings.app_host, "Cookie": cookie})
    without = load.run(stage.settings.port, itertools.repeat(page), clients=4, seconds=seconds)
    with_streams, idle, spread, heard = asyncio.run(_with_streams(stage, pid, cookie, page, seconds))
    print(  # noqa: T201 - a command
        f"{STREAMS} open streams: idle {100 * idle:.1f} % of one core; an event at {heard} of them in {spread:.2f} s; "
        f"pages {without.rate:.0f}/s p95 {without.percentile(95):.0f} ms without, "
        f"{with_streams.rate:.0f}/s p95 {with_streams.percentile(95):.0f} ms beside them",
        flush=True,
    )


async def _with_streams(
    stage: "Stage", pid: int, cookie: str, page: bytes, seconds: float
) -> tuple[load.Result, float, float, int]:
    asked = load.request("GET", "/lrs/statements/tail", {"Host": stage.settings.app_host, "Cookie": cookie})
    opened = []
    for _ in range(STREAMS):
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.settings.port)
        writer.write(asked)
        await reader.readuntil(b"retry: 2000\n\n")
        opened.append((reader, writer))
    before, started = processor.seconds(pid), time.perf_counter()
    await asyncio.sleep(max(seconds, 5))
    idle = (processor.seconds(pid) - before) / (time.perf_counter() - started)
    with_streams = await asyncio.to_thread(
        load.run, stage.settings.port, itertools.repeat(page), clients=4, seconds=seconds
    )
    statement = next(Maker(11).bodies(1, invalid=0))
    headers = stage.headers | {"Content-Type": "application/json", "Connection": "close"}
    sent = time.perf_counter()
    await asyncio.to_thread(
        load.run, stage.settings.port, iter([load.request("POST", "/xapi/statements", headers, statement)]),
        clients=1, seconds=5,
    )  # fmt: skip
    heard = await asyncio.gather(*(_hears(reader) for reader, _ in opened))
    spread = time.perf_counter() - sent
    for _, writer in opened:
        writer.close()
    return with_streams, idle, spread, sum(heard)


async def _hears(reader: asyncio.StreamReader) -> bool:
    try:
        await asyncio.wait_for(reader.readuntil(b"data: "), 10)
    except (TimeoutError, asyncio.IncompleteReadError):
        return False
    return True


def _signed_in(stage: "Stage") -> str:
    """The session's cookie of an administrator."""
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    address = f"{stage.settings.app_origin}/sign-in"
    found = re.search(r'name="csrf-token" content="([0-9a-f]+)"', browser.open(address).read().decode())
    form = {"email": "cem@bench.example", "password": "correct horse battery", "csrf_token": found[1] if found else ""}
    browser.open(address, urllib.parse.urlencode(form).encode()).close()
    return "; ".join(f"{item.name}={item.value}" for item in jar)
