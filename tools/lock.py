"""Resolve the direct dependencies of pyproject.toml into requirements/*.txt: exact, hashed, for every platform.

uv, which installs them, has a list of its own, since it comes first.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETS = {"runtime": [], "dev": ["--extra", "dev"]}
OPTIONS = ["--universal", "--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate"]


def main() -> int:
    """Write the lists."""
    uv = Path(sys.executable).parent / "uv"
    for name, extra in SETS.items():
        target = f"requirements/{name}.txt"
        command = [str(uv), "pip", "compile", "--quiet", *OPTIONS, "--python-version", "3.11", "pyproject.toml", *extra]
        if subprocess.run([*command, "-o", target], cwd=ROOT, check=False).returncode != 0:
            return 1
    whole = (ROOT / "requirements" / "dev.txt").read_text()
    (ROOT / "requirements" / "uv.txt").write_text(re.search(r"^uv==(?:.*\\\n)*.*\n", whole, re.MULTILINE)[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
