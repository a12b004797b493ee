"""Somebody's records over HTTP: as a zip, or away, while readers go on where they were; rules of retention."""

import hashlib
import io
import json
import re
import zipfile
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from app import persons
from core import audit, clock, jobs
from core.tables import File
from lrs.services import personas
from lrs.tables import PrivacyRun
from tests.lrs.factories import agent, ref, statement
from tests.lrs.test_exchange import DATA, SHA2, with_attachment
from training.services import addresses

ZOO = "zoo@northwind.example"
MULTIPART = (
    b'--x\r\nContent-Type: application/json\r\n\r\n%s\r\n--x\r\nContent-Type: image/png\r\n'
    b"Content-Transfer-Encoding: binary\r\nX-Experience-API-Hash: %s\r\n\r\n%s\r\n--x--\r\n"
)  # fmt: skip


@pytest.fixture(autouse=True)
def _people_are_known():
    addresses.use("http://localhost")
    personas.register(persons.find_member)


@pytest.fixture
def cem(sign_in):
    return sign_in("cem")


@pytest.fixture
def asked(cem, run_jobs):
    """Ask for somebody's records, and look what there is; answer the request's address."""

    def ask(act, person=ZOO, *, do=True):
        answer = cem.post("/lrs/privacy", data={"person": person, "act": act, "reason": "A letter of 3 March"})
        assert answer.status_code == 302, answer.text
        run_jobs()
        if do:
            assert cem.post(answer.location + "/confirm").status_code == 302
            run_jobs()
        return answer.location

    return ask


def send_attached(lrs, item):
    body = MULTIPART % (json.dumps(item).encode(), SHA2.encode(), DATA)
    answer = lrs("POST", "statements", data=body, headers={"Content-Type": "multipart/mixed; boundary=x"})
    assert answer.status_code == 200, answer.text


def test_everything_of_a_person_comes_as_a_zip_that_adds_up(lrs, cem, asked):
    mine, other = with_attachment(actor=agent("zoo")), statement(actor=agent("ben"))
    named = statement(actor=agent("ben"), context={"instructor": agent("zoo")})
    send_attached(lrs, mine)
    lrs.post(other, named)
    where = {"agent": json.dumps(agent("zoo")), "activityId": "http://courses.example/course", "stateId": "s"}
    lrs("PUT", "activities/state", query_string=where, data=b"where I was", headers={"Content-Type": "text/plain"})

    page = asked("export")

    answer = cem.get(page + "/file")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        lines = archive.read("statements.ndjson").splitlines()
        assert [json.loads(line)["id"] for line in lines] == [mine["id"], named["id"]]
        assert archive.read(f"attachments/{SHA2}") == DATA
        (document,) = json.loads(archive.read("documents.json"))
        assert (document["document_id"], archive.read(document["file"])) == ("s", b"where I was")
        manifest = json.loads(archive.read("manifest.json"))
        assert {one["name"] for one in manifest["files"]} | {"manifest.json"} == set(archive.namelist())
        for one in manifest["files"]:
            assert hashlib.sha256(archive.read(one["name"])).hexdigest() == one["sha256"]
    answer.close()
    assert lrs.get("statements", statementId=mine["id"]).status_code == 200


def test_deleting_takes_all_that_is_theirs_and_readers_go_on(lrs, cem, asked, database, cast):
    theirs = [statement(actor=agent("zoo")) for _ in range(3)]
    others = [statement(actor=agent("ben")) for _ in range(3)]
    points = statement(actor=agent("ben"), object=ref(theirs[0]["id"]))
    lrs.post(*[one for pair in zip(theirs, others, strict=True) for one in pair], points)
    where = {"agent": json.dumps(agent("zoo")), "profileId": "p"}
    lrs("PUT", "agents/profile", query_string=where, data=b"x", headers={"If-None-Match": "*"})
    lrs("POST", "statements", json={"actor": agent("zoo")})  # refused, with the address in what is kept of it
    first = lrs.get("statements", limit=3, ascending="true").json
    assert ZOO in cem.get("/lrs/refusals").text

    page = asked("delete")

    assert lrs.found() == [points["id"], *(one["id"] for one in reversed(others))]
    more = lrs.get(first["more"]).json["statements"]
    assert [one["id"] for one in more] == [others[1]["id"], others[2]["id"], points["id"]]
    assert lrs.found(agent=json.dumps(agent("zoo"))) == []
    assert lrs.found(agent=json.dumps(agent("ben")))[0] == points["id"]
    assert lrs.get("agents/profile", **where).status_code == 404
    assert ZOO not in cem.get("/lrs/refusals").text
    receipt = json.loads(cem.get(page + "/receipt").data)
    assert receipt["seal_is_intact"] is True
    assert {one["id"] for one in receipt["receipt"]["things"] if one["kind"] == "statement"} == {
        one["id"] for one in theirs
    }
    assert "zoo" not in json.dumps(receipt)
    assert "sealed, unchanged" in cem.get(page).text
    with database.read(cast.northwind) as session:
        found = audit.page(session, limit=20)
        assert {"privacy.delete_requested", "privacy.delete_confirmed", "privacy.delete_completed"} <= {
            row.action for row in found
        }
        assert "zoo" not in str([(row.details, row.new_values) for row in found])
        assert session.scalars(select(PrivacyRun.identifiers)).one() == []


