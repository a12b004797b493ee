"""Starts Stoa by forking: a process that has read the whole application waits for orders; each Stoa begins from there.

An order is a line of JSON on standard input, {"environment": {…}, "log": "path"}; the answer is the process's number.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from app.commands import stoa


def main() -> None:
    """Obey until standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever ends is gone at once, nobody asks how
    for line in sys.stdin:
        order = json.loads(line)
        number = os.fork()
        if number == 0:
            _become(order["environment"], Path(order["log"]))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


def _become(environment: dict[str, str], log: Path) -> NoReturn:
    """Be `stoa serve` of this environment."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    with log.open("wb") as output, Path(os.devnull).open("rb") as nothing:
        for number, file in ((0, nothing), (1, output), (2, output)):
            os.dup2(file.fileno(), number)
    os.environ.clear()
    os.environ.update(environment)
    code = 1
    try:
        stoa(["serve"], prog_name="stoa")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
