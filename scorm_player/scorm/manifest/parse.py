"""From a package's manifest to frozen values: organizations, items, resources (CAM 3), SCORM 1.2 and 2004 alike.

What a vendor got wrong is repaired where the meaning is clear, and reported with its line; only what is hostile,
not XML, or holds nothing to play is refused.
"""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import unquote

from scorm_player.archive import Limits
from scorm_player.content_types import PAGES, content_type
from scorm_player.findings import Findings, Refused
from scorm_player.scorm.manifest import checks, places, sequencing, values
from scorm_player.scorm.manifest.edition import edition_of
from scorm_player.scorm.manifest.external_metadata import metadata_of
from scorm_player.scorm.manifest.items import completion_threshold, items_of
from scorm_player.scorm.manifest.model import Manifest, Metadata, Organization, Resource
from scorm_player.scorm.manifest.places import Files
from scorm_player.scorm.manifest.reading import (
    LONGEST_TITLE,
    Reading,
    organizations_in,
    own_identifier,
    short,
    title_of,
    unique,
)
from scorm_player.scorm.manifest.resources import resources_of
from scorm_player.scorm.manifest.xml import Element, Source, parse_xml
from scorm_player.scorm.sequencing.definition import Activity, ControlModes, CourseStructure


def parse(
    data: bytes,
    findings: Findings,
    files: Files | None = None,
    *,
    file: str = places.MANIFEST,
    folder: str = "",
    max_bytes: int = Limits.max_xml_bytes,
) -> Manifest:
    """Read a manifest; raise Refused when nothing of it can be played.

    `files` are those of the package; without them nothing is looked up. `folder` is where among them the manifest
    lies, "" for the top, else with a slash at its end.
    """
    if len(data) > max_bytes:
        raise Refused(
            "manifest.too_large",
            f"The manifest has {len(data):,} bytes; the limit is {max_bytes:,} (PACKAGE_MAX_XML_BYTES).",
            "Split the course, or ask the operator to raise the limit.",
            file=file,
        )
    source, root = parse_xml(data, file, findings)
    source.folder = folder
    require_manifest(source, root)
    about = source.child(root, "cp:metadata")
    schema_version = source.text(about, "cp:schemaversion", ":schemaversion") if about is not None else None
    reading = Reading(source, edition_of(source, root, schema_version), files)
    reading.inner = inner_manifests(source, root)
    reading.sequencings = sequencing.collections(source, root)
    reading.resources = resources_of(reading, root)
    attributes = source.attributes(root)
    identifier = short(attributes.get("identifier", ""))
    told = metadata_of(reading, root)
    organizations = organizations_of(reading, root, identifier, told)
    manifest = Manifest(
        identifier=identifier or organizations[0].identifier,
        edition=reading.edition,
        organizations=organizations,
        resources=reading.resources,
        version=attributes.get("version"),
        schema_version=schema_version,
        metadata=told,
    )
    if not identifier:
        source.warn(
            "manifest.identifier",
            root,
            "The manifest has no identifier, so a new upload is recognized by its organization's.",
            "Give the manifest an identifier that stays the same in all versions of the package.",
        )
    require_something_to_play(source, root, manifest)
    checks.check(source, root, manifest)
    return manifest


def require_something_to_play(source: Source, root: Element, manifest: Manifest) -> None:
    """Refuse a package none of whose pages is in it."""
    activities = [
        a for organization in manifest.organizations for a in organization.structure.root.walk() if a.resource
    ]
    pages = [manifest.resources[activity.resource or ""] for activity in activities]
    if all(page.is_missing for page in pages):
        first = unquote(next((page.href for page in pages if page.href), ""))
        raise source.refuse(
            "manifest.nothing_to_play",
            root,
            "None of the pages that the manifest describes is in the package"
            + (f"; it begins with “{values.shortened(first)}”." if first else "."),
            "Create the zip from the folder that holds the manifest and the pages, and correct the hrefs.",
        )


def require_manifest(source: Source, root: Element) -> None:
    """Refuse another document."""
    if source.name(root).lower() != "cp:manifest":
        raise source.refuse(
            "manifest.other_document",
            root,
            f"The file's first element is “{values.shortened(str(root.tag))}”, not a manifest.",
            "Publish the package again as SCORM 1.2 or SCORM 2004.",
        )


