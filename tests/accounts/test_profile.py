import pytest

NEW = "seven quiet herons"
MINE = {"first_name": "Anna", "last_name": "Tester", "locale": "", "timezone": "Europe/Berlin"}


def test_a_person_changes_name_and_time_zone(sign_in):
    ana = sign_in("ana")

    assert ana.post("/me", data=MINE).status_code == 302

    page = ana.get("/me").text
    assert "Anna Tester" in page
    assert '<option value="Europe/Berlin" selected>' in page


def test_every_wrong_field_of_a_profile_is_named(sign_in):
    answer = sign_in("ana").post(
        "/me", data={"first_name": " ", "last_name": "a\nb", "locale": "xx", "timezone": "Mars/Base"}
    )

    assert answer.status_code == 422
    for complaint in ("first name is missing", "in one line", "does not speak", "no such time zone"):
        assert complaint in answer.text


def test_a_new_password_needs_the_present_one_and_ends_the_other_sessions(sign_in, browser):
    ana, other = sign_in("ana"), sign_in("ana")

    assert ana.post("/me/password", data={"password": "wrong", "new_password": NEW}).status_code == 422
    assert other.get("/home").status_code == 200
    form = {"password": "correct horse battery", "new_password": NEW}
    assert ana.post("/me/password", data=form).status_code == 302

    assert ana.get("/home").status_code == 200
    assert other.get("/home").status_code == 302
    assert browser().sign_in("ana@northwind.example", NEW).status_code == 302


def test_guessing_the_present_password_is_slowed_like_at_the_sign_in(sign_in):
    ana = sign_in("ana")
    for _ in range(5):
        ana.post("/me/password", data={"password": "wrong", "new_password": NEW})

    answer = ana.post("/me/password", data={"password": "correct horse battery", "new_password": NEW})

    assert answer.status_code == 422
    assert "Too many wrong passwords" in answer.text


def test_one_session_is_ended_from_another(sign_in):
    ana, lost = sign_in("ana"), sign_in("ana")
    page = ana.get("/me/sessions").text
    assert "signed in with 2 browsers" in page
    (path,) = [part.partition('"')[0] for part in page.split('action="')[1:] if "/end" in part and "others" not in part]

    assert ana.post(path).status_code == 302

    assert lost.get("/home").status_code == 302
    assert ana.get("/home").status_code == 200


def test_all_other_sessions_are_ended_at_once(sign_in):
    ana, lost, ben = sign_in("ana"), sign_in("ana"), sign_in("ben")

    ana.post("/me/sessions/end-others")

    assert [client.get("/home").status_code for client in (ana, lost, ben)] == [200, 302, 200]


@pytest.mark.parametrize("stranger", ["ben", "zoe"])
def test_nobody_ends_somebody_elses_session(sign_in, stranger):
    ana, other = sign_in("ana"), sign_in("ana")
    page = ana.get("/me/sessions").text
    (path,) = [part.partition('"')[0] for part in page.split('action="')[1:] if "/end" in part and "others" not in part]

    assert sign_in(stranger).post(path).status_code == 404
    assert other.get("/home").status_code == 200
