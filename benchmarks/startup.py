"""What the plugin costs everybody else: line P3, ``pytest --collect-only`` with and without it.

    .venv/bin/python -m benchmarks.startup [--rounds 15]

allure-pytest and xdist are installed on both sides; once in a repository with a manifest (the
bundled one), once in one without.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.rounds import Command, compare

ROOT = Path(__file__).resolve().parent.parent
TEST = "def test_nothing():\n    assert True\n"


def main() -> int:
    """Print one line per repository; return 1 where the limit is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    held = []
    with tempfile.TemporaryDirectory(prefix="metarelease-bench-") as name:
        for label, manifest in (("without a manifest", False), ("with a manifest", True)):
            folder = Path(name) / label.replace(" ", "-")
            folder.mkdir()
            (folder / "pytest.ini").write_text("[pytest]\n")
            (folder / "test_nothing.py").write_text(TEST)
            if manifest:
                shutil.copy(ROOT / "verification" / "release.yaml", folder)
            held.append(
                compare(
                    Command(label, collect, folder),
                    Command(label, [*collect, "-p", "no:pytest_metarelease.plugin"], folder),
                    limit=1.15,
                    rounds=options.rounds,
                    label=f"P3 collect-only {label}",
                )
            )
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
