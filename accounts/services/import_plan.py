"""What a file of people would do, row by row, and what is wrong with it. Reads in bulk, writes nothing."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from accounts.services import custom_fields, people
from accounts.services.import_file import Table
from accounts.store import details as detail_store
from accounts.store import imports as store
from accounts.store import units as unit_store
from accounts.store.imports import Known
from core.db import Session, uuid7
from core.words import said

TARGETS = {
    "email": "e mail,email,mail,e mail address,email address",
    "first_name": "first name,firstname,given name,vorname",
    "last_name": "last name,lastname,surname,family name,nachname",
    "employee_id": "employee id,employee number,personnel number,staff id,personalnummer",
    "external_id": "external id,id,hr id",
    "unit": "unit,unit code,org unit,department,department code,abteilung",
    "position": "position,position code,job,job code",
    "position_title": "job title,title",
    "manager": "manager,manager id,manager email,manager e mail,reports to,supervisor",
    "hired_on": "hired,hired on,hire date,start date,eintritt",
    "tags": "tags,labels",
}
"""What a column can mean, and headings that say so. Own fields come on top, as own.<code>."""
FIELDS = (
    "first_name", "last_name", "employee_id", "org_unit_id", "position_id", "manager_id", "position_title", "hired_on",
    "tags", "custom_fields", "status",
)  # fmt: skip
"""What an import may change, and puts back when it is undone."""


@dataclass(frozen=True)
class RowProblem:
    """What is wrong with a cell: the row as a spreadsheet numbers it, the column's heading, how to put it right."""

    row: int
    column: str
    reason: str
    remedy: str = ""


@dataclass
class Planned:
    """What becomes of one row: a new person, or changes to a known one; `manager` is resolved last."""

    row: int
    email: str
    user_id: UUID
    known: Known | None
    values: dict[str, Any]
    is_account_new: bool = False
    external_id: str = ""
    manager: str = ""

    @property
    def changes(self) -> dict[str, Any]:
        """What differs from what is stored."""
        if self.known is None:
            return self.values
        return {name: value for name, value in self.values.items() if getattr(self.known, name) != value}


@dataclass
class Plan:
    """What a file would do."""

    rows: list[Planned] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)

    def totals(self) -> dict[str, int]:
        """Return how many people would be new, changed, left as they are, and how many rows are wrong."""
        counted = Counter(
            "created" if row.known is None else "updated" if row.changes or row.external_id else "unchanged"
            for row in self.rows
        )
        wrong = len({problem.row for problem in self.problems})
        return {
            "created": counted["created"],
            "updated": counted["updated"],
            "unchanged": counted["unchanged"],
            "wrong": wrong,
        }


def guess(columns: Sequence[str], own: Sequence[str]) -> dict[str, str]:
    """Return what the columns probably mean, by column number; each meaning once."""
    meanings = {name: target for target, names in TARGETS.items() for name in names.split(",")}
    meanings |= {target.replace("_", " "): target for target in TARGETS} | {
        code.replace("_", " "): f"own.{code}" for code in own
    }
    found: dict[str, str] = {}
    for number, heading in enumerate(columns):
        target = meanings.get(re.sub(r"[^a-z0-9]+", " ", heading.lower()).strip())
        if target and target not in found.values():
            found[str(number)] = target
    return found


def make(session: Session, table: Table, mapping: Mapping[str, str], system: str) -> Plan:
    """Return what a file would do to the organization as it is now."""
    return _Planner(session, table, mapping, system).plan()


