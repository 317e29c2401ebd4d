"""The last look: does any file that the run wrote hold a registered value, in any form?

Reads in pieces and to a limit; what was not read is said. Never tells a value, only its name.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_PIECE = 1 << 20
_MOST_BYTES = 2 << 30
_MOST_FILES = 200_000
# Earlier runs were looked at by themselves; the lock is the number of a process.
_LEFT_OUT = frozenset({"history", "run.lock"})


@dataclass(frozen=True, slots=True)
class Leak:
    """A file and the name of the secret in it."""

    file: Path
    name: str


@dataclass(slots=True)
class Search:
    """Looks through files for the forms of secrets; a file that did not change is read once."""

    forms: Mapping[str, str]
    unread: str = ""
    _seen: dict[Path, tuple[int, int]] = field(default_factory=dict)
    _read: int = 0

    def leaks(self, places: Iterable[Path]) -> list[Leak]:
        """Return what is found in files and folders that are new or changed since the last call.

        ``unread`` afterwards says what could not be looked at; empty where everything was.
        """
        wanted = [
            (form.encode("utf-8", "surrogatepass"), name) for form, name in self.forms.items()
        ]
        if not wanted:
            return []
        found = []
        for path in self._changed(places):
            try:
                names = self._names_in(path, wanted)
            except OSError as error:
                self.unread = self.unread or f"{path} ({error.strerror})"
                continue
            found += [Leak(path, name) for name in sorted(names)]
        return found

    def _changed(self, places: Iterable[Path]) -> Iterator[Path]:
        for path in _files(places, self._cannot_list):
            try:
                state = path.stat()
            except FileNotFoundError:
                continue  # removed in the meantime
            except OSError as error:
                self.unread = self.unread or f"{path} ({error.strerror})"
                continue
            known = (state.st_mtime_ns, state.st_size)
            if self._seen.get(path) == known:
                continue
            if len(self._seen) >= _MOST_FILES or self._read + state.st_size > _MOST_BYTES:
                self.unread = self.unread or f"{path} and what follows: more than can be read"
                return
            self._seen[path] = known
            self._read += state.st_size
            yield path

    def _cannot_list(self, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            self.unread = self.unread or f"{error.filename} ({error.strerror})"

    @staticmethod
    def _names_in(path: Path, wanted: list[tuple[bytes, str]]) -> set[str]:
        overlap = max(len(form) for form, _ in wanted) - 1
        names: set[str] = set()
        kept = b""
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                text = kept + piece.lower()
                names.update(name for form, name in wanted if form in text)
                kept = text[-overlap:] if overlap else b""
        return names


def _files(places: Iterable[Path], failed: Callable[[OSError], None]) -> Iterator[Path]:
    for place in places:
        if place.is_file():
            yield place
            continue
        for folder, folders, names in os.walk(place, onerror=failed):
            folders[:] = sorted(one for one in folders if one not in _LEFT_OUT)
            for name in sorted(names):
                path = Path(folder, name)
                if name not in _LEFT_OUT and path.is_file():
                    yield path
