"""Where the application answers, for the links in letters. Told once by the wiring: jobs have no request to ask."""

_app_origin = "http://localhost:8000"


def use(app_origin: str) -> None:
    """Say which origin the application's pages have."""
    global _app_origin
    _app_origin = app_origin


def link(path: str, token: str) -> str:
    """Return the address that takes a one-time token in; logs redact whatever follows `token=`."""
    return f"{_app_origin}{path}?token={token}"


def page(path: str) -> str:
    """Return the address of a page."""
    return f"{_app_origin}{path}"
