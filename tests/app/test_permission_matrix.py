"""Ten roles and every route: who is let in, who is refused, and what those see whose role reaches some places only."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from accounts import login
from accounts.permissions import PERMISSIONS, ROLES
from accounts.services import deputies, members, people, roles, units
from core import clock
from core.http import access_of
from tests.catalog.conftest import published
from training.services import assignments

COLUMNS = (
    "platform_admin", "org_admin", "training_admin", "compliance_officer", "content_author", "instructor", "manager",
    "executive", "auditor", "learner",
)  # fmt: skip
MATRIX = {
    #                       P O T C A I M E U L
    "organization.manage": "● ● – – – – – – – –",
    "people.read": "        ● ● ● ● – ◐ ◐ ● ● –",
    "people.write": "       – ● ● – – – – – – –",
    "people.sensitive": "   – ● – – – – – – – –",
    "roles.assign": "       ● ● – – – – – – – –",
    "catalog.browse": "     ● ● ● ● ● ● ● ● ● ●",
    "course.write": "       – ● ● – ● – – – – –",
    "course.publish": "     – ● ● – – – – – – –",
    "package.import": "     – ● ● – ● – – – – –",
    "assignment.create": "  – ● ● ● – ◐ ◐ – – –",
    "learn": "              – ● ● ● ● ● ● ● – ●",
    "progress.read": "      – ● ● ● – ◐ ◐ – ● –",
    "progress.totals": "    – ● ● ● – – – ● ● –",
    "certificate.read": "   – ● ● ● – ◐ ◐ ● ● –",
    "certificate.revoke": " – ● ● ● – – – – – –",
    "evidence.read": "      – ● ● ● – – – – ● –",
    "progress.repair": "    – ● ● – – – – – – –",
    "api_client.manage": "  – ● – – – – – – – –",
    "sign_in.manage": "     – ● – – – – – – – –",
    "people.view_as": "     ● ● – – – – – – – –",
    "audit.read": "         ● ● – ● – – – ● ● –",
    "lrs.admin": "          ● ● ● – – – – – – –",
}
LEAVES = {"accounts.sign_out", "accounts.end_session", "accounts.end_other_sessions"}


def mark(code, role):
    return MATRIX[code].split()[COLUMNS.index(role)]


def test_the_roles_hold_what_the_matrix_says():
    assert set(MATRIX) == set(PERMISSIONS)
    told = {(code, role): mark(code, role) for code in MATRIX for role in COLUMNS}

    assert told == {(c, r): ROLES[r][c].value if c in ROLES[r] else "–" for c in MATRIX for r in COLUMNS}


@pytest.fixture
def enter(app, database, cast, now):
    """Answer a browser of somebody new in Northwind who holds this role, perhaps for one place."""

    def entered(name, role=None, **how):
        with database.write(cast.northwind) as session:
            user_id = people.add(
                session, email=f"{name}@northwind.example", first_name=name.title(), last_name="Walker", roles=[],
                password="correct horse battery", is_verified=True, now=now,
            )  # fmt: skip
            if role == "platform_admin":
                session.add(people.RoleAssignment(user_id=user_id, role=people.RoleCode(role), created_at=now))
            elif role:
                roles.assign(session, user_id, role, now, by=cast.cem, may=PERMISSIONS, **how)
        return user_id, browse(user_id)

    def browse(user_id):
        with database.write(cast.northwind) as session:
            token = login.open_session(session, user_id, clock.now(), ip_address="", user_agent="")
        client = app.test_client()
        client.set_cookie("stoa_session", token)
        page = client.get("/home").text
        client.environ_base["HTTP_X_CSRF_TOKEN"] = re.search(r'name="csrf-token" content="([0-9a-f]+)"', page)[1]
        return client

    entered.browse = browse
    return entered


@pytest.mark.parametrize("role", COLUMNS)
def test_a_role_opens_its_routes_and_no_others(app, database, enter, cast, now, role):
    how = {}
    if role in ("instructor", "manager"):
        with database.write(cast.northwind) as session:
            ward = units.add(
                session,
                name="Ward",
                code="W",
                unit_type="team",
                parent_id="",
                manager_email="",
                description="",
                now=now,
            )
        how = {"place": f"unit:{ward}"}
    _user_id, client = enter("walker", role, **how)
    known = app.extensions["stoa"]
    # who it is stays the same for the whole walk, and is asked once
    app.extensions["stoa"] = replace(known, visitor_of=cache(known.visitor_of))
    refused = 0
    for rule in app.url_map.iter_rules():
        access = access_of(app, rule.endpoint)
        if access is None or access.permission in (None, "signed_in") or rule.endpoint in LEAVES:
            continue
        reach = mark(access.permission, role)
        kinds = {name: type(converter).__name__ for name, converter in rule._converters.items()}
        filled = {"UUIDConverter": "00000000-0000-7000-8000-000000000001", "IntegerConverter": 1}
        path = rule.build({name: filled.get(kind, "x") for name, kind in kinds.items()})[1]
        if reach == "●" or (reach == "◐" and access.limited):
            if "GET" in rule.methods:
                assert client.get(path).status_code != 403, path
            continue
        for method in rule.methods - {"OPTIONS", "HEAD"}:
            answer = client.open(path, method=method, headers={"Accept": "application/json"})
            assert answer.status_code == 403, f"{method} {path}: {answer.status_code}"
            refused += 1
    assert refused > 10 or role == "org_admin"


@pytest.fixture
def line(enter, database, cast, now):
    """Ida leads Max, Max leads Ana; Ben and Cem stand elsewhere. All of Ana, Max and Ben are assigned a course."""
    ida, _ = enter("ida")
    max_, _ = enter("max")
    with database.write(cast.northwind) as session:
        below(session, max_, "ida@northwind.example", now)
        below(session, cast.ana, "max@northwind.example", now)
        built = published(session, now)
        for who in (cast.ana, max_, cast.ben):
            assignments.assign(session, course_id=built.course_id, user_ids=[who], now=clock.now())
    return {"ida": ida, "max": max_, "course": built.course_id}


def below(session, user_id, manager, now):
    person = people.get(session, user_id)
    members.change(
        session, user_id, first_name=person.first_name, last_name=person.last_name, position_title="", employee_id="",
        hired_on="", manager_email=manager, now=now,
    )  # fmt: skip


def seen(client, path):
    text = client.get(path).text.partition("<main")[2] or client.get(path).text
    names = ("Ana Tester", "Max Walker", "Ben Tester", "Cem Tester")
    return {name.split()[0].lower() for name in names if f">{name}<" in text or f'"name":"{name}"' in text}


@pytest.mark.parametrize("page", ["/people", "/team", "/assignments", "/api/v1/training/assignments"])
def test_a_manager_sees_their_reports_direct_and_below_and_nobody_else(enter, line, page):
    assert seen(enter.browse(line["ida"]), page) == {"ana", "max"}
    assert seen(enter.browse(line["max"]), page) == {"ana"}


def test_a_manager_opens_the_pages_of_their_reports_only(enter, line, cast):
    max_ = enter.browse(line["max"])

    assert max_.get(f"/people/{cast.ana}").status_code == 200
    assert max_.get(f"/people/{cast.ben}").status_code == 404
    assert max_.get(f"/people/{line['ida']}").status_code == 404
    assert "Ben" not in max_.get("/people.csv").text
    assert max_.get("/people/units").status_code == 403


def test_a_manager_assigns_to_their_reports_only(enter, line, cast, database):
    with database.write(cast.northwind) as session:
        other = published(session, clock.now(), code="X-1", title="Other").course_id
    max_ = enter.browse(line["max"])

    def assign(*people_ids):
        body = {"course_id": str(other), "user_ids": [str(one) for one in people_ids]}
        return max_.post("/api/v1/training/assignments", json=body).status_code

    assert assign(cast.ben) == assign(cast.ana, cast.ben) == 404
    assert assign(cast.ana) == 201
    assert "Ben Tester" not in max_.get("/assignments/new").text


def test_a_manager_cancels_what_their_reports_were_assigned_and_nothing_else(enter, line, cast):
    max_ = enter.browse(line["max"])
    given = {
        one["user_id"]: one["id"] for one in enter.browse(cast.cem).get("/api/v1/training/assignments").json["items"]
    }
    form = {"reason": "On other duties"}

    def cancel(user_id):
        return max_.post("/assignments/cancel", data=form | {"assignment": given[str(user_id)]}).status_code

    listed = max_.get("/assignments").text
    assert [given[str(who)] in listed for who in (cast.ana, cast.ben, line["max"])] == [True, False, False]
    assert cancel(cast.ben) == cancel(line["max"]) == 404
    assert cancel(cast.ana) == 302


def test_who_stands_in_for_a_manager_sees_their_people_on_these_days(enter, line, cast, database, settings):
    with database.write(cast.northwind) as session:
        deputies.add(
            session, line["max"], email="ben@northwind.example", from_on="2026-03-01", until_on="2026-03-02",
            now=clock.now(), by=cast.cem,
        )  # fmt: skip
        roles_of_ben = roles.of_person(session, cast.ben, clock.now())
        roles.remove(session, cast.ben, roles_of_ben[0].id, clock.now(), may=PERMISSIONS)
    found = {}
    for day in (2, 3):
        (settings.home / "clock").write_text(datetime(2026, 3, day, 12, tzinfo=UTC).isoformat())
        client = enter.browse(cast.ben)
        found[day] = seen(client, "/team") if client.get("/team").status_code == 200 else None

    assert found == {2: {"ana"}, 3: None}


def test_an_instructor_sees_what_happens_in_their_course(enter, line, cast, database, now):
    with database.write(cast.northwind) as session:
        other = published(session, now, code="X-1", title="Other").course_id
        assignments.assign(session, course_id=other, user_ids=[cast.cem], now=clock.now())
    _id, teacher = enter("tea", "instructor", place=f"course:{line['course']}")

    assert seen(teacher, "/assignments") == {"ana", "max", "ben"}
    assert teacher.get("/people").status_code == 403
    assert teacher.get(f"/courses/{line['course']}/attempts").status_code == 200
    body = {"course_id": str(line["course"]), "user_ids": [str(cast.cem)]}
    assert teacher.post("/api/v1/training/assignments", json=body).status_code == 201
    assert teacher.post("/api/v1/training/assignments", json=body | {"course_id": str(other)}).status_code == 404


def test_a_role_for_a_unit_reaches_those_below_it(enter, line, cast, database, now):
    with database.write(cast.northwind) as session:
        top = units.add(
            session, name="East", code="E", unit_type="site", parent_id="", manager_email="", description="", now=now
        )
        ward = units.add(
            session,
            name="Ward",
            code="W",
            unit_type="team",
            parent_id=str(top),
            manager_email="",
            description="",
            now=now,
        )
        members.change(
            session, cast.ben, first_name="Ben", last_name="Tester", position_title="", employee_id="", hired_on="",
            manager_email="", org_unit_id=str(ward), now=now,
        )  # fmt: skip
    _id, officer = enter("off", "compliance_officer", place=f"unit:{top}")

    assert seen(officer, "/people") == seen(officer, "/assignments") == {"ben"}
    assert officer.get("/audit").status_code == 403
    assert officer.get("/catalog").status_code == 200


def test_a_role_ends_with_its_last_day(enter, cast, database, settings):
    user_id, _ = enter("tim")
    (settings.home / "clock").write_text("2026-03-01T12:00:00+00:00")
    with database.write(cast.northwind) as session:
        roles.assign(session, user_id, "auditor", clock.now(), until_on="2026-03-03", by=cast.cem, may=PERMISSIONS)
    client = enter.browse(user_id)

    def answers(moment):
        (settings.home / "clock").write_text(moment)
        return enter.browse(user_id).get("/audit").status_code

    assert client.get("/audit").status_code == 200
    assert answers("2026-03-03T23:59:00+00:00") == 200
    assert answers("2026-03-04T00:00:00+00:00") == 403


def make_role(client, name="Reception", codes=("people.read", "people.write")):
    return client.post("/roles", data={"name": name, "description": "At the desk", "codes": list(codes)})


def role_id(client, name="Reception"):
    return re.search(rf'/roles/([0-9a-f-]{{36}})"[^>]*>{name}<', client.get("/roles").text)[1]


def test_an_organization_makes_roles_of_its_own(sign_in, cast, database):
    cem = sign_in("cem")
    assert make_role(cem).status_code == 302
    made = role_id(cem)

    assert cem.post(f"/people/{cast.ana}/roles", data={"role": made}).status_code == 302

    ana = sign_in("ana")
    assert ana.get("/people/new").status_code == 200
    assert ana.get("/assignments").status_code == 403
    assert "Reception" in cem.get("/roles/holders").text
    assert cem.post(f"/roles/{made}/delete").status_code == 409
    cem.post(f"/roles/{made}", data={"name": "Reception", "codes": ["people.read"]})
    assert ana.get("/people/new").status_code == 403


def test_nobody_gives_or_makes_a_role_with_more_than_they_hold(sign_in, cast, database, enter):
    cem = sign_in("cem")
    make_role(cem, "Giver", ["roles.assign", "people.read"])
    make_role(cem, "Desk", ["people.read"])
    _id, giver = enter("gil", role_id(cem, "Giver"))

    assert make_role(giver, "More", ["organization.manage"]).status_code == 403
    assert giver.post(f"/people/{cast.ana}/roles", data={"role": "org_admin"}).status_code == 403
    assert giver.post(f"/people/{cast.ana}/roles", data={"role": "learner"}).status_code == 302
    assert giver.post(f"/people/{cast.ana}/roles", data={"role": role_id(cem, "Desk")}).status_code == 302
    with database.read(cast.northwind) as session:
        of_cem = roles.of_person(session, cast.cem, clock.now())[0].id
    assert giver.post(f"/people/{cast.cem}/roles/{of_cem}/remove").status_code == 403
    assert cem.get("/roles").status_code == 200


def test_a_wrong_role_is_told_field_by_field(sign_in, cast):
    cem = sign_in("cem")

    answer = cem.post("/roles", data={"name": "", "codes": ["world.rule"]})
    assert answer.status_code == 422
    assert "needs a name" in answer.text
    assert "at least one permission" in answer.text
    place = {"role": "auditor", "place": "unit:00000000-0000-7000-8000-000000000001"}
    assert "no such unit or course" in cem.post(f"/people/{cast.ana}/roles", data=place).text


def test_an_administrator_of_a_unit_is_not_the_one_who_must_stay(db, cast, now):
    unit = units.add(
        db, name="East", code="E", unit_type="site", parent_id="", manager_email="", description="", now=now
    )
    roles.assign(db, cast.ben, "org_admin", now, place=f"unit:{unit}", by=cast.cem, may=PERMISSIONS)

    with pytest.raises(members.LastAdministrator):
        roles.remove(db, cast.cem, roles.of_person(db, cast.cem, now)[0].id, now + timedelta(days=1), may=PERMISSIONS)
