"""Outages of a sandbox's parts, caused and ended by its supervisor when it is asked.

Refuses to stop what keeps its state in memory alone, the chain: it could only be stalled and let
go on. A part that we stopped is not one that ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.errors import MetareleaseError
from pytest_metarelease.sandbox.control import FOLDER, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_metarelease.sandbox.book import Book
    from pytest_metarelease.sandbox.processes import Parts


class Outages:
    """What is asked of the parts, and how they are now; for the supervisor's main thread."""

    def __init__(self, folder: Path, parts: Parts, book: Book) -> None:
        self._place, self._parts, self._book = folder / FOLDER, parts, book
        self._ends: dict[str, Callable[[], None]] = {}

    def obey(self) -> None:
        """Do what was asked since the last time, and say what came of it."""
        if not self._place.is_dir():
            return
        for wanted in sorted(self._place.glob("*.want")):
            part, state = wanted.stem, wanted.read_text(encoding="utf-8")
            wanted.unlink()
            try:
                self._bring(part, state)
            except (MetareleaseError, OSError, LookupError) as problem:
                state = str(problem) or type(problem).__name__
            write(self._place / f"{part}.is", state)

    def _bring(self, part: str, state: str) -> None:
        end = self._ends.pop(part, None)
        if end is not None:
            end()
        if state != "up":
            self._ends[part] = self._cause(part, state)

    def _cause(self, part: str, state: str) -> Callable[[], None]:
        """Cause an outage; returns what ends it."""
        if part == "database":
            if state == "stalled":
                return self._book.lock()
            self._book.take_away()
            return self._book.give_back
        if part not in ("chain", "external"):
            raise LookupError("no outage of it is known; database, chain and external are")
        if state == "stalled":
            self._parts.stall(part)
            return lambda: self._parts.resume(part)
        if part == "chain":
            raise LookupError("it keeps its state in memory; it can only be stalled")
        self._parts.stop(part)
        return lambda: self._parts.start_again(part)
