def test_the_right_password_opens_home(sign_in):
    client = sign_in("ana")

    assert client.get("/home").status_code == 200


def test_a_wrong_password_and_an_unknown_email_answer_alike(client):
    def answer(email):
        page = client.get("/sign-in").text
        token = page.split('name="csrf-token" content="')[1].split('"')[0]
        return client.post("/sign-in", data={"email": email, "password": "wrong", "csrf_token": token})

    wrong, unknown = answer("ana@northwind.example"), answer("nobody@northwind.example")

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace("ana@", "nobody@") == unknown.text


def test_a_page_leads_whoever_is_not_signed_in_to_the_sign_in_and_back(client):
    answer = client.get("/people?q=ana")

    assert answer.status_code == 302
    assert answer.location == "/sign-in?next=/people?q%3Dana"
