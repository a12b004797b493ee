"""Reading and locking registrations, and the course each one plays."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from sqlalchemy import bindparam, select

from core.db import Session, organization_of
from core.errors import NotFound
from scorm_player.scorm.languages import tag_of
from scorm_player.scorm.manifest.model import Manifest
from scorm_player.scorm.sequencing.definition import Activity, CourseStructure
from scorm_player.scorm.sequencing.state import SequencingState
from scorm_player.scorm.sequencing.tree import ActivityTree
from scorm_player.scorm.transfer import item_of
from scorm_player.scorm.visit import Item
from scorm_player.tables import LaunchSession, PackageItem, PackageVersion, Registration, ScormItemState


@dataclass(frozen=True)
class Course:
    """A package version as the run-time needs it. Never changes, so it is kept in memory once read."""

    version_id: UUID
    manifest: Manifest
    item_ids: Mapping[str, UUID]  # by the activity's identifier
    iris: Mapping[str, str]  # by the activity's identifier; the root's is the course's
    items: Mapping[str, Item]  # what the manifest tells the run-time of each activity
    findings: frozenset[str]  # the rules of its import's findings

    @property
    def structure(self) -> CourseStructure:
        """The default organization's tree."""
        return self.manifest.organizations[0].structure

    @property
    def language(self) -> str:
        """The language of the course's texts as a tag, "und" where it does not say, or says nothing that is one."""
        return tag_of(self.manifest.metadata.language)

    def identifier(self, item_id: UUID) -> str:
        """Return the identifier of an item's activity. Raises NotFound."""
        try:
            return self._identifiers[item_id]
        except KeyError:
            raise NotFound from None

    def holds(self, item_id: UUID) -> bool:
        """Tell whether an item is of this version; after a switch, earlier ones are of another."""
        return item_id in self._identifiers

    def activity(self, identifier: str) -> Activity:
        """Return an activity by its identifier. Raises NotFound."""
        try:
            return self._activities[identifier]
        except KeyError:
            raise NotFound from None

    @cached_property
    def _identifiers(self) -> Mapping[UUID, str]:
        return {item_id: identifier for identifier, item_id in self.item_ids.items()}

    @cached_property
    def _activities(self) -> Mapping[str, Activity]:
        return {activity.identifier: activity for activity in self.structure.root.walk()}


KEPT_COURSES = 200
_courses: OrderedDict[tuple[UUID, UUID], Course] = OrderedDict()


def get(session: Session, registration_id: UUID, *, lock: bool = False) -> Registration:
    """Return the tenant's registration; `lock` makes all who write under it queue. Raises NotFound."""
    found = session.scalars(_LOCKED if lock else _ONE, {"registration_id": registration_id}).one_or_none()
    if found is None:
        raise NotFound("There is no such registration.")
    return found


_ONE = select(Registration).where(Registration.id == bindparam("registration_id"))
# What was read before the lock may be out of date.
_LOCKED = _ONE.with_for_update().execution_options(populate_existing=True)


def untouched(session: Session, registration_ids: Sequence[UUID], *, lock: bool) -> set[UUID]:
    """Return those of these registrations that no session and no data belong to."""
    begun = [
        select(table.id).where(table.registration_id == Registration.id).exists()
        for table in (LaunchSession, ScormItemState)
    ]
    query = select(Registration.id).where(Registration.id.in_(registration_ids), *(~one for one in begun))
    query = query.order_by(Registration.id)
    return set(session.scalars(query.with_for_update() if lock else query))


def find_preview(session: Session, version_id: UUID, user_id: UUID) -> UUID | None:
    """Return the registration under which somebody previews a version."""
    query = select(Registration.id).where(
        Registration.package_version_id == version_id, Registration.user_id == user_id, Registration.is_preview
    )
    return session.scalar(query.order_by(Registration.created_at).limit(1))


def known_course(organization_id: UUID, version_id: UUID) -> Course | None:
    """Return what a package version says, if this process has read it already."""
    return _courses.get((organization_id, version_id))


def course(session: Session, version_id: UUID) -> Course:
    """Return what a package version says. Raises NotFound."""
    key = (organization_of(session), version_id)
    known = _courses.get(key)
    if known is None:
        known = _courses[key] = _read_course(session, version_id)
        while len(_courses) > KEPT_COURSES:
            _courses.popitem(last=False)
    return known


def course_of_item(session: Session, item_id: UUID) -> Course:
    """Return what the package version of an item says. Raises NotFound."""
    version_id = session.scalar(select(PackageItem.package_version_id).where(PackageItem.id == item_id))
    if version_id is None:
        raise NotFound("There is no such item.")
    return course(session, version_id)


def _read_course(session: Session, version_id: UUID) -> Course:
    version = session.execute(
        select(PackageVersion.manifest, PackageVersion.import_report).where(PackageVersion.id == version_id)
    ).one_or_none()
    if version is None:
        raise NotFound("There is no such package version.")
    query = select(PackageItem.identifier, PackageItem.id, PackageItem.activity_iri).where(
        PackageItem.package_version_id == version_id
    )
    rows = session.execute(query).all()
    read = Manifest.from_json(version.manifest)
    tree = ActivityTree(read.organizations[0].structure, SequencingState())
    return Course(
        version_id,
        read,
        {identifier: item_id for identifier, item_id, _ in rows},
        {identifier: iri for identifier, _, iri in rows if iri is not None},
        {identifier: item_of(tree, node) for identifier, node in tree.nodes.items()},
        frozenset(str(finding.get("rule")) for finding in version.import_report),
    )
