"""Courses to play in tests: a manifest in a few words, its rows, and somebody registered for it."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

from core.db import Session
from core.tables import File
from scorm_player.archive import Index, Member
from scorm_player.scorm.manifest.model import Manifest, Organization, Resource
from scorm_player.scorm.sequencing.definition import (
    Activity,
    ConditionName,
    ControlModes,
    CourseStructure,
    Edition,
    Objective,
    ObjectiveMap,
    RuleAction,
    RuleCondition,
    SequencingRule,
    SequencingRules,
)
from scorm_player.scorm.visit import Learner
from scorm_player.services import registrations, runtime
from scorm_player.services.runtime import Batch
from scorm_player.tables import (
    ContentPackage,
    ImportState,
    PackageItem,
    PackageItemKind,
    PackageStandard,
    PackageVersion,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PERSON = Learner("ana", "Tester, Ana")
COURSE = "http://localhost/packages/fire"


def sco(identifier: str, **more) -> Activity:
    return Activity(identifier, title=identifier.title(), resource=f"r-{identifier}", **more)


FLOWS = ControlModes(choice=True, flow=True)


def gated() -> tuple[Activity, Activity]:
    """Two parts, the second of which is disabled until the first one is passed."""
    writes = Objective("own", maps=(ObjectiveMap("shared", write_satisfied_status=True),))
    reads = Objective("one", maps=(ObjectiveMap("shared", read_satisfied_status=True),))
    unmet = RuleCondition(ConditionName.SATISFIED, negated=True, referenced_objective="one")
    rules = SequencingRules(pre=(SequencingRule(RuleAction.DISABLED, (unmet,)),))
    return sco("one", primary=writes), sco("two", objectives=(reads,), rules=rules)


def structure(
    *activities: Activity, edition: Edition = Edition.SCORM_1_2, control: ControlModes = FLOWS, **more
) -> CourseStructure:
    return CourseStructure(
        Activity("course", title="Fire safety", children=activities, control=control, **more), edition
    )


def course(
    session: Session,
    *activities: Activity,
    edition: Edition = Edition.SCORM_1_2,
    control: ControlModes = FLOWS,
    sha256: str = "0" * 64,
    index: bytes = b"",
) -> UUID:
    """Store a course of these activities as if it had been imported; answer the version's id.

    Each of them is opened at "<identifier>.html" of the zip with this hash and index.
    """
    built = structure(*(activities or (sco("one"),)), edition=edition, control=control)
    leaves = [activity for activity in built.root.walk() if activity.resource]
    manifest = Manifest(
        identifier="fire",
        edition=edition,
        organizations=(Organization(built),),
        resources={leaf.resource: Resource(leaf.resource, leaf.is_sco, f"{leaf.identifier}.html") for leaf in leaves},
    )
    file = File(sha256=sha256, size_bytes=1, media_type="application/zip", original_name="fire.zip", created_at=NOW)
    package = ContentPackage(
        title="Fire safety",
        standard=PackageStandard.SCORM_12 if edition is Edition.SCORM_1_2 else PackageStandard.SCORM_2004_4E,
        identifier="fire",
        activity_iri=COURSE,
        created_at=NOW,
    )
    session.add_all([file, package])
    session.flush()
    version = PackageVersion(
        package_id=package.id,
        sequence=1,
        file_id=file.id,
        sha256=file.sha256,
        uncompressed_bytes=1,
        file_count=1,
        member_index=index,
        manifest=manifest.to_json(),
        state=ImportState.READY,
        import_report=[],
        title="Fire safety",
        capability=f"capability-{package.id.hex}",
        capability_since=NOW,
        ready_at=NOW,
    )
    session.add(version)
    session.flush()
    for position, activity in enumerate(built.root.walk()):
        is_root = activity is built.root
        session.add(
            PackageItem(
                package_version_id=version.id,
                position=position,
                identifier=activity.identifier,
                kind=PackageItemKind.ORGANIZATION if is_root else PackageItemKind.SCO,
                title=activity.title,
                activity_iri=COURSE if is_root else f"{COURSE}/{activity.identifier}",
            )
        )
    session.flush()
    return version.id


def registered(session: Session, user_id: UUID, *activities: Activity, **more) -> UUID:
    """Answer the registration of somebody for a course of these activities."""
    return registrations.register(
        session,
        user_id=user_id,
        package_version_id=course(session, *activities, **more),
        actor={"objectType": "Agent", "account": {"homePage": "http://localhost", "name": str(user_id)}},
        now=NOW,
    )


def launched(session: Session, registration: UUID, now: datetime = NOW, **more) -> runtime.Launch:
    return runtime.launch(session, registration, person=PERSON, now=now, **more)


def sent(
    session: Session, launch: runtime.Launch, sequence: int, *changes: tuple[str, str], now: datetime = NOW, **marks
) -> runtime.Committed:
    """Commit one batch of changes."""
    batch = Batch(sequence, changes, Decimal(marks.pop("seconds", 0)), **marks)
    return runtime.commit(session, launch.session_id, [batch], announced=sequence, now=now)


def index(**files):
    return Index(tuple(Member(f"{name}.html", 0, 1, 1, 0, crc) for name, crc in files.items())).to_bytes()


def next_version(db, old_id, change=lambda root: root, **files):
    """The package once more, after a change of its tree, with other files."""
    old = db.get(PackageVersion, (db.info["organization_id"], old_id))
    manifest = Manifest.from_json(old.manifest)
    built = manifest.organizations[0].structure
    built = replace(built, root=change(built.root))
    sha256 = uuid4().hex * 2
    file = File(sha256=sha256, size_bytes=1, media_type="application/zip", original_name="b.zip", created_at=NOW)
    db.add(file)
    db.flush()
    new = PackageVersion(
        package_id=old.package_id, sequence=2, file_id=file.id, sha256=sha256, uncompressed_bytes=1, file_count=1,
        member_index=index(**files), import_report=[], title="Fire safety", state=ImportState.READY,
        manifest=replace(manifest, organizations=(replace(manifest.organizations[0], structure=built),)).to_json(),
        capability=f"capability-{sha256}"[:60], capability_since=NOW, ready_at=NOW,
    )  # fmt: skip
    db.add(new)
    db.flush()
    for position, activity in enumerate(built.root.walk()):
        iri = COURSE if activity is built.root else f"{COURSE}/{activity.identifier}"
        kind = "organization" if activity is built.root else "sco"
        db.add(
            PackageItem(
                package_version_id=new.id, position=position, identifier=activity.identifier, kind=kind,
                title=activity.title, activity_iri=iri,
            )
        )  # fmt: skip
    db.flush()
    return old, new
