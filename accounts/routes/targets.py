"""Where signing in may lead."""

from urllib.parse import urlsplit

from flask import url_for


def safe_next(wanted: str) -> str:
    """Return where to go after signing in: only a path of this application."""
    parts = urlsplit(wanted)
    is_local = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not parts.netloc
    return wanted if is_local else url_for("app.index")
