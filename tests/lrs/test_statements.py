import hashlib
import threading
from datetime import datetime
from uuid import UUID, uuid4

import orjson
import pytest
from sqlalchemy import select

from core.tables import DomainEvent
from lrs.xapi.verbs import SIGNATURE_USAGE
from tests.lrs.factories import VERBS, activity, agent, ref, statement, sub_statement, voiding
from tests.lrs.test_multipart import declared
from tests.lrs.test_signatures import sign, with_signature

CRLF = "\r\n"


def multipart(statements: object, *parts: tuple[bytes, dict[str, str]]) -> dict[str, object]:
    body = b"--b\r\nContent-Type: application/json\r\n\r\n" + orjson.dumps(statements)
    for content, headers in parts:
        given = {
            "Content-Type": "text/plain",
            "Content-Transfer-Encoding": "binary",
            "X-Experience-API-Hash": hashlib.sha256(content).hexdigest(),
        } | headers
        lines = "".join(f"{name}: {value}{CRLF}" for name, value in given.items())
        body += b"\r\n--b\r\n" + lines.encode() + b"\r\n" + content
    return {"data": body + b"\r\n--b--\r\n", "headers": {"Content-Type": "multipart/mixed; boundary=b"}}


def test_a_batch_is_answered_with_its_ids_in_order(lrs):
    batch = [statement(), statement(), statement()]

    answer = lrs.post(*batch)

    assert answer.json == [item["id"] for item in batch]
    assert lrs.found() == [item["id"] for item in reversed(batch)]
    assert lrs.found(ascending="true") == answer.json


def test_a_statement_without_id_gets_one(lrs):
    value = statement()
    del value["id"]

    (made,) = lrs.post(value).json

    assert lrs.get("statements", statementId=made).json["id"] == made


def test_an_empty_batch_is_fine(lrs):
    assert lrs("POST", "statements", json=[]).json == []


def test_the_store_adds_its_marks_and_changes_nothing_else(lrs):
    text = (
        '{"verb":{"id":"http://x.example/v","display":{"zz":"ß\u2028","en":"x"}},"actor":{"mbox":"mailto:a@b.example"},'
        '"object":{"id":"http://x.example/o"},"result":{"score":{"scaled":1.0,"raw":0.1234567890123},'
        '"extensions":{"http://x.example/e":{"b":[null,1e-7,true],"a":9007199254740993}}},'
        '"timestamp":"2026-03-01T10:30:00.5+01:00"}'
    )
    (made,) = lrs("POST", "statements", data=text.encode(), headers={"Content-Type": "application/json"}).json

    kept = lrs.get("statements", statementId=made).get_data(as_text=True)

    stored = orjson.loads(kept)
    assert kept.startswith(text[:-1])
    assert sorted(list(stored)[5:]) == ["authority", "id", "stored", "version"]
    assert stored["version"] == "1.0.0"
    assert stored["authority"] == agent("lms")


def test_pages_hold_the_same_bytes_as_single_statements(lrs):
    one = statement(context={"extensions": {"http://x.example/e": {"z": 1.50, "a": "\u00e9"}}})
    lrs.post(one)

    page = lrs.get("statements").data

    assert lrs.get("statements", statementId=one["id"]).data in page


def test_every_fault_of_a_batch_is_named_and_nothing_of_it_is_stored(lrs):
    good = statement()
    answer = lrs.post(good, statement(actor={"mbox": "x"}, verb={"id": "y"}, inProgress=True))

    assert answer.status_code == 400
    assert {item["path"] for item in answer.json["problems"]} == {
        "statements[1].actor.mbox",
        "statements[1].verb.id",
        "statements[1].inProgress",
    }
    assert lrs.get("statements", statementId=good["id"]).status_code == 404


def test_errors_come_as_text_for_who_asks_for_text(lrs):
    answer = lrs("POST", "statements", json={}, headers={"Accept": "text/plain"})

    assert answer.status_code == 400
    assert answer.content_type.startswith("text/plain")
    assert "statement.actor: is required" in answer.text


def test_a_conflict_leaves_nothing_of_its_batch_behind(lrs):
    taken, fresh = statement(), statement()
    lrs.post(taken)

    answer = lrs.post(fresh, taken | {"verb": {"id": "http://x.example/verb"}})

    assert answer.status_code == 409
    assert lrs.get("statements", statementId=fresh["id"]).status_code == 404


