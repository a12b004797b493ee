"""The edge of accounts: signing in and out, links in letters, one's own account, people."""

from accounts.routes import (
    api_clients,
    api_people,
    api_structure,
    audiences,
    custom_fields,
    links,
    people,
    people_import,
    person_details,
    positions,
    profile,
    roles,
    scim,
    second_factor,
    sign_in,
    units,
)
from accounts.routes.blueprint import bp

__all__ = [
    "api_clients",
    "api_people",
    "api_structure",
    "audiences",
    "bp",
    "custom_fields",
    "links",
    "people",
    "people_import",
    "person_details",
    "positions",
    "profile",
    "roles",
    "scim",
    "second_factor",
    "sign_in",
    "units",
]
