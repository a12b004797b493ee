from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from accounts.services import custom_fields, deputies, external_ids, members, personal_data, sealing
from core.errors import Invalid, Unavailable
from tests.accounts.test_members import FACTS, facts

DATA = {
    "phone": "+49 30 123456", "address": "Elm Street 5", "postal_code": "12045", "date_of_birth": "1990-03-31",
    "emergency_contact": "Ida Novak", "emergency_phone": "030 99", "city": "Berlin", "state": "", "country": "DE",
}  # fmt: skip
FIELD = {
    "code": "shift", "label": "Shift", "field_type": "choice", "choices": "Day\nNight", "is_required": "",
    "visibility": "readers", "sort_order": "0",
}  # fmt: skip


@pytest.fixture
def keys():
    yield [b"the first key", b"the second key"]
    sealing.use(b"not configured")


def test_personal_data_is_for_the_person_and_for_who_may_see_sensitive_data(sign_in, database, cast):
    cem, ben, ana = sign_in("cem"), sign_in("ben"), sign_in("ana")

    assert cem.post(f"/people/{cast.ana}/personal-data", data=DATA).status_code == 302

    assert "Elm Street 5" in cem.get(f"/people/{cast.ana}/personal-data").text
    assert "Elm Street 5" in ana.get("/me/personal-data").text
    assert ben.get(f"/people/{cast.ana}/personal-data").status_code == 403
    assert "Elm Street 5" not in ben.get(f"/people/{cast.ana}").text
    with database.read(cast.northwind) as session:
        actions = session.execute(text("SELECT action FROM audit_logs WHERE subject_user_id = :id"), {"id": cast.ana})
        assert {"personal_data.read", "personal_data.changed"} <= set(actions.scalars())
        log = session.execute(text("SELECT string_agg(audit_logs::text, '') FROM audit_logs")).scalar()
        assert "Elm Street" not in log


def test_the_database_holds_no_sensitive_word_and_a_moved_value_does_not_open(db, cast, now):
    personal_data.save(db, cast.ana, DATA, now)
    personal_data.save(db, cast.ben, DATA, now)

    stored = db.execute(text("SELECT * FROM user_profiles WHERE user_id = :id"), {"id": cast.ana}).one()
    assert not any(b"Elm" in value for value in stored if isinstance(value, bytes))
    assert stored.key_id == sealing.key_id()
    assert personal_data.get(db, cast.ana) == DATA
    for moved in (
        "UPDATE user_profiles SET phone = address WHERE user_id = :ana",
        "UPDATE user_profiles a SET phone = b.phone FROM user_profiles b WHERE a.user_id = :ana AND b.user_id = :ben",
    ):
        with db.begin_nested() as attempt:
            db.execute(text(moved), {"ana": cast.ana, "ben": cast.ben})
            db.expire_all()
            with pytest.raises(Unavailable):
                personal_data.get(db, cast.ana)
            attempt.rollback()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("phone", "call me"),
        ("date_of_birth", "31.3.1990"),
        ("date_of_birth", "2099-01-01"),
        ("country", "Germany"),
        ("country", "de"),
    ],
)
def test_what_cannot_be_is_refused_where_it_stands(db, cast, now, name, value):
    with pytest.raises(Invalid) as error:
        personal_data.save(db, cast.ana, DATA | {name: value}, now)

    assert [problem.where for problem in error.value.problems] == [name]


def test_keys_are_rotated_while_people_read(db, cast, now, keys):
    first, second = keys
    sealing.use(first)
    for person in (cast.ana, cast.ben):
        personal_data.save(db, person, DATA, now)
    secret = sealing.seal(b"totp", cast.cem.bytes)
    db.execute(
        text("UPDATE users SET mfa_secret = :secret, mfa_key_id = :key WHERE id = :id"),
        {"secret": secret, "key": sealing.key_id(), "id": cast.cem},
    )

    sealing.use(second, first)
    assert personal_data.get(db, cast.ana) == DATA
    done = personal_data.rotate(db)

    assert (done.profiles, done.second_factors) == (2, 1)
    assert personal_data.rotate(db) == personal_data.Rotated(0, 0)
    sealing.use(second)
    db.expire_all()
    assert personal_data.get(db, cast.ana) == DATA
    row = db.execute(text("SELECT mfa_secret, mfa_key_id FROM users WHERE id = :id"), {"id": cast.cem}).one()
    assert sealing.unseal(row.mfa_secret, cast.cem.bytes, row.mfa_key_id) == b"totp"
    sealing.use(first)
    db.expire_all()
    with pytest.raises(Unavailable, match="STOA_SEALING_KEYS"):
        personal_data.get(db, cast.ana)


