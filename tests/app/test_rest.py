"""The REST interface keeps one manner: described by the code, paged, matched, done once, never broken by odd input."""

import os
import re
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from jsonschema import Draft202012Validator
from schemathesis import openapi
from sqlalchemy import select

from core.http import access_of
from core.tables import ApiReply
from tests.catalog.conftest import published


@pytest.fixture
def call(program):
    """Answer a program's calls, which may do everything a program may."""
    return program


def test_every_call_is_in_the_document(app, call):
    document = call.get("/api/v1/openapi.json").json
    there = {
        (re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    assert there == {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert len(there) > 60
    for rule in app.url_map.iter_rules():
        access = access_of(app, rule.endpoint)
        if rule.rule.startswith("/api/v1/") and access.permission:
            assert access.permission in app.view_functions[rule.endpoint].access.permission
    assert "Add a unit." in call.get("/api/docs").text


def conforms(document, path, method, answer):
    """Hold an answer against what the document says of the call."""
    described = document["paths"][path][method]["responses"]
    assert str(answer.status_code) in described, (path, method, answer.status_code, answer.text[:300])
    content = described[str(answer.status_code)].get("content", {})
    if answer.is_json or answer.mimetype.endswith("json"):
        schema = content[answer.mimetype]["schema"] | {"components": document["components"]}
        Draft202012Validator(schema).validate(answer.get_json(force=True))


def test_answers_are_as_described(call, database, cast, now):
    with database.write(cast.northwind) as session:
        made = published(session, now)
    document = call.get("/api/v1/openapi.json").json
    unit = call.post("/api/v1/org-units", json={"name": "Nursing", "code": "NUR"}).json["id"]
    position = call.post("/api/v1/positions", json={"name": "Nurse", "code": "NURSE"}).json["id"]
    rule = {"all": [{"field": "unit", "op": "is", "value": [unit]}]}
    audience = call.post("/api/v1/audiences", json={"name": "Nurses", "rule": rule}).json["id"]
    call.patch(f"/api/v1/people/{cast.ana}", json={"org_unit_id": unit, "position_id": position, "tags": ["night"]})
    call.post("/api/v1/training/assignments", json={"course_id": str(made.course_id), "user_ids": [str(cast.ana)]})
    credential = call.post("/api/v1/lrs/credentials", json={"label": "App", "scopes": ["all"]}).json["id"]
    directory = {"name": "Directory", "issuer": "https://id.example/realm", "client_id": "stoa"}
    provider = call.post("/api/v1/identity-providers", json=directory).json["id"]
    known = {
        "provider_id": provider, "unit_id": unit, "position_id": position, "audience_id": audience, "user_id": cast.ana,
        "course_id": made.course_id, "credential_id": credential, "version_id": made.version_id,
    }  # fmt: skip
    called = 0
    for path, methods in document["paths"].items():
        names = re.findall(r"{(\w+)}", path)
        if "get" not in methods or methods["get"]["security"] == [{"lrs": []}] or not set(names) <= set(known):
            continue
        answer = call.get(path.format(**known))
        assert answer.status_code == 200, (path, answer.text)
        conforms(document, path, "get", answer)
        called += 1
    assert called >= 20
    assert call.get(f"/api/v1/people/{cast.ana}").json["unit"]["name"] == "Nursing"


def test_a_wrong_field_is_pointed_to(call, cast):
    answer = call.post("/api/v1/people", json={"email": "x", "first_name": "", "odd": 1})

    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert {problem["pointer"] for problem in answer.json["errors"]} == {"#/first_name", "#/last_name", "#/odd"}
    assert call.get("/api/v1/people?page=2").json["errors"][0]["pointer"] == "#/page"


def test_a_list_is_read_to_its_end_by_cursors(call):
    names, cursor = [], ""
    while cursor is not None:
        page = call.get(f"/api/v1/people?limit=1{'&cursor=' + cursor if cursor else ''}").json
        names += [person["name"] for person in page["items"]]
        cursor = page["next_cursor"]

    assert names == ["Ana Tester", "Ben Tester", "Cem Tester"]
    assert page["total"] == 3
    assert call.get("/api/v1/people?cursor=nonsense").status_code == 422


def test_a_person_is_changed_as_read_or_not_at_all(call, cast):
    path = f"/api/v1/people/{cast.ana}"
    etag = call.get(path).headers["ETag"]

    assert call.patch(path, json={"employee_id": "E-1"}, headers={"If-Match": etag}).json["employee_id"] == "E-1"
    late = call.patch(path, json={"employee_id": "E-2"}, headers={"If-Match": etag})
    assert (late.status_code, call.get(path).json["employee_id"]) == (412, "E-1")


def test_a_call_with_a_key_is_done_once(call):
    unit, key = {"name": "Nursing", "code": "NUR"}, {"Idempotency-Key": "unit-1"}

    first = call.post("/api/v1/org-units", json=unit, headers=key)
    again = call.post("/api/v1/org-units", json=unit, headers=key)

    assert (first.status_code, again.status_code, again.json) == (201, 201, first.json)
    assert (again.headers["Idempotent-Replayed"], again.headers["Location"]) == ("true", first.headers["Location"])
    assert call.get("/api/v1/org-units").json["total"] == 1
    assert call.post("/api/v1/org-units", json=unit | {"code": "N2"}, headers=key).status_code == 422
    assert call.post("/api/v1/org-units", json=unit).status_code == 422, "the code is taken"


def test_the_rate_of_a_credential_is_said_when_it_is_made(call):
    made = call.post("/api/v1/lrs/credentials", json={"label": "Tablet", "scopes": ["all"], "rate": 600}).json
    wrong = call.post("/api/v1/lrs/credentials", json={"label": "Tablet", "scopes": ["all"], "rate": -1})

    assert made["rate"] == call.get(f"/api/v1/lrs/credentials/{made['id']}").json["rate"] == 600
    assert (wrong.status_code, wrong.json["errors"][0]["pointer"]) == (422, "#/rate")


def test_a_secret_in_a_kept_answer_is_not_readable_in_the_database(call, database, cast):
    wanted, key = {"label": "Moodle", "scopes": ["statements/write"]}, {"Idempotency-Key": "credential-1"}

    made = call.post("/api/v1/lrs/credentials", json=wanted, headers=key).json

    assert call.post("/api/v1/lrs/credentials", json=wanted, headers=key).json["secret"] == made["secret"]
    with database.read(cast.northwind) as session:
        kept = session.scalars(select(ApiReply)).one()
    assert made["secret"] not in kept.body
    assert made["label"] not in kept.body


def test_a_refused_call_may_be_made_again_with_its_key(call):
    key = {"Idempotency-Key": "unit-2"}

    assert call.post("/api/v1/org-units", json={"name": "Nursing"}, headers=key).status_code == 422
    assert call.post("/api/v1/org-units", json={"name": "Nursing", "code": "NUR"}, headers=key).status_code == 201


def test_of_calls_at_once_with_one_key_one_is_done(app, call):
    header = {"Authorization": call.environ_base["HTTP_AUTHORIZATION"], "Idempotency-Key": "at-once"}
    unit = {"name": "Nursing", "code": "NUR"}

    def post(_number):
        return app.test_client().post("/api/v1/org-units", json=unit, headers=header).status_code

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(post, range(4)))

    assert set(found) <= {201, 409}
    assert 201 in found
    assert call.get("/api/v1/org-units").json["total"] == 1


def test_addresses_without_a_version_mean_the_present_one(call):
    assert call.get("/api/training/completions").json == call.get("/api/v1/training/completions").json


EXAMPLES = int(os.environ.get("STOA_FUZZ", "2"))
"""How many calls of each kind are made up; `make fuzz` makes many more."""


def fuzzed(schema, headers):
    """Call everything a description offers with made-up input; answer what came back as 5xx."""
    broken = []
    for found in schema.get_all_operations():
        operation = found.ok()
        if any(body.media_type != "application/json" for body in operation.body):
            continue  # files have a corpus of their own

        @effort(
            max_examples=EXAMPLES, deadline=None, database=None, derandomize=EXAMPLES < 10,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def call_it(case):
            answer = case.call(headers={**headers, "Host": "localhost"})
            if answer.status_code >= 500:
                broken.append((case.method, case.formatted_path, case.query, case.body, answer.text[:300]))

        call_it()
    return broken


@pytest.mark.slow
def test_odd_calls_break_nothing(app, call):
    schema = openapi.from_wsgi("/api/v1/openapi.json", app)
    headers = {"Authorization": call.environ_base["HTTP_AUTHORIZATION"]}
    broken = fuzzed(schema, headers)

    assert broken == []


XAPI = {
    "openapi": "3.1.0",
    "info": {"title": "xAPI", "version": "1"},
    "paths": {
        f"/xapi/{path}": {
            method: {
                "parameters": [
                    {"name": name, "in": "query", "schema": {"type": "string"}}
                    for name in ("statementId", "activityId", "agent", "stateId", "profileId", "since", "limit", "verb")
                ],
                "responses": {"200": {"description": "ok"}},
                **(
                    {"requestBody": {"content": {"application/json": {"schema": {"type": ["object", "array"]}}}}}
                    if method in ("put", "post")
                    else {}
                ),
            }
            for method in methods
        }
        for path, methods in {
            "statements": ("get", "put", "post"),
            "activities": ("get",),
            "agents": ("get",),
            "activities/state": ("get", "put", "post", "delete"),
            "activities/profile": ("get", "put", "post", "delete"),
            "agents/profile": ("get", "put", "post", "delete"),
        }.items()
    },
}


def test_odd_statements_and_documents_break_nothing(app, call):
    made = call.post("/api/v1/lrs/credentials", json={"label": "Fuzz", "scopes": ["all"]}).json
    schema = openapi.from_dict(XAPI)
    schema.app = app
    basic = b64encode(f"{made['key']}:{made['secret']}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "X-Experience-API-Version": "1.0.3"}

    assert fuzzed(schema, headers) == []
