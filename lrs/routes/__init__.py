"""The edge of lrs: xAPI requests in, answers out, on one store under three mounts."""

from lrs.routes import about, agents, documents, statements
from lrs.routes.blueprint import bp

__all__ = ["about", "agents", "bp", "documents", "statements"]
