"""A manifest as frozen values, and as JSON text and back. The tree itself is the sequencing definition model's."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

from scorm_player.scorm import frozen_json
from scorm_player.scorm.sequencing.definition import Activity, CourseStructure, Edition

PATH_CHARACTERS = "/~!$&'()*+,;=@"  # what a relative URL may hold as it is (RFC 3986, 3.3); ":" would make a scheme


@dataclass(frozen=True)
class Metadata:
    """What LOM metadata tells people. Texts by language tag, "" where none is said; the duration is the typical one."""

    titles: dict[str, str] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    keywords: tuple[str, ...] = ()
    language: str | None = None
    duration_seconds: float | None = None


@dataclass(frozen=True)
class Resource:
    """A SCO or an asset. `href` is a URL relative to the package's root, or an absolute one; None: not launchable.

    `is_missing` tells that the page is not in the package. `files` are the names its `file` elements mean,
    `dependencies` the identifiers of other resources.
    """

    identifier: str
    is_sco: bool = False
    href: str | None = None
    is_external: bool = False
    is_missing: bool = False
    files: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()

    def url(self, parameters: str) -> str | None:
        """Return the URL to launch with an item's parameters added, as the CAM book says."""
        return add_parameters(self.href, parameters) if self.href is not None else None


@dataclass(frozen=True)
class Organization:
    """One course structure of the manifest, and what is told about it and its items (by identifier)."""

    structure: CourseStructure
    metadata: Metadata = Metadata()
    items: dict[str, Metadata] = field(default_factory=dict)

    @property
    def identifier(self) -> str:
        """The organization's identifier, which is its root activity's."""
        return self.structure.root.identifier

    @property
    def title(self) -> str:
        """The organization's title."""
        return self.structure.root.title


@dataclass(frozen=True)
class Manifest:
    """All that a package's manifest says. The default organization is the first one."""

    identifier: str
    edition: Edition
    organizations: tuple[Organization, ...]
    resources: dict[str, Resource]
    version: str | None = None
    schema_version: str | None = None
    metadata: Metadata = Metadata()

    @property
    def title(self) -> str:
        """What to call the package: the default organization's title."""
        return self.organizations[0].title

    def url(self, activity: Activity) -> str | None:
        """Return the URL, relative to the package's root, that delivers this activity; None for a cluster."""
        resource = self.resources.get(activity.resource or "")
        return resource.url(activity.parameters) if resource else None

    def to_json(self) -> str:
        """Serialize; what has its default is left out."""
        return frozen_json.dumps(self)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read back what `to_json` wrote."""
        return frozen_json.loads(cls, text)


def add_parameters(href: str, parameters: str) -> str:
    """Join an item's parameters to its resource's href (the algorithm of the CAM book, items).

    Leading "?" and "&" are dropped, "#…" is only added where the href has no fragment, and the rest follows "?" or,
    if the href has a query, "&". A fragment of the href stays at the end; one of the
    parameters counts where the href has none.
    """
    rest = parameters.strip().lstrip("?&")
    if not rest:
        return href
    if rest.startswith("#"):
        return href if "#" in href else href + rest
    address, hash_mark, fragment = href.partition("#")
    if hash_mark:
        rest = rest.partition("#")[0]
    return f"{address}{'&' if '?' in address else '?'}{rest}{hash_mark}{fragment}"


def path_url(name: str, suffix: str = "") -> str:
    """Return the relative URL of a file of the package, with the query or fragment that follows it."""
    return quote(name, safe=PATH_CHARACTERS) + quote(suffix, safe=PATH_CHARACTERS + ":?#%[]")
