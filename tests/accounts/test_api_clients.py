"""Programs come in with a token: what it lets them do, how often, until when, and what is written down."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from accounts.services import api_clients
from core.tables import AuditLog

KEY = b"accounts.api_clients:key"


@pytest.fixture
def token_of(sign_in):
    """Answer the token of a client made on the page by cem."""

    def made(*scopes, **fields):
        cem = sign_in("cem")
        form = {"label": "HR", "scopes": list(scopes), "rate_per_minute": "600"}
        page = cem.post("/api-clients", data=form | fields)
        assert page.status_code == 201, page.text
        return re.search(r"stoa_[0-9a-f]{12}_[\w-]{43}", page.text)[0]

    return made


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("host", ["http://localhost", "http://127.0.0.1", "http://api.example"])
def test_a_program_reads_with_its_token_on_every_host(client, token_of, host):
    token = token_of("course.write")

    assert client.get("/api/v1/courses", headers=bearer(token), base_url=host).status_code == 200


def test_a_program_writes_without_a_form_token_and_the_log_names_both(client, token_of, database, cast):
    token = token_of("course.write")

    made = client.post("/api/v1/courses", json={"title": "Hygiene", "code": "HYG"}, headers=bearer(token))

    assert made.status_code == 201, made.text
    with database.read(cast.northwind) as session:
        row = session.scalars(select(AuditLog).where(AuditLog.action == "course.created")).one()
        (listed,) = api_clients.listed(session, row.created_at)
    assert (row.actor_id, row.api_client_id) == (cast.cem, listed.id)


def test_a_token_opens_what_was_granted_and_no_page(client, token_of):
    headers = bearer(token_of("course.write"))

    refused = client.get("/api/v1/training/completions", headers=headers)
    assert (refused.status_code, refused.mimetype) == (403, "application/problem+json")
    assert "progress.read" in refused.json["detail"]
    assert client.get("/people", headers=headers).status_code == 302


@pytest.mark.parametrize("token", ["", "nonsense", "stoa_000000000000_" + "x" * 43])
def test_an_unknown_token_is_refused_with_the_way_in(client, token):
    answer = client.get("/api/v1/courses", headers=bearer(token))

    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_wrong_token_counts_even_with_a_good_session(sign_in):
    assert sign_in("cem").get("/api/v1/courses", headers=bearer("nonsense")).status_code == 401


def test_too_many_calls_are_told_when_to_come_back(client, token_of):
    headers = bearer(token_of("course.write", rate_per_minute="2"))

    answers = [client.get("/api/v1/courses", headers=headers) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 61


def test_after_rotating_only_the_new_token_opens_after_revoking_none(client, token_of, sign_in, database, cast, now):
    old = token_of("course.write")
    with database.read(cast.northwind) as session:
        (listed,) = api_clients.listed(session, now)
    cem = sign_in("cem")

    page = cem.post(f"/api-clients/{listed.id}/rotate").text
    new = re.search(r"stoa_[0-9a-f]{12}_[\w-]{43}", page)[0]
    assert client.get("/api/v1/courses", headers=bearer(old)).status_code == 401
    assert client.get("/api/v1/courses", headers=bearer(new)).status_code == 200

    cem.post(f"/api-clients/{listed.id}/revoke")
    assert client.get("/api/v1/courses", headers=bearer(new)).status_code == 401
    assert new not in cem.get(f"/api-clients/{listed.id}").text
    with database.read(cast.northwind) as session:
        actions = set(session.scalars(select(AuditLog.action).where(AuditLog.entity_id == listed.id)))
    assert actions == {"api_client.created", "api_client.rotated", "api_client.revoked", "api_client.refused"}


def test_a_client_ends_on_its_day(db, cast, now):
    made = api_clients.issue(
        db, label="HR", scopes=["people.read"], permissions=["people.read"], hash_key=KEY, now=now, by=cast.cem,
        expires_at=now + timedelta(days=1),
    )  # fmt: skip
    _prefix, secret = api_clients.split(made.token)

    assert api_clients.let_in(db, made.id, secret, hash_key=KEY, now=now).client is not None
    late = api_clients.let_in(db, made.id, secret, hash_key=KEY, now=now + timedelta(days=1))
    assert (late.client, late.reason) == (None, "This API client is expired.")


def test_nobody_grants_what_they_may_not_do(sign_in):
    cem = sign_in("cem")
    page = cem.post("/api-clients", data={"label": "X", "scopes": ["learn"], "rate_per_minute": "many"})

    assert page.status_code == 422
    assert "You can grant only what you may do yourself." in page.text
    assert "a number from 1 to 100000" in page.text
    assert sign_in("ben").get("/api-clients").status_code == 403
