"""Frozen dataclasses as JSON text and back, by their annotations. A field that has its default is left out."""

from __future__ import annotations

import json
import types
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

Value = TypeVar("Value")


def dumps(value: object) -> str:
    """Return the value as JSON text."""
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"))


def loads(kind: type[Value], text: str) -> Value:
    """Return the value of this class that `dumps` wrote."""
    return cast(Value, built(kind, json.loads(text)))


def plain(value: Any) -> Any:
    """Return the value as dicts, lists, texts and numbers."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            item.name: plain(getattr(value, item.name))
            for item in fields(value)
            if not has_default(item, getattr(value, item.name))
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(plain(item) for item in value)
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def has_default(item: Field[Any], value: Any) -> bool:
    """Whether leaving the field out says the same."""
    if item.default is not MISSING:
        return bool(item.default == value)
    if item.default_factory is not MISSING:
        return bool(item.default_factory() == value)
    return False


def built(kind: Any, data: Any) -> Any:
    """Return plain data as a value of `kind`, an annotation."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        if data is None:
            return None
        return built(next(option for option in get_args(kind) if option is not types.NoneType), data)
    if origin is tuple:
        return tuple(built(get_args(kind)[0], item) for item in data)
    if origin is frozenset:
        return frozenset(built(get_args(kind)[0], item) for item in data)
    if origin is dict:
        return {key: built(get_args(kind)[1], item) for key, item in data.items()}
    if is_dataclass(kind):
        hints = annotations_of(cast(type, kind))
        return cast(Any, kind)(**{name: built(hints[name], item) for name, item in data.items()})
    if kind is float or (isinstance(kind, type) and issubclass(kind, Enum)):
        return kind(data)
    return data


@cache
def annotations_of(kind: type) -> dict[str, Any]:
    """The resolved annotations of a dataclass."""
    return get_type_hints(kind)
