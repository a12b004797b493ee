"""One thing done to many people: who is left out and why, as a whole, undone but for those changed since."""

import re

import pytest
from sqlalchemy import text

from accounts.services import listing, members, people_actions
from core.errors import Conflict, Forbidden, Invalid
from tests.accounts.test_units import unit

EVERYTHING = {"people.write", "roles.assign", "people.read"}


def begun(session, cast, kind, people, now, target="", may=None):
    """Choose these people for something; answer the action."""
    may = may or people_actions._may(session, cast.cem, now)
    action = people_actions.begin(session, kind, people, now, by=cast.cem, may=may)
    if target:
        people_actions.aim(session, action, target, may=may)
    return action


def done(session, cast, kind, people, now, target=""):
    """Do it; answer the action's row."""
    action = begun(session, cast, kind, people, now, target)
    people_actions.ask_to_apply(session, action, now, may=people_actions._may(session, cast.cem, now))
    return people_actions.get(session, action)


def undone(session, cast, row, now):
    people_actions.ask_to_undo(session, row.id, now, by=cast.cem, may=people_actions._may(session, cast.cem, now))
    return row.totals


def test_people_are_put_into_a_unit_and_back_but_for_whom_somebody_moved_since(db, cast, now):
    care, ward = unit(db, now, "C"), unit(db, now, "W")
    first = done(db, cast, "unit", [cast.ana], now, str(ward))
    row = done(db, cast, "unit", [cast.ana, cast.ben, cast.cem], now, str(ward))
    assert first.totals["changed"] == 1
    assert row.totals == {"changed": 2, "left_out": {"there": 1}}
    assert members.get(db, cast.ben, now).unit[0] == ward
    assert [stretch.unit for stretch in members.get(db, cast.ben, now).history if stretch.until is None] == ["Unit W"]

    done(db, cast, "unit", [cast.ben], now, str(care))
    assert undone(db, cast, row, now) == {"changed": 2, "left_out": {"there": 1}, "restored": 1, "kept": 1}

    assert members.get(db, cast.ben, now).unit[0] == care, "moved since, left alone"
    assert members.get(db, cast.cem, now).unit is None
    assert [(person.user_id, why) for person, why in people_actions.kept(db, row.id)] == [(cast.ben, "changed_since")]
    with pytest.raises(Conflict):
        people_actions.ask_to_undo(db, row.id, now, by=cast.cem, may=EVERYTHING)


def test_a_tag_is_given_once_and_taken_away_again(db, cast, now):
    done(db, cast, "tag", [cast.ana], now, "night shift")
    row = done(db, cast, "tag", [cast.ana, cast.ben], now, "night shift")
    assert row.totals == {"changed": 1, "left_out": {"tagged": 1}}

    undone(db, cast, row, now)

    assert [members.get(db, one, now).tags for one in (cast.ana, cast.ben)] == [["night shift"], []]
    with pytest.raises(Invalid):
        begun(db, cast, "tag", [cast.ana], now, "one, two")


def test_a_role_is_given_to_those_without_it_and_taken_back(db, cast, now):
    row = done(db, cast, "role", [cast.ana, cast.ben], now, "training_admin")
    assert row.totals == {"changed": 1, "left_out": {"has_role": 1}}
    assert "training_admin" in [held.code for held in members.get(db, cast.ana, now).roles]

    undone(db, cast, row, now)

    assert "training_admin" not in [held.code for held in members.get(db, cast.ana, now).roles]


def test_nobody_gives_many_what_they_may_not_give_one(db, cast, now):
    with pytest.raises(Forbidden):
        begun(db, cast, "role", [cast.ana], now, "learner", may={"people.write"})
    with pytest.raises(Forbidden):
        begun(db, cast, "role", [cast.ana], now, "org_admin", may=EVERYTHING)
    action = begun(db, cast, "role", [cast.ana], now, "auditor")
    db.execute(text("DELETE FROM role_assignments WHERE user_id = :cem"), {"cem": cast.cem})
    with pytest.raises(Forbidden):  # looked at again when it is done
        people_actions.ask_to_apply(db, action, now, may=EVERYTHING)


def test_whose_membership_ends_comes_back_as_they_were_and_never_oneself(db, cast, now):
    members.set_standing(db, cast.ben, "on_leave", now, may_assign_roles=True)
    row = done(db, cast, "leave", [cast.ana, cast.ben, cast.cem], now)
    assert row.totals == {"changed": 2, "left_out": {"self": 1}}
    assert members.get(db, cast.ana, now).status == "left"

    members.set_standing(db, cast.ana, "active", now, may_assign_roles=True)
    totals = undone(db, cast, row, now)

    assert (totals["restored"], totals["kept"]) == (1, 1)
    assert (members.get(db, cast.ben, now).status, members.get(db, cast.ben, now).left_on) == ("on_leave", None)


def test_letters_go_to_the_invited_only_and_cannot_be_taken_back(db, cast, now):
    db.execute(text("UPDATE memberships SET status = 'invited' WHERE user_id = :ana"), {"ana": cast.ana})
    row = done(db, cast, "invite", [cast.ana, cast.ben], now)
    assert row.totals == {"changed": 1, "left_out": {"not_invited": 1}}
    with pytest.raises(Conflict, match="cannot be taken back"):
        people_actions.ask_to_undo(db, row.id, now, by=cast.cem, may=EVERYTHING)


def test_an_administrator_chooses_all_of_the_list_looks_and_does_it(
    sign_in, cast, database, now, run_jobs, monkeypatch
):
    cem = sign_in("cem")
    assert "Nobody was chosen" in cem.post("/people/actions", data={"act": "tag"}).text
    page = cem.post("/people/actions?q=tester", data={"act": "tag", "all": "1"}).location
    assert "3 people were chosen. Nothing has been changed yet." in cem.get(page).text
    assert "without a comma" in cem.post(f"{page}/target", data={"target": "a,b"}).text
    cem.post(f"{page}/target", data={"target": "day"})
    assert "Give 3 people the tag day" in cem.get(page).text

    monkeypatch.setattr(people_actions, "AT_ONCE", 2)  # more than that: a job's work
    cem.post(f"{page}/apply")
    assert 'data-step="applying"' in cem.get(page).text
    run_jobs()

    assert 'data-step="applied"' in cem.get(page).text
    assert "Give a tag: day" in cem.get("/people/actions").text
    with database.read(cast.northwind) as session:
        assert listing.ids(session, listing.wanted(search="tester"), now)
        assert {tuple(members.get(session, one, now).tags) for one in (cast.ana, cast.ben, cast.cem)} == {("day",)}
    assert "Cem Tester changed many people at once" in cem.get("/audit?action=people_action.").text
    cem.post(f"{page}/undo")
    run_jobs()
    assert re.search(r'data-step="undone"', cem.get(page).text)
    assert sign_in("ana").post("/people/actions", data={"act": "tag", "user": str(cast.ben)}).status_code == 403
