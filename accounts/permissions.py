"""Who may do what: the built-in roles as sets of permission codes (matrix in `docs/permissions.md`)."""

from collections.abc import Iterable

SIGNED_IN = "signed_in"
"""Held by everybody who is signed in."""

_LEARNER = {"catalog.browse", "learn", "certificate.read_own"}
_READER = {"catalog.browse", "people.read", "progress.read", "certificate.read", "evidence.read"}
_TRAINING = {
    *_LEARNER,
    *_READER,
    "people.write",
    "course.write",
    "course.publish",
    "package.import",
    "assignment.create",
    "certificate.revoke",
    "progress.repair",
}

ROLES: dict[str, frozenset[str]] = {
    "platform_admin": frozenset({"people.read", "organization.manage", "roles.assign", "lrs.admin", "audit.read"}),
    "org_admin": frozenset(
        {
            *_TRAINING,
            "people.sensitive",
            "organization.manage",
            "roles.assign",
            "lrs.admin",
            "audit.read",
            "api_client.manage",
        }
    ),
    "training_admin": frozenset({*_TRAINING, "lrs.admin"}),
    "compliance_officer": frozenset({*_LEARNER, *_READER, "assignment.create", "certificate.revoke", "audit.read"}),
    "content_author": frozenset({*_LEARNER, "people.read", "course.write", "package.import"}),
    "instructor": frozenset(_LEARNER),
    "manager": frozenset(_LEARNER),
    "executive": frozenset({*_LEARNER, "people.read"}),
    "auditor": frozenset({*_READER, "audit.read"}),
    "learner": frozenset(_LEARNER),
    "integration": frozenset(),
}

PERMISSIONS = frozenset({SIGNED_IN}.union(*ROLES.values()))
"""Every permission a route may ask for."""


def of_roles(roles: Iterable[str]) -> frozenset[str]:
    """Return what somebody holding these roles may do."""
    return frozenset({SIGNED_IN}).union(*(ROLES[role] for role in roles))
