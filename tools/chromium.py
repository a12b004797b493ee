"""Find a Chromium for the browser tests, or install one: an existing one, Playwright's download, the package manager.

python tools/chromium.py      prints its path, installing it when there is none
"""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
ADVICE = "Install it yourself, like: sudo apt-get install chromium   or set CHROMIUM=/path/to/chromium."


@cache
def find() -> str | None:
    """Return the path of a Chromium on this machine, if there is one."""
    if (named := os.environ.get("CHROMIUM")) and Path(named).exists():
        return named
    for name in NAMES:
        if path := shutil.which(name):
            return path
    return from_playwright()


def from_playwright() -> str | None:
    """Return the Chromium that Playwright has downloaded, if it has."""
    cache_folder = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    patterns = ("chromium-*/chrome-linux*/chrome", "chromium_headless_shell-*/chrome-*/headless_shell")
    for pattern in patterns:
        if found := sorted(cache_folder.glob(pattern)):
            return str(found[-1])
    return None


def install() -> None:
    """Download Playwright's Chromium; where that is refused, use the system's package manager."""
    print("Looking for Chromium: downloading Playwright's …", file=sys.stderr)
    if run([sys.executable, "-m", "playwright", "install", "chromium"]) and from_playwright():
        return
    if shutil.which("apt-get") is None:
        return
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    print("Installing Debian's chromium …", file=sys.stderr)
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    run([*as_root, "apt-get", "update", "-q"])
    run([*as_root, "apt-get", "install", "-y", "-q", "chromium"])


def run(command: list[str]) -> bool:
    """Run a command quietly, for at most ten minutes, and answer whether it worked."""
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=600).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def main() -> int:
    """Print the path, or say how to get one."""
    if find() is None:
        install()
        find.cache_clear()
    path = find()
    if path is None:
        print(f"There is no Chromium here, and it could not be installed. {ADVICE}", file=sys.stderr)
        return 1
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
