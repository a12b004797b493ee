"""Duties of the LRS."""

from collections.abc import Mapping
from typing import Any

from core import clock
from core.jobs import Work
from lrs.services import refusals


def forget_refusals(work: Work) -> Mapping[str, Any]:
    """Delete refused requests that are older than a week."""
    with work.database.write(None) as session:
        return {"refusals": refusals.forget(session, clock.now())}
