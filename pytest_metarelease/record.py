"""Frozen, slotted dataclasses that are made fast: all of them share the same few methods.

For values that are read often and made seldom, such as a manifest. ``dataclasses`` compiles the
methods of each class anew, 0.7 ms for one; a hundred of them were a fifth of the start of pytest.
"""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar, dataclass_transform

_T = TypeVar("_T")
_MISSING = dataclasses.MISSING
_set = object.__setattr__
# Of each class its fields: name, default, and what makes a default.
_PLANS: dict[type, tuple[tuple[str, Any, Any], ...]] = {}


@dataclass_transform(
    frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field,)
)
def record(cls: type[_T]) -> type[_T]:
    """Make a class what ``dataclass(frozen=True, slots=True, kw_only=True)`` makes of it.

    ``dataclasses.fields``, ``replace`` and ``asdict`` know it. Not supported are ``InitVar``,
    fields without ``init``, ``repr`` or ``compare``, and subclasses that are no records themselves.
    Source: dataclass transforms, PEP 681.
    """
    for name, method in vars(_Shared).items():
        if callable(method) and name not in vars(cls):
            setattr(cls, name, method)
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=True, slots=True)(
        cls
    )
    _PLANS[made] = tuple(
        (one.name, one.default, one.default_factory) for one in dataclasses.fields(made)
    )
    found: type[_T] = made
    return found


class _Shared:
    """The methods of every record."""

    def __init__(self, /, **given: Any) -> None:
        kind = type(self)
        for name, default, factory in _PLANS[kind]:
            if name in given:
                _set(self, name, given.pop(name))
            elif default is not _MISSING:
                _set(self, name, default)
            elif factory is not _MISSING:
                _set(self, name, factory())
            else:
                raise TypeError(f"{kind.__qualname__}() needs {name!r}")
        if given:
            raise TypeError(f"{kind.__qualname__}() has no {', '.join(map(repr, given))}")
        after = getattr(self, "__post_init__", None)
        if after is not None:
            after()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self is other or _values(self) == _values(other)

    def __hash__(self) -> int:
        return hash(_values(self))

    def __repr__(self) -> str:
        values = zip(_PLANS[type(self)], _values(self), strict=True)
        said = ", ".join(f"{plan[0]}={value!r}" for plan, value in values)
        return f"{type(self).__qualname__}({said})"

    def __setattr__(self, name: str, _value: object) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), _values(self))


def _values(one: object) -> tuple[Any, ...]:
    return tuple([getattr(one, name) for name, _, _ in _PLANS[type(one)]])


def _again(kind: type[_T], values: tuple[Any, ...]) -> _T:
    # Not by calling the class: what was true when it was made is not computed again.
    found = kind.__new__(kind)
    for (name, _, _), value in zip(_PLANS[kind], values, strict=True):
        _set(found, name, value)
    return found
