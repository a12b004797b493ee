"""Bearer tokens of an OpenID Connect provider, which listens on loopback here."""

import base64
import hashlib
import hmac
import json
import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from core import clock, outgoing
from lrs.services import credentials, tokens
from tests.lrs.factories import agent, statement

AUDIENCE = "stoa-northwind"
RSA = RSAKey.generate_key(2048, {"kid": "rsa-1"})
EC = ECKey.generate_key("P-256", {"kid": "ec-1"})
NEW = ECKey.generate_key("P-256", {"kid": "ec-2"})


class Provider:
    """Keys that can change, tokens that say what a test says, and how often it was asked."""

    def __init__(self):
        self.keys, self.asked, self.is_away = [RSA, EC], [], False

    def token(self, key=RSA, algorithm="RS256", **claims):
        now = int(clock.now().timestamp())
        usual = {"iss": self.issuer, "aud": AUDIENCE, "sub": "app-7", "iat": now, "exp": now + 300, "scope": "writer"}
        found = {name: value for name, value in (usual | claims).items() if value is not None}
        return jwt.encode({"alg": algorithm, "kid": key.kid}, found, key, algorithms=[algorithm])

    def answer(self, path):
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}
        return {"keys": [key.as_dict(private=False) for key in self.keys]}


@contextmanager
def listening(provider):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(provider.answer(self.path)).encode()
            self.send_response(503 if provider.is_away else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def provider(app):
    outgoing.allow(["127.0.0.0/8"])
    tokens.forget()
    with listening(Provider()) as found:
        yield found
    outgoing.allow([])
    tokens.forget()


@pytest.fixture
def trust(database, settings, cast, provider):
    """Let the provider's tokens into a store."""

    def make(organization=None, *, scopes=("all",), bound=False, **more):
        mapped = {"scope_map": {"writer": ["statements/write"], "reader": ["statements/read"]}} | more
        described = tokens.Provider(provider.issuer, AUDIENCE, is_bound_to_subject=bound, **mapped)
        with database.write(organization or cast.northwind) as session:
            return tokens.add(
                session, described, label="Apps", scopes=scopes, home_page=settings.app_origin,
                hash_key=settings.key("lrs"), now=clock.now(),
            )  # fmt: skip

    return make


@pytest.fixture
def ask(app):
    def asked(token, method="POST", **options):
        headers = {"Authorization": f"Bearer {token}", "X-Experience-API-Version": "1.0.3"}
        options = options or ({"json": statement()} if method == "POST" else {})
        return app.test_client().open("/xapi/statements", method=method, headers=headers, **options)

    return asked


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (EC, "ES256")], ids=["RS256", "ES256"])
def test_a_token_of_the_provider_opens_the_store(ask, provider, trust, database, cast, key, algorithm):
    made = trust()

    answer = ask(provider.token(key, algorithm))

    assert answer.status_code == 200, answer.text
    with database.read(cast.northwind) as session:
        assert credentials.get(session, made.id, clock.now()).last_used_at is not None


def test_a_token_may_what_its_claim_says_and_no_more_than_the_credential(ask, provider, trust):
    trust(scopes=["statements/write"])

    assert ask(provider.token()).status_code == 200
    assert ask(provider.token(scope=["writer", "reader"]), "GET").status_code == 403
    assert ask(provider.token(scope="reader")).status_code == 401


def test_a_claim_may_lie_within_an_object(ask, provider, trust):
    trust(scope_claim="realm_access.roles")

    assert ask(provider.token(realm_access={"roles": ["reader"]}), "GET").status_code == 200
    assert ask(provider.token()).status_code == 401


def test_a_bound_token_speaks_for_its_subject_only(ask, provider, trust):
    trust(bound=True)
    itself = {"objectType": "Agent", "account": {"homePage": provider.issuer, "name": "app-7"}}

    assert ask(provider.token(), json=statement(actor=itself)).status_code == 200
    assert ask(provider.token(), json=statement(actor=agent("ben"))).status_code == 403
    assert ask(provider.token(sub=None), json=statement(actor=itself)).status_code == 401


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        pytest.param({"exp": -3600}, "has expired", id="expired"),
        pytest.param({"exp": None}, "does not say when", id="never expires"),
        pytest.param({"nbf": 3600}, "not valid yet", id="not yet"),
        pytest.param({"iat": 3600}, "not valid yet", id="issued in the future"),
        pytest.param({"aud": "somebody-else"}, "not known here", id="for another store"),
        pytest.param({"iss": "https://id.example"}, "not known here", id="of another issuer"),
        pytest.param({"iss": None}, "names no issuer", id="of nobody"),
        pytest.param({"exp": "soon"}, "is no time", id="a word for a time"),
    ],
)
def test_a_token_that_is_not_good_is_refused_with_the_reason(ask, provider, trust, claims, reason):
    trust()
    now = int(clock.now().timestamp())
    claims = {name: value + now if isinstance(value, int) else value for name, value in claims.items()}

    answer = ask(provider.token(**claims))

    assert answer.status_code == 401
    basic, bearer = answer.headers.getlist("WWW-Authenticate")
    assert basic.startswith("Basic ")
    assert 'error="invalid_token"' in bearer
    assert reason in bearer


