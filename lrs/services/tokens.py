"""Bearer tokens of an OpenID Connect provider in place of key and secret (RFC 6750, RFC 7519, OpenID Connect Core 3).

Each provider stands behind a credential of its own: label, authority, scopes, origins, rate, end and trust are the
credential's. The provider's keys are fetched through `core.outgoing` and remembered.
"""

import base64
import hmac
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import Any
from uuid import UUID

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from core import outgoing
from core.db import Database, Session
from core.errors import Conflict, Invalid, Problem, StoaError, Unauthorized
from lrs.services import credentials
from lrs.services.building import account
from lrs.services.credentials import Caller, NewCredential, Scope
from lrs.store import tokens as store
from lrs.tables import TokenIssuer
from lrs.xapi.actors import identifier

__all__ = ["TokenIssuer"]

ALGORITHMS = ("RS256", "ES256")
SKEW = 60
"""Seconds by which the provider's clock may differ from ours."""

KEYS_KEPT = 600.0
"""Seconds after which keys are asked for again."""

KEYS_KEPT_WHEN_AWAY = 3600.0
"""Seconds for which keys serve on while the provider does not answer."""

_ASKED_EVERY = 30.0  # seconds between two looks for keys: tokens with unknown key ids must not make us a hammer
_LARGEST = 512 * 1024
_LONGEST_TOKEN = 16 * 1024
_FEWEST_BITS = 2048
_REMEMBERED_FOR = 2.0


class TokenRefused(Unauthorized):
    """The bearer token does not let anybody in; the message says why."""


@dataclass(frozen=True)
class Provider:
    """Whose tokens are taken, and what becomes of their claims.

    `scope_map` names for each value of the claim what it allows; empty, every token may all that the credential may.
    """

    issuer: str
    audience: str
    jwks_url: str = ""
    scope_claim: str = "scope"
    scope_map: Mapping[str, Sequence[str]] | None = None
    is_bound_to_subject: bool = False


def add(
    session: Session,
    provider: Provider,
    *,
    label: str,
    scopes: Sequence[str],
    home_page: str,
    hash_key: bytes,
    now: datetime,
    expires_at: datetime | None = None,
    origins: Sequence[str] = (),
    rate: int | None = None,
    created_by: UUID | None = None,
) -> NewCredential:
    """Make a credential that this provider's tokens open. Raises Invalid naming every field, Conflict when it is taken.

    An issuer with an audience belongs to one organization: the token says nothing else that would tell them apart.
    """
    if problems := _problems(provider):
        raise Invalid("This credential cannot be made.", problems=problems)
    if store.find_by_token(session, provider.issuer, provider.audience) is not None:
        raise Conflict("Tokens of this issuer for this audience are taken already. Use an audience of your own.")
    made = credentials.issue(
        session, label=label, scopes=scopes, home_page=home_page, hash_key=hash_key, now=now, expires_at=expires_at,
        origins=origins, rate=rate, created_by=created_by, is_secretless=True,
    )  # fmt: skip
    session.add(
        TokenIssuer(
            id=made.id,
            issuer=provider.issuer,
            audience=provider.audience,
            jwks_url=provider.jwks_url or None,
            scope_claim=provider.scope_claim,
            scope_map={value: list(found) for value, found in (provider.scope_map or {}).items()},
            is_bound_to_subject=provider.is_bound_to_subject,
        )
    )
    session.flush()
    return made


def _problems(provider: Provider) -> list[Problem]:
    problems: list[Problem] = []
    for name, text in (("issuer", provider.issuer), ("jwks_url", provider.jwks_url)):
        if (text or name == "issuer") and not (text.startswith(("https://", "http://")) and len(text) <= 500):
            problems.append(
                Problem(name, "This is no address.", "It looks like https://id.example.org/realms/learning")
            )
    if not 0 < len(provider.audience) <= 300:
        problems.append(Problem("audience", "Name the audience that the provider writes into tokens for this store."))
    if not 0 < len(provider.scope_claim) <= 100:
        problems.append(Problem("scope_claim", "Name the claim, usually scope, roles or groups."))
    known = [scope.value for scope in Scope]
    for value, found in (provider.scope_map or {}).items():
        if unknown := [scope for scope in found if scope not in known] or not found:
            what = f"{value}: {', '.join(unknown)} is no scope." if isinstance(unknown, list) else f"{value}: no scope."
            problems.append(Problem("scope_map", what, f"Known are {', '.join(known)}."))
    return problems


def read_map(text: str) -> dict[str, list[str]]:
    """The scopes of each value of a claim, one value per line: `value = scope scope`."""
    found: dict[str, list[str]] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        value, _, scopes = line.partition("=")
        found.setdefault(value.strip(), []).extend(scopes.replace(",", " ").split())
    return found