def test_the_same_statement_again_changes_nothing_and_is_not_announced_again(lrs, database, cast):
    one = statement()
    lrs.post(one)
    stored = lrs.get("statements", statementId=one["id"]).data

    assert lrs.post(one).json == [one["id"]]
    assert lrs("PUT", f"statements?statementId={one['id']}", json=one).status_code == 204

    assert lrs.get("statements", statementId=one["id"]).data == stored
    with database.read(cast.northwind) as session:
        events = session.scalars(select(DomainEvent).where(DomainEvent.event_type == "StatementsStored")).all()
    assert [event.payload for event in events] == [{"statement_ids": [one["id"]]}]


def test_one_event_names_the_new_statements_of_a_request(lrs, database, cast):
    registration = str(uuid4())
    old, new = (statement(context={"registration": registration}) for _ in range(2))
    lrs.post(old)

    lrs.post(old, new)

    with database.read(cast.northwind) as session:
        events = session.scalars(select(DomainEvent).order_by(DomainEvent.seq)).all()
    assert events[-1].payload == {"statement_ids": [new["id"]]}
    assert events[-1].subject == UUID(registration)


def test_the_same_id_twice_in_a_batch_counts_once_in_1_0_and_is_refused_by_2_0(lrs):
    one = statement()

    assert lrs.speaking("2.0.0").post(one, one).status_code == 400
    assert lrs.post(one, one | {"verb": {"id": "http://x.example/v"}}).status_code == 409
    assert lrs.found() == []
    assert lrs.post(one, one).json == [one["id"], one["id"]]
    assert lrs.found() == [one["id"]]


def test_put_takes_the_id_of_its_parameter(lrs):
    one = statement()
    bare = {name: value for name, value in one.items() if name != "id"}

    assert lrs("PUT", f"statements?statementId={one['id'].upper()}", json=bare).status_code == 204
    assert lrs.get("statements", statementId=one["id"]).json["id"] == one["id"]
    assert lrs("PUT", f"statements?statementId={uuid4()}", json=statement()).status_code == 400
    assert lrs("PUT", "statements", json=statement()).status_code == 400
    assert lrs("PUT", f"statements?statementId={uuid4()}", json=[statement()]).status_code == 400


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"{", "application/json"),
        (b'{"actor":"\xff"}', "application/json"),
        (b"5", "application/json"),
        (b'"text"', "application/json"),
        (orjson.dumps(statement()), "text/plain"),
        (orjson.dumps(statement()), ""),
        (b"a=b", "application/x-www-form-urlencoded"),
        (b"--b\r\n", "multipart/mixed; boundary=b"),
        (b"x", "multipart/mixed"),
        (b"[" * 2000 + b"]" * 2000, "application/json"),
    ],
)
def test_what_is_no_statement_request_is_400(lrs, content, content_type):
    answer = lrs("POST", "statements", data=content, headers={"Content-Type": content_type})

    assert answer.status_code == 400, answer.text


def test_a_statement_nested_too_deeply_is_refused_not_an_error(lrs):
    deep: object = 1
    for _ in range(400):
        deep = [deep]

    assert lrs.post(statement(context={"extensions": {"http://x.example/e": deep}})).status_code == 400


def test_stored_rises_and_tells_last_modified(lrs):
    batch = [statement() for _ in range(20)]
    lrs.post(*batch)
    lrs.post(statement())

    found = lrs.get("statements", ascending="true").json["statements"]

    moments = [item["stored"] for item in found]
    assert moments == sorted(set(moments))
    assert lrs.get("statements", statementId=batch[0]["id"]).headers["Last-Modified"].endswith("GMT")


def test_every_answer_says_how_far_the_store_is_consistent(lrs):
    name = "X-Experience-API-Consistent-Through"
    posted = lrs.post(statement())
    stored = lrs.get("statements").json["statements"][0]["stored"]

    assert posted.headers[name] > stored
    for answer in (
        lrs.get("statements"),
        lrs.get("statements", statementId=str(uuid4())),
        lrs.get("statements", nonsense="1"),
        lrs.post({}),
        lrs("GET", "statements", headers={"Authorization": None}),
        lrs("HEAD", "statements"),
        lrs("DELETE", "statements"),
    ):
        assert answer.headers[name] > stored
        assert datetime.fromisoformat(answer.headers[name])
        assert answer.headers["X-Experience-API-Version"] == "1.0.3"


