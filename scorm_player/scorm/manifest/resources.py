"""`resources` (CAM 3): SCOs and assets, where their pages are, what they consist of."""

from __future__ import annotations

from scorm_player.scorm.manifest import places
from scorm_player.scorm.manifest.model import Resource
from scorm_player.scorm.manifest.reading import Reading, short
from scorm_player.scorm.manifest.xml import Element


def resources_of(reading: Reading, root: Element) -> dict[str, Resource]:
    """Return the resources by identifier, in document order."""
    source = reading.source
    found: dict[str, Resource] = {}
    for parent in (one for manifest in source.manifests(root) for one in source.children(manifest, "cp:resources")):
        for element in source.children(parent, "cp:resource"):
            resource = resource_of(reading, element, len(found) + 1)
            if resource.identifier in found:
                source.warn(
                    "manifest.duplicate_resource",
                    element,
                    f"Two resources are called “{resource.identifier}”; the first one counts.",
                    "Give each resource its own identifier.",
                )
                continue
            found[resource.identifier] = resource
    for resource in found.values():
        for missing in [d for d in resource.dependencies if d not in found]:
            source.findings.note(
                "manifest.dependency",
                f"The resource “{resource.identifier}” depends on “{missing}”, which the manifest does not describe.",
                "Add the resource, or remove the dependency.",
                file=source.file,
            )
    return found


def resource_of(reading: Reading, element: Element, number: int) -> Resource:
    """Return one resource."""
    source = reading.source
    attributes = source.attributes(element)
    identifier = short(attributes.get("identifier", ""))
    if not identifier:
        identifier = f"resource-{number}"
        source.warn(
            "manifest.resource_identifier",
            element,
            "A resource has no identifier, so no item can refer to it.",
            "Give each resource an identifier.",
        )
    kind = attributes.get("adlcp:scormtype") or attributes.get("scormtype")
    if kind is None and attributes.get("href"):
        source.note(
            "manifest.scormtype",
            element,
            f"The resource “{identifier}” does not say whether it is a SCO; it is taken for an asset.",
            'Write adlcp:scormType="sco" (adlcp:scormtype in SCORM 1.2) when it reports results.',
        )
    is_sco = (kind or "").strip().lower() == "sco"
    href = attributes.get("href", "").strip()
    place = places.place(source, element, href, reading.files) if href else None
    if is_sco and not href:
        source.warn(
            "manifest.sco_without_href",
            element,
            f"The SCO “{identifier}” has no href, so nothing can be opened.",
            "Name the SCO's first page in its href.",
        )
    return Resource(
        identifier=identifier,
        is_sco=is_sco,
        href=place.url if place else None,
        is_external=place.is_external if place else False,
        is_missing=place is not None and place.name is None and not place.is_external,
        files=files_of(reading, element),
        dependencies=tuple(
            reference
            for dependency in source.children(element, "cp:dependency")
            if (reference := short(source.attributes(dependency).get("identifierref", "")))
        ),
    )


def files_of(reading: Reading, resource: Element) -> tuple[str, ...]:
    """Return the names of the files a resource lists, those that are there."""
    found = (
        places.place(reading.source, element, href, reading.files)
        for element in reading.source.children(resource, "cp:file")
        if (href := reading.source.attributes(element).get("href", "").strip())
    )
    return tuple(place.name for place in found if place and place.name)
