"""Starts pytest and our command in a throw-away folder, forked where that comes to the same.

Nothing of the session that runs these tests is handed on but what ``environment`` lets through.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from typing import TYPE_CHECKING

from tests.forks.process import Process, serving

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
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
_UNUSED = "-p no:hypothesispytest -p no:anyio"
_REPORTERS = ("html", "html_fixtures", "metadata", "pytest_jsonreport", "pytest_reportlog")
_LEAN = {"PYTEST_ADDOPTS": " ".join([_UNUSED, *(f"-p no:{one}" for one in _REPORTERS)])}
# For rows that are about reports of others.
WITH_REPORTERS = {"PYTEST_ADDOPTS": _UNUSED}


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return a clean environment with ``variables``."""
    kept = {name: value for name, value in os.environ.items() if name not in _INHERITED}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **_LEAN, **variables}


def start(
    command: Sequence[str],
    folder: Path,
    variables: Mapping[str, str],
    said: Path,
    *,
    fork: bool = True,
    wired: bool = False,
) -> Process:
    """Start a command in a process group of its own, with an empty input.

    What it prints goes to the file ``said``; ``fork=False`` starts it as a shell does. ``wired``
    forks from a server that has imported the wire libraries: not where their import is tried.
    """
    given = environment(variables)
    with said.open("w") as output:
        if fork:
            server = serving(tuple(environment({}).items()), wired)
            if server.can(command, folder, given):
                return server.start(command, folder, given, output)
        return subprocess.Popen(
            command,
            cwd=folder,
            env=given,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def completed(
    command: Sequence[str], folder: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, forked, and return what it printed."""
    given = environment(variables)
    server = serving(tuple(environment({}).items()))
    assert server.can(command, folder, given), command
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        code = finish(server.start(command, folder, given, output, errors))
        output.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(command, code, output.read(), errors.read())


def finish(process: Process) -> int:
    """Wait for the end of a process, end what it left behind, and return its exit code."""
    try:
        return process.wait(timeout=DEADLINE)
    finally:
        end(process)


def end(process: Process) -> None:
    """End a started process and everything in its group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=DEADLINE)
