"""The edge of accounts: signing in and out, the list of people."""

from accounts.routes import people, sign_in
from accounts.routes.blueprint import bp

__all__ = ["bp", "people", "sign_in"]
