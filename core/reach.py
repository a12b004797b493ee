"""What a permission reaches that is held in some places only, in the form queries understand."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, or_


@dataclass(frozen=True)
class Reach:
    """Certain people and certain things. No `Reach` at all stands for everything in the organization."""

    people: Select[UUID]
    things: frozenset[UUID]

    def covers(self, person: Any, thing: Any = None) -> ColumnElement[bool]:
        """Return the condition that a row is of one of these people, or about one of these things."""
        is_theirs = person.in_(self.people)
        return is_theirs if thing is None or not self.things else or_(is_theirs, thing.in_(self.things))
