def test_an_administrator_adds_a_person_who_can_sign_in(sign_in, client):
    cem = sign_in("cem")
    person = {
        "first_name": "Dora", "last_name": "Lang", "email": "Dora@Northwind.example", "role": "learner",
        "password": "a first password",
    }  # fmt: skip

    assert cem.post("/people", data=person).status_code == 302

    page = client.get("/sign-in").text
    token = page.split('name="csrf-token" content="')[1].split('"')[0]
    answer = client.post("/sign-in", data=person | {"csrf_token": token, "email": "dora@northwind.example"})
    assert answer.status_code == 302


def test_every_wrong_field_is_named_at_once_and_nothing_is_stored(sign_in):
    cem = sign_in("cem")

    answer = cem.post("/people", data={"email": "no-address", "password": "short"})

    assert answer.status_code == 422
    for complaint in ("not an e-mail address", "first name is missing", "last name is missing", "at least 12"):
        assert complaint in answer.text
    assert "no-address" not in cem.get("/people").text


def test_the_list_finds_people_by_a_part_of_name_or_email(sign_in):
    page = sign_in("cem").get("/people?q=ana@").text

    assert "ana@northwind.example" in page
    assert "ben@northwind.example" not in page


def test_a_percent_sign_is_searched_for_literally(sign_in):
    assert "Nobody found" in sign_in("cem").get("/people?q=%25").text


def test_another_tenant_sees_none_of_them(sign_in):
    page = sign_in("zoe").get("/people").text

    assert "zoe@acme.example" in page
    assert "northwind" not in page.replace("Northwind", "")


def test_no_query_breaks_the_list(sign_in):
    cem = sign_in("cem")

    for query in ("q=%00", "page=99999999999999999999", "page=-1", "q=%5C%25_"):
        assert cem.get(f"/people?{query}").status_code == 200, query
