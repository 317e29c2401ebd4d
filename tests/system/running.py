"""Whole runs of this repository's main job, as its users start them, in processes of their own.

Refuses to let one run see another: each has its own packet, its own folder for temporary files, and
an environment in which nothing of the run that tests it is left.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[2]
EMBEDDED = {"RELEASE_ANVIL": "", "RELEASE_SANDBOX_DATABASE_URL": ""}
#: Seconds after which a run is ended; a busy machine needs a good part of a minute.
DEADLINE = 240.0
EXIT_CODES = {"GO": 0, "NO-GO": 1, "ROLLBACK": 20, "HOLD": 21}
#: In the environment of every process that a run starts, so that each can be found again.
_TAG = "METARELEASE_SYSTEM_TEST"
_FOREIGN = ("PYTEST_", "RELEASE_", "SANDBOX_", "ALLURE_")
_FOREIGN_NAMES = {"CI", "GITHUB_STEP_SUMMARY", "GIT_COMMIT"}


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run left behind."""

    exit_code: int
    text: str
    decision: dict[str, Any]

    @property
    def verdict(self) -> str:
        """The verdict on disk."""
        return str(self.decision["verdict"])

    @property
    def items(self) -> dict[str, dict[str, Any]]:
        """The items of the decision that were in scope, by id."""
        scope = set(self.decision["scope"]["items"])
        return {one["id"]: one for one in self.decision["items"] if one["id"] in scope}

    @property
    def states(self) -> dict[str, str]:
        """The state of each item in scope."""
        return {name: str(one["state"]) for name, one in self.items.items()}

    def reasons(self, name: str) -> list[dict[str, Any]]:
        """Return the reasons of one item."""
        return list(self.items[name]["reasons"])

    def judged(self, judgement: str, name: str) -> list[dict[str, Any]]:
        """Return the measurements of one item's checks that were judged so."""
        checks = self.items[name]["checks"]
        every = [one for check in checks for one in check["measurements"]]
        return [one for one in every if one["judgement"] == judgement]


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs in one folder: ``packet`` is theirs, ``temporary`` is where they may put files."""

    folder: Path
    cwd: Path = ROOT

    @property
    def packet(self) -> Path:
        """The packet of the last run."""
        return self.folder / "packet"

    @property
    def temporary(self) -> Path:
        """What the runs have for ``/tmp``."""
        return self.folder / "tmp"

    def pytest(self, *arguments: str, using: Mapping[str, str] = EMBEDDED) -> Ran:
        """Run ``python -m pytest`` and wait for it."""
        with self.started(*arguments, using=using) as process:
            return self.ended(process)

    def metarelease(self, *arguments: str, using: Mapping[str, str] = EMBEDDED) -> Ran:
        """Run ``metarelease run`` and wait for it."""
        command = str(Path(sys.executable).with_name("metarelease"))
        with self._start([command, "run", *self._arguments(arguments)], using) as process:
            return self.ended(process)

    def started(
        self, *arguments: str, using: Mapping[str, str] = EMBEDDED
    ) -> subprocess.Popen[bytes]:
        """Start ``python -m pytest``; what it prints goes to a file."""
        return self._start([sys.executable, "-m", "pytest", *self._arguments(arguments)], using)

    def ended(self, process: subprocess.Popen[bytes]) -> Ran:
        """Wait for a run that was started; it is ended after the deadline."""
        try:
            code = process.wait(DEADLINE)
        except BaseException:
            process.kill()
            raise
        return Ran(code, self.text(), self.decision())

    def text(self) -> str:
        """Return what the last run printed."""
        return (self.folder / "printed").read_text(encoding="utf-8", errors="replace")

    def decision(self) -> dict[str, Any]:
        """Return the decision on disk, empty where there is none."""
        path = self.packet / "decision.json"
        found: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
        return found

    def left(self) -> list[str]:
        """Return the temporary files of ours that are still there."""
        return sorted(path.name for path in self.temporary.glob("metarelease-*"))

    def processes(self) -> dict[int, str]:
        """Return the command lines of the processes of these runs that still run."""
        tag = f"{_TAG}={self.folder}".encode()
        return {pid: line for pid, line, variables in _processes() if tag in variables}

    def _arguments(self, arguments: Sequence[str]) -> list[str]:
        # Written with "=": a folder that stands alone may be taken for one of pytest's paths.
        return ["-p", "no:cacheprovider", f"--release-evidence={self.packet}", *arguments]

    def _start(self, command: Sequence[str], using: Mapping[str, str]) -> subprocess.Popen[bytes]:
        self.temporary.mkdir(parents=True, exist_ok=True)
        own = {_TAG: str(self.folder), "TMPDIR": str(self.temporary), "COLUMNS": "160"}
        # A file, not a pipe: a process that stays behind must not make us wait for its end.
        with (self.folder / "printed").open("wb") as printed:
            return subprocess.Popen(
                command,
                cwd=self.cwd,
                env={**_environment(), **own, **using},
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
            )


def wait_until(true: Callable[[], bool], within: float) -> None:
    """Wait until it is true; fail after ``within`` seconds."""
    until = time.monotonic() + within
    while not true():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


def _environment() -> dict[str, str]:
    """Return our environment without what belongs to the run that tests."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN) and name not in _FOREIGN_NAMES
    }


def _processes() -> Iterator[tuple[int, str, list[bytes]]]:
    """Every live process: its pid, command line and environment (proc(5))."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        yield int(entry.name), line, variables
