"""Who gets in, what scopes allow, and what scripts of other origins may do."""

import base64
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import orjson
import pytest
from sqlalchemy import text

from core import clock
from lrs.services import credentials
from lrs.services.credentials import Scope
from tests.lrs.factories import activity, agent, statement, voiding

AGENT = orjson.dumps(agent()).decode()
STATE = f"activities/state?activityId={activity()['id']}&stateId=x"
PROFILE = f"activities/profile?activityId={activity()['id']}&profileId=x"
READ_STATEMENTS = ("GET", "statements", {})
WRITE_STATEMENTS = ("POST", "statements", {"json": []})
READ_STATE = ("GET", STATE, {"query_string": {"agent": AGENT, "activityId": activity()["id"], "stateId": "x"}})
WRITE_STATE = ("PUT", "activities/state", READ_STATE[2] | {"data": b"1"})
READ_PROFILE = ("GET", "agents/profile", {"query_string": {"agent": AGENT}})
WRITE_PROFILE = ("POST", PROFILE, {"json": {}})
READ_ACTIVITY = ("GET", "activities", {"query_string": {"activityId": activity()["id"]}})

ALLOWED = {
    Scope.STATEMENTS_WRITE: [WRITE_STATEMENTS],
    Scope.STATEMENTS_READ_MINE: [READ_STATEMENTS, READ_ACTIVITY],
    Scope.STATEMENTS_READ: [READ_STATEMENTS, READ_ACTIVITY],
    Scope.STATE: [READ_STATE, WRITE_STATE, READ_ACTIVITY],
    Scope.DEFINE: [],
    Scope.PROFILE: [READ_PROFILE, WRITE_PROFILE, READ_ACTIVITY],
    Scope.ALL_READ: [READ_STATEMENTS, READ_STATE, READ_PROFILE, READ_ACTIVITY],
}
EVERYTHING = [
    READ_STATEMENTS, WRITE_STATEMENTS, READ_STATE, WRITE_STATE, READ_PROFILE, WRITE_PROFILE, READ_ACTIVITY,
]  # fmt: skip


@pytest.mark.parametrize("scope", [*ALLOWED, Scope.ALL])
def test_a_scope_allows_what_it_says_and_nothing_else(client_with, scope):
    client = client_with(scope)

    for request in EVERYTHING:
        method, path, options = request
        answer = client(method, path.partition("?")[0] if "query_string" in options else path, **options)
        is_allowed = scope is Scope.ALL or request in ALLOWED[scope]
        assert (answer.status_code == 403) is not is_allowed, (request, answer.status_code)


def test_read_mine_sees_only_what_its_own_authority_wrote(client_with):
    mine = client_with(Scope.STATEMENTS_READ_MINE, Scope.STATEMENTS_WRITE, authority="app")
    theirs = client_with(authority="lms")
    own, other = statement(), statement(actor=agent("app"))
    mine.post(own)
    theirs.post(other)

    assert mine.found() == [own["id"]]
    assert mine.found(agent=orjson.dumps(agent("app")).decode(), related_agents="true") == [own["id"]]
    assert mine.get("statements", statementId=other["id"]).status_code == 404
    assert mine.get("statements", statementId=own["id"]).status_code == 200


def test_without_define_the_canonical_activity_stays(client_with):
    lrs, plain = client_with(), client_with(Scope.STATEMENTS_WRITE)
    lrs.post(statement(object=activity(name={"en": "Course"})))

    plain.post(statement(object=activity(name={"en": "Hacked"})))

    known = lrs.get("activities", activityId=activity()["id"]).json
    assert known["definition"] == {"name": {"en": "Course"}}


def test_a_writer_voids_only_its_own(client_with):
    one, other = client_with(Scope.STATEMENTS_WRITE, authority="app"), client_with(authority="lms")
    mine, theirs = statement(), statement()
    one.post(mine)
    other.post(theirs)

    assert one.post(voiding(theirs["id"])).status_code == 403
    assert one.post(voiding(mine["id"])).status_code == 200
    assert other.found() == [other.found()[0], theirs["id"]]


