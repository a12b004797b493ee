"""What every answer carries, what a session's cookie is, and what odd requests come to."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from core import clock
from tests.conftest import PASSWORD


def sign_in(client, password=PASSWORD, **more):
    token = re.search(r'name="csrf-token" content="([0-9a-f]+)"', client.get("/sign-in", follow_redirects=True).text)[1]
    form = {"email": "ana@northwind.example", "password": password, "csrf_token": token} | more
    return client.post("/sign-in", data=form)


@pytest.mark.parametrize("path", ["/sign-in", "/nothing/here", "/healthz", "/api/v1/openapi.json", "/verify"])
def test_every_answer_says_how_it_is_to_be_handled(client, path):
    headers = client.get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "no-store" in headers["Cache-Control"]
    assert not {"X-Powered-By", "Access-Control-Allow-Origin"} & set(headers.keys())
    assert re.search("charset=utf-8|json", headers["Content-Type"])


def test_the_sessions_cookie_is_kept_from_scripts_other_sites_and_clear_lines(app, client):
    plain = sign_in(client).headers["Set-Cookie"]
    parts = app.extensions["stoa"]
    app.extensions["stoa"] = replace(parts, config=replace(parts.config, app_origin="https://localhost"))
    secured = app.test_client()
    secured.environ_base["wsgi.url_scheme"] = "https"
    token = re.search(
        r'name="csrf-token" content="([0-9a-f]+)"', secured.get("/sign-in", base_url="https://localhost").text
    )
    form = {"email": "ana@northwind.example", "password": PASSWORD, "csrf_token": token[1]}
    answer = secured.post("/sign-in", data=form, base_url="https://localhost")

    assert all(word in plain for word in ("HttpOnly", "SameSite=Lax", "Path=/"))
    cookie = next(one for one in answer.headers.getlist("Set-Cookie") if one.startswith("__Host-stoa="))
    assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
    assert "Domain" not in cookie
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_a_session_is_new_at_each_sign_in_and_ends_after_idle_hours_and_after_two_weeks(client, settings):
    sign_in(client)
    first = client.get_cookie("stoa_session").value
    sign_in(client)
    second = client.get_cookie("stoa_session").value
    assert first != second
    assert len(second) >= 43, "256 bits, in base64"

    def status_after(start, **hours):
        (settings.home / "clock").write_text((start + timedelta(**hours)).isoformat())
        return client.get("/home").status_code

    start = clock.now()
    assert status_after(start, hours=11) == 200
    assert status_after(start, hours=22) == 200
    assert status_after(start, hours=35) == 302, "idle for thirteen hours"
    (settings.home / "clock").write_text(start.isoformat())
    sign_in(client)
    assert [status_after(start, hours=11 * step) for step in range(1, 32)].index(302) == 30, "two weeks of use"


def test_long_passwords_of_any_characters_and_spaces_are_taken_whole(sign_in, app):
    ana = sign_in("ana")
    long = "пароль  ⚓ " * 20
    ana.post("/me/password", data={"password": PASSWORD, "new_password": long})

    def opens(password):
        client = app.test_client()
        token = re.search(r'name="csrf-token" content="([0-9a-f]+)"', client.get("/sign-in").text)[1]
        form = {"email": "ana@northwind.example", "password": password, "csrf_token": token}
        return client.post("/sign-in", data=form).status_code

    assert opens(long.strip()) in (302, 401)
    assert opens(long) == 302
    assert opens(long[:64]) == 401, "cut off"


@pytest.mark.parametrize(
    "target", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_after_signing_in_nobody_is_led_to_another_site(client, target):
    assert sign_in(client, next=target).location in ("/", "/home")


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "PUT", "DELETE"])
def test_methods_that_a_page_has_not_are_refused(client, method):
    assert client.open("/sign-in", method=method).status_code in (403, 405)


def test_what_people_enter_is_text_on_every_page(sign_in, cast):
    cem = sign_in("cem")
    names = {"first_name": "<script>x</script>", "last_name": "\"'><img src=x>", "email": "x@northwind.example"}

    assert cem.post("/people", data=names).status_code == 302

    page = cem.get("/people").text
    assert "&lt;script&gt;" in page
    assert "<script>x" not in page
    assert "<img src=x>" not in page
    assert "' OR 1=1" not in cem.get("/people?q=' OR 1=1 --").text.partition("<tbody")[2]
    assert cem.get("/people?q=' OR 1=1 --&sort=name;DROP TABLE users").status_code == 200
