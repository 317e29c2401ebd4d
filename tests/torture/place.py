"""A throw-away project that can be killed: a folder of its own, real processes, real signals."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_metarelease.reports.allure_found import by_check, results_in
from tests.forks.process import METARELEASE, Process
from tests.forks.running import DEADLINE
from tests.plugin.copies import ALLURE, allure_first
from tests.plugin.project import Project

if TYPE_CHECKING:
    from pathlib import Path

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
    """A project with rows, runs that can be killed, and looks into what they left."""

    def copy_to(self, path: Path) -> Place:
        """Copy the whole project, with its repository and its packet, and return the copy."""
        shutil.copytree(self.path, path, symlinks=True)
        copy = Place.__new__(Place)
        copy.path, copy.wired = path, self.wired
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

    def checked(self, *arguments: str, **variables: str) -> int:
        """Run ``metarelease`` on the tree as it is, and return its exit code."""
        return self._finished([*self.command, *arguments], variables)

    @property
    def command(self) -> list[str]:
        """The ``metarelease`` command."""
        return [METARELEASE]

    def untold(self, *arguments: str) -> None:
        """Let git do something that its status says nothing of."""
        self._git(*arguments)

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
        return allure_first(self.path / folder)

    def ledger(self) -> list[dict[str, object]]:
        """Return every whole line of every ledger."""
        lines: list[dict[str, object]] = []
        for path in sorted((self.path / "release-evidence/ledger").glob("*.jsonl")):
            lines += [json.loads(line) for line in path.read_text().splitlines()]
        return lines


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
