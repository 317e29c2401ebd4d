"""What every reader of one run sees: packet, JUnit and Allure say GO together or not at all.

Held against each other after every run of a throw-away project, whatever its test is about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.reports.allure_found import results_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

JUNIT = ".git/junit.xml"
ALLURE = "release-evidence/allure-results"


def with_junit(command: Sequence[str]) -> list[str]:
    """Let a run write JUnit, too; a row that names a file of its own does so later."""
    for number, word in enumerate(command):
        if word in ("pytest", "run") and number <= 2:
            return [*command[: number + 1], f"--junitxml={JUNIT}", *command[number + 1 :]]
    return list(command)


def agree(decision: dict[str, Any], folder: Path, text: str) -> None:
    """Hold the copies of a decision against each other; ``text`` is what the run printed.

    JUnit and Allure say GO where the packet does, and nowhere else. The exit code is each test's
    own: a process that is ended by somebody else has none of ours.
    """
    go = decision["verdict"] == "GO"
    for path in (*folder.glob("*.xml"), folder / JUNIT):
        if not path.exists():
            continue
        junit = path.read_text(encoding="utf-8")
        if f'"release.run_id" value="{decision["run_id"]}"' in junit:
            assert ('"release.verdict" value="GO"' in junit) == go, junit[:3000]
            assert go or "<error" in junit or "<failure" in junit, junit[:3000]
    if (folder / ALLURE).is_dir():
        status, name = allure_first(folder / ALLURE)
        assert (status == "passed") == go, (name, text)


def allure_first(folder: Path) -> tuple[str, str]:
    """Return status and name of what Allure lists first: the verdict."""
    found = [one for one in results_in(folder) if "start" in one.document]
    first = min(found, key=lambda one: int(one.document["start"]))
    return first.status, str(first.document["name"])
