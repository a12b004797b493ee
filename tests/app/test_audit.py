"""The audit log as people see it, and that nothing is written without a line in it."""

import ast
import csv
import io
import re
from functools import cache
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from app import audit_words, duties, wiring
from app.commands import stoa
from core import audit, audit_chain
from core.http import access_of

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("core", "accounts", "lrs", "scorm_player", "catalog", "training", "app")

UNAUDITED = {
    "accounts.api_preview_audience": "shows whom a rule would reach; nothing changes",
    "accounts.aim_people_action": "says which unit, tag or role is meant; applying it is audited",
    "accounts.begin_people_action": "keeps who was chosen; applying it is audited",
    "accounts.check_people_import": "finds out what an import would do; applying it is audited",
    "accounts.find_organization": "leads to another page",
    "accounts.prove_presence": "the guard before it records the proof; it only leads on",
    "accounts.scim_bulk": "refuses",
    "accounts.scim_not_offered": "refuses",
    "accounts.scim_search": "reads",
    "accounts.scim_search_groups": "reads",
    "accounts.scim_search_users": "reads",
    "lrs.test_credential": "asks what a client would ask, and stores nothing",
    "scorm_player.choose": "opens a course, as opening its page does; what follows becomes statements",
    "scorm_player.keep_log": "API calls of a session, kept because an administrator asked, which is audited",
    "scorm_player.open_preview": "a preview by its author, of which nothing is recorded",
}
"""Unsafe routes that leave no row, and why."""


@pytest.fixture
def log(database, cast):
    """Three things that happened: two by ben, one of them for ana, one by cem."""
    token = audit.origin.set(audit.Origin(cast.ben, "10.0.0.1", "request-0001"))
    try:
        with database.write(cast.northwind) as session:
            audit.record(session, "course.published", "course", cast.ana, new={"title": "Fire safety"})
            audit.record(session, "role.assigned", "person", cast.ana, subject_user_id=cast.ana, new={"role": "=1+1"})
            audit.origin.set(audit.Origin(cast.cem, "10.0.0.2", "request-0002"))
            audit.record(session, "unit.changed", "org_unit", cast.ben, old={"name": "Ward"}, new={"name": "Ward 1"})
    finally:
        audit.origin.reset(token)


def test_the_log_is_told_in_sentences_and_narrowed_by_its_address(sign_in, cast, log):
    cem = sign_in("cem")

    def told(**asked):
        page = cem.get("/audit", query_string=asked).text
        return re.findall(r'<a [^>]*href="/audit/[0-9a-f-]{36}"[^>]*>([^<]*)<', page)

    assert told(who="ben", address="10.0.0.1") == [
        "Ben Tester gave Ana Tester the role =1+1",
        "Ben Tester published the course Fire safety",
    ]
    assert told(whom="ana", action="role.") == ["Ben Tester gave Ana Tester the role =1+1"]
    assert told(action="unit.") == ["Cem Tester changed the unit Ward 1"]
    assert told(address="10.0.0.2") == told(request="request-0002") == told(id=str(cast.ben), entity="org_unit")
    assert told(**{"who": "ben", "from": "2999-01-01"}) == told(who="nobody at all") == told(id="no id") == []
    assert len(told(**{"from": "not a day"})) > 3


def test_an_entry_shows_before_and_after(sign_in, log):
    cem = sign_in("cem")
    path = re.search(r"/audit/[0-9a-f-]{36}", cem.get("/audit?action=unit.").text)[0]

    page = cem.get(path).text

    assert "Cem Tester changed the unit Ward 1" in page
    assert re.search(r">Ward</td>.*>Ward 1</td>", page, re.DOTALL)
    assert "Waits for its seal" in page


def test_the_export_keeps_the_filters_is_harmless_and_recorded(sign_in, log):
    cem = sign_in("cem")

    rows = list(
        csv.DictReader(io.StringIO(cem.get("/audit.csv?who=ben&address=10.0.0.1").get_data().decode("utf-8-sig")))
    )

    assert [row["action"] for row in rows[:2]] == ["role.assigned", "course.published"]
    assert rows[0]["sentence"] == "Ben Tester gave Ana Tester the role =1+1"
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    assert "Cem Tester exported entries of the audit log" in cem.get("/audit").text


def test_things_are_called_what_people_call_them():
    assert audit_words.thing("auth_session") == "session"
    assert audit_words.thing("tea_kettle") == "tea kettle"
    assert audit_words.thing(None) == ""


def test_who_signed_in_is_who_did_it(sign_in):
    cem = sign_in("cem")

    page = cem.get("/audit", query_string={"who": "cem", "action": "sign_in."}).text

    assert "Cem Tester signed in" in page


def test_what_was_done_to_many_is_told_in_words():
    assert audit_words.sentence("people_action.applied", {"kind": "tag"}, "Ana", "") == (
        "Ana changed many people at once (a tag given)"
    )