def inner_manifests(source: Source, root: Element) -> dict[str, Element]:
    """Return the manifests inside of this one by identifier. An item that refers to one stands for its items."""
    inner = [element for element in source.manifests(root) if element is not root]
    if inner:
        source.warn(
            "manifest.submanifest",
            inner[0],
            "The manifest holds other manifests; they are played where an item refers to them.",
            "Merge their items and resources into the outer manifest: other systems may not read them.",
        )
    return {short(source.attributes(element).get("identifier", "")): element for element in reversed(inner)}


def organizations_of(reading: Reading, root: Element, identifier: str, told: Metadata) -> tuple[Organization, ...]:
    """Return all organizations that hold something to open, the default one first; at least one, or refuse."""
    source = reading.source
    holder = next((one for one in source.manifests(root) if has_items(source, one)), root)
    elements, default = organizations_in(source, holder)
    named = {source.attributes(element).get("identifier", "").strip() for element in elements}
    if default not in named and elements and (default or len(elements) > 1):
        source.warn(
            "manifest.default_organization",
            elements[0],
            f"The default organization “{values.shortened(default)}” does not exist; the first one is used.",
            "Name an organization's identifier in the attribute “default” of organizations.",
        )
    found = [organization for element in elements if (organization := organization_of(reading, element, told))]
    return tuple(found) or (organization_from_resources(reading, root, identifier, told),)


def has_items(source: Source, manifest: Element) -> bool:
    """Whether a manifest has an organization with items of its own."""
    return any(source.child(element, "cp:item") is not None for element in organizations_in(source, manifest)[0])


def organization_of(reading: Reading, element: Element, told: Metadata) -> Organization | None:
    """Return one organization, None when there is nothing in it to open."""
    source = reading.source
    attributes = source.attributes(element)
    identifier = own_identifier(reading, element, "organization")
    title = title_of(source, element) or next(iter(told.titles.values()), identifier)[:LONGEST_TITLE]
    about: dict[str, Metadata] = {}
    children = items_of(reading, element, about)
    if not children:
        source.warn(
            "manifest.empty_organization",
            element,
            f"The organization “{values.shortened(title)}” holds nothing to open; it is left out.",
            "Add items that refer to resources.",
        )
        return None
    activity = Activity(identifier=identifier, title=title, children=children)
    if reading.is_scorm_12:
        activity = replace(activity, control=ControlModes(choice=True, flow=True))
    else:
        activity = sequencing.sequenced(source, activity, element, reading.sequencings)
        activity = replace(activity, completion_threshold=completion_threshold(source, element))
    structure = CourseStructure(
        root=activity,
        edition=reading.edition,
        objectives_global_to_system=is_true(attributes, "adlseq:objectivesglobaltosystem"),
        shared_data_global_to_system=is_true(attributes, "adlcp:shareddataglobaltosystem"),
    )
    return Organization(structure, metadata_of(reading, element), about)


def is_true(attributes: dict[str, str], name: str) -> bool:
    """An ADL flag of an organization: true unless it says false."""
    return attributes.get(name, "true").strip().lower() not in ("false", "0")


def organization_from_resources(reading: Reading, root: Element, identifier: str, told: Metadata) -> Organization:
    """Return an organization whose items are the SCOs, or the pages where there is no SCO (a resource package)."""
    launchable = [resource for resource in reading.resources.values() if resource.href]
    chosen = [resource for resource in launchable if resource.is_sco] or [
        resource for resource in launchable if is_page(resource)
    ]
    if not chosen:
        raise reading.source.refuse(
            "manifest.nothing_to_play",
            root,
            "The manifest describes no item, SCO or page that could be opened.",
            "Publish the course again; an item must refer to a resource with an href.",
        )
    reading.source.warn(
        "manifest.no_organization",
        root,
        "The manifest has no organization with items; each SCO becomes an item, in the order of the resources.",
        "Describe the course's structure in an organization.",
    )
    title = next(iter(told.titles.values()), identifier or "Course")[:LONGEST_TITLE]
    children = tuple(
        Activity(
            identifier=unique(reading, resource.identifier),
            title=resource.identifier,
            resource=resource.identifier,
            is_sco=resource.is_sco,
        )
        for resource in chosen
    )
    root_activity = Activity(
        identifier=unique(reading, f"{identifier or 'package'}-resources"),
        title=title,
        children=children,
        control=ControlModes(choice=True, flow=True),
    )
    return Organization(CourseStructure(root_activity, reading.edition))


def is_page(resource: Resource) -> bool:
    """Whether a resource is something a browser shows as a page."""
    address = re.split(r"[?#]", resource.href or "")[0]
    return resource.is_external or content_type(address) in PAGES
