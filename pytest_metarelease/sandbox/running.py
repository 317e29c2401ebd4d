"""A sandbox that is up, seen from outside: its variables, and how to stop it.

Refuses to signal a process that is not the sandbox any more: a pid may have been given to another.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_metarelease.errors import SandboxError
from pytest_metarelease.sandbox.control import ask

STATE = "state.json"


@dataclass(frozen=True, slots=True)
class Running:
    """Where a sandbox is: its supervisor's pid, what the manifest may refer to, its folder."""

    pid: int
    variables: Mapping[str, str]
    folder: Path
    #: When the supervisor started, in the kernel's clock ticks; empty where it does not say.
    started: str = ""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def read(cls, folder: Path) -> Running:
        """Attach to the sandbox of ``folder``, from any process.

        Raises:
            SandboxError: none is up there.
        """
        try:
            raw = json.loads((folder / STATE).read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise SandboxError(f"no sandbox is up in {folder}: {problem}") from problem
        return cls(raw["pid"], raw["variables"], folder, raw["started"])

    def alive(self) -> bool:
        """Whether the supervisor still runs."""
        if self.process is not None:
            return self.process.poll() is None
        try:
            os.kill(self.pid, 0)
        except OSError:
            return False
        return not self.started or started_at(self.pid) == self.started

    def put(self, part: str, state: str, within: float = 10.0) -> None:
        """Bring a part ``down``, have it ``stalled``, or ``up`` again; see ``outages``.

        Raises:
            SandboxError: the sandbox cannot do that to this part, or did not in time.
        """
        ask(self.folder, part, state, within)

    def stop(self, deadline: float) -> None:
        """End the sandbox and everything it started; after ``deadline`` seconds by force."""
        if not self.alive():
            return
        os.kill(self.pid, signal.SIGTERM)
        if not self._ended(deadline):
            os.kill(self.pid, signal.SIGKILL)  # its parts die with it
            self._ended(deadline)

    def _ended(self, within: float) -> bool:
        until = time.monotonic() + within
        while self.alive():
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True


def started_at(pid: int) -> str:
    """Field 22 of ``/proc/PID/stat`` (proc(5)); empty where there is none, or for a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]