class TestLaunchCredential:
    """A credential of one launch: one actor, one registration, and nothing that belongs to others."""

    REGISTRATION = uuid4()

    @pytest.fixture
    def content(self, client_with):
        scopes = (Scope.STATEMENTS_WRITE, Scope.STATEMENTS_READ_MINE, Scope.STATE, Scope.PROFILE, Scope.DEFINE)
        return client_with(*scopes, agent=agent(), registration=self.REGISTRATION)

    def own(self, **more):
        return statement(context={"registration": str(self.REGISTRATION)}, **more)

    def test_statements_of_its_actor_and_registration_only(self, content):
        assert content.post(self.own()).status_code == 200
        assert content.post(self.own(actor=agent("ben"))).status_code == 403
        assert content.post(statement()).status_code == 403
        assert content.post(statement(context={"registration": str(uuid4())})).status_code == 403

    def test_it_voids_nothing_and_defines_nothing(self, content, lrs):
        one = self.own(object=activity(name={"en": "x"}))
        content.post(one)

        void = voiding(one["id"]) | {"context": {"registration": str(self.REGISTRATION)}}
        assert content.post(void).status_code == 403
        assert "definition" not in lrs.get("activities", activityId=activity()["id"]).json

    def test_documents_of_its_actor_and_registration_only(self, content):
        def put(who, registration):
            query = {"activityId": activity()["id"], "agent": orjson.dumps(who).decode(), "stateId": "x"}
            return content(
                "PUT", "activities/state", query_string=query | {"registration": registration}, data=b"1"
            ).status_code

        assert put(agent(), str(self.REGISTRATION)) == 204
        assert put(agent("ben"), str(self.REGISTRATION)) == 403
        assert put(agent(), str(uuid4())) == 403
        everybodys = content("POST", PROFILE, json={})
        assert everybodys.status_code == 403
        person = content.get("agents", agent=orjson.dumps(agent("ben")).decode())
        assert person.status_code == 403


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        "Basic " + base64.b64encode(b"a\x00b:c").decode(),
        "Basic " + base64.b64encode(b"nobody:nothing").decode(),
        "Basic Og==",
        "Bearer abc",
    ],
)
def test_who_is_not_known_is_401(lrs, header):
    answer = lrs("GET", "statements", headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert answer.headers["X-Experience-API-Version"] == "1.0.3"


def test_a_wrong_secret_is_401(lrs):
    token = base64.b64encode(f"{lrs.credential.key}:wrong".encode()).decode()

    assert lrs("GET", "statements", headers={"Authorization": f"Basic {token}"}).status_code == 401


def test_a_credential_ends_when_it_expires_or_is_revoked(client_with, lrs, database, cast):
    expired = client_with(expires_at=datetime(2026, 3, 2, tzinfo=UTC))
    later = client_with(expires_at=clock.now() + timedelta(days=1))

    assert expired("GET", "statements").status_code == 401
    assert later("GET", "statements").status_code == 200

    assert lrs("GET", "statements").status_code == 200
    with database.write(cast.northwind) as session:
        credentials.revoke(session, lrs.credential.id, clock.now())
    assert lrs("GET", "statements").status_code == 401


def test_a_secret_is_nowhere_in_the_database(lrs, database, cast):
    with database.read(cast.northwind) as session:
        (row,) = session.execute(text("SELECT c::text FROM lrs_credentials c")).scalars()

    assert lrs.credential.secret not in row
    assert lrs.credential.key in row


class TestScripts:
    """CORS, as browsers ask for it."""

    ORIGIN = {"Origin": "https://tool.example"}

    @pytest.mark.parametrize(
        "path",
        ["statements", "activities/state", "agents/profile", "activities/profile", "agents", "activities", "about"],
    )
    def test_a_preflight_needs_no_credential_and_allows_what_the_resource_can(self, app, path):
        asked = {
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization,x-experience-api-version,if-match,content-type",
        }
        answer = app.test_client().options(f"/xapi/{path}", headers=self.ORIGIN | asked)

        assert answer.status_code == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "https://tool.example"
        assert "GET" in answer.headers["Access-Control-Allow-Methods"]
        allowed = {name.strip().lower() for name in answer.headers["Access-Control-Allow-Headers"].split(",")}
        assert set(asked["Access-Control-Request-Headers"].split(",")) <= allowed

    @pytest.mark.parametrize("path", ["statements", "statements?limit=x", "activities/state"])
    def test_scripts_may_read_the_headers_of_every_answer(self, lrs, path):
        answer = lrs("GET", path, headers=self.ORIGIN)

        exposed = answer.headers["Access-Control-Expose-Headers"]
        for name in ("ETag", "Last-Modified", "X-Experience-API-Consistent-Through", "X-Experience-API-Version"):
            assert name in exposed
        assert answer.headers["Access-Control-Allow-Origin"] == "https://tool.example"
        assert "Origin" in answer.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in answer.headers

    def test_refusals_can_be_read_too(self, lrs):
        answer = lrs("GET", "statements", headers=self.ORIGIN | {"Authorization": None})

        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (401, "https://tool.example")

    def test_a_credential_may_be_for_some_origins_only(self, client_with):
        bound = client_with(origins=["https://tool.example"])

        assert bound("GET", "statements", headers=self.ORIGIN).status_code == 200
        assert bound("GET", "statements", headers={"Origin": "https://evil.example"}).status_code == 403
        assert bound("GET", "statements").status_code == 200


def test_a_double_slash_leads_to_the_same_resource(lrs):
    for mount in ("/xapi", "/xapi/1.0.3", "/xapi/2.0"):
        assert lrs("POST", f"{mount}//statements", json=[]).status_code == 200


def test_methods_that_a_resource_has_not_are_told(lrs):
    answer = lrs("DELETE", "statements")

    assert answer.status_code == 405
    assert "GET" in answer.json["detail"]