class _Planner:
    def __init__(self, session: Session, table: Table, mapping: Mapping[str, str], system: str) -> None:
        self.table, self.system = table, system
        self.columns = {target: int(number) for number, target in mapping.items()}
        self.fields = custom_fields.listed(session)
        everybody = store.everybody(session)
        self.by_id: dict[UUID, Known] = {member.user_id: member for member in everybody}
        self.by_email = {member.email: member for member in everybody}
        self.by_employee_id = {member.employee_id: member for member in everybody if member.employee_id}
        self.units = {row.code.lower(): row for row in unit_store.all_units(session) if row.archived_at is None}
        self.positions = {row.code.lower(): row for row in unit_store.positions(session) if row.archived_at is None}
        keys = self._all("external_id")
        self.by_external_id = detail_store.people_by_external_id(session, system, keys) if keys else {}
        unknown = [mail for mail in {cell.lower() for cell in self._all("email")} if mail not in self.by_email]
        self.elsewhere = store.known_elsewhere(session, unknown)
        self.session = session
        self.result = Plan()

    def plan(self) -> Plan:
        seen: dict[UUID | str, int] = {}
        for number, cells in self.table.rows:
            given = {target: self._cell(cells, target) for target in self.columns}
            before = len(self.result.problems)
            planned = self._row(number, given)
            if planned is None or len(self.result.problems) > before:
                continue
            if (earlier := seen.setdefault(planned.email, number)) != number:
                self._wrong(
                    number,
                    "email",
                    said("Row %(earlier)s is about the same person.", earlier=earlier),
                    "Keep one of them.",
                )
            else:
                self.result.rows.append(planned)
        self._own_names()
        self._employee_ids()
        self._managers()
        return self.result

    def _all(self, target: str) -> list[str]:
        if target not in self.columns:
            return []
        return [cell for _number, cells in self.table.rows if (cell := self._cell(cells, target))]

    def _cell(self, cells: Sequence[str], target: str) -> str:
        column = self.columns[target]
        return cells[column].strip() if column < len(cells) else ""

    def _wrong(self, row: int, target: str, reason: str, remedy: str = "") -> None:
        heading = self.table.columns[self.columns[target]] if target in self.columns else target
        self.result.problems.append(RowProblem(row, heading, reason, remedy))

    def _row(self, number: int, given: Mapping[str, str]) -> Planned | None:
        for target, text in given.items():
            if _is_formula(text) and not (target.startswith("own.") and re.fullmatch(r"[+-][\d.]+", text)):
                self._wrong(number, target, "This cell begins like a formula.", "Put the value there, without = + - @.")
                return None
            if not text.isprintable():
                self._wrong(number, target, "This cell has more than one line, or invisible characters.")
                return None
        known = self._known(number, given)
        if isinstance(known, str):
            return None
        email = given.get("email", "").lower() or (known.email if known else "")
        if known is None and not people.is_email(email):
            self._wrong(
                number,
                "email",
                said("%(email)s is not an e-mail address.", email=email) if email else "The e-mail is missing.",
                "A new person needs one.",
            )
            return None
        if known is not None and email != known.email:
            self._wrong(
                number,
                "email",
                said("They are known as %(email)s.", email=known.email),
                "The e-mail is theirs to change.",
            )
        account = self.elsewhere.get(email)
        planned = Planned(
            number, email, known.user_id if known else account or uuid7(), known, {}, known is None and account is None
        )
        planned.manager, planned.external_id = given.get("manager", ""), given.get("external_id", "")
        if planned.external_id in self.by_external_id:
            planned.external_id = ""
        self._facts(planned, given)
        return planned

    def _known(self, number: int, given: Mapping[str, str]) -> Known | str | None:
        """Return whom a row is about, None for somebody new, or "" when its keys name different people."""
        external = self.by_external_id.get(given.get("external_id", ""))
        found = {
            target: member
            for target, member in (
                ("email", self.by_email.get(given.get("email", "").lower())),
                ("employee_id", self.by_employee_id.get(given.get("employee_id", ""))),
                ("external_id", self.by_id.get(external) if external else None),
            )
            if member is not None
        }
        if len({member.user_id for member in found.values()}) > 1:
            names = ", ".join(f"{target}: {member.email}" for target, member in found.items())
            self._wrong(number, next(iter(found)), said("Its ids belong to different people (%(names)s).", names=names))
            return ""
        return next(iter(found.values()), None)

    def _facts(self, planned: Planned, given: Mapping[str, str]) -> None:
        number, values, known = planned.row, planned.values, planned.known
        for target in ("first_name", "last_name"):
            if text := given.get(target, ""):
                values[target] = text
        if known is None:
            names = values.get("first_name", ""), values.get("last_name", "")
            for problem in people.name_problems(*names):
                self._wrong(number, problem.where, problem.what, problem.remedy)
        for target, most in (("first_name", 99), ("last_name", 99), ("employee_id", 100), ("position_title", 100)):
            text = given.get(target, "")
            if len(text) > most:
                self._wrong(number, target, said("At most %(most)s characters.", most=most))
            elif text:
                values[target] = text
        for target, column, rows in (("unit", "org_unit_id", self.units), ("position", "position_id", self.positions)):
            code = given.get(target, "")
            if code and code.lower() not in rows:
                absent = (
                    said("There is no unit with the code %(code)s in use.", code=code)
                    if target == "unit"
                    else said("There is no position with the code %(code)s in use.", code=code)
                )
                self._wrong(number, target, absent, "Add it first.")
            elif code:
                values[column] = rows[code.lower()].id
        if text := given.get("hired_on", ""):
            day = _day(text)
            if day is None:
                self._wrong(
                    number,
                    "hired_on",
                    said("%(text)s is not a day.", text=text),
                    "Write it like 2026-03-31 or 31.03.2026.",
                )
            else:
                values["hired_on"] = day
        if text := given.get("tags", ""):
            values["tags"] = sorted({tag.strip()[:60] for tag in re.split("[,;]", text) if tag.strip()})
        own = {target[4:]: text for target, text in given.items() if target.startswith("own.") and text}
        merged, problems = custom_fields.merged(self.fields, known.custom_fields if known else {}, own)
        for problem in problems:
            self._wrong(number, f"own.{problem.where.removeprefix('custom_')}", problem.what, problem.remedy)
        if merged != (known.custom_fields if known else {}):
            values["custom_fields"] = merged
        if known is None or known.status.value == "left":
            values["status"] = "invited"

    def _own_names(self) -> None:
        """Leave the names of those alone whom another organization knows too."""
        renamed = [row for row in self.result.rows if row.known and {"first_name", "last_name"} & row.changes.keys()]
        theirs = store.belonging_elsewhere(self.session, [row.user_id for row in renamed]) if renamed else set()
        for row in renamed:
            if row.user_id in theirs:
                row.values.pop("first_name", None)
                row.values.pop("last_name", None)

    def _employee_ids(self) -> None:
        """Refuse an employee id that two people would have afterwards."""
        changed = {row.user_id for row in self.result.rows if "employee_id" in row.changes}
        holders: dict[str, UUID] = {
            text: member.user_id for text, member in self.by_employee_id.items() if member.user_id not in changed
        }
        for row in self.result.rows:
            text = row.changes.get("employee_id")
            if text and holders.setdefault(text, row.user_id) != row.user_id:
                self._wrong(row.row, "employee_id", said("Somebody else has the employee id %(text)s.", text=text))

    def _managers(self) -> None:
        """Resolve managers, known ones and those of the file in any order; refuse lines that run in a circle."""
        planned = {row.email: row for row in self.result.rows}
        numbered = {row.values["employee_id"]: row for row in self.result.rows if row.values.get("employee_id")}
        above = {member.user_id: member.manager_id for member in self.by_id.values()}
        for row in self.result.rows:
            if not row.manager:
                above.setdefault(row.user_id, None)
                continue
            name = row.manager
            found = planned.get(name.lower()) or numbered.get(name)
            member = self.by_email.get(name.lower()) or self.by_employee_id.get(name)
            manager_id = (
                found.user_id if found else member.user_id if member and member.status.value != "left" else None
            )
            if manager_id is None:
                self._wrong(
                    row.row,
                    "manager",
                    said("%(name)s is nobody here, nor in this file.", name=name),
                    "Use an e-mail or employee id.",
                )
                continue
            row.values["manager_id"] = above[row.user_id] = manager_id
        safe: set[UUID] = set()
        for row in self.result.rows:
            way: dict[UUID, int] = {}
            at: UUID | None = row.user_id
            while at is not None and at not in safe and at not in way:
                way[at] = len(way)
                at = above.get(at)
            if at is not None and at in way:
                if way[row.user_id] >= way[at] and row.manager:
                    self._wrong(row.row, "manager", "The line of reporting would run in a circle.")
            else:
                safe.update(way)


def _is_formula(text: str) -> bool:
    return text.startswith(("=", "@", "+", "-", "\t", "\r"))


def _day(text: str) -> date | None:
    try:
        if found := re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", text):
            return date(int(found[3]), int(found[2]), int(found[1]))
        return date.fromisoformat(text)
    except ValueError:
        return None
