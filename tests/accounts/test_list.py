import csv
import io
import re

from sqlalchemy import event, text

from accounts.permissions import PERMISSIONS
from accounts.services import audiences, listing, members, roles
from tests.accounts.test_members import facts
from tests.accounts.test_units import unit


def names(page):
    return [name for name in ("Ana Tester", "Ben Tester", "Cem Tester") if f">{name}</a></th>" in page]


def test_the_address_says_whom_the_list_shows_and_in_which_order(sign_in, database, cast, now):
    with database.write(cast.northwind) as session:
        care = unit(session, now, "C")
        ward = unit(session, now, "W", care)
        members.change(
            session, cast.ana, now=now, **facts("ana", org_unit_id=str(ward), manager_email="ben@northwind.example")
        )
        rule = {"all": [{"field": "role", "op": "is", "value": ["training_admin"]}]}
        trainers = audiences.add(session, name="Trainers", description="", rule=rule, now=now)
    cem = sign_in("cem")

    def shown(query):
        return names(cem.get(f"/people?{query}").text)

    assert shown("") == ["Ana Tester", "Ben Tester", "Cem Tester"]
    assert shown(f"unit={care}") == ["Ana Tester"]
    assert shown("role=org_admin") == ["Cem Tester"]
    assert shown(f"manager={cast.ben}") == ["Ana Tester"]
    assert shown(f"audience={trainers}") == ["Ben Tester"]
    assert shown("q=ana") == ["Ana Tester"]
    assert shown(f"unit={care}&role=org_admin") == []
    assert shown("status=left") == []
    assert shown("unit=x&sort=y&role=z&status=w") == ["Ana Tester", "Ben Tester", "Cem Tester"]
    down = cem.get("/people?sort=-email").text
    assert down.index(">Cem Tester</a></th>") < down.index(">Ana Tester</a></th>")
    for order in ("name", "email", "unit", "position", "employee_id", "hired", "standing"):
        assert len(shown(f"sort={order}")) == 3


def test_as_many_are_counted_as_are_listed_also_with_a_role_held_twice_and_somebody_who_left(db, cast, now):
    ward = unit(db, now, "W")
    for user_id, place in ((cast.ana, f"unit:{ward}"), (cast.ben, ""), (cast.ben, f"unit:{ward}"), (cast.cem, "")):
        roles.assign(db, user_id, "auditor", now, place=place, by=cast.cem, may=PERMISSIONS)
    db.execute(text("UPDATE memberships SET status = 'left' WHERE user_id = :ana"), {"ana": cast.ana})
    rule = {"all": [{"field": "role", "op": "is", "value": ["auditor"]}]}
    auditors = audiences.add(db, name="Auditors", description="", rule=rule, now=now)

    def listed(**asked):
        found, total = listing.page(
            db, listing.wanted(**asked), now, order="name", descending=False, offset=0, limit=50
        )
        return [one.person.first_name for one in found], total

    assert listed(role="auditor") == listed(audience=str(auditors)) == (["Ben", "Cem"], 2)
    assert listed(role="auditor", status="left") == (["Ana"], 1)
    assert listed(role="auditor", search="cem") == (["Cem"], 1)


def test_the_plan_of_a_prepared_list_knows_that_most_have_not_left(db, cast, now):
    asked = []
    engine = db.get_bind().engine
    event.listen(engine, "before_cursor_execute", listen := lambda *told: asked.append(told[2:4]))
    try:
        for order in listing.ORDERS:
            listing.page(db, listing.wanted(), now, order=order, descending=False, offset=0, limit=50)
    finally:
        event.remove(engine, "before_cursor_execute", listen)

    narrowed = [(sql, values) for sql, values in asked if "memberships.status !=" in sql]
    assert len(narrowed) >= len(listing.ORDERS)
    assert all("memberships.status != 'left'" in sql and "left" not in values.values() for sql, values in narrowed)


def test_the_list_leaves_as_a_file_that_no_spreadsheet_calculates(sign_in, database, cast, now):
    with database.write(cast.northwind) as session:
        members.change(session, cast.ana, now=now, **facts("ana", position_title="=1+1", employee_id="E-7"))

    answer = sign_in("cem").get("/people.csv?q=ana")

    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [(row["email"], row["employee id"], row["job title"]) for row in rows] == [
        ("ana@northwind.example", "E-7", "'=1+1"),
    ]  # fmt: skip
    assert sign_in("ana").get("/people.csv").status_code == 403


def test_a_view_keeps_filters_order_and_columns_and_a_shared_one_is_everybodys(sign_in, database, cast, now):
    cem, ben = sign_in("cem"), sign_in("ben")
    query = "role=org_admin&sort=-email&column=manager&column=hired&page=7&evil=1"

    answer = cem.post("/people/views", data={"name": "Those in charge", "query": query, "shared": "1"})
    assert answer.location == "/people?role=org_admin&sort=-email&column=manager&column=hired"
    cem.post("/people/views", data={"name": "Mine alone", "query": "status=left"})

    page = ben.get(answer.location).text
    assert "Those in charge" in page
    assert "shared by Cem Tester" in page
    assert "Mine alone" not in page
    assert names(page) == ["Cem Tester"]
    assert 'data-label="Hired"' in page
    assert 'data-label="E-mail"' not in page

    cem.post("/people/views", data={"name": "Those in charge", "query": "q=cem", "shared": ""})
    assert "Those in charge" not in ben.get("/people").text, "the same name became another view, no longer shared"
    view = re.search(r"/people/views/([0-9a-f-]{36})/remove", cem.get("/people").text)[0]
    assert ben.post(view).status_code == 404, "not his"
    cem.post(view)
    assert view not in cem.get("/people").text
    log = cem.get("/audit?action=people_view.").text
    assert "Cem Tester kept the view Those in charge of the list of people" in log


def test_a_view_without_a_name_is_refused_and_a_stranger_to_the_list_keeps_none(sign_in):
    cem = sign_in("cem")
    assert (
        "A name takes 1 to 60 characters"
        in cem.get(cem.post("/people/views", data={"name": "", "query": ""}).location).text
    )
    assert sign_in("ana").post("/people/views", data={"name": "x", "query": ""}).status_code == 403
