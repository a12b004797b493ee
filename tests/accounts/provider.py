"""An OpenID Connect provider that listens on loopback and says whatever a test wants."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey

from core import clock

CLIENT = "stoa"
SECRET = "of the test: very long"
FIRST, SECOND = (ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"}) for kid in ("one", "two"))


class Provider:
    """Its accounts are claims; `said` goes into every token, over what is usual; `keys` are those it shows."""

    def __init__(self) -> None:
        self.key, self.keys, self.said, self.shown, self.asked = FIRST, [FIRST], {}, {}, []
        self.codes: dict[str, dict[str, str]] = {}

    def sign_in(self, address: str, **claims) -> str:
        """Do what the browser does there: answer where the provider sends it back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked | {"claims": {"email_verified": True} | claims}
        target = urlsplit(asked["redirect_uri"])
        return f"{target.path}?code={code}&state={asked['state']}"

    def token(self, *, key=None, algorithm="ES256", **claims) -> str:
        now = int(clock.now().timestamp())
        usual = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300}
        found = {name: value for name, value in (usual | claims | self.said).items() if value is not None}
        key = key or self.key
        return jwt.encode({"alg": algorithm, "kid": key.kid}, found, key, algorithms=[algorithm])

    def get(self, path: str):
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            ends = ("authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint")
            return {"issuer": self.issuer} | {end: f"{self.issuer}/{end}" for end in ends} | self.shown
        return {"keys": [key.as_dict(private=False) for key in self.keys]}

    def redeem(self, form: dict[str, str], authorization: str):
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or pair != f"{CLIENT}:{SECRET.replace(' ', '%20').replace(':', '%3A')}":
            return 400, {"error": "invalid_grant"}
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        if challenge.decode() != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        token = self.token(nonce=asked["nonce"], **asked["claims"])
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": token}


@contextmanager
def listening(provider: Provider) -> Iterator[Provider]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._answer(200, provider.get(self.path))

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(*provider.redeem(form, self.headers.get("Authorization", "")))

        def _answer(self, status, said):
            body = json.dumps(said).encode()
            self.send_response(status)
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
