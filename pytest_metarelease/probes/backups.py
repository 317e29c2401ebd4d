"""The age of the newest backup, as a folder or a query shows it.

It refuses to take an empty file for a backup, and a time in the future or without a zone for its
age. That a backup can be restored is for the drill to show.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pytest_metarelease.errors import MalformedError, UnreachableError, UsageError
from pytest_metarelease.probes.clock import utc_now

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_metarelease.manifest.storage import Backups
    from pytest_metarelease.probes.reading import Reading
    from pytest_metarelease.probes.sql import DatabaseProbe

_MOST_FILES = 100_000
#: Seconds that another machine's clock may be ahead of ours.
_AHEAD = 300.0


@dataclass(frozen=True, slots=True)
class _Newest:
    name: str
    seconds: float


def newest_backup(database: DatabaseProbe, declared: Backups, root: Path) -> Reading:
    """Return how old the newest backup is, in seconds; of none, a text that meets no limit.

    ``root`` is the manifest's folder.

    Raises:
        UnreachableError: The folder cannot be read.
        MalformedError: The time is none, has no zone, or lies in the future.
        UsageError: Neither a folder nor a query is declared.
    """
    at, started = utc_now(), time.perf_counter()
    now = time.time()
    if declared.query is not None:
        newest, asked = _asked(database, declared.query), "time of the newest backup"
    elif declared.folder is not None:
        folder = root / declared.folder
        newest = _listed(folder, declared)
        asked = f"newest {declared.pattern} in {folder}"
    else:
        raise UsageError("`backups` needs a folder or a query")
    age = None if newest is None else now - newest.seconds
    if age is not None and age < -_AHEAD:
        raise MalformedError(f"{asked}: {newest.name if newest else ''} is from the future")
    said = "none" if newest is None or age is None else f"{newest.name}, {age / 3600:.1f} h old"
    found = database.measured(asked, at, time.perf_counter() - started, said)
    value: float | str = "no backup" if age is None else max(age, 0.0)
    return type(found)(
        value, "age of the newest backup, seconds", found.measurement, found.recorder
    )


def _asked(database: DatabaseProbe, query: str) -> _Newest | None:
    value = database.scalar(query).value
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            raise MalformedError(f"the time of the newest backup is no time: {value!r}") from None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise MalformedError("the time of the newest backup has no zone; cast it to timestamptz")
    return _Newest(value.astimezone(UTC).isoformat(timespec="seconds"), value.timestamp())


def _listed(folder: Path, declared: Backups) -> _Newest | None:
    newest = None
    try:
        for number, file in enumerate(folder.iterdir()):
            if number >= _MOST_FILES:
                raise MalformedError(f"{folder} holds more than {_MOST_FILES} files")
            if not file.match(declared.pattern) or not file.is_file():
                continue
            seen = file.stat()
            if seen.st_size >= declared.min_size and (
                newest is None or seen.st_mtime > newest.seconds
            ):
                newest = _Newest(file.name, seen.st_mtime)
    except OSError as problem:
        raise UnreachableError(f"{folder} cannot be read: {problem}") from None
    return newest
