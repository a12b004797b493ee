from datetime import timedelta
from uuid import uuid4

import pytest

from core import clock
from lrs.services import refusals
from lrs.services.sentences import sentence
from tests.lrs.factories import activity, agent, ref, statement, sub_statement, voiding

VERBS = "http://adlnet.gov/expapi/verbs/"


@pytest.fixture
def cem(sign_in):
    return sign_in("cem")


class TestStatements:
    def test_a_statement_is_a_sentence_with_its_json_beside_it(self, lrs, cem):
        lrs.post(
            statement(
                "completed", actor=agent("ana", name="Ana Novak"), object=activity("c", name={"en": "First <Aid>"}),
                result={"score": {"scaled": 0.8}, "success": True, "duration": "PT3M"},
            )
        )  # fmt: skip

        page = cem.get("/lrs/statements").text

        for words in (
            "Ana Novak",
            "completed",
            "First &lt;Aid&gt;",
            "80%",
            "3 min",
            "Success",
            "&#34;scaled&#34;: 0.8",
        ):
            assert words in page

    @pytest.mark.parametrize(
        ("query", "finds"),
        [
            pytest.param({"person": "ana@northwind.example"}, {"a"}, id="person by mail address"),
            pytest.param({"person": "mbox|mailto:ben@northwind.example"}, {"b"}, id="person by the link's identifier"),
            pytest.param({"person": "http://lms.example|u-1"}, {"c"}, id="person by account"),
            pytest.param({"verb": "Passed"}, {"b"}, id="verb by its word"),
            pytest.param({"verb": VERBS + "failed"}, {"c"}, id="verb by its IRI"),
            pytest.param({"activity": "http://courses.example/b"}, {"b"}, id="activity"),
            pytest.param({"activity": "http://courses.example/whole"}, {"c"}, id="activity in the context"),
            pytest.param({"registration": "6a1d2c94-5d0e-4a0b-8a4e-0d6c3f3a7b11"}, {"a"}, id="registration"),
            pytest.param({"since": "2020-01-01"}, {"a", "b", "c"}, id="since a day"),
            pytest.param({"until": "2020-01-01"}, set(), id="until a day"),
            pytest.param({"person": "ana@northwind.example", "verb": "passed"}, set(), id="two filters"),
            pytest.param({"person": "https://somebody.example/else"}, set(), id="nobody known"),
        ],
    )
    def test_filters_lie_in_the_address(self, lrs, cem, query, finds):
        account = {"account": {"homePage": "http://lms.example", "name": "u-1"}}
        ids = dict.fromkeys("abc")
        ids["a"] = statement(context={"registration": "6a1d2c94-5d0e-4a0b-8a4e-0d6c3f3a7b11"})
        ids["b"] = statement("passed", actor=agent("ben"), object=activity("b"))
        whole = {"contextActivities": {"grouping": [activity("whole")]}}
        ids["c"] = statement("failed", actor=account, object=activity("c"), context=whole)
        assert lrs.post(*ids.values()).status_code == 200

        page = cem.get("/lrs/statements", query_string=query)

        assert page.status_code == 200
        assert {name for name, item in ids.items() if f"/lrs/statements/{item['id']}" in page.text} == finds

    def test_a_name_typed_as_a_person_is_told_what_is_asked_for(self, cem):
        page = cem.get("/lrs/statements", query_string={"person": "Somebody else"})

        assert page.status_code == 422
        assert "This is no mail address" in page.text

    def test_statements_of_one_credential(self, lrs, client_with, cem):
        other = client_with(authority="other")
        mine, theirs = statement(), statement()
        lrs.post(mine)
        other.post(theirs)

        page = cem.get("/lrs/statements", query_string={"credential": other.credential.id, "verb": "experienced"}).text

        assert theirs["id"] in page
        assert mine["id"] not in page

    @pytest.mark.parametrize("name", ["registration", "activity", "since", "until", "credential"])
    def test_a_filter_that_cannot_be_read_is_named(self, cem, name):
        page = cem.get("/lrs/statements", query_string={name: "nonsense"})

        assert page.status_code == 422
        assert f'id="f-{name}-error"' in page.text

    def test_pages_lead_on_with_their_filters(self, lrs, cem):
        batch = [statement() for _ in range(51)]
        lrs.post(*batch)
        lrs.post(statement("passed"))

        first = cem.get("/lrs/statements?verb=experienced").text
        address = first.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
        second = cem.get(address).text

        assert "verb=experienced" in address
        assert batch[0]["id"] not in first
        assert batch[0]["id"] in second
        assert 'rel="next"' not in second

    @pytest.mark.parametrize("before", ["yesterday", "2026-03-01T00:00:00"])
    def test_a_page_that_never_was_is_a_bad_request(self, cem, before):
        assert cem.get("/lrs/statements", query_string={"before": before}).status_code == 400

    def test_a_voided_statement_is_off_the_list_but_can_be_looked_at(self, lrs, cem):
        target = statement()
        lrs.post(target)
        lrs.post(voiding(target["id"]))

        assert f">{target['id']}<" not in cem.get("/lrs/statements").text
        assert "It has been voided" in cem.get(f"/lrs/statements/{target['id']}").text

    def test_another_organizations_statements_are_not_there(self, lrs, sign_in):
        item = statement()
        lrs.post(item)
        zoe = sign_in("zoe")

        assert item["id"] not in zoe.get("/lrs/statements").text
        assert zoe.get(f"/lrs/statements/{item['id']}").status_code == 404

    def test_a_learner_may_not_look(self, sign_in):
        ana = sign_in("ana")

        assert [ana.get(f"/lrs/{page}").status_code for page in ("statements", "refusals")] == [403, 403]


