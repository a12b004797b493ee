"""Packages: taken in, examined, kept with every version; what the rooms above may know of them."""

import math
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, BinaryIO
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import insert

from core import audit, files, jobs
from core.db import Session, organization_of, uuid7
from core.events import publish
from core.files import StoredFile
from scorm_player import archive, own_window
from scorm_player.archive import Index, Limits
from scorm_player.events import PackageImported, PackageRefused
from scorm_player.findings import Finding, Findings, Refused, Severity
from scorm_player.scorm.manifest.model import Manifest, Metadata, Organization
from scorm_player.scorm.manifest.parse import parse
from scorm_player.scorm.manifest.places import MANIFEST, MISSING, OUTSIDE, find_root
from scorm_player.scorm.sequencing.definition import Activity, Edition
from scorm_player.services.shelf import Shelf
from scorm_player.store import packages as store
from scorm_player.tables import (
    ContentPackage,
    ImportState,
    PackageImport,
    PackageItem,
    PackageItemKind,
    PackageSource,
    PackageStandard,
    PackageVersion,
)

__all__ = ["PackageImport", "PackageSource"]
"""Of the tables, what callers of these functions need by name."""

IMPORT_JOB = "scorm_player.import_package"
SCHEMA_JOB = "scorm_player.check_schemas"
IMPORT_TRIES = 3
READING_PATH_LIFETIME = timedelta(days=30)
LONGEST_IRI = 1000
LAUNCHABLE = (PackageItemKind.SCO, PackageItemKind.ASSET, PackageItemKind.AU)
STANDARDS = {
    Edition.SCORM_1_2: PackageStandard.SCORM_12,
    Edition.SECOND: PackageStandard.SCORM_2004_2E,
    Edition.THIRD: PackageStandard.SCORM_2004_3E,
    Edition.FOURTH: PackageStandard.SCORM_2004_4E,
}

_manifests: Shelf[Manifest] = Shelf(64)

Report = Callable[[int, str], None]
"""Told (percent, what is being done) as an examination goes on."""


@dataclass(frozen=True)
class VersionSummary:
    """What other rooms know of a version. `activity_iri` is the course's, the same for all versions of a package."""

    id: UUID
    package_id: UUID
    title: str
    description: str
    standard: PackageStandard
    sequence: int
    sha256: str
    activity_iri: str
    estimated_minutes: int | None
    finding_count: int


@dataclass(frozen=True)
class Examined:
    """A package that may be kept: what it holds, what it says, what was found."""

    index: Index
    manifest: Manifest
    findings: tuple[Finding, ...]


# --- taking in ---


def receive(
    session: Session,
    stored: StoredFile,
    *,
    file_name: str,
    source: PackageSource,
    home: str,
    created_by: UUID | None,
    now: datetime,
) -> PackageImport:
    """Note an upload whose bytes are in storage, and let a job examine it.

    `home` is the application's origin, from which the course's activity IRI is made.
    """
    upload = PackageImport(
        id=uuid7(),
        file_name=file_name[:255],
        sha256=stored.sha256,
        size_bytes=stored.size,
        source=source,
        report=[],
        created_at=now,
        created_by=created_by,
    )
    arguments = {"import_id": str(upload.id), "home": home}
    upload.job_id = jobs.enqueue(session, IMPORT_JOB, arguments, created_by=created_by, max_attempts=IMPORT_TRIES)
    session.add(upload)
    session.flush()
    return upload


def examine(file: BinaryIO, limits: Limits, report: Report = lambda _percent, _note: None) -> Examined:
    """Read a whole upload; raise Refused with place and remedy, and what else was found, when it cannot be kept."""
    checked = archive.check(file, limits, told_in_steps(report))
    report(85, "Reading the manifest")
    findings = Findings()
    try:
        index, manifest = read_manifest(file, checked.index, limits, findings)
    except Refused as refused:
        refused.also = checked.findings + findings.all()
        raise
    note_unlisted_files(index, manifest, findings)
    note_own_window(file, index, findings)
    report(95, "Keeping the package")
    return Examined(index, manifest, checked.findings + findings.all())


