"""Requests that are wrong in one place, made from a right one.

Refuses to send anything, and to guess what a product wants beyond the example it is given.
"""

from __future__ import annotations

import copy
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

Path: TypeAlias = tuple[str | int, ...]

#: No example has more places that matter; what is beyond is not tried.
MOST_PLACES = 24
_DEEPEST = 4
_HEX = re.compile(r"0x[0-9a-fA-F]{8,}")
_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T.*)?")
_MONEY = re.compile(r"amount|value|price|quantity|qty|wei\b", re.IGNORECASE)
#: Parameters that every list may have and that mean "as you like" where they are missing.
_PAGING = frozenset(
    [
        "limit",
        "offset",
        "page",
        "size",
        "pagesize",
        "per_page",
        "perpage",
        "cursor",
        "after",
        "before",
        "sort",
        "order",
        "orderby",
        "direction",
        "q",
        "search",
        "filter",
        "fields",
        "include",
        "expand",
        "lang",
        "locale",
    ]
)


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a request, in words, and the value that makes it wrong."""

    name: str
    body: Any


def places(body: Any) -> Iterator[tuple[Path, Any]]:
    """Yield the members of a JSON body and their values, outermost first, of lists the first."""
    found = 0
    level: list[tuple[Path, Any]] = [((), body)]
    for _ in range(_DEEPEST):
        below: list[tuple[Path, Any]] = []
        for path, value in level:
            for key, one in _members(value):
                if found == MOST_PLACES:
                    return
                found += 1
                yield (*path, key), one
                below.append(((*path, key), one))
        level = below


def _members(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        yield 0, value[0]


def dotted(path: Path) -> str:
    """Return a path as the manifest writes it."""
    return ".".join(map(str, path))


def missing(body: Any, optional: Collection[str]) -> Iterator[Wrong]:
    """Yield the body without each member that must be there."""
    for path, _ in places(body):
        if _required(path, optional) and not isinstance(path[-1], int):
            yield Wrong(f"without {dotted(path)}", without(body, path))


def nulls(body: Any, optional: Collection[str]) -> Iterator[Wrong]:
    """Yield the body with null for each member that must be there."""
    for path, value in places(body):
        if _required(path, optional) and value is not None:
            yield Wrong(f"null for {dotted(path)}", replaced(body, path, None))


def wrong_types(body: Any) -> Iterator[Wrong]:
    """Yield the body with a value of another type in each place; no decent product takes these.

    A number for a text and a text for a number are left out: many products take both.
    """
    for path, value in places(body):
        for kind, other in _other_types(value):
            yield Wrong(f"{kind} for {dotted(path)}", replaced(body, path, other))


def _other_types(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, bool):
        yield "an object", {"a": 1}
    elif isinstance(value, str):
        # What MongoDB would take for an operator, and what a driver may take for many values.
        yield "an object", {"$ne": None}
        yield "a list", [["x"], 1]
    elif isinstance(value, int | float):
        yield "an object", {"a": 1}
        yield "a word", "twelve"
    elif isinstance(value, dict):
        yield "a text", "text"
    elif isinstance(value, list):
        yield "a number", 12


def malformed(body: Any) -> Iterator[Wrong]:
    """Yield the body with a text of the right type and the wrong form in each place that has one.

    Only forms that are sure: addresses and other hexadecimal, decimal numbers, UUIDs, days.
    """
    for path, value in places(body):
        other = misshapen(value)
        if other is not None:
            yield Wrong(f"{other!r} for {dotted(path)}", replaced(body, path, other))


def misshapen(value: Any) -> str | None:
    """Return a text that cannot be what ``value`` is, None where no form is known."""
    if not isinstance(value, str):
        return None
    if _HEX.fullmatch(value):
        return value[:-2] + "zz"
    if _UUID.fullmatch(value):
        return "not-a-uuid"
    if _DAY.fullmatch(value):
        return "2026-13-45"
    if _DECIMAL.fullmatch(value):
        return "12abc"
    return None


def amounts(body: Any) -> Iterator[Wrong]:
    """Yield the body with amounts that nobody can pay: none, less than none, more than exists."""
    for path, value in places(body):
        if not is_amount(str(path[-1]), value):
            continue
        for word, other in (("zero", 0), ("a negative amount", -1), ("2 ** 256", 2**256)):
            shown = str(other) if isinstance(value, str) else other
            yield Wrong(f"{word} for {dotted(path)}", replaced(body, path, shown))


def is_amount(name: str, value: Any) -> bool:
    """Return whether a member is an amount, by its name and its value."""
    if isinstance(value, bool) or _MONEY.search(name) is None:
        return False
    if isinstance(value, str):
        return _DECIMAL.fullmatch(value) is not None
    return isinstance(value, int | float)


def is_address(value: Any) -> bool:
    """Return whether a value is written as an address of the chain."""
    return isinstance(value, str) and re.fullmatch(r"0x[0-9a-fA-F]{40}", value) is not None


def unlike(value: str) -> str:
    """Return another value of the same form, of which nobody knows."""
    if _HEX.fullmatch(value):
        return "0x" + secrets.token_hex(len(value))[: len(value) - 2]
    if _UUID.fullmatch(value):
        dashed = secrets.token_hex(16)
        return "-".join((dashed[:8], dashed[8:12], f"4{dashed[13:16]}", "9abc", dashed[20:32]))
    if value.isdecimal():
        return str(2_000_000_000 + secrets.randbelow(10**8))
    return f"no-such-{secrets.token_hex(6)}"


def is_paging(name: str) -> bool:
    """Return whether a query parameter may be missing from any list."""
    return name.replace("-", "_").lower() in _PAGING or name.replace("_", "").lower() in _PAGING


def changed(body: Any, changes: Mapping[Any, Any]) -> Any:
    """Return the body with other values at dotted paths."""
    for path, value in changes.items():
        keys = tuple(int(key) if key.isdecimal() else key for key in path.split("."))
        body = replaced(body, keys, value)
    return body


def replaced(body: Any, path: Path, value: Any) -> Any:
    """Return the body with another value at ``path``; the place is made where it is not there."""
    made = copy.deepcopy(body) if body is not None else {}
    if not path:
        return value
    place = made
    for key in path[:-1]:
        place = place.setdefault(str(key), {}) if isinstance(place, dict) else place[int(key)]
    place[path[-1]] = value
    return made


def filled(body: Any, values: Mapping[str, Any]) -> Any:
    """Return the body with values for the stand-ins in it."""
    if isinstance(body, str):
        return values.get(body, body)
    if isinstance(body, dict):
        return {key: filled(value, values) for key, value in body.items()}
    if isinstance(body, list | tuple):
        return [filled(value, values) for value in body]
    return body


def without(body: Any, path: Path) -> Any:
    """Return the body without the member at ``path``."""
    made = copy.deepcopy(body)
    place = made
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return made


def at(body: Any, path: str) -> Any:
    """Return what stands at a dotted path, None where nothing does."""
    for key in path.split("."):
        if isinstance(body, list) and key.isdecimal() and int(key) < len(body):
            body = body[int(key)]
        elif isinstance(body, dict):
            body = body.get(key)
        else:
            return None
    return body


def _required(path: Path, optional: Collection[str]) -> bool:
    return all(dotted(path[: end + 1]) not in optional for end in range(len(path)))
