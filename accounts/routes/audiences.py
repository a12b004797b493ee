"""Audiences: the list, the members of each, and the editor, which works without a script: every step is a request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.routes.blueprint import bp
from accounts.services import audiences, people, predicates
from accounts.services.audiences import KINDS, Preview, kind_of
from accounts.services.predicates import Predicate
from core import clock
from core.db import Session
from core.errors import Invalid, Problem
from core.http import current_tenant, current_user, database, page_number, requires

PAGE = 50
LONGEST = 20_000


@dataclass
class Draft:
    """A rule as the editor holds it: values of people are e-mails, and every node knows its path."""

    name: str = ""
    description: str = ""
    rule: dict[str, Any] = field(default_factory=lambda: {"all": []})


@bp.get("/people/audiences")
@requires("people.read")
def list_audiences() -> ResponseReturnValue:
    """Show the audiences."""
    with_archived = request.args.get("archived") == "1"
    with database().read(current_tenant()) as session:
        found = audiences.listed(session, with_archived=with_archived)
    return render_template("accounts/audiences.html", audiences=found, with_archived=with_archived)


@bp.get("/people/audiences/new")
@requires("people.write")
def new_audience() -> ResponseReturnValue:
    """Show the editor with an empty rule."""
    return _editor(None, Draft())


@bp.post("/people/audiences")
@requires("people.write")
def add_audience() -> ResponseReturnValue:
    """Take one step of the editor, or keep the new audience."""
    return _step(None)


@bp.get("/people/audiences/<uuid:audience_id>")
@requires("people.read")
def show_audience(audience_id: UUID) -> ResponseReturnValue:
    """Show who is in an audience, or was at the end of an earlier day, and the rule that says so."""
    number, on = page_number(), _day(request.args.get("on", ""))
    with database().read(current_tenant()) as session:
        audience = audiences.get(session, audience_id)
        members, total = audiences.members(session, audience_id, on=on, offset=(number - 1) * PAGE, limit=PAGE)
        words = predicates.known(session)
        rule = _shown(session, audience.rule, words)
        choices = _choices(session, rule, words)
    return render_template(
        "accounts/audience.html",
        audience=audience,
        rule=rule,
        words=words,
        choices=choices,
        kind_of=kind_of,
        members=members,
        total=total,
        on=on,
        number=number,
        pages=-(-total // PAGE),
    )


@bp.get("/people/audiences/<uuid:audience_id>/edit")
@requires("people.write")
def edit_audience(audience_id: UUID) -> ResponseReturnValue:
    """Show the editor with an audience's rule."""
    with database().read(current_tenant()) as session:
        audience = audiences.get(session, audience_id)
        rule = _shown(session, audience.rule, predicates.known(session))
    return _editor(audience_id, Draft(audience.name, audience.description or "", rule))


@bp.post("/people/audiences/<uuid:audience_id>/edit")
@requires("people.write")
def save_audience(audience_id: UUID) -> ResponseReturnValue:
    """Take one step of the editor, or keep the changed audience."""
    return _step(audience_id)


@bp.post("/people/audiences/<uuid:audience_id>/archive")
@requires("people.write")
def archive_audience(audience_id: UUID) -> ResponseReturnValue:
    """Take an audience out of use: everybody leaves it."""
    with database().write(current_tenant()) as session:
        audiences.set_archived(session, audience_id, clock.now(), current_user().user_id, archived=True)
    flash(_("The audience is archived."), "ok")
    return redirect(url_for("accounts.show_audience", audience_id=audience_id))


@bp.post("/people/audiences/<uuid:audience_id>/restore")
@requires("people.write")
def restore_audience(audience_id: UUID) -> ResponseReturnValue:
    """Take an archived audience back into use."""
    with database().write(current_tenant()) as session:
        audiences.set_archived(session, audience_id, clock.now(), current_user().user_id, archived=False)
    flash(_("The audience is in use again."), "ok")
    return redirect(url_for("accounts.show_audience", audience_id=audience_id))


def _step(audience_id: UUID | None) -> ResponseReturnValue:
    draft, do = _read_draft(), request.form.get("do", "save")
    with database().read(current_tenant()) as session:
        if audience_id is not None:
            audiences.get(session, audience_id)
        words = predicates.known(session)
        if do not in ("save", "preview"):
            _edit(draft.rule, do, words)
            return _editor(audience_id, draft)
        rule, problems = _stored(session, draft.rule, words)
        problems = problems or audiences.check(session, rule)
        if problems or do == "preview":
            found = None if problems else audiences.preview(session, rule, clock.now())
            return _editor(audience_id, draft, tuple(problems), found), 422 if problems else 200
    try:
        with database().write(current_tenant()) as session:
            facts: dict[str, Any] = {
                "name": draft.name,
                "description": draft.description,
                "rule": rule,
                "now": clock.now(),
            }
            if audience_id is None:
                audience_id = audiences.add(session, by=current_user().user_id, **facts)
            else:
                audiences.change(session, audience_id, **facts)
    except Invalid as error:
        return _editor(audience_id, draft, error.problems), 422
    flash(_("Saved."), "ok")
    return redirect(url_for("accounts.show_audience", audience_id=audience_id))


