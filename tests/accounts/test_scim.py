"""Another system keeps people and groups in step by SCIM 2.0; the official client finds nothing wrong."""

from uuid import UUID

import pytest
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import Status, check_server
from sqlalchemy import select

from accounts.services import api_clients, audiences, members, scim
from core import clock
from core.tables import AuditLog

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


@pytest.fixture
def token(app, database, cast):
    """Answer the token of a client of an organization with these scopes."""

    def made(organization_id, by, *scopes):
        with database.write(organization_id) as session:
            return api_clients.issue(
                session, label="HR", scopes=scopes or ["scim"], permissions=api_clients.SCOPES, now=clock.now(),
                hash_key=app.extensions["stoa"].config.key("accounts.api_clients"), by=by, rate_per_minute=100_000,
            ).token  # fmt: skip

    return made


@pytest.fixture
def hr(app, token, cast):
    """Northwind's HR system."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token(cast.northwind, cast.cem)}"
    return client


def dana(**more):
    return {"schemas": [USER], "userName": "dana@northwind.example", "externalId": "4711",
            "name": {"givenName": "Dana", "familyName": "Ito"}, "active": True} | more  # fmt: skip


def patched(*operations):
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": list(operations)}


def found(client, text, kind="Users"):
    answer = client.get(f"/scim/v2/{kind}", query_string={"filter": text})
    assert answer.status_code == 200, answer.text
    return [one.get("userName") or one["displayName"] for one in answer.json["Resources"] or ()]


@pytest.mark.slow
@pytest.mark.conformance
def test_the_official_client_finds_nothing_wrong(app, token, cast):
    headers = {"Authorization": f"Bearer {token(cast.northwind, cast.cem)}"}
    client = WSGISCIMClient(app, "http://localhost/scim/v2", headers=headers)
    client.discover()

    results = check_server(client)

    wrong = [(result.title, result.resource_type, result.reason) for result in results
             if result.status not in (Status.SUCCESS, Status.SKIPPED, Status.ACCEPTABLE)]  # fmt: skip
    assert not wrong, "\n".join(map(str, wrong))
    assert sum(result.status is Status.SUCCESS for result in results) > 30


def test_a_joiner_a_mover_and_a_leaver(hr, database, cast):
    boss = hr.get("/scim/v2/Users", query_string={"filter": 'userName eq "ben@northwind.example"'}).json["Resources"][0]
    work = {ENTERPRISE: {"employeeNumber": "E-1", "department": "Nursing", "manager": {"value": boss["id"]}}}
    made = hr.post("/scim/v2/Users", json=dana(**work))
    assert made.status_code == 201, made.text
    path = f"/scim/v2/Users/{made.json['id']}"
    with database.read(cast.northwind) as session:
        joined = members.get(session, made.json["id"], clock.now())
    assert (joined.unit[1], joined.employee_id, joined.manager.user_id) == ("Nursing", "E-1", cast.ben)
    assert (joined.person.name, joined.status) == ("Dana Ito", "active")

    moved = hr.patch(path, json=patched({"op": "replace", "path": f"{ENTERPRISE}:department", "value": "Surgery"}))
    assert moved.json[ENTERPRISE]["department"] == "Surgery"
    assert hr.patch(path, json=patched({"op": "replace", "path": "active", "value": False})).json["active"] is False
    with database.read(cast.northwind) as session:
        left = members.get(session, made.json["id"], clock.now())
        actions = set(session.scalars(select(AuditLog.action).where(AuditLog.subject_user_id == left.person.user_id)))
    assert (left.status, left.unit[1]) == ("left", "Surgery")
    assert {"person.joined", "person.changed", "person.left"} <= actions

    assert hr.delete(path).status_code == 204
    assert hr.get(path).status_code == 404
    assert hr.post("/scim/v2/Users", json=dana()).json["id"] == made.json["id"], "the same person comes back"


def test_the_global_identity_stays(hr, app, token, cast, database):
    acme = app.test_client()
    acme.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token(cast.acme, cast.zoe)}"
    both = acme.post("/scim/v2/Users", json=dana(userName="ana@northwind.example"))
    assert both.status_code == 201, both.text

    acme.put(f"/scim/v2/Users/{both.json['id']}", json=dana(userName="other@acme.example", name={"givenName": "X"}))

    with database.read(cast.northwind) as session:
        ana = members.get(session, cast.ana, clock.now())
    assert (ana.person.name, ana.person.email, ana.status) == ("Ana Tester", "ana@northwind.example", "active")
    with database.read(cast.acme) as session:
        assert members.get(session, cast.ana, clock.now()).status == "invited", "asked by letter, not taken"


def test_another_tenant_is_neither_seen_nor_changed(app, token, cast, hr):
    group = hr.post("/scim/v2/Groups", json={"schemas": [GROUP], "displayName": "Night"}).json["id"]
    zoe = app.test_client()
    zoe.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token(cast.acme, cast.zoe)}"

    assert found(zoe, "userName pr") == ["zoe@acme.example"]
    assert zoe.get("/scim/v2/").json["totalResults"] == 1
    for path in (f"Users/{cast.ana}", f"Groups/{group}"):
        body = dana() if path.startswith("Users") else {"schemas": [GROUP], "displayName": "x"}
        assert zoe.get(f"/scim/v2/{path}").status_code == 404
        assert zoe.put(f"/scim/v2/{path}", json=body).status_code == 404
        assert zoe.patch(f"/scim/v2/{path}", json=patched({"op": "remove", "path": "externalId"})).status_code == 404
        assert zoe.delete(f"/scim/v2/{path}").status_code == 404
    stranger = {"schemas": [GROUP], "displayName": "Mine", "members": [{"value": str(cast.ana)}]}
    assert zoe.post("/scim/v2/Groups", json=stranger).status_code == 400


FILTERS = {
    'userName eq "DANA@northwind.example"': ["dana@northwind.example"],
    'userName ne "dana@northwind.example" and userName sw "b"': ["ben@northwind.example"],
    'name.familyName co "It"': ["dana@northwind.example"],
    'userName ew "a@northwind.example"': ["ana@northwind.example", "dana@northwind.example"],
    "externalId pr": ["dana@northwind.example"],
    'not (userName co "a@") and userName lt "c"': ["ben@northwind.example"],
    'emails[type eq "work" and value co "cem"]': ["cem@northwind.example"],
    'userName gt "cem" or userName le "ana@northwind.example"': [
        "ana@northwind.example", "cem@northwind.example", "dana@northwind.example",
    ],
    f'{USER}:userName ge "dana"': ["dana@northwind.example"],
    f'{ENTERPRISE}:employeeNumber eq "E-9"': ["dana@northwind.example"],
    'externalId eq "4711"': ["dana@northwind.example"],
}  # fmt: skip


def test_filters_find_whom_they_describe(hr, subtests):
    hr.post("/scim/v2/Users", json=dana(**{ENTERPRISE: {"employeeNumber": "E-9"}}))
    for text, names in FILTERS.items():
        with subtests.test(text):
            assert sorted(found(hr, text)) == names
    for text in ("userName", 'userName xx "a"', 'nothing eq "a"'):
        answer = hr.get("/scim/v2/Users", query_string={"filter": text})
        assert (answer.status_code, answer.json["scimType"]) == (400, "invalidFilter")


def test_pages_order_and_attributes(hr):
    asked = {"sortBy": "userName", "sortOrder": "descending", "count": "2", "attributes": "userName"}
    page = hr.get("/scim/v2/Users", query_string=asked).json

    assert [one["userName"][:3] for one in page["Resources"]] == ["cem", "ben"]
    assert (page["totalResults"], page["itemsPerPage"]) == (3, 2)
    assert set(page["Resources"][0]) == {"schemas", "id", "userName"}
    search = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "startIndex": 3, "count": 5}
    assert len(hr.post("/scim/v2/Users/.search", json=search).json["Resources"]) == 1


def test_a_change_for_another_state_is_refused(hr, cast):
    path = f"/scim/v2/Users/{cast.ana}"
    etag = hr.get(path).headers["ETag"]
    title = patched({"op": "add", "path": "title", "value": "Nurse"})

    assert hr.get(path, headers={"If-None-Match": etag}).status_code == 304
    assert hr.patch(path, json=title, headers={"If-Match": etag}).status_code == 200
    assert hr.patch(path, json=title, headers={"If-Match": etag}).status_code == 412


def test_a_group_can_make_an_audience(hr, cast, database, run_jobs):
    made = hr.post("/scim/v2/Groups", json={"schemas": [GROUP], "displayName": "Night shift"}).json
    with database.write(cast.northwind) as session:
        rule = {"all": [{"field": "group", "op": "is", "value": [made["id"]]}]}
        audience = audiences.add(session, name="Night", description="", rule=rule, now=clock.now())
    run_jobs()

    hr.patch(f"/scim/v2/Groups/{made['id']}", json=patched(
        {"op": "add", "path": "members", "value": [{"value": str(cast.ana)}]}))  # fmt: skip
    run_jobs()

    with database.read(cast.northwind) as session:
        inside, _ = audiences.members(session, audience)
    assert [one.person.user_id for one in inside] == [cast.ana]
    assert hr.get(f"/scim/v2/Users/{cast.ana}").json["groups"][0]["display"] == "Night shift"


def test_the_scope_is_asked_for(app, token, cast):
    client = app.test_client()
    header = {"Authorization": f"Bearer {token(cast.northwind, cast.cem, 'people.write')}"}

    assert client.get("/scim/v2/Users", headers=header).status_code == 403
    refused = client.get("/scim/v2/Users")
    assert (refused.status_code, refused.mimetype) == (401, "application/scim+json")


def test_an_administrator_is_not_removed_by_scim(hr, cast):
    refused = hr.delete(f"/scim/v2/Users/{cast.cem}")

    assert refused.status_code == 400
    assert hr.get(f"/scim/v2/Users/{cast.cem}").json["active"] is True


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param('userName sw "DA"', ["dana@northwind.example"], id="begins"),
        pytest.param('userName co "a@north" and active eq true', ["ana", "dana"], id="contains, and"),
        pytest.param('userName ew "northwind.example" and not (userName eq "ana@northwind.example")',
                     ["ben", "cem", "dana", "old"], id="ends, and not"),
        pytest.param('userName eq "ana@northwind.example" or externalId eq "4711"', ["ana", "dana"], id="one or other"),
        pytest.param('userName eq "x" or name.familyName eq "Ito"', ["dana", "old"], id="or a name"),
        pytest.param("active eq false", ["old"], id="gone"),
        pytest.param('externalId pr and active eq true', ["dana"], id="present"),
        pytest.param('userName co "%"', [], id="a wildcard is a sign"),
        pytest.param('not (active eq true) and userName co "d"', ["old"], id="not, and"),
    ],
)  # fmt: skip
def test_filters_find_the_same_however_much_the_database_does(hr, monkeypatch, text, names):
    hr.post("/scim/v2/Users", json=dana())
    hr.post("/scim/v2/Users", json=dana(userName="old@northwind.example", externalId="1", active=False))

    quick = found(hr, text)
    monkeypatch.setattr(scim, "_which", lambda node: None)

    assert sorted(quick) == sorted(found(hr, text))
    assert sorted(name.partition("@")[0] for name in quick) == [name.partition("@")[0] for name in names]


def test_pages_of_everybody_follow_each_other(hr):
    hr.post("/scim/v2/Users", json=dana())

    def page(start, count):
        answer = hr.get("/scim/v2/Users", query_string={"startIndex": start, "count": count}).json
        assert answer["totalResults"] == 4
        return [one["userName"] for one in answer.get("Resources") or ()]

    assert page(1, 3) + page(4, 3) == page(1, 100)
    assert page(1, 0) == page(9, 3) == []


@pytest.mark.parametrize("active", [True, False])
def test_what_is_taken_back_about_being_active_is_said_again_when_it_changes(hr, database, cast, active):
    made = hr.post("/scim/v2/Users", json=dana(active=active)).json
    place = f"/scim/v2/Users/{made['id']}"

    assert "active" not in hr.patch(place, json=patched({"op": "remove", "path": "active"})).json

    with database.write(cast.northwind) as session:
        members.set_standing(
            session, UUID(made["id"]), "left" if active else "active", clock.now(), may_assign_roles=False
        )
    assert hr.get(place).json["active"] is not active
