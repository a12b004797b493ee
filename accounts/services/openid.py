"""OpenID Connect as a relying party: authorization code flow with PKCE (Core 1.0 §3.1, RFC 7636, RFC 9700).

Knows no organization and no person: it asks a provider and answers what the provider's signature covers. Every call
goes through `core.outgoing`. Configuration and keys are remembered for ten minutes; an unknown key is looked for anew.
"""

import base64
import hashlib
import hmac
import math
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from core import outgoing
from core.errors import StoaError, Unauthorized

ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
"""Signatures that are taken: by a key pair only, so that no secret of ours can sign in the provider's name."""

SKEW = 60
"""Seconds by which the provider's clock may differ from ours."""

KEPT = 600.0
"""Seconds for which a provider's configuration and keys are remembered."""

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_ASKED_EVERY = 15.0  # seconds between two looks for unknown keys: made-up key ids must not make us a hammer
_LARGEST = 512 * 1024
_LONGEST_TOKEN = 32 * 1024
_FEWEST_BITS = 2048
_SECONDS = 10.0
_PUBLIC = frozenset({"kty", "kid", "alg", "use", "n", "e", "crv", "x", "y"})


class ProviderFault(Unauthorized):
    """The provider did not say, in a way that holds, who this is; the message says what is wrong."""

    title = "The identity provider's answer does not hold"


@dataclass(frozen=True)
class Configuration:
    """What a provider says of itself (OpenID Connect Discovery 1.0 §3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    takes_basic: bool = True
    names_itself: bool = False  # answers carry `iss` (RFC 9207)


@dataclass(frozen=True)
class Client:
    """What a provider knows us as."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str


@dataclass(frozen=True)
class Claims:
    """Whom a provider vouches for: `subject` is the identity, everything else is only said."""

    issuer: str
    subject: str
    email: str = ""
    is_email_verified: bool = False
    first_name: str = ""
    last_name: str = ""
    session: str = ""


@dataclass(frozen=True)
class Ended:
    """A session the provider says is over: all of a subject's, or the one it calls so."""

    subject: str
    session: str


def new_secret() -> str:
    """Return 256 random bits, as state, nonce and PKCE's verifier are."""
    return secrets.token_urlsafe(32)


def configuration(issuer: str) -> Configuration:
    """Return what the provider says of itself. Raises ProviderFault, and what `core.outgoing` raises."""
    return _providers.configuration(issuer)


def check(issuer: str) -> Configuration:
    """Ask the provider anew and see that it can be signed in with. Raises like `configuration`."""
    _providers.forget(issuer)
    found = configuration(issuer)
    _providers.keys(found)
    return found


