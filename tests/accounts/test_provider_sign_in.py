"""Signing in with an organization's own identity provider: who gets in, and who gets nowhere."""

import base64
import hashlib
import hmac
import json
import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import select

from accounts.services import openid, people, providers, second_factor
from accounts.services.openid import Client, ProviderFault
from accounts.tables import IdentityProvider, ProviderIdentity
from core import clock, outgoing
from tests.accounts.provider import CLIENT, FIRST, SECOND, SECRET, Provider, listening


@pytest.fixture
def provider():
    outgoing.allow(["127.0.0.0/8"])
    openid.forget()
    with listening(Provider()) as found:
        yield found
    outgoing.allow([])
    openid.forget()


@pytest.fixture
def trusted(app, database, cast, provider):
    """Let an organization trust the provider; answers the path where signing in begins."""
    outgoing.allow(["127.0.0.0/8"])  # once more: the application has set what its settings say

    def trust(organization=None, *, auto_provision=False):
        now = clock.now()
        with database.write(organization or cast.northwind) as session:
            made = providers.add(
                session, name="Work account", issuer=provider.issuer, client_id=CLIENT, client_secret=SECRET,
                auto_provision=auto_provision, now=now, by=None,
            )  # fmt: skip
            providers.note_test(session, made, provider.issuer, now)
            providers.switch(session, made, now, is_active=True)
        return made

    return trust


def arrive(browser, provider, provider_id, **claims):
    """Sign in with the provider as somebody and answer what Stoa says."""
    begun = browser.get(f"/sign-in/with/{provider_id}")
    assert begun.status_code == 302, begun.text
    return browser.get(provider.sign_in(begun.location, **claims))


def whoami(browser):
    page = browser.get("/me")
    return page.text if page.status_code == 200 else None


def test_a_letter_connects_an_account_once_and_from_then_on_the_provider_opens_it(browser, provider, trusted, letters):
    work, ana = trusted(), browser()

    asked = arrive(ana, provider, work, sub="a-1", email="Ana@Northwind.example")
    assert "Look into your mail" in asked.text
    assert whoami(ana) is None
    link = letters()[-1]
    assert link.to == "ana@northwind.example"
    assert "Work account" in ana.get(link.path, follow_redirects=True).text
    assert ana.post("/connect").status_code == 302
    assert "Ana" in whoami(ana)

    again = browser()
    assert arrive(again, provider, work, sub="a-1", email="another@northwind.example").status_code == 302
    assert "ana@northwind.example" in whoami(again)


def test_the_letters_link_connects_nothing_in_another_browser(browser, provider, trusted, letters):
    work, attacker, ana = trusted(), browser(), browser()
    arrive(attacker, provider, work, sub="mallory", email="ana@northwind.example")

    ana.get(letters()[-1].path)

    assert ana.get("/connect").status_code == 410
    assert ana.post("/connect", form="/sign-in").status_code == 410
    assert "Not signed in" in arrive(attacker, provider, work, sub="mallory", email="").text


def test_a_provider_that_asserts_somebody_elses_email_gets_nowhere(browser, provider, trusted, database, cast, letters):
    acmes = trusted(cast.acme, auto_provision=True)
    with database.write(cast.acme) as session:
        providers.verify_domain(session, "northwind.example")  # even then: ana is nobody of Acme
    mallory = browser()

    answer = arrive(mallory, provider, acmes, sub="m-1", email="ana@northwind.example")

    assert answer.status_code == 403
    assert "Ask it for an invitation" in answer.text
    assert whoami(mallory) is None
    assert letters() == []
    with database.read(cast.acme) as session:
        assert session.scalars(select(ProviderIdentity)).all() == []
        assert people.page(session)[1] == 1


