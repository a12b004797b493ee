"""`python -m app` is the command `stoa`."""

from app.commands import stoa

if __name__ == "__main__":
    stoa(prog_name="stoa")
