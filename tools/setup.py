"""Set up what Stoa needs, from a checkout and Python 3.11 alone: environment, pinned packages, front-end files.

    python3 tools/setup.py           what `make serve` needs
    python3 tools/setup.py --dev     and what `make test` needs

Runs on the standard library only. What is already there is left alone, so the second run takes a moment.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LAUNCHER = """#!/bin/sh
# What is compiled is kept, whatever is usual on this machine: else each start compiles all of it again.
unset PYTHONDONTWRITEBYTECODE
cd "{root}" && exec "{python}" -m app "$@"
"""

AS_UV_SAYS = {
    "index-url": ("UV_DEFAULT_INDEX", " "), "extra-index-url": ("UV_INDEX", " "), "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "), "proxy": ("ALL_PROXY", " "), "cert": ("SSL_CERT_FILE", " "),
}  # fmt: skip
"""What settings of pip are called by uv, and what stands between several."""


class SetupError(Exception):
    """Something a person has to do first; the message says the one command."""


def main() -> int:
    """Set up, or say in one line what stands in the way."""
    parser = argparse.ArgumentParser(description="Set up Stoa in this checkout.")
    parser.add_argument("--dev", action="store_true", help="also what tests and checks need")
    options = parser.parse_args()
    try:
        require_python()
        name = "dev" if options.dev else "runtime"
        if not is_installed(name):
            make_environment()
        vendoring = subprocess.Popen([str(PYTHON), "tools/vendor.py", "--node", "requirements/node.txt"], cwd=ROOT)
        try:
            install(name)
        finally:  # both take their time, and neither needs the other
            has_vendored = vendoring.wait() == 0
        check(has_vendored, "front-end files")
        write_launcher()
        made_up = "pseudo" if os.environ.get("STOA_PSEUDO_LOCALE") else "compile"
        run([str(PYTHON), "tools/translations.py", made_up], "translations")
    except SetupError as error:
        print(f"\nSet-up stopped: {error}", file=sys.stderr)
        return 1
    return 0


def require_python() -> None:
    """Refuse a Python that is too old."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this script runs before anything has been checked
        found = ".".join(map(str, sys.version_info[:3]))
        raise SetupError(f"Python 3.11 or later is needed, this is {found}. Try: make PYTHON=python3.12 serve")


def make_environment() -> None:
    """Make .venv with pip in it, by whatever this machine has: venv, virtualenv, uv, or Debian's package for venv."""
    if PYTHON.exists() and has_pip():
        return
    say("Making the virtual environment")
    for attempt in (with_venv, with_outside_pip, with_virtualenv, with_uv, with_debian):
        if attempt() and has_pip():
            return
        shutil.rmtree(VENV, ignore_errors=True)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    raise SetupError(f"this Python has no ensurepip. Run: sudo apt-get install python{version}-venv   and try again.")


def has_pip() -> bool:
    """Tell whether the environment can install packages."""
    return PYTHON.exists() and quiet([str(PYTHON), "-m", "pip", "--version"])


def with_venv() -> bool:
    """Python's own way; Debian leaves the needed ensurepip to another package."""
    return quiet([sys.executable, "-m", "venv", str(VENV)])


def with_outside_pip() -> bool:
    """An environment without pip, filled by the machine's pip."""
    made = quiet([sys.executable, "-m", "venv", "--without-pip", str(VENV)])
    return made and quiet([sys.executable, "-m", "pip", "--python", str(PYTHON), "install", "pip"])


def with_virtualenv() -> bool:
    """The virtualenv command, when somebody installed it."""
    return shutil.which("virtualenv") is not None and quiet(["virtualenv", "-p", sys.executable, str(VENV)])


def with_uv() -> bool:
    """uv, when somebody installed it."""
    return shutil.which("uv") is not None and quiet(["uv", "venv", "--seed", "-p", sys.executable, str(VENV)])