def test_head_answers_like_get_without_a_body(lrs):
    one = statement()
    lrs.post(one)

    answer = lrs("HEAD", f"statements?statementId={one['id']}")

    assert (answer.status_code, answer.data) == (200, b"")
    assert "Last-Modified" in answer.headers


class TestVoiding:
    """Data 2.3.2."""

    def test_a_voided_statement_is_found_only_as_such(self, lrs):
        one = statement()
        void = voiding(one["id"])
        lrs.post(one)
        lrs.post(void)

        assert lrs.get("statements", statementId=one["id"]).status_code == 404
        assert lrs.get("statements", voidedStatementId=one["id"]).json["id"] == one["id"]
        assert lrs.get("statements", voidedStatementId=void["id"]).status_code == 404
        assert lrs.found() == [void["id"]]

    @pytest.mark.parametrize("in_one_batch", [True, False])
    def test_the_target_may_arrive_later(self, lrs, in_one_batch):
        one = statement()
        batch = [voiding(one["id"]), one]
        if in_one_batch:
            lrs.post(*batch)
        else:
            for item in batch:
                lrs.post(item)

        assert lrs.get("statements", statementId=one["id"]).status_code == 404
        assert lrs.get("statements", voidedStatementId=one["id"]).status_code == 200

    def test_a_voiding_statement_cannot_be_voided(self, lrs):
        one = statement()
        void = voiding(one["id"])
        again = voiding(void["id"])
        lrs.post(one, void, again)

        assert lrs.found() == [again["id"], void["id"]]


class TestMixedVersions:
    """One store for both versions."""

    def test_each_statement_keeps_its_version(self, lrs):
        old, new = statement(), statement()
        lrs.post(old)
        lrs.speaking("2.0.0").post(new)

        read = lrs.speaking("2.0.0").get("statements").json["statements"]

        assert [item["version"] for item in read] == ["2.0.0", "1.0.0"]

    def test_a_reader_of_1_0_gets_what_1_0_knows(self, lrs):
        context = {"contextAgents": [{"objectType": "contextAgent", "agent": agent("ben")}], "platform": "x"}
        new = statement(context=context)
        lrs.speaking("2.0.0").post(new)

        for answer in (
            lrs.get("statements", statementId=new["id"]).json,
            lrs.get("statements").json["statements"][0],
            lrs.get("statements", format="ids").json["statements"][0],
        ):
            assert (answer["version"], answer["context"]) == ("1.0.0", {"platform": "x"})
        assert lrs.speaking("2.0").get("statements", statementId=new["id"]).json["context"] == context

    def test_2_0_turns_timestamps_into_utc_and_1_0_keeps_them(self, lrs):
        old, new = (statement(timestamp="2023-05-04T12:00:00-05:00") for _ in range(2))
        lrs.post(old)
        lrs.speaking("2.0.0").post(new)

        assert lrs.get("statements", statementId=old["id"]).json["timestamp"] == "2023-05-04T12:00:00-05:00"
        assert lrs.get("statements", statementId=new["id"]).json["timestamp"] == "2023-05-04T17:00:00.000000Z"

    @pytest.mark.parametrize(
        ("mount", "header", "status", "answered"),
        [
            ("/xapi", "1.0.3", 200, "1.0.3"),
            ("/xapi", "2.0.0", 200, "2.0.0"),
            ("/xapi/2.0", "1.0.1", 200, "1.0.3"),
            ("/xapi/1.0.3", None, 400, "1.0.3"),
            ("/xapi/2.0", None, 400, "2.0.0"),
            ("/xapi", "0.95", 400, "1.0.3"),
            ("/xapi/2.0", "1.1.0", 400, "2.0.0"),
            ("/xapi", "3.0.0", 400, "1.0.3"),
        ],
    )
    def test_the_requests_version_decides_and_the_mount_where_it_names_none(self, lrs, mount, header, status, answered):
        answer = lrs("GET", f"{mount}/statements", headers={"X-Experience-API-Version": header})

        assert (answer.status_code, answer.headers["X-Experience-API-Version"]) == (status, answered)


