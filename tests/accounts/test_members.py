import re
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from accounts.errors import LastAdministrator
from accounts.permissions import PERMISSIONS
from accounts.services import members, people, roles
from core import clock
from core.errors import Invalid

FACTS = {
    "first_name": "Ana", "last_name": "Tester", "position_title": "Nurse", "employee_id": "E-7",
    "hired_on": "2025-04-01", "manager_email": "ben@northwind.example",
}  # fmt: skip


def given(session, user_id, now):
    return roles.of_person(session, user_id, now)[0].id


def facts(name, **changes):
    return FACTS | {"first_name": name.title(), "employee_id": name, "manager_email": ""} | changes


def test_an_administrator_writes_down_facts_and_who_reports_to_whom(sign_in, cast):
    cem = sign_in("cem")

    assert cem.post(f"/people/{cast.ana}/edit", data=FACTS).status_code == 302

    page = cem.get(f"/people/{cast.ana}").text
    for fact in ("Nurse", "E-7", "Apr 1, 2025", "Ben Tester"):
        assert fact in page or (fact == "Apr 1, 2025" and "1 Apr 2025" in page), fact
    assert "Ana Tester" in cem.get(f"/people/{cast.ben}").text
    assert "Nurse" in cem.get("/people").text


def test_every_wrong_fact_is_named_and_nothing_is_stored(sign_in, cast):
    cem = sign_in("cem")
    cem.post(f"/people/{cast.ben}/edit", data=facts("ben", employee_id="E-7"))

    answer = cem.post(
        f"/people/{cast.ana}/edit",
        data=FACTS | {"first_name": "", "hired_on": "soon", "manager_email": "zoe@acme.example"},
    )

    assert answer.status_code == 422
    for complaint in ("first name is missing", "not a day", "Nobody here", "Somebody else has this employee id"):
        assert complaint in answer.text
    assert "Nurse" not in cem.get(f"/people/{cast.ana}").text


def test_a_reporting_line_never_runs_in_a_circle(db, cast, now):
    members.change(db, cast.ana, now=now, **facts("ana", manager_email="ben@northwind.example"))
    members.change(db, cast.ben, now=now, **facts("ben", manager_email="cem@northwind.example"))

    for top, below in ((cast.cem, "ana"), (cast.ben, "ana"), (cast.cem, "cem")):
        with pytest.raises(Invalid) as error:
            members.change(db, top, now=now, **facts("x", manager_email=f"{below}@northwind.example"))
        assert "circle" in error.value.problems[0].what


def test_reports_go_to_the_managers_manager_when_somebody_leaves(db, cast, now):
    members.change(db, cast.ana, now=now, **facts("ana", manager_email="ben@northwind.example"))
    members.change(db, cast.ben, now=now, **facts("ben", manager_email="cem@northwind.example"))

    members.set_standing(db, cast.ben, "left", now, may_assign_roles=True)

    assert members.get(db, cast.ana, now).manager.name == "Cem Tester"
    assert members.get(db, cast.ben, now).left_on == date(2026, 3, 2)
    events = db.execute(text("SELECT event_type FROM domain_events WHERE subject IN (:a, :b) ORDER BY seq"),
                        {"a": cast.ana, "b": cast.ben}).scalars().all()  # fmt: skip
    assert events[-2:] == ["PersonChanged", "PersonLeft"]


@pytest.mark.parametrize("standing", ["left", "suspended"])
def test_whoever_leaves_is_signed_out_at_once_and_stays_out(sign_in, browser, cast, standing):
    ana, cem = sign_in("ana"), sign_in("cem")

    assert cem.post(f"/people/{cast.ana}/standing", data={"status": standing}).status_code == 302

    assert ana.get("/home").status_code == 302
    assert browser().sign_in("ana@northwind.example").status_code == 401
    cem.post(f"/people/{cast.ana}/standing", data={"status": "active"})
    assert ana.get("/home").status_code == 302
    assert browser().sign_in("ana@northwind.example").status_code == 302


def test_a_withdrawn_invitation_opens_nothing(sign_in, browser, letters, database, cast):
    cem = sign_in("cem")
    dora = {"first_name": "Dora", "last_name": "Lang", "email": "dora@northwind.example"}
    cem.post("/people", data=dora)
    letter = letters()[-1]
    with database.read(cast.northwind) as session:
        (found,) = people.page(session, "dora")[0]

    assert cem.post(f"/people/{found.user_id}/standing", data={"status": "active"}).status_code == 409
    assert cem.post(f"/people/{found.user_id}/standing", data={"status": "left"}).status_code == 302

    assert browser().get(letter.path, follow_redirects=True).status_code == 410


def test_an_invitation_sent_again_replaces_the_first(sign_in, browser, letters, database, cast):
    cem = sign_in("cem")
    cem.post("/people", data={"first_name": "Dora", "last_name": "Lang", "email": "dora@northwind.example"})
    first = letters()[-1]
    with database.read(cast.northwind) as session:
        (found,) = people.page(session, "dora")[0]

    assert cem.post(f"/people/{found.user_id}/invite").status_code == 302

    second = letters()[-1]
    assert browser().get(first.path, follow_redirects=True).status_code == 410
    assert browser().get(second.path, follow_redirects=True).status_code == 200
    assert cem.post(f"/people/{cast.ana}/invite").status_code == 404


