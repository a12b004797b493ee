"""Where content lives, and the key its close-only tokens are made with. Told once, by the wiring."""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from uuid import UUID

from core.errors import Forbidden


@dataclass
class Known:
    """What the wiring has told."""

    content_origin: str = "http://127.0.0.1"
    home_page: str = "http://localhost"
    key: bytes = b""


known = Known()


def use(*, content_origin: str, app_origin: str, key: bytes) -> None:
    """Remember where content lives and what signs tokens."""
    known.content_origin, known.home_page, known.key = content_origin, app_origin, key


def close_token(organization_id: UUID, session_id: UUID) -> str:
    """Return the token by which the adapter may append what remains when its window closes: this session's, no other.

    It names organization and session itself, so it needs no look-up before the tenant is known.
    """
    named = organization_id.bytes + session_id.bytes
    return urlsafe_b64encode(named + seal(named)).decode()


def read_close_token(token: str) -> tuple[UUID, UUID]:
    """Return (organization, session) of a close-only token. Raises Forbidden."""
    try:
        raw = urlsafe_b64decode(token)
    except ValueError:
        raw = b""
    if len(raw) != 64 or not hmac.compare_digest(raw[32:], seal(raw[:32])):
        raise Forbidden("This token is not one of ours.")
    return UUID(bytes=raw[:16]), UUID(bytes=raw[16:32])


def seal(named: bytes) -> bytes:
    """Return what only we can add to these bytes: 32 more."""
    return hmac.new(known.key, named, hashlib.sha256).digest()
