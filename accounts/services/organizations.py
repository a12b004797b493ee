"""Organizations: making a tenant, and listing tenants for the installation's own duties."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import available_timezones

from sqlalchemy import text

from accounts.services import profile
from accounts.store import people as people_store
from accounts.tables import Organization
from core import audit
from core.db import Session, uuid7
from core.errors import Invalid, Problem


@dataclass(frozen=True)
class Facts:
    """What an organization is called, and what counts where a person has not said otherwise."""

    name: str
    slug: str
    code: str
    locale: str
    timezone: str


def create(session: Session, *, name: str, slug: str, code: str, now: datetime, timezone: str = "UTC") -> UUID:
    """Make an organization; the transaction must have been opened for `new_id()`'s answer given as tenant.

    `code` (2–12 capital letters and digits) opens its certificate numbers.
    """
    organization_id: UUID = session.info["organization_id"]
    session.add(
        Organization(id=organization_id, name=name, slug=slug, code=code, default_timezone=timezone, created_at=now)
    )
    session.flush()
    return organization_id


def facts(session: Session) -> Facts:
    """Return what the organization's own page shows."""
    row = people_store.organization(session)
    return Facts(row.name, row.slug, row.code, row.default_locale, row.default_timezone)


def change(session: Session, *, name: str, locale: str, timezone: str) -> None:
    """Change what the organization is called, its language and its time zone. Raises Invalid for each that is wrong."""
    row = people_store.organization(session, lock=True)
    problems = []
    if not name or not name.isprintable() or len(name) > 255:
        problems.append(Problem("name", "A name has 1 to 255 characters, in one line."))
    if locale not in profile.LANGUAGES:
        problems.append(Problem("locale", "Stoa does not speak this language yet."))
    if timezone not in available_timezones():
        problems.append(Problem("timezone", "There is no such time zone."))
    if problems:
        raise Invalid(problems=problems)
    new = {"name": name, "default_locale": locale, "default_timezone": timezone}
    old = {column: getattr(row, column) for column in new}
    changed = [column for column in new if old[column] != new[column]]
    if not changed:
        return
    row.default_locale, row.default_timezone = locale, timezone
    if not people_store.rename_organization(session, row, name):
        raise Invalid(problems=[Problem("name", "Another organization here has this name.")])
    audit.record(
        session, "organization.changed", "organization", row.id,
        old={column: old[column] for column in changed}, new={column: new[column] for column in changed},
    )  # fmt: skip


def new_id() -> UUID:
    """Return an id for an organization about to be made."""
    return uuid7()


def all_ids(session: Session) -> list[UUID]:
    """Return the ids of all active organizations."""
    return list(session.execute(text("SELECT organization_ids()")).scalars())


def find_by_slug(session: Session, slug: str) -> UUID | None:
    """Return an organization's id by its slug, whatever the tenant of the transaction."""
    return session.execute(text("SELECT organization_by_slug(:slug)"), {"slug": slug}).scalar()
