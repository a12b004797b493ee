"""Several identifiers, one person: by themselves through people's accounts, by hand through merges and back again."""

import re

import pytest
from sqlalchemy import text

from app import persons
from core import audit, clock
from core.errors import Conflict, Invalid
from lrs.services import personas
from tests.lrs.factories import agent, statement
from training.services import addresses

LMS = "account|https://lms.example|4711"
TABLET = "mbox_sha1sum|ebd31e95054c018b10727ccffd2ef2ec3a016ee9"
HOME = "http://localhost/o/northwind"


def actor(identifier):
    kind, _, rest = identifier.partition("|")
    home_page, _, name = rest.partition("|")
    return {"objectType": "Agent", kind: {"homePage": home_page, "name": name} if kind == "account" else rest}


@pytest.fixture(autouse=True)
def _people_are_known():
    addresses.use("http://localhost")
    personas.register(persons.find_member)


@pytest.fixture
def ana(cast):
    """Ana's account and her confirmed address belong together by themselves."""
    return f"account|{HOME}|{cast.ana}"


def merged(session, one, other):
    return personas.merge(session, one, other, by=None, now=clock.now())


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        pytest.param("Ana@example.com", "mbox|mailto:Ana@example.com", id="a mail address"),
        pytest.param("https://lms.example|4711", LMS, id="an account"),
        pytest.param("https://ana.example/", "openid|https://ana.example/", id="an OpenID"),
        pytest.param(LMS, LMS, id="what a link carries"),
    ],
)
def test_whom_somebody_means(said, meant):
    assert personas.named(said).lower() == meant.lower()


def test_a_name_is_no_identifier_that_finds_nothing():
    with pytest.raises(Invalid, match="This is no mail address"):
        personas.named("Ana Tester")


def test_an_account_of_ours_and_the_confirmed_address_are_one_person(db, ana):
    by_account = personas.person_of(db, ana)
    mailbox = next(item for item in by_account.identifiers if item.startswith("mbox|"))

    assert set(personas.person_of(db, mailbox).identifiers) == set(by_account.identifiers) == {ana, mailbox}
    assert by_account.name


def test_an_address_that_is_not_confirmed_belongs_to_nobody(db, ana, cast):
    mailbox = next(item for item in personas.person_of(db, ana).identifiers if item.startswith("mbox|"))
    db.execute(text("UPDATE users SET email_verified_at = NULL WHERE id = :id"), {"id": cast.ana})

    assert personas.person_of(db, ana).identifiers == (ana,)
    assert personas.person_of(db, mailbox).identifiers == (mailbox,)


def test_merging_brings_together_all_that_is_known_of_both(db, ana):
    merged(db, LMS, TABLET)
    merged(db, TABLET, ana)

    found = {frozenset(personas.person_of(db, item).identifiers) for item in (LMS, TABLET, ana)}

    assert len(found) == 1
    assert {LMS, TABLET, ana} <= found.pop()


def test_undoing_puts_every_identifier_back(db, ana):
    first = merged(db, LMS, TABLET)
    second = merged(db, ana, LMS)

    with pytest.raises(Conflict, match="later merge first"):
        personas.undo(db, first, by=None, now=clock.now())
    personas.undo(db, second, by=None, now=clock.now())

    assert set(personas.person_of(db, LMS).identifiers) == {LMS, TABLET}
    assert LMS not in personas.person_of(db, ana).identifiers
    personas.undo(db, first, by=None, now=clock.now())
    assert personas.person_of(db, LMS).identifiers == (LMS,)
    with pytest.raises(Conflict, match="already"):
        personas.undo(db, first, by=None, now=clock.now())


def test_two_people_of_the_organization_are_never_one(db, ana, cast):
    merged(db, ana, LMS)

    with pytest.raises(Conflict, match="two people"):
        merged(db, f"account|{HOME}|{cast.ben}", LMS)
    with pytest.raises(Invalid, match="already"):
        merged(db, LMS, ana)


def test_merges_are_audited_without_personal_values(db, ana):
    personas.undo(db, merged(db, ana, LMS), by=None, now=clock.now())
    db.flush()

    rows = audit.page(db, limit=2)

    assert [row.action for row in rows] == ["lrs_person.separated", "lrs_person.merged"]
    assert "4711" not in str([(row.details, row.old_values, row.new_values) for row in rows])


class TestOverHttp:
    """What clients and administrators see."""

    def test_the_browser_finds_the_statements_of_all_identifiers(self, lrs, sign_in, database, cast, ana):
        made = [statement(actor=actor(item)) for item in (ana, LMS, TABLET)]
        made.append(statement(actor={"objectType": "Group", "member": [actor(LMS)]}))
        other = statement(actor=agent("somebody-else"))
        lrs.post(*made, other)
        cem = sign_in("cem")
        with database.write(cast.northwind) as session:
            merged(session, ana, LMS)
            merged(session, ana, TABLET)

        page = cem.get("/lrs/statements", query_string={"person": TABLET}).text
        narrowed = cem.get(
            "/lrs/statements",
            query_string={"person": LMS, "verb": "experienced", "activity": made[0]["object"]["id"]},
        ).text
        export = lrs.get("/api/v1/lrs/statements", layout="ndjson", person=LMS)

        for text_of_page in (page, narrowed, export.text):
            assert all(item["id"] in text_of_page for item in made)
            assert other["id"] not in text_of_page
        by_person = lrs.get("/api/v1/lrs/aggregate", by="verb", person=LMS).json
        assert by_person["groups"][0]["count"] == 4

    def test_agents_names_all_identifiers_to_who_may_read_all(self, lrs, client_with, database, cast, ana):
        with database.write(cast.northwind) as session:
            merged(session, ana, LMS)
        asked = '{"account":{"homePage":"https://lms.example","name":"4711"},"name":"A."}'

        whole = lrs.get("agents", agent=asked).json
        narrow = client_with("statements/read/mine").get("agents", agent=asked).json

        assert whole["objectType"] == "Person"
        assert whole["name"][0] == "A."
        assert len(whole["name"]) == 2
        assert {item["name"] for item in whole["account"]} == {"4711", str(cast.ana)}
        assert len(whole["mbox"]) == 1
        assert narrow == {
            "objectType": "Person", "name": ["A."], "account": [{"homePage": "https://lms.example", "name": "4711"}],
        }  # fmt: skip

    def test_an_administrator_merges_and_undoes_on_the_page(self, sign_in, ana, cast):
        cem = sign_in("cem")

        answer = cem.post("/lrs/persons", data={"person": ana, "other": "https://lms.example|4711"})

        assert answer.status_code == 302
        page = cem.get(answer.location).text
        assert "4711 @ https://lms.example" in page
        undo = re.search(r'action="(/lrs/persons/merges/[^"]+/undo)"', page)[1]
        assert sign_in("zoe").post(undo).status_code == 404
        assert "4711" not in sign_in("zoe").get("/lrs/persons").text
        assert cem.post(undo).status_code == 302
        assert cem.post(undo).status_code == 409
        wrong = cem.post("/lrs/persons", data={"person": ana, "other": f"{HOME}|{cast.ben}"})
        assert wrong.status_code == 422
        assert "two people" in wrong.text
        assert sign_in("ana").get("/lrs/persons").status_code == 403
