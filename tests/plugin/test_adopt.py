"""``metarelease adopt``, as people call it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def adopt(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("metarelease")), "adopt", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_contract_that_nobody_declared_is_a_usage_error() -> None:
    done = adopt("chain", "--contract", "escro")
    assert done.returncode == 4
    assert "no contract escro is declared; declared: escrow" in done.stderr


def test_the_bundled_manifest_has_nothing_left_to_adopt() -> None:
    done = adopt("chain")
    assert (done.returncode, done.stdout) == (0, "contracts:\n"), done.stderr
    assert "escrow: every function is declared already" in done.stderr
