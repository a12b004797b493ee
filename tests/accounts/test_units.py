import re
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from sqlalchemy import text

from accounts.services import members, positions, units
from core.errors import Conflict, Invalid
from tests.accounts.test_members import facts

BLANK = {"unit_type": "department", "description": "", "parent_id": "", "manager_email": ""}


def unit(db, now, code, parent: UUID | str = "", **more):
    return units.add(db, now, **(BLANK | {"name": f"Unit {code}", "code": code, "parent_id": str(parent)} | more))


def id_in(answer):
    return re.search(r"[0-9a-f-]{36}", answer.headers["Location"])[0]


def test_an_administrator_builds_the_tree_and_puts_people_into_it(sign_in, cast):
    cem = sign_in("cem")
    care = id_in(cem.post("/people/units", data=BLANK | {"name": "Care", "code": "C", "unit_type": "division"}))
    ward = id_in(cem.post("/people/units", data=BLANK | {"name": "Ward 3", "code": "W3", "parent_id": care}))
    cem.post("/people/positions", data={"name": "Nurse", "code": "NUR"})
    nurse = re.search(r"/people/positions/([0-9a-f-]{36})", cem.get("/people/positions").text)[1]

    saved = cem.post(f"/people/{cast.ana}/edit", data=facts("ana", org_unit_id=ward, position_id=nurse))

    assert saved.status_code == 302
    page = cem.get(f"/people/{cast.ana}").text
    assert "Ward 3" in page
    assert "Nurse" in page
    assert "Ana Tester" in cem.get(f"/people/units/{ward}").text
    assert "Ana Tester" in cem.get(f"/people/units/{care}").text
    assert "Ana Tester" not in cem.get(f"/people/units/{care}?direct=1").text
    tree = cem.get("/people/units").text
    assert tree.index("Care") < tree.index("Ward 3")


def test_a_unit_moves_with_all_that_is_below_it(db, cast, now):
    care, office = unit(db, now, "C"), unit(db, now, "O")
    ward = unit(db, now, "W", care)
    night = unit(db, now, "N", ward)
    members.change(db, cast.ana, now=now, **facts("ana", org_unit_id=str(night)))

    units.change(db, ward, **(BLANK | {"name": "Ward", "code": "W", "parent_id": str(office)}))

    assert [above.code for above in units.get(db, night).above] == ["O", "W"]
    assert [one.person.user_id for one in units.people_of(db, office)[0]] == [cast.ana]
    assert units.people_of(db, care)[0] == []
    assert {one.code: (one.depth, one.people_below) for one in units.tree(db)} == {
        "C": (0, 0), "O": (0, 1), "W": (1, 1), "N": (2, 1),
    }  # fmt: skip


def test_a_unit_never_lies_below_itself(db, now):
    care = unit(db, now, "C")
    ward = unit(db, now, "W", care)
    night = unit(db, now, "N", ward)

    for where in (care, ward, night):
        with pytest.raises(Invalid) as error:
            units.change(db, care, **(BLANK | {"name": "Care", "code": "C", "parent_id": str(where)}))
        assert "below itself" in error.value.problems[0].what


def test_a_tree_has_at_most_twenty_levels(db, now):
    parent: UUID | str = ""
    for level in range(units.DEEPEST):
        parent = unit(db, now, f"L{level}", parent)

    with pytest.raises(Invalid) as error:
        unit(db, now, "too-deep", parent)
    assert "20 levels" in error.value.problems[0].what
    with pytest.raises(Invalid):
        two = unit(db, now, "A")
        unit(db, now, "B", two)
        above = units.get(db, parent).above[-1].id
        units.change(db, two, **(BLANK | {"name": "A", "code": "A", "parent_id": str(above)}))


