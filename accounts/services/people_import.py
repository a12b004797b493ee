"""Importing people from a file: upload, say what the columns mean, check, apply as a whole or not at all, undo."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

from accounts.events import PersonChanged, PersonJoined, PersonLeft
from accounts.services import custom_fields, import_file, import_plan, people
from accounts.services.import_plan import FIELDS, Plan, Planned
from accounts.store import imports as store
from accounts.store import links as link_store
from accounts.store import members as member_store
from accounts.store import people as people_store
from accounts.store import units as unit_store
from accounts.tables import (
    ImportStep,
    Membership,
    MembershipStatus,
    PeopleImport,
    PeopleImportChange,
    RoleCode,
    User,
)
from core import audit, clock, words
from core.db import Session
from core.errors import Conflict, Invalid, NotFound, Problem
from core.events import publish
from core.files import StoredFile, keep
from core.jobs import enqueue
from core.words import said

Tell = Callable[[int, str], None]
MOST_PROBLEMS = 5000
"""More wrong cells than these are counted, not listed."""


def receive(
    session: Session, stored: StoredFile, data: bytes, *, name: str, most_rows: int, now: datetime, by: UUID
) -> UUID:
    """Note an uploaded file and what its columns probably mean; answer the import's id. Raises Invalid."""
    table = import_file.read(data, most_rows=most_rows)
    own = [field.code for field in custom_fields.listed(session)]
    row = PeopleImport(
        file_id=keep(session, stored, media_type="text/csv", name=name).id,
        file_name=name[:255],
        encoding=table.encoding,
        separator=table.separator,
        columns=table.columns,
        row_count=len(table.rows),
        mapping=import_plan.guess(table.columns, own),
        created_at=now,
        created_by=by,
    )
    session.add(row)
    session.flush()
    audit.record(
        session, "people_import.uploaded", "people_import", row.id, new={"file": name, "rows": len(table.rows)}
    )
    return row.id


def get(session: Session, import_id: UUID) -> PeopleImport:
    """Return an import. Raises NotFound."""
    row = store.find(session, import_id)
    if row is None:
        raise NotFound("There is no such import.")
    return row


def recent(session: Session) -> list[PeopleImport]:
    """Return the latest imports."""
    return store.recent(session)


def ask_for_check(session: Session, import_id: UUID, mapping: Mapping[str, str], system: str, by: UUID) -> None:
    """Keep what the columns mean and have the file checked. Raises Invalid, NotFound, Conflict when it was applied."""
    row = _locked(session, import_id, ImportStep.UPLOADED, ImportStep.CHECKED)
    allowed = {*import_plan.TARGETS, *(f"own.{field.code}" for field in custom_fields.listed(session))}
    problems = []
    meanings = list(mapping.values())
    if unknown := [target for target in meanings if target not in allowed]:
        problems.append(Problem("mapping", said("No column can mean %(unknown)s.", unknown=unknown[0])))
    if twice := [target for target in set(meanings) if meanings.count(target) > 1]:
        problems.append(
            Problem("mapping", said("Two columns mean %(twice)s.", twice=twice[0]), "Leave one of them out.")
        )
    if not {"email", "employee_id", "external_id"} & set(meanings):
        problems.append(
            Problem("mapping", "No column says who a row is about.", "Name e-mail, employee id or external id.")
        )
    if "external_id" in meanings and not system:
        problems.append(Problem("source_system", "The system these external ids belong to is missing."))
    if problems:
        raise Invalid(problems=problems)
    row.mapping, row.source_system, row.step = dict(mapping), system[:60], ImportStep.CHECKING
    row.totals, row.problems = {}, []
    row.job_id = enqueue(session, "accounts.check_import", {"import_id": str(import_id)}, created_by=by)


def check(session: Session, import_id: UUID, data: bytes) -> None:
    """Find out what the file would do and keep the answer; changes nobody. A second call does nothing."""
    row = get(session, import_id)
    if row.step is ImportStep.CHECKING:
        _note(row, _plan(session, row, data))


def _plan(session: Session, row: PeopleImport, data: bytes) -> Plan:
    return import_plan.make(session, import_file.read(data, most_rows=row.row_count), row.mapping, row.source_system)


def _note(row: PeopleImport, plan: Plan) -> None:
    problems = sorted(plan.problems, key=lambda problem: problem.row)
    row.totals = plan.totals() | {"problems": len(problems)}
    row.problems = [asdict(problem) | {"reason": words.kept(problem.reason)} for problem in problems[:MOST_PROBLEMS]]
    row.step = ImportStep.CHECKED


