"""Starts a sandbox in a session of its own and waits until it is up.

Refuses to leave half a sandbox behind: one that is not up in time is ended, and its log is shown.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pytest_metarelease.errors import SandboxError
from pytest_metarelease.sandbox.faults import check_faults
from pytest_metarelease.sandbox.running import STATE, Running

SETTINGS, LOG = "settings.json", "supervisor.log"
_STOP_WITHIN = 5.0
_LOG_TAIL = 3000


@dataclass(frozen=True, slots=True)
class Settings:
    """What to start: the release it claims to be, its faults, who owns it, where its files go.

    The sandbox ends when the process ``owner_pid`` does. ``folder`` is an existing, empty, private
    directory; its owner removes it (the sandbox does when the owner was killed).
    """

    version: str
    commit: str
    faults: Iterable[str]
    owner_pid: int
    folder: Path
    release_name: str = "Meta Aggregator"

    def write(self) -> Path:
        """Write for the supervisor; returns the file.

        Raises:
            UsageError: a fault that does not exist.
        """
        path = self.folder / SETTINGS
        raw = {
            "version": self.version,
            "commit": self.commit,
            "faults": sorted(check_faults(self.faults)),
            "owner_pid": self.owner_pid,
            "folder": str(self.folder.absolute()),
            "release_name": self.release_name,
        }
        path.write_text(json.dumps(raw), encoding="utf-8")
        return path

    @classmethod
    def read(cls, path: Path) -> Settings:
        """What ``write`` wrote."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**raw, "folder": Path(raw["folder"]), "faults": tuple(raw["faults"])})


def start(settings: Settings, *, deadline: float) -> Running:
    """Start a sandbox and return when it is up, at most ``deadline`` seconds later.

    Raises:
        UsageError: a fault that does not exist.
        SandboxError: it did not come up; the text ends with its log.
    """
    path = settings.write()
    with (settings.folder / LOG).open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "pytest_metarelease.sandbox", "--settings", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return _wait(process, settings.folder, deadline)
    except BaseException:
        _end(process)
        raise


def _wait(process: subprocess.Popen[bytes], folder: Path, deadline: float) -> Running:
    until = time.monotonic() + deadline
    while not (folder / STATE).exists():
        if process.poll() is not None:
            raise SandboxError(f"the sandbox ended while it started:\n{_told(folder)}")
        if time.monotonic() > until:
            raise SandboxError(f"the sandbox was not up after {deadline:g} s:\n{_told(folder)}")
        time.sleep(0.01)
    found = Running.read(folder)
    return Running(found.pid, found.variables, folder, found.started, process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _told(folder: Path) -> str:
    """The ends of the logs of supervisor and parts."""
    texts = []
    for path in (folder / LOG, *sorted((folder / "logs").glob("*.log"))):
        text = path.read_text(encoding="utf-8", errors="replace").strip()
        if text:
            texts.append(f"{path.name}: {text[-_LOG_TAIL:]}")
    return "\n".join(texts) or f"(nothing was logged in {folder})"
