"""What differs between two versions of a package, who is in progress on which, and who went from one to the other.

A hot-fix takes everything along, and is possible only where identifiers and structure are equal, so that every
bookmark, status and rule means in the new version what it meant in the old one. A switch is always possible: they begin
the other version, and what they did stays on record. Nobody moves by themselves: a new version leaves running
registrations on theirs. `moving` does it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from core.db import Session
from scorm_player.archive import Index
from scorm_player.scorm.sequencing.definition import Activity
from scorm_player.store import hot_fixes as store
from scorm_player.store import packages as package_store
from scorm_player.store import registrations as registration_store
from scorm_player.store.registrations import Course
from scorm_player.tables import MoveKind, PackageVersion


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
