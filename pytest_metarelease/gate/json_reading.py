"""JSON values to frozen values, strictly by their types: nothing is repaired, guessed or ignored.

Nothing here knows what a record is. Every error names the path of what is wrong.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from pytest_metarelease.errors import PacketError
from pytest_metarelease.evidence import RateSample, ReachSample

Read = Callable[[object, str], Any]


@cache
def _reader(kind: Any) -> Read:
    """Return the strict reader of one annotated type; every type of a record has one."""
    if isinstance(kind, type) and is_dataclass(kind):
        return dataclass_reader(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum_reader(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _union_reader(arguments)
    if origin is tuple:
        return _list_reader(_reader(arguments[0]))
    if origin is not None and issubclass(origin, Mapping):
        return _mapping_reader(_reader(arguments[1]))
    return _SCALARS[kind]


def refuse(path: str, expected: str, found: object) -> PacketError:
    """Return the error that says what stands at ``path`` instead of ``expected``."""
    shown = repr(found)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return PacketError(f"{path}: expected {expected}, found {shown}")


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise refuse(path, "a text", value)
    return value


def _flag(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise refuse(path, "true or false", value)
    return value


def _integer(value: object, path: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise refuse(path, "an integer", value)
    return value


def _number(value: object, path: str) -> float:
    # Python reads integers of any length, also those that are no double: the bound is a double's.
    if not isinstance(value, int | float) or isinstance(value, bool) or not _finite(value):
        raise refuse(path, "a finite number", value)
    return float(value)


def _finite(value: float) -> bool:
    return -sys.float_info.max <= value <= sys.float_info.max


_SCALARS: dict[Any, Read] = {
    str: _text,
    bool: _flag,
    int: _integer,
    float: _number,
}


def _enum_reader(kind: type[Enum]) -> Read:
    values = {one.value: one for one in kind}

    def read(value: object, path: str) -> Enum:
        if not isinstance(value, str) or value not in values:
            raise refuse(path, f"one of {', '.join(values)}", value)
        return values[value]

    return read


def _list_reader(element: Read) -> Read:
    def read(value: object, path: str) -> tuple[object, ...]:
        if not isinstance(value, list):
            raise refuse(path, "a list", value)
        return tuple(element(one, f"{path}[{number}]") for number, one in enumerate(value))

    return read


def _mapping_reader(element: Read) -> Read:
    def read(value: object, path: str) -> dict[str, object]:
        return {key: element(one, f"{path}.{key}") for key, one in _object(value, path).items()}

    return read


def _union_reader(arguments: tuple[Any, ...]) -> Read:
    """Return the reader of ``X | None`` and of the two samples, which differ by their keys."""
    optional = type(None) in arguments
    others = tuple(one for one in arguments if one is not type(None))
    inner = _reader(others[0]) if len(others) == 1 else _sample

    def read(value: object, path: str) -> object:
        return None if optional and value is None else inner(value, path)

    return read


def _sample(value: object, path: str) -> RateSample | ReachSample:
    kind = RateSample if "bad" in _object(value, path) else ReachSample
    found: RateSample | ReachSample = _reader(kind)(value, path)
    return found


def _object(value: object, path: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise refuse(path, "an object", value)
    for key in value:
        if not isinstance(key, str):
            raise refuse(path, "texts as keys", key)
    return value


@cache
def dataclass_reader(cls: Any) -> Read:
    """Return the strict reader of ``cls``, a dataclass: every key, and no other."""
    hints = get_type_hints(cls)
    readers = {name: _reader(hints[name]) for name in (field.name for field in fields(cls))}

    def read(value: object, path: str) -> Any:
        found = _object(value, path)
        # Sets differ in one comparison where all is well, which is nearly always.
        if found.keys() != readers.keys():
            raise _other_keys(path, found, readers)
        return cls(**{name: one(found[name], f"{path}.{name}") for name, one in readers.items()})

    return read


def _other_keys(path: str, found: dict[str, object], readers: dict[str, Read]) -> PacketError:
    unknown = sorted(found.keys() - readers.keys())
    missing = sorted(readers.keys() - found.keys())
    problems = [f"unknown key {name}" for name in unknown] + [f"no {name}" for name in missing]
    return PacketError(f"{path}: {', '.join(problems)}")
