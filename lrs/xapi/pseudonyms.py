"""Putting somebody else's name in a Statement's Agents and Groups: one person's, or everybody's. Nothing else changes.

Reached is every Agent and Group of the Statement and its SubStatement: actor, object, context, members, authority.
Free texts, extensions and definitions are not looked into.
"""

from collections.abc import Callable, Mapping
from typing import Any

from lrs.xapi.actors import IFIS, identifier
from lrs.xapi.verbs import SIGNATURE_USAGE

HOME_PAGE = "https://pseudonym.invalid"
"""The home page of pseudonyms; nothing is ever there (RFC 2606)."""

Change = Callable[[dict[str, Any]], dict[str, Any]]
"""What becomes of one Agent or Group: the same object, or another in its place."""


def pseudonym(name: str) -> str:
    """The identifier of a pseudonym, as `actors.identifier` writes it."""
    return f"account|{HOME_PAGE}|{name}"


def is_pseudonym(value: Mapping[str, Any]) -> bool:
    """Whether an Agent or Group is known by a pseudonym."""
    account = value.get("account")
    return isinstance(account, dict) and account.get("homePage") == HOME_PAGE


def renamed(value: dict[str, Any], identifier: str) -> dict[str, Any]:
    """The Agent or Group under an account (`account|home page|name`), without its name."""
    _, home_page, name = identifier.split("|", 2)
    kept = {key: item for key, item in value.items() if key not in ("name", *IFIS)}
    return kept | {"account": {"homePage": home_page, "name": name}}


def unnamed(value: dict[str, Any]) -> dict[str, Any]:
    """The Agent or Group without its name."""
    return {key: item for key, item in value.items() if key != "name"}


def in_place_of(identifiers: frozenset[str], change: Change) -> Change:
    """The change for whoever has one of these identifiers; nobody else changes."""
    return lambda value: change(value) if identifier(value) in identifiers else value


def changed(statement: dict[str, Any], change: Change) -> dict[str, Any]:
    """The Statement with every Agent and Group changed; the same object when none is."""
    found = _inside(statement, change)
    for name in ("actor", "authority"):
        if name in statement:
            found = _with(found, name, _agent(statement[name], change))
    return found


def _inside(statement: dict[str, Any], change: Change) -> dict[str, Any]:
    target, found = statement["object"], statement
    kind = target.get("objectType", "Activity")
    if kind in ("Agent", "Group"):
        found = _with(found, "object", _agent(target, change))
    elif kind == "SubStatement":
        inner = _with(_inside(target, change), "actor", _agent(target["actor"], change))
        found = _with(found, "object", inner)
    if (context := statement.get("context")) is not None:
        found = _with(found, "context", _context(context, change))
    return found


def _context(context: dict[str, Any], change: Change) -> dict[str, Any]:
    found = context
    for name in ("instructor", "team"):
        if name in context:
            found = _with(found, name, _agent(context[name], change))
    for name, what in (("contextAgents", "agent"), ("contextGroups", "group")):
        if name in context:
            others = [_with(one, what, _agent(one[what], change)) for one in context[name]]
            if any(new is not old for new, old in zip(others, context[name], strict=True)):
                found = _with(found, name, others)
    return found


def _agent(value: dict[str, Any], change: Change) -> dict[str, Any]:
    found = change(value)
    members = value.get("member")
    if members:
        others = [change(member) for member in members]
        if any(new is not old for new, old in zip(others, members, strict=True)):
            found = found | {"member": others}
    return found


def _with(value: dict[str, Any], name: str, item: Any) -> dict[str, Any]:
    """The object with another item in the same place; itself when it is the same item."""
    return value if value[name] is item else {key: item if key == name else old for key, old in value.items()}


def unsigned(statement: dict[str, Any]) -> dict[str, Any]:
    """The Statement without signatures: a signature holds the whole Statement as it was (Data 2.6)."""
    attachments = statement.get("attachments", [])
    kept = [item for item in attachments if item["usageType"] != SIGNATURE_USAGE]
    if len(kept) == len(attachments):
        return statement
    rest = {name: item for name, item in statement.items() if name != "attachments"}
    return rest | {"attachments": kept} if kept else rest
