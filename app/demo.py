"""Demo data: an organization with people and a course to take, and a second one that must see nothing of it."""

from accounts.services import organizations, people
from core import clock
from core.config import Config
from core.db import Database

PASSWORD = "stoa-demo-2026"  # noqa: S105 - printed for everybody at start, for a database on this machine only
ORGANIZATIONS = (
    ("Northwind Care", "northwind", "NWC", "Europe/Berlin"),
    ("Acme Training", "acme", "ACME", "America/New_York"),
)
PEOPLE = {
    "northwind": (
        ("cem@northwind.example", "Cem", "Aydin", ["org_admin"]),
        ("ana@northwind.example", "Ana", "Novak", ["learner"]),
        ("ben@northwind.example", "Ben", "Okoro", ["training_admin"]),
    ),
    "acme": (
        ("zoe@acme.example", "Zoe", "Lindqvist", ["org_admin"]),
        ("yan@acme.example", "Yan", "Petrov", ["learner"]),
    ),
}


def load(database: Database, _settings: Config) -> None:
    """Load the demo data once; a second call changes nothing."""
    for name, slug, code, zone in ORGANIZATIONS:
        with database.read(None) as session:
            if organizations.find_by_slug(session, slug) is not None:
                continue
        with database.write(organizations.new_id()) as session:
            now = clock.now()
            organizations.create(session, name=name, slug=slug, code=code, timezone=zone, now=now)
            for email, first, last, roles in PEOPLE[slug]:
                people.add(
                    session, email=email, first_name=first, last_name=last, roles=roles, password=PASSWORD,
                    is_verified=True, now=now,
                )  # fmt: skip


def sign_ins() -> str:
    """Return the demo people and their password, for the terminal."""
    rows = [
        f"  {email:<26} {roles[0].replace('_', ' '):<16} {name}"
        for name, slug, _code, _zone in ORGANIZATIONS
        for email, _first, _last, roles in PEOPLE[slug]
    ]
    return "Demo sign-ins (password for all: " + PASSWORD + ")\n" + "\n".join(rows) + "\n"