def find(session: Session, credential_id: UUID) -> TokenIssuer | None:
    """The provider behind a credential, if there is one."""
    return store.find(session, credential_id)


def issuers(session: Session) -> dict[UUID, str]:
    """The issuers of all credentials that have one, by the credential's id."""
    return store.issuers(session)


def check_keys(provider: Provider | TokenIssuer) -> list[str]:
    """Ask the provider for its keys now; answer what they are, in words. Raises StoaError saying why there are none."""
    keys = _keys.fetch(provider.issuer, provider.jwks_url or "")
    return [f"{key.kid or 'without an id'} ({key.key_type})" for key in keys.keys]


def caller_of(database: Database, token: str, *, now: datetime) -> Caller:
    """Who may come in with this token. Raises TokenRefused saying why not; Unavailable is never raised.

    Checked are algorithm, signature, issuer, audience, expiry and the other times, with `SKEW` seconds of patience.
    """
    if len(token) > _LONGEST_TOKEN:
        raise TokenRefused("The token is longer than any token.")
    claimed = _unverified(token)
    entry = _known(database, *claimed, now)
    if entry is None:
        raise TokenRefused("Tokens of this issuer for this audience are not known here.")
    found, base = entry
    claims = _verified(token, found)
    _check_times(claims, now)
    scopes = _granted(claims, found, base)
    if not scopes:
        raise TokenRefused(f"The claim {found.scope_claim} of the token allows nothing here.")
    return replace(base, scopes=scopes, agent=_subject(claims, found) if found.is_bound_to_subject else base.agent)


def _unverified(token: str) -> tuple[str, tuple[str, ...]]:
    """Issuer and audiences that a token names, to find out whom to ask whether it is true."""
    try:
        claims = orjson.loads(_decoded(token.split(".")[1])) if token.count(".") == 2 else None
    except ValueError:
        claims = None
    if not isinstance(claims, dict):
        raise TokenRefused("The token is no signed JSON Web Token.")
    issuer, audience = claims.get("iss"), claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    good = tuple(text for text in audiences if isinstance(text, str) and "\0" not in text)[:20]
    if not isinstance(issuer, str) or "\0" in issuer or not good:
        raise TokenRefused("The token names no issuer or no audience.")
    return issuer, good


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _verified(token: str, provider: TokenIssuer) -> dict[str, Any]:
    for is_again in (False, True):
        try:
            keys = _keys.get(provider.issuer, provider.jwks_url or "", is_unknown=is_again)
        except StoaError as error:
            raise TokenRefused(f"The issuer's keys cannot be had: {error.message}") from None
        try:
            return dict(jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims)
        except (JoseError, ValueError, KeyError, TypeError):
            # Once more with fresh keys: the provider may have changed them.
            continue
    raise TokenRefused("The token's signature is not by a key of its issuer, or not by RS256 or ES256.")


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    moment = now.timestamp()
    expires = _number(claims, "exp")
    if expires is None:
        raise TokenRefused("The token does not say when it expires.")
    if expires + SKEW <= moment:
        raise TokenRefused("The token has expired.")
    for name in ("nbf", "iat"):
        begins = _number(claims, name)
        if begins is not None and begins - SKEW > moment:
            raise TokenRefused("The token is not valid yet.")


def _number(claims: Mapping[str, Any], name: str) -> float | None:
    found = claims.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise TokenRefused(f"The token's {name} is no time.")
    return float(found)


def _granted(claims: Mapping[str, Any], provider: TokenIssuer, base: Caller) -> frozenset[str]:
    """What the claim allows, within what the credential allows."""
    if not provider.scope_map:
        return base.scopes
    found: Any = claims
    for name in provider.scope_claim.split("."):  # realm_access.roles
        found = found.get(name) if isinstance(found, Mapping) else None
    values = found.split() if isinstance(found, str) else found if isinstance(found, list) else []
    allowed = {scope for value in values if isinstance(value, str) for scope in provider.scope_map.get(value, ())}
    return frozenset(
        allowed if Scope.ALL in base.scopes else base.scopes if Scope.ALL in allowed else allowed & base.scopes
    )


def _subject(claims: Mapping[str, Any], provider: TokenIssuer) -> str:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise TokenRefused("The token names no subject.")
    return identifier(account(provider.issuer, subject)) or ""


