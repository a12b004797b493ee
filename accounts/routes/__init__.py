"""The edge of accounts: signing in and out, links in letters, one's own account, people."""

from accounts.routes import links, people, profile, second_factor, sign_in
from accounts.routes.blueprint import bp

__all__ = ["bp", "links", "people", "profile", "second_factor", "sign_in"]