def test_somebody_of_two_organizations_enters_by_a_provider_its_own_one_alone(
    browser, provider, trusted, database, cast
):
    with database.write(cast.acme) as session:
        people.add(
            session, email="ana@northwind.example", first_name="A", last_name="B", roles=["learner"],
            is_verified=True, now=clock.now(),
        )  # fmt: skip
        providers.verify_domain(session, "northwind.example")
    acmes, ana = trusted(cast.acme), browser()

    assert arrive(ana, provider, acmes, sub="a-1", email="ana@northwind.example").status_code == 302

    page = ana.get("/me/organizations").text
    assert "counts here alone" in page
    assert ana.post("/me/organizations", {"organization_id": str(cast.northwind)}).status_code == 403
    assert "Acme Training" in ana.get("/home").text


def test_an_invited_person_without_a_password_needs_no_letter(browser, provider, trusted, database, cast):
    with database.write(cast.northwind) as session:
        dora = people.add(
            session, email="dora@northwind.example", first_name="Dora", last_name="New", roles=["learner"],
            invite=True, now=clock.now(),
        )  # fmt: skip
    work, browser_of_dora = trusted(), browser()

    doubtful = arrive(browser(), provider, work, sub="d-0", email="dora@northwind.example", email_verified=False)
    certain = arrive(browser_of_dora, provider, work, sub="d-1", email="dora@northwind.example")

    assert "Look into your mail" in doubtful.text
    assert certain.status_code == 302
    with database.read(cast.northwind) as session:
        assert people.status(session, dora) == "active"


def test_somebody_new_is_added_only_where_the_organization_wants_it(browser, provider, trusted, database, cast):
    work, eva = trusted(), browser()
    who = {"sub": "e-1", "email": "eva@new.example", "given_name": "Eva", "family_name": "Neu"}

    assert arrive(eva, provider, work, **who).status_code == 403
    with database.write(cast.northwind) as session:
        session.get(IdentityProvider, (cast.northwind, work)).auto_provision = True
    assert arrive(eva, provider, work, **who | {"email_verified": False}).status_code == 403
    assert arrive(eva, provider, work, **who).status_code == 302

    assert "Eva" in whoami(eva)


def test_an_answer_is_taken_by_the_browser_and_the_provider_it_was_asked_of_only(browser, provider, trusted, cast):
    work, acmes, ana = trusted(), trusted(cast.acme), browser()
    begun = ana.get(f"/sign-in/with/{work}").location
    back = provider.sign_in(begun, sub="a-1", email="ana@northwind.example")

    assert browser().get(back).status_code == 400
    assert ana.get(back.replace(str(work), str(acmes))).status_code == 400
    assert ana.get(back.partition("&state")[0] + "&state=guessed").status_code == 400
    assert ana.get(back + "&iss=https://evil.example").status_code == 401
    provider.said = {"nonce": "another"}
    assert "another sign-in" in ana.get(back).text


def test_a_second_factor_is_asked_for_after_the_provider_too(browser, provider, trusted, database, cast):
    work, ana, now = trusted(), browser(), clock.now()
    with database.write(cast.northwind) as session:
        providers.link(session, work, provider.issuer, "a-1", cast.ana, now)
        secret = second_factor.begin(session, cast.ana).secret.replace(" ", "")
        codes = second_factor.confirm(session, cast.ana, _code(secret, now), now)

    answer = arrive(ana, provider, work, sub="a-1")

    assert urlsplit(answer.location).path == "/sign-in/code"
    assert whoami(ana) is None
    assert ana.post("/sign-in/code", {"code": codes[0]}).status_code == 302
    assert (
        ana.post("/me/organizations", {"organization_id": str(cast.northwind)}).status_code == 403
    )  # still vouched for


