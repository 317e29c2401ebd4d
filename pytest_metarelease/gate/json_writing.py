"""Frozen values to JSON values, by their types: dataclasses, tuples, mappings, scalars.

Nothing here knows what a record is, and nothing is left out, not even a default. Our enums are
texts (``StrEnum``) and stay as they are: JSON writes their values.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from operator import attrgetter
from typing import Any, Union, get_args, get_origin, get_type_hints

Write = Callable[[Any], Any]


@cache
def _writer(kind: Any) -> Write | None:
    """Return what turns a value of ``kind`` into JSON values; None where it is one already.

    By type and not by looking at each value: a record of ten thousand checks is written at the end
    of every run.
    """
    if isinstance(kind, type) and is_dataclass(kind):
        return dataclass_writer(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _union_writer(arguments)
    if origin is tuple:
        return _list_writer(_writer(arguments[0]))
    if origin is not None and issubclass(origin, Mapping):
        return _mapping_writer(_writer(arguments[1]))
    return None


def _union_writer(arguments: tuple[Any, ...]) -> Write | None:
    writers = {one: found for one in arguments if (found := _writer(one)) is not None}
    if not writers:
        return None

    def write(value: Any) -> object:
        one = writers.get(value.__class__)
        return value if one is None else one(value)

    return write


def _list_writer(element: Write | None) -> Write:
    if element is None:
        return list
    return lambda value: [element(one) for one in value]


def _mapping_writer(element: Write | None) -> Write:
    if element is None:
        return dict
    return lambda value: {key: element(one) for key, one in value.items()}


@cache
def dataclass_writer(cls: Any) -> Write:
    """Return what turns a value of ``cls``, a dataclass, into a mapping of JSON values."""
    hints = get_type_hints(cls)
    names = tuple(field.name for field in fields(cls))
    values = attrgetter(*names)
    nested = [(name, found) for name in names if (found := _writer(hints[name])) is not None]

    def write(value: Any) -> object:
        found = dict(zip(names, values(value), strict=True))
        for name, one in nested:
            found[name] = one(found[name])
        return found

    return write
