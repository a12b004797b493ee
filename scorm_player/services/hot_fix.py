"""Learners in progress move to another version of their package: with all their data, or to begin it anew.

A hot-fix takes everything along, and is possible only where identifiers and structure are equal, so that every
bookmark, status and rule means in the new version what it meant in the old one. A switch is always possible: they begin
the other version, and what they did stays on record. Nobody moves by themselves: a new version leaves running
registrations on theirs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from core import audit
from core.db import Session
from core.errors import Conflict, Invalid, NotFound
from scorm_player.archive import Index
from scorm_player.scorm.sequencing.definition import Activity
from scorm_player.services import addresses, repair
from scorm_player.store import hot_fixes as store
from scorm_player.store import packages as package_store
from scorm_player.store import registrations as registration_store
from scorm_player.store.registrations import Course
from scorm_player.tables import ImportState, MoveKind, PackageVersion, RegistrationMove

MOST = 10_000
"""Registrations that move in one go."""


class DoesNotFit(Conflict):
    """The two versions differ in what learners' data hang on."""

    title = "These versions differ too much for a hot-fix"


@dataclass(frozen=True)
class Difference:
    """What changes between two versions. `obstacles` name what keeps data from moving; files by name."""

    obstacles: Sequence[str]
    changed: Sequence[str]
    added: Sequence[str]
    removed: Sequence[str]


@dataclass(frozen=True)
class Origin:
    """Another version of the package, and how many learners are in progress on it."""

    version: PackageVersion
    in_progress: int


@dataclass(frozen=True)
class Move:
    """A registration's change of version, as evidence tells it. `begins_anew`: a switch, not a hot-fix."""

    from_sha256: str
    to_sha256: str
    moved_at: datetime
    reason: str
    begins_anew: bool = False


def origins(session: Session, version: PackageVersion) -> list[Origin]:
    """Return the other versions of a package on which somebody is in progress, newest first."""
    counts = store.in_progress(session, version.package_id)
    return [
        Origin(other, counts[other.id])
        for other in package_store.versions(session, version.package_id)
        if other.id != version.id and other.id in counts
    ]


def difference(session: Session, origin: PackageVersion, target: PackageVersion) -> Difference:
    """Compare two versions: activities by identifier with all their rules, files by their checksums."""
    before, after = (registration_store.course(session, one.id) for one in (origin, target))
    old, new = (_files(one) for one in (origin, target))
    return Difference(
        obstacles=_obstacles(before, after),
        changed=sorted(name for name in old.keys() & new.keys() if old[name] != new[name]),
        added=sorted(new.keys() - old.keys()),
        removed=sorted(old.keys() - new.keys()),
    )


def move(
    session: Session, origin: PackageVersion, target: PackageVersion, *, reason: str, by: UUID, now: datetime
) -> int:
    """Move everybody in progress from one version to the other, with their data; answer how many.

    Raises NotFound for versions of different packages, Invalid without a reason, DoesNotFit with what differs.
    """
    _require(origin, target, reason)
    if obstacles := difference(session, origin, target).obstacles:
        raise DoesNotFit(" ".join(obstacles))
    ids = store.lock_in_progress(session, origin.id, MOST)
    store.move(session, ids, origin.id, target.id)
    _note(session, ids, origin, target, MoveKind.HOT_FIX, reason, by, now)
    session.expire_all()
    return len(ids)


def switch(
    session: Session, origin: PackageVersion, target: PackageVersion, *, reason: str, by: UUID, name: str, now: datetime
) -> int:
    """Let everybody in progress on one version begin the other; answer how many.

    Their attempts are set aside and can be looked at; statements of their outcome are voided in the name of `by`, whose
    own registration stays: nobody repairs their own records.
    Raises NotFound for versions of different packages, Invalid without a reason, Conflict for one that cannot play.
    """
    _require(origin, target, reason)
    found = [registration_store.get(session, one) for one in store.lock_in_progress(session, origin.id, MOST)]
    ids = [registration.id for registration in found if registration.user_id != by]
    for registration_id in ids:
        account = registration_store.get(session, registration_id).actor.get("account", {})
        home = account.get("homePage", addresses.known.home_page)
        who = {"objectType": "Agent", "name": name, "account": {"homePage": home, "name": str(by)}}
        repair.switch(session, registration_id, target.id, repair.By(who, reason), now)
    _note(session, ids, origin, target, MoveKind.SWITCH, reason, by, now)
    return len(ids)