def test_a_code_is_given_once_and_every_wrong_field_is_named(sign_in):
    cem = sign_in("cem")
    cem.post("/people/units", data=BLANK | {"name": "Care", "code": "C"})
    wrong = {"name": "", "code": "c", "unit_type": "guild", "manager_email": "zoe@acme.example", "parent_id": "x"}

    answer = cem.post("/people/units", data=BLANK | wrong)

    assert answer.status_code == 422
    for complaint in ("name is missing", "has this code", "no such kind", "Nobody here", "no such unit"):
        assert complaint in answer.text, complaint
    cem.post("/people/positions", data={"name": "Nurse", "code": "NUR"})
    assert "has this code" in cem.post("/people/positions", data={"name": "Other", "code": "nur"}).text


def test_only_what_is_empty_is_archived_and_nothing_is_deleted(db, cast, now):
    care = unit(db, now, "C")
    ward = unit(db, now, "W", care)
    nurse = positions.add(db, now, name="Nurse", code="N", description="")
    members.change(db, cast.ana, now=now, **facts("ana", org_unit_id=str(ward), position_id=str(nurse)))

    for refused in (
        lambda: units.archive(db, care, now, cast.cem),
        lambda: units.archive(db, ward, now, cast.cem),
        lambda: positions.archive(db, nurse, now, cast.cem),
    ):
        with pytest.raises(Conflict):
            refused()
    members.change(db, cast.ana, now=now, **facts("ana"))
    units.archive(db, ward, now, cast.cem)
    units.archive(db, care, now, cast.cem)
    positions.archive(db, nurse, now, cast.cem)

    assert units.tree(db) == []
    assert [one.code for one in units.tree(db, with_archived=True)] == ["C", "W"]
    with pytest.raises(Invalid):
        members.change(db, cast.ben, now=now, **facts("ben", org_unit_id=str(ward)))
    with pytest.raises(Conflict):
        units.restore(db, ward)


def test_who_stood_where_is_known_for_every_day(db, cast, now):
    care, office = unit(db, now, "C"), unit(db, now, "O")
    march, june = now, datetime(2026, 6, 1, 9, tzinfo=UTC)
    members.change(db, cast.ana, now=march, **facts("ana", org_unit_id=str(care)))
    members.change(
        db, cast.ana, now=june, **facts("ana", org_unit_id=str(office), manager_email="ben@northwind.example")
    )
    members.change(
        db, cast.ana, now=june, **facts("ana", org_unit_id=str(office), manager_email="ben@northwind.example")
    )

    def in_care(on):
        return [one.person.user_id for one in units.people_of(db, care, on=on)[0]]

    assert in_care(date(2026, 3, 1)) == []
    assert in_care(date(2026, 3, 2)) == [cast.ana]
    assert in_care(date(2026, 5, 31)) == [cast.ana]
    assert in_care(date(2026, 6, 1)) == []
    history = members.get(db, cast.ana, june).history
    assert [(past.unit, past.manager, past.until) for past in history] == [
        ("Unit O", "Ben Tester", None), ("Unit C", None, june),
    ]  # fmt: skip


def test_leaving_ends_the_stretch_and_returning_begins_another(db, cast, now):
    care = unit(db, now, "C")
    members.change(db, cast.ana, now=now, **facts("ana", org_unit_id=str(care)))
    later = datetime(2026, 6, 1, tzinfo=UTC)

    members.set_standing(db, cast.ana, "left", later, may_assign_roles=True)

    assert units.people_of(db, care)[0] == []
    assert [past.until for past in members.get(db, cast.ana, later).history] == [later]
    members.set_standing(db, cast.ana, "active", datetime(2026, 7, 1, tzinfo=UTC), may_assign_roles=True)
    assert [past.until for past in members.get(db, cast.ana, later).history] == [None, later]


def test_a_learner_does_not_see_the_tree_and_a_reader_cannot_change_it(sign_in, database, cast, now):
    with database.write(cast.northwind) as session:
        care = unit(session, now, "C")
        session.execute(text("UPDATE role_assignments SET role = 'auditor' WHERE user_id = :id"), {"id": cast.ben})
    ana, ben = sign_in("ana"), sign_in("ben")

    assert ana.get("/people/units").status_code == 403
    assert ben.get(f"/people/units/{care}").status_code == 200
    assert ben.post(f"/people/units/{care}/archive").status_code == 403
