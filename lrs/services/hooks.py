"""What rooms above may plug into the storing of statements, inside its transaction. `app/wiring.py` registers it.

A check that runs before raises Forbidden to refuse the whole request; what runs after may store further statements.
"""

from collections.abc import Callable, Sequence
from typing import Any

from core.db import Session
from lrs.services.credentials import Caller

Statement = dict[str, Any]
Hook = Callable[[Session, Sequence[Statement], Caller], None]

_before: list[Hook] = []
_after: list[Hook] = []


def register(*, before_store: Sequence[Hook] = (), after_store: Sequence[Hook] = ()) -> None:
    """Say once which hooks there are; the last call counts."""
    _before[:] = before_store
    _after[:] = after_store


def are_plugged_in() -> bool:
    """Whether any room looks at requests, so that each needs its own transaction."""
    return bool(_before or _after)


def run_before(session: Session, statements: Sequence[Statement], caller: Caller) -> None:
    """Let every check see the request's statements, before their rules are looked at."""
    for hook in _before:
        hook(session, statements, caller)


def run_after(session: Session, statements: Sequence[Statement], caller: Caller) -> None:
    """Tell everybody which statements are new in the store."""
    for hook in _after:
        hook(session, statements, caller)
