"""The committed artifacts are what the committed sources compile to, byte for byte."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import pytest_metarelease.sandbox

FOLDER = Path(pytest_metarelease.sandbox.__file__).parent
CONTRACTS, ARTIFACTS = FOLDER / "contracts", FOLDER / "artifacts"
OF_THE_FLOWS = Path(pytest_metarelease.__file__).parent / "probes" / "chain" / "trial_token"
OF_THE_TESTS = Path(__file__).parents[1] / "contracts"


def compiled(folder: Path = CONTRACTS) -> dict[str, object]:
    assert shutil.which("node"), "node is needed to compile the contracts"
    assert (CONTRACTS / "node_modules" / "solc").is_dir(), (
        f"the compiler is not installed: run `npm ci` in {CONTRACTS} (scripts/test does)"
    )
    done = subprocess.run(
        ["node", CONTRACTS / "compile.js", folder], capture_output=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr.decode()
    artifacts: dict[str, object] = json.loads(done.stdout)
    return artifacts


def test_recompiling_gives_the_same_bytes() -> None:
    committed = {path.stem: json.loads(path.read_bytes()) for path in ARTIFACTS.glob("*.json")}
    assert compiled() == committed, "run scripts/compile-contracts and commit what it writes"


@pytest.mark.parametrize("folder", [OF_THE_FLOWS, OF_THE_TESTS], ids=lambda path: str(path.name))
def test_so_does_recompiling_other_contracts(folder: Path) -> None:
    committed = {path.stem: json.loads(path.read_bytes()) for path in folder.glob("*.json")}
    assert committed
    assert compiled(folder) == committed, "run scripts/compile-contracts"


def test_the_lock_names_no_registry() -> None:
    lock = (CONTRACTS / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