def _editor(
    audience_id: UUID | None, draft: Draft, problems: tuple[Problem, ...] = (), found: Preview | None = None
) -> str:
    with database().read(current_tenant()) as session:
        words = predicates.known(session)
        choices = _choices(session, draft.rule, words)
    return render_template(
        "accounts/audience_edit.html",
        audience_id=audience_id,
        draft=draft,
        words=words,
        choices=choices,
        kinds=KINDS,
        kind_of=kind_of,
        problems=problems,
        preview=found,
        deepest=audiences.DEEPEST,
    )


def _read_draft() -> Draft:
    """Return what the form holds: groups are `kind.<path>`, conditions `field.<path>`, `op.<path>`, `value.<path>`."""
    given = request.form
    root: dict[str, Any] = {kind if (kind := given.get("kind.", "all")) in KINDS else "all": []}
    groups: dict[str, dict[str, Any]] = {"": root}
    for path in given.getlist("node")[: audiences.MOST_CONDITIONS * 2]:
        parent = groups.get(path.rpartition(".")[0])
        if parent is None:
            continue
        if name := given.get(f"field.{path}", "")[:60]:
            values = [value.strip()[:500] for value in given.getlist(f"value.{path}") if value.strip()]
            node: dict[str, Any] = {"field": name, "op": given.get(f"op.{path}", "")[:20], "value": values}
        else:
            kind = given.get(f"kind.{path}", "any")
            node = {kind if kind in KINDS else "any": []}
            groups[path] = node
        parent[kind_of(parent)].append(node)
    return Draft(given.get("name", "").strip()[:200], given.get("description", "").strip()[:2000], root)


def _edit(rule: dict[str, Any], do: str, words: Mapping[str, Predicate]) -> None:
    """Add a condition or a group to the group at a path, or remove what stands at a path."""
    action, _sep, path = do.partition(":")
    group, steps = rule, [int(step) for step in path.split(".") if step.isdecimal()]
    for step in steps if action != "remove" else steps[:-1]:
        entries = group[kind_of(group)]
        if step >= len(entries) or "field" in entries[step]:
            return
        group = entries[step]
    entries = group[kind_of(group)]
    word = words.get(request.form.get(f"new.{path}", ""))
    if action == "add" and word is not None:
        entries.append({"field": word.field, "op": word.operators[0], "value": []})
    elif action == "group" and len(steps) < audiences.DEEPEST - 1:
        entries.append({"any": []})
    elif action == "remove" and steps and steps[-1] < len(entries):
        entries.pop(steps[-1])


def _stored(
    session: Session, rule: Mapping[str, Any], words: Mapping[str, Predicate]
) -> tuple[dict[str, Any], list[Problem]]:
    """Return a draft's rule as it is kept: e-mails become people, lists separated by commas become values."""
    problems: list[Problem] = []

    def kept(node: Mapping[str, Any], path: str) -> dict[str, Any]:
        if "field" not in node:
            kind = kind_of(node)
            entries = [kept(entry, f"{path}.{at}" if path else str(at)) for at, entry in enumerate(node[kind])]
            return {kind: entries}
        word, values = words.get(node["field"]), list(node["value"])
        if word is not None and word.takes in ("people", "tags"):
            parts = [part.strip() for value in values for part in value.replace("\n", ",").split(",")]
            values = list(dict.fromkeys(part for part in parts if part))
        if word is not None and word.takes == "people":
            found = people.ids_by_email(session, values)
            missing = [value for value in values if value.lower() not in found]
            if missing:
                problems.append(Problem(path, _("Nobody here has the e-mail %(email)s.", email=missing[0])))
            values = [str(found[value.lower()]) for value in values if value.lower() in found]
        if not values and not any(problem.where == path for problem in problems):
            problems.append(Problem(path, _("This condition has no value yet.")))
        return {"field": node["field"], "op": node["op"], "value": values}

    return kept(rule, ""), problems


def _shown(session: Session, rule: Mapping[str, Any], words: Mapping[str, Predicate]) -> dict[str, Any]:
    """Return a kept rule as the editor shows it: people become e-mails, lists one text."""
    if "field" not in rule:
        kind = kind_of(rule)
        return {kind: [_shown(session, entry, words) for entry in rule[kind]]}
    word, values = words.get(rule["field"]), list(rule["value"])
    if word is not None and word.takes == "people":
        values = [person.email for person in people.named(session, [UUID(value) for value in values]).values()]
    if word is not None and word.takes in ("people", "tags"):
        values = [", ".join(values)]
    return {"field": rule["field"], "op": rule["op"], "value": values}


def _choices(
    session: Session, rule: Mapping[str, Any], words: Mapping[str, Predicate]
) -> dict[str, list[tuple[str, str]]]:
    """Return what may be chosen, for those words of a rule that offer choices."""
    if "field" in rule:
        word = words.get(rule["field"])
        return {word.field: word.choices(session)} if word is not None and word.choices is not None else {}
    found: dict[str, list[tuple[str, str]]] = {}
    for entry in rule[kind_of(rule)]:
        found |= _choices(session, entry, words)
    return found


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
