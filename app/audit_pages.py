"""The audit log as pages: filters in the address, one entry with before and after, the state of the chain, a file."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from flask import Blueprint, Response, flash, redirect, render_template, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.services import api_clients, people
from accounts.services.people import Person
from app import audit_words, duties
from catalog.services import courses
from core import audit, audit_chain, jobs
from core.audit import Wanted
from core.db import Session
from core.errors import NotFound
from core.http import current_tenant, current_user, database, requires
from core.sheets import as_csv
from core.tables import AuditLog

bp = Blueprint("audit", __name__)
PAGE = 100
PIECE = 1000
FIELDS = ("who", "whom", "action", "entity", "id", "from", "to", "request", "address")
COLUMNS = (
    "seq", "created_at", "sentence", "action", "actor", "actor_id", "api_client", "on_behalf_of", "concerned",
    "subject_user_id", "entity_type", "entity_id", "old_values", "new_values", "details", "ip_address", "request_id",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """An entry as pages and files show it."""

    row: AuditLog
    sentence: str
    who: str
    whom: str
    viewed_as: str
    client: str


@bp.get("/audit")
@requires("audit.read")
def list_entries() -> ResponseReturnValue:
    """Show who did what, newest first."""
    given, before = _given(), request.args.get("before", type=int)
    with database().read(current_tenant()) as session:
        rows = audit.page(session, _wanted(session, given), before=before, limit=PAGE + 1)
        entries = _entries(session, rows[:PAGE])
        check = jobs.latest(session, duties.CHECK)
    return render_template(
        "app/audit.html", entries=entries, given=given, kinds=audit_words.KINDS, is_first=before is None,
        next=rows[PAGE - 1].seq if len(rows) > PAGE else None, check=check,
        asked={name: value for name, value in given.items() if value}, thing=audit_words.thing,
    )  # fmt: skip


@bp.get("/audit/<uuid:entry_id>")
@requires("audit.read")
def show_entry(entry_id: UUID) -> ResponseReturnValue:
    """Show one entry: before and after, and its place in the chain."""
    with database().read(current_tenant()) as session:
        row = audit.find(session, entry_id)
        if row is None:
            raise NotFound("There is no such entry.")
        entry = _entries(session, [row])[0]
        seal = audit_chain.seal_of_row(session, row.id)
    old, new = row.old_values or {}, row.new_values or {}
    changes = [(name, _shown(old, name), _shown(new, name)) for name in sorted({*old, *new})]
    details = [(name, _shown(row.details, name)) for name in sorted(row.details)]
    return render_template(
        "app/audit_entry.html", entry=entry, seal=seal, changes=changes, details=details, thing=audit_words.thing
    )


@bp.get("/audit/chain")
@requires("audit.read")
def show_chain() -> ResponseReturnValue:
    """Show what the last check of the chain found."""
    with database().read(current_tenant()) as session:
        check, end = jobs.latest(session, duties.CHECK), audit_chain.end_of(session)
    return render_template("app/audit_chain.html", check=check, end=end, shown=duties.SHOWN)


@bp.post("/audit/chain")
@requires("audit.read")
def check_chain() -> ResponseReturnValue:
    """Have the chain checked now; a worker does it, who has the keys and where the chain ended."""
    person = current_user()
    with database().write(person.organization_id) as session:
        last = jobs.latest(session, duties.CHECK)
        if last is None or last.finished_at is not None:
            job_id = jobs.enqueue(session, duties.CHECK, {}, created_by=person.user_id)
            audit.record(session, "audit.check_asked", "job", job_id)
    flash(_("The chain is being checked."), "info")
    return redirect(url_for("audit.show_chain"))


@bp.get("/audit.csv")
@requires("audit.read", critical=True)
def export_entries() -> ResponseReturnValue:
    """Answer what the filters find as a file, as it is read; the export itself is recorded first."""
    tenant, given, storage = current_tenant(), _given(), database()
    with storage.write(tenant) as session:
        wanted = _wanted(session, given)
        audit.record(session, "audit.exported", details={"filter": {k: v for k, v in given.items() if v}})

    def lines() -> Iterator[bytes]:
        yield as_csv(COLUMNS, [])
        before = None
        while True:
            with storage.read(tenant) as session:
                rows = audit.page(session, wanted, before=before, limit=PIECE)
                entries = _entries(session, rows)
            if not rows:
                return
            before = rows[-1].seq
            yield as_csv(COLUMNS, [_line(entry) for entry in entries]).partition(b"\r\n")[2]

    return Response(
        stream_with_context(lines()),
        mimetype="text/csv",
        headers={"Content-Disposition": 'attachment; filename="audit.csv"'},
    )


def _given() -> dict[str, str]:
    return {name: "".join(c for c in request.args.get(name, "") if c.isprintable()).strip()[:100] for name in FIELDS}


def _wanted(session: Session, given: Mapping[str, str]) -> Wanted:
    """Return the filter that the address names; what is no id finds nothing, what is no day filters nothing."""
    zone = ZoneInfo(current_user().timezone)
    return Wanted(
        actors=_people(session, given["who"], with_programs=True),
        concerned=_people(session, given["whom"]),
        action=given["action"],
        entity_type=given["entity"],
        entity_id=_id(given["id"]) if given["id"] else None,
        since=_day(given["from"], zone, 0),
        until=_day(given["to"], zone, 1),
        request_id=given["request"],
        ip_address=given["address"],
    )


def _people(session: Session, given: str, *, with_programs: bool = False) -> list[UUID] | None:
    """Return who goes by this id, or by a part of this name or e-mail; API clients too, by their labels."""
    if not given:
        return None
    if (known := _id(given)).int:
        return [known]
    found = [person.user_id for person in people.page(session, given, 0, 200)[0]]
    if with_programs:
        found += [one for one, label in api_clients.labels(session).items() if given.lower() in label.lower()]
    return found


def _entries(session: Session, rows: Iterable[AuditLog]) -> list[Entry]:
    rows = list(rows)
    ids = {one for row in rows for one in (row.actor_id, row.subject_user_id, row.on_behalf_of_id) if one is not None}
    names, programs = people.named(session, list(ids)), api_clients.labels(session)
    named = {row.id: str((row.new_values or {}).get("course_id", row.entity_id)) for row in rows}
    titles = {str(one): title for one, title in courses.titles(session).items()} if rows else {}

    def name(user_id: UUID | None, otherwise: str) -> str:
        person: Person | None = names.get(user_id) if user_id is not None else None
        return person.name if person is not None else otherwise if user_id is None else _("somebody unknown here")

    entries = []
    for row in rows:
        who, whom = name(row.actor_id, _("the system")), name(row.subject_user_id, _("somebody"))
        values = {**row.details, **(row.old_values or {}), **(row.new_values or {})}
        if title := titles.get(named[row.id]):
            values = {"title": title} | values
        told = audit_words.sentence(row.action, values, who, whom)
        client = programs.get(row.api_client_id, "") if row.api_client_id else ""
        entries.append(Entry(row, told[:1].upper() + told[1:], who, whom, name(row.on_behalf_of_id, ""), client))
    return entries


def _id(given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError:
        return UUID(int=0)


def _day(given: str, zone: ZoneInfo, later: int) -> datetime | None:
    try:
        moment = datetime.combine(date.fromisoformat(given) + timedelta(days=later), time(), zone) if given else None
        return moment.astimezone(UTC) if moment else None
    except (ValueError, OverflowError):
        return None


def _shown(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return "" if value is None else value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


def _line(entry: Entry) -> dict[str, Any]:
    row = entry.row
    line: dict[str, Any] = {name: getattr(row, name, None) for name in COLUMNS} | {
        "created_at": row.created_at.isoformat(),
        "sentence": entry.sentence, "actor": entry.who, "api_client": entry.client, "on_behalf_of": entry.viewed_as,
        "concerned": entry.whom if row.subject_user_id else "",
    }  # fmt: skip
    for name in ("old_values", "new_values", "details"):
        line[name] = orjson.dumps(line[name], default=str).decode() if line[name] else ""
    return {name: "" if value is None else str(value) for name, value in line.items()}
