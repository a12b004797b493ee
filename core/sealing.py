"""Encryption of what must be readable again but by nobody else: AES-256-GCM under keys derived from the installation's.

Each value is bound to what it belongs to, so that one moved to another row or column does not open. The id of the key
is stored beside it. The first key seals, the others still open what they sealed, until `stoa rotate-keys` has run.
"""

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import Unavailable

_NONCE = 12


def _key(secret: bytes) -> tuple[str, bytes]:
    key = hashlib.sha256(secret).digest()
    return hashlib.sha256(b"id:" + key).hexdigest()[:16], key


_keys = dict([_key(b"not configured")])


def use(secret: bytes, *former: bytes) -> None:
    """Say which secret new values are sealed with, and which ones sealed what is there already."""
    global _keys
    _keys = dict(_key(each) for each in (secret, *former))


def key_id() -> str:
    """Return the id of the key that seals."""
    return next(iter(_keys))


def seal(value: bytes, belongs_to: bytes) -> bytes:
    """Encrypt a value for its owner."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(_keys[key_id()]).encrypt(nonce, value, belongs_to)


def unseal(sealed: bytes, belongs_to: bytes, sealed_by: str | None) -> bytes:
    """Return the value. Raises Unavailable when no key that is here sealed it, or when it belongs elsewhere."""
    try:
        key = _keys[sealed_by or key_id()]
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], belongs_to)
    except (InvalidTag, KeyError):
        raise Unavailable(
            f"A stored secret was sealed with the key {sealed_by}; this installation has {', '.join(_keys)}. "
            "Set STOA_SECRET_KEY and STOA_SEALING_KEYS back to what they were."
        ) from None
