import base64
import re
from datetime import timedelta

import pytest
from sqlalchemy import text

from accounts.services import sealing, second_factor
from core import clock
from core.errors import Forbidden, Unavailable

PASSWORD = "correct horse battery"


class Phone:
    """An authenticator: the secret it was told, and a clock that can be ahead."""

    def __init__(self, settings, secret: str) -> None:
        self.settings = settings
        self.secret = base64.b32decode(secret.replace(" ", ""))
        self.now = clock.now()

    def code(self, steps: int = 0) -> str:
        return second_factor.code_at(self.secret, int(self.now.timestamp()) // 30 + steps)

    def later(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        (self.settings.home / "clock").write_text(self.now.isoformat())


@pytest.fixture
def protected(sign_in, settings):
    """Ana's browser, her phone and her recovery codes."""
    ana = sign_in("ana")
    page = ana.post("/me/second-factor", data={"password": PASSWORD}).text
    phone = Phone(settings, re.search(r'id="secret" value="([A-Z2-7 ]+)"', page)[1])
    phone.later(0)
    page = ana.post("/me/second-factor/confirm", data={"code": phone.code()}).text
    codes = re.search(r"<code>([^<]+)</code>", page)[1].split()
    assert len(codes) == 10
    phone.later(60)
    return ana, phone, codes


# RFC 4226 appendix D and RFC 6238 appendix B (SHA-1, last six digits)
@pytest.mark.parametrize(
    ("step", "code"),
    [
        pytest.param(0, "755224", id="RFC 4226 counter 0"),
        pytest.param(9, "520489", id="RFC 4226 counter 9"),
        pytest.param(59 // 30, "287082", id="RFC 6238 59 s"),
        pytest.param(1111111109 // 30, "081804", id="RFC 6238 2005"),
        pytest.param(20000000000 // 30, "353130", id="RFC 6238 2603"),
    ],
)
def test_codes_are_those_of_the_standard(step, code):
    assert second_factor.code_at(b"12345678901234567890", step) == code


def test_signing_in_asks_for_the_code_and_then_goes_where_one_wanted(protected, browser):
    _ana, phone, _codes = protected
    again = browser()
    answer = again.post("/sign-in", {"email": "ana@northwind.example", "password": PASSWORD, "next": "/me"})
    assert answer.location == "/sign-in/code?next=/me"
    assert again.get("/home").status_code == 302

    assert again.post("/sign-in/code", {"code": "000000", "next": "/me"}).status_code == 401
    answer = again.post("/sign-in/code", {"code": f"{phone.code()[:3]} {phone.code()[3:]}", "next": "/me"})

    assert answer.location == "/me"
    assert again.get("/me").status_code == 200


def test_a_code_counts_once_and_drifts_by_one_step_only(protected, browser):
    _ana, phone, _codes = protected

    def enter(code):
        again = browser()
        again.sign_in("ana@northwind.example")
        return again.post("/sign-in/code", {"code": code}).status_code

    assert enter(phone.code(-2)) == 401
    assert enter(phone.code(2)) == 401
    assert enter(phone.code(-1)) == 302
    assert enter(phone.code()) == 302
    assert enter(phone.code()) == 401


def test_a_recovery_code_works_once(protected, browser):
    ana, _phone, codes = protected

    def enter(code):
        again = browser()
        again.sign_in("ana@northwind.example")
        return again.post("/sign-in/code", {"code": code}).status_code

    assert enter(codes[3].upper()) == 302
    assert enter(codes[3]) == 401
    assert "9 recovery codes left" in ana.get("/me/second-factor").text


def test_guessing_codes_is_slowed_and_the_right_password_does_not_reset_it(protected, browser):
    _ana, phone, _codes = protected
    thief = browser()
    thief.sign_in("ana@northwind.example")
    for _ in range(5):
        thief.post("/sign-in/code", {"code": "123456"})

    assert thief.post("/sign-in/code", {"code": phone.code()}).status_code == 429
    assert browser().sign_in("ana@northwind.example").status_code == 429


def test_the_step_without_a_password_leads_back_to_the_sign_in(browser):
    assert browser().get("/sign-in/code").location == "/sign-in"
    assert browser().post("/sign-in/code", {"code": "123456"}, form="/sign-in").location == "/sign-in"


def test_switching_on_off_and_renewing_ask_for_the_password(protected, browser):
    ana, _phone, codes = protected

    for path in ("/me/second-factor/off", "/me/second-factor/codes"):
        assert ana.post(path, data={"password": "wrong"}).status_code == 422
    assert ana.post("/me/second-factor", data={"password": PASSWORD}).status_code == 409
    page = ana.post("/me/second-factor/codes", data={"password": PASSWORD}).text
    assert codes[0] not in page
    assert ana.post("/me/second-factor/off", data={"password": PASSWORD}).status_code == 302

    assert browser().sign_in("ana@northwind.example").location == "/"


def test_a_wrong_first_code_switches_nothing_on(sign_in, browser):
    ana = sign_in("ana")
    ana.post("/me/second-factor", data={"password": PASSWORD})

    assert ana.post("/me/second-factor/confirm", data={"code": "12345x"}).status_code == 422
    assert browser().sign_in("ana@northwind.example").location == "/"


def test_the_secret_lies_encrypted_for_its_owner_only_and_names_its_key(protected, database, cast):
    _ana, phone, codes = protected
    with database.read(cast.northwind) as session:
        sealed, key = session.execute(
            text("SELECT mfa_secret, mfa_key_id FROM users WHERE id = :id"), {"id": cast.ana}
        ).one()
        hashes = session.execute(text("SELECT code_hash FROM recovery_codes")).scalars().all()

    assert phone.secret not in bytes(sealed)
    assert sealing.unseal(sealed, cast.ana.bytes, key) == phone.secret
    with pytest.raises(Unavailable, match=key):
        sealing.unseal(sealed, cast.ben.bytes, key)
    assert len(hashes) == 10
    assert not set(codes) & set(hashes)
    with database.read(cast.acme) as session:
        assert session.execute(text("SELECT count(*) FROM recovery_codes")).scalar() == 0


def test_an_organization_asks_some_for_a_second_factor_and_nothing_else_opens_before(sign_in, database, cast):
    ben = sign_in("ben")
    with database.write(cast.northwind) as session:
        organization = second_factor.store.organization(session)
        organization.second_factor_for = ["training_admin"]

    assert ben.get("/people").location == "/me/second-factor"
    assert "One step before you go on" in ben.get("/me/second-factor").text
    assert ben.post("/people", data={}).status_code == 403
    assert ben.get("/api/v1/people").json["title"] == "Set up your second factor first"
    assert sign_in("cem").get("/people").status_code == 200

    asked = ben.post("/me/second-factor", data={"password": PASSWORD}).text
    secret = re.search(r'id="secret" value="([A-Z2-7 ]+)"', asked)[1].replace(" ", "")
    code = second_factor.code_at(base64.b32decode(secret), int(clock.now().timestamp()) // 30)
    assert ben.post("/me/second-factor/confirm", data={"code": code}).status_code == 200
    assert ben.get("/people").status_code == 200


def test_a_role_of_the_organizations_own_is_asked_too_until_it_is_gone(sign_in, protected, database, cast):
    ana, cem, ben = protected[0], sign_in("cem"), sign_in("ben")
    cem.post("/roles", data={"name": "Reception", "codes": ["people.read"]})
    role = re.search(r'/roles/([0-9a-f-]{36})"[^>]*>Reception<', cem.get("/roles").text)[1]
    cem.post(f"/people/{cast.ben}/roles", data={"role": role})
    with database.write(cast.northwind) as session:
        session.execute(text("UPDATE users SET mfa_enabled_at = now() WHERE id = :cem"), {"cem": cast.cem})
    assert re.search(rf'value="{role}" id="[^"]*"><label[^>]*>Reception<', cem.get("/identity-providers").text)

    assert cem.post("/identity-providers/second-factor", data={"roles": [role, "no role"]}).status_code == 422
    assert cem.post("/identity-providers/second-factor", data={"roles": [role]}).status_code == 302

    assert ben.get("/people").location == "/me/second-factor"
    assert ana.get("/home").status_code == 200
    with database.read(cast.northwind) as session:
        query = text("SELECT id FROM role_assignments WHERE role_id = :role")
        held = session.execute(query, {"role": role}).scalar_one()
    assert cem.post(f"/people/{cast.ben}/roles/{held}/remove").status_code == 302
    assert ben.get("/people").status_code == 200
    cem.post(f"/roles/{role}/delete")
    with database.read(cast.northwind) as session:
        assert second_factor.required_of(session) == []


def test_nobody_asks_others_for_what_they_have_not_set_up_themselves(sign_in):
    cem = sign_in("cem")

    refused = cem.post("/identity-providers/second-factor", data={"roles": ["everybody"]})

    assert refused.status_code == 422
    assert "you would lock yourself out" in refused.text
    assert cem.get("/people").status_code == 200


def test_an_administrator_resets_a_lost_second_factor_and_the_person_is_told(
    sign_in, database, cast, run_jobs, settings, now
):
    ben, cem = sign_in("ben"), sign_in("cem")
    with database.write(cast.northwind) as session:
        second_factor.store.find_user(session, cast.ben).mfa_enabled_at = now
        second_factor.store.find_user(session, cast.cem).mfa_enabled_at = now
    path = f"/people/{cast.ben}/second-factor/reset"

    assert cem.post(path, data={"reason": ""}).status_code == 422
    assert cem.post(f"/people/{cast.cem}/second-factor/reset", data={"reason": "mine"}).status_code == 409
    assert cem.post(path, data={"reason": "lost the phone, seen in person"}).status_code == 302

    run_jobs()
    assert ben.get("/people").location.startswith("/sign-in")
    assert "Cem Tester reset the second factor of Ben Tester" in cem.get("/audit").text
    letters = [mail.read_text() for mail in (settings.home / "mail").glob("*.eml")]
    assert any("To: ben@northwind.example" in one and "switched off the second factor" in one for one in letters)


def test_nobody_resets_the_second_factor_of_somebody_who_may_do_more(db, cast, now):
    second_factor.store.find_user(db, cast.cem).mfa_enabled_at = now

    with pytest.raises(Forbidden, match="may do more than you"):
        second_factor.reset(db, cast.cem, "lost", now, by=cast.ben, may={"sign_in.manage", "people.read"})
