import hashlib
import threading
import time
from uuid import uuid4

import orjson
import pytest

from tests.lrs.factories import activity, agent

AGENT = orjson.dumps(agent()).decode()
STATE = {"activityId": activity()["id"], "agent": AGENT}
RESOURCES = {
    "activities/state": STATE | {"stateId": "one"},
    "activities/profile": {"activityId": activity()["id"], "profileId": "one"},
    "agents/profile": {"agent": AGENT, "profileId": "one"},
}
EACH = pytest.mark.parametrize("path", RESOURCES)
PROFILES = pytest.mark.parametrize("path", list(RESOURCES)[1:])
NEW = {"If-None-Match": "*"}


def send(lrs, method, path, content=b"", content_type="application/json", headers=None, **more):
    query = RESOURCES[path] | more
    given = {"Content-Type": content_type} | (headers or {})
    return lrs(method, path, query_string=query, data=content, headers=given)


@EACH
def test_bytes_and_content_type_come_back_as_they_went(lrs, path):
    content = bytes(range(256))

    assert send(lrs, "PUT", path, content, "application/x-thing; a=b", NEW).status_code == 204

    answer = send(lrs, "GET", path)
    assert (answer.data, answer.headers["Content-Type"]) == (content, "application/x-thing; a=b")
    assert answer.headers["ETag"] == f'"{hashlib.sha1(content).hexdigest()}"'  # noqa: S324 - what the standard asks for
    assert answer.headers["Last-Modified"].endswith("GMT")
    head = send(lrs, "HEAD", path)
    assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", answer.headers["ETag"])


@EACH
def test_post_merges_the_top_level(lrs, path):
    send(lrs, "POST", path, b'{"a":1,"b":{"x":1},"c":3}')

    assert send(lrs, "POST", path, b'{"b":{"y":2},"d":4}').status_code == 204

    assert send(lrs, "GET", path).json == {"a": 1, "b": {"y": 2}, "c": 3, "d": 4}


@EACH
@pytest.mark.parametrize(
    ("existing", "existing_type", "posted", "posted_type"),
    [
        (b'{"a":1}', "application/json", b"[1]", "application/json"),
        (b'{"a":1}', "application/json", b"{", "application/json"),
        (b'{"a":1}', "application/json", b'{"a":2}', "text/plain"),
        (b"[1]", "application/json", b'{"a":2}', "application/json"),
        (b'{"a":1}', "text/plain", b'{"a":2}', "application/json"),
    ],
)
def test_only_json_objects_are_merged(lrs, path, existing, existing_type, posted, posted_type):
    send(lrs, "PUT", path, existing, existing_type, NEW)

    assert send(lrs, "POST", path, posted, posted_type).status_code == 400
    assert send(lrs, "GET", path).data == existing


@EACH
@pytest.mark.parametrize("version", ["1.0.3", "2.0.0"])
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_a_stale_etag_changes_nothing(lrs, path, version, method):
    client = lrs.speaking(version)
    send(client, "PUT", path, b'{"a":1}', headers=NEW)
    current = send(client, "GET", path).headers["ETag"]

    assert send(client, method, path, b'{"a":2}', headers={"If-Match": '"0000"'}).status_code == 412
    assert send(client, "GET", path).json == {"a": 1}
    assert send(client, method, path, b'{"a":2}', headers={"If-Match": f'"x", {current}'}).status_code == 204
    assert send(client, "GET", path).status_code == (404 if method == "DELETE" else 200)


@EACH
def test_if_none_match_writes_only_where_there_is_nothing(lrs, path):
    assert send(lrs, "PUT", path, b"1", headers={"If-Match": "*"}).status_code == 412
    assert send(lrs, "PUT", path, b"1", headers=NEW).status_code == 204
    assert send(lrs, "PUT", path, b"2", headers=NEW).status_code == 412
    assert send(lrs, "POST", path, b"{}", headers=NEW).status_code == 412
    assert send(lrs, "GET", path).data == b"1"


@PROFILES
def test_a_profile_put_without_precondition(lrs, path):
    assert send(lrs, "PUT", path, b"1").status_code == 400
    assert send(lrs.speaking("2.0.0"), "PUT", path, b"1").status_code == 204
    for version in ("1.0.3", "2.0.0"):
        answer = send(lrs.speaking(version), "PUT", path, b"2")
        assert answer.status_code == 409
        assert "If-Match" in answer.json["detail"]
    assert send(lrs, "GET", path).data == b"1"


def test_a_state_put_without_precondition(lrs):
    path = "activities/state"

    assert send(lrs, "PUT", path, b"1").status_code == 204
    assert send(lrs, "PUT", path, b"2").status_code == 204
    assert send(lrs.speaking("2.0.0"), "PUT", path, b"3").status_code == 409
    assert send(lrs, "GET", path).data == b"2"