def _code(secret, now):
    return second_factor.code_at(base64.b32decode(secret), int(now.timestamp()) // second_factor.STEP_SECONDS)


def test_everybody_but_administrators_can_be_asked_to_use_the_provider(browser, provider, trusted, database, cast):
    work, ana, cem = trusted(), browser(), browser()
    ana.sign_in("ana@northwind.example")
    cem.sign_in("cem@northwind.example")

    said = cem.post("/identity-providers/requirement", {"is_required": "1"}, form="/identity-providers")

    assert said.status_code == 302
    assert whoami(ana) is None
    assert "Work account" in ana.get(ana.sign_in("ana@northwind.example").location).text
    assert whoami(ana) is None
    assert browser().sign_in("cem@northwind.example").location == "/"
    cem.post(f"/identity-providers/{work}/switch", {"is_active": "0"}, form="/identity-providers")
    assert ana.sign_in("ana@northwind.example").location == "/"


def test_the_provider_ends_its_sessions(browser, provider, trusted, database, cast, app):
    work, ana, now = trusted(), browser(), clock.now()
    with database.write(cast.northwind) as session:
        providers.link(session, work, provider.issuer, "a-1", cast.ana, now)
    own = browser()
    own.sign_in("ana@northwind.example")
    arrive(ana, provider, work, sub="a-1", sid="s-9")
    events = {openid.LOGOUT_EVENT: {}}

    def say(**claims):
        token = provider.token(**claims)
        path = f"/sign-in/with/{work}/logout"
        return app.test_client().post(path, data={"logout_token": token}).status_code

    assert say(sub="a-1") == 400
    assert say(sub="a-1", events=events, nonce="n") == 400
    assert say(sid="another", events=events) == 200
    assert whoami(ana) is not None
    assert say(sid="s-9", events=events) == 200
    assert whoami(ana) is None
    assert whoami(own) is not None


def test_signing_out_offers_to_sign_out_of_the_provider_too(browser, provider, trusted, database, cast):
    work, ana = trusted(), browser()
    with database.write(cast.northwind) as session:
        providers.link(session, work, provider.issuer, "a-1", cast.ana, clock.now())
    arrive(ana, provider, work, sub="a-1")

    page = ana.client.get(ana.post("/sign-out", form="/me").location).text

    assert f"{provider.issuer}/end_session_endpoint?client_id={CLIENT}" in page
    assert whoami(ana) is None


def test_a_provider_is_added_tested_and_switched_on(browser, provider, app):
    outgoing.allow(["127.0.0.0/8"])
    cem = browser()
    cem.sign_in("cem@northwind.example")
    facts = {"name": "Work account", "issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET}

    assert (
        cem.post("/identity-providers", facts | {"issuer": "nowhere"}, form="/identity-providers/new").status_code
        == 422
    )
    page = cem.post("/identity-providers", facts, form="/identity-providers/new").location
    assert cem.post(f"{page}/switch", {"is_active": "1"}, form=page).status_code == 409
    provider.shown = {"issuer": "https://another.example"}
    cem.post(f"{page}/test", form=page)
    assert "calls itself https://another.example" in cem.get(page).text
    provider.shown = {}
    cem.post(f"{page}/test", form=page)
    token = {"X-CSRF-Token": re.search(r'name="csrf-token" content="([0-9a-f]+)"', cem.get(page).text)[1]}
    assert cem.client.post(f"/api/v1{page}/test", headers=token).json["tested_at"] is not None
    assert cem.post(f"{page}/switch", {"is_active": "1"}, form=page).status_code == 302

    assert SECRET not in cem.get(page).text
    assert "Work account" in browser().get("/o/northwind", follow_redirects=True).text


def test_the_organization_is_chosen_remembered_and_switched(browser, database, cast):
    with database.write(cast.acme) as session:
        people.add(
            session, email="ana@northwind.example", first_name="A", last_name="B", roles=["learner"],
            is_verified=True, now=clock.now(),
        )  # fmt: skip
    ana = browser()

    assert "/sign-in/organization" in ana.sign_in("ana@northwind.example").location
    assert whoami(ana) is None
    page = ana.get("/sign-in/organization").text
    assert "Acme Training" in page
    assert "Northwind Care" in page
    assert ana.post("/sign-in/organization", {"organization_id": str(cast.ana)}).status_code == 404
    ana.post("/sign-in/organization", {"organization_id": str(cast.acme)})
    assert "Acme Training" in ana.get("/home").text
    assert "Switch organization" in ana.get("/home").text
    ana.post("/sign-out", form="/me")
    assert ana.sign_in("ana@northwind.example").location == "/"
    assert "Acme Training" in ana.get("/home").text
    ana.post("/me/organizations", {"organization_id": str(cast.northwind)})
    assert "Northwind Care" in ana.get("/home").text
    assert ana.post("/me/organizations", {"organization_id": str(cast.cem)}).status_code == 404


ANOTHER = ECKey.generate_key("P-256", {"kid": "one"})


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        pytest.param({}, None, id="as it should be"),
        pytest.param({"iss": "https://evil.example"}, "another issuer", id="another issuer"),
        pytest.param({"aud": "another"}, "somebody else", id="for another client"),
        pytest.param({"aud": ["stoa", "another"]}, "another party", id="for several, and no party named"),
        pytest.param({"aud": ["stoa", "another"], "azp": "stoa"}, None, id="for several, made for us"),
        pytest.param({"azp": "another"}, "another party", id="made for another party"),
        pytest.param({"exp": -61}, "expired", id="expired"),
        pytest.param({"exp": -50}, None, id="expired within the skew of clocks"),
        pytest.param({"exp": None}, "exp is no time", id="never expires"),
        pytest.param({"iat": 61}, "not valid yet", id="of the future"),
        pytest.param({"iat": 50}, None, id="of the future within the skew"),
        pytest.param({"nbf": 90}, "not valid yet", id="not before"),
        pytest.param({"sub": None}, "names nobody", id="nobody"),
        pytest.param({"sub": "x" * 256}, "names nobody", id="an endless name"),
        pytest.param({"key": ANOTHER}, "signature", id="a key that says it is the provider's"),
        pytest.param({"key": SECOND}, "signature", id="a key nobody shows"),
    ],
)
def test_what_makes_a_token_hold(provider, claims, reason):
    now = clock.now()
    for name in ("exp", "iat", "nbf"):
        if isinstance(claims.get(name), int):
            claims = claims | {name: int(now.timestamp()) + claims[name]}
    found, client = openid.configuration(provider.issuer), Client(provider.issuer, CLIENT, SECRET, "")
    token = provider.token(**{"sub": "a-1"} | claims)

    def check():
        return openid.verified(found, client, token, now)["sub"]

    if reason is None:
        assert check() == "a-1"
    else:
        with pytest.raises(ProviderFault, match=reason):
            check()


