"""What is at hand while one manifest is read, and the identifiers already given away."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from scorm_player.scorm.manifest.model import Metadata, Resource
from scorm_player.scorm.manifest.places import Files
from scorm_player.scorm.manifest.xml import Element, Source, line_of
from scorm_player.scorm.sequencing.definition import Edition

LONGEST_IDENTIFIER = 255


@dataclass
class Reading:
    """What is at hand while one manifest is read."""

    source: Source
    edition: Edition
    files: Files | None
    resources: dict[str, Resource] = field(default_factory=dict)
    sequencings: dict[str, Element] = field(default_factory=dict)
    identifiers: Counter[str] = field(default_factory=Counter)
    external_metadata: dict[str, Metadata] = field(default_factory=dict)

    @property
    def is_scorm_12(self) -> bool:
        """Whether the rules of SCORM 1.2 hold."""
        return self.edition is Edition.SCORM_1_2


def own_identifier(reading: Reading, element: Element, kind: str) -> str:
    """Return the element's identifier, made up where it is missing and made different where it is taken."""
    source = reading.source
    identifier = source.attributes(element).get("identifier", "").strip()[:LONGEST_IDENTIFIER]
    if not identifier:
        source.warn(
            "manifest.identifier_missing",
            element,
            f"An {kind} has no identifier; one is made up, so progress may be lost in the next version.",
            f"Give each {kind} an identifier that stays the same in all versions.",
        )
        identifier = f"{kind}-{line_of(element)}"
    distinct = unique(reading, identifier)
    if distinct != identifier:
        source.warn(
            "manifest.duplicate_identifier",
            element,
            f"The identifier “{identifier}” is used twice; this {kind} is called “{distinct}”.",
            f"Give each {kind} its own identifier.",
        )
    return distinct


def unique(reading: Reading, identifier: str) -> str:
    """Return the identifier, with a number behind it when another item or organization has it."""
    distinct = identifier
    while reading.identifiers[distinct]:
        reading.identifiers[identifier] += 1
        distinct = f"{identifier}-{reading.identifiers[identifier]}"
    reading.identifiers[distinct] = 1
    return distinct
