"""Activities as the LRS knows them (Communication 2.5)."""

from collections.abc import Iterable
from typing import Any

from core.db import Session
from lrs.store import activities as store


def activity(session: Session, iri: str) -> dict[str, Any]:
    """The Activity with its canonical definition; just its id where nothing more is known."""
    definition = store.definitions(session, [iri]).get(iri)
    found = {"objectType": "Activity", "id": iri}
    return found | {"definition": definition} if definition is not None else found


def definitions(session: Session, iris: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The canonical definitions of these activities, as far as there are any."""
    return store.definitions(session, iris)