def read_manifest(file: BinaryIO, whole: Index, limits: Limits, findings: Findings) -> tuple[Index, Manifest]:
    """Return what is served of the zip, and what the manifest says. Raises Refused.

    That is the manifest's folder; the whole zip, where hrefs lead out of this folder to what lies beside it.
    """
    root = find_root(whole, findings)
    inner = archive.below(whole, root)
    found = (member for member in inner.members if member.name.lower() == MANIFEST)
    data = archive.read(file, min(found, key=lambda member: member.name != MANIFEST), limits.max_xml_bytes)
    reading = read_from(file, inner, "", data, limits)
    if root and reading.told.counts[OUTSIDE]:
        reading = min(reading, read_from(file, whole, root, data, limits), key=Read.problems)
    findings.take(reading.told)
    if isinstance(reading.manifest, Refused):
        raise reading.manifest
    return reading.index, reading.manifest


@dataclass(frozen=True)
class Read:
    """A manifest as it is read when these files are served."""

    index: Index
    manifest: Manifest | Refused
    told: Findings

    def problems(self) -> tuple[bool, int]:
        """Whether it is refused, and how many hrefs lead nowhere."""
        return isinstance(self.manifest, Refused), self.told.counts[OUTSIDE] + self.told.counts[MISSING]


def read_from(file: BinaryIO, index: Index, folder: str, data: bytes, limits: Limits) -> Read:
    """Read a manifest that lies in a folder of these files."""
    told = Findings()
    try:
        manifest = parse(data, told, archive.Folder(file, index), folder=folder, max_bytes=limits.max_xml_bytes)
    except Refused as refused:
        return Read(index, refused, told)
    return Read(index, manifest, told)


def told_in_steps(report: Report) -> archive.Progress:
    """Return the archive's progress as percents up to 80, told at every fifth."""
    last = -1

    def progress(done: int, total: int) -> None:
        nonlocal last
        step = 16 * done // total
        if step != last:
            last = step
            report(step * 5, f"Checked {done} of {total} files")

    return progress


def note_unlisted_files(index: Index, manifest: Manifest, findings: Findings) -> None:
    """Say how many files no resource lists; they are served all the same."""
    listed = {name for resource in manifest.resources.values() for name in resource.files}
    launched = {resource.href.partition("?")[0] for resource in manifest.resources.values() if resource.href}
    unlisted = [
        member.name
        for member in index.members
        if member.name not in listed
        and quote(member.name) not in launched
        and not member.name.lower().endswith((".xsd", ".dtd", ".xml"))
        and not member.name.startswith("__MACOSX/")
    ]
    if unlisted:
        count = "1 file of the package is" if len(unlisted) == 1 else f"{len(unlisted)} files of the package are"
        findings.note(
            "manifest.unlisted_files",
            f"{count} not listed in the manifest, for example “{unlisted[0]}”.",
            "List all files of a resource in its “file” elements.",
            file=MANIFEST,
        )


OWN_WINDOW = {
    own_window.TOP_WINDOW: (
        "The content looks for its API in the topmost window, so it is opened in a window of its own.",
        "Look for the API in the parents of the window, as the standard says.",
    ),
    own_window.FRAMED_PDF: (
        "The content shows a PDF inside of a page, which browsers refuse in the player's protected frame, so it is "
        "opened in a window of its own.",
        "Link to the PDF instead, so that it opens in a tab of its own.",
    ),
    own_window.FRAMES: (
        "The content has frames that send each other to other pages, which browsers refuse in the player's protected "
        "frame, so it is opened in a window of its own.",
        "Let the page that holds the frames send them, or do without frames.",
    ),
}


def note_own_window(file: BinaryIO, index: Index, findings: Findings) -> None:
    """Say when content does what works only in a window of its own."""
    signs = own_window.Signs()
    for member in index.members:
        if member.name.lower().endswith(own_window.READ) and member.size <= own_window.LARGEST_READ:
            signs.read(member.name, archive.read(file, member, own_window.LARGEST_READ))
    for rule, name in signs.told().items():
        findings.note(rule, *OWN_WINDOW[rule], file=name)


