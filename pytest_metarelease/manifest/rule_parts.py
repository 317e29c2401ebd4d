"""Parts of the rules: reasons that tell nothing apart, stand-ins for nothing, names given twice.

Each yields the path below the value and what to write instead; none looks outside the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, TypeAlias

from pytest_metarelease.manifest.problems import suggestion

SIGNATURE_PARTS = frozenset({"$signature", "$v", "$r", "$s"})
"""What stands for a signature among arguments: the whole, or its numbers one by one."""

Breach: TypeAlias = tuple[tuple[str | int, ...], str]
"""The path below a value, and what to write there instead."""

Broken: TypeAlias = Iterator[Breach]

# Selectors of Error(string) and Panic(uint256): every text of `require`, every failed assertion.
_OF_ALL_TEXTS = ("0x08c379a0", "0x4e487b71")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_day(text: str) -> bool:
    """Return whether a text is a day as people write it: ``2027-01-31``."""
    # Python takes other forms of ISO 8601 as well (20270131), which people read less surely.
    if not _DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def of_all_texts(text: str | None, path: tuple[str | int, ...]) -> Broken:
    """Find the selectors with which every text of ``require`` or every panic begins."""
    if text is not None and text.strip().lower() in _OF_ALL_TEXTS:
        why = "is how every text of `require` or every panic begins, and tells none from another"
        yield path, f'{text} {why}; write the text itself, or "Panic(0x11)"'


def stand_ins(value: Any, known: set[str], path: tuple[str | int, ...]) -> Broken:
    """Find texts such as ``$buyer`` that stand for nothing."""
    if isinstance(value, str) and re.fullmatch(r"\$[A-Za-z_][A-Za-z0-9_-]*", value):
        if value not in known:
            yield path, f"{value} stands for nothing{suggestion(value, known)}"
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from stand_ins(one, known, (*path, key))
    elif isinstance(value, list | tuple):
        for index, one in enumerate(value):
            yield from stand_ins(one, known, (*path, index))


def repeated(names: tuple[str, ...], path: tuple[str | int, ...]) -> Broken:
    """Find names that stand in a list twice."""
    for index, name in enumerate(names):
        if name in names[:index]:
            yield (*path, index), f"{name} is named twice"
