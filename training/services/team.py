"""A manager's team: everybody who reports to them, directly or through others, and how their assignments stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.services import people
from accounts.services.people import Person
from core.db import Session
from core.reach import Reach
from training.rules.assignments import Standing
from training.store import assignments as store

MOST_PEOPLE = 10_000


@dataclass(frozen=True)
class TeamMember:
    """Somebody of the team, with how many assignments stand how."""

    person: Person
    counts: dict[Standing, int]

    @property
    def open(self) -> int:
        """How many assignments wait to be completed."""
        return sum(self.counts[one] for one in OPEN)


OPEN = (Standing.NOT_STARTED, Standing.IN_PROGRESS, Standing.DUE_SOON, Standing.OVERDUE)


@dataclass(frozen=True)
class Team:
    """The people, those with overdue assignments first, and the sums over all of them."""

    members: Sequence[TeamMember]

    def total(self, standing: Standing) -> int:
        """Return how many assignments of the team stand so."""
        return sum(member.counts[standing] for member in self.members)

    @property
    def open(self) -> int:
        """How many assignments of the team wait to be completed."""
        return sum(member.open for member in self.members)

    @property
    def behind(self) -> int:
        """How many people have something overdue."""
        return sum(member.counts[Standing.OVERDUE] > 0 for member in self.members)


def of(session: Session, within: Reach, now: datetime) -> Team:
    """Return these people as a team."""
    found, _total = people.page(session, "", 0, MOST_PEOPLE, within)
    counts = store.counts_by_person(session, now, within)
    none = dict.fromkeys(Standing, 0)
    members = [TeamMember(person, counts.get(person.user_id, none)) for person in found]
    members.sort(key=lambda one: (-one.counts[Standing.OVERDUE], -one.counts[Standing.DUE_SOON]))
    return Team(members)
