"""What the gate costs: lines P1 and P2 (pytest alone, with Allure, with two workers).

    .venv/bin/python -m benchmarks.gate_overhead [--tests 10000] [--rounds 3]

Asserts its own correctness: the decision must hold every check, and HOLD, since trivial tests
measure nothing.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.rounds import Command, compare

if TYPE_CHECKING:
    from collections.abc import Callable

MANIFEST = """\
release: {name: Benchmark, version: "1", commit: "0000000"}
default_environment: here
environments:
  here: {access: read-only}
checklist:
  - {id: bench.item, title: Trivial checks, stage: post_deploy, severity: P1}
"""
PER_FILE = 100
OURS = "pytest_metarelease.plugin"


def make_project(folder: Path, tests: int) -> None:
    """Write a manifest and ``tests`` trivial checks, and lock them."""
    (folder / "release.yaml").write_text(MANIFEST)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -q -p no:cacheprovider\n")
    for number in range(tests // PER_FILE):
        lines = ["import pytest", "pytestmark = pytest.mark.verifies('bench.item')"]
        lines += [f"def test_{one}():\n    assert True" for one in range(PER_FILE)]
        (folder / f"test_{number:04}.py").write_text("\n".join(lines) + "\n")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    subprocess.run(
        [str(Path(sys.executable).with_name("metarelease")), "lock"],
        cwd=folder,
        check=True,
        capture_output=True,
    )


def check_decision(tests: int) -> Callable[[Path], None]:
    """Return a check that the last packet holds every test, and that none of them verified."""

    def check(folder: Path) -> None:
        decision = json.loads((folder / "release-evidence/decision.json").read_bytes())
        (item,) = decision["items"]
        assert decision["verdict"] == "HOLD", decision["verdict"]
        assert len(item["checks"]) == tests, len(item["checks"])
        assert all(one["outcome"] == "passed" for one in item["checks"])
        shutil.rmtree(folder / "release-evidence")

    return check


def main() -> int:
    """Print one line per comparison; return 1 where a limit is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tests", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    python = [sys.executable, "-m", "pytest"]
    # Both sides select by a mark, so that what is compared is the gate and not pytest's own `-m`.
    quiet = ["-W", "ignore::pytest.PytestUnknownMarkWarning"]
    bare = [*python, "-p", f"no:{OURS}", *quiet, "-m", "verifies"]
    gated = [*python, "-m", "post_deploy"]
    no_allure = ["-p", "no:allure_pytest"]
    allure = ["--alluredir", "allure", "--clean-alluredir"]
    workers = ["-n", "2", *no_allure]
    with tempfile.TemporaryDirectory(prefix="metarelease-bench-") as name:
        folder = Path(name)
        make_project(folder, options.tests)
        lines = [
            ("P1 gate with journal / bare pytest", no_allure, 1.10),
            ("P2 gate and Allure / Allure alone", allure, 1.08),
            ("P2 gate and -n 2 / -n 2 alone", workers, 1.08),
        ]
        held = [
            compare(
                Command(label, [*gated, *more], folder, (21,), check_decision(options.tests)),
                Command(label, [*bare, *more], folder),
                limit=limit,
                rounds=options.rounds,
                label=label,
            )
            for label, more, limit in lines
        ]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
