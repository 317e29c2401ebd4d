"""The text of a file that people wrote: bounded, UTF-8, without a byte order mark.

Refuses to guess another encoding, and reads nothing that is no ordinary file.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_metarelease.errors import ManifestError
from pytest_metarelease.manifest.problems import Mark

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_metarelease.manifest.problems import Problems

_MARKS = {
    b"\xef\xbb\xbf": "starts with a byte order mark; save it as UTF-8 without BOM",
    b"\xff\xfe": "is UTF-16; save it as UTF-8",
    b"\xfe\xff": "is UTF-16; save it as UTF-8",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A file's bytes and their text."""

    data: bytes
    text: str


def read_source(path: Path, problems: Problems, most_bytes: int) -> Source:
    """Return the bytes and the text of a file.

    Raises:
        ManifestError: It cannot be read, is too large, or is no UTF-8.
        FileNotFoundError: There is no such file.
    """
    data = _read(path, most_bytes)
    if len(data) > most_bytes:
        problems.add(Mark(), "", f"is larger than {most_bytes} bytes")
    for start, why in _MARKS.items():
        if data.startswith(start):
            problems.add(Mark(), "", why)
    problems.raise_if_any()
    try:
        return Source(data, data.decode("utf-8"))
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        why = f"byte 0x{data[error.start]:02x} is no UTF-8; save the file as UTF-8"
        raise ManifestError(f"{problems.file}:{line}:{column}: {why}") from None


def _read(path: Path, most_bytes: int) -> bytes:
    try:
        # Asked before opening: opening a pipe waits for somebody to write.
        if not stat.S_ISREG(path.stat().st_mode):
            raise ManifestError(f"{path}: is no ordinary file")
        with path.open("rb") as file:
            return file.read(most_bytes + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read: {error.strerror or error}") from None
