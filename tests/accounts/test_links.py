from datetime import timedelta

import pytest
from sqlalchemy import text

from accounts.services import people
from core import clock

DORA = {"first_name": "Dora", "last_name": "Lang", "email": "dora@northwind.example", "role": "learner"}
NEW = "seven quiet herons"


@pytest.fixture
def invited(sign_in, letters):
    """Dora's letter."""
    assert sign_in("cem").post("/people", data=DORA).status_code == 302
    return letters()[-1]


def test_one_link_confirms_the_email_sets_the_password_and_signs_in(invited, browser, database, cast):
    dora = browser()
    dora.get(invited.path)

    answer = dora.post("/invitation", {"password": NEW})

    assert answer.status_code == 302
    assert dora.get("/home").status_code == 200
    with database.read(cast.northwind) as session:
        assert people.find_by_verified_email(session, "dora@northwind.example") is not None
    assert browser().sign_in("dora@northwind.example", NEW).status_code == 302


def test_the_token_leaves_the_address_and_goes_to_no_other_site(invited, browser):
    answer = browser().get(invited.path)

    assert answer.location == "/invitation"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "HttpOnly" in answer.headers["Set-Cookie"]


def test_nobody_gets_in_before_the_invitation_is_accepted(invited, browser):
    assert browser().sign_in("dora@northwind.example", "").status_code == 401


def test_opening_the_link_uses_nothing_up_and_the_button_uses_it_once(invited, browser):
    for _ in range(2):
        assert "Welcome, Dora Lang" in browser().get(invited.path, follow_redirects=True).text
    dora, late = browser(), browser()
    dora.get(invited.path)
    late.get(invited.path)

    assert dora.post("/invitation", {"password": NEW}).status_code == 302
    assert late.post("/invitation", {"password": NEW}, form="/sign-in").status_code == 410


def test_a_weak_password_is_refused_and_the_link_still_works(invited, browser):
    dora = browser()
    dora.get(invited.path)

    for weak, complaint in (
        ("short", "at least 12"),
        ("dora@northwind.example", "first thing"),
        ("abababababab", "again and again"),
    ):
        answer = dora.post("/invitation", {"password": weak})
        assert (answer.status_code, complaint in answer.text) == (422, True), weak
    assert dora.post("/invitation", {"password": NEW}).status_code == 302


@pytest.mark.parametrize("token", ["", "made-up", "%00", "a" * 5000])
def test_links_that_never_existed_look_expired(browser, token):
    stranger = browser()
    for page in ("/invitation", "/new-password", "/confirm-email"):
        assert stranger.get(f"{page}?token={token}", follow_redirects=True).status_code == 410


def test_an_expired_link_says_so(invited, browser, settings):
    (settings.home / "clock").write_text((clock.now() + timedelta(days=15)).isoformat())

    assert "no longer works" in browser().get(invited.path, follow_redirects=True).text


def test_a_link_of_one_purpose_is_useless_for_another(invited, browser):
    thief = browser()
    thief.get(invited.path.replace("/invitation", "/new-password"))

    assert thief.post("/new-password", {"password": NEW}, form="/sign-in").status_code == 410


def test_neither_token_nor_its_letter_lies_readable_in_the_database(invited, database, cast):
    token = invited.path.partition("token=")[2]
    with database.read(cast.northwind) as session:
        for table in ("jobs", "one_time_tokens", "audit_logs", "domain_events"):
            rows = session.execute(text(f"SELECT to_jsonb(t)::text FROM {table} t")).scalars()
            assert not any(token in row for row in rows), table


def test_somebody_known_elsewhere_is_asked_and_keeps_the_password(sign_in, letters, browser):
    zoe = DORA | {"email": "zoe@acme.example", "password": "set by somebody else"}
    assert sign_in("cem").post("/people", data=zoe).status_code == 302
    letter = letters()[-1]
    guest = browser()

    page = guest.get(letter.path, follow_redirects=True).text
    assert "have an account already" in page
    assert guest.post("/invitation").location == "/sign-in"
    assert guest.get("/home").status_code == 302
    assert browser().sign_in("zoe@acme.example", "set by somebody else").status_code == 401
    assert browser().sign_in("zoe@acme.example").status_code == 302


def test_a_forgotten_password_is_set_anew_and_ends_every_session(sign_in, browser, letters):
    ana, forgetful = sign_in("ana"), browser()
    forgetful.post("/forgotten-password", {"email": "Ana@northwind.example "})
    letter = letters()[-1]
    assert letter.to == "ana@northwind.example"

    forgetful.get(letter.path)
    assert forgetful.post("/new-password", {"password": NEW}).location == "/sign-in"

    assert ana.get("/home").status_code == 302
    assert browser().sign_in("ana@northwind.example").status_code == 401
    assert browser().sign_in("ana@northwind.example", NEW).status_code == 302
    assert letters()[-1].subject == "Your password was changed"


def test_asking_for_a_reset_answers_alike_and_writes_to_nobody_unknown(browser, letters):
    known = browser().post("/forgotten-password", {"email": "ana@northwind.example"})
    unknown = browser().post("/forgotten-password", {"email": "nobody@northwind.example"})

    assert known.status_code == unknown.status_code == 200
    assert known.text.partition("<main")[2] == unknown.text.partition("<main")[2]
    assert [letter.to for letter in letters()] == ["ana@northwind.example"]


def test_three_reset_letters_an_hour_are_enough_and_only_the_last_works(browser, letters):
    for _ in range(5):
        browser().post("/forgotten-password", {"email": "ana@northwind.example"})
    sent = letters()

    assert len(sent) == 3
    assert browser().get(sent[0].path, follow_redirects=True).status_code == 410
    assert browser().get(sent[2].path, follow_redirects=True).status_code == 200


def test_an_email_is_confirmed_by_its_letter(sign_in, browser, letters):
    sign_in("cem").post("/people", data=DORA | {"password": NEW})
    dora = browser()
    dora.sign_in("dora@northwind.example", NEW)
    assert "Not confirmed" in dora.get("/me").text

    dora.post("/me/confirm-email", form="/me")
    letter = letters()[-1]
    browser().get(letter.path, follow_redirects=True)
    assert "Not confirmed" in dora.get("/me").text
    elsewhere = browser()
    elsewhere.get(letter.path)
    elsewhere.post("/confirm-email")

    assert "Not confirmed" not in dora.get("/me").text