class TestAttachments:
    """Communication 1.5.2."""

    def test_what_was_sent_comes_back_byte_for_byte(self, lrs):
        content = bytes(range(256)) * 9000
        one = statement(attachments=[declared(content, contentType="application/octet-stream")])
        headers = {"Content-Type": "application/octet-stream"}

        assert lrs("POST", "statements", **multipart(one, (content, headers))).status_code == 200

        for query in ({"statementId": one["id"]}, {"limit": "1"}):
            answer = lrs.get("statements", attachments="true", **query)
            assert answer.content_type.startswith("multipart/mixed; boundary=")
            assert b"\r\n\r\n" + content + b"\r\n--" in answer.data
            assert f"X-Experience-API-Hash: {hashlib.sha256(content).hexdigest()}".encode() in answer.data

    def test_two_statements_with_the_same_data_get_it_once(self, lrs):
        batch = [statement(attachments=[declared()]), statement(object=sub_statement(attachments=[declared()]))]
        lrs("POST", "statements", **multipart(batch, (b"abc", {})))

        assert lrs.get("statements", attachments="true").data.count(b"\r\n\r\nabc\r\n") == 1

    def test_attachments_asked_for_are_always_multipart_and_else_never(self, lrs):
        lrs.post(statement())

        assert lrs.get("statements", attachments="true").content_type.startswith("multipart/mixed")
        assert lrs.get("statements", attachments="false").content_type == "application/json"

    def test_a_file_url_alone_is_plain_json(self, lrs):
        assert lrs.post(statement(attachments=[declared(fileUrl="http://files.example/x")])).status_code == 200
        assert lrs.post(statement(attachments=[declared()])).status_code == 400

    @pytest.mark.parametrize(
        "parts",
        [
            pytest.param([], id="missing"),
            pytest.param([(b"abc", {}), (b"xyz", {})], id="in excess"),
            pytest.param([(b"abc", {"X-Experience-API-Hash": "0" * 64})], id="another hash"),
            pytest.param([(b"abc", {"Content-Transfer-Encoding": "base64"})], id="encoded"),
            pytest.param([(b"abc", {"Content-Type": "image/png"})], id="of another type"),
        ],
    )
    def test_parts_that_do_not_fit_are_refused_and_nothing_is_stored(self, lrs, parts):
        answer = lrs("POST", "statements", **multipart(statement(attachments=[declared()]), *parts))

        assert answer.status_code == 400
        assert answer.json["problems"]
        assert lrs.found() == []

    def test_a_signed_statement_is_checked(self, lrs):
        one = statement()
        signature = sign(one)
        headers = {"Content-Type": "application/octet-stream"}

        forged = with_signature(one | {"verb": {"id": VERBS + "passed"}}, signature)
        assert lrs("POST", "statements", **multipart(forged, (signature, headers))).status_code == 400
        signed = with_signature(one, signature)
        assert lrs("POST", "statements", **multipart(signed, (signature, headers))).status_code == 200
        assert lrs.get("statements", statementId=one["id"]).json["attachments"][0]["usageType"] == SIGNATURE_USAGE


class TestActivities:
    """Communication 2.5."""

    def test_definitions_are_merged_into_the_canonical_one_but_never_into_exact(self, lrs):
        first = statement(object=activity(name={"en": "Course"}, type="http://x.example/t"))
        second = statement(object=activity(name={"de": "Kurs"}), context={"contextActivities": {"other": [activity()]}})
        lrs.post(first, second)

        known = lrs.get("activities", activityId=activity()["id"]).json

        assert known["definition"] == {"name": {"en": "Course", "de": "Kurs"}, "type": "http://x.example/t"}
        assert lrs.get("statements", statementId=second["id"]).json["object"] == second["object"]
        canonical = lrs("GET", "statements?format=canonical", headers={"Accept-Language": "de"}).json["statements"][0]
        assert canonical["object"]["definition"] == {"name": {"de": "Kurs"}, "type": "http://x.example/t"}
        assert canonical["context"]["contextActivities"]["other"][0]["definition"]["name"] == {"de": "Kurs"}

    def test_an_unknown_activity_is_an_activity(self, lrs):
        iri = "http://x.example/" + "long/" * 1000

        assert lrs.get("activities", activityId=iri).json == {"objectType": "Activity", "id": iri}

    def test_identifiers_of_any_length_are_stored_and_found(self, lrs):
        iri = "http://x.example/" + "long/" * 1000
        one = statement(object={"id": iri}, actor={"account": {"homePage": iri, "name": "n" * 5000}})
        assert lrs.post(one).status_code == 200

        assert lrs.found(activity=iri) == [one["id"]]
        assert lrs.found(agent=orjson.dumps(one["actor"]).decode()) == [one["id"]]


