"""Critical acts want to know that it is still the person who signed in, and do not lose what they entered."""

import re
from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import text

from core import clock
from core.http import access_of
from tests.conftest import PASSWORD

CRITICAL = {
    "accounts.add_api_client", "accounts.add_provider", "accounts.add_role", "accounts.api_assign_role",
    "accounts.api_remove_role", "accounts.assign_role", "accounts.delete_role", "accounts.export_people",
    "accounts.prove_presence", "accounts.remove_role", "accounts.revoke_api_client", "accounts.rotate_api_client",
    "accounts.save_provider", "accounts.save_role", "accounts.set_requirement", "accounts.set_standing",
    "accounts.switch_provider", "audit.export_entries", "lrs.add_credential", "lrs.add_forwarder",
    "lrs.api_add_credential", "lrs.api_revoke_credential", "lrs.change_forwarder", "lrs.confirm_privacy",
    "lrs.download_records", "lrs.export_statements", "lrs.remove_forwarder", "lrs.revoke_credential",
    "lrs.switch_rule", "training.download_answers", "training.download_attempts",
}  # fmt: skip
ROLE = {"name": "Night shift <b>", "description": "Two\nlines", "codes": ["people.read", "learn"]}


@pytest.fixture
def later(sign_in, settings):
    """Cem, sixteen minutes after he signed in."""
    cem = sign_in("cem")
    (settings.home / "clock").write_text((clock.now() + timedelta(minutes=16)).isoformat())
    return cem


def test_what_is_critical_says_so(app):
    marked = {rule.endpoint for rule in app.url_map.iter_rules() if access_of(app, rule.endpoint).critical}

    assert marked >= CRITICAL


def test_lately_signed_in_nobody_is_asked(sign_in):
    assert sign_in("cem").post("/roles", data=ROLE).status_code == 302


def test_an_old_sign_in_is_asked_and_the_form_goes_on(later):
    asked = later.post("/roles", data=ROLE)
    assert asked.status_code == 403
    assert "Is it still you?" in asked.text
    assert "Night shift" not in later.get("/roles").text

    kept = re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', asked.text)
    sent = [(name, unescape(value)) for name, value in kept if name != "csrf_token"]
    assert sent == [
        (name, one) for name, value in ROLE.items() for one in (value if isinstance(value, list) else [value])
    ]
    action = re.search(r'<form[^>]* action="(/roles)"', asked.text)[1]
    wrong = later.post(action, data={**ROLE, "proof": "not this"})
    assert wrong.status_code == 403
    assert "This is not your password" in wrong.text
    assert "not this" not in wrong.text
    assert later.post(action, data={**ROLE, "proof": PASSWORD}).status_code == 302
    assert "Night shift &lt;b&gt;" in later.get("/roles").text
    assert later.post("/roles", data={**ROLE, "name": "Another"}).status_code == 302, "asked twice"
    assert "Cem Tester gave a password or code again" in later.get("/audit").text


def test_a_file_is_asked_for_by_way_of_the_proof(later):
    asked = later.get("/people.csv?status=active")
    way = unescape(re.search(r'<form[^>]* action="(/me/proof[^"]*)"', asked.text)[1])

    back = later.post(way, data={"proof": PASSWORD})

    assert back.location == "/people.csv?status=active"
    assert later.get(back.location).mimetype == "text/csv"


def test_the_way_leads_to_no_other_site(later):
    assert later.post("/me/proof?next=//evil.example/", data={"proof": PASSWORD}).location == "/"


def test_a_call_of_a_program_in_the_browser_is_told_what_to_do(later, cast):
    answer = later.put(f"/api/v1/people/{cast.ana}/roles/auditor", json={})

    assert answer.status_code == 403
    assert answer.mimetype == "application/problem+json"
    assert answer.json["title"] == "Is it still you?"
    assert "/me/proof" in answer.json["detail"]


def test_wrong_proofs_lock_as_wrong_sign_ins_do(later, database, cast):
    for _ in range(5):
        later.post("/roles", data={**ROLE, "proof": "guess"})

    assert "Too many wrong" in later.post("/roles", data={**ROLE, "proof": PASSWORD}).text
    with database.read(cast.northwind) as session:
        locked = session.execute(text("SELECT locked_until FROM users WHERE id = :id"), {"id": cast.cem}).scalar()
    assert locked is not None
