"""The embedded server through what happens to servers: kill -9, stale pid files, two starts at once."""

import os
import signal
import threading
import time

import psycopg
import pytest

from core.errors import Unavailable
from core.postgres import Server

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path / "instance", {"shared_buffers": "16MB"})
    yield server
    server.discard()


def _pid(server):
    return int((server.data / "postmaster.pid").read_text().split("\n", 1)[0])


def test_it_starts_again_after_kill_9_with_everything_committed(server):
    with psycopg.connect(server.start()) as connection:
        connection.execute("CREATE TABLE kept (x int)")
        connection.execute("INSERT INTO kept VALUES (7)")
        connection.commit()
    os.kill(_pid(server), signal.SIGKILL)
    time.sleep(0.3)

    with psycopg.connect(server.start()) as connection:
        assert connection.execute("SELECT x FROM kept").fetchone() == (7,)


def test_a_stale_pid_that_is_somebody_else_does_not_keep_it_from_starting(server):
    server.start()
    pid_file = server.data / "postmaster.pid"
    kept = pid_file.read_text().split("\n")
    server.stop()
    pid_file.write_text("\n".join([str(os.getpid()), *kept[1:]]))

    with psycopg.connect(server.start()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_two_starts_at_once_end_as_one_server(server):
    addresses = []
    threads = [threading.Thread(target=lambda: addresses.append(Server(server.home).start())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(addresses) == 3
    assert len(set(addresses)) == 1


def test_nobody_gets_in_without_the_password(server):
    url = server.start().replace("stoa:", "stoa:wrong-", 1)

    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(url)


def test_data_is_durable_by_default(server):
    with psycopg.connect(server.start()) as connection:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            assert connection.execute(f"SHOW {name}").fetchone() == ("on",)


def test_an_instance_that_was_never_started_says_how(tmp_path):
    with pytest.raises(Unavailable, match="make serve"):
        Server(tmp_path / "nowhere").address()
