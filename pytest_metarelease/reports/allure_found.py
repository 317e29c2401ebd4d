"""What Allure wrote by itself: which checks have a result, and where it is.

Allure writes no result for a crashed worker's test and calls an interrupted one passed; both are
found here by comparing its files with the decision. Files that are no results are left alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_metarelease.nesting import check_depth

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGEST = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Found:
    """One result file of Allure's."""

    path: Path
    document: Mapping[str, Any]

    @property
    def status(self) -> str:
        """The status that Allure gave."""
        return str(self.document.get("status", "unknown"))

    @property
    def place(self) -> tuple[str, ...]:
        """Folders, file and classes, from pytest's root."""
        parts = self.document.get("titlePath") or ()
        return tuple(map(str, parts)) if isinstance(parts, list) else ()


def results_in(
    folder: Path, last_written_before: int | None = None, holding: bytes = b""
) -> Iterator[Found]:
    """Give every readable result in ``folder``; a torn or huge file is nothing we can correct.

    With ``last_written_before`` (milliseconds since 1970) only those that are older, with
    ``holding`` only those whose text has these bytes somewhere.
    """
    for name in _names(folder):
        path = f"{folder}/{name}"
        try:
            facts = os.stat(path)  # noqa: PTH116 - of thousands: a Path costs more
            recent = last_written_before is not None and (
                facts.st_mtime_ns // 1_000_000 >= last_written_before
            )
            if recent or facts.st_size > _LARGEST:
                continue
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123
                content = file.read()
            if holding not in content:
                continue
            check_depth(content)
            document = json.loads(content)
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(document, dict):
            yield Found(Path(path), document)


def _names(folder: Path) -> list[str]:
    try:
        names = os.listdir(folder)  # noqa: PTH208
    except OSError:
        return []
    return sorted(name for name in names if name.endswith("-result.json"))


def earlier_starts(folder: Path, before: int) -> list[int]:
    """Return one moment (ms) before each result that is older than the run, of an earlier one.

    A folder that is not emptied between runs holds them, and Allure sorts by start.
    """
    return [before] + [
        int(one.document["start"]) - 1
        for one in results_in(folder, last_written_before=before)
        if isinstance(one.document.get("start"), int)
    ]


def by_check(found: list[Found], nodeids: set[str]) -> dict[str, list[Found]]:
    """Return the results of each of ``nodeids``, which are relative to the manifest's folder.

    Allure's places are relative to pytest's root, so a place ends with what the node id says.
    """
    if not found:
        return {}
    wanted = {nodeid: _split(nodeid) for nodeid in nodeids}
    matches: dict[str, list[Found]] = {}
    by_tail: dict[tuple[str, str], list[Found]] = {}
    for one in found:
        for name in {str(one.document.get("name")), _function(one)}:
            if one.place:
                by_tail.setdefault((one.place[-1], name), []).append(one)
    for nodeid, (place, name) in wanted.items():
        named = by_tail.get((place[-1], name), [])
        same = [one for one in named if one.place[-len(place) :] == place]
        if same:
            matches[nodeid] = same
    return matches


def _split(nodeid: str) -> tuple[tuple[str, ...], str]:
    head, bracket, parameters = nodeid.partition("[")
    path, *names = head.split("::")
    name = (names[-1] if names else "") + bracket + parameters
    return (*path.split("/"), *names[:-1]), name


def _function(found: Found) -> str:
    """Return the function's name from ``fullName``, for tests that carry a title.

    Not for parametrised ones: they share it, and a wrong match would hide what is missing.
    """
    if found.document.get("parameters"):
        return ""
    return str(found.document.get("fullName", "")).rpartition("#")[2]


def root_of(matches: Mapping[str, list[Found]]) -> tuple[str, ...]:
    """Return the folders between pytest's root and the manifest's, as the matches show them."""
    for nodeid, found in sorted(matches.items()):
        place, _name = _split(nodeid)
        return found[0].place[: -len(place)]
    return ()
