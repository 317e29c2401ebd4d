"""The files of several packets brought together: ledgers, attachments and Allure's results.

Copies what pytest's tests left behind. What a shard said of the whole (its verdict, checks that it
did not run) is left out: the combination says that anew. Links are not followed.
"""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

from pytest_metarelease.errors import PacketError
from pytest_metarelease.reports.allure_found import results_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# Of the combination, not of a shard.
_CONTEXT = {"environment.properties", "categories.json", "executor.json"}
_MOST_FILES = 200_000
_MOST_BYTES = 16 << 30


def gather(sources: Sequence[tuple[str, Path]], target: Path) -> None:
    """Copy ledgers, attachments and Allure's results of ``sources`` into the packet ``target``.

    Each source is a name, such as ``shard 1 of 3``, and its folder. Files of a named one carry the
    name; a combination has no name, and its files carry those of its shards already.

    Raises:
        PacketError: There are more files, or larger ones, than any run leaves behind.
        OSError: A file could not be copied.
    """
    count, size = 0, 0
    for name, folder in sources:
        for path, goal in _files(name, folder, target):
            count, size = count + 1, size + path.stat().st_size
            if count > _MOST_FILES or size > _MOST_BYTES:
                raise PacketError(f"{folder}: too many files to copy, or too large ones")
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, goal, follow_symlinks=False)


def _files(name: str, folder: Path, target: Path) -> Iterator[tuple[Path, Path]]:
    prefix = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:100]
    for kind in ("ledger", "attachments"):
        for path in _regular(folder / kind):
            goal = f"{prefix}.{path.name}" if prefix else path.name
            yield path, _free(target / kind / goal)
    allure = folder / "allure-results"
    ours = set(_said_by_us(allure)) | _CONTEXT
    for path in _regular(allure):
        if path.name not in ours:
            yield path, _free(target / "allure-results" / path.name)


def _regular(folder: Path) -> list[Path]:
    """Return the plain files in a folder, by name; no link leads out of a packet."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        names = sorted(one.name for one in entries if one.is_file(follow_symlinks=False))
    return [folder / one for one in names if not one.startswith(".")]


def _free(path: Path) -> Path:
    """Return a name that nothing has yet; Allure reads results by the end of theirs."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{number}-{path.name}")
    return free


def _said_by_us(folder: Path) -> Iterator[str]:
    """Yield the files of a shard's own entries and of what is attached to them."""
    if not folder.is_dir():
        return
    for found in results_in(folder):
        if str(found.document.get("fullName", "")).startswith("metarelease#"):
            yield found.path.name
            for one in found.document.get("attachments") or ():
                yield str(one.get("source", "")) if isinstance(one, dict) else ""
