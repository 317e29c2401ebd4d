"""The files of a scan: bounded, strict, and of which commit and when.

It takes no time from the file system: a copy of an old file is new there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_metarelease.errors import (
    MalformedError,
    TooLargeError,
    UnreachableError,
    WrongTargetError,
)
from pytest_metarelease.probes.document import read_json
from pytest_metarelease.probes.scans.findings import MOST_FINDINGS, Scanned, moment, text
from pytest_metarelease.probes.scans.npm_audit import read_npm_audit
from pytest_metarelease.probes.scans.pip_audit import read_pip_audit
from pytest_metarelease.probes.scans.sarif import read_sarif

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_T = TypeVar("_T")
_MOST_BYTES = 32 * 2**20
_READERS: Mapping[str, Callable[[dict[str, Any]], Scanned]] = {
    "sarif": read_sarif,
    "npm-audit": read_npm_audit,
    "pip-audit": read_pip_audit,
}


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the maker of a scan wrote beside it: of which commit it is, and when it was made."""

    commit: str
    finished: datetime


def content_of(path: Path, name: str, most: int = _MOST_BYTES) -> bytes:
    """Return what is in a file.

    Raises:
        UnreachableError: There is none that could be read.
        TooLargeError: It has more than ``most`` bytes.
    """
    try:
        if not path.is_file():
            raise UnreachableError(f"{name} is not there")
        with path.open("rb") as file:
            content = file.read(most + 1)
    except (OSError, ValueError) as error:
        raise UnreachableError(f"{name}: {error}") from None
    if len(content) > most:
        raise TooLargeError(f"{name} is larger than {most} bytes")
    return content


def read_scan(content: bytes, form: str) -> Scanned:
    """Return what a scan found.

    Raises:
        MalformedError: It is not of that format, torn, or contradicts itself.
        RefusedError, TooFewSamplesError: Its tool failed, or looked at nothing.
        TooLargeError: It has more findings than are read.
    """
    scanned = _read(content, _READERS[form], form)
    if len(scanned.findings) > MOST_FINDINGS:
        raise TooLargeError(f"it has more than {MOST_FINDINGS} findings")
    return scanned


def read_stamp(content: bytes, scan: bytes) -> Stamp:
    """Return what a stamp says about the scan whose bytes are ``scan``.

    Raises:
        MalformedError: It is no stamp.
        WrongTargetError: It is of another file.
    """
    digest = hashlib.sha256(scan).hexdigest()
    stated, stamp = _read(content, _stamp, "stamp")
    if stated.lower() != digest:
        raise WrongTargetError("the stamp is of another file: its sha256 differs")
    return stamp


def _stamp(document: dict[str, Any]) -> tuple[str, Stamp]:
    commit, finished = text(document, "commit"), moment(text(document, "finished_at"))
    return text(document, "sha256"), Stamp(commit.lower(), finished)


def _read(content: bytes, reader: Callable[[dict[str, Any]], _T], form: str) -> _T:
    # Windows' tools begin UTF-8 with a mark that JSON does not have.
    document = read_json(content.removeprefix(b"\xef\xbb\xbf"), form)
    try:
        return reader(document)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise MalformedError(f"it is no {form} ({type(error).__name__}: {error})") from None
