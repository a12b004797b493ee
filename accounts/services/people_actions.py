"""Doing one thing to many people of the list: choose, look who is left out and why, apply as a whole, undo."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.events import PersonChanged, PersonJoined
from accounts.services import links, members, people, reach, roles
from accounts.services.people import Person
from accounts.store import actions as store
from accounts.store import members as member_store
from accounts.store import people as people_store
from accounts.store import units as unit_store
from accounts.tables import (
    ActionKind,
    ActionStep,
    Membership,
    MembershipStatus,
    PeopleAction,
    PeopleActionChange,
    RoleCode,
)
from core import audit
from core.db import Session
from core.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from core.events import publish
from core.jobs import enqueue

AT_ONCE = 200
"""So many people are changed while the browser waits; for more a job does it."""
SHOWN = 100
AIMED = (ActionKind.UNIT, ActionKind.TAG, ActionKind.ROLE)
"""Kinds that ask for something: which unit, tag or role."""
_ADMINISTERS = (RoleCode.ORG_ADMIN, RoleCode.PLATFORM_ADMIN)
_LATER = timedelta(days=1)


@dataclass(frozen=True)
class Plan:
    """Whom an action would change, and whom it leaves out, with the reason's code; in the order of names."""

    changing: list[UUID]
    left_out: list[tuple[UUID, str]]

    def reasons(self) -> dict[str, int]:
        """Return how many are left out for which reason."""
        found = [reason for _user_id, reason in self.left_out]
        return {reason: found.count(reason) for reason in dict.fromkeys(found)}


def begin(
    session: Session, kind: str, user_ids: Sequence[UUID], now: datetime, *, by: UUID, may: Collection[str]
) -> UUID:
    """Keep who was chosen for what; nothing happens to them yet. Raises Invalid, Forbidden."""
    if kind not in set(ActionKind):
        raise Invalid("Choose what to do.")
    if not user_ids:
        raise Invalid("Nobody was chosen. Tick the people it is about, or all of the list.")
    _require(ActionKind(kind), may)
    store.forget_unused(session, now - _LATER)
    row = PeopleAction(kind=ActionKind(kind), user_ids=[str(one) for one in user_ids], created_at=now, created_by=by)
    session.add(row)
    session.flush()
    return row.id


def get(session: Session, action_id: UUID) -> PeopleAction:
    """Return an action. Raises NotFound."""
    row = store.find(session, action_id)
    if row is None:
        raise NotFound("There is no such action.")
    return row


def recent(session: Session) -> list[PeopleAction]:
    """Return the latest actions that were applied."""
    return store.recent(session)


def aim(session: Session, action_id: UUID, target: str, *, may: Collection[str]) -> None:
    """Say which unit, tag or role is meant. Raises NotFound, Conflict, Invalid, MoreThanOneHolds."""
    row = _locked(session, action_id, ActionStep.CHOSEN)
    _check_target(session, row.kind, target, may)
    row.target = target


def is_aimed(row: PeopleAction) -> bool:
    """Tell whether an action has all it needs."""
    return row.kind not in AIMED or bool(row.target)


def target_name(session: Session, row: PeopleAction) -> str:
    """Return what the unit, tag or role is called; built-in roles by their code."""
    if row.kind is ActionKind.UNIT and row.target:
        unit = unit_store.find(session, UUID(row.target))
        return unit.name if unit else ""
    if row.kind is ActionKind.ROLE and row.target and row.target not in roles.ASSIGNABLE:
        return next((one.name for one in roles.listed(session) if one.value == row.target), "")
    return row.target


def plan(session: Session, row: PeopleAction, now: datetime, *, may: Collection[str]) -> Plan:
    """Return whom it would change now, and whom not and why; whoever asks for it never changes themselves."""
    rows = store.members(session, [UUID(one) for one in row.user_ids])
    ids = [one.user_id for one in rows]
    reasons = _reasons(session, row, rows, ids, now, may)
    changing = [user_id for user_id in ids if user_id not in reasons]
    return Plan(changing, [(user_id, reasons[user_id]) for user_id in ids if user_id in reasons])


def _reasons(
    session: Session,
    row: PeopleAction,
    rows: Sequence[Membership],
    ids: list[UUID],
    now: datetime,
    may: Collection[str],
) -> dict[UUID, str]:
    """Return why people are left out, the strongest reason of each."""
    found: dict[UUID, str] = {}
    if row.kind is ActionKind.INVITE:
        found = {one.user_id: "not_invited" for one in rows if one.status is not MembershipStatus.INVITED}
    elif row.kind is ActionKind.UNIT:
        found = {one.user_id: "there" for one in rows if str(one.org_unit_id) == row.target}
    elif row.kind is ActionKind.TAG:
        found = {one.user_id: "too_many_tags" for one in rows if len(one.tags) >= members.MOST_TAGS}
        found |= {one.user_id: "tagged" for one in rows if row.target in one.tags}
    elif row.kind is ActionKind.ROLE:
        code, role_id = _role(row.target)
        found = dict.fromkeys(store.holding_everywhere(session, ids, code, role_id), "has_role")
    else:
        administrators = member_store.administrators(session, now)
        if administrators and administrators <= set(ids) - {row.created_by}:
            found = dict.fromkeys(administrators, "last_administrator")
        if "roles.assign" not in may:
            found |= dict.fromkeys(store.holding(session, ids, _ADMINISTERS), "protected")
        if row.created_by in ids:
            found[row.created_by] = "self"
    return found | {one.user_id: "left" for one in rows if one.status is MembershipStatus.LEFT}


