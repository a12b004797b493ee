"""Where a manifest's references lead: `xml:base` at every level, hrefs as vendors write them, files by their names."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote, urljoin, urlsplit

from scorm_player.archive import Index, Resolution
from scorm_player.findings import Findings, Refused
from scorm_player.scorm.manifest.model import path_url
from scorm_player.scorm.manifest.values import shortened
from scorm_player.scorm.manifest.xml import XML_NAMESPACE, Element, Source

MANIFEST = "imsmanifest.xml"
OTHER_STANDARDS = {"cmi5.xml": "cmi5", "tincan.xml": "the Experience API (Tin Can)"}
ABSOLUTE = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]+:)|//")
ON_A_MACHINE = re.compile(r"file:/*(?:localhost/+)?(?:[a-z][:|]/*)?|[a-z]:/+", re.IGNORECASE)
ON_A_SHARE = re.compile(r"\\\\[^\\]+\\[^\\]+\\")
OUTSIDE = "manifest.outside"
MISSING = "manifest.file_missing"
LONGEST_WAY = 20  # folders of a path that are looked at when it leads out of the package
SUFFIX = re.compile(r"[?#].*", re.DOTALL)


class Files(Protocol):
    """The package's files, as far as a manifest's reader needs them."""

    def resolve(self, path: str) -> Resolution | None:
        """Return the file meant by a path relative to the manifest."""

    def read(self, name: str, limit: int) -> bytes | None:
        """Return a file's content, None above `limit` bytes."""


@dataclass(frozen=True)
class Place:
    """Where a reference leads. `url` is relative to the package's root, or absolute when `is_external`.

    `name` is the file's name in the package, None when it lies outside or is not there.
    """

    url: str
    name: str | None = None
    is_external: bool = False


def find_root(index: Index, findings: Findings) -> str:
    """Return the folder that holds the manifest: "" for the root, else with a slash at its end."""
    found = sorted(
        (name.count("/"), posixpath.basename(name) != MANIFEST, name)
        for name in (m.name for m in index.members)
        if posixpath.basename(name).lower() == MANIFEST and not name.startswith("__MACOSX/")
    )
    if not found:
        for name, standard in OTHER_STANDARDS.items():
            if index.find(name) is not None:
                raise Refused(
                    "manifest.other_standard",
                    f"This is a package of {standard}; what can be played are SCORM 1.2 and SCORM 2004.",
                    "Publish the course as SCORM 2004 or SCORM 1.2.",
                    file=name,
                )
        inner = next((m.name for m in index.members if m.name.lower().endswith(".zip")), None)
        if inner is not None:
            raise Refused(
                "manifest.zip_in_zip",
                f"The package holds no {MANIFEST}, but another zip, which may be the package.",
                "Take the inner zip out of the outer one, and upload it by itself.",
                file=inner,
            )
        raise Refused(
            "manifest.missing",
            f"The package holds no {MANIFEST}.",
            "Publish the course as SCORM, and upload the zip as the authoring tool made it.",
        )
    depth, _, name = found[0]
    rivals = [rival for level, _, rival in found if level == depth]
    if len({posixpath.dirname(rival) for rival in rivals}) > 1:
        raise Refused(
            "manifest.several",
            f"The zip holds several packages: {', '.join(rivals[:5])}.",
            "Upload each package as a zip of its own.",
        )
    root = name[: -len(MANIFEST)]
    if root:
        findings.note(
            "manifest.nested",
            f"The manifest lies in the folder “{root}” instead of at the top of the zip; that folder is the package.",
            "Create the zip from inside the folder of the course.",
            file=name,
        )
    if posixpath.basename(name) != MANIFEST:
        findings.note("manifest.capitals", f"The manifest should be called {MANIFEST}.", "Rename the file.", file=name)
    return root


def base_of(element: Element) -> str:
    """Return the `xml:base`s of the element and all around it, joined (XML Base; CAM 3.4)."""
    bases: list[str] = []
    at: Element | None = element
    while at is not None:
        if base := at.get(f"{{{XML_NAMESPACE}}}base"):
            bases.append(base.strip().replace("\\", "/"))
        at = at.getparent()
    joined = ""
    for base in reversed(bases):
        joined = join(joined, base)
    return joined


def join(base: str, reference: str) -> str:
    """Return the reference as seen from the base, which is a folder, with or without a slash at its end."""
    if ABSOLUTE.match(reference) or ON_A_MACHINE.match(reference) or not base:
        return reference
    folder = base if base.endswith("/") else base + "/"
    if ABSOLUTE.match(base):
        return urljoin(folder, reference)
    return reference if reference.startswith("/") else folder + reference