def test_an_own_field_is_defined_filled_in_and_seen(sign_in, cast):
    cem = sign_in("cem")
    assert cem.post("/people/fields", data=FIELD).status_code == 302
    assert sign_in("ben").post("/people/fields", data=FIELD | {"code": "x"}).status_code == 403

    wrong = cem.post(f"/people/{cast.ana}/edit", data=FACTS | {"custom_shift": "Noon"})
    saved = cem.post(f"/people/{cast.ana}/edit", data=FACTS | {"custom_shift": "night"})

    assert wrong.status_code == 422
    assert "Choose one of Day, Night" in wrong.text
    assert saved.status_code == 302
    assert "Night" in cem.get(f"/people/{cast.ana}").text


def test_a_field_is_seen_by_whom_it_is_for_and_kept_when_others_edit(sign_in, cast):
    cem, ben = sign_in("cem"), sign_in("ben")
    cem.post("/people/fields", data=FIELD | {"visibility": "sensitive"})
    cem.post(f"/people/{cast.ana}/edit", data=FACTS | {"custom_shift": "Night"})

    ben.post(f"/people/{cast.ana}/edit", data=FACTS | {"custom_shift": "Day", "employee_id": "E-8"})

    assert "Night" not in ben.get(f"/people/{cast.ana}").text
    assert "Night" in cem.get(f"/people/{cast.ana}").text
    assert "E-8" in cem.get(f"/people/{cast.ana}").text


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        ("number", "12.50", "12.50"),
        ("number", "1e2", "100"),
        ("number", "NaN", None),
        ("number", "1e999999", None),
        ("date", "2026-03-31", "2026-03-31"),
        ("date", "soon", None),
        ("yes_no", "Yes", "yes"),
        ("yes_no", "perhaps", None),
        ("text", "in one\nline", None),
    ],
)
def test_a_value_fits_its_field_or_is_refused(db, now, kind, given, kept):
    custom_fields.add(db, now, **(FIELD | {"code": "own", "field_type": kind}))

    values, problems = custom_fields.merged(custom_fields.listed(db), {}, {"own": given})

    assert values.get("own") == kept
    assert [problem.where for problem in problems] == ([] if kept else ["custom_own"])


def test_a_required_field_cannot_be_left_empty(db, cast, now):
    custom_fields.add(db, now, **(FIELD | {"is_required": "1"}))

    with pytest.raises(Invalid) as error:
        members.change(db, cast.ana, now=now, custom={"shift": ""}, **facts("ana"))
    assert "Shift is missing" in error.value.problems[0].what


def test_another_systems_id_belongs_to_one_person(sign_in, database, cast):
    cem = sign_in("cem")
    id_there = {"source_system": "workday", "external_id": "W-1"}

    assert cem.post(f"/people/{cast.ana}/external-ids", data=id_there).status_code == 302
    taken = cem.post(f"/people/{cast.ben}/external-ids", data=id_there)

    assert taken.status_code == 422
    assert "somebody else by this id" in taken.text
    with database.write(cast.northwind) as session:
        assert external_ids.find_people(session, "workday", ["W-1", "W-2"]) == {"W-1": cast.ana}
        (known,) = external_ids.of_person(session, cast.ana)
    cem.post(f"/people/{cast.ana}/external-ids/{known.id}/remove")
    assert cem.post(f"/people/{cast.ben}/external-ids", data=id_there).status_code == 302


def test_a_deputy_stands_in_on_their_days_and_no_others(sign_in, database, cast):
    cem = sign_in("cem")
    days = {"deputy_email": "ana@northwind.example", "deputy_from": "2026-03-01", "deputy_until": "2026-03-31"}

    assert cem.post(f"/people/{cast.ben}/deputies", data=days).status_code == 302

    assert "Ana Tester" in cem.get(f"/people/{cast.ben}").text
    with database.read(cast.northwind) as session:
        for month, day, stands_in in ((2, 28, False), (3, 1, True), (3, 31, True), (4, 1, False)):
            moment = datetime(2026, month, day, 12, tzinfo=UTC)
            assert deputies.represented_by(session, cast.ana, moment) == ([cast.ben] if stands_in else [])


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"deputy_email": "ben@northwind.example"}, "stands in for themselves"),
        ({"deputy_email": "zoe@acme.example"}, "Nobody here"),
        ({"deputy_from": "2026-03-31", "deputy_until": "2026-03-01"}, "before the first"),
        ({"deputy_from": "soon"}, "not a day"),
        ({"deputy_from": "2026-03-15", "deputy_until": ""}, "during these days already"),
    ],
)
def test_a_deputy_that_cannot_be_is_refused(sign_in, cast, given, complaint):
    cem = sign_in("cem")
    days = {"deputy_email": "ana@northwind.example", "deputy_from": "2026-03-01", "deputy_until": "2026-03-31"}
    cem.post(f"/people/{cast.ben}/deputies", data=days)

    answer = cem.post(f"/people/{cast.ben}/deputies", data=days | given)

    assert answer.status_code == 422
    assert complaint in answer.text
