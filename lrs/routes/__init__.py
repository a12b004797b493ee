"""The edge of lrs: xAPI requests in, answers out, on one store under three mounts; and the pages for who runs it."""

from lrs.routes import (
    about,
    activity,
    agents,
    api,
    api_credentials,
    browser,
    credentials,
    documents,
    exchange,
    personas,
    privacy,
    profiles,
    remotes,
    retention,
    statements,
)
from lrs.routes.blueprint import bp

__all__ = [
    "about",
    "activity",
    "agents",
    "api",
    "api_credentials",
    "bp",
    "browser",
    "credentials",
    "documents",
    "exchange",
    "personas",
    "privacy",
    "profiles",
    "remotes",
    "retention",
    "statements",
]