def test_an_unknown_action_is_told_by_its_name():
    assert audit_words.sentence("kettle.boiled_100%", {"label": "tea"}, "Ana", "") == "Ana: kettle boiled 100 tea"


def test_a_broken_chain_is_found_shown_and_told(sign_in, log, run_jobs, settings, own_database, database, cast, app):
    cem = sign_in("cem")
    worker = duties.Work(database, None, None, None, cast.northwind)
    duties.seal_audit_logs(worker)
    cem.post("/audit/chain")
    run_jobs()
    assert "The chain holds" in cem.get("/audit/chain").text

    with psycopg.connect(own_database.superuser_url) as owner:
        owner.execute("SET session_replication_role = replica")  # no trigger
        owner.execute("UPDATE audit_logs SET new_values = '{}' WHERE action = 'unit.changed'")
    cem.post("/audit/chain")
    run_jobs()

    page = cem.get("/audit/chain").text
    assert "1 thing is wrong" in page
    assert "The values of this row were changed." in page
    assert "The chain does not hold" in cem.get("/audit").text
    assert "The chain of the audit log did not hold" in cem.get("/audit?action=audit.").text
    letters = [path.read_text() for path in (settings.home / "mail").glob("*.eml")]
    assert any("To: cem@northwind.example" in text and "/audit/chain" in text for text in letters)


def test_the_command_proves_the_chain_with_the_installations_key(log, app, settings, database, cast, monkeypatch):
    for name, value in (("STOA_HOME", str(settings.home)), ("DATABASE_URL", settings.database_url)):
        monkeypatch.setenv(name, value)
    duties.seal_audit_logs(duties.Work(database, None, None, None, None))
    audit_chain.use(audit_chain.keeping([b"of another installation"], settings.home))

    found = CliRunner().invoke(stoa, ["audit", "verify", "--organization", "northwind"])

    assert found.exit_code == 0, found.output
    assert re.search(r"Northwind Care: \d+ entries sealed, 0 waiting for their seal, 0 findings", found.output)


def test_actions_have_sentences():
    recorded = re.compile(r'audit\.record\(\s*[\w.]+,\s*("[a-z_.]+")(?:\s+if [^"]+ else ("[a-z_.]+"))?')
    said = {
        action.strip('"')
        for path in _sources()
        for found in recorded.findall(path.read_text(encoding="utf-8"))
        for action in found
        if action
    }

    assert len(said) > 80
    missing = said - set(audit_words.SENTENCES)  # a new action may be told by its name for a while
    assert len(missing) <= len(said) // 5, missing


def test_every_route_that_writes_leads_to_a_line_in_the_log(app):
    silent = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.methods - {"GET", "HEAD", "OPTIONS"}
        and access_of(app, rule.endpoint) is not None
        and not rule.rule.startswith("/xapi/")  # statements and documents are records themselves, with their authority
        and not _records(app.view_functions[rule.endpoint])
    }

    assert silent == set(UNAUDITED)


def _records(view) -> bool:
    """Whether a view, or what it calls, or the jobs and listeners it sets going, writes to the audit log."""
    code = view
    while hasattr(code, "__wrapped__"):
        code = code.__wrapped__
    seen, waiting = set(), [(code.__module__, code.__name__)]
    while waiting:
        place = waiting.pop()
        if place == ("core.audit", "record"):
            return True
        if place not in seen:
            seen.add(place)
            waiting += _calls().get(place, ())
    return False


@cache
def _calls() -> dict[tuple[str, str], set[tuple[str, str]]]:
    """For every function and method of the rooms, by module and name, what it may lead to."""
    jobs = {name: (handler.__module__, handler.__name__) for name, handler in wiring.JOBS.items()}
    listeners = {event.__name__: [jobs[name] for name in names] for event, names in wiring.LISTENERS.items()}
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for path in _sources():
        text = path.read_text(encoding="utf-8")
        lines, body = text.splitlines(), ast.parse(text).body
        module, names = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), {}
        for node in body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in ROOMS:
                names |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
        own = body + [inner for node in body if isinstance(node, ast.ClassDef) for inner in node.body]
        own = [node for node in own if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Assign)]
        called = {id(node): getattr(node, "name", None) or lines[node.lineno - 1].split("=")[0].strip() for node in own}
        names |= {called[id(node)]: (module, called[id(node)]) for node in own}
        for node in own:
            leads = found.setdefault((module, called[id(node)]), set())
            for job, name, attribute in _MENTION.findall("\n".join(lines[node.lineno - 1 : node.end_lineno])):
                if job in jobs:
                    leads.add(jobs[job])
                if name in names:
                    leads.add((".".join(names[name]), attribute) if attribute else names[name])
                    leads.update(listeners.get(name, ()))
    return found


_MENTION = re.compile(r'"([a-z_]+\.[a-z_]+)"|\b([A-Za-z_]\w*)(?:\.(\w+))?')


def _sources():
    return [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