def part(kind, **definition):
    """An activity without a name."""
    told = {"type": f"http://adlnet.gov/expapi/activities/{kind}"} | definition
    return {"id": "http://courses.example/fire/way%20out", "definition": told}


@pytest.mark.parametrize(
    ("item", "words"),
    [
        pytest.param(
            statement(), "ana@northwind.example experienced http://courses.example/course", id="nothing named"
        ),
        pytest.param(
            statement(verb={"id": VERBS + "passed", "display": {"de": "bestand", "en-US": "passed it"}}),
            "ana@northwind.example passed it http://courses.example/course",
            id="the reader's language first",
        ),
        pytest.param(
            statement(actor={"objectType": "Group", "member": [agent("ana"), agent("ben", name="Ben")]}),
            "ana@northwind.example, Ben experienced http://courses.example/course",
            id="a group without a name",
        ),
        pytest.param(
            statement(object=sub_statement(verb={"id": VERBS + "planned"})),
            "ana@northwind.example experienced ana@northwind.example planned http://courses.example/course",
            id="a statement inside",
        ),
        pytest.param(
            statement(object=ref("6a1d2c94-5d0e-4a0b-8a4e-0d6c3f3a7b11")),
            "ana@northwind.example experienced 6a1d2c94-5d0e-4a0b-8a4e-0d6c3f3a7b11",
            id="a statement about a statement",
        ),
        pytest.param(
            statement(object=agent("ben", name="Ben")), "ana@northwind.example experienced Ben", id="a person as object"
        ),
        pytest.param(
            statement(object=part("objective")), "ana@northwind.example experienced way out", id="an objective's own id"
        ),
        pytest.param(
            statement(object=part("cmi.interaction", description={"en": "Which way?"})),
            "ana@northwind.example experienced Which way?",
            id="a question's text",
        ),
        pytest.param(
            statement(object=part("course")),
            "ana@northwind.example experienced http://courses.example/fire/way%20out",
            id="a course without a name",
        ),
    ],
)
def test_every_kind_of_statement_reads_as_a_sentence(item, words):
    read = sentence(item)

    assert f"{read.actor.text} {read.verb.text} {read.object.text}" == words


class TestRefusals:
    def test_a_refused_request_is_kept_with_every_reason(self, lrs, cem):
        lrs.post(statement(actor={"mbox": "ana"}, verb={"id": "did"}))

        page = cem.get("/lrs/refusals").text

        assert "statement.actor.mbox" in page
        assert "statement.verb.id" in page
        assert "2 problems" in page
        assert "&#34;mbox&#34;:" in page
        assert ">400<" in page

    @pytest.mark.parametrize(
        "send",
        [
            pytest.param(
                lambda lrs: lrs("POST", "statements", data=b"\xff\0{", content_type="application/json"), id="no text"
            ),
            pytest.param(lambda lrs: lrs.get("statements", limit="many"), id="a wrong parameter"),
            pytest.param(lambda lrs: lrs("PUT", "activities/state", data=b"x"), id="a document without a place"),
        ],
    )
    def test_whatever_is_wrong_is_noted(self, lrs, cem, send):
        assert send(lrs).status_code == 400

        assert cem.get("/lrs/refusals").text.count('class="row-line"') == 1

    def test_strangers_leave_no_trace(self, app, lrs, cem):
        app.test_client().post("/xapi/statements", json={}, headers={"X-Experience-API-Version": "1.0.3"})

        assert "Nothing was refused" in cem.get("/lrs/refusals").text

    def test_only_some_of_a_flood_are_kept(self, lrs, database, cast):
        for _ in range(60):
            lrs("POST", "statements", json={})

        with database.read(cast.northwind) as session:
            kept = refusals.page(session, clock.now(), limit=100)
        assert 1 <= len(kept) < 60

    def test_refusals_are_forgotten_after_a_week(self, lrs, database, cast):
        lrs("POST", "statements", json={})
        with database.write(None) as session:
            assert refusals.forget(session, clock.now()) == 0

        with database.write(None) as session:
            assert refusals.forget(session, clock.now() + timedelta(days=8)) == 1

    def test_the_oldest_go_when_there_are_too_many(self, lrs, database, cast, monkeypatch):
        monkeypatch.setattr(refusals, "KEPT", 2)
        for number in range(4):
            lrs.get("statements", limit=f"x{number}")

        with database.read(cast.northwind) as session:
            kept = refusals.page(session, clock.now(), limit=100)
        assert [item.message.count("x3") + item.message.count("x2") for item in kept] == [1, 1]

    def test_refusals_of_one_credential(self, lrs, client_with, cem):
        other = client_with(authority="other")
        lrs.get("statements", limit="mine")
        other.get("statements", limit="theirs")

        page = cem.get("/lrs/refusals", query_string={"credential": other.credential.id}).text

        assert "theirs" in page
        assert "mine" not in page

    def test_another_organization_sees_none_of_them(self, lrs, sign_in):
        lrs.get("statements", limit=f"x{uuid4()}")

        assert "Nothing was refused" in sign_in("zoe").get("/lrs/refusals").text