def named(session: Session, user_ids: Sequence[UUID]) -> dict[UUID, Person]:
    """Return these people, by id."""
    return people.named(session, user_ids)


def ask_to_apply(session: Session, action_id: UUID, now: datetime, *, may: Collection[str]) -> None:
    """Apply it, at once or by a job where there are many. Raises NotFound, Conflict, Forbidden."""
    row = _locked(session, action_id, ActionStep.CHOSEN)
    if not is_aimed(row):
        raise Conflict("Say first which one is meant.")
    _require(row.kind, may)
    row.step = ActionStep.APPLYING
    if len(row.user_ids) > AT_ONCE:
        row.job_id = enqueue(
            session, "accounts.apply_people_action", {"action_id": str(action_id)}, created_by=row.created_by
        )
    else:
        apply(session, action_id, now)


def apply(session: Session, action_id: UUID, now: datetime) -> None:
    """Do it to everybody whom nothing keeps out of it, all in this transaction; a second call does nothing.

    What whoever asked may do is looked at again. Raises Forbidden.
    """
    row = get(session, action_id)
    if row.step is not ActionStep.APPLYING:
        return
    member_store.lock_organization(session)
    may = _may(session, row.created_by, now)
    _require(row.kind, may)
    if row.kind in AIMED:
        _check_target(session, row.kind, row.target, may)
    found = plan(session, row, now, may=may)
    known = {one.user_id: one for one in store.members(session, found.changing)}
    noted = []
    for user_id in found.changing:
        before, after = _change(session, row, known[user_id], now, may)
        noted.append({"action_id": row.id, "user_id": user_id, "before": before, "after": after})
    if row.kind is ActionKind.UNIT:
        unit_store.note_placements(session, found.changing, now)
    store.note_changes(session, noted)
    row.totals = {"changed": len(noted), "left_out": found.reasons()}
    row.step, row.applied_at, row.user_ids = ActionStep.APPLIED, now, []
    facts = {"kind": row.kind.value, "target": target_name(session, row) or None}
    audit.record(session, "people_action.applied", "people_action", row.id, new={**facts, **row.totals})


