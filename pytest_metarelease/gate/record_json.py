"""A run's record as JSON and back, strictly: what is not exactly a record is refused.

Nothing here repairs, guesses or ignores: an unknown key, a missing key, a number that is a text or
a sample that cannot be is an error that names its place.
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pytest_metarelease.errors import PacketError
from pytest_metarelease.evidence import RateSample, ReachSample, Sample
from pytest_metarelease.gate.values import Record

_Read = Callable[[object, str], Any]


def record_to_json(record: Record) -> dict[str, object]:
    """Return ``record`` as JSON values; fields that hold their default are written as well."""
    found = _plain(record)
    assert isinstance(found, dict)  # noqa: S101 - a dataclass becomes a dict
    return found


def record_from_json(obj: object) -> Record:
    """Return the record that ``obj`` holds.

    Raises:
        PacketError: naming the path of the first thing that is not as ``record_to_json`` writes it.
    """
    found = _reader(Record)(obj, "record")
    assert isinstance(found, Record)  # noqa: S101 - the reader of a class returns that class
    _refuse_impossible(found)
    return found


def dump(obj: object, *, indent: int | None = 1) -> bytes:
    """Return ``obj`` as JSON: sorted keys, UTF-8, a final newline; equal values, equal bytes.

    Raises:
        ValueError: on NaN and infinities, which are no JSON (RFC 8259, section 6).
    """
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(
        obj,
        sort_keys=True,
        ensure_ascii=False,
        allow_nan=False,
        indent=indent,
        separators=separators,
    )
    # A lone surrogate has no UTF-8; it stays the escape that JSON has for it.
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _plain(value: object) -> object:
    if is_dataclass(value):
        return {name: _plain(getattr(value, name)) for name in _names(value.__class__)}
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value.value if isinstance(value, Enum) else value


@cache
def _names(cls: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls))


@cache
def _reader(kind: Any) -> _Read:
    """Return the strict reader of one annotated type; every type of a record has one."""
    if isinstance(kind, type) and is_dataclass(kind):
        return _dataclass_reader(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum_reader(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _union_reader(arguments)
    if origin is tuple:
        return _list_reader(_reader(arguments[0]))
    if origin is Literal:
        return _choice_reader(arguments)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping_reader(_reader(arguments[1]))
    return _SCALARS[kind]


def _refuse(path: str, expected: str, found: object) -> PacketError:
    shown = repr(found)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return PacketError(f"{path}: expected {expected}, found {shown}")


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise _refuse(path, "a text", value)
    return value


def _flag(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise _refuse(path, "true or false", value)
    return value


def _integer(value: object, path: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _refuse(path, "an integer", value)
    return value


def _number(value: object, path: str) -> float:
    # Python reads integers of any length, also those that are no double: the bound is a double's.
    if not isinstance(value, int | float) or isinstance(value, bool) or not _finite(value):
        raise _refuse(path, "a finite number", value)
    return float(value)


def _finite(value: float) -> bool:
    return -sys.float_info.max <= value <= sys.float_info.max


def _nothing(value: object, path: str) -> None:
    if value is not None:
        raise _refuse(path, "null", value)


_SCALARS: dict[Any, _Read] = {
    str: _text,
    bool: _flag,
    int: _integer,
    float: _number,
    type(None): _nothing,
}


def _enum_reader(kind: type[Enum]) -> _Read:
    values = {one.value: one for one in kind}

    def read(value: object, path: str) -> Enum:
        if not isinstance(value, str) or value not in values:
            raise _refuse(path, f"one of {', '.join(values)}", value)
        return values[value]

    return read


def _choice_reader(choices: tuple[object, ...]) -> _Read:
    def read(value: object, path: str) -> object:
        if value not in choices:
            raise _refuse(path, f"one of {', '.join(map(str, choices))}", value)
        return value

    return read


def _list_reader(element: _Read) -> _Read:
    def read(value: object, path: str) -> tuple[object, ...]:
        if not isinstance(value, list):
            raise _refuse(path, "a list", value)
        return tuple(element(one, f"{path}[{number}]") for number, one in enumerate(value))

    return read


def _mapping_reader(element: _Read) -> _Read:
    def read(value: object, path: str) -> dict[str, object]:
        return {key: element(one, f"{path}.{key}") for key, one in _object(value, path).items()}

    return read


def _union_reader(arguments: tuple[Any, ...]) -> _Read:
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
        raise _refuse(path, "an object", value)
    for key in value:
        if not isinstance(key, str):
            raise _refuse(path, "texts as keys", key)
    return value


def _dataclass_reader(cls: Any) -> _Read:
    hints = get_type_hints(cls)
    readers = {name: _reader(hints[name]) for name in _names(cls)}

    def read(value: object, path: str) -> Any:
        found = _object(value, path)
        # Sets differ in one comparison where all is well, which is nearly always.
        if found.keys() != readers.keys():
            raise _other_keys(path, found, readers)
        return cls(**{name: one(found[name], f"{path}.{name}") for name, one in readers.items()})

    return read


def _other_keys(path: str, found: dict[str, object], readers: dict[str, _Read]) -> PacketError:
    unknown = sorted(found.keys() - readers.keys())
    missing = sorted(readers.keys() - found.keys())
    problems = [f"unknown key {name}" for name in unknown] + [f"no {name}" for name in missing]
    return PacketError(f"{path}: {', '.join(problems)}")


def _refuse_impossible(record: Record) -> None:
    """Refuse what has the right shape and cannot be: a result or measurement under another id."""
    for nodeid, result in record.results.items():
        if result.nodeid != nodeid:
            raise _refuse(f"record.results.{nodeid}.nodeid", repr(nodeid), result.nodeid)
    for name, measurement in record.measurements.items():
        path = f"record.measurements.{name}"
        if measurement.id != name:
            raise _refuse(f"{path}.id", repr(name), measurement.id)
        if measurement.sample is not None and not _counts(measurement.sample):
            raise _refuse(f"{path}.sample", "counts that can be", measurement.sample)


def _counts(sample: Sample) -> bool:
    if isinstance(sample, ReachSample):
        return 0 <= sample.failed <= sample.attempts and sample.span >= 0
    return 0 <= sample.bad <= sample.total and sample.excluded >= 0 and sample.looks >= 1
