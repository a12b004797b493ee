import re
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from accounts.services import audiences, custom_fields, members, positions
from core.errors import Invalid
from tests.accounts.test_members import facts
from tests.accounts.test_units import BLANK, unit
from tests.conftest import PASSWORD


def rule(field, *values, op="is"):
    return {"field": field, "op": op, "value": [str(value) for value in values]}


def found(db, now, *conditions, kind="all"):
    return {person.first_name for person in audiences.preview(db, {kind: list(conditions)}, now).sample}


@pytest.fixture
def staff(db, cast, now):
    """Ana, a nurse of the ward below Care, reports to Ben in the office, who reports to Cem."""
    care, office = unit(db, now, "C"), unit(db, now, "O")
    ward = unit(db, now, "W", care)
    nurse = positions.add(db, now, name="Nurse", code="N", description="")
    custom_fields.add(
        db, now, code="level", label="Level", field_type="number", choices="", is_required="",
        visibility="readers", sort_order="0",
    )  # fmt: skip
    members.change(
        db, cast.ana, now=now, tags="night, first aid", custom={"level": "9"},
        **facts("ana", org_unit_id=str(ward), position_id=str(nurse), manager_email="ben@northwind.example"),
    )  # fmt: skip
    members.change(
        db, cast.ben, now=now, custom={"level": "10"},
        **facts("ben", org_unit_id=str(office), manager_email="cem@northwind.example", hired_on="2020-01-01"),
    )  # fmt: skip
    return {"care": care, "office": office, "ward": ward, "nurse": nurse}


def test_every_word_of_a_rule_finds_whom_it_names(db, cast, now, staff):
    assert found(db, now, rule("unit", staff["care"], op="in_tree")) == {"Ana"}
    assert found(db, now, rule("unit", staff["care"])) == set()
    assert found(db, now, rule("position", staff["nurse"])) == {"Ana"}
    assert found(db, now, rule("manager", cast.cem, op="directly")) == {"Ben"}
    assert found(db, now, rule("manager", cast.cem, op="in_line")) == {"Ana", "Ben"}
    assert found(db, now, rule("role", "org_admin", "training_admin")) == {"Ben", "Cem"}
    assert found(db, now, rule("joined", "2021-01-01", op="before")) == {"Ben"}
    assert found(db, now, rule("joined", "2025-04-01", op="from")) == {"Ana", "Cem"}
    assert found(db, now, rule("tag", "first aid")) == {"Ana"}
    assert found(db, now, rule("person", cast.cem)) == {"Cem"}
    assert found(db, now, rule("own.level", "9.5", op="at_least")) == {"Ben"}


def test_groups_say_all_any_and_none(db, now, staff):
    in_office, nurses = rule("unit", staff["office"]), rule("position", staff["nurse"])

    assert found(db, now, in_office, nurses) == set()
    assert found(db, now, in_office, nurses, kind="any") == {"Ana", "Ben"}
    assert found(db, now, in_office, nurses, kind="none") == {"Cem"}
    assert found(db, now, {"none": [in_office]}, {"any": [nurses, rule("role", "org_admin")]}) == {"Ana", "Cem"}


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        pytest.param({}, "not a rule", id="nothing"),
        pytest.param({"all": []}, "no condition", id="empty"),
        pytest.param({"all": [], "any": []}, "not a rule", id="two kinds"),
        pytest.param({"all": [{"field": "unit"}]}, "not a rule", id="half a condition"),
        pytest.param({"all": ["unit"]}, "not a rule", id="a word alone"),
        pytest.param({"all": [rule("shoe size", 43)]}, "know no shoe size", id="unknown word"),
        pytest.param({"all": [rule("unit", "x", op="contains")]}, "cannot be compared", id="wrong way to compare"),
        pytest.param({"all": [rule("unit", "x")]}, "not there any more", id="unknown unit"),
        pytest.param({"all": [rule("person", "x")]}, "not here", id="nobody"),
        pytest.param({"all": [rule("joined", "soon", op="before")]}, "not a day", id="no day"),
        pytest.param({"all": [{"all": [{"all": [{"all": [{"all": [rule("tag", "a")]}]}]}]}]}, "deep", id="too deep"),
    ],
)
def test_what_is_no_rule_is_refused_with_its_place(db, now, broken, complaint):
    with pytest.raises(Invalid) as error:
        audiences.add(db, name="X", description="", rule=broken, now=now)

    assert any(complaint in problem.what for problem in error.value.problems), error.value.problems


def test_another_organizations_people_are_never_found(db, cast, now):
    with pytest.raises(Invalid):
        audiences.preview(db, {"all": [rule("person", cast.zoe)]}, now)


