"""Static files under addresses that carry their content's hash, so that browsers may keep them for a year."""

import gzip
import hashlib
import io
import mimetypes
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, request, send_file, send_from_directory
from flask.typing import ResponseReturnValue
from werkzeug.security import safe_join

from core.errors import NotFound
from core.http import machine

YEAR = 365 * 24 * 3600
COMPRESSED = {".css", ".js", ".mjs", ".svg", ".json", ".map"}


class StaticFiles:
    """The folder `static/`: `/static/v-<hash>/<file>` for pages, kept for a year; `/static/<file>` is revalidated."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mount(self, app: Flask) -> None:
        """Add the view under the endpoint `static`, so that `url_for("static", filename=…)` names the hash."""

        @machine()
        def view(filename: str, version: str | None = None) -> ResponseReturnValue:
            return self.serve(filename, version)

        app.add_url_rule("/static/v-<version>/<path:filename>", "static", view)
        app.add_url_rule("/static/<path:filename>", "static_unversioned", view)
        app.url_defaults(self._add_version)

    def _add_version(self, endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static":
            values.setdefault("version", fingerprint(self.folder))

    def serve(self, filename: str, version: str | None = None) -> ResponseReturnValue:
        """Answer one file. The fingerprint covers all files, since modules import each other by relative address."""
        if any(part.startswith(".") for part in filename.split("/")):
            raise NotFound
        is_current = version == fingerprint(self.folder)
        response = self._file(filename, max_age=YEAR if is_current else 0)
        if is_current:
            response.cache_control.immutable = True
            response.cache_control.public = True
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    def _file(self, name: str, max_age: int) -> Response:
        path = safe_join(str(self.folder), name)
        wants_gzip = "gzip" in request.headers.get("Accept-Encoding", "")
        if path is None or not wants_gzip or Path(path).suffix not in COMPRESSED or not Path(path).is_file():
            return send_from_directory(self.folder, name, max_age=max_age)
        changed = Path(path).stat().st_mtime_ns
        response = send_file(
            io.BytesIO(_gzip(path, changed)), mimetypes.guess_type(path)[0], max_age=max_age, etag=f"{changed:x}-gzip"
        )
        response.headers["Content-Encoding"] = "gzip"
        response.vary.add("Accept-Encoding")
        return response


@lru_cache(maxsize=256)
def _gzip(path: str, _changed: int) -> bytes:
    return gzip.compress(Path(path).read_bytes(), 9)


@cache
def fingerprint(folder: Path) -> str:
    """Return a short hash over names, sizes and times of all files below `folder`; computed once per process."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            stat = path.stat()
            digest.update(f"{path.relative_to(folder)}:{stat.st_size}:{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:12]
