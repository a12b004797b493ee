"""Find a Chromium for the browser tests, or install one: an existing one, Playwright's download, the package manager.

Its build without windows ("headless shell": the same engine) comes first: opening a page costs it a fifth of the
processor time, because a Chromium with windows draws their frames and menus even where nobody sees them.

python tools/chromium.py      prints its path, installing it when there is none
"""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
SHELL = "chromium-headless-shell"
ADVICE = "Install it yourself, like: sudo apt-get install chromium   or set CHROMIUM=/path/to/chromium."


@cache
def find() -> str | None:
    """Return the path of a Chromium on this machine, if there is one."""
    if (named := os.environ.get("CHROMIUM")) and Path(named).exists():
        return named
    if path := shutil.which(SHELL) or from_playwright("chromium_headless_shell-*/chrome-*/*headless?shell"):
        return path
    for name in NAMES:
        if path := shutil.which(name):
            return path
    return from_playwright("chromium-*/chrome-linux*/chrome")


def from_playwright(pattern: str) -> str | None:
    """Return the newest of what Playwright has downloaded by this name, if it has."""
    cache_folder = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    found = sorted(cache_folder.glob(pattern))
    return str(found[-1]) if found else None


def install() -> None:
    """Download Playwright's Chromium; where that is refused, use the system's package manager."""
    print("Looking for Chromium: downloading Playwright's …", file=sys.stderr)
    if run([sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"]) and _found():
        return
    if shutil.which("apt-get") is None:
        return
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    print("Installing Debian's …", file=sys.stderr)
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    run([*as_root, "apt-get", "update", "-q"])
    for package in (SHELL, "chromium"):
        if run([*as_root, "apt-get", "install", "-y", "-q", package]) and _found():
            return


def _found() -> str | None:
    find.cache_clear()
    return find()


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
    path = find()
    if path is None:
        print(f"There is no Chromium here, and it could not be installed. {ADVICE}", file=sys.stderr)
        return 1
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
