"""The edge of accounts: signing in and out, links in letters, one's own account, people."""

from accounts.routes import links, people, positions, profile, second_factor, sign_in, units
from accounts.routes.blueprint import bp

__all__ = ["bp", "links", "people", "positions", "profile", "second_factor", "sign_in", "units"]
