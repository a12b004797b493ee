"""Who may do what: every permission there is, and what the built-in roles hold (matrix in `docs/permissions.md`).

A role reaches the whole organization, or only the places it is given for: a line of reporting, a unit with those
below it, a course. One's own records need no permission.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

SIGNED_IN = "signed_in"
"""Held by everybody who is signed in."""


class Kind(StrEnum):
    """What a role can be limited to."""

    REPORTS = "reports"  # everybody who reports to this person, directly or through others
    UNIT = "unit"  # everybody in this unit or below it
    COURSE = "course"  # this course, and what people do in it


Place = tuple[str, UUID]
"""A kind and the id of the person, unit or course that a role is limited to."""


class Reach(StrEnum):
    """How far a role's permission goes."""

    ALL = "●"
    LIMITED = "◐"


@dataclass(frozen=True)
class Permission:
    """What a permission allows, in words; to what it can be limited, and whether everybody has it for themselves.

    A `personal` one touches nobody else: it needs no limit, and anybody who gives roles may give it.
    """

    says: str
    limits: frozenset[Kind] = frozenset()
    is_personal: bool = False
    is_own: bool = False


_PEOPLE = frozenset({Kind.REPORTS, Kind.UNIT})
_ANY = frozenset(Kind)

PERMISSIONS: dict[str, Permission] = {
    "api_client.manage": Permission("Let programs in: API clients"),
    "assignment.create": Permission("Assign courses to people, and cancel assignments", _ANY),
    "audit.read": Permission("Read the audit log"),
    "catalog.browse": Permission("Browse the catalog", is_personal=True),
    "certificate.read": Permission("See certificates of others", _ANY, is_own=True),
    "certificate.revoke": Permission("Revoke certificates"),
    "course.publish": Permission("Publish and archive courses"),
    "course.write": Permission("Build courses"),
    "evidence.read": Permission("Follow the evidence behind completions"),
    "learn": Permission("Learn: take courses, hold certificates", is_personal=True),
    "lrs.admin": Permission("Administer the record store: statements, credentials, other stores"),
    "organization.manage": Permission("Manage the organization, its settings and its jobs"),
    "package.import": Permission("Import packages and preview them"),
    "people.read": Permission("See people and where they stand", _PEOPLE, is_own=True),
    "people.sensitive": Permission("See and change personal data of others", is_own=True),
    "people.view_as": Permission("Look at the application as somebody else sees it, changing nothing"),
    "people.write": Permission("Add, change and import people, units, positions and audiences"),
    "progress.read": Permission("See assignments, progress and attempts of others", _ANY, is_own=True),
    "progress.repair": Permission("Help stuck learners: begin again, restore a place, set a status"),
    "sign_in.manage": Permission("Say how people sign in: identity providers, second factors"),
    "progress.totals": Permission("See how the organization's assignments stand in total"),
    "roles.assign": Permission("Give roles, take them away, and make roles"),
}
"""Every permission there is, but for `signed_in`."""

_LEARNER = {"catalog.browse", "learn"}
_READER = {"people.read", "progress.read", "progress.totals", "certificate.read", "evidence.read"}
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
_LIMITED = ("people.read", "progress.read", "certificate.read", "assignment.create")


def _all(*codes: str) -> dict[str, Reach]:
    return dict.fromkeys(codes, Reach.ALL)


_OVER_SOME = _all(*_LEARNER) | dict.fromkeys(_LIMITED, Reach.LIMITED)

ROLES: dict[str, Mapping[str, Reach]] = {
    "platform_admin": _all(
        "catalog.browse",
        "people.read",
        "people.view_as",
        "organization.manage",
        "roles.assign",
        "lrs.admin",
        "audit.read",
    ),
    "org_admin": _all(
        *_TRAINING,
        "people.sensitive",
        "people.view_as",
        "organization.manage",
        "roles.assign",
        "lrs.admin",
        "audit.read",
        "api_client.manage",
        "sign_in.manage",
    ),
    "training_admin": _all(*_TRAINING, "lrs.admin"),
    "compliance_officer": _all(*_LEARNER, *_READER, "assignment.create", "certificate.revoke", "audit.read"),
    "content_author": _all(*_LEARNER, "course.write", "package.import"),
    "instructor": _OVER_SOME,
    "manager": _OVER_SOME,
    "executive": _all(*_LEARNER, "people.read", "progress.totals", "certificate.read", "audit.read"),
    "auditor": _all("catalog.browse", *_READER, "audit.read"),
    "learner": _all(*_LEARNER),
    "integration": {},
}
"""The built-in roles. What is limited (◐) holds only where the role is given for; a manager's line is one by itself."""


@dataclass(frozen=True)
class Held:
    """A role as somebody holds it: what it allows, and where; without places in the whole organization."""

    codes: Mapping[str, Reach]
    places: frozenset[Place] = frozenset()


@dataclass(frozen=True)
class Granted:
    """What somebody may do: everywhere, or in some places only."""

    everywhere: frozenset[str]
    limited: Mapping[str, frozenset[Place]]
    places: frozenset[Place]


def of_roles(held: Iterable[Held]) -> Granted:
    """Return what somebody holding these roles may do."""
    everywhere, limited, places = {SIGNED_IN}, dict[str, set[Place]](), set[Place]()
    for role in held:
        places |= role.places
        for code, reach in role.codes.items():
            permission = PERMISSIONS[code]
            if permission.is_personal or (reach is Reach.ALL and not role.places):
                everywhere.add(code)
            elif fitting := {place for place in role.places if place[0] in permission.limits}:
                limited.setdefault(code, set()).update(fitting)
    narrow = {code: frozenset(where) for code, where in limited.items() if code not in everywhere}
    return Granted(frozenset(everywhere), narrow, frozenset(places))


def beyond(codes: Iterable[str], held: Iterable[str]) -> list[str]:
    """Return those of these permissions that somebody who holds `held` everywhere may not give."""
    known = set(held)
    return sorted(code for code in codes if code not in known and not PERMISSIONS[code].is_personal)