def test_a_person_has_everything_in_arrays(lrs):
    stranger = {"objectType": "Agent", "name": "Ana", "mbox": "mailto:ana@elsewhere.example"}

    answer = lrs.get("agents", agent=orjson.dumps(stranger).decode())

    assert answer.json == {"objectType": "Person", "name": ["Ana"], "mbox": ["mailto:ana@elsewhere.example"]}
    assert answer.headers["ETag"]


def test_about_needs_neither_credential_nor_version(app):
    answer = app.test_client().get("/xapi/about", headers={"X-Experience-API-Version": "7"})

    assert set(answer.json["version"]) >= {"1.0.0", "1.0.3", "2.0.0"}


def test_another_tenant_sees_nothing_and_may_use_the_same_ids(lrs, client_with, cast):
    other = client_with(organization=cast.acme)
    one = statement()
    lrs.post(one)

    assert other.get("statements", statementId=one["id"]).status_code == 404
    assert other.found() == []
    mine = one | {"verb": {"id": "http://x.example/v"}}
    assert other.post(mine).status_code == 200
    assert lrs.get("statements", statementId=one["id"]).json["verb"] == one["verb"]


class TestAlternateSyntax:
    """Communication 1.3."""

    def form(self, lrs, **fields):
        token = lrs("GET", "statements").request.headers["Authorization"]
        return {"Authorization": token, "X-Experience-API-Version": "1.0.3"} | fields

    def test_a_form_stands_for_any_request(self, lrs):
        one = statement()
        form = self.form(lrs, statementId=one["id"], content=orjson.dumps(one).decode())
        form["Content-Type"] = "application/json"

        client = lrs.app.test_client()

        assert client.post("/xapi/statements?method=PUT", data=form).status_code == 204
        got = client.post("/xapi/statements?method=GET", data=self.form(lrs, statementId=one["id"]))
        assert got.json["id"] == one["id"]
        head = client.post("/xapi/statements?method=HEAD", data=self.form(lrs, statementId=one["id"]))
        assert (head.status_code, head.data) == (200, b"")

    @pytest.mark.parametrize(
        ("url", "fields"),
        [
            ("/xapi/statements?method=PUT&statementId=x", {"content": "{}"}),
            ("/xapi/statements?method=PUT", {"statementId": str(uuid4())}),
            ("/xapi/statements?method=PATCH", {}),
            ("/xapi/statements?method=GET", {"X-Experience-API-Version": "0.8"}),
            ("/xapi/statements?method=GET", {"X-Experience-API-Version": "2.0.0"}),
            ("/xapi/statements?method=GET", {"limit": "x"}),
        ],
    )
    def test_forms_that_do_not_follow_it_are_refused(self, lrs, url, fields):
        assert lrs.app.test_client().post(url, data=self.form(lrs, **fields)).status_code == 400


def test_one_id_in_two_requests_at_once_is_stored_once_and_conflicts_once(lrs):
    one = statement()
    rivals = [one | {"verb": {"id": f"http://x.example/{number}"}} for number in range(8)]
    answers = []

    threads = [threading.Thread(target=lambda item=item: answers.append(lrs.post(item).status_code)) for item in rivals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [200] + [409] * 7
    assert lrs.found() == [one["id"]]


def test_many_writers_over_the_same_activities_never_fail(lrs):
    shared = [activity(f"shared/{number}", name={"en": str(number)}) for number in range(10)]
    answers = []

    def write(worker: int) -> None:
        order = shared if worker % 2 else shared[::-1]
        for turn in range(5):
            batch = [statement(object=item | {"definition": {"name": {"en": f"{worker} {turn}"}}}) for item in order]
            answers.append(lrs.post(*batch).status_code)

    threads = [threading.Thread(target=write, args=[worker]) for worker in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [200] * 30
    assert len(set(lrs.found())) == 300


def test_a_reference_is_an_object_like_others(lrs):
    one = statement(object=ref(str(uuid4())))

    assert lrs.post(one).status_code == 200
    assert lrs.get("statements", statementId=one["id"]).json["object"] == one["object"]