def accept(session: Session, import_id: UUID, examined: Examined, *, home: str, now: datetime) -> PackageVersion:
    """Keep an examined upload as the next version of its package; the same bytes are the same version.

    Publishes PackageImported for a new version. Doing it twice changes nothing.
    """
    upload = store.get_import(session, import_id, lock=True)
    if upload.package_version_id is not None:
        return store.get_version(session, upload.package_version_id)
    package = package_for(session, examined.manifest, upload, home=home, now=now)
    version = store.find_version(session, package.id, upload.sha256)
    if version is None:
        version = add_version(session, package, upload, examined, now)
        add_items(session, package, version, examined.manifest)
        package.title = version.title
        publish(session, PackageImported(package.id, version.id), subject=package.id)
        jobs.enqueue(session, SCHEMA_JOB, {"version_id": str(version.id)}, max_attempts=IMPORT_TRIES)
        details = {"sequence": version.sequence, "sha256": version.sha256, "import_id": str(upload.id)}
        audit.record(session, "package.imported", "package_version", version.id, details=details)
    upload.package_version_id = version.id
    upload.state = version.state
    upload.report = version.import_report
    upload.finished_at = now
    return version


def package_for(
    session: Session, manifest: Manifest, upload: PackageImport, *, home: str, now: datetime
) -> ContentPackage:
    """Return the package of the manifest's identifier, made now when this is its first version."""
    standard = STANDARDS[manifest.edition]
    store.claim_identifier(session, standard, manifest.identifier)
    package = store.find_package(session, standard, manifest.identifier)
    if package is None:
        package_id = uuid7()
        package = ContentPackage(
            id=package_id,
            title=manifest.title[:255],
            standard=standard,
            identifier=manifest.identifier,
            activity_iri=f"{home}/packages/{package_id}",
            source=upload.source,
            created_at=now,
            created_by=upload.created_by,
        )
        session.add(package)
        session.flush()
    package.archived_at = None
    return package


def add_version(
    session: Session, package: ContentPackage, upload: PackageImport, examined: Examined, now: datetime
) -> PackageVersion:
    """Write the version's row and the row that holds on to its zip."""
    manifest = examined.manifest
    told = manifest.metadata
    stored = StoredFile(upload.sha256, upload.size_bytes)
    has_warnings = any(finding.severity is not Severity.NOTE for finding in examined.findings)
    version = PackageVersion(
        package_id=package.id,
        sequence=store.last_sequence(session, package.id) + 1,
        file_id=files.keep(session, stored, media_type="application/zip", name=upload.file_name).id,
        sha256=upload.sha256,
        uncompressed_bytes=examined.index.total_bytes,
        file_count=len(examined.index),
        member_index=examined.index.to_bytes(),
        manifest=manifest.to_json(),
        state=ImportState.READY_WITH_WARNINGS if has_warnings else ImportState.READY,
        import_report=[asdict(finding) for finding in examined.findings],
        title=manifest.title[:255],
        description=in_its_language(told.descriptions, told.language),
        language=(told.language or "")[:35] or None,
        estimated_minutes=minutes(told),
        capability=new_capability(),
        capability_since=now,
        ready_at=now,
        created_by=upload.created_by,
    )
    session.add(version)
    session.flush()
    return version


def minutes(told: Metadata) -> int | None:
    """Return the typical duration in whole minutes."""
    if told.duration_seconds is None or told.duration_seconds > 1000 * 3600:
        return None
    return math.ceil(told.duration_seconds / 60)


def in_its_language(texts: dict[str, str], language: str | None) -> str:
    """Return the text in the package's own language, else in English, else whichever comes first."""
    wanted = (language or "en").lower()
    for tag in (wanted, wanted.partition("-")[0], "en"):
        for key, text in texts.items():
            if key.lower() == tag:
                return text
    return next(iter(texts.values()), "")


def add_items(session: Session, package: ContentPackage, version: PackageVersion, manifest: Manifest) -> None:
    """Write the version's tree: each organization and all below it, in document order."""
    rows = list(item_rows(organization_of(session), package, version.id, manifest))
    session.execute(insert(PackageItem), rows)