def test_an_attachment_stays_as_long_as_another_statement_declares_it(lrs, asked, database, cast):
    send_attached(lrs, with_attachment(actor=agent("zoo")))
    send_attached(lrs, with_attachment(actor=agent("ben")))

    asked("delete")
    assert count(database, cast, "xapi_attachments") == 1
    asked("delete", "ben@northwind.example")
    assert count(database, cast, "xapi_attachments") == 0
    with database.read(cast.northwind) as session:
        assert session.scalars(select(File.original_name)).all() in ([], [SHA2], [SHA2] * 2), "swept later"


def count(database, cast, table):
    with database.read(cast.northwind) as session:
        return session.scalar(text(f"SELECT count(*) FROM {table}"))


def test_pseudonymized_statements_are_found_by_all_but_the_person(lrs, cem, asked):
    theirs = statement(actor=agent("zoo", name="Zoo Keeper"), result={"score": {"raw": 1.0}})
    named = statement(actor=agent("ben"), context={"team": {"objectType": "Group", "member": [agent("zoo")]}})
    lrs.post(theirs, named)
    before = lrs.get("statements", statementId=theirs["id"]).json

    asked("pseudonymize")

    after = lrs.get("statements", statementId=theirs["id"]).json
    assert after["actor"]["account"]["homePage"] == "https://pseudonym.invalid"
    assert {name: item for name, item in after.items() if name != "actor"} == {
        name: item for name, item in before.items() if name != "actor"
    }
    assert lrs.found(agent=json.dumps(agent("zoo")), related_agents="true") == []
    by_pseudonym = json.dumps(after["actor"])
    assert lrs.found(agent=by_pseudonym) == [theirs["id"]]
    assert lrs.found(agent=by_pseudonym, related_agents="true") == [named["id"], theirs["id"]]
    assert "Zoo Keeper" not in cem.get("/lrs/statements").text


def test_nothing_happens_before_it_is_confirmed_and_nothing_twice(lrs, cem, asked, sign_in):
    lrs.post(statement(actor=agent("zoo")))

    page = asked("delete", do=False)

    assert "Statements deleted" in cem.get(page).text
    assert cem.get(page + "/receipt").status_code == 404
    assert len(lrs.found()) == 1
    assert cem.post(page + "/cancel").status_code == 302
    assert cem.post(page + "/confirm").status_code == 409
    assert sign_in("zoe").get(page).status_code == 404
    assert sign_in("ana").get("/lrs/privacy").status_code == 403
    without_reason = cem.post("/lrs/privacy", data={"person": ZOO, "act": "delete", "reason": " "})
    assert without_reason.status_code == 422


def test_a_rule_is_made_looked_at_put_in_force_and_kept_at_night(lrs, cem, run_jobs, database, cast, monkeypatch):
    lrs.post(statement(actor=agent("zoo")))
    wanted = {"kind": "statements", "credential": "", "keep_days": "30", "act": "delete", "legal_basis": "Policy 7"}
    wrong = cem.post("/lrs/retention", data=wanted | {"keep_days": "0", "legal_basis": ""})
    assert wrong.status_code == 422
    rule = cem.post("/lrs/retention", data=wanted).location
    look = cem.post(rule + "/look").location
    run_jobs()
    assert "What will be touched" in cem.get(look).text
    cem.post(rule + "/switch", data={"on": "1"})
    later = clock.now() + timedelta(days=40)

    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: later)
        run_night(database, run_jobs)

    assert lrs.found() == []
    page = cem.get(rule).text
    receipt = re.findall(r'href="(/lrs/privacy/[^"]+)"', page)[0]
    assert "sealed, unchanged" in cem.get(receipt).text
    assert cem.post(rule + "/remove").status_code == 302
    assert cem.get(rule).status_code == 404
    assert cem.get(receipt).status_code == 200


def run_night(database, run_jobs):
    with database.write(None) as session:
        jobs.enqueue(session, "lrs.start_retention", {})
    run_jobs()
