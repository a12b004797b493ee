"""When are two Statements the same? Without what the LRS sets and what is no part of a Statement (Data 2.3.1)."""

from typing import Any

import orjson

from lrs.xapi import actors, values
from lrs.xapi.contexts import ACTIVITY_LISTS
from lrs.xapi.versions import Version

_SET_BY_THE_LRS = frozenset({"id", "stored", "authority", "version"})


def are_same(one: dict[str, Any], other: dict[str, Any], version: Version = Version.V1_0_3) -> bool:
    """Whether two valid Statements match.

    Ignored are id, stored, authority, version; a timestamp that only one of them has; the zone of a timestamp;
    the order of members; verb displays and activity definitions; the case of UUIDs, hashes and mail domains;
    in 2.0 what a duration says beyond 0.01 second.
    """
    first, second = _comparable(one, version), _comparable(other, version)
    if "timestamp" not in first or "timestamp" not in second:
        first.pop("timestamp", None)
        second.pop("timestamp", None)
    return _text(first) == _text(second)


def _text(value: Any) -> bytes:
    return orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS)


def _plain(value: Any) -> Any:
    """Numbers of equal value written alike: 1.0 is 1. (Not by ==, for which True would be 1, too.)"""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def _comparable(statement: dict[str, Any], version: Version) -> dict[str, Any]:
    kept = {name: value for name, value in statement.items() if name not in _SET_BY_THE_LRS}
    kept["actor"] = _actor(statement["actor"])
    kept["verb"] = {"id": statement["verb"]["id"]}
    kept["object"] = _object(statement["object"], version)
    if "context" in statement:
        kept["context"] = _context(statement["context"])
    if "timestamp" in statement:
        moment = values.parse_timestamp(statement["timestamp"], Version.V1_0_3)
        kept["timestamp"] = values.format_timestamp(moment) if moment else statement["timestamp"]
    duration = statement.get("result", {}).get("duration")
    if version is Version.V2_0 and duration is not None:
        kept["result"] = statement["result"] | {"duration": values.comparable_duration(duration)}
    if "attachments" in statement:
        kept["attachments"] = [item | {"sha2": item["sha2"].lower()} for item in statement["attachments"]]
    return kept


def _object(value: dict[str, Any], version: Version) -> dict[str, Any]:
    object_type = value.get("objectType", "Activity")
    if object_type == "Activity":
        return _activity(value)
    if object_type == "StatementRef":
        return value | {"id": value["id"].lower()}
    if object_type == "SubStatement":
        return _comparable(value, version)
    return _actor(value)


def _activity(value: dict[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in value.items() if name != "definition"}


def _actor(value: dict[str, Any]) -> dict[str, Any]:
    kept = dict(value)
    if "mbox" in value:
        kept["mbox"] = actors.comparable_mbox(value["mbox"])
    if "mbox_sha1sum" in value:
        kept["mbox_sha1sum"] = value["mbox_sha1sum"].lower()
    if "member" in value:
        kept["member"] = sorted((_actor(member) for member in value["member"]), key=_text)
    return kept


def _context(value: dict[str, Any]) -> dict[str, Any]:
    kept = dict(value)
    if "registration" in value:
        kept["registration"] = value["registration"].lower()
    if "statement" in value:
        kept["statement"] = value["statement"] | {"id": value["statement"]["id"].lower()}
    for name in ("instructor", "team"):
        if name in value:
            kept[name] = _actor(value[name])
    for name, part in (("contextAgents", "agent"), ("contextGroups", "group")):
        if name in value:
            kept[name] = [item | {part: _actor(item[part])} for item in value[name]]
    if "contextActivities" in value:
        lists = value["contextActivities"]
        kept["contextActivities"] = {name: _activities(lists[name]) for name in ACTIVITY_LISTS if name in lists}
    return kept


def _activities(value: Any) -> list[Any]:
    return [_activity(item) for item in (value if isinstance(value, list) else [value])]