@EACH
def test_ids_are_listed_with_those_changed_since(lrs, path):
    name = "stateId" if path.endswith("state") else "profileId"
    context = {key: value for key, value in RESOURCES[path].items() if key != name}
    send(lrs, "PUT", path, b"1", headers=NEW)
    time.sleep(0.01)
    moment = lrs.get("statements").headers["X-Experience-API-Consistent-Through"]
    send(lrs, "PUT", path, b"1", headers=NEW, **{name: "two"})

    answer = lrs.get(path, **context)
    assert (answer.json, answer.status_code) == (["one", "two"], 200)
    assert answer.headers["Last-Modified"]
    assert answer.headers["ETag"]
    assert lrs.get(path, **context, since=moment).json == ["two"]
    assert lrs.get(path, **context, since="2099-01-01T00:00:00Z").json == []


@EACH
def test_delete_removes_one(lrs, path):
    send(lrs, "PUT", path, b"1", headers=NEW)

    assert send(lrs, "DELETE", path).status_code == 204
    assert send(lrs, "GET", path).status_code == 404
    assert send(lrs, "DELETE", path).status_code == 204


def test_registrations_keep_their_states_apart(lrs):
    path, one, other = "activities/state", str(uuid4()), str(uuid4())
    for registration, content in ((None, b"0"), (one, b"1"), (other, b"2")):
        send(lrs, "PUT", path, content, **({"registration": registration} if registration else {}))
    send(lrs, "PUT", path, b"3", registration=one, stateId="two")

    assert send(lrs, "GET", path).data == b"0"
    assert send(lrs, "GET", path, registration=one).data == b"1"
    assert sorted(lrs.get(path, **STATE).json) == ["one", "two"]
    assert sorted(lrs.get(path, **STATE, registration=one).json) == ["one", "two"]
    assert lrs.get(path, **STATE, registration=other).json == ["one"]
    assert lrs("DELETE", path, query_string=STATE | {"registration": one}).status_code == 204
    assert lrs.get(path, **STATE, registration=one).json == []
    assert lrs("DELETE", path, query_string=STATE).status_code == 204
    assert lrs.get(path, **STATE).json == []


def test_profiles_are_not_deleted_all_at_once(lrs):
    assert lrs("DELETE", "agents/profile", query_string={"agent": AGENT}).status_code == 400
    assert lrs("DELETE", "activities/profile", query_string={"activityId": activity()["id"]}).status_code == 400


@EACH
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
def test_each_context_parameter_is_required_and_checked(lrs, path, method):
    for name in set(RESOURCES[path]) - {"stateId", "profileId"}:
        query = {key: value for key, value in RESOURCES[path].items() if key != name}
        for wrong in (None, "x", "[]", '{"objectType":"Group","mbox":"mailto:a@b.example"}'):
            given = query if wrong is None else query | {name: wrong}
            answer = lrs(method, path, query_string=given, json={}, headers=NEW if method == "PUT" else {})
            assert answer.status_code == 400, (name, wrong)
    assert lrs(method, path, query_string=RESOURCES[path] | {"ActivityId": "x"}).status_code == 400
    assert lrs(method, path, query_string=RESOURCES[path] | {"method2": "x"}).status_code == 400


def test_a_state_needs_a_registration_that_is_one(lrs):
    for method in ("GET", "PUT", "POST", "DELETE"):
        assert send(lrs, method, "activities/state", b"{}", registration="x").status_code == 400


def test_json_that_is_none_is_refused(lrs):
    assert send(lrs, "PUT", "activities/state", b"{a").status_code == 400
    assert send(lrs, "PUT", "activities/state", b"5").status_code == 204


@pytest.mark.parametrize("state_id", ["", "ä/?#&=\u2028", "x" * 3000, "a\x00b"])
def test_any_text_is_an_id(lrs, state_id):
    answer = send(lrs, "PUT", "activities/state", b"1", stateId=state_id)

    if "\x00" in state_id:
        assert answer.status_code == 400
    else:
        assert answer.status_code == 204
        assert lrs.get("activities/state", **STATE).json == [state_id]
        assert send(lrs, "GET", "activities/state", stateId=state_id).data == b"1"


def test_posts_at_once_all_arrive(lrs):
    path = "agents/profile"
    send(lrs, "PUT", path, b"{}", headers=NEW)

    def add(number: int) -> None:
        assert send(lrs, "POST", path, orjson.dumps({str(number): number})).status_code == 204

    threads = [threading.Thread(target=add, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(send(lrs, "GET", path).json) == 8


def test_puts_at_once_with_the_same_etag_let_one_through(lrs):
    path = "agents/profile"
    send(lrs, "PUT", path, b"0", headers=NEW)
    tag = send(lrs, "GET", path).headers["ETag"]
    answers = []

    def replace(number: int) -> None:
        answers.append(send(lrs, "PUT", path, str(number).encode(), headers={"If-Match": tag}).status_code)

    threads = [threading.Thread(target=replace, args=[number]) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [204] + [412] * 5


def test_another_tenant_has_documents_of_its_own(lrs, client_with, cast):
    other = client_with(organization=cast.acme)
    send(lrs, "PUT", "activities/state", b"1")

    assert send(other, "GET", "activities/state").status_code == 404
    send(other, "PUT", "activities/state", b"2")
    assert send(lrs, "GET", "activities/state").data == b"1"