def test_unsigned_tokens_and_secrets_as_keys_do_not_hold(provider):
    found, client = openid.configuration(provider.issuer), Client(provider.issuer, CLIENT, SECRET, "")
    real = provider.token(sub="a-1")

    def part(said):
        return base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()

    body = real.split(".")[1]
    unsigned = f"{part({'alg': 'none'})}.{body}."
    head = f"{part({'alg': 'HS256', 'kid': 'one'})}.{body}"
    mac = hmac.new(json.dumps(FIRST.as_dict(private=False)).encode(), head.encode(), hashlib.sha256).digest()
    shared = f"{head}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    for token in (unsigned, shared, "", None, "a.b.c", real[:-4] + "AAAA"):
        with pytest.raises(ProviderFault):
            openid.verified(found, client, token, clock.now())


def test_a_provider_may_change_its_keys(provider, monkeypatch):
    found, client = openid.configuration(provider.issuer), Client(provider.issuer, CLIENT, SECRET, "")
    openid.verified(found, client, provider.token(sub="a-1"), clock.now())
    provider.key, provider.keys = SECOND, [SECOND]

    with pytest.raises(ProviderFault):  # not asked again within seconds, whatever keys are made up
        openid.verified(found, client, provider.token(sub="a-1"), clock.now())
    monkeypatch.setattr(openid, "_ASKED_EVERY", 0.0)

    assert openid.verified(found, client, provider.token(sub="a-1"), clock.now())["sub"] == "a-1"
    assert provider.asked.count("/jwks_uri") == 2


def test_an_answer_waits_for_a_quarter_of_an_hour(browser, provider, trusted, monkeypatch):
    work, ana = trusted(), browser()
    back = provider.sign_in(ana.get(f"/sign-in/with/{work}").location, sub="a-1")
    late = clock.now() + timedelta(minutes=16)
    monkeypatch.setattr(clock, "now", lambda: late)

    assert ana.get(back).status_code == 400
