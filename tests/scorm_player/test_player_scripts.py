"""The player's JavaScript, tested by node's own test runner."""

import shutil
import subprocess
import sys
from os import environ
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_scripts_of_the_player_pass_their_own_tests():
    scripts = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests/player").glob("*.test.mjs"))

    run = subprocess.run(
        ["node", "--test", *scripts],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**environ, "PYTHON": sys.executable},
    )

    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
