"""Looking as somebody else: what they see, nothing changed, nobody with more rights, everything in the log."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from accounts.permissions import ROLES
from accounts.services import viewing
from core import clock
from core.errors import Forbidden
from core.http import access_of

BANNER = "Cem Tester is looking as Ana Tester"
WHY = {"reason": "Ana says a course is missing"}


@pytest.fixture
def cem(sign_in):
    return sign_in("cem")


def test_an_administrator_sees_what_a_learner_sees_until_one_button_ends_it(cem, cast):
    assert cem.post(f"/people/{cast.ana}/view-as", data={"reason": ""}).status_code == 422
    assert cem.post(f"/people/{cast.ana}/view-as", data=WHY).location == "/home"

    for page in ("/home", "/learning", "/catalog", "/me"):
        assert BANNER in cem.get(page, follow_redirects=True).text, page
    assert cem.get("/people").status_code == 403, "ana may not"
    assert BANNER in cem.get("/people").text
    assert cem.get("/me/personal-data").status_code == 403, "hers alone"

    assert cem.post("/view-as/end").location == f"/people/{cast.ana}"
    assert "looking as" not in cem.get("/people").text
    log = cem.get("/audit?action=view_as.").text
    assert "Cem Tester began to look as Ana Tester" in log
    assert "Cem Tester stopped looking as Ana Tester" in log
    assert "looking as Ana Tester" in log


def test_nothing_can_be_changed_meanwhile_by_any_route(app, cem, cast, database):
    cem.post(f"/people/{cast.ben}/view-as", data=WHY)
    with database.read(cast.northwind) as session:
        before = session.execute(text("SELECT max(seq) FROM audit_logs")).scalar()

    tried = 0
    for rule in app.url_map.iter_rules():
        access = access_of(app, rule.endpoint)
        unsafe = rule.methods - {"GET", "HEAD", "OPTIONS"}
        if access is None or access.host != "app" or access.permission is None or access.viewing or not unsafe:
            continue
        kinds = {"UUIDConverter": cast.ana, "IntegerConverter": 1}
        filled = {name: kinds.get(type(kind).__name__, "x") for name, kind in rule._converters.items()}
        for method in unsafe:
            assert cem.open(rule.build(filled)[1], method=method).status_code == 403, rule
            tried += 1
    assert tried > 100
    with database.read(cast.northwind) as session:
        assert session.execute(text("SELECT max(seq) FROM audit_logs")).scalar() == before
    assert cem.get("/people.csv").status_code == 403, "nothing is taken out"


def test_it_ends_by_itself_after_half_an_hour(cem, cast, settings):
    cem.post(f"/people/{cast.ana}/view-as", data=WHY)
    assert cem.get("/people").status_code == 403

    (settings.home / "clock").write_text((clock.now() + timedelta(minutes=31)).isoformat())

    assert cem.get("/people").status_code == 200


def test_it_ends_when_the_other_comes_to_may_more(cem, cast, database):
    cem.post(f"/people/{cast.ana}/view-as", data=WHY)
    with database.write(cast.northwind) as session:
        session.execute(
            text("UPDATE role_assignments SET role = 'platform_admin' WHERE user_id = :id"), {"id": cast.ana}
        )
        session.execute(
            text("UPDATE role_assignments SET role = 'training_admin' WHERE user_id = :id"), {"id": cast.cem}
        )

    assert "looking as" not in cem.get("/home", follow_redirects=True).text


def test_nobody_looks_as_somebody_who_may_do_more_nor_without_the_permission(sign_in, db, cast, now):
    assert sign_in("ben").post(f"/people/{cast.ana}/view-as", data=WHY).status_code == 403
    may = {*ROLES["training_admin"], viewing.PERMISSION}
    with pytest.raises(Forbidden, match="may do more than you"):
        viewing.begin(db, cast.ben, cast.cem, "curious", now, by=cast.ben, may=may)
    assert viewing.begin(db, cast.ben, cast.ana, "asked to", now, by=cast.ben, may=may) == "Ana Tester"


def test_nobody_looks_as_themselves(cem, cast):
    assert cem.post(f"/people/{cast.cem}/view-as", data=WHY).status_code == 409
