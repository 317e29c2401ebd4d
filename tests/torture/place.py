"""A throw-away project that can be killed: a folder of its own, real processes, real signals."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_metarelease.reports.allure_found import by_check, results_in
from tests.forks.process import METARELEASE, Process, serving
from tests.plugin.project import Project, Ran

if TYPE_CHECKING:
    from pathlib import Path

# What a shell, CI or the session that runs these tests would hand on.
_INHERITED = (
    "CI", "GITHUB_STEP_SUMMARY", "GIT_COMMIT", "PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_PLUGINS", "PYTEST_XDIST_TESTRUNUID",
    "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTHONOPTIMIZE", "PYTHONWARNINGS",
    "RELEASE_EVIDENCE", "RELEASE_RUN_ID",
)  # fmt: skip
DEADLINE = 90.0
# Installed beside us for our own tests; a throw-away session has no use for them, and Hypothesis
# alone takes longer to import than the session runs. A row that sets PYTEST_ADDOPTS has all.
_LEAN = {"PYTEST_ADDOPTS": "-p no:hypothesispytest -p no:anyio"}

JUNIT = ".git/junit.xml"
ALLURE = "release-evidence/allure-results"

MET = 'evidence.measured(subject="own:thing", asked="is it there", value=1).expect(1)'


@dataclass(frozen=True, slots=True)
class Row:
    """One fault: a file with one check ``test_it`` (or what ``checks`` names), and what we say."""

    name: str
    source: str
    codes: tuple[str, ...]
    state: str = "not verified"
    checks: tuple[str, ...] = ("test_it",)
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def item(self) -> str:
        """The item of the checklist."""
        return f"post.{self.name.replace('_', '-')}"

    @property
    def file(self) -> str:
        """The file of its checks."""
        return f"test_{self.name}.py"

    @property
    def nodeids(self) -> list[str]:
        """The locked node ids."""
        return [one if ".py" in one else f"{self.file}::{one}" for one in self.checks]


def check(body: str = MET, *, marks: str = "", before: str = "", item: str = "post.ITEM") -> str:
    """Return the source of a file with one check; ``body`` may use ``MET`` for real evidence."""
    lines = "\n".join(f"    {line}" for line in body.replace("MET", MET).splitlines())
    return (
        f"import os, pytest, signal, subprocess, sys, threading, unittest, warnings\n{before}\n\n"
        f'@pytest.mark.verifies("{item}")\n{marks}\ndef test_it(evidence):\n{lines}\n'
    )


class Place(Project):
    """A project in ``path``; unlike its parent it is no fixture's and can live for a module."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._git("init", "-q")
        self.write(".gitignore", "release-evidence/\n__pycache__/\n.pytest_cache/\n*.xml\n*.flag\n")

    def copy_to(self, path: Path) -> Place:
        """Copy the whole project, with its repository and its packet, and return the copy."""
        shutil.copytree(self.path, path, symlinks=True)
        copy = Place.__new__(Place)
        copy.path = path
        return copy

    def rows(self, rows: Iterable[Row]) -> Place:
        """Write the manifest, the lock and the checks of several rows."""
        rows = list(rows)
        self.items(*(f"{row.item} P1" for row in rows))
        for row in rows:
            self.write(row.file, row.source.replace("post.ITEM", row.item))
            for name, text in row.files.items():
                self.write(name, text.replace("post.ITEM", row.item))
        self.lock(*(f"{row.item}: {' '.join(row.nodeids)}" for row in rows))
        return self

    def one(self, source: str = "", **files: str) -> Place:
        """Write one item ``post.one`` with one check; further files by their stem."""
        self.items("post.one P0").lock("post.one: test_it.py::test_it")
        self.write("test_it.py", (source or check()).replace("post.ITEM", "post.one"))
        for name, text in files.items():
            self.write(f"{name}.py", text)
        return self

    def start(self, *arguments: str, **variables: str) -> Process:
        """Start pytest in a process group of its own, so that all of it can be ended."""
        self._clean_tree()
        return self._start([sys.executable, "-m", "pytest", *arguments], variables)

    def start_command(self, *arguments: str) -> Process:
        """Start ``metarelease`` as a shell does: neither it nor what it starts is a fork."""
        self._clean_tree()
        return self._start([*self.command, *arguments], {}, fork=False)

    def run_uncommitted(self, *arguments: str, **variables: str) -> int:
        """Run pytest on the tree as it is, and return its exit code."""
        return self._finished([sys.executable, "-m", "pytest", *arguments], variables)

    def checked(self, *arguments: str, **variables: str) -> int:
        """Run ``metarelease`` on the tree as it is, and return its exit code."""
        return self._finished([*self.command, *arguments], variables)

    def _finished(self, command: Sequence[str], variables: Mapping[str, str]) -> int:
        process = self._start(command, variables)
        try:
            return process.wait(timeout=DEADLINE)
        finally:
            end(process)

    @property
    def command(self) -> list[str]:
        """The ``metarelease`` command."""
        return [METARELEASE]

    def output(self) -> str:
        """Return what a started process printed."""
        return (self.path / ".git/output").read_text(encoding="utf-8", errors="replace")

    def _run(self, command: Sequence[str], variables: Mapping[str, str]) -> Ran:
        self._clean_tree()
        before = self.decision().get("run_id")
        code = self._finished(_with_junit(command), variables)
        ran = Ran(code, self.output(), self.decision())
        if ran.decision and ran.decision["run_id"] != before:
            copies_agree(ran, self)
        return ran

    def _start(
        self, command: Sequence[str], variables: Mapping[str, str], *, fork: bool = True
    ) -> Process:
        given = environment(variables)
        with (self.path / ".git/output").open("w") as output:
            if fork:
                server = serving(tuple(environment({}).items()))
                if server.can(command, self.path, given):
                    return server.start(command, self.path, given, output)
            return subprocess.Popen(
                command,
                cwd=self.path,
                env=given,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def _clean_tree(self) -> None:
        if self._git("status", "--porcelain"):
            self.commit()

    def finding_codes(self) -> list[str]:
        """Return the codes of the findings in the decision on disk."""
        return [one["code"] for one in self.decision().get("findings", [])]

    def allure(self, nodeid: str, folder: str = ALLURE) -> list[str]:
        """Return the statuses that Allure's files give to one check."""
        results = list(results_in(self.path / folder))
        ours = [one for one in results if one.document.get("fullName") == f"metarelease#{nodeid}"]
        return [one.status for one in (*by_check(results, {nodeid}).get(nodeid, []), *ours)]

    def allure_first(self, folder: str = ALLURE) -> tuple[str, str]:
        """Return status and name of what Allure lists first: the verdict."""
        found = [one for one in results_in(self.path / folder) if "start" in one.document]
        first = min(found, key=lambda one: int(one.document["start"]))
        return first.status, str(first.document["name"])

    def ledger(self) -> list[dict[str, object]]:
        """Return every whole line of every ledger."""
        lines: list[dict[str, object]] = []
        for path in sorted((self.path / "release-evidence/ledger").glob("*.jsonl")):
            lines += [json.loads(line) for line in path.read_text().splitlines()]
        return lines


def _with_junit(command: Sequence[str]) -> list[str]:
    """Let a run write JUnit, too; a row that names a file of its own does so later."""
    for number, word in enumerate(command):
        if word in ("pytest", "run") and number <= 2:
            return [*command[: number + 1], f"--junitxml={JUNIT}", *command[number + 1 :]]
    return list(command)


def copies_agree(ran: Ran, place: Place) -> None:
    """Hold against each other what every reader of one run sees, whatever its row is about.

    JUnit and Allure say GO where the packet does, and nowhere else. The exit code is each row's
    own: a process that is ended by somebody else has none of ours.
    """
    go = ran.verdict == "GO"
    for path in (*place.path.glob("*.xml"), place.path / JUNIT):
        if not path.exists():
            continue
        text = path.read_text(encoding="utf-8")
        if f'"release.run_id" value="{ran.decision["run_id"]}"' in text:
            assert ('"release.verdict" value="GO"' in text) == go, text[:3000]
            assert go or "<error" in text or "<failure" in text, text[:3000]
    if (place.path / ALLURE).is_dir():
        status, name = place.allure_first()
        assert (status == "passed") == go, (name, ran.text)


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return a clean environment with ``variables``."""
    kept = {name: value for name, value in os.environ.items() if name not in _INHERITED}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **_LEAN, **variables}


def wait_for(path: Path, process: Process) -> str:
    """Wait until ``path`` has content and return it; a deadline, or an early end, is an error."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if path.exists() and path.read_text():
            return path.read_text()
        code = process.poll()
        if code is not None:
            raise AssertionError(f"pytest ended with {code} before {path.name}")
        time.sleep(0.02)
    raise AssertionError(f"{path.name} did not appear")


def end(process: Process) -> None:
    """End a started process and everything in its group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=DEADLINE)
