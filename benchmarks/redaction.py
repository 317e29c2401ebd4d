"""What redaction costs: line P11, on failing tests and on passing ones.

    .venv/bin/python -m benchmarks.redaction [--tests 1000] [--rounds 3]

One side has the plugin, without a verdict; the other one has not. Asserts its own
correctness: the masked side shows no secret, the other one does.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.rounds import Command, compare

SECRET = "benchmark-s3cret/value+of=some&length"  # noqa: S105 - planted, to be found or not
_PER_FILE = 20
MANIFEST = """\
release: {name: Benchmark, version: "1", commit: "0000000"}
default_environment: here
environments:
  here: {access: read-only}
checklist:
  - {id: bench.item, title: Trivial checks, stage: post_deploy, severity: P1}
"""
FAILING = """
def test_{0}():
    told = dict.fromkeys(range(20), SECRET)
    print(told)
    assert told == {{}}
"""


def make_project(folder: Path, tests: int, *, failing: bool) -> None:
    """Write a manifest and tests that fail with a secret in their reports, or pass in silence."""
    (folder / "release.yaml").write_text(MANIFEST)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -q -p no:cacheprovider\n")
    one = FAILING if failing else "def test_{0}():\n    assert True\n"
    # In files of a usual size: pytest reads the whole file again for the report of each failure.
    for start in range(0, tests, _PER_FILE):
        numbers = range(start, min(start + _PER_FILE, tests))
        body = "\n".join(one.format(number) for number in numbers)
        (folder / f"test_{start}.py").write_text(f"SECRET = {SECRET!r}\n{body}\n")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)


def shows_secret(folder: Path, *arguments: str, variables: dict[str, str]) -> bool:
    """Run one session and return whether its output shows the secret."""
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    return SECRET in ran.stdout


def main() -> int:
    """Print one line per comparison; return 1 where a limit is missed."""
    import os

    parser = argparse.ArgumentParser()
    parser.add_argument("--tests", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    secret = {"BENCHMARK_TOKEN": SECRET}
    off = ["-p", "no:pytest_metarelease.plugin"]
    held = []
    for failing, limit in ((True, 1.15), (False, 1.05)):
        with tempfile.TemporaryDirectory(prefix="metarelease-bench-") as name:
            folder = Path(name)
            make_project(folder, options.tests, failing=failing)
            if failing:
                assert shows_secret(folder, *off, variables={**os.environ, **secret})
                assert not shows_secret(folder, variables={**os.environ, **secret})
            python = [sys.executable, "-m", "pytest"]
            codes = (1,) if failing else (0,)
            label = f"P11 redaction, {'failing' if failing else 'passing'} tests"
            held.append(
                compare(
                    Command(label, python, folder, codes, variables=secret),
                    Command(label, [*python, *off], folder, codes, variables=secret),
                    limit=limit,
                    rounds=options.rounds,
                    label=label,
                )
            )
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