def test_a_clock_that_is_a_little_off_is_forgiven(ask, provider, trust):
    trust()
    now = int(clock.now().timestamp())

    assert ask(provider.token(exp=now - 30)).status_code == 200
    assert ask(provider.token(iat=now + 30, nbf=now + 30)).status_code == 200


def test_a_signature_by_anybody_else_is_refused(ask, provider, trust):
    trust()
    stranger = RSAKey.generate_key(2048, {"kid": "rsa-1"})
    unsigned = provider.token().rsplit(".", 1)[0] + "."
    # The public key as the secret of an HMAC: the mistake that many libraries made.
    body = provider.token().split(".")[1]
    signed = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"rsa-1"}').rstrip(b"=") + b"." + body.encode()
    mac = hmac.new(RSA.as_pem(private=False), signed, hashlib.sha256).digest()
    confused = f"{signed.decode()}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    for token in (
        provider.token(stranger),
        unsigned,
        confused,
        "x.y.z",
        "nonsense",
        provider.token()[:-8] + "AAAAAAAA",
    ):
        assert ask(token).status_code == 401


def test_new_keys_of_the_provider_are_found_and_known_ones_not_asked_for_again(ask, provider, trust, monkeypatch):
    trust()
    for _ in range(3):
        assert ask(provider.token()).status_code == 200
    assert provider.asked.count("/keys") == 1
    provider.keys = [NEW]
    assert ask(provider.token(NEW, "ES256")).status_code == 401  # asked a moment ago

    monkeypatch.setattr(tokens, "_ASKED_EVERY", 0.0)

    assert ask(provider.token(NEW, "ES256")).status_code == 200
    assert ask(provider.token()).status_code == 401


def test_known_keys_serve_on_while_the_provider_is_away(ask, provider, trust, monkeypatch):
    trust()
    ask(provider.token())
    provider.is_away = True
    monkeypatch.setattr(tokens, "_ASKED_EVERY", 0.0)
    monkeypatch.setattr(tokens, "KEYS_KEPT", 0.0)

    assert ask(provider.token()).status_code == 200
    monkeypatch.setattr(tokens, "KEYS_KEPT_WHEN_AWAY", 0.0)
    assert "cannot be had" in ask(provider.token()).headers["WWW-Authenticate"] + ask(provider.token()).text


def test_revoking_the_credential_ends_its_tokens(ask, provider, trust, database, cast):
    made = trust()
    assert ask(provider.token()).status_code == 200

    with database.write(cast.northwind) as session:
        credentials.revoke(session, made.id, clock.now())
    tokens.forget()

    assert ask(provider.token()).status_code == 401


def test_an_expired_credential_ends_its_tokens(ask, provider, database, cast, settings):
    with database.write(cast.northwind) as session:
        tokens.add(
            session, tokens.Provider(provider.issuer, AUDIENCE), label="Apps", scopes=["all"],
            home_page=settings.app_origin, hash_key=settings.key("lrs"), now=clock.now() - timedelta(days=2),
            expires_at=clock.now() - timedelta(days=1),
        )  # fmt: skip

    assert ask(provider.token()).status_code == 401


class TestPages:
    """What an administrator sees and does."""

    def add(self, browser, provider, **more):
        given = {
            "by": "token", "label": "Apps", "scopes": ["all"], "issuer": provider.issuer, "audience": AUDIENCE,
            "scope_claim": "scope", "scope_map": "writer = statements/write\nreader = statements/read",
        }  # fmt: skip
        return browser.post("/lrs/credentials", data=given | more)

    def test_a_provider_is_added_and_its_tokens_come_in(self, sign_in, provider, ask):
        cem = sign_in("cem")

        answer = self.add(cem, provider)

        assert answer.status_code == 302, answer.text
        page = cem.get(answer.location).text
        assert "rsa-1" in page
        assert provider.issuer in page
        assert f"tokens of {provider.issuer}" in cem.get("/lrs/credentials").text
        assert ask(provider.token()).status_code == 200

    def test_what_cannot_work_is_said_at_the_field(self, sign_in, provider):
        cem = sign_in("cem")

        for more, complaint in (
            ({"issuer": "nonsense"}, "is no address"),
            ({"issuer": "http://10.1.2.3"}, "not a public address"),
            ({"issuer": f"{provider.issuer}/other"}, "another issuer"),
            ({"audience": ""}, "Name the audience"),
            ({"scope_map": "writer = everything"}, "everything is no scope"),
        ):
            page = self.add(cem, provider, **more)
            assert page.status_code == 422
            assert complaint in page.text, complaint

    def test_another_organization_cannot_take_the_same_tokens(self, sign_in, provider):
        self.add(sign_in("cem"), provider)

        page = self.add(sign_in("zoe"), provider)

        assert page.status_code == 422
        assert "taken already" in page.text
