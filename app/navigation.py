"""What every page shows around its content: the rail by role, who is signed in, the CSRF token."""

from dataclasses import dataclass
from typing import Any

from flask import request, url_for
from flask_babel import get_locale
from flask_babel import lazy_gettext as _

from accounts.permissions import Kind
from core.http import Visitor, visitor


@dataclass(frozen=True)
class Entry:
    """One line of the rail."""

    label: str
    endpoint: str
    icon: str
    permission: str
    limited: bool = False  # also for who holds the permission in some places only
    place: str = ""  # only for who is somewhere like this

    def is_for(self, person: Visitor) -> bool:
        """Tell whether somebody sees it."""
        holds = person.may_somewhere if self.limited else person.may
        return holds(self.permission) and (not self.place or any(kind == self.place for kind, _ in person.places))


@dataclass(frozen=True)
class Group:
    """Entries under one heading; the first group has none."""

    label: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Link:
    """An entry as a page shows it."""

    label: str
    url: str
    icon: str
    current: bool


def rail(person: Visitor) -> list[dict[str, Any]]:
    """Return the groups somebody sees; one link at most is current: the page shown, else the nearest one above it."""
    seen = [(group.label, [entry for entry in group.entries if entry.is_for(person)]) for group in RAIL]
    urls = {entry.endpoint: url_for(entry.endpoint) for _, entries in seen for entry in entries}
    above = [url for url in urls.values() if request.path.startswith(url + "/") and request.blueprint != "app"]
    here = urls.get(request.endpoint or "", max(above, key=len, default=""))
    return [
        {
            "label": label,
            "entries": [Link(e.label, urls[e.endpoint], e.icon, urls[e.endpoint] == here) for e in entries],
        }
        for label, entries in seen
        if entries
    ]


RAIL = (
    Group(
        "",
        (
            Entry(_("Home"), "app.home", "home", "signed_in"),
            Entry(_("My learning"), "training.my_learning", "module", "learn"),
            Entry(_("Catalog"), "catalog.browse", "catalog", "catalog.browse"),
            Entry(_("My certificates"), "training.my_certificates", "certificate", "learn"),
        ),
    ),
    Group(
        _("Manage"),
        (
            Entry(_("My team"), "training.show_team", "users", "progress.read", limited=True, place=Kind.REPORTS),
            Entry(_("Assignments"), "training.list_assignments", "assignment", "progress.read", limited=True),
            Entry(_("Courses"), "catalog.list_courses", "course", "course.write"),
            Entry(_("Packages"), "scorm_player.list_packages", "package", "package.import"),
            Entry(_("People"), "accounts.list_people", "people", "people.read", limited=True),
            Entry(_("Certificates"), "training.list_certificates", "certificate", "certificate.read", limited=True),
        ),
    ),
    Group(
        _("Records"),
        (
            Entry(_("Statements"), "lrs.list_statements", "statement", "lrs.admin"),
            Entry(_("Activity"), "lrs.show_activity", "report", "lrs.admin"),
            Entry(_("Not counted"), "training.list_uncounted", "ban", "evidence.read"),
            Entry(_("Credentials"), "lrs.list_credentials", "key", "lrs.admin"),
        ),
    ),
    Group(
        _("Settings"),
        (
            Entry(_("Organization"), "accounts.show_settings", "settings", "organization.manage"),
            Entry(_("Roles"), "accounts.list_roles", "lock", "roles.assign"),
            Entry(_("Playback"), "scorm_player.show_playback", "play", "organization.manage"),
            Entry(_("Sign-in"), "accounts.list_providers", "login", "sign_in.manage"),
            Entry(_("API clients"), "accounts.list_api_clients", "key", "api_client.manage"),
            Entry(_("Jobs"), "app.list_jobs", "jobs", "organization.manage"),
            Entry(_("Audit log"), "audit.list_entries", "history", "audit.read"),
        ),
    ),
)


def template_values() -> dict[str, Any]:
    """Return what the layout needs: see the head of `templates/site/layout.html`."""
    values: dict[str, Any] = {
        "locale": get_locale(),
        "navigation": [],
        "visitor": visitor(),
        "home_url": url_for("app.index"),
    }
    if (person := visitor()) is not None:
        values["viewing"] = person if person.viewer_id is not None else None
        values["navigation"] = rail(person)
        here = person.organization_id
        if person.theme:
            values["theme_url"] = url_for("accounts.show_style_sheet", organization_id=here, mark=person.theme)
        if person.logo:
            values["logo_url"] = url_for("accounts.show_logo", organization_id=here, sha256=person.logo)
        values["person"] = {
            "name": person.name,
            "initials": "".join(word[0] for word in person.name.split()[:2]).upper(),
            "organization": person.organization_name,
            "entries": [
                {"label": _("My profile"), "url": url_for("accounts.show_profile"), "icon": "person"},
                {"label": _("My sessions"), "url": url_for("accounts.list_sessions"), "icon": "lock"},
                *(
                    [
                        {
                            "label": _("Switch organization"),
                            "url": url_for("accounts.list_organizations"),
                            "icon": "users",
                        }
                    ]
                    if person.is_elsewhere
                    else []
                ),
            ],
            "sign_out_url": url_for("accounts.sign_out"),
        }
    return values