def _change(
    session: Session, row: PeopleAction, member: Membership, now: datetime, may: Collection[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Do it to one person and answer what was there before, and after."""
    user_id = member.user_id
    if row.kind is ActionKind.INVITE:
        links.invite(session, user_id)
        return {}, {}
    if row.kind is ActionKind.LEAVE:
        before = member.status.value
        members.set_standing(session, user_id, "left", now, may_assign_roles="roles.assign" in may)
        return {"status": before}, {"status": "left"}
    if row.kind is ActionKind.ROLE:
        roles.assign(session, user_id, row.target, now, by=row.created_by, may=may)
        return {}, {"assignment": str(roles.given_everywhere(session, user_id, row.target))}
    if row.kind is ActionKind.TAG:
        member.tags = sorted({*member.tags, row.target})
        _note(session, row, user_id, "tags")
        return {}, {"tag": row.target}
    before_unit = member.org_unit_id
    member.org_unit_id = UUID(row.target)
    _note(session, row, user_id, "org_unit_id")
    return {"org_unit_id": str(before_unit) if before_unit else None}, {"org_unit_id": row.target}


def ask_to_undo(session: Session, action_id: UUID, now: datetime, *, by: UUID, may: Collection[str]) -> None:
    """Have it undone. Raises NotFound, Conflict, Forbidden."""
    row = _locked(session, action_id, ActionStep.APPLIED)
    if row.kind is ActionKind.INVITE:
        raise Conflict("Letters that were sent cannot be taken back.")
    _require(row.kind, may)
    row.step = ActionStep.UNDOING
    if row.totals["changed"] > AT_ONCE:
        arguments = {"action_id": str(action_id), "by": str(by)}
        row.job_id = enqueue(session, "accounts.undo_people_action", arguments, created_by=by)
    else:
        undo(session, action_id, now, by=by)


def undo(session: Session, action_id: UUID, now: datetime, *, by: UUID) -> None:
    """Put back what was, but for those who have been changed since; a second call does nothing. Raises Forbidden."""
    row = get(session, action_id)
    if row.step is not ActionStep.UNDOING:
        return
    member_store.lock_organization(session)
    may = _may(session, by, now)
    _require(row.kind, may)
    changes = store.changes(session, action_id)
    known = {one.user_id: one for one in store.members(session, [one.user_id for one in changes])}
    restored = []
    for change in changes:
        change.kept_because = _put_back(session, row, change, known[change.user_id], now, may)
        if change.kept_because is None:
            restored.append(change.user_id)
    unit_store.note_placements(session, restored, now)
    row.totals = row.totals | {"restored": len(restored), "kept": len(changes) - len(restored)}
    row.step, row.undone_at = ActionStep.UNDONE, now
    facts = {"kind": row.kind.value, "restored": row.totals["restored"], "kept": row.totals["kept"]}
    audit.record(session, "people_action.undone", "people_action", row.id, new=facts)


def _put_back(
    session: Session,
    row: PeopleAction,
    change: PeopleActionChange,
    member: Membership,
    now: datetime,
    may: Collection[str],
) -> str | None:
    """Undo it for one person; answer why not when it cannot be."""
    if row.kind is ActionKind.ROLE:
        given = UUID(change.after["assignment"])
        if store.find_assignment(session, given) is None:
            return "changed_since"
        roles.remove(session, change.user_id, given, now, may=may)
        return None
    if row.kind is ActionKind.LEAVE:
        if member.status is not MembershipStatus.LEFT:
            return "changed_since"
        member.status, member.left_on = MembershipStatus(change.before["status"]), None
        session.flush()
        _note(session, row, change.user_id, "status", is_new=True)
        return None
    if row.kind is ActionKind.TAG:
        if row.target not in member.tags:
            return "changed_since"
        member.tags = [tag for tag in member.tags if tag != row.target]
        _note(session, row, change.user_id, "tags")
        return None
    if str(member.org_unit_id) != row.target:
        return "changed_since"
    former = UUID(change.before["org_unit_id"]) if change.before["org_unit_id"] else None
    unit = unit_store.find(session, former) if former else None
    if former and (unit is None or unit.archived_at is not None):
        return "unit_archived"
    member.org_unit_id = former
    _note(session, row, change.user_id, "org_unit_id")
    return None


def kept(session: Session, action_id: UUID) -> list[tuple[Person, str]]:
    """Return whom undoing left alone, and the reason's code."""
    rows = [change for change in store.changes(session, action_id) if change.kept_because][:SHOWN]
    known = people.named(session, [change.user_id for change in rows])
    return [(known[change.user_id], change.kept_because or "") for change in rows]


def _note(session: Session, row: PeopleAction, user_id: UUID, field: str, *, is_new: bool = False) -> None:
    details = {"people_action_id": str(row.id), "fields": [field]}
    audit.record(session, "person.changed", "person", user_id, subject_user_id=user_id, details=details)
    publish(session, PersonJoined(user_id) if is_new else PersonChanged(user_id, [field]), subject=user_id)


def _check_target(session: Session, kind: ActionKind, target: str, may: Collection[str]) -> None:
    problem = ""
    if kind is ActionKind.UNIT:
        unit_id = _id(target)
        unit = unit_store.find(session, unit_id) if unit_id else None
        problem = "" if unit is not None and unit.archived_at is None else "There is no such unit in use."
    elif kind is ActionKind.TAG:
        wrong: list[Problem] = []
        if members.list_of_tags(target, wrong) != [target]:
            problem = "One tag, of at most 60 characters, without a comma."
        problem = wrong[0].what if wrong else problem
    else:
        role = next((one for one in roles.listed(session) if one.value == target), None)
        problem = "" if role else "There is no such role."
        if role is not None:
            roles.require_within(role.codes, may)
    if problem:
        raise Invalid(problems=[Problem("target", problem)])


def _require(kind: ActionKind, may: Collection[str]) -> None:
    needed = {"people.write"} | ({"roles.assign"} if kind is ActionKind.ROLE else set())
    if needed - set(may):
        raise Forbidden("You may not do this to people.")


def _may(session: Session, user_id: UUID, now: datetime) -> frozenset[str]:
    """Return what somebody may do everywhere now; nothing once they are out."""
    member = people_store.find_membership(session, user_id)
    if member is None or member.status not in (MembershipStatus.ACTIVE, MembershipStatus.ON_LEAVE):
        return frozenset()
    return reach.granted(session, user_id, now)[0].everywhere


def _role(target: str) -> tuple[RoleCode | None, UUID | None]:
    return (RoleCode(target), None) if target in roles.ASSIGNABLE else (None, _id(target))


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _locked(session: Session, action_id: UUID, step: ActionStep) -> PeopleAction:
    row = store.find(session, action_id, lock=True)
    if row is None:
        raise NotFound("There is no such action.")
    if row.step is not step:
        raise Conflict("This is at another step by now. Open its page again.")
    return row
