"""Encryption of the few secrets that must be readable again: AES-256-GCM under a key derived from the installation's.

Each value is bound to what it belongs to, so that one moved to another row does not open. The key's id is stored beside
it and says which key would be needed.
"""

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import Unavailable

_key = hashlib.sha256(b"not configured").digest()
_NONCE = 12


def use(secret: bytes) -> None:
    """Say which secret the key is made of."""
    global _key
    _key = hashlib.sha256(secret).digest()


def key_id() -> str:
    """Return the id of the present key."""
    return hashlib.sha256(b"id:" + _key).hexdigest()[:16]


def seal(value: bytes, belongs_to: bytes) -> bytes:
    """Encrypt a value for its owner."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(_key).encrypt(nonce, value, belongs_to)


def unseal(sealed: bytes, belongs_to: bytes, sealed_by: str | None) -> bytes:
    """Return the value. Raises Unavailable when another key than the present one sealed it."""
    try:
        return AESGCM(_key).decrypt(sealed[:_NONCE], sealed[_NONCE:], belongs_to)
    except InvalidTag:
        raise Unavailable(
            f"A stored secret was sealed with the key {sealed_by}; this installation has {key_id()}. "
            "Set STOA_SECRET_KEY back to what it was."
        ) from None