def ask_to_apply(session: Session, import_id: UUID, by: UUID, *, letters: bool) -> None:
    """Have a file without mistakes applied. Raises NotFound, Conflict."""
    row = _locked(session, import_id, ImportStep.CHECKED)
    if row.totals.get("problems"):
        raise Conflict("The file has mistakes. Put them right and upload it again; nothing is applied by halves.")
    row.sends_letters, row.step = letters, ImportStep.APPLYING
    row.job_id = enqueue(session, "accounts.apply_import", {"import_id": str(import_id)}, created_by=by)


def apply(
    session: Session, import_id: UUID, data: bytes, now: datetime, tell: Tell = lambda _percent, _note: None
) -> None:
    """Make the people what the file says, all in this transaction; a second call does nothing.

    What has changed since the check is looked at again: with mistakes now, nothing is applied and they are listed.
    """
    row = get(session, import_id)
    if row.step is not ImportStep.APPLYING:
        return
    member_store.lock_organization(session)
    plan = _plan(session, row, data)
    if plan.problems:
        _note(row, plan)
        return
    work = [planned for planned in plan.rows if planned.changes or planned.external_id]
    tell(20, f"{len(work)} people")
    _write(session, row, work, now)
    tell(50, "telling everybody who listens")
    for planned in work:
        _announce(session, row, planned)
    row.step, row.applied_at, row.totals = ImportStep.APPLIED, now, plan.totals() | {"problems": 0}
    audit.record(session, "people_import.applied", "people_import", row.id, new=row.totals)


def _write(session: Session, row: PeopleImport, work: Sequence[Planned], now: datetime) -> None:
    new = [planned for planned in work if planned.known is None]
    old = [planned for planned in work if planned.known is not None]
    store.release_employee_ids(session, [one.known.id for one in old if one.known and "employee_id" in one.changes])
    users = [
        {
            "id": one.user_id,
            "email": one.email,
            "first_name": one.values["first_name"],
            "last_name": one.values["last_name"],
            "display_name": f"{one.values['first_name']} {one.values['last_name']}",
            "created_at": now,
        }
        for one in new
        if one.is_account_new
    ]
    members = [{"user_id": one.user_id, "created_at": now, **_new_membership(one)} for one in new]
    roles = [
        {"user_id": one.user_id, "role": RoleCode.LEARNER, "created_at": now, "created_by": row.created_by}
        for one in new
    ]
    store.add_people(session, users, members, roles)
    changed = {member.user_id: member.id for member in store.everybody(session)}
    renamed = [
        {
            "id": one.user_id,
            "first_name": one.values.get("first_name", one.known.first_name),
            "last_name": one.values.get("last_name", one.known.last_name),
            "display_name": " ".join(
                (one.values.get("first_name", one.known.first_name), one.values.get("last_name", one.known.last_name))
            ),
        }
        for one in old
        if one.known and {"first_name", "last_name"} & one.changes.keys()
    ]
    facts = [
        {"id": changed[one.user_id], **_of_membership(one.changes)} for one in old if _of_membership(one.changes)
    ] + [
        {"id": changed[one.user_id], "manager_id": one.values["manager_id"]}
        for one in new
        if "manager_id" in one.values
    ]
    store.change_people(session, renamed, [_leaving_cleared(fact) for fact in facts])
    store.add_external_ids(
        session,
        [
            {
                "source_system": row.source_system,
                "entity_type": "person",
                "entity_id": one.user_id,
                "external_id": one.external_id,
                "created_at": now,
                "created_by": row.created_by,
            }
            for one in work
            if one.external_id
        ],
    )
    unit_store.note_placements(session, [one.user_id for one in work], now)
    store.note_changes(
        session,
        [
            {
                "import_id": row.id,
                "user_id": one.user_id,
                "row_number": one.row,
                "before": {name: _plain(getattr(one.known, name)) for name in one.changes} if one.known else {},
                "after": {name: _plain(value) for name, value in one.changes.items()}
                | ({"external_id": one.external_id} if one.external_id else {}),
            }
            for one in work
        ],
    )


def _new_membership(one: Planned) -> dict[str, Any]:
    """Return every column of a new membership but the manager, who may be new too."""
    values = _of_membership(one.values)
    names = ("employee_id", "org_unit_id", "position_id", "position_title", "hired_on")
    return {name: values.get(name) for name in names} | {
        "tags": values.get("tags", []),
        "custom_fields": values.get("custom_fields", {}),
        "status": MembershipStatus.INVITED,
    }


def _of_membership(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in FIELDS and name not in ("first_name", "last_name")}


def _leaving_cleared(fact: dict[str, Any]) -> dict[str, Any]:
    if "status" not in fact:
        return fact
    return fact | {"status": MembershipStatus(fact["status"]), "left_on": None}