def with_debian() -> bool:
    """As root on Debian or Ubuntu: install the missing package."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    say("Installing python3-venv with apt-get")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    quiet(["apt-get", "update", "-q"], environment)
    for package in (f"python{version}-venv", "python3-venv"):
        if quiet(["apt-get", "install", "-y", "-q", package], environment):
            return with_venv()
    return False


def install(name: str) -> None:
    """Install the pinned packages, each held against its hash, unless this very list is installed already."""
    if is_installed(name):
        return
    requirements = ROOT / "requirements" / f"{name}.txt"
    say(f"Installing packages ({name})")
    if not with_quick_installer(requirements):
        run(by_pip(requirements), "packages")
    stamp = VENV / f"stamp-{name}"
    stamp.write_text(digest_of(stamp))


def is_installed(name: str) -> bool:
    """Tell whether this very list is installed, or the longer one for development."""
    stamps = [VENV / f"stamp-{kind}" for kind in ("dev", name)]
    return PYTHON.exists() and any(stamp.exists() and stamp.read_text() == digest_of(stamp) for stamp in stamps)


def by_pip(requirements: Path) -> list[str]:
    """Return the command that installs a list with pip.

    The list is whole, so nothing is left to resolve: pip 23 would take the newest release for a requirement with
    extras (`pydantic[email]`) that the list pins without them, and then refuse it as not pinned. Modules are compiled
    when they are imported: most never are.
    """
    options = ["--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps", "--no-compile"]
    return [str(PYTHON), "-m", "pip", "install", *options, "-r", str(requirements)]


def with_quick_installer(requirements: Path) -> bool:
    """Install a list by uv, several times faster than pip, which fetches it first; answer whether it could.

    Whatever stands in the way (no uv for this machine, an index that it cannot reach), pip goes on and says it.
    """
    if not quiet(by_pip(ROOT / "requirements" / "uv.txt")):
        return False
    command = [str(VENV / "bin" / "uv"), "pip", "install", "--python", str(PYTHON), "--require-hashes", "--no-deps"]
    command += ["--index-strategy", "unsafe-best-match"]  # any index may have what is pinned by hash, as for pip
    return quiet([*command, "-r", str(requirements)], os.environ | as_pip_is_set())


def as_pip_is_set() -> dict[str, str]:
    """Return the settings of this machine's pip (where packages come from, whom to trust) as uv reads them."""
    asked = [str(PYTHON), "-m", "pip", "config", "list"]
    listed = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    levels = ("global", "user", "site", ":env:")  # the later ones count for more
    found = {}
    for level in levels:
        for line in listed.splitlines():  # global.extra-index-url='https://one https://two'
            named, _, value = line.partition("=")
            if named.startswith(f"{level}."):
                found[named.rpartition(".")[2]] = value.strip("'\"").replace("\\n", " ").split()
    return {setting: between.join(found[name]) for name, (setting, between) in AS_UV_SAYS.items() if name in found}


def digest_of(stamp: Path) -> str:
    """Return the digest of the list a stamp stands for."""
    name = stamp.name.removeprefix("stamp-")
    return hashlib.sha256((ROOT / "requirements" / f"{name}.txt").read_bytes()).hexdigest()


def write_launcher() -> None:
    """Write .venv/bin/stoa."""
    launcher = VENV / "bin" / "stoa"
    text = LAUNCHER.format(root=ROOT, python=PYTHON)
    if not launcher.exists() or launcher.read_text() != text:
        launcher.write_text(text)
        launcher.chmod(0o755)


def run(command: list[str], what: str) -> None:
    """Run a step; its own output says what went wrong."""
    check(subprocess.run(command, cwd=ROOT, check=False).returncode == 0, what)


def check(is_done: bool, what: str) -> None:
    """Stop where a step has not been done."""
    if not is_done:
        raise SetupError(f"installing the {what} failed; the reason is above.")


def quiet(command: list[str], environment: dict[str, str] | None = None) -> bool:
    """Run a command without its output and answer whether it worked."""
    try:
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def say(text: str) -> None:
    """Tell what is going on."""
    print(f"{text} …", flush=True)


if __name__ == "__main__":
    sys.exit(main())