def test_a_role_holds_between_its_days_in_the_organizations_zone(sign_in, cast, settings):
    cem, ana = sign_in("cem"), sign_in("ana")
    role = {"role": "auditor", "from_on": "2026-03-01", "until_on": "2026-03-31"}

    def may_see_audit_on(moment):
        (settings.home / "clock").write_text(moment)
        client = sign_in("ana")
        return client.get("/audit").status_code == 200

    assert ana.get("/audit").status_code == 403
    assert cem.post(f"/people/{cast.ana}/roles", data=role).status_code == 302

    assert not may_see_audit_on("2026-02-28T23:59:00+00:00")
    assert may_see_audit_on("2026-03-01T00:00:00+00:00")
    assert may_see_audit_on("2026-03-31T23:59:00+00:00")
    assert not may_see_audit_on("2026-04-01T00:00:00+00:00")


@pytest.mark.parametrize(
    ("role", "complaint"),
    [
        pytest.param({"role": "platform_admin"}, "no such role", id="not the organization's to give"),
        pytest.param({"role": "king"}, "no such role", id="unknown"),
        pytest.param({"role": "auditor", "from_on": "31.3.2026"}, "not a day", id="no day"),
        pytest.param(
            {"role": "auditor", "from_on": "2026-03-02", "until_on": "2026-03-01"}, "before the first", id="backwards"
        ),
    ],
)
def test_a_wrong_role_is_refused_with_the_reason(sign_in, cast, role, complaint):
    answer = sign_in("cem").post(f"/people/{cast.ana}/roles", data=role)

    assert answer.status_code == 422
    assert complaint in answer.text


def test_the_last_administrator_can_be_neither_dated_nor_demoted_nor_dismissed(db, cast, now):
    for attempt in (
        lambda: roles.remove(db, cast.cem, given(db, cast.cem, now), now, may=PERMISSIONS),
        lambda: members.set_standing(db, cast.cem, "left", now, may_assign_roles=True),
        lambda: roles.assign(db, cast.cem, "org_admin", now, until_on="2026-12-31", by=cast.cem, may=PERMISSIONS),
    ):
        with pytest.raises(LastAdministrator), db.begin_nested():
            attempt()

    roles.assign(db, cast.ben, "org_admin", datetime(2026, 3, 1, tzinfo=UTC), by=cast.cem, may=PERMISSIONS)
    roles.remove(db, cast.cem, given(db, cast.cem, now), now, may=PERMISSIONS)


def test_who_may_not_assign_roles_gives_none_and_shuts_no_administrator_out(sign_in, cast, database):
    ben = sign_in("ben")

    assert ben.post(f"/people/{cast.ben}/roles", data={"role": "org_admin"}).status_code == 403
    assert ben.post(f"/people/{cast.cem}/standing", data={"status": "left"}).status_code == 403
    assert ben.post(f"/people/{cast.ben}/standing", data={"status": "left"}).status_code == 409
    eve = {"first_name": "Eve", "last_name": "X", "email": "eve@northwind.example", "role": "org_admin"}
    assert ben.post("/people", data=eve).status_code == 302
    with database.read(cast.northwind) as session:
        (found,) = people.page(session, "eve@")[0]
        assert [role.code for role in members.get(session, found.user_id, clock.now()).roles] == ["learner"]


def test_a_name_known_elsewhere_too_is_the_persons_own(sign_in, cast, database):
    cem = sign_in("cem")
    cem.post("/people", data={"first_name": "Z", "last_name": "Z", "email": "zoe@acme.example"})
    changed = facts("mallory", position_title="Guest")

    assert cem.post(f"/people/{cast.zoe}/edit", data=changed).status_code == 302

    page = cem.get(f"/people/{cast.zoe}").text
    assert "Guest" in page
    assert "Zoe Tester" in page


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""), ("get", "/edit"), ("post", "/edit"), ("post", "/standing"), ("post", "/invite"),
        ("post", "/roles"),
        ("post", "/roles/00000000-0000-7000-8000-000000000001/remove"),
    ],
)  # fmt: skip
def test_another_tenants_person_does_not_exist(sign_in, cast, method, path):
    data = FACTS | {"manager_email": "", "status": "left", "role": "learner"}

    assert getattr(sign_in("zoe"), method)(f"/people/{cast.ana}{path}", data=data).status_code == 404


def test_the_list_keeps_its_filter_in_the_address(sign_in, cast):
    cem = sign_in("cem")
    cem.post(f"/people/{cast.ana}/standing", data={"status": "left"})

    assert "ana@northwind.example" not in cem.get("/people").text
    assert "ana@northwind.example" in cem.get("/people?status=left&q=ana").text
    assert cem.get("/people?status=nonsense").status_code == 200


def test_every_change_to_a_person_is_in_the_audit_log(sign_in, cast, database):
    cem = sign_in("cem")
    cem.post(f"/people/{cast.ana}/edit", data=FACTS)
    cem.post(f"/people/{cast.ana}/roles", data={"role": "auditor"})
    row_id = re.search(r"/roles/([0-9a-f-]{36})/remove\" *>.*?Remove Auditor", cem.get(f"/people/{cast.ana}").text)
    cem.post(f"/people/{cast.ana}/roles/{row_id[1]}/remove")
    cem.post(f"/people/{cast.ana}/standing", data={"status": "left"})

    with database.read(cast.northwind) as session:
        query = text("SELECT action FROM audit_logs WHERE subject_user_id = :ana AND actor_id = :cem ORDER BY seq")
        rows = session.execute(query, {"ana": cast.ana, "cem": cast.cem}).scalars().all()
    assert rows == ["person.changed", "role.assigned", "role.removed", "person.left"]
