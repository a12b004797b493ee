"""The ticket of a page that waits for a choice: under which registration, and how, what is chosen is to be opened.

Nothing is delivered yet, so no session stands for that page; the ticket does. Whose registration it is, is asked when
it is used, and it opens nothing that they could not open otherwise.
"""

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import orjson

from core.errors import Forbidden
from scorm_player.scorm.visit import Learner
from scorm_player.services import addresses

SEAL = 32  # bytes
PURPOSE = b"choose:"


@dataclass(frozen=True)
class Ticket:
    """What the page was opened with. `seed`: chance, so that a visit that is not kept selects the same parts again."""

    registration_id: UUID
    mode: Literal["normal", "browse", "review"]
    strict: bool
    person: Learner
    seed: int


def issue(ticket: Ticket) -> str:
    """Return the ticket as text that only we can have made."""
    told = orjson.dumps(
        [
            str(ticket.registration_id),
            ticket.mode,
            ticket.strict,
            ticket.person.id,
            ticket.person.name,
            dict(ticket.person.preferences),
            ticket.seed,
        ]
    )
    return urlsafe_b64encode(addresses.seal(PURPOSE + told) + told).decode()


def read(text: str) -> Ticket:
    """Return the ticket that was issued as this text. Raises Forbidden."""
    try:
        raw = urlsafe_b64decode(text.encode())
    except (ValueError, binascii.Error):
        raw = b""
    seal, told = raw[:SEAL], raw[SEAL:]
    if not told or not hmac.compare_digest(seal, addresses.seal(PURPOSE + told)):
        raise Forbidden("This ticket is not one of ours.")
    registration, mode, strict, identifier, name, preferences, seed = orjson.loads(told)
    return Ticket(UUID(registration), mode, strict, Learner(identifier, name, preferences), seed)