def item_rows(
    organization_id: UUID, package: ContentPackage, version_id: UUID, manifest: Manifest
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a version's tree, parents before their children. The default organization is the course."""
    position = 0
    for number, organization in enumerate(manifest.organizations):
        for activity, parent_id, item_id in with_parents(organization.structure.root):
            is_course = number == 0 and parent_id is None
            resource = manifest.resources.get(activity.resource or "")
            told = organization.items.get(activity.identifier) if parent_id else organization.metadata
            position += 1
            yield {
                "organization_id": organization_id,
                "id": item_id,
                "package_version_id": version_id,
                "parent_id": parent_id,
                "position": position,
                "identifier": activity.identifier,
                "kind": kind_of(activity, parent_id),
                "title": activity.title,
                "description": in_its_language(told.descriptions, told.language) if told else "",
                "launch_path": resource.href if resource else None,
                "parameters": activity.parameters,
                "is_visible": activity.is_visible,
                "activity_iri": package.activity_iri if is_course else item_iri(package, activity),
            }


def with_parents(root: Activity) -> Iterator[tuple[Activity, UUID | None, UUID]]:
    """Yield (activity, its parent's id, its own new id) from the root down, in document order."""
    waiting: list[tuple[Activity, UUID | None]] = [(root, None)]
    while waiting:
        activity, parent_id = waiting.pop()
        item_id = uuid7()
        yield activity, parent_id, item_id
        waiting.extend((child, item_id) for child in reversed(activity.children))


def kind_of(activity: Activity, parent_id: UUID | None) -> PackageItemKind:
    """Return what an activity is as a row."""
    if parent_id is None:
        return PackageItemKind.ORGANIZATION
    if activity.resource is None:
        return PackageItemKind.ITEM
    return PackageItemKind.SCO if activity.is_sco else PackageItemKind.ASSET


def item_iri(package: ContentPackage, activity: Activity) -> str:
    """Return `<course>/<item>`, the identifier's hash instead of itself where it is too long."""
    iri = f"{package.activity_iri}/{quote(activity.identifier, safe='')}"
    if len(iri) <= LONGEST_IRI:
        return iri
    return f"{package.activity_iri}/{sha256(activity.identifier.encode()).hexdigest()}"


def add_findings(session: Session, version_id: UUID, rules: str, findings: tuple[Finding, ...]) -> None:
    """Add to a version's report what was found after it was ready, instead of what was found of these rules before."""
    version = store.get_version(session, version_id)
    others = [finding for finding in version.import_report if not finding["rule"].startswith(rules)]
    version.import_report = others + [asdict(finding) for finding in findings]
    if version.state is ImportState.READY and any(f.severity is not Severity.NOTE for f in findings):
        version.state = ImportState.READY_WITH_WARNINGS
    for upload in store.imports_of(session, version_id):
        upload.report, upload.state = version.import_report, version.state


def zip_of(session: Session, version_id: UUID) -> tuple[str, Index]:
    """Return where a version's zip is in storage (its SHA-256), and what it holds. Raises NotFound."""
    version = store.get_version(session, version_id)
    return version.sha256, Index.from_bytes(version.member_index)


def repeat(session: Session, import_id: UUID, now: datetime) -> bool:
    """Finish an upload of bytes that are a version of this tenant already; answer whether they were."""
    upload = store.get_import(session, import_id, lock=True)
    version = store.find_same_bytes(session, upload.sha256)
    if version is None:
        return False
    store.get_package(session, version.package_id).archived_at = None
    upload.package_version_id = version.id
    upload.state = version.state
    upload.report = version.import_report
    upload.finished_at = now
    return True


def refuse(session: Session, import_id: UUID, refused: Refused, now: datetime) -> PackageImport:
    """Note that an upload was refused, why, and what else was found; the job then removes its bytes.

    Publishes PackageRefused.
    """
    upload = store.get_import(session, import_id, lock=True)
    upload.state = ImportState.FAILED
    upload.report = [asdict(finding) for finding in (refused.finding, *refused.also)]
    upload.finished_at = now
    publish(session, PackageRefused(upload.id, refused.finding.rule))
    details = {"rule": refused.finding.rule, "sha256": upload.sha256, "file_name": upload.file_name}
    audit.record(session, "package.refused", "package_import", upload.id, details=details)
    return upload


def mark(session: Session, import_id: UUID, state: ImportState) -> PackageImport:
    """Say how far an import is."""
    upload = store.get_import(session, import_id)
    upload.state = state
    return upload


def is_held(session: Session, sha256: str) -> bool:
    """Tell whether any tenant holds on to these bytes."""
    return store.is_file_known(session, sha256)


# --- what is there ---


def page(session: Session, search: str, offset: int, limit: int) -> tuple[list[ContentPackage], int]:
    """Return packages by title, and how many there are in all."""
    return store.page(session, search, offset, limit)


def newest_versions(session: Session, packages: list[ContentPackage]) -> dict[UUID, PackageVersion]:
    """Return each package's newest version."""
    return store.newest_versions(session, [package.id for package in packages])


def get(session: Session, package_id: UUID) -> ContentPackage:
    """Return a package. Raises NotFound."""
    return store.get_package(session, package_id)


def versions(session: Session, package_id: UUID) -> list[PackageVersion]:
    """Return a package's versions, newest first. Raises NotFound."""
    return store.versions(session, store.get_package(session, package_id).id)


def version_number(session: Session, package_id: UUID, sequence: int) -> PackageVersion:
    """Return one version by its number. Raises NotFound."""
    return store.get_version_number(session, package_id, sequence)


def import_of(session: Session, import_id: UUID) -> PackageImport:
    """Return an upload and what became of it. Raises NotFound."""
    return store.get_import(session, import_id)


def recent_imports(session: Session, limit: int = 20) -> list[PackageImport]:
    """Return the newest uploads."""
    return store.recent_imports(session, limit)


def ready_versions(session: Session) -> list[VersionSummary]:
    """Return the newest playable version of every package, by title."""
    return [summary(version, package) for version, package in store.ready_versions(session)]


def version(session: Session, version_id: UUID) -> VersionSummary:
    """Return one version, whatever its state. Raises NotFound."""
    found = store.get_version(session, version_id)
    return summary(found, store.get_package(session, found.package_id))


def summary(version: PackageVersion, package: ContentPackage) -> VersionSummary:
    """Return a version as other rooms see it."""
    return VersionSummary(
        id=version.id,
        package_id=package.id,
        title=version.title,
        description=version.description,
        standard=package.standard,
        sequence=version.sequence,
        sha256=version.sha256,
        activity_iri=package.activity_iri,
        estimated_minutes=version.estimated_minutes,
        finding_count=len(version.import_report),
    )


def items(session: Session, version_id: UUID) -> list[PackageItem]:
    """Return a version's tree in document order; each organization is followed by all below it."""
    return store.items(session, version_id)


def activity_iris(session: Session, version_id: UUID) -> frozenset[str]:
    """Return the activity IRIs of the course and of every item of a version."""
    return store.activity_iris(session, version_id)


def launchable_iris(session: Session, version_id: UUID) -> frozenset[str]:
    """Return the activity IRIs of the items that can be opened."""
    return store.activity_iris(session, version_id, LAUNCHABLE)


def manifest(session: Session, version_id: UUID) -> Manifest:
    """Return what a version's manifest says. Raises NotFound."""
    key = (organization_of(session), version_id)
    return _manifests.get(key, lambda: Manifest.from_json(store.get_version(session, version_id).manifest))


def default_organization(session: Session, version_id: UUID) -> Organization:
    """Return the course structure that is played unless another is asked for. Raises NotFound."""
    return manifest(session, version_id).organizations[0]


def archive_package(session: Session, package_id: UUID, now: datetime) -> None:
    """Take a package off the list; what runs on its versions goes on. A new upload brings it back."""
    package = store.get_package(session, package_id)
    package.archived_at = now
    audit.record(session, "package.archived", "content_package", package.id)


# --- reading ---


def content_path(session: Session, version_id: UUID, now: datetime) -> str:
    """Return the path on the content origin under which a version's files are read: `/p/<capability>/`.

    It stays the same for a month, so that browsers keep what they have; the one before is good as long again.
    """
    version = store.get_version(session, version_id)
    if now - version.capability_since > READING_PATH_LIFETIME:
        version.previous_capability = version.capability
        version.capability = new_capability()
        version.capability_since = now
        session.flush()
    return f"/p/{version.capability}/"


def path_of(session: Session, version_id: UUID, capability: str, since: datetime, now: datetime) -> str:
    """Return the reading path of a version, as `content_path` does, when its capability is known already."""
    return content_path(session, version_id, now) if now - since > READING_PATH_LIFETIME else f"/p/{capability}/"


def revoke_reading(session: Session, version_id: UUID, now: datetime) -> None:
    """Make every reading path of a version that was given out useless, within seconds."""
    version = store.get_version(session, version_id)
    version.capability = new_capability()
    version.capability_since = now
    version.previous_capability = None
    audit.record(session, "package.reading_revoked", "package_version", version.id)


def new_capability() -> str:
    """Return an unguessable word of 192 bits."""
    return secrets.token_urlsafe(24)
