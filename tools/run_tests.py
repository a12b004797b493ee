"""Run the tests: one PostgreSQL for all test processes, three test processes side by side.

python tools/run_tests.py [pytest arguments]
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.postgres import Server  # noqa: E402 - the checkout is not a package until the path is set

OPTIONS = {
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off", "jit": "off",
    "shared_buffers": "256MB", "max_connections": "300",
}  # fmt: skip


def main() -> int:
    """Answer pytest's exit code; the server lives as long as the run."""
    if "TEST_DATABASE_URL" in os.environ:
        return run(os.environ)
    with tempfile.TemporaryDirectory(prefix="stoa-test-") as home:
        server = Server(Path(home), OPTIONS)
        try:
            return run(os.environ | {"STOA_TEST_SERVER": server.start()})
        finally:
            server.discard()


def run(environment: os._Environ[str] | dict[str, str]) -> int:
    """Run pytest over three processes; a file stays with one of them, in the order that tests/conftest.py gives.

    More processes would only starve the browsers. What one of them has compiled the others need not compile again,
    whatever is usual on this machine: without that, each spends a third of its start on it.
    """
    environment = {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}
    spread = ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]
    command = [sys.executable, "-m", "pytest", *spread, *sys.argv[1:]]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
