"""Where the application answers, for what leaves it: accounts of people in statements, the address behind a QR code.

Told once by the wiring, since jobs have no request to read it from.
"""

_app_origin = "http://localhost:8000"


def use(app_origin: str) -> None:
    """Say which origin the application's pages have."""
    global _app_origin
    _app_origin = app_origin


def home_page(slug: str) -> str:
    """Return the account home page of an organization's people."""
    return f"{_app_origin}/o/{slug}"


def verification(code: str) -> str:
    """Return the address at which anybody can check a certificate."""
    return f"{_app_origin}/verify/{code}"
