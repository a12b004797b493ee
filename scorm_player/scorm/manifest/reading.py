"""What is at hand while one manifest is read, and the identifiers already given away."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256

from scorm_player.scorm.manifest.model import Metadata, Resource
from scorm_player.scorm.manifest.places import Files
from scorm_player.scorm.manifest.xml import Element, Source, line_of
from scorm_player.scorm.sequencing.definition import Edition

LONGEST_IDENTIFIER = 255
HASH_DIGITS = 16
LONGEST_TITLE = 500


@dataclass
class Reading:
    """What is at hand while one manifest is read. `inner`: manifests in it that no item has taken the place of yet."""

    source: Source
    edition: Edition
    files: Files | None
    resources: dict[str, Resource] = field(default_factory=dict)
    sequencings: dict[str, Element] = field(default_factory=dict)
    identifiers: Counter[str] = field(default_factory=Counter)
    external_metadata: dict[str, Metadata] = field(default_factory=dict)
    inner: dict[str, Element] = field(default_factory=dict)

    @property
    def is_scorm_12(self) -> bool:
        """Whether the rules of SCORM 1.2 hold."""
        return self.edition is Edition.SCORM_1_2


def short(identifier: str) -> str:
    """Return an identifier, or the reference to one, as it is kept: a long one cut, and told apart by its hash."""
    identifier = identifier.strip()
    if len(identifier) <= LONGEST_IDENTIFIER:
        return identifier
    digits = sha256(identifier.encode()).hexdigest()[:HASH_DIGITS]
    return f"{identifier[: LONGEST_IDENTIFIER - HASH_DIGITS - 1]}-{digits}"


def title_of(source: Source, element: Element) -> str | None:
    """Return the element's title, None when it has none. Every statement carries it, so it is cut at some length."""
    title = source.text(element, "cp:title")
    if title is None or len(title) <= LONGEST_TITLE:
        return title
    source.warn(
        "manifest.title",
        element,
        f"The title has {len(title):,} characters; the first {LONGEST_TITLE} are kept.",
        "Give a short title, and put the rest into a description.",
    )
    return f"{title[: LONGEST_TITLE - 1]}…"


def organizations_in(source: Source, manifest: Element) -> tuple[list[Element], str]:
    """Return a manifest's organizations, the default one first, and what it calls the default."""
    parents = list(source.children(manifest, "cp:organizations"))
    elements = [element for parent in parents for element in source.children(parent, "cp:organization")]
    default = source.attributes(parents[0]).get("default", "").strip() if parents else ""
    chosen = next((one for one in elements if source.attributes(one).get("identifier", "").strip() == default), None)
    elements.sort(key=lambda element: chosen is not None and element is not chosen)
    return elements, default


def own_identifier(reading: Reading, element: Element, kind: str) -> str:
    """Return the element's identifier, made up where it is missing and made different where it is taken."""
    source = reading.source
    identifier = short(source.attributes(element).get("identifier", ""))
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
    identifier = distinct = short(identifier)
    while reading.identifiers[distinct]:
        reading.identifiers[identifier] += 1
        number = f"-{reading.identifiers[identifier]}"
        distinct = f"{identifier[: LONGEST_IDENTIFIER - len(number)]}{number}"
    reading.identifiers[distinct] = 1
    return distinct