def test_who_was_in_it_is_known_for_every_day(db, cast, now, staff):
    night = audiences.add(db, name="Night", description="", rule={"all": [rule("tag", "night")]}, now=now)
    june = datetime(2026, 6, 1, 9, tzinfo=UTC)
    members.change(db, cast.ana, now=june, **facts("ana"))
    members.change(db, cast.ben, now=june, tags="night", **facts("ben"))
    audiences.refresh_people(db, [cast.ana, cast.ben], june)
    audiences.refresh_people(db, [cast.ana, cast.ben], june)

    def on(*day):
        return [one.person.first_name for one in audiences.members(db, night, on=date(*day))[0]]

    assert on(2026, 3, 1) == []
    assert on(2026, 3, 2) == ["Ana"]
    assert on(2026, 5, 31) == ["Ana"]
    assert on(2026, 6, 1) == ["Ben"]
    assert audiences.get(db, night).member_count == 1
    events = db.execute(text("SELECT payload FROM domain_events WHERE event_type = 'AudienceChanged' ORDER BY seq"))
    assert [(event["entered"], event["left"]) for event in events.scalars()] == [(1, 0), (1, 1)]


def test_a_rule_is_built_step_by_step_previewed_and_kept(sign_in, cast):
    cem, draft = sign_in("cem"), {"name": "Administrators", "kind.": "all", "new.": "role"}

    step = cem.post("/people/audiences", data=draft | {"do": "add:"})
    assert 'name="field.0" value="role"' in step.text
    empty = cem.post("/people/audiences", data=draft | {"node": "0", "field.0": "role", "op.0": "is", "do": "save"})
    assert empty.status_code == 422
    assert "no value yet" in empty.text
    chosen = draft | {"node": ["0"], "field.0": "role", "op.0": "is", "value.0": ["org_admin", "training_admin"]}
    grouped = cem.post("/people/audiences", data=chosen | {"do": "group:"})
    assert 'name="node" value="1"' in grouped.text
    chosen |= {
        "node": ["0", "1", "1.0"], "kind.1": "none", "field.1.0": "person", "op.1.0": "is",
        "value.1.0": "ben@northwind.example",
    }  # fmt: skip
    previewed = cem.post("/people/audiences", data=chosen | {"do": "preview"})
    assert "1 person belongs today" in previewed.text
    assert "cem@northwind.example" in previewed.text
    saved = cem.post("/people/audiences", data=chosen | {"do": "save"})

    page = cem.get(saved.headers["Location"]).text
    assert '<td data-label="E-mail">cem@northwind.example' in page
    assert "ben@northwind.example" in page
    assert "Ben Tester" not in page
    again = cem.get(saved.headers["Location"] + "/edit").text
    assert re.search(r'value="org_admin" selected', again)
    removed = cem.post(saved.headers["Location"] + "/edit", data=chosen | {"do": "remove:1"})
    assert 'value="1.0"' not in removed.text
    unknown = cem.post("/people/audiences", data=chosen | {"value.1.0": "zoe@acme.example", "do": "preview"})
    assert unknown.status_code == 422
    assert "Nobody here has the e-mail zoe@acme.example" in unknown.text


def test_joining_moving_and_leaving_is_heard_by_audiences(sign_in, database, cast, run_jobs, now):
    cem = sign_in("cem")
    with database.write(cast.northwind) as session:
        care, office = unit(session, now, "C"), unit(session, now, "O")
        ward = unit(session, now, "W", care)
        in_care = audiences.add(
            session, name="Care", description="", now=now, rule={"all": [rule("unit", care, op="in_tree")]}
        )
        learners = audiences.add(session, name="L", description="", now=now, rule={"all": [rule("role", "learner")]})

    def inside(audience_id):
        run_jobs()
        with database.read(cast.northwind) as session:
            return {one.person.first_name for one in audiences.members(session, audience_id)[0]}

    cem.post(f"/people/{cast.ana}/edit", data=facts("ana", org_unit_id=ward))
    assert inside(in_care) == {"Ana"}
    cem.post(
        "/people",
        data={"first_name": "Dora", "last_name": "L", "email": "dora@northwind.example", "password": PASSWORD},
    )
    assert inside(learners) == {"Ana", "Dora"}
    cem.post(f"/people/units/{ward}/edit", data=BLANK | {"name": "Ward", "code": "W", "parent_id": str(office)})
    assert inside(in_care) == set()
    cem.post(f"/people/{cast.ana}/standing", data={"status": "left"})
    assert inside(learners) == {"Dora"}


def test_a_new_manager_moves_everybody_below(database, sign_in, cast, run_jobs, now):
    cem = sign_in("cem")
    with database.write(cast.northwind) as session:
        members.change(session, cast.ana, now=now, **facts("ana", manager_email="ben@northwind.example"))
        under_cem = audiences.add(
            session, name="Cem's", description="", now=now, rule={"all": [rule("manager", cast.cem, op="in_line")]}
        )
    cem.post(f"/people/{cast.ben}/edit", data=facts("ben", manager_email="cem@northwind.example"))

    run_jobs()

    with database.read(cast.northwind) as session:
        assert audiences.get(session, under_cem).member_count == 2


def test_an_archived_audience_holds_nobody(sign_in, database, cast, now):
    cem = sign_in("cem")
    with database.write(cast.northwind) as session:
        all_admins = audiences.add(
            session, name="A", description="", now=now, rule={"all": [rule("role", "training_admin")]}
        )

    cem.post(f"/people/audiences/{all_admins}/archive")

    assert "Ben Tester" not in cem.get(f"/people/audiences/{all_admins}").text
    cem.post(f"/people/audiences/{all_admins}/restore")
    assert "Ben Tester" in cem.get(f"/people/audiences/{all_admins}").text
