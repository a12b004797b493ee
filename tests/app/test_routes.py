"""What every route has in common: a declared permission, the right host, a guard against forged requests."""

import pytest

from accounts.permissions import PERMISSIONS, SIGNED_IN
from app import create_app
from core.http import access_of


def test_every_route_declares_who_may_call_it(app):
    undeclared = [rule.endpoint for rule in app.url_map.iter_rules() if access_of(app, rule.endpoint) is None]

    assert undeclared == []


def test_every_permission_asked_for_exists(app):
    asked = {access.permission for rule in app.url_map.iter_rules() if (access := access_of(app, rule.endpoint))}

    assert asked - {None} <= {SIGNED_IN, *PERMISSIONS}


def test_a_view_that_declares_nothing_answers_nobody(settings, database):
    app = create_app(settings, database)
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")

    assert app.test_client().get("/forgotten").status_code == 403


def test_pages_do_not_answer_on_the_content_host(client):
    assert client.get("/sign-in", base_url="http://127.0.0.1").status_code == 404


def test_the_front_door_of_the_content_host_leads_to_the_application(client):
    assert client.get("/", base_url="http://127.0.0.1").location == "http://localhost/"


def test_a_page_on_an_unknown_host_says_what_to_set(client):
    answer = client.get("/sign-in", base_url="http://somewhere.example")

    assert answer.status_code == 400
    assert "APP_ORIGIN" in answer.text


def test_machine_routes_answer_on_every_host(client):
    assert client.get("/healthz", base_url="http://somewhere.example").json == {"status": "ok"}


def test_readiness_looks_at_every_part(client):
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert set(answer.json["checks"].values()) == {True}


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"X-CSRF-Token": "0" * 64}, id="wrong token"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, id="a sibling host"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="another site"),
        pytest.param({"Origin": "http://127.0.0.1"}, id="the content origin"),
        pytest.param({"Origin": "null"}, id="a sandboxed frame"),
    ],
)
def test_a_forged_request_changes_nothing(sign_in, headers):
    client = sign_in("cem")
    person = {"first_name": "Eve", "last_name": "X", "email": "eve@northwind.example", "password": "long enough 1"}

    assert client.post("/people", data=person, headers=headers).status_code == 403
    assert "eve@northwind.example" not in client.get("/people").text


def test_a_learner_may_not_see_administrators_pages(sign_in):
    assert sign_in("ana").get("/people").status_code == 403


def test_an_error_for_a_program_is_problem_json(client):
    answer = client.get("/api/v1/nothing")

    assert answer.status_code == 404
    assert answer.mimetype == "application/problem+json"
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]


def test_the_application_origin_has_a_strict_policy(client):
    policy = client.get("/sign-in").headers["Content-Security-Policy"]

    assert "unsafe" not in policy
    assert "script-src 'self';" in policy


def test_signing_out_ends_the_session_on_the_server(sign_in):
    client = sign_in("ana")
    cookie = client.get_cookie("stoa_session")
    client.post("/sign-out")

    client.set_cookie("stoa_session", cookie.value)
    assert client.get("/home").status_code == 302


def test_a_password_is_refused_for_a_while_after_five_wrong_ones(client, sign_in):
    sign_in("ana")
    page = client.get("/sign-in").text
    token = page.split('name="csrf-token" content="')[1].split('"')[0]

    def attempt(password):
        form = {"email": "ana@northwind.example", "password": password, "csrf_token": token}
        return client.post("/sign-in", data=form).status_code

    assert [attempt("wrong") for _ in range(5)] == [401] * 5
    assert attempt("correct horse battery") == 429