def _announce(session: Session, row: PeopleImport, one: Planned) -> None:
    joined = one.known is None or "status" in one.changes
    fields = sorted(one.changes)
    audit.record(
        session,
        "person.joined" if joined else "person.changed",
        "person",
        one.user_id,
        subject_user_id=one.user_id,
        details={"import_id": str(row.id), "row": one.row, "fields": fields},
    )
    if joined:
        publish(session, PersonJoined(one.user_id), subject=one.user_id)
        if row.sends_letters:
            enqueue(session, "accounts.send_invitation", {"user_id": str(one.user_id)})
    if not joined or "manager_id" in fields:
        publish(session, PersonChanged(one.user_id, fields), subject=one.user_id)


def ask_to_undo(session: Session, import_id: UUID, by: UUID) -> None:
    """Have an applied import undone. Raises NotFound, Conflict."""
    row = _locked(session, import_id, ImportStep.APPLIED)
    row.step = ImportStep.UNDOING
    row.job_id = enqueue(session, "accounts.undo_import", {"import_id": str(import_id)}, created_by=by)


def undo(session: Session, import_id: UUID, now: datetime) -> None:
    """Put back what an import changed, but for those who have been changed since; those it brought leave again."""
    row = get(session, import_id)
    if row.step is not ImportStep.UNDOING:
        return
    member_store.lock_organization(session)
    restored = kept = 0
    today = clock.day_in(people.tenant(session).timezone, now)
    touched = []
    for change in store.changes(session, import_id):
        user, member = (
            people_store.find_user(session, change.user_id),
            people_store.find_membership(session, change.user_id),
        )
        if user is None or member is None:
            continue
        if reason := _changed_since(change, user, member):
            change.kept_because, kept = reason, kept + 1
            continue
        restored += 1
        touched.append(change.user_id)
        _put_back(session, row, change, user, member, now, today)
    unit_store.note_placements(session, touched, now)
    row.step, row.undone_at = ImportStep.UNDONE, now
    row.totals = row.totals | {"restored": restored, "kept": kept}
    audit.record(session, "people_import.undone", "people_import", row.id, new={"restored": restored, "kept": kept})


def _changed_since(change: PeopleImportChange, user: User, member: Membership) -> str:
    present = _present(user, member)
    different = [name for name, value in change.after.items() if name in present and present[name] != value]
    if different:
        return f"changed since: {', '.join(sorted(different))}"
    if not change.before and user.last_login_at is not None:
        return "has signed in since"
    return ""


def _present(user: User, member: Membership) -> dict[str, Any]:
    names = {"first_name": user.first_name, "last_name": user.last_name}
    return {name: _plain(names[name] if name in names else getattr(member, name)) for name in FIELDS}


def _put_back(
    session: Session,
    row: PeopleImport,
    change: PeopleImportChange,
    user: User,
    member: Membership,
    now: datetime,
    today: date,
) -> None:
    before = dict(change.before) if change.before else {"status": "left", "employee_id": None, "manager_id": None}
    for name in ("first_name", "last_name"):
        if name in before:
            setattr(user, name, before[name])
    user.display_name = f"{user.first_name} {user.last_name}"
    for name in FIELDS:
        if name in before and name not in ("first_name", "last_name"):
            setattr(member, name, _restored(name, before[name]))
    if "external_id" in change.after:
        store.forget_external_id(session, user.id, row.source_system, change.after["external_id"])
    if before.get("status") == "left":
        member.left_on = today
        link_store.retire(session, user.id, now)
    session.flush()
    details = {"import_id": str(row.id), "fields": sorted(before)}
    audit.record(session, "person.restored", "person", user.id, subject_user_id=user.id, details=details)
    if before.get("status") == "left":
        publish(session, PersonLeft(user.id), subject=user.id)
    else:
        publish(session, PersonChanged(user.id, sorted(before)), subject=user.id)


def kept(session: Session, import_id: UUID) -> list[tuple[UUID, str, str]]:
    """Return whom undoing left alone: id, name and why."""
    rows = [change for change in store.changes(session, import_id) if change.kept_because]
    known = people.named(session, [change.user_id for change in rows])
    return [(change.user_id, known[change.user_id].name, change.kept_because or "") for change in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, MembershipStatus):
        return value.value
    return str(value) if isinstance(value, UUID | date) else value


def _restored(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in ("org_unit_id", "position_id", "manager_id"):
        return UUID(value)
    if name == "hired_on":
        return date.fromisoformat(value)
    return MembershipStatus(value) if name == "status" else value


def _locked(session: Session, import_id: UUID, *steps: ImportStep) -> PeopleImport:
    row = store.find(session, import_id, lock=True)
    if row is None:
        raise NotFound("There is no such import.")
    if row.step not in steps:
        raise Conflict("This import is at another step by now. Open its page again.")
    return row
