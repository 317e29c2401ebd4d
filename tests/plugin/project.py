"""A throw-away project for tests of the plugin: manifest, lock, checks, git, and runs of it."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_metarelease.checklist import LockedItem, item_digest
from pytest_metarelease.lockfile import write_lock
from pytest_metarelease.manifest import load
from tests.forks.process import METARELEASE
from tests.forks.running import finish, start
from tests.plugin.copies import agree, with_junit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.forks.process import Process

_HEAD = """\
release: {name: Sample, version: 1.0.0, commit: "${GIT_COMMIT}"}
default_environment: here
environments:
  here: {access: read-only}
checklist:
"""

MEASURED = """\
import pytest

@pytest.mark.verifies("post.one")
def test_one(evidence):
    evidence.measured(subject="own:thing", asked="is it there", value=1).expect(1)
"""
ONE = "post.one: test_one.py::test_one"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run left behind."""

    exit_code: int
    text: str
    decision: dict[str, Any]

    @property
    def verdict(self) -> str:
        """The verdict on disk."""
        return str(self.decision.get("verdict", "none"))

    def item(self, name: str) -> dict[str, Any]:
        """One item of the decision."""
        (found,) = [one for one in self.decision["items"] if one["id"] == name]
        return dict(found)

    def codes(self, name: str) -> list[str]:
        """The reason codes of one item."""
        return [one["code"] for one in self.item(name)["reasons"]]


class Project:
    """A folder with a manifest and checks. Everything in it is committed before each run.

    The runs of a ``wired`` one have wire libraries from their start, which else take a second each.
    """

    def __init__(self, path: Path, *, wired: bool = False) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.wired = wired
        self._git("init", "-q", "--template=")  # no hooks to copy
        (path / ".git/info").mkdir()
        self.write(".gitignore", "release-evidence/\n__pycache__/\n.pytest_cache/\n*.xml\n*.flag\n")

    def items(self, *lines: str, more: str = "", head: str = _HEAD) -> Project:
        """Write the manifest: ``"post.one P0 smoke"`` is an item of stage ``post_deploy``."""
        text = head
        for line in lines:
            name, severity, *facets = line.split()
            stage = {"post": "post_deploy", "pre": "pre_deploy"}.get(name.split(".")[0])
            stage = stage or name.split(".")[0]
            text += (
                f"  - {{id: {name}, title: About {name}, stage: {stage}, severity: {severity}, "
                f"facets: [{', '.join(facets)}]}}\n"
            )
        self.write("release.yaml", text + textwrap.dedent(more))
        return self

    def write(self, name: str, text: str) -> Project:
        """Write one file."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text), encoding="utf-8")
        return self

    def lock(self, *lines: str, environment: str = "here") -> Project:
        """Write the lock: ``"post.one: test_a.py::test_x test_a.py::test_y"`` per item."""
        checks: dict[str, Sequence[str]] = {}
        for line in lines:
            name, _, nodeids = line.partition(":")
            checks[name] = nodeids.split()
        manifest = load(self.path / "release.yaml").manifest
        write_lock(
            self.path / "checks.lock",
            {
                item.id: LockedItem(
                    item_digest(item),
                    {environment: tuple(checks[item.id])} if item.id in checks else {},
                )
                for item in manifest.checklist
            },
        )
        return self

    def commit(self) -> Project:
        """Commit everything, so that the tree can vouch for the release."""
        self._git("add", "-A")
        person = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        self._git(*person, "-c", "gc.auto=0", "-c", "maintenance.auto=false", "commit", "-qm", "x")
        return self

    def pytest(self, *arguments: str, **variables: str) -> Ran:
        """Commit, run pytest in a process of its own, and return what it left."""
        return self._run([sys.executable, "-m", "pytest", *arguments], variables)

    def pytest_afresh(self, *arguments: str) -> Ran:
        """Run pytest in a fresh interpreter: where what it imports is what is tried."""
        self._clean_tree()
        command = [sys.executable, "-m", "pytest", *arguments]
        code = finish(self._start(command, {}, fork=False))
        return Ran(code, self.output(), self.decision())

    def metarelease(self, *arguments: str, **variables: str) -> Ran:
        """Commit and run the ``metarelease`` command."""
        return self._run([METARELEASE, *arguments], variables)

    def run_uncommitted(self, *arguments: str, **variables: str) -> int:
        """Run pytest on the tree as it is, and return its exit code."""
        return self._finished([sys.executable, "-m", "pytest", *arguments], variables)

    def output(self) -> str:
        """Return what a started process printed."""
        return self._said.read_text(encoding="utf-8", errors="replace")

    @property
    def _said(self) -> Path:
        return self.path / ".git/output"

    def _run(self, command: Sequence[str], variables: Mapping[str, str]) -> Ran:
        self._clean_tree()
        before = self.decision().get("run_id")
        code = self._finished(with_junit(command), variables)
        ran = Ran(code, self.output(), self.decision())
        if ran.decision and ran.decision["run_id"] != before:
            agree(ran.decision, self.path, ran.text)
        return ran

    def _finished(self, command: Sequence[str], variables: Mapping[str, str]) -> int:
        return finish(self._start(command, variables))

    def _start(
        self, command: Sequence[str], variables: Mapping[str, str], *, fork: bool = True
    ) -> Process:
        return start(command, self.path, variables, self._said, fork=fork, wired=self.wired)

    def _clean_tree(self) -> None:
        if self._git("status", "--porcelain"):
            self.commit()

    def decision(self, folder: str = "release-evidence") -> dict[str, Any]:
        """Return the decision on disk, empty where there is none."""
        path = self.path / folder / "decision.json"
        if not path.exists():
            return {}
        found: dict[str, Any] = json.loads(path.read_bytes())
        return found

    def head(self) -> str:
        """Return the commit."""
        return self._git("rev-parse", "HEAD").strip()

    def _git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(self.path), *arguments],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
