"""What Allure's folder holds after real sessions: the verdict first, and nothing left out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.plugin.project import MEASURED, ONE, Project

if TYPE_CHECKING:
    from pathlib import Path

Workers = tuple[str, ...]


def results(folder: Path) -> list[dict[str, Any]]:
    """Every Allure result in a folder."""
    return [json.loads(path.read_bytes()) for path in sorted(folder.glob("*-result.json"))]


def steps(result: dict[str, Any]) -> list[str]:
    """The names of all steps of a result, nested ones too."""
    below = [name for step in result.get("steps", ()) for name in steps(step)]
    return [step["name"] for step in result.get("steps", ())] + below


def test_a_run_that_died_says_incomplete(project: Project) -> None:
    project.items("post.one P0").lock(ONE)
    project.write("test_one.py", MEASURED + "    import os\n    os._exit(0)\n")
    project.pytest("-m", "post_deploy")
    (only,) = results(project.path / "release-evidence/allure-results")
    assert "INCOMPLETE" in only["name"]
    assert only["status"] == "broken"


def test_verdict_and_checks_that_did_not_run_are_there(project: Project, workers: Workers) -> None:
    project.items("post.one P0", "post.two P1").lock(ONE, "post.two: test_two.py::test_gone")
    project.write("test_one.py", MEASURED)
    project.pytest("-m", "post_deploy", *workers)
    found = results(project.path / "release-evidence/allure-results")
    first = min(found, key=lambda one: one["start"])
    assert first["name"].startswith("HOLD")
    assert {"post.one", "post.two"} <= set(" ".join(steps(first)).split())
    assert any("test_gone" in one["name"] for one in found)
    passed = [one for one in found if one["status"] == "passed"]
    assert [one["name"] for one in passed] == ["test_one"]
    labels = {one["name"]: one["value"] for one in passed[0]["labels"]}
    assert labels["severity"] == "blocker"


def test_cleaning_does_not_lose_results_of_other_workers(project: Project) -> None:
    project.items("post.one P0", "post.two P0").lock(ONE, "post.two: test_two.py::test_two")
    project.write("test_one.py", MEASURED)
    project.write(
        "test_two.py", MEASURED.replace("one", "two") + "    import os\n    os._exit(1)\n"
    )
    ran = project.pytest("-m", "post_deploy", "-n", "2", "--alluredir=results", "--clean-alluredir")
    assert ran.verdict == "HOLD"
    names = [one["name"] for one in results(project.path / "results")]
    assert "test_one" in names
    assert any(name.startswith("HOLD") for name in names)