def place(source: Source, element: Element, href: str, files: Files | None) -> Place | None:
    """Return where `href` at this element leads; None, with a finding, when that is outside of the package.

    Without `files` every path is taken to be there.
    """
    reference = href.strip()
    if share := ON_A_SHARE.match(reference):
        return place_instead(source, element, reference, reference[share.end() :].replace("\\", "/"), files)
    if "\\" in reference:
        source.note("manifest.back_slash", element, f"“{reference}” has back-slashes.", "Write slashes in hrefs.")
        reference = reference.replace("\\", "/")
    try:
        target = join(base_of(element), reference)
    except ValueError:
        target = "//"
    if local := ON_A_MACHINE.match(target):
        return place_instead(source, element, reference, target[local.end() :], files)
    if ABSOLUTE.match(target):
        return external(source, element, target)
    if target.startswith("/"):
        source.warn(
            "manifest.absolute_path",
            element,
            f"“{target}” starts with a slash.",
            "Write paths relative to the manifest.",
        )
        target = target.lstrip("/")
    target = posixpath.join(source.folder, target)
    path, suffix = divided(target)
    if suffix and files is not None and files.resolve(path) is None and files.resolve(target) is not None:
        source.note(
            "manifest.bare_sign",
            element,
            f"“{reference}” is a file's name, although # and ? end the name in an address.",
            "Write %23 for # and %3F for ? in hrefs, or rename the file.",
        )
        path, suffix = target, ""
    inside = posixpath.normpath(path) if path else ""
    if climbs(inside) or climbs(unquote(inside)):
        return place_instead(source, element, reference, inside + suffix, files)
    if files is None:
        return Place(path_url(unquote(inside), suffix), unquote(inside))
    return found_place(source, element, inside, suffix, files, reference)


def climbs(path: str) -> bool:
    """Whether a path leads out of the folder it begins in."""
    inside = posixpath.normpath(path)
    return inside == ".." or inside.startswith("../")


def divided(target: str) -> tuple[str, str]:
    """Return a reference's path, and the query or fragment that follows it."""
    suffix = match[0] if (match := SUFFIX.search(target)) else ""
    return target[: len(target) - len(suffix)], suffix


def place_instead(source: Source, element: Element, href: str, target: str, files: Files | None) -> Place | None:
    """Return the file that an href out of the package must mean, by the end of its path; None when there is none.

    Nothing outside is ever looked at: such an href says where the author had the file, which may be in the package.
    """
    path, suffix = divided(target)
    parts = [part for part in unquote(path).split("/") if part not in ("", ".", "..")][-LONGEST_WAY:]
    ends = ("/".join(parts[start:]) for start in range(len(parts)))
    found = next((meant for end in ends if files is not None and (meant := files.resolve(end))), None)
    source.warn(
        OUTSIDE,
        element,
        f"“{shortened(href)}” leads out of the package"
        + (f"; “{found.member.name}”, which is in it, is opened instead." if found else "."),
        "Put the file into the package and write its path relative to the manifest.",
    )
    return Place(path_url(found.member.name, suffix), found.member.name) if found else None


def found_place(source: Source, element: Element, path: str, suffix: str, files: Files, href: str) -> Place:
    """Return the place of a file that should be in the package; a finding when it is called otherwise or missing."""
    resolution = resolved(files, path)
    if resolution is None and (plain := beside_the_base(path, href)) != path:
        # By the letter of RFC 3986 a base without a slash at its end names a file, and the href lies beside it.
        resolution = files.resolve(plain)
    if resolution is None:
        source.warn(
            MISSING,
            element,
            f"The file “{path}” is not in the package.",
            "Add the file, or correct the href.",
        )
        return Place(path_url(unquote(path), suffix))
    if resolution.difference and unicodedata.normalize("NFC", unquote(path)) != resolution.member.name:
        source.note(
            "manifest.file_name",
            element,
            f"“{path}” is called “{resolution.member.name}” in the package (difference: {resolution.difference}).",
            "Write the href exactly as the file is named.",
        )
    return Place(path_url(resolution.member.name, suffix), resolution.member.name)


def resolved(files: Files, path: str) -> Resolution | None:
    """Return the file that a path of an address means: what it says decoded, else what it says as it stands."""
    decoded = files.resolve(unquote(path))
    return decoded if decoded is not None and not decoded.difference else files.resolve(path)


def beside_the_base(path: str, href: str) -> str:
    """Return the path without the last folder in front of the href."""
    folder = path[: -len(href)] if path.endswith(href) else ""
    return posixpath.join(posixpath.dirname(folder.rstrip("/")), href) if folder else path


def is_web_address(url: str) -> bool:
    """Whether this is an http or https address with a host, the scheme left out or not."""
    try:
        parts = urlsplit(url)
        return parts.scheme.lower() in ("", "http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def external(source: Source, element: Element, url: str) -> Place | None:
    """Return a place on the web; other schemes than http and https are no content."""
    if not is_web_address(url):
        source.warn(
            "manifest.scheme",
            element,
            f"“{url[:80]}” is no address that a browser can open as content.",
            "Put the content into the package, or use an https address.",
        )
        return None
    source.warn(
        "manifest.external",
        element,
        f"“{url[:200]}” is content outside of the package; it cannot report results unless it is made for that.",
        "Put the content into the package where you can.",
    )
    return Place(url if ":" in url.split("/")[0] else f"https:{url}", is_external=True)