def _require(origin: PackageVersion, target: PackageVersion, reason: str) -> None:
    if origin.package_id != target.package_id or origin.id == target.id:
        raise NotFound("There is no such version of this package.")
    if not reason:
        raise Invalid("Say why: it stays with the evidence.")
    if target.state not in (ImportState.READY, ImportState.READY_WITH_WARNINGS):
        raise Conflict("This version cannot be played.")


def _note(
    session: Session,
    ids: Sequence[UUID],
    origin: PackageVersion,
    target: PackageVersion,
    kind: MoveKind,
    reason: str,
    by: UUID,
    now: datetime,
) -> None:
    """Write down who went from which version to which, for the evidence and for the audit log."""
    session.add_all(
        RegistrationMove(
            registration_id=moved,
            from_version_id=origin.id,
            to_version_id=target.id,
            moved_at=now,
            moved_by=by,
            reason=reason,
            kind=kind,
        )
        for moved in ids
    )
    session.flush()
    audit.record(
        session,
        "package.hot_fixed" if kind is MoveKind.HOT_FIX else "package.switched",
        "package_version",
        target.id,
        old={"sha256": origin.sha256},
        new={"sha256": target.sha256},
        details={"reason": reason, "registrations": len(ids)},
    )


def moves(session: Session, registration_ids: Sequence[UUID], until: datetime) -> Mapping[UUID, list[Move]]:
    """Return, by registration, the changes of version that came up to a moment, in their order."""
    found: dict[UUID, list[Move]] = {}
    for row, old, new in store.moves(session, registration_ids, until):
        found.setdefault(row.registration_id, []).append(
            Move(old, new, row.moved_at, row.reason, row.kind is MoveKind.SWITCH)
        )
    return found


def switched(session: Session, registration_ids: Sequence[UUID]) -> Mapping[UUID, UUID]:
    """Return, of these registrations, those that were switched, with the version they are on now."""
    return store.switched(session, registration_ids)


def _files(version: PackageVersion) -> dict[str, tuple[int, int]]:
    return {member.name: (member.size, member.crc) for member in Index.from_bytes(version.member_index).members}


def _obstacles(before: Course, after: Course) -> list[str]:
    """Say what learners' data hang on and is not the same."""
    old = {activity.identifier: activity for activity in before.structure.root.walk()}
    new = {activity.identifier: activity for activity in after.structure.root.walk()}
    found = [f"{old[name].title or name} is missing in the new version." for name in old if name not in new]
    found += [f"{new[name].title or name} is new." for name in new if name not in old]
    if found:
        return found
    if before.structure.edition is not after.structure.edition or dict(before.iris) != dict(after.iris):
        return ["The standard, or the activities' addresses, differ."]
    found = [
        f"The rules of {new[name].title or name} differ."
        for name in old
        if _own_rules(old[name]) != _own_rules(new[name])
    ]
    if found:
        return found
    same = replace(before.structure, root=_bones(before.structure.root)) == replace(
        after.structure, root=_bones(after.structure.root)
    )
    return [] if same else ["The order of the parts, or what the course shares with others, differs."]


def _own_rules(activity: Activity) -> Activity:
    """The activity by itself, without what a reader sees and where its files lie."""
    return replace(
        activity,
        title="",
        children=(),
        parameters="",
        hidden_controls=frozenset(),
        resource="resource" if activity.resource else None,
    )


def _bones(activity: Activity) -> Activity:
    return replace(_own_rules(activity), children=tuple(_bones(child) for child in activity.children))
