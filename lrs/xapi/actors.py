"""Agents and groups: who did it, whom it is about, who vouches (Data 2.4.2, 2.4.9)."""

from typing import Any

from lrs.xapi import values
from lrs.xapi.problems import Path, Report, excerpt
from lrs.xapi.properties import Rule, Table, formatted, iri, obeys, one_of, string, wrong_type

IFIS = ("mbox", "mbox_sha1sum", "openid", "account")

_ACCOUNT: Table = {"homePage": iri("Data 2.4.2.4"), "name": string("Data 2.4.2.4")}


def _account(report: Report, at: Path, value: Any) -> None:
    obeys(report, at, value, _ACCOUNT, ("homePage", "name"), "Data 2.4.2.4")


def _checked_elsewhere(report: Report, at: Path, value: Any) -> None:
    """`objectType` decides which table applies, so it has been looked at before."""


_IFI_RULES: dict[str, Rule] = {
    "mbox": formatted(values.is_mbox, "mailto: and one mail address", "Data 2.4.2.3"),
    "mbox_sha1sum": formatted(values.is_sha1, "a SHA-1 of 40 hexadecimal digits", "Data 2.4.2.3"),
    "openid": iri("Data 2.4.2.3"),
    "account": _account,
}
_AGENT: Table = {"objectType": _checked_elsewhere, "name": string("Data 2.4.2.1")} | _IFI_RULES


def agent(report: Report, at: Path, value: Any) -> None:
    """Data 2.4.2.1: an Agent, with exactly one inverse functional identifier."""
    if type(value) is dict and value.get("objectType", "Agent") != "Agent":
        report.add((at, "objectType"), f"must be Agent, but is {excerpt(value['objectType'])}", "Data 2.4.2.1")
        return
    _identified(report, at, value, _AGENT, "Data 2.4.2.1")


def _members(report: Report, at: Path, value: Any) -> None:
    if type(value) is not list:
        wrong_type(report, at, value, "an array of Agents", "Data 2.4.2.2")
        return
    for number, member in enumerate(value):
        if type(member) is dict and member.get("objectType") == "Group":
            report.add((at, number), "is a Group; the members of a Group must be Agents", "Data 2.4.2.2")
        else:
            agent(report, (at, number), member)


_GROUP: Table = _AGENT | {"member": _members}


def group(report: Report, at: Path, value: Any) -> None:
    """Data 2.4.2.2: a Group: identified by exactly one identifier, or anonymous and then with members."""
    if type(value) is not dict:
        wrong_type(report, at, value, "a Group", "Data 2.4.2.2")
    elif value.get("objectType") != "Group":
        found = excerpt(value["objectType"]) if "objectType" in value else "missing"
        report.add((at, "objectType"), f"must be Group, but is {found}", "Data 2.4.2.2")
    elif any(name in value for name in IFIS):
        _identified(report, at, value, _GROUP, "Data 2.4.2.2")
    else:
        obeys(report, at, value, _GROUP, ("member",), "Data 2.4.2.2")
        if value.get("member") == []:
            report.add((at, "member"), "must name somebody: the Group has no identifier of its own", "Data 2.4.2.2")


def _identified(report: Report, at: Path, value: Any, table: Table, requirement: str) -> None:
    if not obeys(report, at, value, table, (), requirement):
        return
    found = [name for name in IFIS if name in value]
    if len(found) == 1:
        return
    if found:
        report.add(at, f"has {len(found)} identifiers ({', '.join(found)}); exactly one is allowed", requirement)
    else:
        report.add(at, f"has no identifier; one of {', '.join(IFIS)} is required", "Data 2.4.2.3")


_OBJECT_TYPE = one_of(("Agent", "Group"), "Data 2.4.2")


def actor(report: Report, at: Path, value: Any) -> None:
    """Data 2.4.2: an Agent or a Group; an Agent when nothing is said."""
    if type(value) is not dict:
        wrong_type(report, at, value, "an Agent or a Group", "Data 2.4.2")
        return
    object_type = value.get("objectType", "Agent")
    if object_type == "Agent":
        _identified(report, at, value, _AGENT, "Data 2.4.2.1")
    elif object_type == "Group":
        group(report, at, value)
    else:
        _OBJECT_TYPE(report, (at, "objectType"), object_type)


def authority(report: Report, at: Path, value: Any) -> None:
    """Data 2.4.9: an Agent, or the Group of exactly two Agents that OAuth with three legs makes."""
    actor(report, at, value)
    if type(value) is dict and value.get("objectType") == "Group":
        members = value.get("member")
        if type(members) is not list or len(members) != 2 or any(name in value for name in IFIS):
            report.add(at, "must be an Agent, or a Group of two Agents without identifier", "Data 2.4.9")


def identifier(value: dict[str, Any]) -> str | None:
    """The one text that stands for an Agent or identified Group; None for an anonymous Group.

    Two actors are the same when theirs are equal: what is case insensitive is lowered (mail domain, hash).
    """
    if "mbox" in value:
        return "mbox|" + comparable_mbox(value["mbox"])
    if "account" in value:
        account = value["account"]
        return f"account|{account['homePage']}|{account['name']}"
    if "mbox_sha1sum" in value:
        return "mbox_sha1sum|" + str(value["mbox_sha1sum"]).lower()
    if "openid" in value:
        return f"openid|{value['openid']}"
    return None


def comparable_mbox(mbox: str) -> str:
    """The address with its domain in lower case (Data 2.3.1, 2.4.2.3)."""
    local, at_sign, domain = mbox.rpartition("@")
    return local + at_sign + domain.lower()


def identity(value: dict[str, Any]) -> dict[str, Any]:
    """The least that tells who it is: objectType and identifier, for an anonymous Group its members' (format `ids`)."""
    kept = {name: value[name] for name in ("objectType", *IFIS) if name in value}
    if not any(name in value for name in IFIS) and isinstance(value.get("member"), list):
        kept["member"] = [identity(member) for member in value["member"]]
    return kept
