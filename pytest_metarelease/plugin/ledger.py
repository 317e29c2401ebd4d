"""The ledger: what one process saw, one JSON line an entry, written when it happens.

Append-only and unbuffered, so that a process that dies loses nothing it had seen; a torn last line
is tolerated on reading and reported.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

from pytest_metarelease.evidence import (
    Citation,
    Judgement,
    Measurement,
    RateSample,
    ReachSample,
    supersede,
)
from pytest_metarelease.nesting import check_depth
from pytest_metarelease.outcome import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_LARGEST_LINE = 1_000_000
# Of a line of bindings; each may become twelve, as two escapes of six.
_MOST_CHARACTERS = 50_000
# Most lines of a long run, which nothing is taken from: told without being read as JSON.
_CLEAN = re.compile(rb'\{"check":"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*","kind":"clean"\}\n')


@dataclass(frozen=True, slots=True)
class Raised:
    """What one phase of a check raised, as far as a verdict may depend on it."""

    when: str
    fault: Fault
    text: str
    next_step: str = ""


class LedgerWriter:
    """Appends entries to ``FOLDER/PROCESS.jsonl``. Does nothing in a forked child.

    ``lost`` says why an entry could not be written: a check may have swallowed that error.
    """

    def __init__(self, folder: Path, process: str) -> None:
        self._path = folder / f"{process}.jsonl"
        self._pid = os.getpid()
        self._file: int | None = None
        self.lost = ""
        self._encode = json.JSONEncoder(
            sort_keys=True, separators=(",", ":"), allow_nan=False
        ).encode

    def append(self, entry: dict[str, object]) -> None:
        """Write one entry as one line, with one system call."""
        self._append(self._encode(entry))

    def append_bindings(self, bindings: Mapping[str, tuple[str, ...]]) -> None:
        """Write which checks claim which items, in as many lines as can be read again."""
        by_items: dict[tuple[str, ...], list[str]] = {}
        for check, items in bindings.items():
            by_items.setdefault(items, []).append(check)
        for items, checks in by_items.items():
            for part in _parts(checks):
                self.append({"kind": "bindings", "items": items, "checks": part})

    def append_clean(self, check: str) -> None:
        """Write that all reports of a check passed: what most lines are, so they are made fast."""
        line = f'{{"check":{encode_basestring_ascii(check)},"kind":"clean"}}'
        if self._file is None or os.getpid() != self._pid:
            self._append(line)
            return
        content = f"{line}\n".encode("ascii")
        try:
            written = os.write(self._file, content)
            if written != len(content):
                self._write(content[written:])
        except OSError as error:
            self.lost = self.lost or str(error)
            raise

    def _append(self, line: str) -> None:
        if os.getpid() != self._pid:
            return
        try:
            self._write(f"{line}\n".encode())
        except OSError as error:
            self.lost = self.lost or str(error)
            raise

    def _write(self, line: bytes) -> None:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            self._file = os.open(self._path, flags, 0o644)
        while line:
            line = line[os.write(self._file, line) :]

    def close(self) -> None:
        """Put everything on disk."""
        if self._file is not None:
            os.fsync(self._file)
            if not self._path.exists() or not os.path.samestat(
                self._path.stat(), os.fstat(self._file)
            ):
                self.lost = self.lost or f"{self._path.name} was taken away while it was written"
            os.close(self._file)
            self._file = None


@dataclass(slots=True)
class LedgerContents:
    """What the ledgers of all processes hold. ``torn`` names those with a broken line."""

    measurements: dict[str, Measurement] = field(default_factory=dict)
    citations: dict[str, list[Citation]] = field(default_factory=dict)
    bindings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    facts: dict[str, dict[str, str]] = field(default_factory=dict)
    raised: dict[str, list[Raised]] = field(default_factory=dict)
    torn: list[str] = field(default_factory=list)


def read_ledgers(folder: Path) -> LedgerContents:
    """Return what all ledgers in ``folder`` hold, in the order of their names and lines."""
    contents = LedgerContents()
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not _read_line(line, contents):
                    contents.torn.append(f"{path.name}:{number}")
    return contents


def _read_line(line: bytes, into: LedgerContents) -> bool:
    if not line.endswith(b"\n") or len(line) > _LARGEST_LINE:
        return False
    if _CLEAN.fullmatch(line):
        return True
    try:
        check_depth(line)
        entry = json.loads(line)
        _read_entry(entry, into)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return False
    return True


def _read_entry(entry: dict[str, Any], into: LedgerContents) -> None:
    kind = entry.pop("kind")
    check = entry.pop("check", None)
    if kind == "measurement":
        measurement = Measurement(**{**entry, "sample": _sample(entry["sample"])})
        into.measurements[measurement.id] = measurement
    elif kind == "citation":
        citation = Citation(**{**entry, "judgement": Judgement(entry["judgement"])})
        into.citations.setdefault(check, []).append(citation)
    elif kind == "raised":
        into.raised.setdefault(check, []).append(Raised(**entry))
    elif kind == "superseded":
        stand = {int(one) for one in entry["stand"]}
        supersede(into.citations.get(check, []), max(0, int(entry["from"])), stand)
    elif kind == "bindings":
        into.bindings.update(dict.fromkeys(_texts(entry["checks"]), tuple(_texts(entry["items"]))))
    elif kind == "fact":
        into.facts.setdefault(entry["name"], {})[entry["subject"]] = entry["value"]


def _parts(checks: Iterable[str]) -> Iterator[list[str]]:
    part: list[str] = []
    length = 0
    for check in checks:
        length += len(check)
        if part and length > _MOST_CHARACTERS:
            yield part
            part, length = [], len(check)
        part.append(check)
    yield part


def _texts(found: Any) -> list[str]:
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise TypeError("bindings are lists of texts")
    return found


def _sample(found: dict[str, Any] | None) -> RateSample | ReachSample | None:
    if found is None:
        return None
    return RateSample(**found) if "bad" in found else ReachSample(**found)
