"""Fields of the organization's own: what they take, who sees them, and whether a value fits."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from uuid import UUID

from accounts.store import details as store
from accounts.store import members as member_store
from accounts.tables import CustomField, FieldType, FieldVisibility
from core import audit
from core.db import Session, uuid7
from core.errors import Invalid, NotFound, Problem
from core.words import said

TYPES = tuple(FieldType)
VISIBILITIES = tuple(FieldVisibility)
LONGEST = 500
_NEEDS = {
    FieldVisibility.READERS: "people.read",
    FieldVisibility.EDITORS: "people.write",
    FieldVisibility.SENSITIVE: "people.sensitive",
}


@dataclass(frozen=True)
class Field:
    """A field of the organization's own. Values are texts: a number as 12.5, a day as 2026-03-31, yes or no."""

    id: UUID
    code: str
    label: str
    field_type: str
    choices: list[str]
    is_required: bool
    visibility: str
    sort_order: int
    is_archived: bool

    @property
    def permission(self) -> str:
        """What one must hold to see its values."""
        return _NEEDS[FieldVisibility(self.visibility)]


def listed(session: Session, *, with_archived: bool = False) -> list[Field]:
    """Return the organization's fields in their order."""
    rows = store.custom_fields(session)
    return [_described(row) for row in rows if with_archived or row.archived_at is None]


def get(session: Session, field_id: UUID) -> Field:
    """Return a field. Raises NotFound."""
    return _described(_row(session, field_id))


def add(session: Session, now: datetime, **facts: str) -> UUID:
    """Add a field with code, label, field_type, choices (a line each), is_required ("1"), visibility and sort_order.

    Raises Invalid with all that is wrong.
    """
    member_store.lock_organization(session)
    checked = _check(session, facts, None)
    field_id = uuid7()
    session.add(
        CustomField(
            id=field_id, code=facts["code"], field_type=FieldType(facts["field_type"]), created_at=now, **checked
        )
    )
    session.flush()
    audit.record(session, "custom_field.added", "custom_field", field_id, new=facts)
    return field_id


def change(session: Session, field_id: UUID, **facts: str) -> None:
    """Change a field; code and type stay what they are, for values depend on them. Raises NotFound, Invalid."""
    member_store.lock_organization(session)
    row = _row(session, field_id)
    facts = facts | {"code": row.code, "field_type": row.field_type.value}
    for name, value in _check(session, facts, row).items():
        setattr(row, name, value)
    session.flush()
    audit.record(session, "custom_field.changed", "custom_field", field_id, new=facts)


def set_archived(session: Session, field_id: UUID, at: datetime | None) -> None:
    """Take a field out of use, or back into it with None; its values stay. Raises NotFound."""
    _row(session, field_id).archived_at = at
    audit.record(session, "custom_field.archived" if at else "custom_field.restored", "custom_field", field_id)


def merged(
    fields: Sequence[Field], old: Mapping[str, str], given: Mapping[str, str]
) -> tuple[dict[str, str], list[Problem]]:
    """Return the values after `given` ones replaced theirs, and what is wrong with those; an empty text takes away."""
    known, values, problems = {field.code: field for field in fields}, dict(old), []
    for code, text in given.items():
        field = known.get(code)
        if field is None:
            problems.append(Problem(f"custom_{code}", said("There is no field %(code)s.", code=code)))
            continue
        value, problem = _fitted(field, text.strip())
        if problem:
            problems.append(problem)
        elif value:
            values[code] = value
        else:
            values.pop(code, None)
    return values, problems


def _fitted(field: Field, text: str) -> tuple[str, Problem | None]:
    """Return the value as it is kept, or what is wrong with it."""
    where = f"custom_{field.code}"
    if not text:
        return "", Problem(where, said("%(label)s is missing.", label=field.label)) if field.is_required else None
    kind = FieldType(field.field_type)
    if kind is FieldType.CHOICE:
        found = next((choice for choice in field.choices if choice.casefold() == text.casefold()), None)
        remedy = f"Choose one of {', '.join(field.choices)}."
        return found or "", None if found else Problem(where, said("%(text)s is not offered.", text=text), remedy)
    if kind is FieldType.YES_NO:
        word = {"yes": "yes", "no": "no", "1": "yes", "0": "no", "true": "yes", "false": "no"}.get(text.lower(), "")
        return word, None if word else Problem(where, "This takes yes or no.")
    if kind is FieldType.DATE:
        try:
            return date.fromisoformat(text).isoformat(), None
        except ValueError:
            return "", Problem(where, "This is not a day.", "Write it like 2026-03-31.")
    if kind is FieldType.NUMBER:
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or abs(number.adjusted()) > 20:
            return "", Problem(where, "This is not a number.", "Write it like 12.5.")
        return f"{number:f}", None
    if len(text) > LONGEST or not text.isprintable():
        return "", Problem(
            where,
            said("%(label)s takes up to %(longest)s characters, in one line.", label=field.label, longest=LONGEST),
        )
    return text, None


def _check(session: Session, facts: dict[str, str], row: CustomField | None) -> dict[str, object]:
    problems = []
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", facts["code"]):
        problems.append(
            Problem("code", "A code has up to 40 small letters, digits and underscores and begins with a letter.")
        )
    elif any(other.code == facts["code"] for other in store.custom_fields(session) if other is not row):
        problems.append(Problem("code", "Another field has this code, perhaps an archived one."))
    if not facts["label"] or not facts["label"].isprintable() or len(facts["label"]) > 100:
        problems.append(Problem("label", "A label takes 1 to 100 characters, in one line."))
    if facts["field_type"] not in set(FieldType):
        problems.append(Problem("field_type", "There is no such kind of field."))
    if facts["visibility"] not in set(FieldVisibility):
        problems.append(Problem("visibility", "Nobody is called that."))
    choices = list(dict.fromkeys(line.strip() for line in facts["choices"].splitlines() if line.strip()))
    if facts["field_type"] == FieldType.CHOICE and not choices:
        problems.append(Problem("choices", "There is nothing to choose from.", "Write one choice per line."))
    if len(choices) > 200 or any(len(choice) > 100 for choice in choices):
        problems.append(Problem("choices", "At most 200 choices of 100 characters each."))
    order = facts["sort_order"] or "0"
    if not re.fullmatch(r"\d{1,4}", order):
        problems.append(Problem("sort_order", "This is not a whole number from 0 to 9999."))
    if problems:
        raise Invalid(problems=problems)
    return {
        "label": facts["label"],
        "choices": choices,
        "is_required": facts["is_required"] == "1",
        "visibility": FieldVisibility(facts["visibility"]),
        "sort_order": int(order),
    }


def _row(session: Session, field_id: UUID) -> CustomField:
    row = next((row for row in store.custom_fields(session) if row.id == field_id), None)
    if row is None:
        raise NotFound("There is no such field.")
    return row


def _described(row: CustomField) -> Field:
    return Field(
        row.id,
        row.code,
        row.label,
        row.field_type.value,
        row.choices,
        row.is_required,
        row.visibility.value,
        row.sort_order,
        row.archived_at is not None,
    )
