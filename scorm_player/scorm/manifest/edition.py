"""Which edition a manifest follows: what it says, unless its namespaces say otherwise."""

from __future__ import annotations

from lxml import etree

from scorm_player.scorm.manifest.xml import Element, Source
from scorm_player.scorm.sequencing.definition import Edition

EDITION_WORDS = (
    ("4th", Edition.FOURTH),
    ("3rd", Edition.THIRD),
    ("2nd", Edition.SECOND),
    ("1.3", Edition.SECOND),
    ("2004", Edition.THIRD),
    ("1.2", Edition.SCORM_1_2),
    ("1.1", Edition.SCORM_1_2),
)
FOURTH_EDITION_ELEMENTS = frozenset({"adlseq:objectives", "adlcp:data"})


def edition_of(source: Source, manifest: Element, said: str | None) -> Edition:
    """Return the edition; `said` is the text of `schemaversion`, for example "CAM 1.3" or "2004 4th Edition"."""
    named = next((edition for word, edition in EDITION_WORDS if word in (said or "").lower()), None)
    shown = edition_by_content(source, manifest)
    if named is None:
        edition = shown or Edition.SCORM_1_2
        source.note(
            "manifest.schemaversion",
            manifest,
            f"The manifest does not say which SCORM it follows; it is read as {edition}.",
            "Write <schema>ADL SCORM</schema> and <schemaversion> into the manifest's metadata.",
        )
        return edition
    if shown is not None and (named is Edition.SCORM_1_2) != (shown is Edition.SCORM_1_2):
        source.warn(
            "manifest.schemaversion",
            manifest,
            f"The manifest says “{said}”, but its namespaces are those of {shown}, as which it is read.",
            "Let schemaversion and namespaces name the same SCORM.",
        )
        return shown
    return named


def edition_by_content(source: Source, manifest: Element) -> Edition | None:
    """Return what the namespaces and elements in use show, None when they show nothing."""
    namespaces: set[str] = set()
    names: set[str] = set()
    attributes: set[str] = set()
    for element in manifest.iter():
        if not isinstance(element.tag, str):
            continue
        namespaces |= {str(uri).lower() for uri in element.nsmap.values() if uri} if element is manifest else set()
        namespaces.add((etree.QName(element).namespace or "").lower())
        names.add(source.name(element))
        attributes |= {str(key) for key in element.attrib}
    if "adlcp:completionThreshold" in names and "completedByMeasure" in attributes:
        return Edition.FOURTH
    if names & FOURTH_EDITION_ELEMENTS:
        return Edition.FOURTH
    if any("adlcp_v1p3" in name or "imsss" in name or "adlseq" in name for name in namespaces):
        return Edition.THIRD
    if any("adlcp_rootv1p2" in name or "imscp_rootv1p1p2" in name for name in namespaces):
        return Edition.SCORM_1_2
    if any(key.rpartition("}")[2] == "scormType" for key in attributes):
        return Edition.THIRD
    return None
