"""Every problem of a file, each with its place, raised together as one ``ManifestError``.

Nothing here decides what a problem is, and no problem is ever a warning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pytest_metarelease.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_SHOWN = 100
_LONGEST_LIST = 12


class Mark(NamedTuple):
    """A place in a text; line and column count from 1. A tuple, since there is one per value."""

    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong: where, at which key, and what to write instead."""

    mark: Mark
    key: str
    text: str


@dataclass(slots=True)
class Problems:
    """The problems of one file, collected while it is read."""

    file: str
    found: list[Problem] = field(default_factory=list)

    def add(self, mark: Mark, key: str, text: str) -> None:
        """Note one problem; ``key`` is empty where it is about the whole file."""
        self.found.append(Problem(mark, key, text))

    def raise_if_any(self) -> None:
        """Raise all of them, sorted by their places.

        Raises:
            ManifestError: There is at least one; its text has one line for each.
        """
        if not self.found:
            return
        unique = sorted({_fingerprint(one): one for one in reversed(self.found)}.values())
        lines = [self._line(problem) for problem in unique[:_MOST_SHOWN]]
        if len(unique) > _MOST_SHOWN:
            lines.append(f"{self.file}: and {len(unique) - _MOST_SHOWN} more")
        raise ManifestError("\n".join(lines))

    def _line(self, problem: Problem) -> str:
        where = f"{self.file}:{problem.mark.line}:{problem.mark.column}"
        return ": ".join(part for part in (where, problem.key, problem.text) if part)


def _fingerprint(problem: Problem) -> tuple[Mark, str, str]:
    """Equal for one mistake that several environments inherit."""
    below = re.sub(r"^environments\.[^.]+", "", problem.key)
    return problem.mark, below, problem.text


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """Return ``; did you mean X?`` for a near miss, else what is known, else nothing."""
    # Imported here since it is needed only when something is wrong, and costs milliseconds.
    import difflib

    names = sorted(set(known))
    close = difflib.get_close_matches(wrong[:100], names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]}?"
    if not names:
        return "; none is declared"
    shown = ", ".join(names[:_LONGEST_LIST])
    return f"; known here: {shown}{', ...' if len(names) > _LONGEST_LIST else ''}"


def quoted(text: str, limit: int = 60) -> str:
    """Return a text from the file for a message, on one line and bounded."""
    return repr(text if len(text) <= limit else text[:limit] + "...")
