"""One hierarchy for everything that can go wrong, each saying whose fault it is by its status.

The edge turns them into a page, problem+json or xAPI text; nobody else catches them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the input: where it stands, what is wrong, how to put it right."""

    where: str
    what: str
    remedy: str = ""


class StoaError(Exception):
    """Something went wrong that a person can be told about. `status` is the HTTP status.

    `headers` go with the answer, where a protocol wants some.
    """

    status = 500
    title = "Something went wrong"
    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, message: str = "", *, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message or self.title)
        self.message = message or self.title
        self.problems = tuple(problems)


class BadRequest(StoaError):
    """The request cannot be understood."""

    status = 400
    title = "This request cannot be understood"


class Unauthorized(StoaError):
    """Nobody, or nobody known, is asking."""

    status = 401
    title = "Sign in first"


class Forbidden(StoaError):
    """Known, but not allowed. Where the thing itself must stay unknown, raise NotFound."""

    status = 403
    title = "You are not allowed to do this"


class ProofNeeded(Forbidden):
    """A critical act, and it was too long ago that whoever is signed in proved to be there themselves."""

    title = "Is it still you?"


class SecondFactorNeeded(Forbidden):
    """The organization asks this person for a second factor, which is not set up yet."""

    title = "Set up your second factor first"


class NotFound(StoaError):
    """There is no such thing for whoever asks: absent, and another tenant's, look alike."""

    status = 404
    title = "There is nothing here"


class Conflict(StoaError):
    """What is stored already contradicts the request."""

    status = 409
    title = "This contradicts what is already there"


class Gone(StoaError):
    """It was here and will not come back: an expired link, a revoked launch."""

    status = 410
    title = "This link has expired"


class PreconditionFailed(StoaError):
    """The stored version is not the one the request was made for."""

    status = 412
    title = "Somebody else changed this meanwhile"


class TooLarge(StoaError):
    """The body is over the limit; the message names it."""

    status = 413
    title = "This is too large"


class Unsupported(StoaError):
    """The body is of a kind that is not taken here; the message names the right one."""

    status = 415
    title = "This kind of body is not taken here"


class Invalid(StoaError):
    """Understood, but wrong; `problems` says where and how to fix it."""

    status = 422
    title = "Please check what you entered"


class TooMany(StoaError):
    """Too many requests. `retry_after` is in seconds."""

    status = 429
    title = "Too many tries"
    retry_after = 60


class Unavailable(StoaError):
    """A part Stoa needs is not there right now."""

    status = 503
    title = "Stoa is not ready"
    retry_after = 5