class _Keys:
    """The keys of providers, asked for when they are old or do not fit."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[float, KeySet]] = {}
        self._asked: dict[tuple[str, str], float] = {}
        self._locks: dict[tuple[str, str], Lock] = {}
        self._lock = Lock()

    def get(self, issuer: str, url: str, *, is_unknown: bool) -> KeySet:
        """The keys; with `is_unknown` newer ones than before, unless they were asked for just now."""
        name = (issuer, url)
        with self._lock:
            lock = self._locks.setdefault(name, Lock())
        with lock:
            known, now = self._known.get(name), time.monotonic()
            is_old = known is None or now - known[0] > KEYS_KEPT
            may_ask = now - self._asked.get(name, -math.inf) > _ASKED_EVERY
            if (is_old or is_unknown) and (may_ask or known is None):
                if not may_ask:
                    raise TokenRefused("the issuer did not answer a moment ago")
                self._asked[name] = now
                try:
                    return self.fetch(issuer, url)
                except StoaError:
                    if known is None or now - known[0] > KEYS_KEPT_WHEN_AWAY:
                        self._known.pop(name, None)
                        raise
            assert known is not None  # noqa: S101 - else it was asked for
            return known[1]

    def fetch(self, issuer: str, url: str) -> KeySet:
        """Ask the provider. Raises StoaError: Invalid, AddressRefused, Unreachable."""
        found = url or str(_json(issuer.rstrip("/") + "/.well-known/openid-configuration", issuer).get("jwks_uri", ""))
        if not found:
            raise Invalid("The issuer's configuration names no jwks_uri.")
        keys = _usable(_json(found))
        self._known[issuer, url] = (time.monotonic(), keys)
        return keys

    def forget(self) -> None:
        """Ask anew."""
        with self._lock:
            self._known.clear()
            self._asked.clear()


_keys = _Keys()


def _json(url: str, issuer: str = "") -> dict[str, Any]:
    """A JSON object at an address; with `issuer`, one that says it is of that issuer."""
    with outgoing.line(url) as line:
        answer = line.request("GET", url, headers={"Accept": "application/json"}, limit=_LARGEST, seconds=10)
    content = answer.content
    answer.close()
    try:
        found = orjson.loads(content) if answer.is_success else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Invalid(f"{url} answers {answer.status} and no JSON object.")
    if issuer and not hmac.compare_digest(str(found.get("issuer")).encode(), issuer.encode()):
        raise Invalid(f"{url} is the configuration of another issuer: {str(found.get('issuer'))[:200]}")
    return found


def _usable(document: Mapping[str, Any]) -> KeySet:
    """The public keys that RS256 and ES256 can be checked with; strong enough, and for signatures."""
    keys: list[OctKey | RSAKey | ECKey | OKPKey] = []
    for item in document.get("keys", []) if isinstance(document.get("keys"), list) else []:
        if not isinstance(item, dict) or item.get("use", "sig") != "sig" or item.get("alg", "RS256") not in ALGORITHMS:
            continue
        public = {name: text for name, text in item.items() if name in _PUBLIC}
        try:
            if item.get("kty") == "RSA":
                rsa = RSAKey.import_key(public)
                if rsa.public_key.key_size >= _FEWEST_BITS:
                    keys.append(rsa)
            elif item.get("kty") == "EC" and item.get("crv") == "P-256":
                keys.append(ECKey.import_key(public))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    if not keys:
        raise Invalid("The issuer has no key for RS256 (2048 bits or more) or ES256.")
    return KeySet(keys)


_PUBLIC = frozenset({"kty", "kid", "use", "alg", "n", "e", "crv", "x", "y"})

_entries: dict[tuple[str, str, str], tuple[float, tuple[TokenIssuer, Caller] | None, datetime | None]] = {}
_entries_lock = Lock()


def _known(
    database: Database, issuer: str, audiences: Sequence[str], now: datetime
) -> tuple[TokenIssuer, Caller] | None:
    """The provider and its credential. Remembered for two seconds, so that a revoked one is out in time."""
    for audience in audiences:
        name = (database.url, issuer, audience)
        remembered = _entries.get(name)
        if remembered is None or remembered[0] <= time.monotonic():
            found, expires_at = _look_up(database, issuer, audience, now)
            remembered = (time.monotonic() + _REMEMBERED_FOR, found, expires_at)
            with _entries_lock:
                if len(_entries) > 1000:
                    _entries.clear()
                _entries[name] = remembered
        _, entry, ends = remembered
        if entry is not None and ends is not None and ends <= now:
            raise TokenRefused("The credential of this issuer has expired.")
        if entry is not None:
            return entry
    return None


def _look_up(
    database: Database, issuer: str, audience: str, now: datetime
) -> tuple[tuple[TokenIssuer, Caller] | None, datetime | None]:
    with database.read(None) as session:
        place = store.find_by_token(session, issuer, audience)
    if place is None:
        return None, None
    credential_id, organization_id = place
    with database.read(organization_id) as session:
        found = store.find(session, credential_id)
        summary = credentials.get(session, credential_id, now)
        if found is not None:
            session.expunge(found)
    if found is None or summary.state is credentials.State.REVOKED:
        return None, None
    credentials.note_use(database, summary, now)
    return (found, summary.caller), summary.expires_at


def forget() -> None:
    """Let this process ask for everything again."""
    _keys.forget()
    with _entries_lock:
        _entries.clear()
