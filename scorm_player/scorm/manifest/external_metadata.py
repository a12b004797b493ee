"""Metadata of the manifest's elements: what stands inline, and what lies in the file that `adlcp:location` names."""

from __future__ import annotations

from scorm_player.findings import Findings, Refused
from scorm_player.scorm.manifest import metadata, places
from scorm_player.scorm.manifest.model import Metadata
from scorm_player.scorm.manifest.reading import Reading
from scorm_player.scorm.manifest.xml import Element, parse_xml, text_of

LONGEST_METADATA = 1 << 20


def metadata_of(reading: Reading, element: Element) -> Metadata:
    """Return what the element's metadata says, inline and in the file it names (`adlcp:location`)."""
    source = reading.source
    found = metadata.NOTHING
    for child in source.children(element, "cp:metadata"):
        found = metadata.merged(found, metadata.lom_below(source, child))
        for location in source.children(child, "adlcp:location", "cp:location"):
            found = metadata.merged(found, external_metadata(reading, location))
    return found


def external_metadata(reading: Reading, location: Element) -> Metadata:
    """Return what a metadata file of the package says; one that is missing or broken is reported and does no harm."""
    source, files = reading.source, reading.files
    if files is None or not (href := text_of(location).strip()):
        return metadata.NOTHING
    place = places.place(source, location, href, files)
    if place is None or place.name is None:
        return metadata.NOTHING
    if place.name not in reading.external_metadata:
        data = files.read(place.name, LONGEST_METADATA)
        reading.external_metadata[place.name] = read_metadata(data, place.name, source.findings)
    return reading.external_metadata[place.name]


def read_metadata(data: bytes | None, name: str, findings: Findings) -> Metadata:
    """Return what a metadata file says. A document type in it refuses the package; anything else only the file."""
    if data is None:
        findings.note(
            "metadata.too_large", "The metadata file is too large to be read.", "Shorten the file.", file=name
        )
        return metadata.NOTHING
    try:
        source, root = parse_xml(data, name, findings)
    except Refused as refused:
        if refused.finding.rule == "xml.document_type":
            raise
        findings.warn(
            "metadata.not_well_formed",
            refused.finding.message,
            refused.finding.remedy,
            file=name,
            line=refused.finding.line,
        )
        return metadata.NOTHING
    return metadata.lom_below(source, root)
