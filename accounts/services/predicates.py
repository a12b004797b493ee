"""The words audience rules are made of. Rooms above add their own through `app/wiring.py`: see `register`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Select

from accounts.services import custom_fields, positions, units
from accounts.services.roles import ASSIGNABLE
from accounts.store import audiences as store
from accounts.store import scim as group_store
from core.db import Session

Takes = Literal["choices", "people", "date", "text", "number", "tags"]
Choices = Callable[[Session], list[tuple[str, str]]]


@dataclass(frozen=True)
class Predicate:
    """One word of a rule, such as "unit".

    `operators` are the ways to compare; `takes` says what kind of values it wants, `choices` answers (value, label) for
    those to choose from. `people(operator, values, now)` answers a query for the ids of those people it holds for.
    """

    field: str
    label: str
    operators: tuple[str, ...]
    takes: Takes
    people: Callable[[str, list[str], datetime], Select[Any]]
    choices: Choices | None = None


_registered: dict[str, Predicate] = {}


def register(predicates: Sequence[Predicate]) -> None:
    """Add the words of a higher room; called by the wiring, and harmless when called again."""
    _registered.update({predicate.field: predicate for predicate in predicates})


def known(session: Session) -> Mapping[str, Predicate]:
    """Return every word this organization's rules may use, by field."""
    own = (_own_field(field) for field in custom_fields.listed(session))
    return {predicate.field: predicate for predicate in (*_BUILT_IN, *_registered.values(), *own)}


def _own_field(field: custom_fields.Field) -> Predicate:
    operators: dict[str, tuple[tuple[str, ...], Takes]] = {
        "text": (("is", "contains"), "text"),
        "number": (("at_least", "at_most"), "number"),
        "date": (("before", "from"), "date"),
        "choice": (("is",), "choices"),
        "yes_no": (("is",), "choices"),
    }
    ways, takes = operators[field.field_type]
    offered = [("yes", "Yes"), ("no", "No")] if field.field_type == "yes_no" else [(one, one) for one in field.choices]
    return Predicate(
        f"own.{field.code}",
        field.label,
        ways,
        takes,
        lambda operator, values, _now: store.own_field(field.code, operator, values),
        (lambda _session: offered) if takes == "choices" else None,
    )


def _ids(values: Sequence[str]) -> list[UUID]:
    return [UUID(value) for value in values]


def _unit_choices(session: Session) -> list[tuple[str, str]]:
    return [
        (str(unit.id), "\u2007\u2007" * unit.depth + f"{unit.name} ({unit.code})")
        for unit in units.tree(session, is_counted=False)
    ]


def _position_choices(session: Session) -> list[tuple[str, str]]:
    return [(str(job.id), job.name) for job in positions.listed(session)]


def _group_choices(session: Session) -> list[tuple[str, str]]:
    return [(str(group.id), group.name) for group in group_store.groups(session)]


def _role_choices(_session: Session) -> list[tuple[str, str]]:
    return [(role.value, role.value.replace("_", " ").capitalize()) for role in ASSIGNABLE]


_BUILT_IN = (
    Predicate(
        "unit",
        "Unit",
        ("in_tree", "is"),
        "choices",
        lambda operator, values, _now: store.in_units(_ids(values), with_below=operator == "in_tree"),
        _unit_choices,
    ),
    Predicate(
        "position",
        "Position",
        ("is",),
        "choices",
        lambda _operator, values, _now: store.in_positions(_ids(values)),
        _position_choices,
    ),
    Predicate(
        "group",
        "Group",
        ("is",),
        "choices",
        lambda _operator, values, _now: group_store.in_groups(_ids(values)),
        _group_choices,
    ),
    Predicate(
        "manager",
        "Reports to",
        ("in_line", "directly"),
        "people",
        lambda operator, values, _now: store.reporting_to(_ids(values), directly=operator == "directly"),
    ),
    Predicate(
        "role",
        "Role",
        ("is",),
        "choices",
        lambda _operator, values, now: store.holding_roles(values, now),
        _role_choices,
    ),
    Predicate(
        "joined",
        "Hired or joined",
        ("before", "from"),
        "date",
        lambda operator, values, _now: store.joined(date.fromisoformat(values[0]), before=operator == "before"),
    ),
    Predicate("tag", "Tag", ("is",), "tags", lambda _operator, values, _now: store.tagged(values)),
    Predicate("person", "Person", ("is",), "people", lambda _operator, values, _now: store.these(_ids(values))),
)
