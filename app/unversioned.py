"""The REST interface without a version in its address: the same as the present version."""

from collections.abc import Callable, Iterable
from typing import Any

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_NOT_CALLS = ("/api/v1/", "/api/docs")


class Unversioned:
    """Leads /api/… to /api/v1/… before the application looks at the address."""

    def __init__(self, application: Wsgi) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        if path.startswith("/api/") and not path.startswith(_NOT_CALLS):
            environ["PATH_INFO"] = "/api/v1/" + path.removeprefix("/api/")
        return self._application(environ, start_response)
