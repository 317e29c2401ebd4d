"""Masking secrets in what pytest hands around: reports, tracebacks, warnings. In place.

Changes texts only: never an outcome, a node id, or what a place in a file is called.
"""

from __future__ import annotations

import dataclasses
import linecache
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from _pytest._code.code import TerminalRepr

if TYPE_CHECKING:
    import warnings

Mask = Callable[[str], str]

# What identifies a report, and what is masked already (`metarelease`).
_KEPT = frozenset(
    (
        "nodeid", "location", "keywords", "outcome", "when", "duration", "start", "stop", "node",
        "item_index", "worker_id", "testrun_uid", "metarelease", "fspath", "path", "lineno",
    )
)  # fmt: skip
_DEEPEST = 40


def cleanse(mask: Mask, report: object) -> None:
    """Mask every text of a report: ``longrepr``, sections, properties, and what plugins added."""
    _attributes(mask, report, 0)


def cleanse_repr(mask: Mask, found: object) -> None:
    """Mask every text of a traceback or an exception that pytest prepared for printing."""
    if isinstance(found, TerminalRepr):
        _attributes(mask, found, 0)


def cleanse_warning(mask: Mask, message: warnings.WarningMessage) -> None:
    """Mask the text of a recorded warning, and the line of source that is shown with it."""
    text = str(message.message)
    masked = mask(text)
    if masked != text:
        message.message = masked
    line = message.line or linecache.getline(message.filename, message.lineno)
    masked = mask(line)
    if masked != line:
        message.line = masked


def _attributes(mask: Mask, found: object, depth: int) -> None:
    for name, value in list(_fields(found)):
        if name in _KEPT:
            continue
        masked = masked_value(mask, value, depth + 1)
        if masked is not value:
            object.__setattr__(found, name, masked)


def _fields(found: object) -> list[tuple[str, Any]]:
    if hasattr(found, "__dict__"):
        return list(vars(found).items())
    if dataclasses.is_dataclass(found):
        return [(one.name, getattr(found, one.name, None)) for one in dataclasses.fields(found)]
    return []


def masked_value(mask: Mask, value: Any, depth: int = 0) -> Any:
    """Return ``value`` itself where nothing in it is secret; else a masked copy.

    Objects that pytest prints are masked in place. What is nested deeper than 40 levels is left
    out: nobody reads it, and nobody has looked at it.
    """
    if isinstance(value, str):
        masked = mask(value)
        return value if masked == value else masked
    if isinstance(value, bytes):
        return _bytes(mask, value)
    if not value or isinstance(value, int | float):
        return value
    if depth > _DEEPEST:
        return "..."
    if isinstance(value, dict):
        return _mapping(mask, value, depth)
    if isinstance(value, list | tuple):
        return _sequence(mask, value, depth)
    printed = isinstance(value, TerminalRepr) or dataclasses.is_dataclass(value)
    if printed and not isinstance(value, type):
        _attributes(mask, value, depth)
    return value


def _bytes(mask: Mask, value: bytes) -> bytes:
    text = value.decode("latin-1")
    masked = mask(text)
    return value if masked == text else masked.encode("latin-1")


def _mapping(mask: Mask, value: dict[Any, Any], depth: int) -> Any:
    found = {}
    changed = False
    for key, one in value.items():
        new_key, new = masked_value(mask, key, depth + 1), masked_value(mask, one, depth + 1)
        if new is one and isinstance(key, str) and isinstance(one, str):
            new = _beside_its_key(mask, key, one)
        changed = changed or new_key is not key or new is not one
        found[new_key] = new
    return found if changed else value


def _sequence(mask: Mask, value: Any, depth: int) -> Any:
    if isinstance(value, list) and all(isinstance(one, str) and "\n" not in one for one in value):
        # Lines of one text: a secret may be wrapped over several of them.
        text = "\n".join(value)
        masked = mask(text)
        return value if masked == text else masked.split("\n")
    found = [masked_value(mask, one, depth + 1) for one in value]
    if len(found) == 2 and all(isinstance(one, str) for one in value) and found[1] is value[1]:
        # A pair: an argument and its value, a property and its value.
        found[1] = _beside_its_key(mask, value[0], value[1])
    if all(new is old for new, old in zip(found, value, strict=True)):
        return value
    if isinstance(value, list):
        return found
    made = getattr(type(value), "_make", tuple)  # a named tuple stays one
    return made(found)


def _beside_its_key(mask: Mask, key: str, value: str) -> str:
    """Mask a value that is secret because of the name that stands beside it, not within it."""
    if len(key) > 60 or "\n" in value:
        return value
    said = f"{key}: "
    masked = mask(f"{said}{value}")
    return masked.removeprefix(said) if masked != f"{said}{value}" else value
