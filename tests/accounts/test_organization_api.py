"""The organization over REST: its name, its look, how people come in; what a program may and what takes a person."""

from accounts.services import providers, second_factor
from core import clock
from tests.world import PICTURE

PROVIDER = {"name": "Directory", "issuer": "https://id.example/realm", "client_id": "stoa", "client_secret": "hush"}


def test_name_language_and_time_zone_are_read_and_changed_as_they_were_read(program):
    found = program.get("/api/v1/organization")
    match = {"If-Match": found.headers["ETag"]}

    changed = program.patch("/api/v1/organization", json={"timezone": "Europe/Berlin"}, headers=match)
    late = program.patch("/api/v1/organization", json={"name": "Other"}, headers=match)
    wrong = program.patch("/api/v1/organization", json={"timezone": "Mars/Base", "locale": "tlh"})

    assert found.json == {
        "name": "Northwind Care", "slug": "northwind", "code": "NWC", "locale": "en", "timezone": "UTC",
    }  # fmt: skip
    assert (changed.status_code, changed.json["timezone"], changed.json["name"]) == (
        200, "Europe/Berlin", "Northwind Care",
    )  # fmt: skip
    assert late.status_code == 412
    assert {problem["pointer"] for problem in wrong.json["errors"]} == {"#/timezone", "#/locale"}


def test_colors_that_cannot_be_read_are_refused_and_a_logo_comes_and_goes(program):
    unread = program.put("/api/v1/organization/theme", json={"brand": "#ffff00", "accent": "#a8481f"})
    saved = program.put("/api/v1/organization/theme", json={"brand": "#0E5A6E", "accent": "#9a3f18"})
    with_logo = program.put("/api/v1/organization/theme/logo", data=PICTURE, content_type="image/png")
    no_picture = program.put("/api/v1/organization/theme/logo", data=b"GIF89a", content_type="image/png")

    assert (unread.status_code, unread.json["errors"][0]["pointer"]) == (422, "#/brand")
    assert saved.json["brand"] == "#0e5a6e"
    assert saved.json["contrast"] >= 4.5
    assert program.get(with_logo.json["logo_url"].removeprefix("http://localhost")).data == PICTURE
    assert no_picture.status_code == 422
    assert program.delete("/api/v1/organization/theme/logo").status_code == 204
    assert program.get("/api/v1/organization/theme").json["logo_url"] is None


def test_a_provider_is_prepared_by_a_program_and_let_in_by_a_person(program, sign_in, database, cast):
    made = program.post("/api/v1/identity-providers", json=PROVIDER, headers={"Idempotency-Key": "provider-1"})
    path = made.headers["Location"]
    assert made.status_code == 201
    assert (
        program.post("/api/v1/identity-providers", json=PROVIDER, headers={"Idempotency-Key": "provider-1"}).json
        == made.json
    )
    assert "hush" not in made.text
    assert made.json["redirect_uri"].startswith("http://localhost/sign-in/with/")
    renamed = program.patch(path, json={"name": "The directory"}, headers={"If-Match": made.headers["ETag"]})
    assert (renamed.json["name"], renamed.json["has_secret"]) == ("The directory", True)
    assert program.patch(path, json={"name": "X"}, headers={"If-Match": made.headers["ETag"]}).status_code == 412
    assert program.post(f"{path}/test").status_code == 409, "nobody answers there"
    cem = sign_in("cem")
    assert cem.patch(path, json={"is_active": True}).status_code == 409, "not tested yet"
    with database.write(cast.northwind) as session:
        providers.note_test(session, providers.listed(session)[0].id, PROVIDER["issuer"], clock.now())

    assert program.patch(path, json={"is_active": True}).status_code == 403
    assert cem.patch(path, json={"is_active": True}).json["is_active"] is True
    assert program.patch(path, json={"auto_provision": True}).status_code == 403
    assert program.patch(path, json={"is_active": False}).json["is_active"] is False


def test_a_program_asks_for_more_at_the_sign_in_and_never_for_less(program, sign_in, database, cast):
    with database.write(cast.northwind) as session:
        provider = providers.add(session, **PROVIDER, auto_provision=False, now=clock.now(), by=cast.cem)
        providers.note_test(session, provider, PROVIDER["issuer"], clock.now())
        providers.switch(session, provider, clock.now(), is_active=True)
        second_factor.store.organization(session).second_factor_for = ["auditor"]

    more = program.patch("/api/v1/settings", json={"requires_provider": True})
    less = [
        program.patch("/api/v1/settings", json=one) for one in ({"requires_provider": False}, {"second_factor_for": []})
    ]

    assert more.json == {"requires_provider": True, "second_factor_for": ["auditor"], "verified_domains": []}
    assert [answer.status_code for answer in less] == [403, 403]
    assert (
        sign_in("cem").patch("/api/v1/settings", json={"requires_provider": False}).json["requires_provider"] is False
    )