def address(found: Configuration, client: Client, *, state: str, nonce: str, verifier: str) -> str:
    """Return where the browser goes to sign in (Core §3.1.2.1), with the challenge of PKCE's S256."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uri,
        "scope": "openid email profile",
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return found.authorization_endpoint + ("&" if "?" in found.authorization_endpoint else "?") + urlencode(asked)


def goodbye(found: Configuration, client: Client, back: str) -> str:
    """Return where one signs out of the provider too, and comes back from (RP-Initiated Logout 1.0 §2)."""
    asked = urlencode({"client_id": client.client_id, "post_logout_redirect_uri": back})
    return found.end_session_endpoint + ("&" if "?" in found.end_session_endpoint else "?") + asked


def redeem(client: Client, code: str, *, nonce: str, verifier: str, now: datetime) -> Claims:
    """Exchange the code for an ID token (Core §3.1.3) and return what it says. Raises ProviderFault."""
    found = configuration(client.issuer)
    sent = {"grant_type": "authorization_code", "code": code, "redirect_uri": client.redirect_uri}
    sent["code_verifier"] = verifier
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if client.client_secret and found.takes_basic:
        pair = f"{quote(client.client_id, safe='')}:{quote(client.client_secret, safe='')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    else:
        sent["client_id"] = client.client_id
        if client.client_secret:
            sent["client_secret"] = client.client_secret
    answer = _json("POST", found.token_endpoint, headers=headers, content=urlencode(sent).encode())
    said = verified(found, client, answer.get("id_token"), now)
    if not isinstance(said.get("nonce"), str) or not hmac.compare_digest(said["nonce"].encode(), nonce.encode()):
        raise ProviderFault("The provider's answer belongs to another sign-in.")
    if not said.get("email") and found.userinfo_endpoint and isinstance(answer.get("access_token"), str):
        bearer = {"Authorization": f"Bearer {answer['access_token']}", "Accept": "application/json"}
        more = _json("GET", found.userinfo_endpoint, headers=bearer)
        if more.get("sub") != said["sub"]:  # Core §5.3.2
            raise ProviderFault("The provider's second answer is about somebody else.")
        said = more | said
    return _claims(said)


def verified(found: Configuration, client: Client, token: object, now: datetime) -> dict[str, Any]:
    """Check an ID token (Core §3.1.3.7): signature, issuer, audience, party, times. Raises ProviderFault."""
    said = _signed(found, token)
    if said.get("iss") != found.issuer:
        raise ProviderFault("The token is of another issuer.")
    audience = said.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(audiences, list) or client.client_id not in audiences:
        raise ProviderFault("The token is for somebody else.")
    if (len(audiences) > 1 or "azp" in said) and said.get("azp") != client.client_id:
        raise ProviderFault("The token was made for another party.")
    moment = now.timestamp()
    expires, issued = _time(said, "exp"), _time(said, "iat")
    if expires + SKEW <= moment:
        raise ProviderFault("The token has expired. Is the clock of the provider, or ours, wrong?")
    if issued - SKEW > moment or ("nbf" in said and _time(said, "nbf") - SKEW > moment):
        raise ProviderFault("The token is not valid yet. Is the clock of the provider, or ours, wrong?")
    subject = said.get("sub")
    if (subject is not None or "events" not in said) and not _is_subject(subject):
        raise ProviderFault("The token names nobody.")
    return said


def ended(client: Client, token: object, now: datetime) -> Ended:
    """Check a logout token (Back-Channel Logout 1.0 §2.6) and return what is over. Raises ProviderFault."""
    said = verified(configuration(client.issuer), client, token, now)
    events = said.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict) or "nonce" in said:
        raise ProviderFault("This is no logout token.")
    over = Ended(_text(said, "sub", 255), _text(said, "sid", 255))
    if not over.subject and not over.session:
        raise ProviderFault("The token does not say whose session is over.")
    return over


def forget() -> None:
    """Ask every provider anew."""
    _providers.forget()


def _signed(found: Configuration, token: object) -> dict[str, Any]:
    if not isinstance(token, str) or not 0 < len(token) <= _LONGEST_TOKEN:
        raise ProviderFault("The provider sent no token.")
    for is_again in (False, True):
        keys = _providers.keys(found, is_unknown=is_again)
        try:
            said = jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims
        except (JoseError, ValueError, KeyError, TypeError):
            continue  # once more with fresh keys: the provider may have changed them
        if isinstance(said, dict):
            return dict(said)
    raise ProviderFault("The token's signature is not by a key of its issuer.")


def _claims(said: Mapping[str, Any]) -> Claims:
    first, last = _text(said, "given_name", 99), _text(said, "family_name", 99)
    if not (first and last):
        first, _, last = _text(said, "name", 198).partition(" ")
    return Claims(
        said["iss"],
        said["sub"],
        _text(said, "email", 254).strip().lower(),
        said.get("email_verified") in (True, "true"),
        first[:99],
        last.strip()[:99],
        _text(said, "sid", 255),
    )


def _is_subject(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255 and "\x00" not in value


def _text(said: Mapping[str, Any], name: str, longest: int) -> str:
    value = said.get(name)
    return value if isinstance(value, str) and len(value) <= longest and value.isprintable() else ""


def _time(said: Mapping[str, Any], name: str) -> float:
    value = said.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ProviderFault(f"The token's {name} is no time.")
    return float(value)


class _Providers:
    """What providers said of themselves, and their keys, for a while."""

    def __init__(self) -> None:
        self._configurations: dict[str, tuple[float, Configuration]] = {}
        self._keys: dict[str, tuple[float, KeySet]] = {}
        self._lock = Lock()

    def configuration(self, issuer: str) -> Configuration:
        with self._lock:
            known = self._configurations.get(issuer)
        if known is None or time.monotonic() - known[0] > KEPT:
            known = (time.monotonic(), _discovered(issuer))
            with self._lock:
                self._configurations[issuer] = known
        return known[1]

    def keys(self, found: Configuration, *, is_unknown: bool = False) -> KeySet:
        with self._lock:
            known = self._keys.get(found.issuer)
        age = math.inf if known is None else time.monotonic() - known[0]
        if known is None or age > KEPT or (is_unknown and age > _ASKED_EVERY):
            known = (time.monotonic(), _key_set(found))
            with self._lock:
                self._keys[found.issuer] = known
        return known[1]

    def forget(self, issuer: str | None = None) -> None:
        with self._lock:
            for known in (self._configurations, self._keys):
                if issuer is None:
                    known.clear()
                else:
                    known.pop(issuer, None)


_providers = _Providers()


def _discovered(issuer: str) -> Configuration:
    said = _json("GET", issuer.rstrip("/") + "/.well-known/openid-configuration")
    if said.get("issuer") != issuer:
        raise ProviderFault(f"The provider calls itself {str(said.get('issuer'))[:200]}, not {issuer}.")
    addresses = {}
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint"):
        value = said.get(name)
        addresses[name] = value if isinstance(value, str) and _may_lead_to(value, issuer) else ""
        if not addresses[name] and name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            raise ProviderFault(f"The provider's configuration names no {name} that can be used.")
    types, challenges = said.get("response_types_supported"), said.get("code_challenge_methods_supported")
    if isinstance(types, list) and "code" not in types:
        raise ProviderFault("The provider does not know the authorization code flow.")
    if isinstance(challenges, list) and "S256" not in challenges:
        raise ProviderFault("The provider does not know PKCE with S256.")
    ways = said.get("token_endpoint_auth_methods_supported")
    takes_basic = not isinstance(ways, list) or "client_secret_basic" in ways
    return Configuration(
        issuer=issuer,
        takes_basic=takes_basic,
        names_itself=said.get("authorization_response_iss_parameter_supported") is True,
        **addresses,
    )


def _may_lead_to(url: str, issuer: str) -> bool:
    """An address a browser may be sent to: https, or plain where the provider itself is (on an allowed network)."""
    parts = urlsplit(url)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and issuer.startswith("http://"))
    return is_safe and bool(parts.hostname) and not parts.fragment and len(url) <= 1000 and url.isprintable()


def _key_set(found: Configuration) -> KeySet:
    listed = _json("GET", found.jwks_uri).get("keys")
    keys: list[OctKey | RSAKey | ECKey | OKPKey] = []
    kinds: dict[object, Any] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
    for item in listed if isinstance(listed, list) else []:
        if not isinstance(item, dict) or item.get("use", "sig") != "sig" or item.get("kty") not in kinds:
            continue
        try:
            key = kinds[item["kty"]].import_key({name: text for name, text in item.items() if name in _PUBLIC})
        except (JoseError, ValueError, KeyError, TypeError):
            continue
        if not isinstance(key, RSAKey) or key.public_key.key_size >= _FEWEST_BITS:
            keys.append(key)
    if not keys:
        raise ProviderFault("The provider has no key that signatures can be checked with.")
    return KeySet(keys)


def _json(
    method: str, url: str, *, headers: Mapping[str, str] | None = None, content: bytes | None = None
) -> dict[str, Any]:
    try:
        with outgoing.line(url) as line:
            asked = headers or {"Accept": "application/json"}
            answer = line.request(method, url, headers=asked, content=content, limit=_LARGEST, seconds=_SECONDS)
        status, body = answer.status, answer.content
        answer.close()
    except StoaError as error:
        raise ProviderFault(error.message) from None
    try:
        said = orjson.loads(body)
    except ValueError:
        said = None
    if not 200 <= status < 300 or not isinstance(said, dict):
        reason = said.get("error") if isinstance(said, dict) else None
        raise ProviderFault(f"{url} answers {status}{f' ({str(reason)[:100]})' if reason else ''}, and no token.")
    return said
