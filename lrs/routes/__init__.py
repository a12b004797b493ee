"""The edge of lrs: xAPI requests in, answers out, on one store under three mounts; and the pages for who runs it."""

from lrs.routes import about, agents, browser, credentials, documents, statements
from lrs.routes.blueprint import bp

__all__ = ["about", "agents", "bp", "browser", "credentials", "documents", "statements"]
