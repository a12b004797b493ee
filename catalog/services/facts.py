"""Facts as they come in (from a form, JSON, another room) and as the audit log keeps them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID


def tidy(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts with texts trimmed, empty ones as None, percents and weights as decimals of two places."""
    return {name: _tidy(name, value) for name, value in facts.items()}


def plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts as JSON can hold them."""
    return {name: _plain(value) for name, value in facts.items()}


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the old and the new values of what differs, as JSON can hold them."""
    names = [name for name in after if before.get(name) != after[name]]
    return plain({name: before.get(name) for name in names}), plain({name: after[name] for name in names})


def _tidy(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, UUID):
        return str(value)
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if is_number and name in ("passing_score", "weight") and abs(value) < 10_000:
        return Decimal(str(value)).quantize(Decimal("0.01"))
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return str(value) if isinstance(value, UUID) else value
