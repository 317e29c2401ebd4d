"""What a run that died left in its ledgers: how far it came, in words.

Only counts; what it saw proves nothing for the release. Reads are bounded.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pytest_metarelease.nesting import check_depth

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LARGEST_LINE = 1_000_000
_MOST_BYTES = 64 << 20
_MOST_FILES = 1_000
_ENDED = ("clean", "reports")


def progress(packet: Path, due: int) -> str:
    """Return ``ended after 12 of 31 checks, last: X``; nothing where no ledger was begun."""
    found = list(_entries(packet / "ledger"))
    if not found:
        return ""
    ended = dict.fromkeys(check for kind, check in found if kind in _ENDED and check)
    seen = dict.fromkeys(check for _kind, check in found if check)
    text = f"it ended after {len(ended)} of {max(due, len(ended))} checks"
    begun = [one for one in seen if one not in ended]
    if begun:
        return f"{text}, in or after {begun[-1]}"
    return f"{text}, last: {list(ended)[-1]}" if ended else text


def _entries(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield kind and check of each whole line; a torn one says nothing."""
    left = _MOST_BYTES
    for path in [one for one in sorted(folder.glob("*.jsonl")) if one.is_file()][:_MOST_FILES]:
        try:
            with path.open("rb") as file:
                while left > 0 and (line := file.readline(min(left, _LARGEST_LINE))):
                    left -= len(line)
                    yield from _entry(line)
        except OSError:
            continue


def _entry(line: bytes) -> Iterator[tuple[str, str]]:
    try:
        check_depth(line)
        found = json.loads(line)
    except (ValueError, RecursionError):
        return
    if isinstance(found, dict):
        yield str(found.get("kind", "")), str(found.get("check") or "")
