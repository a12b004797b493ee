"""Learning Object Metadata, inline or in a file of its own: the few facts that people are shown.

IEEE LOM (SCORM 2004) and IMS metadata 1.2 (SCORM 1.2) differ in namespace, capitals and the names of their text
elements; both are read by the same few lines.
"""

from __future__ import annotations

from collections.abc import Iterator

from scorm_player.scorm.manifest import values
from scorm_player.scorm.manifest.model import Metadata
from scorm_player.scorm.manifest.xml import Element, Source, text_of

NOTHING = Metadata()
LONGEST_TEXT = 4000
MOST_KEYWORDS = 100


def merged(inline: Metadata, external: Metadata) -> Metadata:
    """Return both as one; what stands in the manifest itself comes first."""
    return Metadata(
        titles=external.titles | inline.titles,
        descriptions=external.descriptions | inline.descriptions,
        keywords=inline.keywords or external.keywords,
        language=inline.language or external.language,
        duration_seconds=inline.duration_seconds if inline.duration_seconds is not None else external.duration_seconds,
    )


def lom_below(source: Source, element: Element) -> Metadata:
    """Return what the first `lom` in or at this element says."""
    lom = next((e for e in element.iter() if isinstance(e.tag, str) and is_named(source, e, "lom")), None)
    return read_lom(source, lom) if lom is not None else NOTHING


def read_lom(source: Source, lom: Element) -> Metadata:
    """Return title, description, keywords, language and typical duration."""
    general = next(named(source, lom, "general"), None)
    language = None
    titles: dict[str, str] = {}
    descriptions: dict[str, str] = {}
    keywords: list[str] = []
    if general is not None:
        for title in named(source, general, "title"):
            titles |= texts(source, title)
        for description in named(source, general, "description"):
            descriptions = texts(source, description) | descriptions
        for keyword in named(source, general, "keyword"):
            keywords += texts(source, keyword).values()
        language = next((text_of(e).strip() for e in named(source, general, "language")), None) or None
    return Metadata(titles, descriptions, tuple(keywords[:MOST_KEYWORDS]), language, duration(source, lom))


def duration(source: Source, lom: Element) -> float | None:
    """Return the typical learning time, else the technical duration, in seconds."""
    for category, name in (("educational", "typicallearningtime"), ("technical", "duration")):
        for element in named(source, lom, category):
            for time in named(source, element, name):
                for part in time.iter():
                    if isinstance(part.tag, str) and len(part) == 0:
                        length = values.seconds(text_of(part).strip())
                        if length:
                            return length
    return None


def texts(source: Source, element: Element) -> dict[str, str]:
    """Return the language strings below an element by language tag; a bare text counts as one without language."""
    found: dict[str, str] = {}
    for part in named(source, element, "langstring", "string"):
        attributes = source.attributes(part)
        language = (attributes.get("xml:lang") or attributes.get("language") or "").strip()
        text = text_of(part).strip()[:LONGEST_TEXT]
        if text:
            found.setdefault(language if language.lower() != "x-none" else "", text)
    if not found and (bare := text_of(element).strip()[:LONGEST_TEXT]):
        found[""] = bare
    return found


def named(source: Source, element: Element, *names: str) -> Iterator[Element]:
    """Yield the children of these lower-case local names that belong to a metadata standard or to none."""
    return (child for child in element if isinstance(child.tag, str) and is_named(source, child, *names))


def is_named(source: Source, element: Element, *names: str) -> bool:
    """Whether a metadata element has one of these local names; old packages put LOM into the manifest's namespace."""
    family, _, local = source.name(element).partition(":")
    return local.lower() in names and family in ("lom", "cp", "")
